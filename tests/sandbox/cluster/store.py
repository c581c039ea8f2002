"""The objects of the cluster, in memory, with one version counter and the history that watches need."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object, clone, is_terminating, key_of, timestamp

# A fresh store has a past already, so that "resourceVersion=1" is too old from the start.
_FIRST_VERSION = 1000
_HISTORY = 20_000


@dataclass(frozen=True)
class Change:
    """One write. `previous` is the object before it, None for what was just created."""

    version: int
    type: str
    kind: Kind
    object: Object
    previous: Object | None


class TooOld(Exception):
    """The history does not reach back to the version asked for."""


class Store:
    """Objects by kind, namespace and name.

    What it hands out is shared and must not be changed; writers hand in a copy. A write that changes nothing
    keeps the version and tells nobody.
    """

    def __init__(self) -> None:
        self.version = _FIRST_VERSION
        self._oldest = _FIRST_VERSION
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = {}
        self._history: deque[Change] = deque()
        self._listeners: list[Callable[[Change], None]] = []

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects.get(kind, {}).get((namespace, name))

    def list(self, kind: Kind, namespace: str = "") -> list[Object]:
        """In the order of namespace and name; all namespaces when none is given."""
        found = self._objects.get(kind, {})
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def each(self) -> Iterator[tuple[Kind, Object]]:
        for kind, objects in self._objects.items():
            for obj in list(objects.values()):
                yield kind, obj

    def create(self, kind: Kind, obj: Object) -> Object:
        """Takes the object over, gives it an identity and returns it."""
        stored = with_identity(kind, obj)
        self._put(kind, "ADDED", stored, None)
        return stored

    def update(self, kind: Kind, obj: Object) -> Object:
        """Replaces an object that exists. Returns what is stored now."""
        previous = self._objects[kind][key_of(obj)]
        stored = with_generation(kind, obj, previous)
        stored["metadata"]["resourceVersion"] = previous["metadata"]["resourceVersion"]
        if stored == previous:
            return previous
        self._put(kind, "MODIFIED", stored, previous)
        return stored

    def modify(self, kind: Kind, obj: Object, change: Callable[[Object], None]) -> Object | None:
        """Applies `change` to a copy of what is stored now; None when the object is gone or was replaced."""
        current = self.get(kind, *key_of(obj))
        if current is None or current["metadata"]["uid"] != obj["metadata"]["uid"]:
            return None
        changed: Object = clone(current)
        change(changed)
        return self.update(kind, changed)

    def remove(self, kind: Kind, obj: Object) -> Object:
        previous = self._objects[kind].pop(key_of(obj))
        self.version += 1
        last: Object = clone(previous)
        last["metadata"]["resourceVersion"] = str(self.version)
        self._tell(Change(self.version, "DELETED", kind, last, previous))
        return last

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Calls the listener with every change from now on; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def since(self, version: int) -> Iterator[Change]:
        """The changes after a version; TooOld when they are no longer known."""
        if version < self._oldest:
            raise TooOld
        return (change for change in list(self._history) if change.version > version)

    def forget_history(self) -> None:
        self._history.clear()
        self._oldest = self.version

    @property
    def oldest(self) -> int:
        return self._oldest

    def _put(self, kind: Kind, change_type: str, obj: Object, previous: Object | None) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._objects.setdefault(kind, {})[key_of(obj)] = obj
        self._tell(Change(self.version, change_type, kind, obj, previous))

    def _tell(self, change: Change) -> None:
        self._history.append(change)
        if len(self._history) > _HISTORY:
            self._oldest = self._history.popleft().version
        for listener in tuple(self._listeners):
            listener(change)


def with_identity(kind: Kind, obj: Object) -> Object:
    """Adds what the server gives to a new object, in place; one that has it already keeps it."""
    metadata = obj["metadata"]
    if "uid" in metadata:
        return obj
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp(time.time())
    if kind.has_generation:
        metadata["generation"] = 1
    obj.setdefault("apiVersion", kind.api_version)
    obj.setdefault("kind", kind.name)
    return obj


def with_generation(kind: Kind, obj: Object, previous: Object) -> Object:
    """Moves the generation on, in place, when the spec changed or the deletion began."""
    if kind.has_generation:
        changed = _spec(obj) != _spec(previous) or (is_terminating(obj) and not is_terminating(previous))
        obj["metadata"]["generation"] = previous["metadata"]["generation"] + int(changed)
    return obj


def _spec(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}
