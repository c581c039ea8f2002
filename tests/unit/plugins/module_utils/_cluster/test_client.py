from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster import client as _k8s
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster import wire as _k8s_wire
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster, auth_options
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError

from ..api import DEPLOYMENTS, Api, cut, deployment, gone, hang, listing, names, refuse, reply, stream

SHOP = f"{DEPLOYMENTS}/shop"


@pytest.mark.parametrize(
    ("params", "environ", "expected"),
    [
        ({}, {}, {"kubeconfig": "~/.kube/config"}),
        ({}, {"KUBECONFIG": "/a:/b"}, {"kubeconfig": "/a:/b"}),
        ({"kubeconfig": "/c"}, {"KUBECONFIG": "/a"}, {"kubeconfig": "/c"}),
        ({}, {"KUBECONFIG": "/a", "K8S_AUTH_KUBECONFIG": "/k"}, {}),
        ({"context": "x"}, {"KUBECONFIG": "/a"}, {"context": "x", "kubeconfig": "/a"}),
        ({"context": "x"}, {}, {"context": "x", "kubeconfig": "~/.kube/config"}),
        ({"host": "h", "api_key": "k"}, {"KUBECONFIG": "/a"}, {"host": "h", "api_key": "k"}),
        ({"host": "h"}, {"K8S_AUTH_API_KEY": "k", "KUBECONFIG": "/a"}, {"host": "h"}),
        ({}, {"K8S_AUTH_HOST": "h", "K8S_AUTH_API_KEY": "k", "KUBECONFIG": "/a"}, {}),
        ({}, {"K8S_AUTH_HOST": "h", "K8S_AUTH_CERT_FILE": "c", "K8S_AUTH_KEY_FILE": "k"}, {}),
        ({"host": "h"}, {"KUBECONFIG": "/a"}, {"host": "h", "kubeconfig": "/a"}),
        ({"host": "h", "username": "u"}, {}, {"host": "h", "username": "u", "kubeconfig": "~/.kube/config"}),
        ({"allow_in_cluster": True}, {}, {}),
        ({"allow_in_cluster": True}, {"KUBECONFIG": "/a"}, {"kubeconfig": "/a"}),
        ({"allow_in_cluster": True, "context": "x"}, {}, {"context": "x", "kubeconfig": "~/.kube/config"}),
        ({"validate_certs": False}, {}, {"validate_certs": False, "kubeconfig": "~/.kube/config"}),
        ({"name": "shop", "timeout": 5}, {}, {"kubeconfig": "~/.kube/config"}),
    ],
)
def test_a_kubeconfig_is_named_wherever_the_client_would_guess(
    params: dict[str, Any], environ: dict[str, str], expected: dict[str, Any]
) -> None:
    assert auth_options(params, environ) == expected


def test_the_account_of_the_pod_is_never_tried_unasked(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As inside a pod: the variables that the client looks for are there, and no kubeconfig is."""
    host, _separator, port = api.url.removeprefix("http://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        InputError,
        match=r"in ~/.kube/config: .*the account of the pod .*bluegreen_allow_in_cluster.*AWX job template, or set",
    ):
        _k8s.connect({})
    assert api.requests == []


def test_a_kubeconfig_that_is_not_there_is_named(api: Api, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=rf"No usable Kubernetes configuration in {tmp_path}/none: .*; set kubeconfig"
    ):
        _k8s.connect({"kubeconfig": f"{tmp_path}/none"})


def test_a_kubeconfig_that_is_no_yaml_is_named(api: Api, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("{")
    with pytest.raises(InputError, match=rf"No usable Kubernetes configuration in {tmp_path}/bad"):
        _k8s.connect({"kubeconfig": f"{tmp_path}/bad"})


def _kubeconfig(api: Api, folder: Path, plugin: dict[str, Any]) -> str:
    """A file whose user has a credential plugin."""
    path = folder / "config"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "shop",
        "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "ada"}}],
        "clusters": [{"name": "shop", "cluster": {"server": api.url}}],
        "users": [{"name": "ada", "user": {"exec": plugin}}],
    }
    path.write_text(json.dumps(kubeconfig))
    return str(path)


@pytest.mark.parametrize("answers", [False, True])
def test_a_credential_plugin_that_fails_is_named_instead_of_what_nobody_may(
    api: Api, tmp_path: Path, answers: bool
) -> None:
    if not answers:
        api.answers("/version", refuse(401, "Unauthorized"))
        api.answers("/apis", refuse(401, "Unauthorized"))
    script = "echo 'the SSO session has expired' >&2; exit 255"
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", script],
        "interactiveMode": "Never",
    }
    kubeconfig = _kubeconfig(api, tmp_path, plugin)
    with pytest.raises(
        InputError,
        match=rf"plugin \(exec\) of {tmp_path}/config gives no credentials: .*255.* the SSO session has expired; run",
    ):
        _k8s.connect({"kubeconfig": kubeconfig})


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_credential_plugin_that_is_not_needed_may_fail(
    api: Api, tmp_path: Path, by_environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "nowhere")}
    kubeconfig = _kubeconfig(api, tmp_path, {**plugin, "interactiveMode": "Never"})
    api.answers(SHOP, reply(deployment()))
    if by_environment:
        monkeypatch.setenv("K8S_AUTH_API_KEY", "a-token")
    given = {} if by_environment else {"api_key": "a-token"}
    assert _k8s.connect({"kubeconfig": kubeconfig, **given}).get("apps/v1", "Deployment", "shop", "demo")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else is given meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_no_route_to_the_cluster_is_one_sentence(api: Api, closed_port: int) -> None:
    with pytest.raises(ClusterError) as caught:
        _k8s.connect({"host": f"http://127.0.0.1:{closed_port}", "api_key": "x"})
    assert caught.value.message == (
        f"Could not find out what the API offers at http://127.0.0.1:{closed_port}: "
        "no connection ([Errno 111] Connection refused); check the address, the VPN and the firewall."
    )


def test_plain_http_behind_an_https_address_is_told(api: Api) -> None:
    with pytest.raises(ClusterError, match=r"TLS failed: .*; check ca_cert"):
        _k8s.connect({"host": api.url.replace("http:", "https:"), "api_key": "x", "validate_certs": False})


def test_an_api_that_never_answers_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_k8s, "_DISCOVERY_SECONDS", 0.2)
    api.answers("/version", hang)
    with pytest.raises(ClusterError, match=r"no answer within 0 s; check the address"):
        _k8s.connect({"host": api.url, "api_key": "x"})


@pytest.mark.parametrize("trouble", [refuse(503), refuse(429), refuse(500), cut])
def test_discovery_survives_a_server_that_is_just_starting(api: Api, connected: Any, trouble: Any) -> None:
    api.answers("/version", trouble, reply({"gitVersion": "v1.32.0"}))
    assert connected().host == api.url


def test_credentials_that_are_not_accepted_are_told_without_showing_them(api: Api, connected: Any) -> None:
    api.answers("/version", refuse(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(ClusterError, match=r"401 Unauthorized: .*renew the token, or log in again") as caught:
        connected(api_key="secret-token")
    assert "secret-token" not in caught.value.message
    assert caught.value.details == {"status": 401, "reason": "Unauthorized"}


def test_the_token_is_sent(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, listing())
    cluster.list("apps/v1", "Deployment", "demo")
    headers = {name.lower(): value for name, value in api.requests[-1][3].items()}
    assert headers["authorization"] == "Bearer a-token"


def test_an_object_is_read_or_absent(api: Api, cluster: Cluster) -> None:
    api.answers(
        SHOP, reply(deployment()), refuse(404, "NotFound", 'deployments.apps "shop" not found', "shop")
    )
    assert cluster.get("apps/v1", "Deployment", "shop", "demo") == deployment()
    assert cluster.get("apps/v1", "Deployment", "shop", "demo") is None


def test_a_path_that_the_server_does_not_know_is_no_absent_object(api: Api, cluster: Cluster) -> None:
    api.answers(SHOP, reply("404 page not found", 404))
    with pytest.raises(ClusterError, match="404 with '404 page not found' instead of JSON"):
        cluster.get("apps/v1", "Deployment", "shop", "demo")


def test_a_list_gives_each_object_its_kind_and_the_version_to_watch_from(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, listing(deployment("a"), deployment("b"), version="7"))
    things, version = cluster.list("apps/v1", "Deployment", "demo", label_selector="app=shop")
    assert names(things) == ["a", "b"]
    assert {(thing["apiVersion"], thing["kind"]) for thing in things} == {("apps/v1", "Deployment")}
    assert version == "7"
    assert api.seen(DEPLOYMENTS) == [{"labelSelector": "app=shop"}]


def test_what_is_forbidden_says_what_to_grant(api: Api, cluster: Cluster) -> None:
    message = (
        'deployments.apps is forbidden: User "ci" cannot list resource "deployments" in API group "apps"'
    )
    api.answers(DEPLOYMENTS, refuse(403, "Forbidden", message))
    with pytest.raises(ClusterError) as caught:
        cluster.list("apps/v1", "Deployment", "demo")
    assert caught.value.message == (
        f'Could not list Deployment objects in namespace "demo" at {api.url}: 403 Forbidden: {message}; '
        "give this user that verb on that resource (Role and RoleBinding)."
    )
    assert len(api.seen(DEPLOYMENTS)) == 1


def test_a_kind_that_the_cluster_does_not_know_is_named(api: Api, cluster: Cluster) -> None:
    with pytest.raises(InputError, match=r'knows no kind "Widget" in apiVersion "apps/v1"'):
        cluster.list("apps/v1", "Widget", "demo")


def test_a_name_without_a_namespace_is_refused(cluster: Cluster) -> None:
    with pytest.raises(InputError, match='Deployment "shop" lives in a namespace'):
        cluster.get("apps/v1", "Deployment", "shop")


def test_what_has_no_namespace_is_read_without_one(api: Api, cluster: Cluster) -> None:
    api.answers("/api/v1/namespaces/demo", reply({"metadata": {"name": "demo"}}))
    assert cluster.get("v1", "Namespace", "demo", "demo") is not None


@pytest.mark.parametrize("trouble", [refuse(429), refuse(500), refuse(503), refuse(504), cut])
def test_a_read_is_tried_again(api: Api, cluster: Cluster, trouble: Any) -> None:
    api.answers(DEPLOYMENTS, trouble, trouble, listing())
    cluster.list("apps/v1", "Deployment", "demo")
    assert len(api.seen(DEPLOYMENTS)) == 3


def test_a_read_is_not_tried_for_ever(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, refuse(503, "ServiceUnavailable", "apiserver is starting"))
    with pytest.raises(
        ClusterError, match=r"503 ServiceUnavailable: apiserver is starting; .*try again later"
    ):
        cluster.list("apps/v1", "Deployment", "demo")
    assert len(api.seen(DEPLOYMENTS)) == 3


def test_a_long_retry_after_is_not_slept_through(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_k8s_wire, "_LONGEST_PAUSE", 0.05)
    api.answers(DEPLOYMENTS, refuse(429, Retry_After="600"), listing())
    started = time.monotonic()
    cluster.list("apps/v1", "Deployment", "demo")
    assert 0.05 <= time.monotonic() - started < 5


@pytest.mark.parametrize("trouble", [refuse(500), refuse(503), cut])
def test_a_write_that_may_have_been_carried_out_is_sent_once(
    api: Api, cluster: Cluster, trouble: Any
) -> None:
    api.answers(DEPLOYMENTS, trouble, reply(deployment(), 201))
    with pytest.raises(ClusterError, match='Could not create Deployment "shop" in namespace "demo"'):
        cluster.create("apps/v1", "Deployment", "demo", deployment())
    assert len(api.seen(DEPLOYMENTS)) == 1


def test_a_write_that_was_not_carried_out_is_sent_again(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, refuse(429), reply(deployment(), 201))
    assert cluster.create("apps/v1", "Deployment", "demo", deployment()) == deployment()


def test_a_patch_can_insist_on_the_version_that_it_was_made_for(api: Api, cluster: Cluster) -> None:
    api.answers(SHOP, refuse(409, "Conflict", "the object has been modified"))
    body = {"metadata": {"annotations": {"a": "b"}}}
    with pytest.raises(ClusterError, match=r"409 Conflict: .*somebody else changed it in between") as caught:
        cluster.patch("apps/v1", "Deployment", "shop", "demo", body, resource_version="7")
    assert caught.value.details["status"] == 409
    method, _path, _query, headers, sent = api.requests[-1]
    assert (method, headers["Content-Type"]) == ("PATCH", "application/merge-patch+json")
    assert sent == {"metadata": {"annotations": {"a": "b"}, "resourceVersion": "7"}}
    assert "resourceVersion" not in body["metadata"]


WANTED = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "labels": {"a": "1"}},
    "spec": {"replicas": 2},
}


def test_what_is_wanted_is_applied_on_the_servers_side(api: Api, cluster: Cluster) -> None:
    api.answers(SHOP, reply(deployment()))
    assert cluster.apply(WANTED, "demo") == deployment()
    method, _path, query, headers, body = api.requests[-1]
    assert (method, headers["Content-Type"]) == ("PATCH", "application/apply-patch+yaml")
    assert query == {"fieldManager": "octoblu.bluegreen", "fieldValidation": "Strict", "force": "false"}
    assert body == {**WANTED, "metadata": {**WANTED["metadata"], "namespace": "demo"}}


@pytest.mark.parametrize(
    ("how", "asked"),
    [
        ({"dry_run": True}, {"dryRun": "All"}),
        ({"strict": False}, {"fieldValidation": "Ignore"}),
        ({"force": True}, {"force": "true"}),
    ],
)
def test_how_it_is_applied_is_asked_of_the_api(
    api: Api, cluster: Cluster, how: dict[str, bool], asked: dict[str, str]
) -> None:
    api.answers(SHOP, reply(deployment()))
    cluster.apply(WANTED, "demo", **how)
    assert asked.items() <= api.requests[-1][2].items()


def test_what_the_api_names_as_causes_is_kept(api: Api, cluster: Cluster) -> None:
    causes = [{"reason": "FieldValueInvalid", "message": "field is immutable", "field": "spec.selector"}]
    status = {"kind": "Status", "reason": "Invalid", "message": "no", "details": {"causes": causes}}
    api.answers(SHOP, reply(status, 422))
    with pytest.raises(ClusterError) as caught:
        cluster.apply(WANTED, "demo")
    assert caught.value.details["causes"] == causes


def test_a_delete_says_whether_there_was_anything(api: Api, cluster: Cluster) -> None:
    api.answers(SHOP, reply({"kind": "Status", "status": "Success"}), refuse(404, "NotFound", "no", "shop"))
    assert cluster.delete("apps/v1", "Deployment", "shop", "demo") is True
    assert cluster.delete("apps/v1", "Deployment", "shop", "demo") is False


def test_a_raw_request_hands_back_whatever_answers(api: Api, cluster: Cluster) -> None:
    api.answers("/raw", reply("teapot", 418, X_Kind="tea"))
    status, headers, body = cluster.request("GET", "/raw", {"a": "b", "c": None})
    assert (status, headers["X-Kind"], body) == (418, "tea", b"teapot")
    assert api.seen("/raw") == [{"a": "b"}]


def test_a_raw_request_has_a_time_out(api: Api, cluster: Cluster) -> None:
    api.answers("/raw", hang)
    with pytest.raises(ClusterError, match="timed out"):
        cluster.request("GET", "/raw", timeout=0.1)


def test_the_servers_clock_is_known_from_its_answers(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, listing())
    assert cluster.now() is None
    cluster.list("apps/v1", "Deployment", "demo")
    now = cluster.now()
    assert now is not None
    assert abs(now - time.time()) < 2


def watched(cluster: Cluster, **more: Any) -> _k8s_wire.Watch:
    return cluster.watch("apps/v1", "Deployment", "demo", resource_version="7", **more)


def test_a_watch_yields_changes_until_the_server_ends_it(api: Api, cluster: Cluster) -> None:
    changes = [("ADDED", deployment("a")), ("BOOKMARK", deployment("", "9")), ("DELETED", deployment("a"))]
    api.answers(DEPLOYMENTS, stream(*changes))
    assert list(watched(cluster, field_selector="metadata.name=a", seconds=9)) == changes
    (query,) = api.seen(DEPLOYMENTS)
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "9",
        "fieldSelector": "metadata.name=a",
    }


def test_a_change_is_yielded_when_it_comes_and_not_when_the_stream_ends(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, stream(("ADDED", deployment("a")), then="hang"))
    started = time.monotonic()
    assert next(iter(watched(cluster)))[0] == "ADDED"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("script", "status"),
    [(stream(gone()), 410), (stream(then="cut"), None), (refuse(403, "Forbidden"), 403), (cut, None)],
)
def test_a_watch_that_breaks_says_why(api: Api, cluster: Cluster, script: Any, status: int | None) -> None:
    api.answers(DEPLOYMENTS, script)
    with pytest.raises(
        ClusterError, match='Could not watch Deployment objects in namespace "demo"'
    ) as caught:
        list(watched(cluster))
    assert caught.value.details["status"] == status


def test_a_watch_that_goes_silent_is_given_up(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_k8s_wire, "CONNECT_SECONDS", 0.1)
    api.answers(DEPLOYMENTS, stream(then="hang"))
    with pytest.raises(ClusterError, match="timed out"):
        list(watched(cluster, seconds=0))


def test_a_line_that_is_no_json_is_told(api: Api, cluster: Cluster) -> None:
    def garbage(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.chunk(b"<html>\n")
        handler.chunk(b"")

    api.answers(DEPLOYMENTS, garbage)
    with pytest.raises(ClusterError, match="with '<html>' instead of JSON"):
        list(watched(cluster))


def test_a_watch_ends_when_it_is_closed_from_another_thread(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, stream(then="hang"))
    watch = watched(cluster)
    seen: list[Any] = []
    reader = threading.Thread(target=lambda: seen.extend(watch), daemon=True)
    reader.start()
    reader.join(0.2)
    assert reader.is_alive()
    watch.close()
    reader.join(5)
    assert not reader.is_alive()
    assert seen == []


def test_a_watch_can_be_closed_twice_and_after_its_end(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, stream())
    watch = watched(cluster)
    assert list(watch) == []
    watch.close()
    watch.close()


def test_of_a_kubeconfig_only_what_is_secret_is_hidden() -> None:
    user = {
        "client-certificate-data": "Y2VydA==",
        "client-key-data": "a2V5",
        "token": "t0ken",
        "auth-provider": {"name": "oidc", "config": {"id-token": "1d", "idp-issuer-url": "https://idp"}},
        "exec": {
            "command": "aws",
            "args": ["eks", "get-token", "--cluster-name", "shop"],
            "env": [
                {"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2"},
                {"name": "AWS_PROFILE", "value": "shop"},
            ],
        },
    }
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "shop",
        "users": [{"name": "ci", "user": user}],
    }
    assert _k8s.secrets({"kubeconfig": kubeconfig}) == {"a2V5", "key", "t0ken", "1d", "hunter2"}
    for other in (None, "/home/ada/.kube/config", {"users": None}):
        assert _k8s.secrets({"kubeconfig": other}) == set()
