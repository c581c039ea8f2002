# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Colors and ledgers for the tables of what is to be done."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, Ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    Side,
    Workload,
)

from ..some_router import MADE, some_router

OLD = Release("0012345", "aaaa")
NEW = Release("00abcde", "bbbb")

ROUTER = some_router()
UNSERVED = some_router(None, drift=MADE)


def work(release: Release | None = OLD, **changes: Any) -> Workload:
    values = {
        "release": release,
        "proven_at": "2026-01-01T00:00:00+00:00",
        "rejected": False,
        "replicas": 2,
        "ready_replicas": 2,
        "lack": "",
        "images": ("web:1",),
        "marks": (),
    }
    return Workload(**values | changes)


def side(color: str, workload: Workload | None = None, **changes: Any) -> Side:
    port = 30081 if color == "blue" else 30082
    values = {"service_ports": (port,) if workload else None}
    return Side(color, (port,), workload, **values | changes)


def sides(
    blue: Workload | None = None, green: Workload | None = None, **green_changes: Any
) -> dict[str, Side]:
    return {"blue": side("blue", blue), "green": side("green", green, **green_changes)}


OLDER = Release("0000001", "cccc")


def moved(release: Release, left: Release | None = None, name: str = "swapped") -> Event:
    by = {"user": "ada", "host": "laptop"}
    return Event(name, "2026-01-02T03:04:05+00:00", f"{name}-{release.commit}", release, "blue", left, by)


# OLDER, then OLD, then NEW, which is live on blue.
HISTORY = (moved(OLDER), moved(OLD, OLDER), moved(NEW, OLD))


def ledger(*more: Event, kept: tuple[Release, ...] = ()) -> Ledger:
    return Ledger((*HISTORY, *more), dict.fromkeys(kept, b""))
