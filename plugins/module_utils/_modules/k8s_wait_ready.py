# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Waits until workloads are ready, and tells at once when they never will be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    BluegreenError,
    ClusterError,
    InputError,
    NotReadyError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, Cause, one_line
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.diagnosis import Diagnosis, diagnose
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.messages import (
    event_result,
    headline,
    log_tail,
    pod_lines,
    pod_result,
    progress,
    readiness,
    verdict_result,
    without_quotes,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.patience import Patience, Steady
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.request import read_asks
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import Scene, Stream
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.watch import Feed, News, Refused
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import within

Clock = Callable[[], float]

_BETWEEN_LINES = 3.0
# Where nothing changes, what is known is told again.
_REPEAT = 10.0
# For an answer to why nothing changes, which is no reason to wait.
_WHY_SECONDS = 2.0
_WHY_LENGTH = 160
# For the API to answer in check mode, which does not wait.
_LOOK_SECONDS = 30
# What a wait can do without when it may not see it; it then says so.
_OPTIONAL = ("Event", "ReplicaSet")


class Source(Protocol):
    def follow(self, streams: Any) -> list[Stream]:
        """Follow exactly these; returns those that were given up."""

    def next(self, until: float) -> list[News]:
        """What has come in since; waits for the first news, but not beyond ``until``."""

    def close(self) -> None:
        """Follow nothing any more."""


@dataclass(frozen=True)
class Ending:
    """How a wait ended: with all ready, with causes that are certain, or (neither) with its time over.

    ``steady`` is by the wait's own clock.
    """

    verdicts: Sequence[Verdict]
    ready: bool
    certain: Sequence[Cause]
    hidden: Sequence[str]
    elapsed: float
    steady: Steady | None = None


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, show: Show) -> Result:
    """See the module's documentation."""
    timeout, stable_for = params["timeout"], params["stable_for"]
    if timeout < 1:
        raise InputError(f"timeout is {timeout}; it must be at least 1 second.")
    if not 0 <= stable_for < timeout:
        raise InputError(
            f"stable_for is {stable_for}; it must be at least 0 and less than timeout ({timeout})."
        )
    for option in ("log_lines", "unschedulable_grace", "image_wait"):
        if params[option] < 0:
            raise InputError(f"{option} is {params[option]}; it must be 0 or more.")
    scene = Scene(read_asks(params), params["unschedulable_grace"])
    patience = Patience(
        stable_for, params["fail_fast"], _before(params["steady"]), image_wait=params["image_wait"]
    )
    feed = Feed(client, watch=not check_mode)
    try:
        if check_mode:
            ending = look(scene, feed, min(timeout, _LOOK_SECONDS))
        else:
            ending = wait(
                scene, feed, patience, timeout, client.now, show, why=partial(_last_trouble, client)
            )
    finally:
        feed.close()
    if ending.ready or check_mode:
        return _result(ending, Diagnosis((), (), ()))
    _check_namespaces(client, ending)
    failure = _failure(ending, diagnose(client, ending.verdicts, params["log_lines"]), client.now(), timeout)
    raise failure if params["details"] else _in_short(failure)


def wait(
    scene: Scene,
    feed: Source,
    patience: Patience,
    timeout: float,
    cluster_now: Callable[[], float | None],
    show: Show,
    clock: Clock = time.monotonic,
    why: Callable[[Sequence[Verdict]], str] = lambda verdicts: "",
) -> Ending:
    """Take in news until all is ready, something is certain, or ``timeout`` seconds are over.

    ``why`` is asked what is in the way where nothing has changed for a while.
    """
    start = clock()
    lines = _ProgressLines(show)
    verdicts: list[Verdict] = []
    wake_at = NEVER
    while (now := clock()) < start + timeout:
        _follow(scene, feed)
        _take_in(scene, feed.next(min(wake_at, lines.due, start + timeout)))
        now, wake_at = clock(), NEVER
        if not scene.complete or scene.lost:
            # Nothing is certain, neither good nor bad, on an old or a partial view.
            patience.interrupt()
            lost = " ".join(scene.lost[:1])
            lines.update(lost, lost, "", now)
            continue
        verdicts = scene.verdicts()
        outlook = patience.weigh(verdicts, now, cluster_now())
        wake_at = outlook.wake_at
        if outlook.look_at_events:
            scene.look_at_events()
        # What this look has asked for must be seen before anything is called certain.
        if scene.complete and (outlook.ready or outlook.certain):
            steady = patience.steady if outlook.ready else None
            return Ending(verdicts, outlook.ready, outlook.certain, scene.hidden, now - start, steady)
        news = readiness(verdicts)
        told_again = now >= lines.due and lines.told == news
        lines.update(news, progress(news, now - start), why(verdicts) if told_again else "", now)
    if not verdicts:
        raise _blind(scene, timeout)
    return Ending(verdicts, False, (), [*scene.hidden, *scene.lost], now - start)


def look(scene: Scene, feed: Source, timeout: float, clock: Clock = time.monotonic) -> Ending:
    """How it is now; ``timeout`` is but for the API to answer."""
    start = clock()
    while clock() < start + timeout:
        _follow(scene, feed)
        if scene.complete:
            verdicts = scene.verdicts()
            ready = all(verdict.ready for verdict in verdicts)
            return Ending(verdicts, ready, (), scene.hidden, clock() - start)
        _take_in(scene, feed.next(start + timeout))
    raise _blind(scene, timeout)


def _before(given: Mapping[str, Any] | None) -> Steady | None:
    """What an earlier wait returned as steady, by the clock of this one."""
    if given is None:
        return None
    age = max(0.0, time.time() - given["since"])
    return Steady(given["pods"], time.monotonic() - age)


def _told(steady: Steady | None) -> Result | None:
    """The same for a later wait: a monotonic clock means nothing to another process."""
    if steady is None:
        return None
    return {"pods": steady.pods, "since": round(time.time() - (time.monotonic() - steady.since), 3)}


def _blind(scene: Scene, timeout: float) -> ClusterError:
    told = " ".join(dict.fromkeys(scene.lost)) or "the API has not answered."
    return ClusterError(f"Could not see what is ready within {timeout:.0f} s: {told}")


def _follow(scene: Scene, feed: Source) -> None:
    for stream in feed.follow(scene.streams()):
        scene.forget(stream)


def _take_in(scene: Scene, news: Sequence[News]) -> None:
    for each in news:
        if not isinstance(each, Refused):
            scene.apply(each)
        elif each.stream.related and each.stream.kind in _OPTIONAL and isinstance(each.error, BluegreenError):
            scene.hide(each.stream.kind, each.error.message)
        else:
            raise each.error


def _check_namespaces(cluster: Cluster, ending: Ending) -> None:
    """Where nothing was found, the namespace itself may be what is missing."""
    absent = [
        verdict for verdict in ending.verdicts if any(cause.code == "NotFound" for cause in verdict.causes)
    ]
    for namespace in sorted({verdict.namespace for verdict in absent if verdict.namespace}):
        try:
            found = cluster.get("v1", "Namespace", namespace)
        except ClusterError:
            # Namespaces may be hidden from somebody who may see what is in them.
            continue
        if found is None:
            raise InputError(f'There is no namespace "{namespace}" at {cluster.host}; check its name.')


class _ProgressLines:
    """Tells a person when something has changed, but not more often than every few seconds; and again after a while.

    ``due`` is when there will be something to tell that had to wait; ``told`` was the last news.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self.told, self._told_at = "", -NEVER
        self.due = NEVER

    def update(self, news: str, line: str, why: str, now: float) -> None:
        """``line`` is told of ``news`` that are not empty, with the reason ``why`` where there is one."""
        self.due = NEVER
        if not news:
            return
        self.due = self._told_at + (_REPEAT if news == self.told else _BETWEEN_LINES)
        if now < self.due:
            return
        self._show(f"{line}; {why}" if why else line)
        self.told, self._told_at = news, now
        self.due = now + _REPEAT


def _last_trouble(cluster: Cluster, verdicts: Sequence[Verdict]) -> str:
    """The newest warning about what is not ready; empty where there is none, or no answer in time."""
    try:
        events = within(_WHY_SECONDS, lambda: diagnose(cluster, verdicts, 0).events)
    except TimeoutError:
        return ""
    return f"{events[0].name}: {one_line(events[0].message, _WHY_LENGTH)}" if events else ""


def _failure(ending: Ending, diagnosis: Diagnosis, now: float | None, timeout: int) -> NotReadyError:
    first = headline(ending.certain, ending.verdicts, diagnosis.events)
    if all(verdict.ready for verdict in ending.verdicts):
        first = f"{', '.join(verdict.name for verdict in ending.verdicts)}: ready, but never for long enough"
    if not ending.certain:
        first += f" (not ready after {timeout} s)"
    pods = [pod for verdict in ending.verdicts for pod in verdict.pods]
    lines = [
        first,
        *pod_lines(ending.verdicts, diagnosis.events, now),
        *log_tail(ending.certain, pods, diagnosis.logs),
    ]
    cause = without_quotes(first, ending.verdicts, diagnosis.events)
    return NotReadyError("\n".join(lines), cause=cause, **_result(ending, diagnosis))


def _in_short(failure: NotReadyError) -> NotReadyError:
    """The cause alone, where somebody else tells the rest."""
    first = failure.message.partition("\n")[0]
    left_out = ("pods", "events", "logs", *(["cause"] if failure.details["cause"] == first else []))
    told = {key: value for key, value in failure.details.items() if key not in left_out}
    return NotReadyError(first, **told)


def _result(ending: Ending, diagnosis: Diagnosis) -> Result:
    result: Result = {
        "changed": False,
        "ready": ending.ready,
        "elapsed": round(ending.elapsed, 3),
        "steady": _told(ending.steady),
        "workloads": [verdict_result(verdict) for verdict in ending.verdicts],
        "pods": [
            pod_result(pod, verdict.name, diagnosis.events)
            for verdict in ending.verdicts
            for pod in verdict.pods
        ],
    }
    hidden = list(dict.fromkeys([*ending.hidden, *diagnosis.hidden]))
    if hidden:
        result["warnings"] = hidden
    if not ending.ready:
        result["events"] = [event_result(event) for event in diagnosis.events]
        result["logs"] = list(diagnosis.logs)
    return result
