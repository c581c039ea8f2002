"""What a real cluster did, recorded in fixtures, and what ours does, in the same terms."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sandbox.cluster import Cluster

Object = dict[str, Any]
State = tuple[Any, ...]

_FIXTURES = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "kubernetes"
_PATHS = {
    "deployments": "/apis/apps/v1/deployments",
    "replicasets": "/apis/apps/v1/replicasets",
    "pods": "/api/v1/pods",
    "events": "/api/v1/events",
}
_COUNTERS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


@dataclass(frozen=True)
class Step:
    """One event of a watch: seconds since the beginning, the resource, ADDED and so on, the whole object."""

    at: float
    resource: str
    type: str
    object: Object


@dataclass
class Recorder:
    """Watches a whole cluster from now on."""

    cluster: Cluster
    seconds: float
    steps: list[Step] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        began = time.monotonic()
        for resource, path in _PATHS.items():
            _unused, listed = self.cluster.request("GET", path)
            version = listed["metadata"]["resourceVersion"]
            thread = threading.Thread(
                target=self._follow, args=(resource, f"{path}?resourceVersion={version}", began)
            )
            thread.start()
            self._threads.append(thread)

    def finish(self) -> list[Step]:
        for thread in self._threads:
            thread.join()
        return self.steps

    def _follow(self, resource: str, path: str, began: float) -> None:
        for event in self.cluster.watch(path, self.seconds):
            self.steps.append(Step(time.monotonic() - began, resource, event["type"], event["object"]))


def of(steps: list[Step], namespace: str) -> list[Step]:
    return [step for step in steps if step.object["metadata"].get("namespace") == namespace]


@cache
def recorded(scenario: str) -> list[Step]:
    """The recorded timeline with every object whole."""
    timeline = yaml.safe_load((_FIXTURES / f"{scenario}.yaml").read_text())["timeline"]
    known: dict[tuple[str, str], Object] = {}
    steps = []
    for entry in timeline:
        change, key = entry["object"], (entry["watch"], entry["object"]["metadata"]["name"])
        whole = deepcopy(known.get(key, {}))
        for part, value in change.items():
            whole[part] = {**whole.get(part, {}), **value} if part in ("metadata", "spec") else value
        known[key] = whole
        steps.append(Step(float(entry["t"]), entry["watch"], entry["type"], whole))
    return steps


def scenarios() -> Iterator[str]:
    for path in sorted(_FIXTURES.glob("*.yaml")):
        yield path.stem


def deployment_of(scenario: str) -> Object:
    """The recorded Deployment as somebody would have written it."""
    for step in recorded(scenario):
        if step.resource == "deployments" and step.type == "ADDED":
            found = deepcopy(step.object)
            found["metadata"] = {"name": found["metadata"]["name"]}
            del found["status"]
            return found
    raise LookupError(f"{scenario} creates no Deployment")


def states(steps: list[Step], resource: str) -> list[State]:
    """The states of the objects of a resource in the order in which they are first seen.

    A running init container is left out: those of the recordings end too fast to be seen.
    """
    see = {"deployments": _deployment_state, "replicasets": _replica_set_state, "pods": _pod_state}[resource]
    seen = [step.object for step in steps if step.resource == resource and step.type != "DELETED"]
    return list(dict.fromkeys(see(found) for found in seen if not _is_initializing(found)))


def pod_events(steps: list[Step]) -> list[tuple[str, str]]:
    """Type and reason of the events about pods in the order in which they are first told."""
    events = [
        step.object for step in steps
        if step.resource == "events" and step.object.get("involvedObject", {}).get("kind") == "Pod"
    ]  # fmt: skip
    return list(dict.fromkeys((event["type"], event["reason"]) for event in events))


def _is_initializing(obj: Object) -> bool:
    containers = (obj.get("status") or {}).get("initContainerStatuses") or ()
    return any("running" in container["state"] for container in containers)


def _conditions(status: Object) -> State:
    found = [(c["type"], c["status"], c.get("reason", "")) for c in status.get("conditions") or ()]
    return tuple(sorted(found))


def _deployment_state(deployment: Object) -> State:
    status = deployment.get("status") or {}
    behind = deployment["metadata"]["generation"] - status.get("observedGeneration", 0)
    return (behind, *(status.get(name, 0) for name in _COUNTERS), _conditions(status))


def _replica_set_state(replica_set: Object) -> State:
    status = replica_set.get("status") or {}
    names = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return (*(status.get(name, 0) for name in names), _conditions(status))


def _pod_state(pod: Object) -> State:
    status = pod.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return (
        bool(pod["spec"].get("nodeName")),
        status.get("phase"),
        bool(status.get("podIP")),
        bool(pod["metadata"].get("deletionTimestamp")),
        _conditions(status),
        tuple(_container_state(container) for container in containers),
    )


def _container_state(status: Object) -> State:
    return (
        *(_reason(status[name]) for name in ("state", "lastState")),
        status["ready"],
        status["restartCount"] > 0,
        status.get("started", False),
    )


def _reason(state: Object) -> State:
    for name, details in state.items():
        return name, details.get("reason", ""), details.get("exitCode", 0)
    return ()
