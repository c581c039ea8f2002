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
_RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/demo"
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
    viewer = _viewer(cluster)
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


def _viewer(cluster: Cluster) -> str:
    """The token of the account with which the refusals were recorded."""
    rules = [
        {"apiGroups": [group], "resources": [resource], "verbs": ["get", "list", "watch"]}
        for group, resource in (("", "pods"), ("apps", "deployments"))
    ]
    _create(cluster, "/api/v1/namespaces/demo/serviceaccounts", {"metadata": {"name": "viewer"}})
    _create(cluster, f"{_RBAC}/roles", {"metadata": {"name": "viewer"}, "rules": rules})
    _create(
        cluster, f"{_RBAC}/rolebindings",
        {
            "metadata": {"name": "viewer"},
            "roleRef": {"kind": "Role", "name": "viewer"},
            "subjects": [{"kind": "ServiceAccount", "name": "viewer"}],
        },
    )  # fmt: skip
    status, issued = cluster.request("POST", "/api/v1/namespaces/demo/serviceaccounts/viewer/token", {})
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
