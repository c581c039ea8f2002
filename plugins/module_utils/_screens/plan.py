# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A plan for whoever approves it: in one line, and what stands below that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import Run, changed_objects
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import way_back

_TENTH = 100
_DOES = ("stage", "scale", "swap")


def plan_line(plan: Mapping[str, Any], app: str, router: Router) -> str:
    """Of what release_plan returns; empty where it plans nothing that moves traffic or brings anything up."""
    if plan.get("action") not in _DOES:
        return ""
    live, color, releases = plan["live"], plan["color"], plan["releases"]
    now = f"{_named(releases[live])} (live)" if live else "nothing"
    goes = f"Service {plan['to_service']}" if plan.get("to_service") else plan["commit"] or "what is there"
    parts = [f"{len(plan['objects'])} objects"] if plan["objects"] else []
    if not any(step["do"] == "swap" for step in plan["steps"]):
        return "; ".join([f"Plan: {app} {goes} on {color}, beside {now}", *parts, "no traffic is moved"])
    moved = [route.name for route in router.routes if live and route.color == live and not route.preview]
    if parts and moved:
        parts = [f"{parts[0]}, listeners {', '.join(moved)}"]
    elif moved:
        parts = [f"listeners {', '.join(moved)}"]
    if moved and not router.abilities.gapless:
        last = plan.get("last_gap_ms")
        parts.append(f"ports closed for about {_about(last)}" if last else "ports closed for a moment")
    if (plan.get("capacity") or {}).get("raises"):
        parts.append(str(plan["capacity"]["words"]))
    return "; ".join(
        [f"Plan: {app} {now} -> {goes} on {color}", *parts, f"back: {way_back(plan['rollback'])}"]
    )


def plan_lines(run: Run) -> Iterator[tuple[str, str]]:
    """What a person asks before approving it, of a run in check mode."""
    plan, router = run.plan, run.router
    if router and router.unserved:
        yield "served", f"nobody: {router.unserved}"
    if plan.get("images"):
        yield "image", ", ".join(plan["images"])
    if plan["action"] == "stage":
        yield "changes", ", ".join(changed_objects(plan)) or "nothing but the release's name"
        held = run.release(run.color).get("commit")
        if held:
            yield str(run.color), f"holds {held} until then"
    swaps = any(step["do"] == "swap" for step in plan["steps"])
    if router and swaps:
        yield "touches", "; ".join(_touched(router)) or "no listener yet"
    if plan.get("capacity"):
        yield "pods", str(plan["capacity"]["words"])
    if not swaps:
        yield "back", way_back(plan["rollback"])
    if plan.get("apart"):
        yield "apart", f"the colors differ in more than color and node port: {'; '.join(plan['apart'])}"


def _touched(router: Router) -> list[str]:
    """The ways through the router that a swap moves, each with what it keeps of it."""
    return [
        " ".join(filter(None, (route.name, route.keeps, "(preview)" if route.preview else "")))
        for route in router.routes
        if route.color
    ]


def _about(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= _TENTH else f"{milliseconds} ms"


def _named(release: Mapping[str, Any]) -> str:
    if release.get("adopted"):
        return f"Service {release['adopted']}"
    return release["commit"] or "a release of no deploy"
