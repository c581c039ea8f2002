# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A router of no kind in particular, for the tables of all that must not know a kind."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, SWAP, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import facts_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    OpenSwap,
    Route,
    Router,
    Target,
)

TARGETS = {"blue": Target((30081,), "node port 30081"), "green": Target((30082,), "node port 30082")}


def route(port: int, color: str | None, target: str = "30500", **more: Any) -> Route:
    return Route(str(port), color, target, "http", f"shop.example.com:{port}", **more)


def some_router(live: str | None = "blue", **changes: Any) -> Router:
    values: dict[str, Any] = {
        "name": "shop-lb",
        "type": "some",
        "dns_name": "shop.example.com",
        "live": live,
        "idle": {"blue": "green", "green": "blue"}.get(live or ""),
        "targets": TARGETS,
        "routes": (route(80, live),) if live else (),
        "fingerprint": "0011223344556677",
    }
    return Router(**values | changes)


def mended(code: str = "mixed", *by: str) -> tuple[Drift, ...]:
    """One drift, of a router that is odd, and what mends it."""
    return (Drift(code, "the router is odd", by),)


LACKING = mended("listener_missing")
MADE = mended("listener_missing", SWAP, REPAIR)
REPAIRABLE = mended("mixed", REPAIR)


def open_swap(color: str = "green", living: bool = False) -> OpenSwap:
    return OpenSwap(color, "ada@laptop", 42, "2026-01-01T00:00:00Z", 120, "1a2b3c4d", living, ("80",))


def cut_off(color: str = "green", *more: Drift, living: bool = False) -> Router:
    """One whose swap to a color was cut off, or is under way, with the port closed."""
    drift = Drift("swap_interrupted", f"a swap to {color} was cut off", (REPAIR,))
    closed = Drift("listener_missing", "no listener on port 80", (REPAIR,))
    swap = open_swap(color, living)
    return some_router(None, drift=(drift, closed, *more), open_swap=swap)


def facts(live: str | None = "blue", **changes: Any) -> dict[str, Any]:
    return facts_of(some_router(live, **changes))
