# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ServiceAccount may do in the sandbox what Roles grant it, by the rules of a real API server's RBAC."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest

from sandbox.cluster import protobuf
from sandbox.cluster.access import Access
from sandbox.cluster.apply import apply_patch
from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import BY_NAME, NAMESPACE, ROLE, ROLE_BINDING, SERVICE_ACCOUNT
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.store import Store
from sandbox.cluster.targets import Target, parse

Object = dict[str, Any]

_USER = "system:serviceaccount:web:shop"
_PODS, _APPS = "/api/v1/namespaces/web/pods", "/apis/apps/v1/namespaces/web/deployments"
_ACCOUNT = {"kind": "ServiceAccount", "name": "shop"}


def _rule(resources: str, verbs: str, group: str = "", names: Iterable[str] = ()) -> Object:
    rule = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**rule, "resourceNames": list(names)} if names else rule


def _resources(*rules: Object, subject: Object | None = None, role: str = "shop") -> Resources:
    """Two namespaces, each with an account; what a Role of `web` grants its subject."""
    resources, by = Resources(Store()), Options(Writer("test"))
    for namespace in ("web", "other"):
        resources.create(NAMESPACE, "", {"metadata": {"name": namespace}}, by)
        resources.create(SERVICE_ACCOUNT, namespace, {"metadata": {"name": "shop"}}, by)
    if rules:
        resources.create(ROLE, "web", {"metadata": {"name": "shop"}, "rules": list(rules)}, by)
    binding = {
        "metadata": {"name": "shop"},
        "roleRef": {"kind": "Role", "name": role},
        "subjects": [dict(subject or _ACCOUNT)],
    }
    resources.create(ROLE_BINDING, "web", binding, by)
    return resources


def _refusal(resources: Resources, target: Target, user: str = _USER) -> str:
    """Why a user may not do that; empty where it may."""
    try:
        Access({}, resources.store).check(user, target)
    except ApiError as error:
        return f"{error.code} {error}"
    return ""


def _asked(request: str) -> Target:
    """Of `GET /path?query`."""
    method, _space, url = request.partition(" ")
    path, _mark, query = url.partition("?")
    selector = query.partition("fieldSelector=")[2]
    return parse(method, path, "watch=true" in query, selector)


@pytest.mark.parametrize(
    ("rule", "granted", "refused"),
    [
        (_rule("pods", "get"), f"GET {_PODS}/a", f"GET {_PODS}"),
        (_rule("pods", "list"), f"GET {_PODS}", f"GET {_PODS}?watch=true"),
        (_rule("pods", "watch"), f"GET {_PODS}?watch=true", f"GET {_PODS}"),
        (_rule("pods", "delete"), f"DELETE {_PODS}/a", f"DELETE {_PODS}"),
        (_rule("pods", "create"), f"POST {_PODS}", f"PUT {_PODS}/a"),
        (_rule("pods", "update"), f"PUT {_PODS}/a", f"PATCH {_PODS}/a"),
        (_rule("pods", "*"), f"DELETE {_PODS}", f"GET {_PODS}/a/log"),
        (_rule("pods/log", "get"), f"GET {_PODS}/a/log", f"GET {_PODS}/a"),
        (_rule("*/log", "get"), f"GET {_PODS}/a/log", f"GET {_PODS}/a/proxy/x"),
        (_rule("*", "get"), f"GET {_PODS}/a/proxy/x", f"GET {_APPS}/a"),
        (_rule("pods/proxy", "get"), f"GET {_PODS}/http:a:80/proxy/x", f"POST {_PODS}/http:a:80/proxy/x"),
        (_rule("deployments", "get", "apps"), f"GET {_APPS}/a", f"GET {_APPS}/a/scale"),
        (_rule("deployments/scale", "patch", "*"), f"PATCH {_APPS}/a/scale", f"PATCH {_APPS}/a"),
        (_rule("deployments", "get"), f"GET {_PODS}/a".replace("pods", "services"), f"GET {_APPS}/a"),
        (_rule("pods", "get list", names=["a"]), f"GET {_PODS}/a", f"GET {_PODS}/b"),
        (_rule("pods", "list", names=["a"]), f"GET {_PODS}?fieldSelector=metadata.name=a", f"GET {_PODS}"),
        (_rule("pods", "create", names=["a"]), "", f"POST {_PODS}"),
        (_rule("namespaces", "get"), "GET /api/v1/namespaces/web", "GET /api/v1/namespaces/other"),
        (_rule("namespaces", "list"), "", "GET /api/v1/namespaces"),
        (_rule("pods", "get list"), f"GET {_PODS}", "GET /api/v1/pods"),
        (_rule("pods", "get list"), f"GET {_PODS}", "GET /api/v1/namespaces/other/pods"),
        (_rule("nodes", "get"), "", "GET /api/v1/nodes/a"),
        (_rule("serviceaccounts/token", "create"), "POST /api/v1/namespaces/web/serviceaccounts/a/token", ""),
    ],
)  # fmt: skip
def test_a_rule_grants_this_and_not_that(rule: Object, granted: str, refused: str) -> None:
    resources = _resources(rule, _rule("services", "get"))
    if granted:
        assert _refusal(resources, _asked(granted)) == ""
    if refused:
        assert _refusal(resources, _asked(refused)).startswith("403 ")


@pytest.mark.parametrize(
    ("subject", "user", "granted"),
    [
        (_ACCOUNT, _USER, True),
        (_ACCOUNT, "system:serviceaccount:other:shop", False),
        ({**_ACCOUNT, "namespace": "other"}, "system:serviceaccount:other:shop", True),
        ({**_ACCOUNT, "namespace": "other"}, _USER, False),
        ({"kind": "User", "name": _USER}, _USER, True),
        ({"kind": "Group", "name": "system:serviceaccounts"}, _USER, True),
        ({"kind": "Group", "name": "system:serviceaccounts:other"}, _USER, False),
        ({"kind": "Group", "name": "system:masters"}, _USER, False),
    ],
)
def test_a_binding_is_for_its_subjects(subject: Object, user: str, granted: bool) -> None:
    resources = _resources(_rule("pods", "get"), subject=subject)
    assert (_refusal(resources, _asked(f"GET {_PODS}/a"), user) == "") == granted


def test_a_binding_to_a_role_that_is_not_there_says_so() -> None:
    refusal = _refusal(_resources(role="lost"), _asked(f"GET {_PODS}/a"))
    assert refusal == (
        f'403 pods "a" is forbidden: User "{_USER}" cannot get resource "pods" in API group "" in the namespace "web": '
        'RBAC: role.rbac.authorization.k8s.io "lost" not found'
    )


def test_who_is_no_account_may_do_everything() -> None:
    assert _refusal(_resources(), _asked("GET /api/v1/nodes/a"), "sandbox-admin") == ""


@pytest.mark.parametrize(
    ("verbs", "there", "refused"),
    [
        ("patch", True, False),
        ("patch", False, True),
        ("patch create", False, False),
    ],
)
def test_an_apply_that_makes_an_object_needs_create_as_well(verbs: str, there: bool, refused: bool) -> None:
    resources = _resources(_rule("configmaps", verbs))
    access, target = Access({}, resources.store), _asked("PATCH /api/v1/namespaces/web/configmaps/a")
    kind, body = BY_NAME["ConfigMap"], {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    if there:
        resources.create(kind, "web", {"metadata": {"name": "a"}}, Options(Writer("test")))

    def check() -> None:
        access.check_create(_USER, target)

    access.check(_USER, target)
    options = Options(Writer("test", "Apply"), check_create=check)
    if not refused:
        assert apply_patch(resources, target, body, options, False)[1] is not there
        return
    with pytest.raises(ApiError, match='configmaps "a" is forbidden') as failed:
        apply_patch(resources, target, body, options, False)
    assert failed.value.code == 403
    assert resources.store.get(kind, "web", "a") is None


def test_a_token_is_good_for_its_account_as_long_as_both_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = _resources()
    access, account = Access({}, resources.store), resources.get(SERVICE_ACCOUNT, "web", "shop")
    short, long = access.issue(account, 600), access.issue(account, 7200)
    assert access.user(f"Bearer {short}") == _USER

    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert access.user(f"Bearer {long}") == _USER
    with pytest.raises(ApiError, match="Unauthorized"):
        access.user(f"Bearer {short}")

    resources.delete(SERVICE_ACCOUNT, account, {})
    resources.create(SERVICE_ACCOUNT, "web", {"metadata": {"name": "shop"}}, Options(Writer("test")))
    with pytest.raises(ApiError, match="Unauthorized"):
        access.user(f"Bearer {long}")


@pytest.mark.parametrize(
    ("method", "path", "granted"),
    [
        ("GET", "/version", True),
        ("GET", "/openapi/v3", True),
        ("GET", "/metrics", False),
        ("GET", "/versions", False),
        ("POST", "/version", False),
    ],
)
def test_discovery_is_open_and_other_paths_are_not(method: str, path: str, granted: bool) -> None:
    access = Access({}, Store())
    access.check_path("sandbox-admin", method, path)
    if granted:
        access.check_path(_USER, method, path)
        return
    with pytest.raises(ApiError, match=f'User "{_USER}" cannot {method.lower()} path "{path}"'):
        access.check_path(_USER, method, path)


@pytest.mark.parametrize(
    ("kind", "changes", "wrong"),
    [
        ("Role", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]}, "rules[0].verbs: Required"),
        ("Role", {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}, "rules[0].apiGroups: Required"),
        ("Role", {"rules": [{"apiGroups": [""], "verbs": ["get"]}]}, "rules[0].resources: Required"),
        ("Role", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}, "cannot apply to non-resource URLs"),
        ("Role", {"metadata": {"name": "a/b"}}, "may not contain '/'"),
        ("RoleBinding", {"roleRef": {"kind": "Rolle", "name": "a"}}, 'roleRef.kind: Unsupported value: "Rolle"'),
        ("RoleBinding", {"roleRef": {"kind": "Role"}}, "roleRef.name: Required value"),
        ("RoleBinding", {"subjects": [{"kind": "User"}]}, "subjects[0].name: Required value"),
        (
            "RoleBinding", {"subjects": [{**_ACCOUNT, "apiGroup": "rbac.authorization.k8s.io"}]},
            "subjects[0].apiGroup: Unsupported value",
        ),
    ],
)  # fmt: skip
def test_what_a_real_server_would_not_take(kind: str, changes: Object, wrong: str) -> None:
    body = {"metadata": {"name": "a"}, "roleRef": {"kind": "Role", "name": "a"}} | changes
    if kind == "Role":
        body.pop("roleRef")
    with pytest.raises(ApiError) as failed:
        _resources().create(BY_NAME[kind], "web", body, Options(Writer("test")))
    assert failed.value.code == 422
    assert wrong in str(failed.value)


def test_a_binding_keeps_its_role() -> None:
    resources = _resources(_rule("pods", "get"))
    with pytest.raises(ApiError, match="cannot change roleRef"):
        resources.change(
            ROLE_BINDING, "web", "shop",
            lambda old: {**old, "roleRef": {**old["roleRef"], "name": "more"}}, Options(Writer("test")),
        )  # fmt: skip


def _message(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def test_kubectls_token_request_is_read() -> None:
    # 7200 seconds are the varint a0 38; an audience stands before them.
    spec = _message(1, b"api") + bytes([4 << 3]) + b"\xa0\x38"
    request = _message(1, b"\x0a\x00") + _message(2, spec) + _message(3, b"")
    raw = b"k8s\0" + _message(1, b"\x0a\x02v1") + _message(2, request)
    assert protobuf.token_request(raw) == {"spec": {"expirationSeconds": 7200}}


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"k8s\0", b"k8s\0\x12\xff", b"k8s\0\x12\x05ab", b"k8s\0\x10\x01"]
)
def test_what_is_no_token_request_is_refused(raw: bytes) -> None:
    with pytest.raises(ApiError, match="cannot be decoded") as failed:
        protobuf.token_request(raw)
    assert failed.value.code == 400
