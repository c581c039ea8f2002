"""Dependents go when their owner goes; everything in a namespace goes with it."""

from __future__ import annotations

from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.deletion import FOREGROUND, delete
from sandbox.cluster.kinds import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT, Kind
from sandbox.cluster.objects import Object, is_terminating, name_of, namespace_of
from sandbox.cluster.store import Change, Store

_LATENCY = 0.02


class GarbageCollector:
    """Works through what was deleted, by uid."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = WorkQueue(self._sync, _LATENCY)
        self._owners: set[str] = set()
        self._holding: dict[str, tuple[Kind, Object]] = {}

    def notice(self, change: Change) -> None:
        uid = change.object["metadata"]["uid"]
        references = change.object["metadata"].get("ownerReferences") or ()
        self._owners.update(reference["uid"] for reference in references)
        if change.type == "DELETED":
            self._holding.pop(uid, None)
            if uid in self._owners:
                self._owners.remove(uid)
                self._queue.add(("", uid))
            for reference in references:
                if reference["uid"] in self._holding:
                    self._queue.add(("", reference["uid"]))
        elif FOREGROUND in (change.object["metadata"].get("finalizers") or ()) and is_terminating(
            change.object
        ):
            self._holding[uid] = (change.kind, change.object)
            self._queue.add(("", uid))

    def _sync(self, _unused: str, uid: str) -> None:
        held = self._holding.get(uid)
        dependents = [
            (kind, obj)
            for kind, obj in self._store.each()
            if any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences") or ())
        ]
        for kind, obj in dependents:
            if not is_terminating(obj):
                delete(self._store, kind, obj, "Foreground" if held else "Background")
        if held and not dependents:
            self._release(*held)

    def _release(self, kind: Kind, owner: Object) -> None:
        def release(obj: Object) -> None:
            obj["metadata"]["finalizers"].remove(FOREGROUND)

        released = self._store.modify(kind, owner, release)
        if released is not None and not released["metadata"]["finalizers"]:
            self._store.remove(kind, released)


class NamespaceController:
    """Gives a namespace what each has, and empties the one that is to go."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is NAMESPACE:
            self._queue.add(("", name_of(change.object)))
        elif change.type == "DELETED":
            namespace = self._store.get(NAMESPACE, "", namespace_of(change.object))
            if namespace is not None and is_terminating(namespace):
                self._queue.add(("", name_of(namespace)))

    def _sync(self, _unused: str, name: str) -> None:
        namespace = self._store.get(NAMESPACE, "", name)
        if namespace is None:
            return
        if not is_terminating(namespace):
            self._furnish(name)
            return
        content = [(kind, obj) for kind, obj in self._store.each() if namespace_of(obj) == name]
        for kind, obj in content:
            if not is_terminating(obj):
                delete(self._store, kind, obj)
        if not content:
            self._store.remove(NAMESPACE, namespace)

    def _furnish(self, name: str) -> None:
        if self._store.get(SERVICE_ACCOUNT, name, "default") is None:
            self._store.create(SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": name}})
        if self._store.get(CONFIG_MAP, name, "kube-root-ca.crt") is None:
            metadata = {"name": "kube-root-ca.crt", "namespace": name}
            self._store.create(CONFIG_MAP, {"metadata": metadata, "data": {"ca.crt": "..."}})
