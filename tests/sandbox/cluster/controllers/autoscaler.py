"""Autoscalers, as they are where nobody measures anything: they only hold their targets within their bounds.

https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from __future__ import annotations

from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import AUTOSCALER, BY_NAME, Kind
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.objects import Object, clone, key_of, name_of, namespace_of
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.store import Change

# A real one looks every 15 s.
_LATENCY = 0.1
_WRITER = Writer("kube-controller-manager", subresource="scale")


class AutoscalerController:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store
        self._events = Recorder(self._store, "horizontal-pod-autoscaler")
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is AUTOSCALER:
            self._queue.add(key_of(change.object))
        elif "scale" in change.kind.subresources:
            for autoscaler in self._store.list(AUTOSCALER, namespace_of(change.object)):
                if _target(autoscaler) == (change.kind, name_of(change.object)):
                    self._queue.add(key_of(autoscaler))

    def _sync(self, namespace: str, name: str) -> None:
        autoscaler = self._store.get(AUTOSCALER, namespace, name)
        kind, target = _target(autoscaler) if autoscaler is not None else (None, "")
        found = self._store.get(kind, namespace, target) if kind is not None else None
        if autoscaler is None or kind is None or found is None:
            return
        spec, replicas = autoscaler["spec"], found["spec"]["replicas"]
        # What somebody has scaled to zero stays there.
        wanted = min(max(replicas, spec["minReplicas"]), spec["maxReplicas"]) if replicas else 0
        if replicas != wanted:
            self._scale(kind, found, wanted)
            why = "below minReplicas" if replicas < wanted else "above maxReplicas"
            message = f"New size: {wanted}; reason: Current number of replicas {why}"
            self._events.normal(AUTOSCALER, autoscaler, "SuccessfulRescale", message)

        def write(stored: Object) -> None:
            stored["status"] = {
                **stored.get("status", {}), "currentReplicas": replicas, "desiredReplicas": wanted,
            }  # fmt: skip

        self._store.modify(AUTOSCALER, autoscaler, write)

    def _scale(self, kind: Kind, found: Object, replicas: int) -> None:
        def change(old: Object) -> Object:
            scaled: Object = clone(old)
            scaled["spec"]["replicas"] = replicas
            return scaled

        self._resources.change(kind, namespace_of(found), name_of(found), change, Options(_WRITER))


def _target(autoscaler: Object) -> tuple[Kind | None, str]:
    reference = autoscaler["spec"]["scaleTargetRef"]
    kind = BY_NAME.get(reference["kind"])
    return kind if kind is not None and "scale" in kind.subresources else None, reference["name"]
