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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import (
    process_gone,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.carrying_out import (
    carried_out,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import (
    FOLLOWED,
    READING,
    RENDERING,
    Case,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    check_claim,
    check_router,
    choose_release,
    plan_deploy,
    plan_repair,
    plan_retire,
    plan_rollback,
    plan_stage,
    plan_switch,
    way_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.facts import (
    drift_of_live,
    release_facts,
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.standing import (
    read_standing,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import (
    Result,
    Tell,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import (
    router_of,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    COLORS,
)


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, tell: Tell) -> Result:
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
        check_patience(params["ready_timeout"], params["unschedulable_grace"])
        hooks_warning = _check_hooks(params)
    if goal not in READING and not waits:
        check_router(router, repairs=goal == "repair")
    local_allowed = params["allow_local"] or router.abilities.local_traffic
    rendered = (
        read_rendered(params["manifests"], places, commit, local_allowed)
        if goal in RENDERING and commit
        else None
    )

    tell(f"reading namespace {params['namespace']} at {client.host}")
    standing = read_standing(client, params["app"], params["namespace"], places)
    shown_by = router_of(params["preview_router"]) if params["preview_router"] else None
    this = Case(params, client, router, shown_by, places, standing)
    result = _describe(this)
    if goal not in READING:
        check_claim(router, standing.claim, params["claim"])
        if goal in FOLLOWED:
            _check_preview(this)
        result |= _wait(this) if waits else _plan(this, commit, rendered)
        result["warnings"] = [*hooks_warning, *result.get("warnings", ())]
    result["warnings"] = [*standing.warnings, *result.get("warnings", ())]
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


def _check_preview(this: Case) -> None:
    """Refuse what pointing the preview's load balancer at the idle color would refuse after the swap."""
    if this.follows:
        check_router(this.follows, repairs=True)
        check_claim(this.follows, this.standing.claim, this.params["claim"])


def _wait(this: Case) -> Result:
    """A plan for when somebody's swap is under way: nothing can be said before it has ended."""
    nothing = Decision("wait", this.router.living or COLORS[0])
    return {**carried_out(this, nothing), "rollback": None}


def _plan(this: Case, commit: str | None, rendered: Rendered | None) -> Result:
    router, sides = this.router, this.standing.sides
    if rendered:
        wanted = choose_release(router, sides, this.standing.ledger, rendered.release)
        plan = plan_deploy if this.goal == "deploy" else plan_stage
        decision = plan(router, sides, wanted)
        return carried_out(this, decision, rendered)
    if this.goal == "repair":
        return carried_out(this, plan_repair(router, sides, this.params["color"]))
    if this.goal == "switch":
        return carried_out(this, plan_switch(router, sides, commit))
    if this.goal == "retire":
        return carried_out(this, plan_retire(router, sides))
    leaving = _leaving(this)
    return carried_out(this, plan_rollback(router, sides, this.standing.ledger, commit, leaving))


def _leaving(this: Case) -> Release | None:
    """The release that a rollback was asked to leave; one that nobody knows fits no release."""
    named = this.params["leaving"]
    if not named:
        return None
    live = this.standing.sides[this.router.live].release if this.router.live else None
    if named.get("manifest"):
        return Release(named["commit"], named["manifest"])
    return live if live and live.commit == named["commit"] else Release(named["commit"], "")


def _describe(this: Case) -> Result:
    standing, router = this.standing, this.router
    back = way_back(standing.sides, router.live, standing.ledger)
    live = standing.sides[router.live].release if router.live else None
    hold = read_hold(standing.lease) if standing.lease else None
    looked_ago = time.time() - this.params["since"] if this.params["since"] else 0.0
    version = version_to_expect(standing.lease, this.client.now() or time.time(), looked_ago)
    result: Result = {
        "changed": False,
        "live": router.live,
        "claim": standing.claim,
        "drift": drift_of_live(standing.sides[router.live]) if router.live else [],
        "releases": {
            color: release_facts(side, router.targets[color].words) for color, side in standing.sides.items()
        },
        "rollback": way_back_facts(back),
        "lock": describe_hold(hold, _over(this.client, hold)) if hold else None,
        "lock_version": version if standing.lock_seen else None,
        "host": this.client.host,
    }
    if this.goal in READING:
        result["history"] = [asdict(row) for row in rows(standing.ledger, live, back.to)]
    return result


def _over(client: Cluster, hold: Hold) -> bool:
    return is_over(hold, client.now() or time.time(), process_gone(hold.host, hold.process))
