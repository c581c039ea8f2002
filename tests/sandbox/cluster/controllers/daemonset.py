"""DaemonSets: one pod on every node that it may run on."""

from __future__ import annotations

import time

from sandbox.cluster.controllers.pods import create_pod, delete_pod, is_available, pods_of
from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.controllers.statefulset import REVISION_LABEL
from sandbox.cluster.controllers.template import template_hash
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import DAEMON_SET, NODE, POD
from sandbox.cluster.objects import Object, dig, is_ready_pod, is_terminating, key_of, name_of, owner_of
from sandbox.cluster.quantities import scaled
from sandbox.cluster.resources import Resources
from sandbox.cluster.store import Change

_LATENCY = 0.02


class DaemonSetController:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store
        self._events = Recorder(self._store, "daemonset-controller")
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is DAEMON_SET:
            self._queue.add(key_of(change.object))
        elif change.kind is NODE:
            for daemon_set in self._store.list(DAEMON_SET):
                self._queue.add(key_of(daemon_set))
        elif change.kind is POD:
            owner = owner_of(change.object)
            if owner is not None and owner["kind"] == DAEMON_SET.name:
                self._queue.add((change.object["metadata"]["namespace"], owner["name"]))

    def _sync(self, namespace: str, name: str) -> None:
        daemon_set = self._store.get(DAEMON_SET, namespace, name)
        if daemon_set is None:
            return
        selector = dig(daemon_set, "spec", "template", "spec", "nodeSelector") or {}
        nodes = [
            name_of(node)
            for node in self._store.list(NODE)
            if selector.items() <= (node["metadata"].get("labels") or {}).items()
        ]
        pods = [pod for pod in pods_of(self._store, daemon_set) if not is_terminating(pod)]
        revision = template_hash(daemon_set["spec"]["template"])
        if not is_terminating(daemon_set):
            self._place(daemon_set, nodes, pods, revision)
            self._replace_old(daemon_set, nodes, pods, revision)
        self._write_status(daemon_set, nodes, pods, revision)

    def _place(self, daemon_set: Object, nodes: list[str], pods: list[Object], revision: str) -> None:
        taken = {pod["spec"].get("nodeName") for pod in pods}
        labels = dig(daemon_set, "spec", "template", "metadata", "labels") or {}
        for node in nodes:
            if node not in taken:
                changes = {
                    "metadata": {"labels": {**labels, REVISION_LABEL: revision}},
                    "spec": {"nodeName": node},
                }
                create_pod(self._resources, self._events, DAEMON_SET, daemon_set, changes)
        for pod in pods:
            if pod["spec"].get("nodeName") not in nodes:
                delete_pod(self._resources, self._events, DAEMON_SET, daemon_set, pod)

    def _replace_old(self, daemon_set: Object, nodes: list[str], pods: list[Object], revision: str) -> None:
        strategy = daemon_set["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate" or not pods:
            return
        allowed = scaled(strategy["rollingUpdate"]["maxUnavailable"], len(nodes), round_up=True)
        allowed -= len(nodes) - sum(1 for pod in pods if is_ready_pod(pod))
        for pod in pods:
            old = pod["metadata"]["labels"].get(REVISION_LABEL) != revision
            if old and (allowed > 0 or not is_ready_pod(pod)):
                delete_pod(self._resources, self._events, DAEMON_SET, daemon_set, pod)
                allowed -= 1

    def _write_status(self, daemon_set: Object, nodes: list[str], pods: list[Object], revision: str) -> None:
        min_ready = daemon_set["spec"].get("minReadySeconds") or 0
        ready = [pod for pod in pods if is_ready_pod(pod)]
        available = sum(1 for pod in ready if is_available(pod, min_ready, time.time()))
        updated = sum(1 for pod in pods if pod["metadata"]["labels"].get(REVISION_LABEL) == revision)
        optional = {
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        status: Object = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": len(nodes),
            "numberReady": len(ready),
            "observedGeneration": daemon_set["metadata"]["generation"],
            **{field: count for field, count in optional.items() if count},
        }

        def write(stored: Object) -> None:
            stored["status"] = status

        self._store.modify(DAEMON_SET, daemon_set, write)
        if available < len(ready):
            self._queue.add(key_of(daemon_set), 1.0)
