# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""When a cause has stood long enough to be certain, and readiness long enough to be believed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, Cause
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

# These are no guesses about the future, so they hold with fail_fast off as well.
_FINAL = ("NotFound", "JobFailed")
# An image that may be pushed later, and the rollout that stands still meanwhile.
_NO_IMAGE, _NO_PROGRESS = "ErrImagePull", "ProgressDeadlineExceeded"
# Kubernetes' times are whole seconds: two of them can be almost one second wrong together.
_STAMP = 1.0


@dataclass(frozen=True)
class Outlook:
    """What the verdicts amount to at one moment.

    ``certain`` are the causes that end the wait; ``wake_at`` is when to look again even if nothing
    changes; ``look_at_events`` says that a cause has stood so long that events may explain it.
    """

    ready: bool
    certain: tuple[Cause, ...]
    wake_at: float
    look_at_events: bool


@dataclass(frozen=True)
class Steady:
    """Which pods have all been ready since when; ``pods`` is a hash that a restart or a moment unready changes."""

    pods: str
    since: float


class Patience:
    """Remembers since when what has been true. All times are of one monotonic clock, in seconds.

    ``before`` is what an earlier wait has seen, ``steady`` what this one has; None while not all is ready.
    An image that the registry does not have may still be pushed for ``image_wait``.
    """

    def __init__(
        self, stable_for: float, fail_fast: bool, before: Steady | None = None, image_wait: float = 0.0
    ) -> None:
        self._stable_for = stable_for
        self._fail_fast = fail_fast
        self._image_wait = image_wait
        self._before = before
        self._stands_since: dict[str, float] = {}
        self._looked_at = -NEVER
        self.steady: Steady | None = None

    def interrupt(self) -> None:
        """Nothing could be seen for a while: what stands has not been seen to stand all the time."""
        self._stands_since.clear()

    def weigh(self, verdicts: Sequence[Verdict], now: float, cluster_now: float | None = None) -> Outlook:
        """``cluster_now`` is the cluster's clock (epoch): what has been ready for long need not prove it anew."""
        causes = {cause.key: cause for verdict in verdicts for cause in verdict.causes}
        self._stands_since = {key: self._stands_since.get(key, now) for key in causes}
        pushed_until = self._pushed_until(causes)
        certain, wakes, look = [], [], False
        for key, cause in causes.items():
            since = self._stands_since[key]
            look = look or now >= since + cause.look_after
            if self._fail_fast or cause.code in _FINAL:
                certain_at = since + cause.patience
                if cause.code in (_NO_IMAGE, _NO_PROGRESS):
                    certain_at = max(certain_at, pushed_until)
                wakes.append(certain_at)
                if now >= certain_at:
                    certain.append(cause)
            wakes.append(since + cause.look_after)
        ready_at = self._ready_at(verdicts, now, cluster_now)
        self._looked_at = now
        return Outlook(
            ready=now >= ready_at,
            certain=tuple(certain),
            wake_at=min((each for each in (*wakes, ready_at) if each > now), default=NEVER),
            look_at_events=look,
        )

    def _pushed_until(self, causes: Mapping[str, Cause]) -> float:
        """Until when the images that are missing may still be pushed."""
        missing = [key for key, cause in causes.items() if cause.code == _NO_IMAGE]
        return max((self._stands_since[key] + self._image_wait for key in missing), default=-NEVER)

    def _ready_at(self, verdicts: Sequence[Verdict], now: float, cluster_now: float | None) -> float:
        """When all will have been ready for long enough, if nothing changes; NEVER while one is not."""
        if not verdicts or not all(verdict.ready for verdict in verdicts):
            self.steady = None
            return NEVER
        if all(verdict.lasting for verdict in verdicts):
            return now
        pods = [pod for verdict in verdicts for pod in verdict.pods]
        seen = _identity(pods)
        if self.steady is None or self.steady.pods != seen:
            if self._before is not None and self._before.pods == seen:
                since = self._before.since
            else:
                # A node's clock may be behind, but at the last look it was not so.
                since = max(now - _age(pods, cluster_now), self._looked_at)
            self.steady = Steady(seen, since)
        return self.steady.since + self._stable_for


def _identity(pods: Sequence[Pod]) -> str:
    marks = sorted((pod.uid, pod.restarts, pod.ready_since) for pod in pods)
    return hashlib.sha256(repr(marks).encode()).hexdigest()[:16]


def _age(pods: Sequence[Pod], cluster_now: float | None) -> float:
    """For how many seconds at least all have been ready, by their own time stamps."""
    stamps = [pod.ready_since for pod in pods]
    if cluster_now is None or not stamps or None in stamps:
        return 0.0
    newest = max(stamp for stamp in stamps if stamp is not None)
    return max(0.0, cluster_now - newest - _STAMP)
