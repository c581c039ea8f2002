"""ReplicaSets: as many pods as wanted."""

from __future__ import annotations

import time

from sandbox.cluster.controllers.pods import create_pod, delete_pod, doomed_first, is_available, pods_of
from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.errors import ApiError
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import POD, REPLICA_SET
from sandbox.cluster.objects import (
    Object,
    clone,
    dig,
    is_ready_pod,
    is_terminating,
    key_of,
    owner_of,
    timestamp,
)
from sandbox.cluster.resources import Resources
from sandbox.cluster.store import Change

_LATENCY = 0.01
# At a time, so that hundreds of pods do not hold everything else up.
_BURST = 25


class ReplicaSetController:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store
        self._events = Recorder(self._store, "replicaset-controller")
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is REPLICA_SET:
            self._queue.add(key_of(change.object))
        elif change.kind is POD:
            owner = owner_of(change.object)
            if owner is not None and owner["kind"] == REPLICA_SET.name:
                self._queue.add((change.object["metadata"]["namespace"], owner["name"]))

    def _sync(self, namespace: str, name: str) -> None:
        replica_set = self._store.get(REPLICA_SET, namespace, name)
        if replica_set is None:
            return
        pods = [pod for pod in pods_of(self._store, replica_set) if not is_terminating(pod)]
        active = [pod for pod in pods if dig(pod, "status", "phase") not in ("Succeeded", "Failed")]
        refusal = None if is_terminating(replica_set) else self._manage(replica_set, active)
        self._write_status(replica_set, active, refusal)
        if refusal is None:
            self._queue.succeeded((namespace, name))
        else:
            self._queue.retry((namespace, name))

    def _manage(self, replica_set: Object, pods: list[Object]) -> ApiError | None:
        """Creates or deletes some pods; returns the refusal that stopped it."""
        missing = replica_set["spec"]["replicas"] - len(pods)
        batch, created = 1, 0
        while created < min(missing, _BURST):
            for _round in range(min(batch, missing - created)):
                refusal = create_pod(self._resources, self._events, REPLICA_SET, replica_set)
                if refusal is not None:
                    return refusal
                created += 1
            batch *= 2
        surplus = doomed_first(pods)[: min(-missing, _BURST)] if missing < 0 else []
        for pod in surplus:
            delete_pod(self._resources, self._events, REPLICA_SET, replica_set, pod)
        return None

    def _write_status(self, replica_set: Object, pods: list[Object], refusal: ApiError | None) -> None:
        min_ready = replica_set["spec"].get("minReadySeconds") or 0
        labels = dig(replica_set, "spec", "template", "metadata", "labels") or {}
        labelled = [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
        ready = [pod for pod in pods if is_ready_pod(pod)]
        available = [pod for pod in ready if is_available(pod, min_ready, time.time())]
        counters = {
            "fullyLabeledReplicas": len(labelled),
            "readyReplicas": len(ready),
            "availableReplicas": len(available),
        }
        status: Object = {"replicas": len(pods), **{key: count for key, count in counters.items() if count}}
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        conditions = _conditions(replica_set, refusal)
        if conditions:
            status["conditions"] = conditions

        def write(stored: Object) -> None:
            stored["status"] = status

        self._store.modify(REPLICA_SET, replica_set, write)
        if len(available) < len(ready):
            self._queue.add(key_of(replica_set), float(min(min_ready, 1)))


def _conditions(replica_set: Object, refusal: ApiError | None) -> list[Object]:
    old: list[Object] = clone(dig(replica_set, "status", "conditions") or [])
    if refusal is None:
        return []
    if old:
        return old
    return [
        {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": timestamp(),
            "reason": "FailedCreate",
            "message": str(refusal),
        }
    ]
