"""Writes, lists and watches of the sandbox's API server, where the recordings are not enough."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from kube import (
    APPLY,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Object,
    create,
    deployment,
    get,
    node_address,
    patch,
    path_of,
    service,
    template,
    until_available,
)

from sandbox.cluster import Cluster

_PAUSE = "sandbox/pause:1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    folder, address = tmp_path_factory.mktemp("cluster"), node_address(worker_id, 5)
    with Cluster(folder, node_address=address) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _no_faults(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.clear()


def _paused(name: str, **container: Any) -> Object:
    """A Deployment that no controller touches any more once it has noticed it."""
    return deployment(name, template(name, _PAUSE, **container), replicas=0)


def _config(name: str, labels: dict[str, str] | None = None, **data: str) -> Object:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _events(cluster: Cluster, query: str, seconds: float = 1) -> list[tuple[str, str]]:
    """Type and name of what a watch on ConfigMaps tells."""
    found = cluster.watch(f"{path_of('configmaps')}?{query}", seconds)
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in found]


def test_a_write_of_nothing_keeps_the_version_and_tells_nobody(cluster: Cluster) -> None:
    before = create(cluster, "configmaps", _config("same", a="1"))
    version = before["metadata"]["resourceVersion"]
    assert patch(cluster, "configmaps", "same", {"data": {"a": "1"}}) == before
    assert patch(cluster, "configmaps", "same", {"data": {"a": "1"}}, STRATEGIC) == before
    assert cluster.request("PUT", path_of("configmaps", name="same"), before) == (200, before)
    query = f"fieldSelector=metadata.name%3Dsame&resourceVersion={version}"
    assert _events(cluster, query) == []


def test_generation_moves_with_the_spec_alone(cluster: Cluster) -> None:
    create(cluster, "deployments", _paused("generations"))
    labelled = patch(cluster, "deployments", "generations", {"metadata": {"labels": {"x": "1"}}})
    assert labelled["metadata"]["generation"] == 1
    noted = patch(cluster, "deployments", "generations", {"metadata": {"annotations": {"x": "1"}}})
    assert noted["metadata"]["generation"] == 1
    changed = patch(cluster, "deployments", "generations", {"spec": {"minReadySeconds": 1}})
    assert changed["metadata"]["generation"] == 2


def test_a_dry_run_answers_as_if_and_stores_nothing(cluster: Cluster) -> None:
    path = f"{path_of('services')}?dryRun=All"
    status, answer = cluster.request("POST", path, service("dry", 30070))
    assert status == 201
    assert answer["metadata"]["uid"]
    assert "resourceVersion" not in answer["metadata"]
    assert cluster.request("GET", path_of("services", name="dry"))[0] == 404
    create(cluster, "services", service("holder", 30070))
    status, answer = cluster.request("POST", path, service("dry", 30070))
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "spec.ports[0].nodePort")


def test_a_dry_run_of_a_patch_shows_the_next_generation_and_the_old_version(cluster: Cluster) -> None:
    create(cluster, "deployments", _paused("dry-patch"))
    before = until_available(cluster, "dry-patch", 0)
    path = f"{path_of('deployments', name='dry-patch')}?dryRun=All"
    _code, answer = cluster.request("PATCH", path, {"spec": {"minReadySeconds": 5}}, MERGE)
    assert answer["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert answer["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert get(cluster, "deployments", "dry-patch")["spec"].get("minReadySeconds") is None


def test_strategic_merge_finds_list_elements_by_their_key(cluster: Cluster) -> None:
    pod = template("strategic", _PAUSE, env={"A": "1", "B": "2"})
    pod["spec"]["containers"].append({"name": "side", "image": _PAUSE})
    pod["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    create(cluster, "deployments", deployment("strategic", pod, replicas=0))
    body = {
        "spec": {
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
            "template": {
                "spec": {
                    "$setElementOrder/containers": [{"name": "app"}],
                    "containers": [
                        {
                            "name": "app",
                            "$setElementOrder/env": [{"name": "B"}],
                            "env": [{"name": "B", "value": "3"}, {"$patch": "delete", "name": "A"}],
                        },
                        {"$patch": "delete", "name": "side"},
                    ],
                    "volumes": None,
                }
            },
        }
    }
    spec = patch(cluster, "deployments", "strategic", body, STRATEGIC)["spec"]
    pod_spec = spec["template"]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert [container["name"] for container in pod_spec["containers"]] == ["app"]
    assert pod_spec["containers"][0]["env"] == [{"name": "B", "value": "3"}]
    assert pod_spec["containers"][0]["image"] == _PAUSE
    assert "volumes" not in pod_spec


def test_json_patch_changes_what_its_paths_name(cluster: Cluster) -> None:
    create(cluster, "configmaps", _config("pointed", a="1"))
    operations = [
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "add", "path": "/data/b", "value": "2"},
    ]
    assert patch(cluster, "configmaps", "pointed", operations, JSON_PATCH)["data"] == {"a": "1", "b": "2"}


def _apply(cluster: Cluster, manager: str, body: Object, force: bool = False) -> tuple[int, Any]:
    query = f"?fieldManager={manager}&force={str(force).lower()}"
    return cluster.request("PATCH", path_of("configmaps", name=body["metadata"]["name"]) + query, body, APPLY)


def test_applying_removes_what_the_same_manager_no_longer_wants(cluster: Cluster) -> None:
    assert _apply(cluster, "one", _config("applied", a="1", b="1"))[0] == 201
    assert _apply(cluster, "two", _config("applied", b="1", c="1"))[0] == 200
    status, answer = _apply(cluster, "one", _config("applied"))
    assert (status, answer["data"]) == (200, {"b": "1", "c": "1"})


def test_applying_over_another_manager_is_a_conflict_unless_forced(cluster: Cluster) -> None:
    _apply(cluster, "one", _config("disputed", a="1", b="1"))
    status, answer = _apply(cluster, "two", _config("disputed", a="2", b="2"))
    assert status == 409
    assert answer["message"] == 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b'
    status, answer = _apply(cluster, "two", _config("disputed", a="2", b="2"), force=True)
    assert (status, answer["data"]) == (200, {"a": "2", "b": "2"})
    managers = {entry["manager"]: entry["fieldsV1"] for entry in answer["metadata"]["managedFields"]}
    assert managers == {"two": {"f:data": {"f:a": {}, "f:b": {}}}}
    assert _apply(cluster, "one", _config("disputed", a="1"))[0] == 409


def test_applying_again_changes_nothing(cluster: Cluster) -> None:
    _code, first = _apply(cluster, "one", _config("steady", a="1"))
    assert _apply(cluster, "one", _config("steady", a="1")) == (200, first)


def test_applying_a_key_twice_is_refused(cluster: Cluster) -> None:
    """With 500 and without a reason, as the API server hands on what its merge library says.

    From its source (structuredmerge.go wraps the error and nothing makes a Status of it); not recorded.
    """
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    spec = {"containers": [{"name": "web", "image": "a:1", "env": twice}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "twice"}, "spec": spec}
    path = f"{path_of('pods', name='twice')}?fieldManager=one"
    status, answer = cluster.request("PATCH", path, body, APPLY)
    assert (status, answer.get("reason")) == (500, None)
    assert answer["message"].startswith("failed to create typed patch object (")
    assert answer["message"].endswith(
        '; /v1, Kind=Pod): .spec.containers[name="web"].env: duplicate entries for key [name="A"]'
    )
    ports = [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]
    spec["containers"][0] = {"name": "web", "image": "a:1", "ports": ports}
    assert cluster.request("PATCH", path, body, APPLY)[0] == 201


def test_a_jobs_template_stays_as_it_was_made(cluster: Cluster) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}}
    create(cluster, "jobs", {**job, "spec": {"template": template}})
    path = path_of("jobs", name="once")
    changed = {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}
    status, answer = cluster.request("PATCH", path, changed, MERGE)
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "spec.template")
    assert answer["details"]["causes"][0]["message"].endswith("field is immutable")
    assert cluster.request("PATCH", path, {"spec": {"backoffLimit": 2}}, MERGE)[0] == 200


def test_an_update_takes_fields_over_from_whoever_applied_them(cluster: Cluster) -> None:
    _apply(cluster, "one", _config("edited", a="1"))
    path = f"{path_of('configmaps', name='edited')}?fieldManager=editor"
    cluster.request("PATCH", path, {"data": {"a": "2"}}, MERGE)
    status, answer = _apply(cluster, "one", _config("edited", a="3"))
    assert status == 409
    assert answer["message"] == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a'


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=web", ["l1", "l2"]),
        ("tier!=web", ["l3", "l4"]),
        ("tier in (web,db)", ["l1", "l2", "l3"]),
        ("tier notin (web)", ["l3", "l4"]),
        ("stage", ["l1"]),
        ("tier,!stage", ["l2", "l3"]),
        ("tier=web,stage=test", ["l1"]),
    ],
)
def test_label_selectors(cluster: Cluster, selector: str, names: list[str]) -> None:
    for name, labels in {
        "l1": {"set": "s", "tier": "web", "stage": "test"},
        "l2": {"set": "s", "tier": "web"},
        "l3": {"set": "s", "tier": "db"},
        "l4": {"set": "s"},
    }.items():
        cluster.request("POST", path_of("configmaps"), _config(name, labels))
    quoted = urllib.parse.quote(f"set=s,{selector}")
    _code, found = cluster.request("GET", f"{path_of('configmaps')}?labelSelector={quoted}")
    assert [item["metadata"]["name"] for item in found["items"]] == names


def test_field_selectors_know_their_fields(cluster: Cluster) -> None:
    create(cluster, "configmaps", _config("by-field"))
    path = f"{path_of('configmaps')}?fieldSelector="
    _code, found = cluster.request("GET", f"{path}metadata.name%3Dby-field")
    assert [item["metadata"]["name"] for item in found["items"]] == ["by-field"]
    assert cluster.request("GET", f"{path}spec.foo%3D1") == (
        400,
        _status(400, "field label not supported: spec.foo"),
    )


def _status(code: int, message: str) -> Object:
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": "BadRequest", "code": code,
    }  # fmt: skip


def test_a_long_list_comes_in_pages(cluster: Cluster) -> None:
    for number in range(5):
        create(cluster, "secrets", {"metadata": {"name": f"page-{number}"}})
    _code, first = cluster.request("GET", f"{path_of('secrets')}?limit=2")
    assert first["metadata"]["remainingItemCount"] == 3
    _code, rest = cluster.request(
        "GET", f"{path_of('secrets')}?limit=9&continue={first['metadata']['continue']}"
    )
    names = [item["metadata"]["name"] for item in [*first["items"], *rest["items"]]]
    assert names == [f"page-{number}" for number in range(5)]
    assert "continue" not in rest["metadata"]
    assert "kind" not in first["items"][0]


def test_a_watch_continues_where_a_list_ended(cluster: Cluster) -> None:
    create(cluster, "configmaps", _config("w-before"))
    _code, listed = cluster.request("GET", path_of("configmaps"))
    create(cluster, "configmaps", _config("w-after"))
    patch(cluster, "configmaps", "w-after", {"data": {"a": "2"}})
    cluster.request("DELETE", path_of("configmaps", name="w-after"))
    query = f"resourceVersion={listed['metadata']['resourceVersion']}"
    assert _events(cluster, query) == [("ADDED", "w-after"), ("MODIFIED", "w-after"), ("DELETED", "w-after")]


def test_what_stops_matching_a_watch_is_deleted_with_its_old_labels(cluster: Cluster) -> None:
    before = create(cluster, "configmaps", _config("moving", {"k": "v"}))
    gone = patch(cluster, "configmaps", "moving", {"metadata": {"labels": {"k": "other"}}})
    back = patch(cluster, "configmaps", "moving", {"metadata": {"labels": {"k": "v"}}})
    version = before["metadata"]["resourceVersion"]
    seen = list(cluster.watch(f"{path_of('configmaps')}?labelSelector=k%3Dv&resourceVersion={version}", 1))
    assert [event["type"] for event in seen] == ["DELETED", "ADDED"]
    deleted = seen[0]["object"]["metadata"]
    assert (deleted["labels"], deleted["resourceVersion"]) == (
        {"k": "v"},
        gone["metadata"]["resourceVersion"],
    )
    assert seen[1]["object"] == back


def test_a_watch_from_a_forgotten_version_ends_in_410(cluster: Cluster) -> None:
    seen = list(cluster.watch(f"{path_of('configmaps')}?resourceVersion=1", 5))
    assert [(event["type"], event["object"]["code"], event["object"]["reason"]) for event in seen] == [
        ("ERROR", 410, "Expired")
    ]
    path = f"{path_of('configmaps')}?resourceVersion=1&resourceVersionMatch=Exact"
    assert cluster.request("GET", path)[0] == 410


def test_a_watch_of_the_future_is_silent_and_one_of_no_version_refused(cluster: Cluster) -> None:
    assert _events(cluster, "resourceVersion=99999999") == []
    status, answer = cluster.request("GET", f"{path_of('configmaps')}?watch=true&resourceVersion=abc")
    assert (status, answer["message"]) == (
        500, 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    )  # fmt: skip


def test_initial_events_end_with_a_bookmark(cluster: Cluster) -> None:
    create(cluster, "leases", {"metadata": {"name": "first"}})
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    seen = list(cluster.watch(f"{path_of('leases')}?{query}", 1))
    assert [event["type"] for event in seen] == ["ADDED", "BOOKMARK"]
    assert seen[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_the_request_log_tells_who_asked_what(cluster: Cluster) -> None:
    cluster.forget_requests()
    cluster.request("GET", f"{path_of('configmaps')}?limit=7")
    seen = [
        {key: entry[key] for key in ("method", "path", "query", "user", "status")}
        for entry in cluster.requests()
    ]
    assert seen == [
        {
            "method": "GET", "path": path_of("configmaps"), "query": {"limit": "7"}, "user": "sandbox-admin",
            "status": 200,
        }
    ]  # fmt: skip


def test_faults_befall_the_next_matching_requests(cluster: Cluster) -> None:
    cluster.fail_next(2, 429, method="GET", path="/configmaps", retry_after=1)
    assert cluster.request("GET", path_of("services"))[0] == 200
    assert ("Retry-After", "1") in cluster.headers_of("GET", path_of("configmaps"))
    assert cluster.request("GET", path_of("configmaps"))[0] == 429
    assert cluster.request("GET", path_of("configmaps"))[0] == 200


def test_a_dropped_request_gets_no_answer(cluster: Cluster) -> None:
    cluster.drop_next(1, path="/configmaps")
    with pytest.raises(ConnectionError):
        cluster.request("GET", path_of("configmaps"))
    assert cluster.request("GET", path_of("configmaps"))[0] == 200


def test_expired_watches_are_told_so(cluster: Cluster) -> None:
    cluster.expire_watches(1)
    assert [event["object"]["code"] for event in cluster.watch(path_of("leases"), 5)] == [410]
    assert all(event["type"] == "ADDED" for event in cluster.watch(path_of("leases"), 1))


def test_a_cut_watch_breaks_off(cluster: Cluster) -> None:
    create(cluster, "configmaps", _config("cut"))
    watch = cluster.watch(f"{path_of('configmaps')}?fieldSelector=metadata.name%3Dcut", 30)
    assert next(watch)["type"] == "ADDED"
    cluster.cut_watches()
    _assert_ends_early(watch)


def test_a_restart_closes_the_server_and_forgets_nothing(cluster: Cluster) -> None:
    create(cluster, "configmaps", _config("survivor"))
    watch = cluster.watch(f"{path_of('configmaps')}?fieldSelector=metadata.name%3Dsurvivor", 30)
    assert next(watch)["type"] == "ADDED"
    cluster.restart(1)
    _assert_ends_early(watch)
    with pytest.raises(OSError, match="refused"):
        cluster.request("GET", path_of("configmaps", name="survivor"))
    _until_answered(cluster)
    assert cluster.request("GET", path_of("configmaps", name="survivor"))[0] == 200


def _assert_ends_early(watch: Iterator[Object]) -> None:
    """Python's client takes a broken stream for one that has ended."""
    began = time.monotonic()
    assert list(watch) == []
    assert time.monotonic() - began < 5


def _until_answered(cluster: Cluster, seconds: float = 10) -> None:
    pause = threading.Event()
    for _turn in range(int(seconds / 0.05)):
        try:
            cluster.request("GET", "/readyz")
        except OSError:
            pause.wait(0.05)
        else:
            return
    pytest.fail("the API server did not come back")


def test_rights_can_be_refused_and_given_back(cluster: Cluster) -> None:
    cluster.forbid("get", "secrets")
    status, answer = cluster.request("GET", path_of("secrets", name="any"))
    assert status == 403
    assert answer["message"] == (
        'secrets "any" is forbidden: User "sandbox-admin" cannot get resource "secrets" in API group "" '
        'in the namespace "default"'
    )
    cluster.clear()
    assert cluster.request("GET", path_of("secrets", name="any"))[0] == 404


def test_node_ports_that_nobody_chose_leave_the_lower_band_alone(cluster: Cluster) -> None:
    for number in range(20):
        body = service(f"auto-{number}", 0)
        assert create(cluster, "services", body)["spec"]["ports"][0]["nodePort"] >= 30086


def test_a_service_keeps_its_ports_and_address_when_it_is_replaced_without_them(cluster: Cluster) -> None:
    before = create(cluster, "services", service("kept", 30071))
    body = json.loads(json.dumps(service("kept", 30071)))
    del body["spec"]["ports"][0]["nodePort"]
    status, after = cluster.request("PUT", path_of("services", name="kept"), body)
    assert (status, after["spec"]) == (200, before["spec"])


def test_scale_changes_replicas_and_nothing_else(cluster: Cluster) -> None:
    create(cluster, "deployments", _paused("scaled"))
    path = path_of("deployments", name="scaled") + "/scale"
    status, scale = cluster.request("PATCH", path, {"spec": {"replicas": 2}}, MERGE)
    assert (status, scale["kind"], scale["spec"]) == (200, "Scale", {"replicas": 2})
    assert get(cluster, "deployments", "scaled")["spec"]["replicas"] == 2
