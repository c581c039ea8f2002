# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How a run of the role ended: what its tasks returned in, a result and a few lines for a person out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS

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
# kubernetes.core tells the API server's answer as it came.
_STATUS = re.compile(r'^(Failed to \w+ object): .*"message":"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True)
class Run:
    """What the tasks of a run returned, each empty when it has not run.

    ``action`` is what the role was asked for; ``router`` the facts' entry of the load balancer;
    ``failure`` the ``msg`` of the task that failed and whether it is ``locked`` by somebody else;
    ``recorded`` and ``freed`` may hold the ``msg`` of a failure that ended nothing;
    ``lock`` is what taking the lock returned, ``checking`` and ``swapping`` what beginning these phases did; ``undone``
    what putting the idle color back returned, ``back`` what going back after a swap did; ``cluster``
    why the cluster could not be read for a status; ``manifests`` the paths of their templates;
    ``on_failure`` whether a failure behind the swap goes back. Times are seconds since the epoch.
    """

    app: str
    action: str
    commit: str
    check_mode: bool
    started: float
    finished: float
    router: Returned = field(default_factory=dict)
    rendered: Returned = field(default_factory=dict)
    plan: Returned = field(default_factory=dict)
    lock: Returned = field(default_factory=dict)
    applied: Returned = field(default_factory=dict)
    wait: Returned = field(default_factory=dict)
    smoke: Returned = field(default_factory=dict)
    checking: Returned = field(default_factory=dict)
    staged: Returned = field(default_factory=dict)
    swapping: Returned = field(default_factory=dict)
    swap: Returned = field(default_factory=dict)
    preview: Returned = field(default_factory=dict)
    scaled: Returned = field(default_factory=dict)
    unlocked: Returned = field(default_factory=dict)
    back: Returned = field(default_factory=dict)
    recorded: Returned = field(default_factory=dict)
    freed: Returned = field(default_factory=dict)
    failure: Returned = field(default_factory=dict)
    undone: Returned = field(default_factory=dict)
    cluster: str = ""
    manifests: Sequence[str] = ()
    on_failure: str = "rollback"

    @property
    def locked(self) -> bool:
        return self.lock.get("token") is not None

    @property
    def checks_begun(self) -> Returned:
        """What began the checks: their phase, or the lock itself where it was taken for them."""
        return self.lock if self.plan.get("action") == "swap" and "at" not in self.checking else self.checking

    @property
    def swap_begun(self) -> Returned:
        """What began the swap: its phase, or the mark before it."""
        marks = any(step["do"] == "mark" and step["lock"] for step in self.plan.get("steps") or ())
        return self.staged if self.locked and marks and "at" in self.staged else self.swapping

    @property
    def moved(self) -> bool:
        return "before" in self.swap and not self.swap.get("failed")

    @property
    def live(self) -> str | None:
        """The color that was live when the run began."""
        color: str | None = self.plan.get("live") or self.router.get("live")
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
        commit: str | None = self.plan.get("commit") or self.commit or self.release(self.color).get("commit")
        return commit


def outcome(run: Run) -> str:
    """How it ended, as one word that a machine can act on."""
    if run.swap.get("open") or run.back.get("open"):
        return "port_closed"
    if run.swap.get("restored"):
        return "restored"
    if run.failure.get("locked"):
        return "locked"
    if _ran(run.back):
        return "rolled_back"
    if run.moved and (run.action != "preview" or run.swap.get("changed")):
        return _DONE[run.action]
    if run.failure:
        return _failed_outcome(run)
    if run.action == "rollback" and run.plan.get("action") == "complete":
        return "rolled_back"
    if run.action == "stage" and _worked(run):
        return "staged"
    if run.action == "retire" and _worked(run):
        return "retired"
    if run.unlocked.get("changed"):
        return "unlocked"
    return "previewed" if run.preview.get("changed") and run.action == "preview" else "unchanged"


def _failed_outcome(run: Run) -> str:
    """Whose fault it was that the traffic did not move."""
    if _failed(run.swap) or not run.locked or not _worked(run):
        return "refused"
    if _failed(run.staged):
        return "stage_failed"
    bringing_up = run.plan.get("action") != "swap" and not run.staged
    staging = any(map(_failed, (run.applied, run.scaled, run.wait)))
    return "stage_failed" if bringing_up and staging else "check_failed"


def _worked(run: Run) -> bool:
    return run.plan.get("action") in _WORK


def judges(run: Run) -> bool:
    """Whether a failure says of the release itself that it is bad: it did not get ready, or answered badly."""
    if run.action not in ("deploy", "stage") or run.plan.get("action") != "stage":
        return False
    not_ready = _failed(run.wait) and "workloads" in run.wait
    return not_ready or (_failed(run.smoke) and "answered" in run.smoke)


def recovery(run: Run) -> dict[str, bool]:
    """What is to be done after a failure, each on its own.

    ``undo`` puts the idle color back as it was, ``go_back`` the traffic onto the color that was live before, and
    ``record`` writes the failure down.
    """
    locked = run.failure.get("locked")
    plan = run.plan
    return {
        "undo": bool(plan.get("undo") and run.applied and "at" not in run.staged and not locked),
        # A preview that cannot follow says nothing of what serves now.
        "go_back": run.moved
        and not _failed(run.preview)
        and run.on_failure == "rollback"
        and run.action in ("deploy", "switch")
        and plan.get("live") not in (None, plan.get("color")),
        "record": plan.get("commit") is not None and not locked,
    }


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
            for each in (run.applied, run.scaled, run.swap, run.preview, run.back, run.unlocked)
        ),
        "check_mode": run.check_mode,
        "gap_ms": dict(run.swap.get("gap_ms") or {}) or None,
        "seconds": _seconds(run),
        "rollback": None if run.failure else run.plan.get("rollback"),
    }


def reason(run: Run) -> str:
    """Why it failed, empty when it did not."""
    if not run.failure:
        return ""
    told = str(run.failure.get("msg") or "A task failed without a reason.")
    if _failed(run.rendered):
        broken = [each for each in run.rendered.get("results", ()) if _failed(each)]
        templates = [str(each["__bluegreen_template"]) for each in broken] or run.manifests
        told = str(broken[0].get("msg")) if broken else told
        match = _TEMPLATE.search(told)
        why = match[match.lastindex or 0] if match else told.rpartition("Task failed: ")[2]
        return f"The manifests do not render ({', '.join(templates)}): {why}"
    if match := _STATUS.match(told):
        return f"{match[1]}: {match[2]}"
    return told


def summary(run: Run) -> list[str]:
    """At most ten lines for a person; the list has a line a run of the ledger."""
    if run.failure:
        return list(_run_lines(run))
    if run.action == "list":
        return list(_list_lines(run))
    return list(_status_lines(run) if run.action == "status" else _run_lines(run))


def _seconds(run: Run) -> dict[str, float | None]:
    """How long each phase took, None for one that was not come to."""
    planned, checking = run.plan.get("at"), run.checks_begun.get("at")
    staged, swapping = run.staged.get("at"), run.swap_begun.get("at")
    brought_up = run.plan.get("action") in ("stage", "scale")
    ends = {
        "stage": (planned if brought_up else None, checking or staged or swapping),
        "checks": (checking, staged or swapping),
        "swap": (swapping, run.finished if run.swap else None),
        "total": (run.started, run.finished),
    }
    return {
        phase: None if begin is None or end is None else round(max(end - begin, 0.0), 1)
        for phase, (begin, end) in ends.items()
    }


def _run_lines(run: Run) -> Iterator[str]:
    yield f"{run.app}: {_headline(run)}"
    if run.failure:
        yield f"why: {reason(run).splitlines()[0]}"
    commit = run.release(run.live).get("commit")
    before = f"{commit} on {run.live}" if commit else str(run.live)
    if run.moved and run.live:
        yield f"before: {before}"
    elif run.failure and run.live:
        yield f"still live: {before}"
    if _ran(run.undone):
        yield f"{run.color}: put back to {run.release(run.color).get('commit')}"
    elif _failed(run.undone):
        yield f"{run.color}: could not be put back: {run.undone.get('msg')}"
    if run.back:
        now = f"went back to {before}" if _ran(run.back) else f"could not go back: {run.back.get('msg')}"
        yield f"{run.router.get('name')}: {now}"
    for what, returned in (("ledger", run.recorded), ("lock", run.freed)):
        # What must not fail a run that has failed already.
        if returned.get("msg"):
            yield f"{what}: {returned['msg']}"
    if run.swap.get("gap_ms"):
        gaps = ", ".join(f"{port} for {gap} ms" for port, gap in run.swap["gap_ms"].items())
        yield f"{run.router.get('name')}: closed port {gaps}"
    seconds = _seconds(run)
    total = seconds.pop("total")
    phases = ", ".join(f"{phase} {value}" for phase, value in seconds.items() if value is not None)
    yield f"took {total} s" + (f": {phases}" if phases else "")
    if not run.failure and run.plan.get("rollback"):
        yield f"rollback: {_way_back(run.plan['rollback'])}"


def _headline(run: Run) -> str:
    ended = outcome(run)
    would = run.check_mode
    if run.failure:
        where = f" of {run.wanted} to {run.color}" if run.plan.get("color") else ""
        return f"{run.action}{where} ended as {ended}"
    said = {
        "unchanged": _nothing_to_do(run),
        "repaired": f"{'would be' if would else 'is'} wholly on {run.color}",
        "deployed": f"{run.wanted}{' would be' if would else ''} deployed to {run.color}",
        "rolled_back": f"{'would roll' if would else 'rolled'} back to {run.wanted} on {run.color}",
        "staged": f"{run.wanted}{' would be' if would else ''} staged on {run.color}, {run.live} stays live",
        "retired": f"{run.color}{' would be' if would else ''} scaled to zero, {run.live} stays live",
        "previewed": f"{run.router.get('idle')}{' would be' if would else ''} shown at {_preview_at(run)}",
        "unlocked": f"lock{' would be' if would else ''} taken from {_holder(run.unlocked.get('taken_from'))}",
    }
    return said[ended]


def _nothing_to_do(run: Run) -> str:
    if run.action == "unlock":
        return "nobody holds the lock, nothing to do"
    if run.action == "preview":
        return f"{run.router.get('idle')} is shown at {_preview_at(run)} already, nothing to do"
    if run.plan.get("action") == "resolve":
        # In check mode it is not resolved, and what comes after it cannot be known.
        return f"the swap that was cut off would be resolved onto {run.color} first, and the rest be planned then"
    if run.plan.get("reason"):
        return f"{run.plan['reason']}, nothing to do"
    if run.action == "stage" and run.color != run.live:
        return f"{run.wanted} is staged on {run.color} already, nothing to do"
    return f"{run.wanted or 'a release of no deploy'} is live on {run.color}, nothing to do"


def _preview_at(run: Run) -> str:
    """Where the preview is, after what this run did."""
    for returned in (run.preview, run.swap):
        after = returned.get("after") or {}
        ports = [after["preview_port"]] if after.get("preview_port") else []
        ports = ports or [each["port"] for each in after.get("listeners") or () if each["color"]]
        if after and (returned is run.preview or after.get("preview_port")):
            return ", ".join(f"{after['dns_name']}:{port}" for port in ports)
    return str(run.router.get("name"))


def _holder(hold: Returned | None) -> str:
    if not hold:
        return "nobody"
    about = f" for {hold['purpose']}" if hold.get("purpose") else ""
    return f"{hold['holder']}{about}, since {hold['since']}"


def _list_lines(run: Run) -> Iterator[str]:
    rows = run.plan.get("history") or []
    if not rows:
        yield f"{run.app}: the ledger is empty"
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


def _status_lines(run: Run) -> Iterator[str]:
    router = run.router
    yield f"{run.app}: {run.live or 'no color'} is live"
    for color in COLORS:
        if run.plan:
            yield f"{color}: {_color_line(run.release(color))}"
        else:
            ports = (router["colors"][color] or {}).get("node_ports") or ["unknown"]
            yield f"{color}: node port {', '.join(str(port) for port in ports)}"
    listeners = ", ".join(
        f"{listener['port']} -> {listener['color'] or listener['instance_port']}"
        for listener in router["listeners"]
    )
    yield f"{router['name']}: {listeners or 'no listeners'}; health check {router['health_check']['target']}"
    states = ", ".join(f"{instance['id']} {instance['state']}" for instance in router["instances"])
    yield f"instances: {states or 'none'}"
    drifts = [*router["drift"], *run.plan.get("drift", ())]
    drift = "; ".join(f"{each['message']} ({each['code']})" for each in drifts)
    yield f"drift: {drift or 'none'}"
    yield f"claim: {router['claim'] or 'none'}"
    if run.plan:
        yield f"lock: {_lock_line(run.plan.get('lock'))}"
    yield f"rollback: {_way_back(run.plan['rollback'])}" if run.plan else f"cluster: {run.cluster}"


def _lock_line(hold: Returned | None) -> str:
    if not hold or hold.get("over"):
        return "free"
    phase = f" ({hold['phase']})" if hold.get("phase") else ""
    return f"held by {_holder(hold)}{phase}, until {hold['until']} at the latest"


def _color_line(release: Returned) -> str:
    ports = ", ".join(str(port) for port in release["node_ports"]) or "unknown"
    if release["holder"]:
        return f"node port {ports} is held by Service {release['holder']}"
    if not release["images"]:
        return f"nothing, node port {ports}"
    marks = [mark for mark in ("proven", "rejected") if release[mark]] or ["not proven"]
    state = "ready" if release["ready"] else f"not ready, {release['lack']}"
    what = release["commit"] or f"{', '.join(release['images'])} (of no deploy)"
    return f"{what}, {', '.join(marks)}, {state} ({release['ready_replicas']} of {release['replicas']}), node port {ports}"


def _way_back(rollback: Returned) -> str:
    if rollback["to"]:
        again = ", staged again first" if rollback.get("redeploy") else ""
        return f"to {rollback['to']} on {rollback['color']}{again}"
    return f"not possible, {rollback['reason']}"


def _ran(returned: Returned) -> bool:
    return bool(returned) and not (returned.get("skipped") or _failed(returned))


def _failed(returned: Returned) -> bool:
    return bool(returned.get("failed"))
