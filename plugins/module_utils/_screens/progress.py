# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a task of the role has come to, in a phase and a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of

Result = Mapping[str, Any]

# The phase that a task belongs to, by its action, for as long as it runs.
PHASES = {
    "elb_color_facts": "read",
    "release_plan": "plan",
    "k8s_lock": "lock",
    "release_apply": "stage",
    "k8s_wait_ready": "stage",
    "k8s_smoke": "check",
    "elb_listener_swap": "swap",
}


def phase_of(action: str, result: Result, app: str) -> tuple[str, str] | None:
    """The phase that is over and what is to be said of it; None where nothing is."""
    tell = _TELL.get(action)
    # What is the application's own is called by its color.
    text = tell(result) if tell else ""
    text = text.removeprefix(f"{app}-").replace(f", {app}-", ", ")
    return (_ENDED.get(action, PHASES[action]), text) if text else None


def _plan(result: Result) -> str:
    releases, color = result.get("releases") or {}, result.get("color")
    if color is None or result["action"] in ("unchanged", "wait", "retire", "preview"):
        return ""
    live = result.get("live")
    now = (
        f"{(releases.get(live) or {}).get('commit') or 'a release of no deploy'} on {live}"
        if live
        else "nothing yet"
    )
    if result["action"] == "resolve":
        return f"{now}; a swap that was cut off is brought onto {color} first"
    service = result.get("to_service")
    what = f"Service {service}" if service else result.get("commit") or "what is there"
    if color == live:
        return f"{now}; what has drifted is mended"
    return f"{now}; {what} goes to {color}"


def _wait(result: Result) -> str:
    told = [
        f"{each['name']}: {each['available']} of {each['wanted']} pods ready"
        for each in result.get("workloads") or ()
        if each.get("wanted") is not None and each["kind"] != "Service"
    ]
    return ", ".join(told)


def _smoke(result: Result) -> str:
    if not result.get("answered"):
        return ""
    return f"{result['asked']}: answered well"


def _swap(result: Result) -> str:
    if not result.get("changed") or "after" not in result:
        return ""
    router = router_of(result["after"])
    moved = [route for route in router.routes if not route.preview and route.color]
    to = ", ".join(route.name for route in moved)
    gaps = dict(result.get("gap_ms") or {})
    gap = (
        f"; {'ports were' if len(gaps) > 1 else 'the port was'} closed for {max(gaps.values())} ms"
        if gaps
        else ""
    )
    return f"{to} -> {moved[0].color}{gap}" if moved else ""


_TELL: dict[str, Callable[[Result], str]] = {
    "release_plan": _plan,
    "k8s_wait_ready": _wait,
    "k8s_smoke": _smoke,
    "elb_listener_swap": _swap,
}
# A plan tells of what is live.
_ENDED = {"release_plan": "live"}
