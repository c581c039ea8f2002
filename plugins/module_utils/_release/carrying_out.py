# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""All that the role needs to carry a decision out, in plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.approval import (
    Approval,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.capacity import (
    Capacity,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import (
    FREEZABLE,
    Case,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    moves,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.facts import (
    way_back_facts,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    last_gap,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    node_ports,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.permission import (
    read_asked,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    companions,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.rendered import (
    Rendered,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.staging import (
    capacity_facts,
    capacity_for,
    leading,
    live_replicas,
    order_now,
    proven_way_back,
    scale,
    smoke,
    staging,
    to_keep,
    workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.steps import (
    Scene,
    details,
    files,
    lock_taken,
    steps,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.way_back import (
    afterwards,
    left_by,
    turned,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    other,
)

Facts = dict[str, Any]

# The goals that move live's traffic to what runs already.
_MOVING = ("deploy", "switch", "rollback")


def carried_out(case: Case, decision: Decision, rendered: Rendered | None = None) -> Facts:
    """All that the role needs to carry a decision out."""
    decision, capacity = _with_capacity(case, decision)
    plan = _planned(case, decision, capacity, rendered)
    # A Job that has completed cannot become unready, and may have been cleaned up since.
    lasting = [each for each in plan["workloads"] if each["kind"] != "Job"] + plan["service"]
    scene = Scene(
        goal=case.goal,
        live=case.router.live,
        smoke=plan["smoke"] is not None,
        settles=bool(lasting),
        follows=case.follows is not None,
        shows=bool(case.params["preview_port"]),
        locked=case.params["locked"],
        moments=[moment for moment, files in case.params["hooks"].items() if files],
        ready_timeout=case.params["ready_timeout"] + case.params["image_wait"],
        watch=case.router.watch_seconds if case.params["wait_in_service"] else 0,
    )
    before = case.state.sides[case.router.live or other(decision.color)].release
    in_order = steps(decision, scene)
    left = left_by(case.standing, decision)
    known = decision.action not in ("resolve", "wait")
    back = proven_way_back(_then(case, decision, plan)) if known else None
    return plan | {
        "rollback": way_back_facts(back) if back else None,
        "lasting": lasting,
        "steps": list(in_order),
        "files": files(in_order),
        "told": details(in_order),
        "last_gap_ms": last_gap(case.state.ledger.events),
        "apart": list(rendered.apart) if rendered else [],
        "takes": lock_taken(decision, scene),
        "lock_seconds": scene.lock_seconds,
        "leaves": asdict(left) if left else None,
        "holds": case.goal == "rollback" and case.params["hold_after_rollback"],
        "thaw": _thaw(case),
        "order": order_now(case, decision.color, decision.release) or None if decision.release else None,
        "approval": approval_now(case, decision).facts,
        "hook": {
            "app": case.params["app"],
            "namespace": case.params["namespace"],
            "color": decision.color,
            "commit": plan["commit"],
            "previous_color": case.router.live,
            "previous_commit": before.commit if before else None,
            "load_balancer": case.router.name,
            "dns_name": case.router.dns_name,
        },
    }


def approval_now(case: Case, decision: Decision) -> Approval:
    """What is approved with this plan, and what an approved one is held against."""
    router = case.router
    serving = case.state.sides[router.live].release if router.live else None
    return Approval(
        decision.color, decision.release, router.live, serving, router.fingerprint, router.touched
    )


def _thaw(case: Case) -> str | None:
    """Why the run goes on although deploys are frozen; None where they are not."""
    asked = read_asked(case.params)
    return asked.thaw if case.goal in FREEZABLE and asked.frozen and asked.thaw else None


def _with_capacity(case: Case, decision: Decision) -> tuple[Decision, Capacity | None]:
    """The decision, scaling first where a color that runs the release already has too few pods for live's traffic."""
    there = case.state.sides[decision.color].workload
    if case.goal not in _MOVING or decision.action not in ("swap", "scale") or there is None:
        return decision, None
    capacity = capacity_for(case, decision.color, there.replicas)
    raises = capacity is not None and there.replicas < capacity.pods
    return (replace(decision, action="scale") if raises else decision), capacity


def _planned(case: Case, decision: Decision, capacity: Capacity | None, rendered: Rendered | None) -> Facts:
    color, release = decision.color, decision.release
    plan: Facts = {
        "action": decision.action,
        "color": color,
        "commit": release.commit if release else None,
        "manifest": release.manifest if release else None,
        "to_service": decision.service,
        "reason": decision.reason,
        "images": [],
        "objects": [],
        "undo": [],
        "scale": [],
        "capacity": None,
        "difference": None,
        "keep": None,
        "service": [],
        "secret": False,
        "rendered": rendered.release.manifest if rendered and release != rendered.release else None,
        "leaving": _served(case),
    }
    if case.goal == "release":
        return plan | {"workloads": [], "smoke": None}
    if decision.action == "stage" and release:
        return plan | staging(case, color, release, rendered)
    runs = companions(case.state.deployments, color, release) if release else ()
    service = case.state.services[color]
    reachable = service is not None and case.state.sides[color].reachable
    place, side = case.places[color], case.state.sides[color]
    plan["images"] = list(side.workload.images) if side.workload else []
    plan["workloads"] = [workload("Deployment", name, place, capacity) for name in runs]
    plan["capacity"] = capacity_facts(capacity, side.workload.replicas if side.workload else 0)
    plan["smoke"] = smoke(case, color, service) if service and reachable else None
    if reachable and decision.action != "complete":
        plan["service"] = leading(case, color, _deployment(case, color))
    if decision.service and decision.action != "complete":
        namespace, name = decision.service.split("/")
        plan["service"] = [{"kind": "Service", "name": name, "namespace": namespace}]
    if rendered and release == rendered.release:
        plan["keep"] = to_keep(case, release, rendered.objects)
    if decision.action == "retire":
        plan["scale"] = [scale(name, 0) for name in runs]
    if decision.action == "scale":
        plan["scale"] = _scaled_up(case, color, runs, capacity)
    if (
        decision.action == "unchanged"
        and side.workload
        and not side.workload.ready
        and color == case.router.live
    ):
        plan["warnings"] = [f"{color} is live with {plan['commit']}, but is not ready: {side.workload.lack}."]
    return plan


def _served(case: Case) -> Facts | None:
    """The release that was live when this was read; before a swap that is under way, what that leaves."""
    live = other(case.router.living) if case.router.living else case.router.live
    release = case.state.sides[live].release if live else None
    return asdict(release) if release else None


def _then(case: Case, decision: Decision, plan: Facts) -> Case:
    """The case as it will be once the decision is carried out."""
    state = case.state
    made = {
        color: entry
        for color, place in case.places.items()
        for entry in plan["objects"]
        if (entry["kind"], entry["metadata"]["name"]) == ("Service", place.name)
    }
    ports = {color: node_ports(entry) for color, entry in made.items()}
    then = afterwards(case.standing, case.goal, decision, ports)
    shown_by = case.shown_by
    if shown_by and moves(case.goal, decision):
        shown_by = turned(shown_by, other(decision.color), state.claim) if case.follows else then.router
    state = replace(state, sides=then.sides, ledger=then.ledger, services={**state.services, **made})
    return replace(case, router=then.router, shown_by=shown_by, state=state)


def _scaled_up(case: Case, color: str, runs: Sequence[str], capacity: Capacity | None) -> list[Facts]:
    """A color that has been retired gets all its pods back, any other only those that it lacks for the traffic."""
    main, side = case.places[color].name, case.state.sides[color]
    pods = capacity.pods if capacity else 0
    if side.workload and side.workload.replicas:
        return [scale(main, pods)]
    return [scale(name, max(live_replicas(case), pods if name == main else 0)) for name in runs]


def _deployment(case: Case, color: str) -> Mapping[str, Any]:
    name = case.places[color].name
    return next((each for each in case.state.deployments if each["metadata"]["name"] == name), {})
