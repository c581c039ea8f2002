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

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ports import COLORS

Returned = Mapping[str, Any]

_DONE = {"deploy": "deployed", "rollback": "rolled_back", "repair": "repaired"}
# What matters of an error in a template: ansible-core 2.18 wraps it up, with the template's text behind it.
_TEMPLATE = re.compile(
    r"original message: (?!.*original message: )(.+?)\. String: |('[^']+' is undefined)", re.DOTALL
)
# kubernetes.core tells the API server's answer as it came.
_STATUS = re.compile(r'^(Failed to \w+ object): .*"message":"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True)
class Run:
    """What the tasks of a run returned, each empty when it has not run.

    ``action`` is deploy, rollback, repair or status; ``router`` the facts' entry of the load balancer;
    ``failure`` the ``msg`` of the task that failed; ``undone`` what putting the
    idle color back returned; ``cluster`` why the cluster could not be read for a status; ``manifests``
    the paths of their templates. Times are seconds since the epoch.
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
    applied: Returned = field(default_factory=dict)
    wait: Returned = field(default_factory=dict)
    smoke: Returned = field(default_factory=dict)
    mark: Returned = field(default_factory=dict)
    swap: Returned = field(default_factory=dict)
    failure: Returned = field(default_factory=dict)
    undone: Returned = field(default_factory=dict)
    cluster: str = ""
    manifests: Sequence[str] = ()

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
    if run.swap.get("open"):
        return "port_closed"
    if run.swap.get("restored"):
        return "restored"
    if run.moved:
        return _DONE[run.action]
    if _failed(run.smoke) or (_failed(run.wait) and run.plan.get("action") == "swap"):
        return "check_failed"
    if _failed(run.applied) or _failed(run.wait) or _failed(run.mark):
        return "stage_failed"
    return "refused" if run.failure else "unchanged"


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
        "changed": any(each.get("changed", False) for each in (run.applied, run.swap)),
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
        match = _TEMPLATE.search(told)
        why = (match[1] or match[2]) if match else told.rpartition("Task failed: ")[2]
        return f"The manifests do not render ({', '.join(run.manifests)}): {why}"
    if match := _STATUS.match(told):
        return f"{match[1]}: {match[2]}"
    return told


def summary(run: Run) -> list[str]:
    """At most ten lines for a person."""
    return list(_status_lines(run) if run.action == "status" and not run.failure else _run_lines(run))


def _seconds(run: Run) -> dict[str, float | None]:
    """How long each phase took, None for one that was not come to."""
    stage = checks = swap = None
    planned, marked = run.plan.get("at"), run.mark.get("at")
    asked = run.smoke.get("elapsed") or 0.0
    if planned and marked and run.action == "deploy":
        stage, checks = marked - planned - asked, asked
        swap = run.finished - marked if run.swap else None
    elif planned and marked:
        checks = (run.wait.get("elapsed") or 0.0) + asked
        swap = marked - planned - checks
    phases = {"stage": stage, "checks": checks, "swap": swap, "total": run.finished - run.started}
    return {phase: None if value is None else round(max(value, 0.0), 1) for phase, value in phases.items()}


def _run_lines(run: Run) -> Iterator[str]:
    yield f"{run.app}: {_headline(run)}"
    commit = run.release(run.live).get("commit")
    before = f"{commit} on {run.live}" if commit else str(run.live)
    if run.moved and run.live:
        yield f"before: {before}"
    elif run.failure and run.live:
        yield f"still live: {before}"
    if _ran(run.undone):
        yield f"{run.color}: put back to {run.release(run.color).get('commit')}"
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
    if ended == "unchanged":
        return f"{run.wanted or 'a release of no deploy'} is live on {run.color}, nothing to do"
    if ended == "repaired":
        return f"{'would be' if run.check_mode else 'is'} wholly on {run.color}"
    if ended == "deployed":
        return f"{run.wanted}{' would be' if run.check_mode else ''} deployed to {run.color}"
    if ended == "rolled_back":
        return f"{'would roll' if run.check_mode else 'rolled'} back to {run.wanted} on {run.color}"
    where = f" of {run.wanted} to {run.color}" if run.plan.get("color") else ""
    return f"{run.action}{where} ended as {ended}"


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
    drift = "; ".join(f"{each['message']} ({each['code']})" for each in router["drift"])
    yield f"drift: {drift or 'none'}"
    yield f"claim: {router['claim'] or 'none'}"
    yield f"rollback: {_way_back(run.plan['rollback'])}" if run.plan else f"cluster: {run.cluster}"


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
        return f"to {rollback['to']} on {rollback['color']}"
    return f"not possible, {rollback['reason']}"


def _ran(returned: Returned) -> bool:
    return bool(returned) and not (returned.get("skipped") or _failed(returned))


def _failed(returned: Returned) -> bool:
    return bool(returned.get("failed"))
