# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the role in any state, as its tasks leave them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import Asked, Run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Backend

from .some_router import facts, route

FRONT: dict[str, Any] = {
    "routes": (route(80, "blue"), route(9000, None)),
    "notes": ("health check HTTP:30081/healthz",),
    "backends": (Backend("i-1", "InService"),),
    "backends_are": "instances",
    "claim": "shop/8c1e",
}
ROUTER = facts(**FRONT)
BLUE: dict[str, Any] = {
    "commit": "0012345",
    "proven": True,
    "rejected": False,
    "ready": True,
    "lack": "",
    "replicas": 2,
    "ready_replicas": 2,
    "images": ["shop:0012345"],
    "target": "node port 30081",
    "holder": None,
}
GREEN = BLUE | {"commit": None, "images": [], "target": "node port 30082"}
PLAN: dict[str, Any] = {
    "action": "stage",
    "color": "green",
    "commit": "00abcde",
    "live": "blue",
    "at": 1002.0,
    "releases": {"blue": BLUE, "green": GREEN},
    "rollback": {"color": "blue", "to": "0012345", "reason": ""},
    "objects": [],
    "steps": [{"do": "swap"}],
}
SWAP = {"before": {}, "changed": True, "gap_ms": {"80": 84, "443": 85}}
FAILED = {"failed": True, "msg": "it broke"}
WATCHED = SWAP | FAILED | {"after": {}, "restored": False, "open": []}


ASKED = Asked(
    app="shop",
    namespace="store",
    action="deploy",
    commit="00abcde",
    load_balancer="shop-lb",
    check_mode=False,
    started=1000.0,
    finished=1008.2,
)


def run(action: str = "deploy", router: dict[str, Any] | None = None, **parts: Any) -> Run:
    """A run whose tasks have returned ``parts``; the rest is of what was asked for."""
    other = {
        name: parts.pop(name)
        for name in ("check_mode", "commit", "hooked", "list_limit", "on_failure")
        if name in parts
    }
    if action == "status":
        other = {"commit": "", **other}
    did: dict[str, Any] = {
        "facts": {"load_balancers": {"shop-lb": ROUTER if router is None else router}},
        "plan": PLAN,
        "lock": {"token": "t", "at": 1001.0},
    }
    if failed := next((part for part in parts.values() if part.get("failed")), None):
        did["failure"] = failed
    return Run(replace(ASKED, action=action, **other), did | parts)


DEPLOYED = run(
    applied={"changed": True},
    wait={"elapsed": 2.5},
    smoke={"at": 1007.0, "elapsed": 0.1},
    staged={"changed": True, "at": 1007.0},
    swapping={"at": 1007.1},
    swap=SWAP,
)
ROLLED_BACK = run(
    "rollback",
    plan=PLAN | {"action": "swap"},
    smoke={"at": 1003.1, "elapsed": 0.1},
    wait={"elapsed": 0.4},
    swapping={"at": 1003.5},
    swap=SWAP,
)
