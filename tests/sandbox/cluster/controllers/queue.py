"""The queue in front of a controller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Key = tuple[str, str]


class WorkQueue:
    """Calls `sync(namespace, name)` a moment after it was asked to; asking again before that changes nothing."""

    def __init__(self, sync: Callable[[str, str], None], latency: float) -> None:
        """`latency` is in seconds: how far a controller lags behind the changes that it acts on."""
        self._sync = sync
        self._latency = latency
        self._pending: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key, after: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + (self._latency if after is None else after)
        pending = self._pending.get(key)
        if pending is not None:
            if pending.when() <= due:
                return
            pending.cancel()
        self._pending[key] = loop.call_at(due, self._run, key)

    def retry(self, key: Key) -> None:
        """Again after 5 ms, then 10, 20 … up to a quarter of an hour."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add(key, min(0.005 * 2**failures, 1000.0))

    def succeeded(self, key: Key) -> None:
        self._failures.pop(key, None)

    def _run(self, key: Key) -> None:
        del self._pending[key]
        self._sync(*key)
