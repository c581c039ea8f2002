"""The sandbox's API server answers what a real one answered, request by request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kube import node_address

from sandbox.cluster import Cluster

Object = dict[str, Any]

_FIXTURES = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "kubernetes_api"
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_VIEWER = {"kind": "ServiceAccount", "name": "viewer"}
_CONFIG_MAPS = "/api/v1/namespaces/demo/configmaps"
# What every server makes up anew.
_VOLATILE = {"uid", "resourceVersion", "creationTimestamp", "clusterIP", "clusterIPs", "managedFields"}


def _cases(name: str) -> list[Object]:
    recorded = yaml.safe_load((_FIXTURES / f"{name}.yaml").read_text())
    cases: list[Object] = recorded.get("cases") or recorded["responses"]
    return cases


_ERRORS = {case["case"]: case for case in _cases("errors")}
# No two JSON parsers complain alike.
_ONLY_LIKE = {"badjson"}
_GENERATED = {"cm-genname": ("metadata", "name"), "np-auto": ("spec", "ports")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    folder, address = tmp_path_factory.mktemp("cluster"), node_address(worker_id, 4)
    with Cluster(folder, node_address=address) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def answers(cluster: Cluster) -> dict[str, tuple[int, Any, Any]]:
    """To every recorded request: the status, the answer, and what was recorded, with our own identities in it."""
    _create(cluster, "/api/v1/namespaces", {"metadata": {"name": "demo"}})
    _create(cluster, "/apis/apps/v1/namespaces/demo/deployments", _deployment("a1"))
    viewer = _account(
        cluster, "demo", ("", "pods", "get list watch"), ("apps", "deployments", "get list watch")
    )
    identities: dict[str, str] = {}
    found = {}
    for name, case in _ERRORS.items():
        _prepare(cluster, name)
        request = case["request"]
        body = (
            {"metadata": {"name": "big"}, "data": {"a": "x" * 1100000}}
            if name == "big-cm"
            else request.get("body")
        )
        status, answer = cluster.request(
            request["method"], request["path"], _replaced(body, identities),
            request.get("contentType", "application/json"), _headers(name, viewer),
        )  # fmt: skip
        _learn_identities(case.get("body"), answer, identities)
        found[name] = status, answer, _replaced(case.get("body"), identities)
    cluster.clear()
    return found


def _prepare(cluster: Cluster, case: str) -> None:
    """What was there when the case was recorded."""
    if case == "secret-immutable":
        _create(cluster, "/api/v1/namespaces/demo/secrets", {"metadata": {"name": "s1"}})
    elif case == "cm-immutable2":
        assert cluster.request("PATCH", f"{_CONFIG_MAPS}/c1", {"immutable": True}, _MERGE)[0] == 200
    elif case == "ssa-conflict":
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ssa"}, "data": {"a": "1"}}
        assert cluster.request("PATCH", f"{_CONFIG_MAPS}/ssa?fieldManager=m1", body, _APPLY)[0] == 201
    elif case == "create-in-terminating-namespace":
        assert cluster.request("DELETE", "/api/v1/namespaces/demo")[0] == 200


def _account(cluster: Cluster, namespace: str, *rules: tuple[str, str, str]) -> str:
    """The token of a new account that rules (API group, resource, verbs) are granted to."""
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    granted = [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs.split()}
        for group, resource, verbs in rules
    ]
    binding = {"roleRef": {"kind": "Role", "name": "viewer"}, "subjects": [_VIEWER]}
    _create(cluster, accounts, {"metadata": {"name": "viewer"}})
    _create(cluster, f"{rbac}/roles", {"metadata": {"name": "viewer"}, "rules": granted})
    _create(cluster, f"{rbac}/rolebindings", {"metadata": {"name": "viewer"}, **binding})
    status, issued = cluster.request("POST", f"{accounts}/viewer/token", {})
    assert status == 201, issued
    return str(issued["status"]["token"])


def _headers(case: str, viewer: str) -> dict[str, str]:
    if case.startswith("forbidden") or case == "ssar":
        return {"Authorization": f"Bearer {viewer}"}
    return {"unauth": {"Authorization": "Bearer wrong"}, "notaccept": {"Accept": "text/html"}}.get(case, {})


def _learn_identities(recorded: Any, ours: Any, identities: dict[str, str]) -> None:
    """Later requests name the versions and uids of earlier answers."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in ("uid", "resourceVersion"):
            old, new = ((obj.get("metadata") or {}).get(key) for obj in (recorded, ours))
            if old and new:
                identities[old] = new


def _replaced(value: Any, identities: dict[str, str]) -> Any:
    text = json.dumps(value)
    for old, new in identities.items():
        text = text.replace(old, new)
    return json.loads(text)


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if key not in _VOLATILE}
    return [_stable(item) for item in value] if isinstance(value, list) else value


def _create(cluster: Cluster, path: str, body: Object) -> None:
    status, answer = cluster.request("POST", path, body)
    assert status == 201, answer


def _deployment(name: str, **container: Any) -> Object:
    labels = {"app": name}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "sandbox/pause:1", **container}]},
            },
        },
    }


@pytest.mark.parametrize("case", _ERRORS)
def test_answers_as_recorded(answers: dict[str, tuple[int, Any, Any]], case: str) -> None:
    status, ours, recorded = answers[case]
    if case in _ONLY_LIKE:
        assert status >= 400
        return
    for path in [_GENERATED[case]] if case in _GENERATED else []:
        assert ours[path[0]].pop(path[1])
        del recorded[path[0]][path[1]]
    assert status == _ERRORS[case]["status"]
    assert _stable(ours) == _stable(recorded)


def test_warns_of_unknown_fields_and_long_names(cluster: Cluster) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments?dryRun=All"
    misspelt = _deployment("warned")
    misspelt["spec"]["replcas"] = 2
    recorded = {case["case"]: case["headers"]["Warning"] for case in _cases("warnings")}
    assert ("Warning", recorded["default-unknownfield"]) in cluster.headers_of("POST", path, misspelt)
    long = {**_deployment("warned"), "metadata": {"name": "d" * 64}}
    assert ("Warning", recorded["inv-longname64"]) in cluster.headers_of("POST", path, long)


@pytest.mark.parametrize("recorded", _cases("tables"), ids=lambda case: case["path"].rpartition("/")[2])
def test_tables_have_the_columns_that_kubectl_shows(cluster: Cluster, recorded: Object) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    status, table = cluster.request("GET", recorded["path"], headers={"Accept": accept})
    assert status == 200
    columns = [
        {key: value for key, value in column.items() if key != "description"}
        for column in table["columnDefinitions"]
    ]
    assert columns == recorded["body"]["columnDefinitions"]


def test_who_may_change_may_not_make(cluster: Cluster) -> None:
    """By the two requests that make what they would change."""
    token = _account(
        cluster, "default", ("", "configmaps", "patch"), ("coordination.k8s.io", "leases", "update")
    )
    headers = {"Authorization": f"Bearer {token}"}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap"}
    lease = {"metadata": {"name": "new"}}
    for method, path, body, content_type in (
        ("PATCH", "/api/v1/namespaces/default/configmaps/new?fieldManager=a", config_map, _APPLY),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/new", lease, "application/json"),
    ):
        status, refused = cluster.request(method, path, body, content_type, headers)
        assert (status, refused["reason"], refused["details"]["name"]) == (403, "Forbidden", "new"), refused
        assert cluster.request(method, path, body, content_type)[0] == 201


@pytest.mark.parametrize(
    ("method", "name", "spec", "status", "said"),
    [
        ("POST", "nobody", {}, 404, 'serviceaccounts "nobody" not found'),
        ("POST", "hasty", {"expirationSeconds": 60}, 422, "may not specify a duration less than 10 minutes"),
        ("GET", "hasty", None, 405, "does not allow this method"),
    ],
)
def test_a_token_that_is_not_issued(
    cluster: Cluster, method: str, name: str, spec: Object | None, status: int, said: str
) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    cluster.request("POST", accounts, {"metadata": {"name": "hasty"}})
    body = None if spec is None else {"spec": spec}
    found, refused = cluster.request(method, f"{accounts}/{name}/token", body)
    assert found == status
    assert said in refused["message"]
