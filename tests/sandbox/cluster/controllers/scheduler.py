"""The scheduler: finds a node for every pod, or says why there is none."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.events import scheduler_event
from sandbox.cluster.kinds import NODE, POD
from sandbox.cluster.objects import (
    Object,
    dig,
    find_condition,
    is_terminating,
    key_of,
    name_of,
    namespace_of,
    timestamp,
)
from sandbox.cluster.quantities import amount, pod_requests
from sandbox.cluster.store import Change, Store

_LATENCY = 0.01
_RETRY_SECONDS = 95.0
_NO_SELECTOR_MATCH = "node(s) didn't match Pod's node affinity/selector"
_UNSCHEDULABLE = "node(s) were unschedulable"


class Scheduler:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = WorkQueue(self._sync, _LATENCY)
        # What is in use on each node, and what each pod has of it.
        self._used: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._charged: dict[str, tuple[str, dict[str, Fraction]]] = {}

    def notice(self, change: Change) -> None:
        if change.kind is POD:
            self._account(change)
        if change.kind is POD and change.type == "ADDED":
            self._queue.add(key_of(change.object))
        elif change.kind is NODE or (change.kind is POD and change.type == "DELETED"):
            for pod in self._store.list(POD):
                if not pod["spec"].get("nodeName"):
                    self._queue.add(key_of(pod))

    def _sync(self, namespace: str, name: str) -> None:
        pod = self._store.get(POD, namespace, name)
        if pod is None or pod["spec"].get("nodeName") or is_terminating(pod):
            return
        refusal = self._missing_claim(pod)
        if refusal is None:
            nodes = self._store.list(NODE)
            reasons = [(node, self._why_not(node, pod)) for node in nodes]
            fitting = next((node for node, reason in reasons if reason is None), None)
            if fitting is not None:
                self._bind(pod, name_of(fitting))
                return
            refusal = _refusal([reason for _unused, reason in reasons if reason])
        self._refuse(pod, refusal)
        self._queue.add((namespace, name), _RETRY_SECONDS)

    def _missing_claim(self, pod: Object) -> str | None:
        """There are no volumes to claim in this cluster."""
        for volume in pod["spec"].get("volumes") or ():
            claim = dig(volume, "persistentVolumeClaim", "claimName")
            if claim:
                total = len(self._store.list(NODE))
                return (
                    f'0/{total} nodes are available: persistentvolumeclaim "{claim}" not found. preemption: '
                    f"0/{total} nodes are available: {total} Preemption is not helpful for scheduling."
                )
        return None

    def _why_not(self, node: Object, pod: Object) -> str | None:
        labels = node["metadata"].get("labels") or {}
        if not (pod["spec"].get("nodeSelector") or {}).items() <= labels.items():
            return _NO_SELECTOR_MATCH
        if dig(node, "spec", "unschedulable"):
            return _UNSCHEDULABLE
        allocatable = dig(node, "status", "allocatable") or {}
        used = self._used[name_of(node)]
        for resource, wanted in _charge(pod).items():
            if used[resource] + wanted > amount(allocatable.get(resource, "0")):
                return "Too many pods" if resource == "pods" else f"Insufficient {resource}"
        return None

    def _account(self, change: Change) -> None:
        """Charges the node of a pod with what it asks for, for as long as it lives."""
        pod = change.object
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        over = change.type == "DELETED" or dig(pod, "status", "phase") in ("Succeeded", "Failed")
        if over and uid in self._charged:
            charged, amounts = self._charged.pop(uid)
            self._used[charged].subtract(amounts)
        elif node and not over and uid not in self._charged:
            self._charged[uid] = node, _charge(pod)
            self._used[node].update(self._charged[uid][1])

    def _bind(self, pod: Object, node_name: str) -> None:
        def write(stored: Object) -> None:
            stored["spec"]["nodeName"] = node_name
            _set_scheduled(stored, {"status": "True"})

        bound = self._store.modify(POD, pod, write)
        if bound is not None:
            message = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node_name}"
            scheduler_event(self._store, POD, bound, "Normal", "Scheduled", message)

    def _refuse(self, pod: Object, message: str) -> None:
        def write(stored: Object) -> None:
            _set_scheduled(stored, {"status": "False", "reason": "Unschedulable", "message": message})

        scheduler_event(self._store, POD, pod, "Warning", "FailedScheduling", message)
        self._store.modify(POD, pod, write)


def _charge(pod: Object) -> dict[str, Fraction]:
    return {**pod_requests(pod), "pods": Fraction(1)}


def _set_scheduled(pod: Object, condition: Object) -> None:
    found = find_condition(pod, "PodScheduled") or {}
    since = found.get("lastTransitionTime") if found.get("status") == condition["status"] else timestamp()
    pod["status"]["conditions"] = [{"type": "PodScheduled", "lastTransitionTime": since, **condition}]


def _refusal(reasons: list[str]) -> str:
    total = len(reasons)
    counted = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(reasons).items()))
    helpless = sum(1 for reason in reasons if reason in (_NO_SELECTOR_MATCH, _UNSCHEDULABLE))
    victims = {
        "Preemption is not helpful for scheduling": helpless,
        "No preemption victims found for incoming pod": total - helpless,
    }
    preemption = ", ".join(f"{count} {text}" for text, count in victims.items() if count)
    if not total:
        return "no nodes available to schedule pods"
    return (
        f"0/{total} nodes are available: {counted}. preemption: 0/{total} nodes are available: {preemption}."
    )
