# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How an application stands: who serves, what each color runs, where the router leads, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import (
    Returned,
    Run,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Route, Router
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.advice import (
    of_drift,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import (
    Commands,
    Screen,
    way_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.verdict import (
    holder,
)


def standing(run: Run, commands: Commands) -> Screen:
    """For ``status``, which has read the router. It fails where it was asked for a commit, and that does not serve."""
    router = run.router
    if router is None:
        raise ValueError("status is told of a router that was read")
    drifts: list[tuple[str, str]] = [
        (f"{each.message} ({each.code})", of_drift(each, router, commands)) for each in router.drift
    ]
    # A deploy of what is live changes nothing of live.
    by_hand = f"bring Service {run.asked.app}-{run.live} back with kubectl, or {commands('rollback')}"
    drifts += [
        (f"{each['message']} ({each['code']})", each.get("next") or by_hand)
        for each in run.plan.get("drift", ())
    ]
    live = run.release(run.live)
    unwell = bool(run.live and run.plan and not live["ready"] and not live["holder"])
    serves = router.unserved is None and bool(run.plan) and run.live is not None and not unwell
    lacking = bool(run.asked.commit) and not (serves and live.get("commit") == run.asked.commit)
    head = f"{run.asked.commit} does not serve as it should: {_head(run)}" if lacking else _head(run)
    return Screen(
        f"{run.asked.app}: {head}",
        tuple(_lines(run, router, drifts)),
        good=serves and not drifts and not lacking,
        fails=lacking,
    )


def _head(run: Run) -> str:
    router = run.router
    if router and router.unserved:
        return f"nobody is served: {router.unserved}"
    counted = ""
    if router and router.in_service is not None:
        counted = f", {router.in_service} of {router.registered} {router.backends_are} in service"
    return _serving(run) + counted


def _serving(run: Run) -> str:
    if run.live is None:
        untold = run.router and (run.router.serves or any(drift.next for drift in run.router.drift))
        return "which color serves cannot be told" if untold else "no color is live"
    live = run.release(run.live)
    if not run.plan:
        return f"{run.live} is live; what it runs is not known"
    serves = f"{live['commit'] or 'a release of no deploy'} serves on {run.live}"
    pods = f", {live['ready_replicas']} of {live['replicas']} pods ready" if live["images"] else ""
    return serves + pods


def _lines(run: Run, router: Router, drifts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for color in COLORS:
        mark = "   live" if color == run.live else ""
        told = _color(run.release(color)) if run.plan else router.targets[color].words
        yield color, told + mark
    routes = "  ".join(map(_route, router.routes)) or "no listeners"
    yield "router", f"{router.name} ({router.type})  {'; '.join((routes, *router.notes))}"
    states = ", ".join(f"{backend.name} {backend.state}" for backend in router.backends)
    yield router.backends_are, states or "none"
    for message, step in drifts or [("none", "")]:
        yield "drift", message
        if step:
            yield "next", step
    if router.claim and router.claim != run.plan.get("claim", router.claim):
        yield "claim", router.claim
    if not run.plan:
        yield "cluster", str(run["plan"].get("msg", ""))
        return
    yield "lock", lock(run.plan.get("lock"))
    if kept := _kept_back(run.plan):
        yield "deploys", "; ".join(kept)
    yield "back", way_back(run.plan["rollback"])


def _route(route: Route) -> str:
    return f"{route.name} -> {route.color or route.target}{' (preview)' if route.preview else ''}"


def lock(hold: Returned | None) -> str:
    """Who holds the lock, in which phase and until when."""
    if not hold or hold.get("over"):
        return "free"
    phase = f" ({hold['phase']})" if hold.get("phase") else ""
    return f"held by {holder(hold)}{phase}, until {hold['until']} at the latest"


def _kept_back(plan: Returned) -> list[str]:
    """Why deploys are refused."""
    hold, frozen = plan.get("hold"), plan.get("frozen")
    held = (
        f"on hold, {hold['by']} went back from {hold['from']} to {hold['to']} at {hold['at']}" if hold else ""
    )
    return [held] * bool(held) + [f"frozen, {frozen}"] * bool(frozen)


def _color(release: dict[str, Any] | Returned) -> str:
    target = release["target"]
    if release["holder"]:
        return f"{target} is held by Service {release['holder']}"
    if not release["images"]:
        return f"nothing, {target}"
    marks = [mark for mark in ("proven", "rejected") if release[mark]] or ["not proven"]
    pods = f"{release['ready_replicas']} of {release['replicas']} ready"
    lack = [] if release["ready"] else [str(release["lack"])]
    what = release["commit"] or f"{', '.join(release['images'])} (of no deploy)"
    return ", ".join([what, *marks, pods, *lack, target])
