# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How a run of the role ended: what its tasks returned in, a result and a few lines for a person out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Route, Router

Returned = Mapping[str, Any]

_DONE = {
    "deploy": "deployed",
    "switch": "deployed",
    "rollback": "rolled_back",
    "repair": "repaired",
    "preview": "previewed",
}
# The plans that do something to a color.
_WORK = ("stage", "scale", "swap", "complete", "retire")
# What matters of an error in a template: ansible-core 2.18 wraps it up, with the template's text behind it.
_TEMPLATE = re.compile(
    r"original message: (?!.*original message: )(.+?)\. String: |('[^']+' is undefined)"
    r"|The filter plugin 'octoblu[.]bluegreen[.]as_type' failed: (.+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Asked:
    """What a run is for.

    ``action`` is what the role was asked for; ``manifests`` are the paths of their templates, ``on_failure`` is whether
    a failure behind the swap goes back. Times are seconds since the epoch.
    """

    app: str
    namespace: str
    action: str
    commit: str
    load_balancer: str
    check_mode: bool
    started: float
    finished: float
    manifests: Sequence[str] = ()
    on_failure: str = "rollback"


@dataclass(frozen=True)
class Run:
    """What was asked for, and what the run's tasks have returned, by the names under which the role registers it.

    A task that has not run is not among them. ``failure`` is of the task that ended the run, with its ``msg``, ``step``,
    ``results`` if it was a loop, and whether the lock is ``locked`` by somebody else.
    """

    asked: Asked
    did: Mapping[str, Returned]

    def __getitem__(self, name: str) -> Returned:
        return self.did.get(name) or {}

    @cached_property
    def router(self) -> Router | None:
        """The router as it was read; None before that."""
        facts = (self["facts"].get("load_balancers") or {}).get(self.asked.load_balancer)
        return router_of(facts) if facts else None

    @property
    def plan(self) -> Returned:
        """The plan; empty where there is none, or where the cluster could not be read."""
        return self["plan"] if "releases" in self["plan"] else {}

    @property
    def locked(self) -> bool:
        return self["lock"].get("token") is not None

    @property
    def checks_begun(self) -> Returned:
        """What began the checks: their phase, or the lock itself where it was taken for them."""
        takes_for_them = self.plan.get("action") == "swap" and not _ran(self["checking"])
        return self["lock"] if takes_for_them else self["checking"]

    @property
    def swap_begun(self) -> Returned:
        """What began the swap: its phase, or the mark before it."""
        marks = any(step["do"] == "mark" and step["lock"] for step in self.plan.get("steps") or ())
        return self["staged"] if self.locked and marks else self["swapping"]

    @property
    def moved(self) -> bool:
        return "before" in self["swap"] and not self["swap"].get("failed")

    @property
    def live(self) -> str | None:
        """The color that was live when the run began."""
        color: str | None = self.plan.get("live") or (self.router.live if self.router else None)
        return color

    @property
    def color(self) -> str | None:
        """The color that was to serve; that was, or is, live where nothing was to be done."""
        color: str | None = self.plan.get("color") or self.live
        return color

    def release(self, color: str | None) -> Returned:
        return (self.plan.get("releases") or {}).get(color) or {}

    @property
    def wanted(self) -> str | None:
        commit: str | None = (
            self.plan.get("commit") or self.asked.commit or self.release(self.color).get("commit")
        )
        return commit


def returned_since(value: Returned, before: Returned) -> Returned:
    """What a task has returned; empty where it was skipped, or where that was there ``before`` already."""
    return {} if value.get("skipped") or value == before else value


def outcome(run: Run) -> str:
    """How it ended, as one word that a machine can act on."""
    if run["swap"].get("open") or run["back"].get("open"):
        return "port_closed"
    if run["swap"].get("restored"):
        return "restored"
    if run["failure"].get("locked"):
        return "locked"
    if _ran(run["back"]):
        return "rolled_back"
    if run.moved and (run.asked.action != "preview" or run["swap"].get("changed")):
        return _DONE[run.asked.action]
    if run["failure"]:
        return _failed_outcome(run)
    if run.asked.action == "rollback" and run.plan.get("action") == "complete":
        return "rolled_back"
    if run.asked.action == "stage" and _worked(run):
        return "staged"
    if run.asked.action == "retire" and _worked(run):
        return "retired"
    if run["unlocked"].get("changed"):
        return "unlocked"
    if run.plan.get("action") == "release":
        return "released"
    return "previewed" if run["preview"].get("changed") and run.asked.action == "preview" else "unchanged"


def _failed_outcome(run: Run) -> str:
    """Whose fault it was that the traffic did not move."""
    if _failed(run["swap"]) or not run.locked or not _worked(run):
        return "refused"
    if _failed(run["staged"]):
        return "stage_failed"
    bringing_up = run.plan.get("action") != "swap" and not run["staged"]
    staging = any(map(_failed, (run["applied"], run["scaled"], run["wait"])))
    return "stage_failed" if bringing_up and staging else "check_failed"


def _worked(run: Run) -> bool:
    return run.plan.get("action") in _WORK


def judges(run: Run) -> bool:
    """Whether a failure says of the release itself that it is bad: it did not get ready, or answered badly."""
    if run.asked.action not in ("deploy", "stage") or run.plan.get("action") != "stage":
        return False
    not_ready = _failed(run["wait"]) and "workloads" in run["wait"]
    return not_ready or (_failed(run["smoke"]) and "answered" in run["smoke"])


def lock_is_freed(run: Run) -> bool:
    """Whether the last thing written down has freed the lock, too."""
    return bool(run["recorded"].get("unlocked") or run["staged"].get("unlocked"))


def lost_lock(run: Run) -> bool:
    """Whether somebody else holds the lock by now."""
    return bool(run["failure"].get("locked") or run["undone"].get("locked"))


def went_back(run: Run) -> bool:
    """Whether the traffic was put back after a failure."""
    return "before" in run["back"] and not _failed(run["back"])


def idle(run: Run) -> str | None:
    """The idle color as the run has left it."""
    after = run["back"].get("after") or run["swap"].get("after")
    return router_of(after).idle if after else _idle(run)


def recovery(run: Run) -> dict[str, bool]:
    """What is to be done after a failure, each on its own.

    ``undo`` puts the idle color back as it was, ``go_back`` the traffic onto the color that was live before, and
    ``record`` writes the failure down.
    """
    locked = run["failure"].get("locked")
    plan = run.plan
    return {
        "undo": bool(plan.get("undo") and run["applied"] and not _ran(run["staged"]) and not locked),
        # A preview that cannot follow says nothing of what serves now.
        "go_back": run.moved
        and not _failed(run["preview"])
        and run.asked.on_failure == "rollback"
        and run.asked.action in ("deploy", "switch")
        and plan.get("live") not in (None, plan.get("color")),
        "record": plan.get("commit") is not None and not locked,
    }


def hook(run: Run) -> dict[str, Any]:
    """What hooks are told, also where there is no plan. The ``reason`` is empty while nothing has failed."""
    unplanned = dict.fromkeys(("color", "commit", "previous_color", "previous_commit", "dns_name"))
    named = {
        "app": run.asked.app,
        "namespace": run.asked.namespace,
        "load_balancer": run.asked.load_balancer,
    }
    told = str(run["failure"].get("msg") or "")
    return {**unplanned, **named, **(run["plan"].get("hook") or {}), "reason": told}


def result(run: Run) -> dict[str, Any]:
    """What other plays, workflows and notifications are told. It holds nothing that the application said.

    Always the same keys: Ansible merges the results of two runs on one application key by key.
    """
    return {
        "outcome": outcome(run),
        "commit": run.wanted,
        "color": run.color,
        "previous_commit": run.release(run.live).get("commit"),
        "previous_color": run.live,
        "changed": any(
            each.get("changed", False)
            for each in (
                run["applied"],
                run["scaled"],
                run["swap"],
                run["preview"],
                run["back"],
                run["unlocked"],
            )
        ),
        "check_mode": run.asked.check_mode,
        "gap_ms": dict(run["swap"].get("gap_ms") or {}) or None,
        "seconds": _seconds(run),
        "rollback": None if run["failure"] else run.plan.get("rollback"),
    }


def reason(run: Run) -> str:
    """Why it failed, empty when it did not."""
    if not run["failure"]:
        return ""
    told = str(run["failure"].get("msg") or "A task failed without a reason.")
    if run["failure"].get("step") == "render":
        broken = [each for each in run["failure"].get("results") or () if _failed(each)]
        templates = [str(each["__bluegreen_template"]) for each in broken] or run.asked.manifests
        told = str(broken[0].get("msg")) if broken else told
        match = _TEMPLATE.search(told)
        why = match[match.lastindex or 0] if match else told.rpartition("Task failed: ")[2]
        return f"The manifests do not render ({', '.join(templates)}): {why}"
    return told


def summary(run: Run) -> list[str]:
    """At most ten lines for a person; the list has a line a run of the ledger."""
    if run["failure"]:
        return list(_run_lines(run))
    if run.asked.action == "list":
        return list(_list_lines(run))
    return list(
        _status_lines(run, run.router) if run.asked.action == "status" and run.router else _run_lines(run)
    )


def _seconds(run: Run) -> dict[str, float | None]:
    """How long each phase took, None for one that was not come to."""
    planned, checking = _when(run.plan), _when(run.checks_begun)
    staged, swapping = _when(run["staged"]), _when(run.swap_begun)
    brought_up = run.plan.get("action") in ("stage", "scale")
    ends = {
        "stage": (planned if brought_up else None, checking or staged or swapping),
        "checks": (checking, staged or swapping),
        "swap": (swapping, run.asked.finished if run["swap"] else None),
        "total": (run.asked.started, run.asked.finished),
    }
    return {
        phase: None if begin is None or end is None else round(max(end - begin, 0.0), 1)
        for phase, (begin, end) in ends.items()
    }


def _run_lines(run: Run) -> Iterator[str]:
    yield f"{run.asked.app}: {_headline(run)}"
    capacity = run.plan.get("capacity") or {}
    if capacity.get("raises"):
        yield f"{run.color}: {capacity['words']}"
    if run["failure"]:
        yield f"why: {reason(run).splitlines()[0]}"
    commit = run.release(run.live).get("commit")
    before = f"{commit} on {run.live}" if commit else str(run.live)
    if run.moved and run.live:
        yield f"before: {before}"
    elif run["failure"] and run.live:
        yield f"still live: {before}"
    if _ran(run["undone"]):
        yield f"{run.color}: put back to {run.release(run.color).get('commit')}"
    elif _failed(run["undone"]):
        yield f"{run.color}: could not be put back: {run['undone'].get('msg')}"
    if run["back"]:
        now = (
            f"went back to {before}" if _ran(run["back"]) else f"could not go back: {run['back'].get('msg')}"
        )
        yield f"{_name(run)}: {now}"
    for what, returned in (("ledger", run["recorded"]), ("lock", run["freed"])):
        # These failures are only told: the run has failed already.
        if returned.get("msg"):
            yield f"{what}: {returned['msg']}"
    if run["swap"].get("gap_ms"):
        gaps = ", ".join(f"{port} for {gap} ms" for port, gap in run["swap"]["gap_ms"].items())
        yield f"{_name(run)}: closed port {gaps}"
    seconds = _seconds(run)
    total = seconds.pop("total")
    phases = ", ".join(f"{phase} {value}" for phase, value in seconds.items() if value is not None)
    yield f"took {total} s" + (f": {phases}" if phases else "")
    if not run["failure"] and run.plan.get("rollback"):
        yield f"rollback: {_way_back(run.plan['rollback'])}"


def _headline(run: Run) -> str:
    ended = outcome(run)
    would = run.asked.check_mode
    if run["failure"]:
        where = f" of {run.wanted} to {run.color}" if run.plan.get("color") else ""
        return f"{run.asked.action}{where} ended as {ended}"
    said = {
        "unchanged": _nothing_to_do(run),
        "repaired": f"{'would be' if would else 'is'} wholly on {run.color}",
        "deployed": f"{run.wanted}{' would be' if would else ''} deployed to {run.color}",
        "rolled_back": f"{'would roll' if would else 'rolled'} back to {run.wanted} on {run.color}",
        "staged": f"{run.wanted}{' would be' if would else ''} staged on {run.color}, {run.live} stays live",
        "retired": f"{run.color}{' would be' if would else ''} scaled to zero, {run.live} stays live",
        "released": f"hold {'would be' if would else 'is'} released, deploys go on",
        "previewed": f"{_idle(run)}{' would be' if would else ''} shown at {_preview_at(run)}",
        "unlocked": f"lock{' would be' if would else ''} taken from {_holder(run['unlocked'].get('taken_from'))}",
    }
    return said[ended]


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
    return f"{run.wanted or 'a release of no deploy'} is live on {run.color}, nothing to do"


def _preview_at(run: Run) -> str:
    """Where the preview is, after what this run did."""
    for returned in (run["preview"], run["swap"]):
        after = router_of(returned["after"]) if "after" in returned else None
        if after and (returned is run["preview"] or any(route.preview for route in after.routes)):
            return ", ".join(after.preview_addresses())
    return _name(run)


def _idle(run: Run) -> str | None:
    return run.router.idle if run.router else None


def _name(run: Run) -> str:
    return run.router.name if run.router else "the router"


def _holder(hold: Returned | None) -> str:
    if not hold:
        return "nobody"
    about = f" for {hold['purpose']}" if hold.get("purpose") else ""
    return f"{hold['holder']}{about}, since {hold['since']}"


def _list_lines(run: Run) -> Iterator[str]:
    rows = run.plan.get("history") or []
    if not rows:
        yield f"{run.asked.app}: the ledger is empty"
        return
    head = ("commit", "color", "when", "who", "ended", "")
    table = [head, *(_list_row(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _list_row(row: Returned) -> tuple[str, ...]:
    notes = ["live"] if row["live"] else []
    notes += ["a rollback goes here"] if row["rollback"] else []
    notes += [] if row["kept"] or row["live"] else ["manifests not kept"]
    return row["commit"], row["color"], row["at"], row["who"], row["ended"], ", ".join(notes)


def _status_lines(run: Run, router: Router) -> Iterator[str]:
    yield f"{run.asked.app}: {run.live or 'no color'} is live"
    for color in COLORS:
        if run.plan:
            yield f"{color}: {_color_line(run.release(color))}"
        else:
            yield f"{color}: {router.targets[color].words}"
    routes = ", ".join(_route_text(route) for route in router.routes)
    yield f"{router.name}: {'; '.join((routes or 'no listeners', *router.notes))}"
    states = ", ".join(f"{backend.name} {backend.state}" for backend in router.backends)
    yield f"{router.backends_are}: {states or 'none'}"
    drifts = [(each.message, each.code) for each in router.drift]
    drifts += [(each["message"], each["code"]) for each in run.plan.get("drift", ())]
    yield f"drift: {'; '.join(f'{message} ({code})' for message, code in drifts) or 'none'}"
    yield f"claim: {router.claim or 'none'}"
    if run.plan:
        yield f"lock: {_lock_line(run.plan.get('lock'))}"
    if kept := _kept_back(run.plan):
        yield f"deploys: {'; '.join(kept)}"
    yield (
        f"rollback: {_way_back(run.plan['rollback'])}"
        if run.plan
        else f"cluster: {run['plan'].get('msg', '')}"
    )


def _route_text(route: Route) -> str:
    return f"{route.name} -> {route.color or route.target}{' (preview)' if route.preview else ''}"


def _lock_line(hold: Returned | None) -> str:
    if not hold or hold.get("over"):
        return "free"
    phase = f" ({hold['phase']})" if hold.get("phase") else ""
    return f"held by {_holder(hold)}{phase}, until {hold['until']} at the latest"


def _kept_back(plan: Returned) -> list[str]:
    """Why deploys are refused."""
    hold, frozen = plan.get("hold"), plan.get("frozen")
    held = (
        f"on hold, {hold['by']} went back from {hold['from']} to {hold['to']} at {hold['at']}" if hold else ""
    )
    return [held] * bool(held) + [f"frozen, {frozen}"] * bool(frozen)


def _color_line(release: Returned) -> str:
    target = release["target"]
    if release["holder"]:
        return f"{target} is held by Service {release['holder']}"
    if not release["images"]:
        return f"nothing, {target}"
    marks = [mark for mark in ("proven", "rejected") if release[mark]] or ["not proven"]
    state = "ready" if release["ready"] else f"not ready, {release['lack']}"
    what = release["commit"] or f"{', '.join(release['images'])} (of no deploy)"
    return f"{what}, {', '.join(marks)}, {state} ({release['ready_replicas']} of {release['replicas']}), {target}"


def _way_back(rollback: Returned) -> str:
    if rollback["to"]:
        again = ", staged again first" if rollback.get("redeploy") else ""
        return f"to {rollback['to']} on {rollback['color']}{again}"
    return f"not possible, {rollback['reason']}"


def _ran(returned: Returned) -> bool:
    return bool(returned) and not _failed(returned)


def _when(returned: Returned) -> float | None:
    """When it was done, in seconds since the epoch."""
    return returned.get("at") if _ran(returned) else None


def _failed(returned: Returned) -> bool:
    return bool(returned.get("failed"))
