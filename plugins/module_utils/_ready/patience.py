# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""When a cause has stood long enough to be certain, and readiness long enough to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, Cause
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

# These are no guesses about the future, so they hold with fail_fast off as well.
_FINAL = ("NotFound", "JobFailed")
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


class Patience:
    """Remembers since when what has been true. All times are of one monotonic clock, in seconds."""

    def __init__(self, stable_for: float, fail_fast: bool) -> None:
        self._stable_for = stable_for
        self._fail_fast = fail_fast
        self._stands_since: dict[str, float] = {}
        self._steady: tuple[frozenset[tuple[str, int, float | None]], float] | None = None

    def weigh(self, verdicts: Sequence[Verdict], now: float, cluster_now: float | None = None) -> Outlook:
        """``cluster_now`` is the cluster's clock (epoch): what has been ready for long need not prove it anew."""
        causes = {cause.key: cause for verdict in verdicts for cause in verdict.causes}
        self._stands_since = {key: self._stands_since.get(key, now) for key in causes}
        certain, wakes, look = [], [], False
        for key, cause in causes.items():
            since = self._stands_since[key]
            look = look or now >= since + cause.look_after
            if self._fail_fast or cause.code in _FINAL:
                wakes.append(since + cause.patience)
                if now >= since + cause.patience:
                    certain.append(cause)
            wakes.append(since + cause.look_after)
        ready_at = self._ready_at(verdicts, now, cluster_now)
        return Outlook(
            ready=now >= ready_at,
            certain=tuple(certain),
            wake_at=min((each for each in (*wakes, ready_at) if each > now), default=NEVER),
            look_at_events=look,
        )

    def _ready_at(self, verdicts: Sequence[Verdict], now: float, cluster_now: float | None) -> float:
        """When all will have been ready for long enough, if nothing changes; NEVER while one is not."""
        if not verdicts or not all(verdict.ready for verdict in verdicts):
            self._steady = None
            return NEVER
        if all(verdict.lasting for verdict in verdicts):
            return now
        pods = [pod for verdict in verdicts for pod in verdict.pods]
        seen = frozenset((pod.uid, pod.restarts, pod.ready_since) for pod in pods)
        if self._steady is None or self._steady[0] != seen:
            stamps = [pod.ready_since for pod in pods]
            age = 0.0
            if cluster_now is not None and stamps and None not in stamps:
                newest = max(stamp for stamp in stamps if stamp is not None)
                age = max(0.0, cluster_now - newest - _STAMP)
            self._steady = (seen, now - age)
        return self._steady[1] + self._stable_for
