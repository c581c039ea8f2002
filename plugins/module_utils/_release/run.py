# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a run of the role has come to: what its tasks returned in, what other programs are told of it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import APPROVABLE
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

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


@dataclass(frozen=True)
class Asked:
    """What a run is for.

    ``action`` is what the role was asked for, ``on_failure`` whether a failure behind the swap goes back,
    ``hooked`` whether there are hooks for a failure, ``list_limit`` how many runs a list shows, 0 for all. Times are seconds since the epoch.
    """

    app: str
    namespace: str
    action: str
    commit: str
    load_balancer: str
    check_mode: bool
    started: float
    finished: float
    on_failure: str = "rollback"
    hooked: bool = False
    list_limit: int = 0


@dataclass(frozen=True)
class Run:
    """What was asked for, and what the run's tasks have returned, by the names under which the role registers it.

    A task that has not run is not among them. ``failure`` is of the task that ended the run, with its ``msg``, its ``cause``
    without what the application said, what to do ``next``, whether the lock is ``locked`` by somebody else, the
    codes of the ``drift`` that refused it, and whether there is ``nowhere`` to go back to.
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
    def checks_begun(self) -> float | None:
        """When the checks began, in seconds since the epoch: with the smoke request, or with the lock taken for them."""
        asked = self["smoke"]
        if "elapsed" in asked:
            return float(asked["at"] - asked["elapsed"])
        return _when(self["lock"]) if self.plan.get("action") == "swap" else None

    @property
    def swap_begun(self) -> Returned:
        """What began the swap: its phase, or the mark or announcement before it."""
        marks = any(step["do"] == "mark" and step["lock"] for step in self.plan.get("steps") or ())
        return self["staged"] if self.locked and marks else self["swapping"]

    @property
    def moved(self) -> bool:
        # One that has failed behind the move, because instances fell out of service, tells what came after it.
        return "before" in self["swap"] and (not self["swap"].get("failed") or "after" in self["swap"])

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


def returned_since(value: Returned, before: Mapping[str, float], name: str) -> Returned:
    """What a task has returned; empty where it was skipped, or where it had returned that ``before``."""
    return {} if value.get("skipped") or value.get("at") == before.get(name) else value


def run_of(returned: Mapping[str, Returned], before: Mapping[str, float], asked: Mapping[str, Any]) -> Run:
    """A run, of what is registered now and when what was registered before it had been returned."""
    did = {name: returned_since(value, before, name) for name, value in returned.items()}
    return Run(Asked(**asked), did)


def outcome(run: Run) -> str:
    """How it ended, as one word that a machine can act on."""
    if run["swap"].get("open") or run["back"].get("open"):
        return "port_closed"
    if run["swap"].get("restored"):
        return "restored"
    if run["failure"].get("locked"):
        return "locked"
    if ran(run["back"]):
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
    if failed(run["swap"]) or not run.locked or not _worked(run):
        return "refused"
    if failed(run["staged"]):
        return "stage_failed"
    bringing_up = run.plan.get("action") != "swap" and not run["staged"]
    staging = any(map(failed, (run["applied"], run["scaled"], run["wait"])))
    return "stage_failed" if bringing_up and staging else "check_failed"


def _worked(run: Run) -> bool:
    return run.plan.get("action") in _WORK


def judges(run: Run) -> bool:
    """Whether a failure says of the release itself that it is bad: it did not get ready, or answered badly."""
    if run.asked.action not in ("deploy", "stage") or run.plan.get("action") != "stage":
        return False
    not_ready = failed(run["wait"]) and "workloads" in run["wait"]
    return not_ready or (failed(run["smoke"]) and "answered" in run["smoke"])


def lost_lock(run: Run) -> bool:
    """Whether somebody else holds the lock by now."""
    return bool(run["failure"].get("locked") or run["undone"].get("locked"))


def idle(run: Run) -> str | None:
    """The idle color as the run has left it."""
    after = run["back"].get("after") or run["swap"].get("after")
    return router_of(after).idle if after else run.router.idle if run.router else None


def recovery(run: Run) -> list[dict[str, str]]:
    """The role's files of tasks that mend what a failure has left, in order; a hook has its ``moment``.

    ``undo`` puts the idle color back as it was, ``go_back`` the traffic onto the color that was live before,
    ``record_failure`` writes the failure down.
    """
    locked = run["failure"].get("locked")
    plan = run.plan
    files = []
    if plan.get("undo") and run["applied"] and not ran(run["staged"]) and not locked:
        files.append({"file": "undo"})
    # A preview that cannot follow says nothing of what serves now.
    if (
        run.moved
        and not failed(run["preview"])
        and run.asked.on_failure == "rollback"
        and run.asked.action in ("deploy", "switch")
        and plan.get("live") not in (None, plan.get("color"))
    ):
        files.append({"file": "go_back"})
        if "follow" in plan.get("told", {}):
            files.append({"file": "follow"})
    if plan.get("commit") is not None and not locked:
        files.append({"file": "record_failure"})
    if run.asked.hooked:
        files.append({"file": "hook", "moment": "on_failure"})
    return files


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
        "seconds": seconds(run),
        "rollback": None if run["failure"] else run.plan.get("rollback"),
        "plan": planned(run),
        "reason": run["failure"].get("cause") or reason(run) or None,
        "next": run["failure"].get("next") or None,
    }


def planned(run: Run) -> dict[str, Any] | None:
    """What a run in check mode would do, to be approved and handed to the run that does it; None for any other run."""
    plan = run.plan
    if not run.asked.check_mode or run["failure"] or run.asked.action not in APPROVABLE or not plan:
        return None
    capacity = plan.get("capacity")
    return {
        **plan["approval"],
        "does": plan["action"],
        "images": plan["images"],
        "changes": changed_objects(plan),
        "gap_ms": None if run.router and run.router.abilities.gapless else plan["last_gap_ms"],
        "pods": capacity["words"] if capacity else None,
        "rollback": plan["rollback"],
    }


def changed_objects(plan: Returned) -> list[str]:
    """The objects that differ from what is live, as ``Deployment shop-<color>``; all where nothing is to compare with."""
    difference = plan.get("difference")
    if difference is None:
        return [f"{each['kind']} {each['metadata']['name']} (new)" for each in plan["objects"]]
    state = {(True, False): " (new)", (False, True): " (gone)"}
    return [
        each["after_header"] + state.get((not each["before"], not each["after"]), "") for each in difference
    ]


def reason(run: Run) -> str:
    """Why it failed, empty when it did not."""
    return str(run["failure"].get("msg") or "A task failed without a reason.") if run["failure"] else ""


def seconds(run: Run) -> dict[str, float | None]:
    """How long each phase took, None for one that was not come to."""
    planned, checking = _when(run.plan), run.checks_begun
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


def ran(returned: Returned) -> bool:
    """Whether a task has done its work."""
    return bool(returned) and not failed(returned)


def _when(returned: Returned) -> float | None:
    """When it was done, in seconds since the epoch."""
    return returned.get("at") if ran(returned) else None


def failed(returned: Returned) -> bool:
    """Whether a task has been tried in vain."""
    return bool(returned.get("failed"))
