# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Follows lists of objects as they change, several at once, over connections that may break."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.wire import Watch, is_transient
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import (
    Changed,
    Listed,
    Lost,
    Stream,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import Apart

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
# Long enough to cost nothing, short enough that a connection which died without a word is noticed.
_WATCH_SECONDS = 45
_GONE = 410
# To list is not to be allowed to watch.
_REFUSED = (401, 403, 404, 405)


@dataclass(frozen=True)
class Refused:
    """A stream that cannot be followed at all."""

    stream: Stream
    error: BaseException


News: TypeAlias = "Listed | Changed | Lost | Refused"


class Feed:
    """News of all followed streams, in one queue.

    Each stream is a thread that lists, then watches from the list's version. A stream that ends is
    taken up where it ended; one that breaks is listed anew, so that nothing is ever missed.
    """

    def __init__(
        self, cluster: Cluster, watch: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Without ``watch`` everything is listed once and that is all."""
        self._cluster = cluster
        self._watch = watch
        self._clock = clock
        self._queue: queue.SimpleQueue[tuple[_Follower, News]] = queue.SimpleQueue()
        self._followers: dict[Stream, _Follower] = {}

    def follow(self, streams: Iterable[Stream]) -> list[Stream]:
        """Follow exactly these; returns those that were given up."""
        wanted = set(streams)
        given_up = [stream for stream in self._followers if stream not in wanted]
        for stream in given_up:
            self._followers.pop(stream).stop()
        for stream in wanted - self._followers.keys():
            self._followers[stream] = _Follower(self._cluster, stream, self._queue, self._watch)
        return given_up

    def next(self, until: float) -> list[News]:
        """What has come in since; waits for the first news, but not beyond ``until`` (by the clock)."""
        news: list[tuple[_Follower, News]] = []
        try:
            news.append(self._queue.get(timeout=max(0.0, until - self._clock())))
            while True:
                news.append(self._queue.get_nowait())
        except queue.Empty:
            return [each for follower, each in news if self._followers.get(each.stream) is follower]

    def close(self) -> None:
        self.follow(())


class _Follower:
    def __init__(
        self, cluster: Cluster, stream: Stream, news: queue.SimpleQueue[tuple[_Follower, News]], watch: bool
    ) -> None:
        self._cluster = cluster
        self._stream = stream
        self._news = news
        self._stopped = threading.Event()
        self._watch: Watch | None = None
        Apart(self._run if watch else self._list, lambda error: self._tell(Refused(stream, error)))

    def stop(self) -> None:
        self._stopped.set()
        if self._watch is not None:
            self._watch.close()

    def _tell(self, news: News) -> None:
        self._news.put((self, news))

    def _run(self) -> None:
        seen, pause = False, _SHORTEST_PAUSE
        while not self._stopped.is_set():
            watching = False
            try:
                version = self._list()
                seen = watching = True
                while not self._stopped.is_set():
                    version, busy = self._follow(version)
                    pause = _SHORTEST_PAUSE if busy else pause
                    if not busy and self._stopped.wait(pause):
                        return
            except ClusterError as error:
                status = error.details["status"]
                never_listed = not seen and (status is None or not is_transient(error))
                never_watched = watching and self._watch is None and status in _REFUSED
                if never_listed or never_watched:
                    raise
                if status != _GONE:
                    self._tell(Lost(self._stream, error.message))
                self._stopped.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _list(self) -> str:
        which = self._stream
        things, version = self._cluster.list(
            which.api_version,
            which.kind,
            which.namespace or None,
            which.label_selector or None,
            which.field_selector or None,
        )
        self._tell(Listed(which, things))
        return version

    def _follow(self, version: str) -> tuple[str, bool]:
        """One watch to its end: where to go on from, and whether it lived long or brought anything."""
        which = self._stream
        started, busy = time.monotonic(), False
        self._watch = self._cluster.watch(
            which.api_version,
            which.kind,
            which.namespace or None,
            which.label_selector or None,
            which.field_selector or None,
            version,
            _WATCH_SECONDS,
        )
        if self._stopped.is_set():
            self._watch.close()
        for kind, thing in self._watch:
            version = thing["metadata"]["resourceVersion"]
            busy = True
            if kind != "BOOKMARK":
                self._tell(Changed(which, thing, gone=kind == "DELETED"))
        return version, busy or time.monotonic() - started > 1.0
