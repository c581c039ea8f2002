# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What matters of an Event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.containers import seconds


@dataclass(frozen=True, slots=True)
class Event:
    """``uid``, ``kind`` and ``name`` are of the object it is about; ``when`` is its latest occurrence."""

    uid: str
    kind: str
    name: str
    warning: bool
    reason: str
    message: str
    count: int
    when: float


def read_event(thing: Mapping[str, Any]) -> Event:
    """Read a core/v1 Event; the scheduler's have an eventTime alone, repeated ones a count."""
    about = thing.get("involvedObject") or {}
    stamp = thing.get("lastTimestamp") or (thing.get("series") or {}).get("lastObservedTime")
    stamp = stamp or thing.get("eventTime") or thing["metadata"].get("creationTimestamp")
    return Event(
        uid=str(about.get("uid") or ""),
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        warning=thing.get("type") == "Warning",
        reason=str(thing.get("reason") or ""),
        message=str(thing.get("message") or ""),
        count=int(thing.get("count") or (thing.get("series") or {}).get("count") or 1),
        when=seconds(stamp) or 0.0,
    )
