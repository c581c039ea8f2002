"""Events, counted and thinned out as the clients of a real cluster do it."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from sandbox.cluster.kinds import EVENT, Kind
from sandbox.cluster.objects import Object, clone, micro_timestamp, name_of, namespace_of, timestamp
from sandbox.cluster.store import Store

# A source may tell so much about an object, then one more every five minutes.
_BURST = 25
_REFILL_SECONDS = 300.0
# From the tenth message that differs only in its text on, they are one event.
_SIMILAR = 10
_SIMILAR_SECONDS = 600.0
_REMEMBERED = 4096
_KEPT_SECONDS = 3600.0

Key = tuple[str, ...]


@dataclass
class _Tokens:
    left: float = _BURST
    filled: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        now = time.monotonic()
        self.left = min(_BURST, self.left + (now - self.filled) / _REFILL_SECONDS)
        self.filled = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class _Memory(OrderedDict[Key, Any]):
    def __setitem__(self, key: Key, value: Any) -> None:
        super().__setitem__(key, value)
        if len(self) > _REMEMBERED:
            self.popitem(last=False)


class Recorder:
    """Tells events about objects in the name of one component."""

    def __init__(self, store: Store, component: str, host: str = "") -> None:
        self._store = store
        self._component = component
        self._host = host
        self._tokens = _Memory()
        self._similar = _Memory()
        self._told = _Memory()

    def normal(self, kind: Kind, obj: Object, reason: str, message: str, field_path: str = "") -> None:
        self._tell(kind, obj, "Normal", reason, message, field_path)

    def warning(self, kind: Kind, obj: Object, reason: str, message: str, field_path: str = "") -> None:
        self._tell(kind, obj, "Warning", reason, message, field_path)

    def _tell(
        self, kind: Kind, obj: Object, event_type: str, reason: str, message: str, field_path: str
    ) -> None:
        uid = obj["metadata"]["uid"]
        key: Key = (uid, field_path, event_type, reason)
        message, shared = self._aggregated(key, message)
        if not self._tokens.setdefault((uid,), _Tokens()).take():
            return
        key = key if shared else (*key, message)
        told = self._told.get(key)
        if told is not None and self._repeat(told, message):
            return
        event = self._event(kind, obj, event_type, reason, message, field_path)
        self._told[key] = self._store.create(EVENT, event)

    def _aggregated(self, key: Key, message: str) -> tuple[str, bool]:
        since, messages = self._similar.get(key, (0.0, set()))
        if time.monotonic() - since > _SIMILAR_SECONDS:
            messages = set()
        messages.add(message)
        self._similar[key] = (time.monotonic(), messages)
        if len(messages) < _SIMILAR:
            return message, False
        return f"(combined from similar events): {message}", True

    def _repeat(self, told: Object, message: str) -> bool:
        def count_up(event: Object) -> None:
            event["count"] += 1
            event["lastTimestamp"] = timestamp()
            event["message"] = message

        return self._store.modify(EVENT, told, count_up) is not None

    def _event(
        self, kind: Kind, obj: Object, event_type: str, reason: str, message: str, field_path: str
    ) -> Object:
        now = timestamp()
        source = {"component": self._component, "host": self._host}
        return {
            **_head(kind, obj, field_path),
            "reason": reason,
            "message": message,
            "source": {key: value for key, value in source.items() if value},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": event_type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }


def scheduler_event(
    store: Store, kind: Kind, obj: Object, event_type: str, reason: str, message: str
) -> None:
    """An event of the newer API, which the scheduler uses: no count and only `eventTime`."""
    node = obj["spec"].get("nodeName") or ""
    store.create(
        EVENT,
        {
            **_head(kind, obj, ""),
            "reason": reason,
            "message": message,
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": event_type,
            "eventTime": micro_timestamp(),
            "action": "Binding" if node else "Scheduling",
            "reportingComponent": "default-scheduler",
            "reportingInstance": "default-scheduler-node-1",
        },
    )


def forget_old_events(store: Store) -> None:
    """Events live for an hour."""
    limit = timestamp(time.time() - _KEPT_SECONDS)
    for event in store.list(EVENT):
        if (event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]) < limit:
            store.remove(EVENT, event)


def _head(kind: Kind, obj: Object, field_path: str) -> Object:
    involved = {
        "kind": kind.name,
        "namespace": namespace_of(obj),
        "name": name_of(obj),
        "uid": obj["metadata"]["uid"],
        "apiVersion": kind.api_version,
        "resourceVersion": obj["metadata"]["resourceVersion"],
    }
    if field_path:
        involved["fieldPath"] = field_path
    namespace = namespace_of(obj) or "default"
    return {
        "metadata": {"name": f"{name_of(obj)}.{time.time_ns():x}", "namespace": namespace},
        "involvedObject": clone(involved),
    }
