"""The stream of changes that a watch gets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object
from sandbox.cluster.selectors import Predicate
from sandbox.cluster.store import Change, Store, TooOld

_BOOKMARK_SECONDS = 60.0
_LAST_BOOKMARK_BEFORE_END = 2.0
_TOO_SHORT_FOR_BOOKMARKS = 10.0
_DEFAULT_SECONDS = 1800.0
_INITIAL_END = "k8s.io/initial-events-end"

Event = dict[str, Any]


class Watch:
    """One watch on one kind. Iterating gives its events until its time is up.

    `render` makes of an object what the client gets to see.
    """

    def __init__(
        self,
        store: Store,
        kind: Kind,
        namespace: str,
        selected: Predicate,
        query: Mapping[str, str],
        render: Callable[[Object], Object],
    ) -> None:
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._selected = selected
        self._render = render
        self._version = watch_version(query)
        self._bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self._initial_bookmark = self._bookmarks and query.get("sendInitialEvents") == "true"
        self._from_now = self._version == 0 or query.get("sendInitialEvents") == "true"
        seconds = float(query.get("timeoutSeconds") or _DEFAULT_SECONDS)
        self._end = time.monotonic() + seconds
        self._last_bookmark = self._end - (
            _LAST_BOOKMARK_BEFORE_END if seconds > _TOO_SHORT_FOR_BOOKMARKS else 0
        )
        self._changes: asyncio.Queue[Change] = asyncio.Queue()

    async def events(self) -> AsyncIterator[Event]:
        unlisten = self._store.listen(self._changes.put_nowait)
        try:
            for event in self._first_events():
                yield event
            bookmark_at = time.monotonic() + _BOOKMARK_SECONDS
            while True:
                wake = min(bookmark_at, self._last_bookmark) if self._bookmarks else self._end
                change = await self._next(wake - time.monotonic())
                if change is not None:
                    seen = self._event(change)
                    if seen:
                        yield seen
                    continue
                if time.monotonic() >= self._end:
                    return
                yield self._bookmark({})
                bookmark_at = time.monotonic() + _BOOKMARK_SECONDS
                self._last_bookmark = self._end
        except TooOld:
            yield too_old(self._version, self._store.oldest)
        finally:
            unlisten()

    def _first_events(self) -> list[Event]:
        if not self._from_now:
            seen = (self._event(change) for change in self._store.since(self._version))
            return [event for event in seen if event]
        found = self._store.list(self._kind, self._namespace)
        events = [self._as_event("ADDED", obj) for obj in found if self._selected(obj)]
        if self._initial_bookmark:
            events.append(self._bookmark({"annotations": {_INITIAL_END: "true"}}))
        return events

    async def _next(self, seconds: float) -> Change | None:
        if not self._changes.empty():
            return self._changes.get_nowait()
        try:
            return await asyncio.wait_for(self._changes.get(), max(seconds, 0))
        except TimeoutError:
            return None

    def _event(self, change: Change) -> Event | None:
        """A change as this watch sees it: what stops matching is deleted, with its old labels."""
        if change.kind is not self._kind or change.version <= self._version:
            return None
        if self._namespace and change.object["metadata"].get("namespace") != self._namespace:
            return None
        matched = change.previous is not None and self._selected(change.previous)
        matches = change.type != "DELETED" and self._selected(change.object)
        if matches:
            return self._as_event("MODIFIED" if matched else "ADDED", change.object)
        if not matched or change.previous is None:
            return None
        last = change.object
        if change.type != "DELETED":
            metadata = {**change.previous["metadata"], "resourceVersion": str(change.version)}
            last = {**change.previous, "metadata": metadata}
        return self._as_event("DELETED", last)

    def _as_event(self, event_type: str, obj: Object) -> Event:
        return {"type": event_type, "object": self._render(obj)}

    def _bookmark(self, metadata: Object) -> Event:
        obj = {
            "kind": self._kind.name,
            "apiVersion": self._kind.api_version,
            "metadata": {"resourceVersion": str(self._store.version), "creationTimestamp": None, **metadata},
        }
        return {"type": "BOOKMARK", "object": self._render(obj)}


def encode(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def watch_version(query: Mapping[str, str]) -> int:
    """The resourceVersion of a request, 0 when it has none."""
    text = query.get("resourceVersion") or "0"
    if not text.isdigit():
        raise unreadable_version(text)
    return int(text)


def unreadable_version(text: str) -> ApiError:
    return errors.internal(
        f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    )


def too_old(version: int, oldest: int) -> Event:
    """The event that ends a watch whose version is no longer known."""
    error = errors.expired(f"too old resource version: {version} ({oldest})")
    return {"type": "ERROR", "object": error.body}
