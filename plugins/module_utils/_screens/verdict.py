# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How a run ended, in at most ten lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import (
    Returned,
    Run,
    failed,
    outcome,
    ran,
    reason,
    seconds,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.advice import (
    next_step,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.plan import plan_line, plan_lines
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import (
    Commands,
    Screen,
    way_back,
)

_WHY_LENGTH = 300


def verdict(run: Run, commands: Commands) -> Screen:
    if run["failure"]:
        return Screen(
            f"{run.asked.app}: {_failed_head(run)}",
            tuple(_failed_lines(run, commands)),
            good=False,
            fails=True,
        )
    planned = plan_line(run.plan, run.asked.app, run.router) if run.asked.check_mode and run.router else ""
    if planned:
        return Screen(planned, tuple(plan_lines(run)))
    return Screen(f"{run.asked.app}: {_head(run)}", tuple(_lines(run, commands)))


def _head(run: Run) -> str:
    would = run.asked.check_mode
    service = run.plan.get("to_service")
    wanted = f"Service {service}" if service else run.wanted
    serves = f"{wanted or 'what is there'} {'would serve' if would else 'serves'} on {run.color}"
    live = (
        f"{_serving(run, run.live) or 'what is live'} {'would stay' if would else 'stays'} live on {run.live}"
    )
    said = {
        "unchanged": lambda: _nothing_to_do(run),
        "repaired": lambda: (
            f"{run.asked.load_balancer} {'would be' if would else 'is'} wholly on {run.color}"
        ),
        "deployed": lambda: serves,
        "rolled_back": lambda: f"{serves} again",
        "staged": lambda: f"{run.wanted} {'would be' if would else 'is'} staged on {run.color}; {live}",
        "retired": lambda: f"{run.color} {'would be' if would else 'is'} scaled to zero; {live}",
        "released": lambda: f"the hold {'would be' if would else 'is'} released, deploys go on",
        "previewed": lambda: f"{_idle(run)} {'would be' if would else 'is'} shown at {_preview_at(run)}",
        "unlocked": lambda: (
            f"the lock {'would be' if would else 'is'} taken from {holder(run['unlocked'].get('taken_from'))}"
        ),
    }
    ended = outcome(run)
    after = (
        ""
        if would or ended in ("unchanged", "unlocked", "released")
        else f", after {seconds(run)['total']} s"
    )
    return said[ended]() + after


def _nothing_to_do(run: Run) -> str:
    if run.asked.action == "unlock":
        return "nobody holds the lock, nothing to do"
    if run.asked.action == "preview":
        return f"{_idle(run)} is shown at {_preview_at(run)} already, nothing to do"
    if run.plan.get("action") == "resolve":
        # In check mode it is not resolved, and what comes after it cannot be known.
        return f"the swap that was cut off would be resolved onto {run.color} first, and the rest be planned then"
    if run.plan.get("reason"):
        return f"{run.plan['reason']}, nothing to do"
    if run.asked.action == "stage" and run.color != run.live:
        return f"{run.wanted} is staged on {run.color} already, nothing to do"
    return f"{run.wanted or 'a release of no deploy'} serves on {run.color} already, nothing to do"


def _lines(run: Run, commands: Commands) -> Iterator[tuple[str, str]]:
    if run.asked.action == "preview":
        yield from _gap(run)
        return
    router = router_of(run["swap"]["after"]) if run["swap"].get("after") else run.router
    if router and router.unserved:
        yield "served", f"nobody: {router.unserved}"
    before = _serving(run, run.live)
    capacity = run.plan.get("capacity") or {}
    if capacity.get("raises"):
        yield str(run.color), capacity["words"]
    if run.moved and run.live and run.live != run.color:
        yield "before", f"{before or 'a release of no deploy'} on {run.live}, kept ready"
    yield from _gap(run)
    phases = {name: took for name, took in seconds(run).items() if name != "total" and took is not None}
    if phases and not run.asked.check_mode:
        yield "took", ", ".join(f"{name} {took} s" for name, took in phases.items())
    rollback = run.plan.get("rollback")
    if rollback and rollback["color"]:
        at_once = run.moved and rollback["to"] == _commit(run, run.live) and not rollback.get("redeploy")
        yield "back", commands("rollback") + ("" if at_once else f" goes {way_back(rollback)}")
    elif rollback:
        yield "back", way_back(rollback)


def _failed_head(run: Run) -> str:
    commit = _serving(run, run.live)
    live = f"{commit} still serves on {run.live}" if commit else f"{run.live} still serves"
    still = live if run.live else "which color serves is not known"
    named = run.wanted if run.plan.get("commit") or run.asked.commit else None
    if outcome(run) == "port_closed":
        return f"ports of {run.asked.load_balancer} are closed"
    if ran(run["back"]):
        return f"{named} served for a moment on {run.color}; {commit or 'what was there'} serves again on {run.live}"
    if run.moved and run.asked.action != "preview":
        return f"{named or run.color} serves on {run.color}, but what comes after the swap failed"
    tried = {
        "deploy": f"{named or 'nothing'} was not deployed",
        "stage": f"{named or 'nothing'} was not staged",
        "switch": "nothing was switched",
        "rollback": "nothing was rolled back",
        "repair": "nothing was repaired",
        "retire": "nothing was retired",
        "preview": "no preview is shown",
        "release": "no hold was released",
        "unlock": "the lock was not freed",
    }
    said = tried.get(run.asked.action, f"{run.asked.action} could not be told")
    return said if run.asked.action in ("unlock", "list", "status") else f"{said}; {still}"


def _failed_lines(run: Run, commands: Commands) -> Iterator[tuple[str, str]]:
    yield "why", _cut(reason(run).splitlines()[0])
    yield from _idle_color(run)
    if failed(run["back"]):
        yield run.asked.load_balancer, f"could not go back: {run['back'].get('msg')}"
    for what, returned in (("ledger", run["recorded"]), ("lock", run["freed"])):
        # These failures are only told: the run has failed already.
        if returned.get("msg"):
            yield what, str(returned["msg"])
    yield from _gap(run)
    if run.moved and run["failure"] and not ran(run["back"]):
        yield "back", f"{commands('rollback')}"
    step = next_step(run, commands)
    if step:
        yield "next", step


def _idle_color(run: Run) -> Iterator[tuple[str, str]]:
    """What became of the color that was to be brought up."""
    color = run.color or ""
    if ran(run["undone"]):
        yield color, f"put back to {_commit(run, color)}"
    elif failed(run["undone"]):
        yield color, f"could not be put back: {run['undone'].get('msg')}"
    elif failed(run["wait"]) and run["wait"].get("workloads"):
        lacks = [each["message"] for each in run["wait"]["workloads"] if not each["ready"]]
        yield color, f"left as it failed: {'; '.join(lacks) or 'not ready'}"


def _gap(run: Run) -> Iterator[tuple[str, str]]:
    gaps = run["swap"].get("gap_ms") or {}
    if gaps:
        each = ", ".join(f"port {port} for {gap} ms" for port, gap in gaps.items())
        yield "closed", f"{each}, during the swap"


def _cut(text: str) -> str:
    return text if len(text) <= _WHY_LENGTH else f"{text[:_WHY_LENGTH]}... (-v shows the whole)"


def _commit(run: Run, color: str | None) -> str | None:
    commit: str | None = run.release(color).get("commit")
    return commit


def _serving(run: Run, color: str | None) -> str | None:
    """What a color serves: a release, or what was there before the first deploy."""
    adopted = run.release(color).get("adopted")
    return f"Service {adopted}" if adopted else _commit(run, color)


def _idle(run: Run) -> str | None:
    return run.router.idle if run.router else None


def _preview_at(run: Run) -> str:
    """Where the preview is, after what this run did."""
    for returned in (run["preview"], run["swap"]):
        after = router_of(returned["after"]) if "after" in returned else None
        if after and (returned is run["preview"] or any(route.preview for route in after.routes)):
            return ", ".join(after.preview_addresses())
    return run.asked.load_balancer


def holder(hold: Returned | Mapping[str, Any] | None) -> str:
    """Who holds a lock, for what and since when."""
    if not hold:
        return "nobody"
    about = f" for {hold['purpose']}" if hold.get("purpose") else ""
    return f"{hold['holder']}{about}, since {hold['since']}"
