# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_plan)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import process_gone
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import KINDS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.apply import Applied, How, apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    WayBack,
    after_move,
    check_claim,
    check_router,
    choose_release,
    left_by_rollback,
    plan_deploy,
    plan_repair,
    plan_retire,
    plan_rollback,
    plan_stage,
    plan_switch,
    wants_service,
    way_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.facts import (
    drift_of_live,
    release_facts,
    way_back_facts,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    pack,
    rows,
    unfinished_rollback,
    unpack,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import (
    Hold,
    describe_hold,
    is_over,
    read_hold,
    version_to_expect,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
    applied_before,
    check,
    check_apart,
    deployment_of,
    digest,
    keep_running,
    parse,
    pod_labels,
    proxy_port,
    service_of,
    stamp,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    check_app,
    check_hooks,
    check_patience,
    check_smoke,
    companions,
    read_commit,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.smoke import preview_url
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.standing import (
    Standing,
    read_standing,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.steps import Scene, lock_taken, steps
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS, other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import together

# The goals that make a release of rendered manifests, and those that only read.
RENDERING = ("deploy", "stage")
_READING = ("status", "list")
# The goals after which the preview follows; a rollback is not kept from it by that.
_FOLLOWED = ("deploy", "switch")
GOALS = (*RENDERING, "switch", "rollback", "repair", "retire", *_READING)


@dataclass(frozen=True)
class _Run:
    """What a run is about, and what it has found; ``shown_by`` is the router that has the preview."""

    params: Mapping[str, Any]
    client: Cluster
    router: Router
    shown_by: Router | None
    places: Mapping[str, Place]
    standing: Standing

    @property
    def goal(self) -> str:
        return str(self.params["goal"])

    @property
    def local_allowed(self) -> bool:
        return self.params["allow_local"] or self.router.abilities.local_traffic

    @property
    def follows(self) -> Router | None:
        """The router that shows the idle color and nothing else, where there is one of its own."""
        return self.shown_by if self.shown_by and self.shown_by.name != self.router.name else None


@dataclass(frozen=True)
class _Rendered:
    """The release that was asked for, and the objects that make it, by color."""

    release: Release
    objects: Mapping[str, Sequence[Object]]


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
    waits = router.living is not None and not params["locked"] and goal not in _READING
    if goal not in _READING:
        check_patience(params["ready_timeout"], params["unschedulable_grace"])
        hooks_warning = _check_hooks(params)
    if goal not in _READING and not waits:
        check_router(router, repairs=goal == "repair")
    rendered = _read_rendered(params, router, places, commit) if goal in RENDERING and commit else None

    tell(f"reading namespace {params['namespace']} at {client.host}")
    standing = read_standing(client, params["app"], params["namespace"], places)
    shown_by = router_of(params["preview_router"]) if params["preview_router"] else None
    this = _Run(params, client, router, shown_by, places, standing)
    result = _describe(this)
    if goal not in _READING:
        check_claim(router, standing.claim, params["claim"])
        if goal in _FOLLOWED:
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


def _check_preview(this: _Run) -> None:
    """Refuse what pointing the preview's load balancer at the idle color would refuse after the swap."""
    if this.follows:
        check_router(this.follows, repairs=True)
        check_claim(this.follows, this.standing.claim, this.params["claim"])


def _wait(this: _Run) -> Result:
    """A plan for when somebody's swap is under way: nothing can be said before it has ended."""
    nothing = Decision("wait", this.router.living or COLORS[0])
    return {**_carried_out(this, nothing), "rollback": None}


def _plan(this: _Run, commit: str | None, rendered: _Rendered | None) -> Result:
    router, sides = this.router, this.standing.sides
    if rendered:
        wanted = choose_release(router, sides, this.standing.ledger, rendered.release)
        plan = plan_deploy if this.goal == "deploy" else plan_stage
        decision = plan(router, sides, wanted)
        return _carried_out(this, decision, rendered)
    if this.goal == "repair":
        return _carried_out(this, plan_repair(router, sides, this.params["color"]))
    if this.goal == "switch":
        return _carried_out(this, plan_switch(router, sides, commit))
    if this.goal == "retire":
        return _carried_out(this, plan_retire(router, sides))
    leaving = _leaving(this)
    return _carried_out(this, plan_rollback(router, sides, this.standing.ledger, commit, leaving))


def _leaving(this: _Run) -> Release | None:
    """The release that a rollback was asked to leave; one that nobody knows fits no release."""
    named = this.params["leaving"]
    if not named:
        return None
    live = this.standing.sides[this.router.live].release if this.router.live else None
    if named.get("manifest"):
        return Release(named["commit"], named["manifest"])
    return live if live and live.commit == named["commit"] else Release(named["commit"], "")


def _served(this: _Run) -> Result | None:
    """The release that was live when this was read; before a swap that is under way, what that leaves."""
    live = other(this.router.living) if this.router.living else this.router.live
    release = this.standing.sides[live].release if live else None
    return asdict(release) if release else None


def _carried_out(this: _Run, decision: Decision, rendered: _Rendered | None = None) -> Result:
    """All that the role needs to carry a decision out."""
    plan = _planned(this, decision, rendered)
    # A Job that has completed cannot become unready, and may have been cleaned up since.
    lasting = [each for each in plan["workloads"] if each["kind"] != "Job"] + plan["service"]
    scene = Scene(
        goal=this.goal,
        live=this.router.live,
        smoke=plan["smoke"] is not None,
        settles=bool(lasting),
        follows=this.follows is not None,
        locked=this.params["locked"],
        moments=[moment for moment, files in this.params["hooks"].items() if files],
        ready_timeout=this.params["ready_timeout"],
    )
    before = this.standing.sides[this.router.live or other(decision.color)].release
    left = _left_by_rollback(this, decision) if decision.action == "complete" else before
    return plan | {
        "lasting": lasting,
        "steps": list(steps(decision, scene)),
        "takes": lock_taken(decision, scene),
        "lock_seconds": scene.lock_seconds,
        "leaves": asdict(left) if left else None,
        "hook": {
            "app": this.params["app"],
            "namespace": this.params["namespace"],
            "color": decision.color,
            "commit": plan["commit"],
            "previous_color": this.router.live,
            "previous_commit": before.commit if before else None,
            "load_balancer": this.router.name,
            "dns_name": this.router.dns_name,
        },
    }


def _left_by_rollback(this: _Run, decision: Decision) -> Release | None:
    cut_off = unfinished_rollback(this.standing.ledger.events, decision.release)
    return cut_off.left if cut_off else None


def _planned(this: _Run, decision: Decision, rendered: _Rendered | None) -> Result:
    color, release = decision.color, decision.release
    plan: Result = {
        "action": decision.action,
        "color": color,
        "commit": release.commit if release else None,
        "manifest": release.manifest if release else None,
        "reason": decision.reason,
        "objects": [],
        "undo": [],
        "scale": [],
        "keep": None,
        "service": [],
        "secret": False,
        "rendered": rendered.release.manifest if rendered and release != rendered.release else None,
        "rollback": way_back_facts(_way_back_then(this, decision)),
        "leaving": _served(this),
    }
    if decision.action == "stage" and release:
        return plan | _staging(this, color, release, rendered)
    runs = companions(this.standing.deployments, color, release) if release else ()
    service = this.standing.services[color]
    reachable = service is not None and this.standing.sides[color].reachable
    plan["workloads"] = [_workload("Deployment", name) for name in runs]
    plan["smoke"] = _smoke(this, color, service) if service and reachable else None
    if reachable and decision.action != "complete":
        plan["service"] = _leading(this, color, _deployment(this, color))
    if rendered and release == rendered.release:
        plan["keep"] = _to_keep(this, release, rendered.objects)
    if decision.action in ("scale", "retire"):
        plan["scale"] = [_scaled(name, _replicas(this, decision)) for name in runs]
    side = this.standing.sides[color]
    if (
        decision.action == "unchanged"
        and side.workload
        and not side.workload.ready
        and color == this.router.live
    ):
        plan["warnings"] = [f"{color} is live with {plan['commit']}, but is not ready: {side.workload.lack}."]
    return plan


def _staging(this: _Run, color: str, release: Release, rendered: _Rendered | None) -> Result:
    """What brings a release up on the idle color: as rendered, or as the ledger kept it."""
    place, aside = this.places[color], other(color)
    side, live = this.standing.sides[color], this.router.live
    warnings: list[str] = []
    if rendered and release == rendered.release:
        by_color = rendered.objects
    else:
        by_color, warnings = _kept(this, color, release)
    objects = by_color[color]
    staged = stamp(objects, place, release, side.workload.marks if side.workload else ())
    if side.workload and side.workload.replicas == 0:
        staged = keep_running(staged, _live_replicas(this))
    elif side.workload and side.workload.holds_replicas:
        staged = keep_running(staged, side.workload.replicas)
    if wants_service(this.standing.sides[aside], live):
        staged += stamp([service_of(by_color[aside], this.places[aside])], this.places[aside], release)
    tried = _tried(this, staged)
    warnings += [each.warning for each in tried if each.warning]
    # The last one may be the other color's Service, which is not there yet.
    before = [each.before for each in tried[: len(objects)]]
    return {
        "objects": staged,
        "secret": any(entry["kind"] == "Secret" for entry in objects),
        "undo": _undo(this, before, place),
        "workloads": [
            _workload(entry["kind"], entry["metadata"]["name"]) for entry in objects if _runs(entry)
        ],
        "service": _leading(this, color, deployment_of(objects, place)),
        "smoke": _smoke(this, color, service_of(objects, place)),
        "keep": _to_keep(this, release, by_color),
        "warnings": warnings,
    }


def _tried(this: _Run, objects: Sequence[Object]) -> list[Applied]:
    """What is there, and what the API server says that it would do; what it would refuse is raised."""
    rollback = this.goal == "rollback"
    how = How(dry_run=True, strict=not rollback, replace=rollback or this.params["replace"])
    namespace = this.params["namespace"]
    return together([partial(apply, this.client, entry, namespace, how) for entry in objects])


def _kept(this: _Run, color: str, release: Release) -> tuple[Mapping[str, Sequence[Object]], list[str]]:
    """A release's objects from the ledger, and what is to be said of them."""
    kept = unpack(this.standing.ledger.kept[release])
    if kept is None:
        raise InputError(
            f"What the ledger keeps of {release.commit} is damaged, so it cannot be brought back as it was: "
            f"deploy it anew, with deploy.yml -e commit={release.commit}."
        )
    for each in COLORS:
        check(
            kept.objects[each],
            kept.objects[other(each)],
            this.places[each],
            release.commit,
            this.local_allowed,
        )
    namespace = this.params["namespace"]
    names = kept.secrets[color]
    missing = [name for name in names if this.client.get("v1", "Secret", name, namespace) is None]
    if missing:
        raise InputError(
            f"{release.commit} needs Secret {', '.join(missing)} of namespace {namespace}, which is gone; "
            "Secrets are not kept in the ledger: create it, and run again."
        )
    told = [f"{release.commit} is brought back as it was, not as its manifests are rendered today."]
    told = told if this.goal in RENDERING else []
    return kept.objects, told + [
        f"Secret {name} is not kept in the ledger: {release.commit} gets it as it is now." for name in names
    ]


def _to_keep(this: _Run, release: Release, objects: Mapping[str, Sequence[Object]]) -> str | None:
    return None if release in this.standing.ledger.kept else pack(objects)


def _way_back_then(this: _Run, decision: Decision) -> WayBack:
    """Where a rollback would go once the decision is carried out."""
    sides, ledger, live = this.standing.sides, this.standing.ledger, this.router.live
    if this.goal == "stage":
        return way_back(sides, live, ledger)
    if this.goal == "rollback" and decision.action in ("swap", "stage", "scale", "complete"):
        left = other(decision.color)
        sides = {**sides, left: left_by_rollback(sides[left])}
    moved = after_move(ledger, sides, decision, live)
    return way_back(sides, decision.color, moved, decision.release)


def _replicas(this: _Run, decision: Decision) -> int:
    return 0 if decision.action == "retire" else _live_replicas(this)


def _live_replicas(this: _Run) -> int:
    """How many pods the live color has, because the idle one is to carry the same traffic; at least one."""
    live = this.standing.sides[this.router.live].workload if this.router.live else None
    return max(1, live.replicas if live else 1)


def _scaled(name: str, replicas: int) -> Object:
    """For release_apply with ``scales``."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas},
    }


def _runs(entry: Object) -> bool:
    return entry["kind"] in KINDS and entry["kind"] != "Service"


def _workload(kind: str, name: str) -> Result:
    """As k8s_wait_ready wants to have it."""
    return {"kind": kind, "name": name}


def _leading(this: _Run, color: str, deployment: Mapping[str, Any]) -> list[Result]:
    """The color's Service as k8s_wait_ready is to see it right before traffic comes."""
    place = this.places[color]
    service = _workload("Service", place.name)
    return [{**service, "node_ports": list(place.node_ports), "pod_labels": pod_labels(deployment)}]


def _deployment(this: _Run, color: str) -> Mapping[str, Any]:
    name = this.places[color].name
    return next((each for each in this.standing.deployments if each["metadata"]["name"] == name), {})


def _undo(this: _Run, found: Sequence[Object | None], place: Place) -> list[Object]:
    """What puts the color back as it is, for when it is one to roll back to and staging fails.

    Empty when that cannot be done for all that is ``found`` there.
    """
    back = way_back(this.standing.sides, this.router.live, this.standing.ledger)
    if back.color != place.color or back.action != "swap":
        return []
    before = [applied_before(each) for each in found if each is not None]
    return [each for each in before if each is not None] if None not in before else []


def _smoke(this: _Run, color: str, service: Object) -> Result | None:
    """Whom the smoke request asks, None when nobody."""
    wanted, place = this.params["smoke"], this.places[color]
    if wanted == "none":
        return None
    if wanted == "proxy":
        return {"service": place.name, "port": proxy_port(service, place)}
    if wanted == "preview":
        if color == this.router.live:
            # The preview shows the other color.
            return {"service": place.name, "port": proxy_port(service, place)}
        target = this.router.targets[color].words
        return {"url": preview_url(this.shown_by, color, target, this.params["smoke_path"])}
    return {"url": wanted}


def _read_rendered(
    params: Mapping[str, Any], router: Router, places: Mapping[str, Place], commit: str
) -> _Rendered:
    manifests = params["manifests"]
    objects = {color: parse(_templates(manifests, color), color) for color in COLORS}
    local_allowed = params["allow_local"] or router.abilities.local_traffic
    for color in COLORS:
        check(objects[color], objects[other(color)], places[color], commit, local_allowed)
    check_apart(objects["blue"], objects["green"])
    return _Rendered(Release(commit, digest(parse(_templates(manifests, "neutral"), "no color"))), objects)


def _templates(manifests: Mapping[str, Any], rendering: str) -> list[tuple[str, str]]:
    names, texts = manifests["templates"], manifests[rendering]
    if len(names) != len(texts):
        raise InputError(
            f"There are {len(names)} templates, but {len(texts)} texts rendered from them for {rendering}: "
            "give one for each."
        )
    # Ansible makes an object of a text that looks like one.
    shown = [text if isinstance(text, str) else json.dumps(text) for text in texts]
    return list(zip(names, shown, strict=True))


def _describe(this: _Run) -> Result:
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
    if this.goal in _READING:
        result["history"] = [asdict(row) for row in rows(standing.ledger, live, back.to)]
    return result


def _over(client: Cluster, hold: Hold) -> bool:
    return is_over(hold, client.now() or time.time(), process_gone(hold.host, hold.process))
