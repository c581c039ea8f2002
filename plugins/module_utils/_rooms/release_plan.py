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

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster, auth_options
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import process_gone
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import KINDS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.apply import Applied, How, apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    WayBack,
    after_move,
    check_can_follow,
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
    Route,
    check_app,
    check_hooks,
    check_patience,
    check_smoke,
    companions,
    read_commit,
    read_route,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.smoke import preview_url
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.standing import (
    Standing,
    read_standing,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.steps import Scene, lock_taken, steps
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS, other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import together

# The goals that make a release of rendered manifests, and those that only read.
RENDERING = ("deploy", "stage")
_READING = ("status", "list")
# The goals after which the preview follows; a rollback is not kept from it by that.
_FOLLOWED = ("deploy", "switch")
GOALS = (*RENDERING, "switch", "rollback", "repair", "retire", *_READING)


@dataclass(frozen=True)
class _Run:
    """What a run is about, and what it has found."""

    params: Mapping[str, Any]
    client: Cluster
    route: Route
    places: Mapping[str, Place]
    standing: Standing

    @property
    def goal(self) -> str:
        return str(self.params["goal"])

    @property
    def local_allowed(self) -> bool:
        return self.params["allow_local"] or self.route.type == "application"


@dataclass(frozen=True)
class _Rendered:
    """The release that was asked for, and the objects that make it, by color."""

    release: Release
    objects: Mapping[str, Sequence[Object]]


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, tell: Tell) -> Result:
    goal = params["goal"]
    check_app(params["app"])
    check_smoke(params["smoke"])
    route = read_route(params["router"])
    places = {
        color: Place(params["app"], params["namespace"], color, route.node_ports[color]) for color in COLORS
    }
    commit = read_commit(params["commit"]) if goal in RENDERING or params["commit"] else None
    waits = route.living is not None and not params["locked"] and goal not in _READING
    if goal not in _READING:
        check_patience(params["ready_timeout"], params["unschedulable_grace"])
        hooks_warning = _check_hooks(params)
    if goal not in _READING and not waits:
        check_router(route, params["creates_listeners"], repairs=goal == "repair")
    rendered = _read_rendered(params, route, places, commit) if goal in RENDERING and commit else None

    tell(f"reading namespace {params['namespace']} at {client.host}")
    standing = read_standing(client, params["app"], params["namespace"], places)
    this = _Run(params, client, route, places, standing)
    result = _describe(this)
    if goal not in _READING:
        check_claim(route, standing.claim, params["claim"])
        if goal in _FOLLOWED:
            _check_preview(params, route, standing.claim)
        result |= _wait(this) if waits else _plan(this, commit, rendered)
        result["warnings"] = [*hooks_warning, *result.get("warnings", ())]
    result["warnings"] = [*standing.warnings, *result.get("warnings", ())]
    return {**result, "at": round(time.time(), 3)}


def _check_hooks(params: Mapping[str, Any]) -> list[str]:
    """Refuse what a hook cannot be; a way back and a repair are only warned, not kept from it."""
    try:
        check_hooks(params["hooks"], os.path.isfile)
    except InputError as error:
        if params["goal"] in (*RENDERING, "switch"):
            raise
        return [error.message]
    return []


def _check_preview(params: Mapping[str, Any], route: Route, claim: str) -> None:
    """Refuse what pointing the preview's load balancer at the idle color would refuse after the swap."""
    preview = params["preview_router"]
    if preview and preview.get("name") not in (None, route.name):
        follows = read_route(preview)
        check_router(follows, repairs=True)
        if params["goal"] == "deploy" and not params["creates_listeners"]:
            check_can_follow(follows)
        check_claim(follows, claim, params["claim"])


def _wait(this: _Run) -> Result:
    """A plan for when somebody's swap is under way: nothing can be said before it has ended."""
    nothing = Decision("wait", this.route.living or COLORS[0])
    return {**_carried_out(this, nothing), "rollback": None}


def _plan(this: _Run, commit: str | None, rendered: _Rendered | None) -> Result:
    route, sides = this.route, this.standing.sides
    if rendered:
        wanted = choose_release(route, sides, this.standing.ledger, rendered.release)
        plan = plan_deploy if this.goal == "deploy" else plan_stage
        decision = plan(route, sides, wanted)
        return _carried_out(this, decision, rendered)
    if this.goal == "repair":
        return _carried_out(this, plan_repair(route, sides, this.params["color"]))
    if this.goal == "switch":
        return _carried_out(this, plan_switch(route, sides, commit))
    if this.goal == "retire":
        return _carried_out(this, plan_retire(route, sides))
    leaving = _leaving(this)
    return _carried_out(this, plan_rollback(route, sides, this.standing.ledger, commit, leaving))


def _leaving(this: _Run) -> Release | None:
    """The release that a rollback was asked to leave; one that nobody knows fits no release."""
    named = this.params["leaving"]
    if not named:
        return None
    live = this.standing.sides[this.route.live].release if this.route.live else None
    if named.get("manifest"):
        return Release(named["commit"], named["manifest"])
    return live if live and live.commit == named["commit"] else Release(named["commit"], "")


def _served(this: _Run) -> Result | None:
    """The release that was live when this was read; before a swap that is under way, what that leaves."""
    live = other(this.route.living) if this.route.living else this.route.live
    release = this.standing.sides[live].release if live else None
    return asdict(release) if release else None


def _carried_out(this: _Run, decision: Decision, rendered: _Rendered | None = None) -> Result:
    """All that the role needs to carry a decision out."""
    plan = _planned(this, decision, rendered)
    # A Job that has completed cannot become unready, and may have been cleaned up since.
    lasting = [each for each in plan["workloads"] if each["kind"] != "Job"] + plan["service"]
    preview = this.params["preview_router"] or {}
    scene = Scene(
        goal=this.goal,
        live=this.route.live,
        smoke=plan["smoke"] is not None,
        settles=bool(lasting),
        follows=preview.get("name") not in (None, this.route.name),
        locked=this.params["locked"],
        moments=[moment for moment, files in this.params["hooks"].items() if files],
        ready_timeout=this.params["ready_timeout"],
    )
    before = this.standing.sides[this.route.live or other(decision.color)].release
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
            "previous_color": this.route.live,
            "previous_commit": before.commit if before else None,
            "load_balancer": this.route.name,
            "dns_name": this.params["router"].get("dns_name"),
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
        and color == this.route.live
    ):
        plan["warnings"] = [f"{color} is live with {plan['commit']}, but is not ready: {side.workload.lack}."]
    return plan


def _staging(this: _Run, color: str, release: Release, rendered: _Rendered | None) -> Result:
    """What brings a release up on the idle color: as rendered, or as the ledger kept it."""
    place, aside = this.places[color], other(color)
    side, live = this.standing.sides[color], this.route.live
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
    sides, ledger, live = this.standing.sides, this.standing.ledger, this.route.live
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
    live = this.standing.sides[this.route.live].workload if this.route.live else None
    return max(1, live.replicas if live else 1)


def _scaled(name: str, replicas: int) -> Object:
    """For kubernetes.core.k8s with state=patched."""
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
    back = way_back(this.standing.sides, this.route.live, this.standing.ledger)
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
        if color == this.route.live:
            # The preview shows the other color.
            return {"service": place.name, "port": proxy_port(service, place)}
        return {
            "url": preview_url(
                this.params["preview_router"], color, place.node_ports, this.params["smoke_path"]
            )
        }
    return {"url": wanted}


def _read_rendered(
    params: Mapping[str, Any], route: Route, places: Mapping[str, Place], commit: str
) -> _Rendered:
    manifests = params["manifests"]
    objects = {color: parse(_templates(manifests, color), color) for color in COLORS}
    local_allowed = params["allow_local"] or route.type == "application"
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
    standing, route = this.standing, this.route
    back = way_back(standing.sides, route.live, standing.ledger)
    live = standing.sides[route.live].release if route.live else None
    hold = read_hold(standing.lease) if standing.lease else None
    looked_ago = time.time() - this.params["since"] if this.params["since"] else 0.0
    version = version_to_expect(standing.lease, this.client.now() or time.time(), looked_ago)
    result: Result = {
        "changed": False,
        "live": route.live,
        "claim": standing.claim,
        "drift": drift_of_live(standing.sides[route.live]) if route.live else [],
        "releases": {color: release_facts(side) for color, side in standing.sides.items()},
        "rollback": way_back_facts(back),
        "lock": describe_hold(hold, _over(this.client, hold)) if hold else None,
        "lock_version": version if standing.lock_seen else None,
        "host": this.client.host,
        "kubeconfig": _guessed_kubeconfig(this.params),
    }
    if this.goal in _READING:
        result["history"] = [asdict(row) for row in rows(standing.ledger, live, back.to)]
    return result


def _over(client: Cluster, hold: Hold) -> bool:
    return is_over(hold, client.now() or time.time(), process_gone(hold.host, hold.process))


def _guessed_kubeconfig(params: Mapping[str, Any]) -> str | None:
    """The kubeconfig that was taken because none was given: kubernetes.core would guess another."""
    if params["kubeconfig"]:
        return None
    path = auth_options(params, os.environ).get("kubeconfig")
    return str(path) if path else None
