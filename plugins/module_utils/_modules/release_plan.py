# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_plan)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import (
    Cluster,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    InputError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import (
    Result,
    Show,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import (
    process_gone,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.approval import (
    Approval,
    check_approval,
    check_found,
    read_approval,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.capacity import (
    check_capacity,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.carrying_out import (
    approval_now,
    carried_out,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import (
    APPROVABLE,
    FOLLOWED,
    FREEZABLE,
    READING,
    RENDERING,
    Case,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.cluster_state import (
    read_cluster_state,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    check_claim,
    check_router,
    choose_release,
    plan_deploy,
    plan_preview,
    plan_repair,
    plan_retire,
    plan_stage,
    plan_switch,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.facts import (
    drift_of_live,
    release_facts,
    untold,
    way_back_facts,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    rows,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import (
    Hold,
    describe_hold,
    is_over,
    read_hold,
    version_to_expect,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Place,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.order import (
    check_order,
    order_of,
    read_order,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.permission import (
    check_frozen,
    check_hold,
    hold_of,
    read_asked,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    check_app,
    check_hooks,
    check_patience,
    check_smoke,
    read_commit,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.rendered import (
    Rendered,
    read_rendered,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.staging import (
    proven_way_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.way_back import (
    plan_rollback,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import (
    router_of,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    COLORS,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    Router,
)


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, show: Show) -> Result:
    goal = params["goal"]
    check_app(params["app"])
    check_smoke(params["smoke"])
    router = router_of(params["router"])
    places = {
        color: Place(
            params["app"], params["namespace"], color, router.targets[color].node_ports, router.node_ports_in
        )
        for color in COLORS
    }
    commit = read_commit(params["commit"]) if goal in RENDERING or params["commit"] else None
    waits = router.living is not None and not params["locked"] and goal not in READING
    if goal not in READING:
        check_patience(params)
        check_capacity(params["capacity"])
        read_order(params["order"])
        hooks_warning = _check_hooks(params)
    if goal not in (*READING, "release") and not waits:
        check_router(router, repairs=goal == "repair", to_idle=goal in ("rollback", "switch"))
    local_allowed = params["allow_local"] or router.abilities.local_traffic
    rendered = (
        read_rendered(params["manifests"], places, commit, local_allowed)
        if goal in RENDERING and commit
        else None
    )

    state = read_cluster_state(client, params["app"], params["namespace"], places)
    shown_by = router_of(params["preview_router"]) if params["preview_router"] else None
    case = Case(params, client, router, shown_by, places, state, check_mode)
    result = _describe(case)
    if goal not in READING:
        check_claim(router, state.claim, params["claim"])
        if goal in FOLLOWED:
            _check_preview(case)
        result |= _wait(case) if waits else _plan(case, commit, rendered)
        result["warnings"] = [*hooks_warning, *_unserved(router), *result.get("warnings", ())]
    result["warnings"] = [*state.warnings, *result.get("warnings", ())]
    return result


def _check_hooks(params: Mapping[str, Any]) -> list[str]:
    """Refuse what a hook cannot be; a way back and a repair are only warned, not kept from it."""
    try:
        check_hooks(params["hooks"], os.path.isfile)
    except InputError as error:
        if params["goal"] in (*RENDERING, "switch"):
            raise
        return [error.message]
    return []


def _unserved(router: Router) -> list[str]:
    """A swap leads traffic to a color, and instances or targets to it."""
    if router.unserved is None:
        return []
    if not router.serves:
        counted = f"0 of {router.registered} {router.backends_are}"
        told = f"Nothing is registered or in service yet with load balancer {router.name} ({counted})"
        return [f"{told}: clients get 503 until something is."]
    return [f"{router.unserved[:1].upper()}{router.unserved[1:]}, whichever color is live."]


def _check_preview(case: Case) -> None:
    """Refuse what pointing the preview's load balancer at the idle color would refuse after the swap."""
    if case.follows:
        check_router(case.follows, repairs=True)
        check_claim(case.follows, case.state.claim, case.params["claim"])


def _wait(case: Case) -> Result:
    """A plan for when somebody's swap is under way: nothing can be said before it has ended."""
    nothing = Decision("wait", case.router.living or COLORS[0])
    return carried_out(case, nothing)


def _plan(case: Case, commit: str | None, rendered: Rendered | None) -> Result:
    router, sides = case.router, case.state.sides
    if approved := _approved(case):
        undecided = approval_now(case, Decision("unchanged", approved.color))
        check_found(approved, undecided, case.params["app"], router.cut_off)
    if rendered:
        wanted = choose_release(router, sides, case.state.ledger, rendered.release)
        plan = plan_deploy if case.goal == "deploy" else plan_stage
        decision = plan(router, sides, wanted)
        _check_now(case, decision)
        return carried_out(case, decision, rendered)
    if case.goal == "repair":
        return carried_out(case, plan_repair(router, sides, case.params["color"]))
    if case.goal == "switch":
        decision = plan_switch(router, sides, commit)
        _check_now(case, decision)
        return carried_out(case, decision)
    if case.goal == "release":
        return carried_out(case, _release(case))
    if case.goal == "retire":
        return carried_out(case, plan_retire(router, sides))
    if case.goal == "preview":
        return carried_out(
            case, plan_preview(router, case.params["preview_port"], apart=case.follows is not None)
        )
    return carried_out(case, plan_rollback(case.standing, commit, _leaving(case)))


def _check_now(case: Case, decision: Decision) -> None:
    """Refuse what must not be brought up or moved to now. A port that a cut-off swap has closed does not wait for that."""
    approved, app = _approved(case), case.params["app"]
    # After a swap that was cut off is resolved the plan is made once more.
    if approved and decision.action != "resolve":
        check_approval(approved, approval_now(case, decision), app, case.router.cut_off)
    release, events = decision.release, case.state.ledger.events
    if decision.action == "unchanged" or case.router.cut_off or release is None:
        return
    asked = read_asked(case.params)
    if case.goal in FREEZABLE:
        check_frozen(asked)
    if case.goal in RENDERING and decision.color != case.router.live:
        check_hold(asked, hold_of(events), release.commit)
        live = case.state.sides[case.router.live].workload if case.router.live else None
        if live and live.release:
            lives = order_of(live.release, events, live.order)
            check_order(release.commit, read_order(case.params["order"]), live.release.commit, lives)


def _approved(case: Case) -> Approval | None:
    plans = case.params["approved"]
    return read_approval(plans, case.params["app"]) if plans and case.goal in APPROVABLE else None


def _release(case: Case) -> Decision:
    """End the hold that a rollback has put on deploys."""
    hold = hold_of(case.state.ledger.events)
    if hold is None:
        return Decision("unchanged", case.router.live or COLORS[0], reason="nothing is on hold")
    return Decision("release", hold.color, hold.release, service=hold.service)


def _leaving(case: Case) -> Release | None:
    """The release that a rollback was asked to leave; one that nobody knows fits no release."""
    named = case.params["leaving"]
    if not named:
        return None
    live = case.state.sides[case.router.live].release if case.router.live else None
    if named.get("manifest"):
        return Release(named["commit"], named["manifest"])
    return live if live and live.commit == named["commit"] else Release(named["commit"], "")


def _describe(case: Case) -> Result:
    state, router = case.state, case.router
    back = proven_way_back(case) if case.goal in READING else None
    live = state.sides[router.live].release if router.live else None
    held = hold_of(state.ledger.events)
    hold = read_hold(state.lease) if state.lease else None
    looked_ago = time.time() - case.params["since"] if case.params["since"] else 0.0
    version = version_to_expect(state.lease, case.client.now() or time.time(), looked_ago)
    result: Result = {
        "changed": False,
        "live": router.live,
        "in_service": router.in_service,
        "registered": router.registered,
        "claim": state.claim,
        "drift": drift_of_live(state.sides[router.live]) if router.live else untold(router, state.services),
        "releases": {
            color: release_facts(side, router.targets[color].words) for color, side in state.sides.items()
        },
        "lock": describe_hold(hold, _over(case.client, hold)) if hold else None,
        "lock_version": version if state.lock_seen else None,
        "hold": held.facts if held else None,
        "frozen": read_asked(case.params).frozen,
        "host": case.client.host,
    }
    if back:
        result["rollback"] = way_back_facts(back)
        serving = live or (state.sides[router.live].adopted if router.live else None)
        result["history"] = [asdict(row) for row in rows(state.ledger, serving, back.to)]
    return result


def _over(client: Cluster, hold: Hold) -> bool:
    return is_over(hold, client.now() or time.time(), process_gone(hold.host, hold.process))
