"""StatefulSets: numbered pods, one after the other."""

from __future__ import annotations

import time
from typing import Any

from sandbox.cluster.controllers.pods import create_pod, delete_pod, is_available, pods_of
from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.controllers.template import template_hash
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import POD, STATEFUL_SET
from sandbox.cluster.objects import Object, dig, is_ready_pod, is_terminating, key_of, name_of, owner_of
from sandbox.cluster.resources import Resources
from sandbox.cluster.store import Change

REVISION_LABEL = "controller-revision-hash"
_LATENCY = 0.02


class StatefulSetController:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store
        self._events = Recorder(self._store, "statefulset-controller")
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is STATEFUL_SET:
            self._queue.add(key_of(change.object))
        elif change.kind is POD:
            owner = owner_of(change.object)
            if owner is not None and owner["kind"] == STATEFUL_SET.name:
                self._queue.add((change.object["metadata"]["namespace"], owner["name"]))

    def _sync(self, namespace: str, name: str) -> None:
        stateful_set = self._store.get(STATEFUL_SET, namespace, name)
        if stateful_set is None:
            return
        pods = {_ordinal(pod): pod for pod in pods_of(self._store, stateful_set)}
        revision = f"{name}-{template_hash(stateful_set['spec']['template'])}"
        if not is_terminating(stateful_set):
            self._step(stateful_set, pods, revision)
        self._write_status(stateful_set, list(pods.values()), revision)

    def _step(self, stateful_set: Object, pods: dict[int, Object], revision: str) -> None:
        """Creates what is missing, deletes what is too much, replaces what is old; in order, one at a time."""
        wanted: int = stateful_set["spec"]["replicas"]
        ordered = stateful_set["spec"].get("podManagementPolicy") == "OrderedReady"
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is None:
                changes = _identity(stateful_set, ordinal, revision)
                refusal = create_pod(self._resources, self._events, STATEFUL_SET, stateful_set, changes)
                if refusal is not None:
                    self._queue.retry(key_of(stateful_set))
                    return
            if ordered and (pod is None or not self._is_settled(stateful_set, pod)):
                return
        surplus = sorted((ordinal for ordinal in pods if ordinal >= wanted), reverse=True)
        for ordinal in surplus:
            if not is_terminating(pods[ordinal]):
                delete_pod(self._resources, self._events, STATEFUL_SET, stateful_set, pods[ordinal])
            if ordered:
                return
        self._replace_old(stateful_set, pods, revision)

    def _replace_old(self, stateful_set: Object, pods: dict[int, Object], revision: str) -> None:
        strategy = stateful_set["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        first = dig(strategy, "rollingUpdate", "partition") or 0
        for ordinal in range(stateful_set["spec"]["replicas"] - 1, first - 1, -1):
            pod = pods.get(ordinal)
            if pod is None or is_terminating(pod):
                return
            if pod["metadata"]["labels"].get(REVISION_LABEL) != revision:
                delete_pod(self._resources, self._events, STATEFUL_SET, stateful_set, pod)
                return
            if not self._is_settled(stateful_set, pod):
                return

    def _is_settled(self, stateful_set: Object, pod: Object) -> bool:
        min_ready = stateful_set["spec"].get("minReadySeconds") or 0
        settled = not is_terminating(pod) and is_available(pod, min_ready, time.time())
        if not settled and is_ready_pod(pod):
            self._queue.add(key_of(stateful_set), 1.0)
        return settled

    def _write_status(self, stateful_set: Object, pods: list[Object], revision: str) -> None:
        old = stateful_set.get("status") or {}
        min_ready = stateful_set["spec"].get("minReadySeconds") or 0
        ready = [pod for pod in pods if is_ready_pod(pod)]
        updated = [pod for pod in pods if pod["metadata"]["labels"].get(REVISION_LABEL) == revision]
        done = len(updated) == len(pods) == len(ready) == stateful_set["spec"]["replicas"]
        current_revision = revision if done else old.get("currentRevision") or revision
        current = [pod for pod in pods if pod["metadata"]["labels"].get(REVISION_LABEL) == current_revision]
        counters = {
            "readyReplicas": len(ready),
            "currentReplicas": len(current),
            "updatedReplicas": len(updated),
        }
        status: Object = {
            "observedGeneration": stateful_set["metadata"]["generation"],
            "replicas": len(pods),
            **{field: count for field, count in counters.items() if count},
            "currentRevision": current_revision,
            "updateRevision": revision,
            "collisionCount": 0,
            "availableReplicas": sum(1 for pod in ready if is_available(pod, min_ready, time.time())),
        }

        def write(stored: Object) -> None:
            stored["status"] = status

        self._store.modify(STATEFUL_SET, stateful_set, write)


def _ordinal(pod: Object) -> int:
    return int(name_of(pod).rpartition("-")[2])


def _identity(stateful_set: Object, ordinal: int, revision: str) -> dict[str, Any]:
    name = f"{name_of(stateful_set)}-{ordinal}"
    labels = {
        **(dig(stateful_set, "spec", "template", "metadata", "labels") or {}),
        "apps.kubernetes.io/pod-index": str(ordinal),
        REVISION_LABEL: revision,
        "statefulset.kubernetes.io/pod-name": name,
    }
    spec = {"hostname": name}
    if stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = stateful_set["spec"]["serviceName"]
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}
