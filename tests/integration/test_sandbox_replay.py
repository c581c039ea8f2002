"""The sandbox's cluster goes through what a real one went through, and shows nothing that a real one never showed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import Once
from kube import node_address
from recordings import Object, Recorder, Step, deployment_of, of, pod_events, recorded, scenarios, states

from sandbox.cluster import Cluster

_SECONDS = 24
_CHANGE_SECONDS = 14


@dataclass(frozen=True)
class Scenario:
    """How to bring a recorded situation about: with which image and environment, and what beside the Deployment.

    `until` is how much of the recording is compared, in seconds.
    """

    name: str
    image: str = "sandbox/web:v1"
    env: dict[str, str] = field(default_factory=dict)
    until: float = 20.0
    beside: tuple[Object, ...] = ()

    @property
    def namespace(self) -> str:
        return f"replay-{self.name}"

    def deployment(self) -> Object:
        deployment = deployment_of(self.name)
        spec = deployment["spec"]["template"]["spec"]
        for container in [*spec.get("initContainers", ()), *spec["containers"]]:
            self._adapt(container)
        return deployment

    def _adapt(self, container: Object) -> None:
        container["image"] = self.image
        if self.env:
            container.pop("command", None)
        own = [entry for entry in container.get("env", ()) if "valueFrom" in entry]
        container["env"] = own + [{"name": name, "value": value} for name, value in self.env.items()]
        for probe, path in (("readinessProbe", "/healthz"), ("livenessProbe", "/livez")):
            if "httpGet" in container.get(probe, {}):
                container[probe]["httpGet"]["path"] = path


_ONE_POD = {
    "kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "one-pod"}, "spec": {"hard": {"pods": "1"}},
}  # fmt: skip
_NEW = [
    Scenario("healthy-rollout"),
    Scenario("err-image-pull", "sandbox/web:nosuch"),
    Scenario("invalid-image-name", "Not A Valid Image"),
    Scenario("image-never-pull", "sandbox/web:nosuch"),
    Scenario("crash-loop", env={"APP_CRASH_AFTER": "1.2"}),
    Scenario("oom-killed", env={"APP_OOM": "2.3"}),
    Scenario("bad-command", until=4),
    Scenario("liveness-failing", env={"APP_LIVENESS_FAILS": "1"}, until=5),
    Scenario("never-ready", env={"APP_NEVER_READY": "1"}),
    Scenario("progress-deadline", env={"APP_NEVER_READY": "1"}),
    Scenario("turns-unready", env={"APP_UNREADY_AFTER": "4"}, until=30),
    Scenario("slow-start", env={"APP_START_DELAY": "5"}, until=30),
    Scenario("init-failing"),
    Scenario("config-missing"),
    Scenario("secret-missing"),
    Scenario("volume-config-missing"),
    Scenario("unschedulable"),
    Scenario("node-selector"),
    Scenario("pvc-missing"),
    Scenario("min-ready-seconds"),
    Scenario("paused"),
    Scenario("zero-replicas"),
    Scenario("quota-refused", beside=(_ONE_POD,)),
]


@dataclass(frozen=True)
class Change:
    """What is done to a Deployment that is ready, given as a request below its namespace."""

    name: str
    method: str
    path: str
    body: Object
    spec: Object = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return f"replay-{self.name}"

    def deployment(self) -> Object:
        deployment = Scenario("healthy-rollout").deployment()
        deployment["spec"].update(self.spec)
        return deployment


_DEPLOYMENT = "/apis/apps/v1/namespaces/{}/deployments/healthy"


def _to_image(tag: str) -> Object:
    container = {"name": "app", "image": f"sandbox/web:{tag}"}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


_CHANGES = [
    Change("rolling-update", "PATCH", _DEPLOYMENT, _to_image("v2")),
    Change("scale-to-zero", "PATCH", _DEPLOYMENT, {"spec": {"replicas": 0}}),
    Change("recreate-update", "PATCH", _DEPLOYMENT, _to_image("v2"), {"strategy": {"type": "Recreate"}}),
    Change(
        "surge-zero-update", "PATCH", _DEPLOYMENT, _to_image("nosuch"),
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}},
    ),
    Change("update-bad-image", "PATCH", _DEPLOYMENT, _to_image("nosuch"), {"progressDeadlineSeconds": 10}),
    Change("delete-background", "DELETE", _DEPLOYMENT, {"propagationPolicy": "Background"}),
    Change("delete-foreground", "DELETE", _DEPLOYMENT, {"propagationPolicy": "Foreground"}),
]  # fmt: skip


# A Deployment takes over its ReplicaSet's failure in whichever of its looks comes first: the recorded one saw it
# together with the first pod, and one whose quota is 0 never sees it otherwise.
_NOT_RECORDED = {
    "deployments": {
        (0, 0, 0, 0, 0, 2, (
            ("Available", "False", "MinimumReplicasUnavailable"),
            ("Progressing", "True", "NewReplicaSetCreated"),
            ("ReplicaFailure", "True", "FailedCreate"),
        )),
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def replay(once: Once, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    steps: list[Step] = once("replay", lambda: _replay(tmp_path_factory.mktemp("cluster")))
    return steps


@pytest.fixture(scope="module")
def changed(once: Once, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    steps: list[Step] = once("changed", lambda: _change(tmp_path_factory.mktemp("cluster")))
    return steps


def _replay(folder: Path) -> list[Step]:
    """All situations at once, watched for as long as the longest takes."""
    with Cluster(folder, node_address=node_address("master", 3)) as cluster:
        recorder = Recorder(cluster, _SECONDS)
        recorder.start()
        for scenario in _NEW:
            _create(cluster, scenario)
        return recorder.finish()


def _change(folder: Path) -> list[Step]:
    """All changes at once, each to a Deployment that is ready."""
    with Cluster(folder, node_address=node_address("gw0", 3)) as cluster:
        for change in _CHANGES:
            _create(cluster, change)
        for change in _CHANGES:
            _until_available(cluster, change.namespace, 2)
        recorder = Recorder(cluster, _CHANGE_SECONDS)
        recorder.start()
        for change in _CHANGES:
            path, content_type = (
                change.path.format(change.namespace),
                "application/strategic-merge-patch+json",
            )
            status, answer = cluster.request(change.method, path, change.body, content_type)
            assert status == 200, answer
        return recorder.finish()


def _create(cluster: Cluster, situation: Scenario | Change) -> None:
    namespace = situation.namespace
    _post(cluster, "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for body in situation.beside if isinstance(situation, Scenario) else ():
        _post(cluster, f"/api/v1/namespaces/{namespace}/{body['kind'].lower()}s", body)
    _post(cluster, f"/apis/apps/v1/namespaces/{namespace}/deployments", situation.deployment())


def _post(cluster: Cluster, path: str, body: Object) -> None:
    status, answer = cluster.request("POST", path, body)
    assert status == 201, answer


def _until_available(cluster: Cluster, namespace: str, replicas: int) -> None:
    for event in cluster.watch(f"/apis/apps/v1/namespaces/{namespace}/deployments", 20):
        if event["object"]["status"].get("availableReplicas") == replicas:
            return
    pytest.fail(f"the Deployment in {namespace} did not get {replicas} available replicas")


@pytest.mark.parametrize("scenario", _NEW, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("resource", ["deployments", "replicasets", "pods"])
def test_shows_only_states_that_a_real_cluster_showed(
    replay: list[Step], scenario: Scenario, resource: str
) -> None:
    known = {state for name in scenarios() for state in states(recorded(name), resource)}
    known |= _NOT_RECORDED.get(resource, set())
    seen = states(of(replay, scenario.namespace), resource)
    strange = [state for state in seen if state not in known]
    assert not strange


@pytest.mark.parametrize("scenario", _NEW, ids=lambda scenario: scenario.name)
def test_gets_where_the_recording_got(replay: list[Step], scenario: Scenario) -> None:
    real = [step for step in recorded(scenario.name) if step.at <= scenario.until]
    ours = of(replay, scenario.namespace)
    assert states(real, "deployments")[-1] in states(ours, "deployments")
    assert set(pod_events(real)) <= set(pod_events(ours))


@pytest.mark.parametrize("change", _CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("resource", ["deployments", "replicasets", "pods"])
def test_a_change_shows_only_states_that_a_real_cluster_showed(
    changed: list[Step], change: Change, resource: str
) -> None:
    known = {state for name in scenarios() for state in states(recorded(name), resource)}
    seen = states(of(changed, change.namespace), resource)
    strange = [state for state in seen if state not in known]
    assert not strange


@pytest.mark.parametrize("change", _CHANGES, ids=lambda change: change.name)
def test_a_change_gets_where_the_recording_got(changed: list[Step], change: Change) -> None:
    real, ours = recorded(change.name), of(changed, change.namespace)
    gone = [step.type for step in ours if step.resource == "deployments"][-1] == "DELETED"
    if any(step.type == "DELETED" for step in real if step.resource == "deployments"):
        assert gone
    else:
        assert states(real, "deployments")[-1] in states(ours, "deployments")
