"""Pods, node ports, logs and proxies of the sandbox's cluster, and that nothing of it stays behind."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from kube import (
    STRATEGIC,
    Object,
    create,
    deployment,
    get,
    node_address,
    patch,
    path_of,
    pods_of,
    service,
    template,
    until,
    until_available,
    until_gone,
    waiting_reason,
)

from sandbox.cluster import Cluster

_TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    folder, address = tmp_path_factory.mktemp("cluster"), node_address(worker_id, 6)
    with Cluster(folder, node_address=address) as cluster:
        yield cluster


def _ask(cluster: Cluster, port: int, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://{cluster.node_address}:{port}{path}", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def _until_serves(cluster: Cluster, name: str, replicas: int) -> None:
    """The Service's slice names so many ready pods, and the node has had the moment that it needs to follow."""

    def is_wanted(found: Object) -> bool:
        endpoints = found["endpoints"] or ()
        return sum(1 for endpoint in endpoints if endpoint["conditions"]["ready"]) == replicas

    until(cluster, "endpointslices", f"labelSelector=kubernetes.io/service-name%3D{name}", is_wanted)


def test_a_node_port_leads_to_every_ready_pod(cluster: Cluster) -> None:
    env = {"COLOR": "blue", "COMMIT": "abc"}
    create(cluster, "services", service("web", 30081))
    create(cluster, "deployments", deployment("web", template("web", env=env), replicas=2))
    until_available(cluster, "web", 2)
    _until_serves(cluster, "web", 2)
    who = [json.loads(_ask(cluster, 30081)) for _turn in range(40)]
    assert {answer["hostname"] for answer in who} == {
        pod["metadata"]["name"] for pod in pods_of(cluster, "web")
    }
    assert {(answer["color"], answer["commit"]) for answer in who} == {("blue", "abc")}
    assert _ask(cluster, 30081, "/hostname").strip() in {answer["hostname"] for answer in who}


def test_a_node_port_without_a_ready_pod_refuses(cluster: Cluster) -> None:
    create(cluster, "services", service("nobody", 30082))
    create(cluster, "deployments", deployment("nobody", template("nobody", env={"APP_NEVER_READY": "1"})))
    until(cluster, "pods", "labelSelector=app%3Dnobody", lambda pod: pod["status"]["phase"] == "Running")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((cluster.node_address, 30082), timeout=5)


def test_a_rolling_update_loses_no_request(cluster: Cluster) -> None:
    create(cluster, "services", service("rolled", 30083))
    create(cluster, "deployments", deployment("rolled", replicas=2))
    until_available(cluster, "rolled", 2)
    _until_serves(cluster, "rolled", 2)
    over, answers, lost = threading.Event(), [], []

    def keep_asking() -> None:
        while not over.is_set():
            try:
                answers.append(json.loads(_ask(cluster, 30083))["commit"])
            except OSError as error:
                lost.append(error)

    asking = [threading.Thread(target=keep_asking) for _turn in range(2)]
    for thread in asking:
        thread.start()
    container = {"name": "app", "env": [{"name": "COMMIT", "value": "new"}]}
    patch(
        cluster,
        "deployments",
        "rolled",
        {"spec": {"template": {"spec": {"containers": [container]}}}},
        STRATEGIC,
    )
    until_available(cluster, "rolled", 2)
    for pod in pods_of(cluster, "rolled"):
        if pod["metadata"].get("deletionTimestamp"):
            until_gone(cluster, "pods", pod["metadata"]["name"])
    over.set()
    for thread in asking:
        thread.join()
    assert not lost
    assert set(answers) == {None, "new"}


def test_what_a_pod_is_answering_when_it_is_deleted_it_still_answers(cluster: Cluster) -> None:
    create(cluster, "services", service("slow", 30084))
    create(cluster, "deployments", deployment("slow", template("slow", env={"APP_ANSWER_DELAY": "1"})))
    until_available(cluster, "slow")
    _until_serves(cluster, "slow", 1)
    (pod,) = pods_of(cluster, "slow")
    with socket.create_connection((cluster.node_address, 30084), timeout=10) as connection:
        connection.sendall(b"GET /hostname HTTP/1.1\r\nHost: x\r\n\r\n")
        cluster.request("DELETE", path_of("pods", name=pod["metadata"]["name"]))
        answer = b""
        while more := connection.recv(4096):
            answer += more
    assert answer.endswith(pod["metadata"]["name"].encode() + b"\n")


def test_configuration_reaches_the_container(cluster: Cluster) -> None:
    create(cluster, "configmaps", {"metadata": {"name": "settings"}, "data": {"COLOR": "green", "WHO": "x"}})
    create(cluster, "secrets", {"metadata": {"name": "hidden"}, "stringData": {"COMMIT": "s3cret"}})
    pod = template("configured", envFrom=[{"configMapRef": {"name": "settings"}}])
    pod["spec"]["containers"][0]["env"] = [
        {"name": "COMMIT", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "COMMIT"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "APP_LOG", "value": "I am $(POD), $(WHO), $$(WHO)"},
    ]
    create(cluster, "deployments", deployment("configured", pod))
    until_available(cluster, "configured")
    (pod,) = pods_of(cluster, "configured")
    name = pod["metadata"]["name"]
    assert _log(cluster, name).startswith(f"I am {name}, x, $(WHO)\n")
    _status, who = cluster.request("GET", path_of("pods", name=f"{name}:8080") + "/proxy/")
    assert (who["color"], who["commit"]) == ("green", "s3cret")


def _log(cluster: Cluster, pod: str, query: str = "") -> str:
    status, text = cluster.request("GET", path_of("pods", name=pod) + f"/log{query}")
    assert status == 200, text
    log: str = text
    return log


def test_the_log_of_a_run_that_crashed_is_kept(cluster: Cluster) -> None:
    env = {"APP_LOG": "first\nsecond", "APP_EXIT_AT_START": "3"}
    create(cluster, "deployments", deployment("crashing", template("crashing", env=env)))

    def has_restarted(pod: Object) -> bool:
        statuses = pod["status"].get("containerStatuses") or [{"restartCount": 0, "lastState": {}}]
        return statuses[0]["restartCount"] > 0 and bool(statuses[0]["lastState"])

    pod = until(cluster, "pods", "labelSelector=app%3Dcrashing", has_restarted)
    name, ended = pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    whole = "first\nsecond\ncannot start: asked to exit with 3\n"
    assert _log(cluster, name, "?previous=true") == whole
    assert _log(cluster, name, "?tailLines=1") == "cannot start: asked to exit with 3\n"
    stamped = _log(cluster, name, "?timestamps=true&tailLines=1")
    assert stamped.split(" ", 1)[1] == "cannot start: asked to exit with 3\n"


def test_an_autoscaler_keeps_replicas_within_its_bounds_and_owns_them(cluster: Cluster) -> None:
    create(cluster, "deployments", deployment("scaled", template("scaled", "sandbox/pause:v1")))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    bounds = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}
    create(cluster, "horizontalpodautoscalers", {"metadata": {"name": "scaled"}, "spec": bounds})
    found = until_available(cluster, "scaled", 2)
    owners = {
        (entry["manager"], entry.get("subresource"))
        for entry in found["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    }
    assert owners == {("kube-controller-manager", "scale")}
    for asked, then in ((5, 3), (1, 2)):
        patch(cluster, "deployments", "scaled", {"spec": {"replicas": asked}})
        until_available(cluster, "scaled", then)
    patch(cluster, "deployments", "scaled", {"spec": {"replicas": 0}})
    until(
        cluster,
        "horizontalpodautoscalers",
        "fieldSelector=metadata.name%3Dscaled",
        lambda found: found["status"]["desiredReplicas"] == 0,
    )
    assert get(cluster, "deployments", "scaled")["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("name", "pod", "reason", "message"),
    [
        ("log-image", {"image": "sandbox/web:nosuch"}, "ErrImagePull", "trying and failing to pull image"),
        (
            "log-config", {"envFrom": [{"configMapRef": {"name": "absent"}}]}, "CreateContainerConfigError",
            "CreateContainerConfigError",
        ),
    ],
)  # fmt: skip
def test_a_container_that_has_not_started_has_no_log(
    cluster: Cluster, name: str, pod: Object, reason: str, message: str
) -> None:
    create(cluster, "deployments", deployment(name, template(name, **pod)))
    found = until(
        cluster, "pods", f"labelSelector=app%3D{name}", lambda pod: waiting_reason(pod) == reason
    )["metadata"]["name"]  # fmt: skip
    status, refusal = cluster.request("GET", path_of("pods", name=found) + "/log")
    assert (status, refusal["message"]) == (
        400, f'container "app" in pod "{found}" is waiting to start: {message}',
    )  # fmt: skip


def test_a_pod_that_no_node_has_room_for_waits_until_one_has(cluster: Cluster) -> None:
    pod = template("huge", resources={"requests": {"cpu": "20"}})
    create(cluster, "deployments", deployment("huge", pod))

    def is_refused(pod: Object) -> bool:
        conditions = pod["status"].get("conditions") or [{}]
        return "Insufficient cpu" in conditions[0].get("message", "")

    until(cluster, "pods", "labelSelector=app%3Dhuge", is_refused)
    body = {"status": {"capacity": {"cpu": "32"}, "allocatable": {"cpu": "32"}}}
    status, node = cluster.request("PATCH", "/api/v1/nodes/node-1/status", body, STRATEGIC)
    assert (status, node["status"]["allocatable"]["cpu"]) == (200, "32")
    until_available(cluster, "huge")


def test_images_can_be_added_and_lost(cluster: Cluster) -> None:
    cluster.add_images("example.com/shop:*")
    create(cluster, "deployments", deployment("shop", template("shop", "example.com/shop:1")))
    until_available(cluster, "shop")
    cluster.lose_images("example.com/shop:2")
    container = {"name": "app", "image": "example.com/shop:2"}
    patch(
        cluster,
        "deployments",
        "shop",
        {"spec": {"template": {"spec": {"containers": [container]}}}},
        STRATEGIC,
    )
    until(cluster, "pods", "labelSelector=app%3Dshop", lambda pod: waiting_reason(pod) == "ErrImagePull")
    cluster.clear()


def test_hundreds_of_pods_without_processes(cluster: Cluster) -> None:
    pod = template("many", "sandbox/pause:1", env={"APP_START_DELAY": "1"})
    create(cluster, "deployments", deployment("many", pod, replicas=200))
    began = time.monotonic()
    until_available(cluster, "many", 200, seconds=40)
    assert time.monotonic() - began > 1
    patch(cluster, "deployments", "many", {"spec": {"replicas": 0}})
    until_available(cluster, "many", 0, seconds=40)


def _through_proxy(cluster: Cluster, service_name: str, path: str = "") -> tuple[int, object]:
    return cluster.request("GET", path_of("services", name=service_name) + f"/proxy/{path}")


def test_the_service_proxy_passes_the_application_on(cluster: Cluster) -> None:
    create(cluster, "services", service("proxied", port_name="http"))
    create(cluster, "deployments", deployment("proxied", template("proxied", env={"APP_BAD_PATH": "/bad"})))
    until_available(cluster, "proxied")
    _until_serves(cluster, "proxied", 1)
    (pod,) = pods_of(cluster, "proxied")
    for name in ("proxied:80", "proxied:http", "http:proxied:http", "proxied%3A80"):
        assert _through_proxy(cluster, name, "hostname?x=1") == (200, pod["metadata"]["name"] + "\n")
    assert _through_proxy(cluster, "proxied:80", "bad/thing") == (500, "asked to answer badly\n")
    assert _through_proxy(cluster, "proxied:80", "absent") == (404, "not found\n")


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("empty", 503, 'no endpoints available for service "empty"'),
        ("empty:81", 503, 'no service port 81 found for service "empty"'),
        ("absent:80", 404, 'services "absent" not found'),
        ("unready:80", 503, 'no endpoints available for service "unready:80"'),
    ],
)
def test_the_service_proxy_refuses_in_its_own_name(
    cluster: Cluster, name: str, status: int, message: str
) -> None:
    _ensure(cluster, "services", service("empty"))
    _ensure(cluster, "services", service("unready"))
    _ensure(cluster, "deployments", deployment("unready", template("unready", env={"APP_NEVER_READY": "1"})))
    has_address = "labelSelector=app%3Dunready"
    until(cluster, "pods", has_address, lambda pod: pod["status"].get("podIP"))
    until(cluster, "endpoints", "fieldSelector=metadata.name%3Dunready", lambda found: found.get("subsets"))
    answered, refusal = _through_proxy(cluster, name)
    assert isinstance(refusal, dict)
    assert (answered, refusal["message"]) == (status, message)


def _ensure(cluster: Cluster, resource: str, body: Object) -> None:
    if cluster.request("GET", path_of(resource, name=body["metadata"]["name"]))[0] == 404:
        create(cluster, resource, body)


def test_a_closed_target_port_is_said_by_the_proxy(cluster: Cluster) -> None:
    body = service("mistargeted")
    body["spec"]["ports"][0]["targetPort"] = 9999
    create(cluster, "services", body)
    create(cluster, "deployments", deployment("mistargeted"))
    until_available(cluster, "mistargeted")
    _until_serves(cluster, "mistargeted", 1)
    status, refusal = _through_proxy(cluster, "mistargeted:80")
    (pod,) = pods_of(cluster, "mistargeted")
    where = f"{pod['status']['podIP']}:9999"
    assert isinstance(refusal, dict)
    assert (status, refusal["message"]) == (
        503, f"error trying to reach service: dial tcp {where}: connect: connection refused",
    )  # fmt: skip


def test_a_stateful_set_has_numbered_pods_one_after_the_other(cluster: Cluster) -> None:
    body = deployment("db", replicas=2, serviceName="db")
    create(cluster, "statefulsets", {**body, "kind": "StatefulSet"})
    selector = "fieldSelector=metadata.name%3Ddb"
    until(cluster, "statefulsets", selector, lambda found: found["status"].get("readyReplicas") == 2)
    first, second = pods_of(cluster, "db")
    assert [pod["metadata"]["name"] for pod in (first, second)] == ["db-0", "db-1"]
    ready = next(c for c in first["status"]["conditions"] if c["type"] == "Ready")["lastTransitionTime"]
    assert second["metadata"]["creationTimestamp"] >= ready
    container = {"name": "app", "image": "sandbox/web:v2"}
    patch(
        cluster,
        "statefulsets",
        "db",
        {"spec": {"template": {"spec": {"containers": [container]}}}},
        STRATEGIC,
    )

    def is_updated(found: Object) -> bool:
        status = found["status"]
        return bool(status.get("updatedReplicas") == status.get("readyReplicas") == 2)

    until(
        cluster, "statefulsets", selector, lambda found: is_updated(found) and _is_current(found), seconds=40
    )
    assert {pod["spec"]["containers"][0]["image"] for pod in pods_of(cluster, "db")} == {"sandbox/web:v2"}


def _is_current(stateful_set: Object) -> bool:
    status = stateful_set["status"]
    return bool(
        status["observedGeneration"] == stateful_set["metadata"]["generation"]
        and status["currentRevision"] == status["updateRevision"]
    )


def test_a_daemon_set_has_one_pod_a_node(cluster: Cluster) -> None:
    body = deployment("agent")
    create(cluster, "daemonsets", {**body, "kind": "DaemonSet"})

    def is_ready(found: Object) -> bool:
        return bool(found["status"].get("numberAvailable") == 1)

    found = until(cluster, "daemonsets", "fieldSelector=metadata.name%3Dagent", is_ready)
    assert found["status"]["desiredNumberScheduled"] == 1


@pytest.mark.parametrize(
    ("name", "command", "end", "reason"),
    [
        ("done", ["sh", "-c", "echo working; exit 0"], "Complete", "CompletionsReached"),
        ("failed", ["sh", "-c", "exit 4"], "Failed", "BackoffLimitExceeded"),
    ],
)
def test_a_job_ends(cluster: Cluster, name: str, command: list[str], end: str, reason: str) -> None:
    container = {"name": "app", "image": "sandbox/web:v1", "command": command}
    spec = {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    create(cluster, "jobs", {"metadata": {"name": name}, "spec": spec})

    def has_ended(found: Object) -> bool:
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any((c["type"], c["reason"]) == (end, reason) for c in conditions)

    until(cluster, "jobs", f"fieldSelector=metadata.name%3D{name}", has_ended)


def test_a_pod_whose_container_cannot_be_started_has_ended_where_it_may_not_be_started_again(
    cluster: Cluster,
) -> None:
    container = {"name": "app", "image": "sandbox/web:v1", "command": ["migrate"]}
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
    create(cluster, "jobs", {"metadata": {"name": "no-command"}, "spec": spec})

    def has_failed(pod: Object) -> bool:
        return bool(pod["status"]["phase"] == "Failed")

    selector = "labelSelector=job-name%3Dno-command"
    (status,) = until(cluster, "pods", selector, has_failed)["status"]["containerStatuses"]
    ended = status["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"], ended["startedAt"]) == (
        "StartError",
        128,
        "1970-01-01T00:00:00Z",
    )
    assert 'exec: "migrate": executable file not found in $PATH' in ended["message"]
    # The next one comes ten seconds later.
    assert len(cluster.request("GET", f"{path_of('pods')}?{selector}")[1]["items"]) == 1


def test_deleting_a_namespace_empties_it(cluster: Cluster) -> None:
    assert cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "brief"}})[0] == 201
    create(cluster, "deployments", deployment("web"), "brief")
    assert cluster.request("DELETE", "/api/v1/namespaces/brief")[1]["status"]["phase"] == "Terminating"
    for event in cluster.watch("/api/v1/namespaces?fieldSelector=metadata.name%3Dbrief", 20):
        if event["type"] == "DELETED":
            break
    assert cluster.request("GET", path_of("pods", "brief"))[1]["items"] == []


def test_deleting_in_the_foreground_waits_for_the_dependents(cluster: Cluster) -> None:
    create(cluster, "deployments", deployment("owner"))
    until_available(cluster, "owner")
    path = path_of("deployments", name="owner")
    _status, answer = cluster.request("DELETE", path, {"propagationPolicy": "Foreground"})
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert get(cluster, "deployments", "owner")["metadata"]["deletionTimestamp"]
    until_gone(cluster, "deployments", "owner")
    assert pods_of(cluster, "owner") == []


def test_two_clusters_live_side_by_side(cluster: Cluster, tmp_path: Path, worker_id: str) -> None:
    with Cluster(tmp_path, node_address=node_address(worker_id, 7)) as other:
        create(other, "services", service("web", 30081))
        create(other, "deployments", deployment("web", template("web", env={"COLOR": "other"})))
        until_available(other, "web")
        _until_serves(other, "web", 1)
        assert json.loads(_ask(other, 30081))["color"] == "other"


_HOLDER = """
import sys
from pathlib import Path
from sandbox.cluster import Cluster
cluster = Cluster(Path(sys.argv[1]), node_address=sys.argv[2])
cluster.start()
print(cluster.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("victim", ["cluster", "holder"])
def test_nothing_stays_when_the_cluster_or_its_holder_is_killed(
    tmp_path: Path, worker_id: str, victim: str
) -> None:
    env = {**os.environ, "PYTHONPATH": str(_TESTS)}
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path), node_address(worker_id, 8)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        other = Cluster.attached(tmp_path)
        create(other, "services", service("web", 30081))
        create(other, "deployments", deployment("web", replicas=2))
        until_available(other, "web", 2)
        descendants = [pid, *_children(pid)]
        assert len(descendants) == 4
        os.kill({"cluster": pid, "holder": holder.pid}[victim], signal.SIGKILL)
        _until_dead(descendants)
        holder.kill()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def _until_dead(pids: list[int], seconds: float = 10) -> None:
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert _is_over(handle, seconds), f"process {pid} lives on"
        finally:
            os.close(handle)


def _is_over(handle: int, seconds: float) -> bool:
    ready, _writable, _failed = select.select([handle], [], [], seconds)
    return bool(ready)
