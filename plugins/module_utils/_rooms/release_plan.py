# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_plan)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _k8s
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._manifest import (
    Object,
    Place,
    applied_before,
    check,
    check_apart,
    digest,
    node_ports,
    parse,
    proxy_port,
    service_of,
    stamp,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ports import COLORS, other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import KINDS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import (
    Decision,
    Release,
    Route,
    Side,
    check_app,
    check_claim,
    check_router,
    check_smoke,
    companions,
    find_holder,
    left_by_rollback,
    plan_deploy,
    plan_repair,
    plan_rollback,
    read_commit,
    read_route,
    read_workload,
    wants_service,
    way_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell


@dataclass(frozen=True)
class _Wanted:
    """The release that was asked for, and the objects that make it, by color."""

    release: Release
    objects: Mapping[str, tuple[Object, ...]]


@dataclass(frozen=True)
class _Seen:
    """What stands in the cluster. ``services`` are the colors' own; ``claim`` is ours on the router."""

    claim: str
    sides: Mapping[str, Side]
    services: Mapping[str, Object | None]
    deployments: Sequence[Object]


def run(params: Mapping[str, Any], check_mode: bool, client: _k8s.Cluster, tell: Tell) -> Result:
    goal = params["goal"]
    check_app(params["app"])
    check_smoke(params["smoke"])
    route = read_route(params["router"])
    places = {
        color: Place(params["app"], params["namespace"], color, route.node_ports[color]) for color in COLORS
    }
    commit = read_commit(params["commit"]) if goal == "deploy" or params["commit"] else None
    if goal != "status":
        check_router(route, params["creates_listeners"], repairs=goal == "repair")
    wanted = _read_wanted(params, route, places, commit) if goal == "deploy" and commit else None

    tell(f"reading namespace {params['namespace']} at {client.host}")
    seen = _read_cluster(client, params["app"], params["namespace"], places)
    result = _describe(params, route, seen, client.host)
    if goal != "status":
        check_claim(route, seen.claim, params["claim"])
        if wanted:
            result |= _deploy(params, client, route, seen, places, wanted)
        elif goal == "repair":
            result |= _as_it_stands(params, plan_repair(route, seen.sides, params["color"]), seen, places)
        else:
            result |= _rollback(params, route, seen, places, commit)
    return {**result, "at": round(time.time(), 3)}


def _deploy(
    params: Mapping[str, Any],
    client: _k8s.Cluster,
    route: Route,
    seen: _Seen,
    places: Mapping[str, Place],
    wanted: _Wanted,
) -> Result:
    decision = plan_deploy(route, seen.sides, wanted.release)
    color = decision.color
    rollback = asdict(way_back(seen.sides, color))
    if decision.action != "stage":
        return {**_as_it_stands(params, decision, seen, places), "rollback": rollback}
    objects = wanted.objects[color]
    work, aside = seen.sides[color].workload, other(color)
    staged = stamp(objects, places[color], wanted.release, work.marks if work else ())
    if wants_service(seen.sides[aside], route.live):
        staged += stamp([service_of(wanted.objects[aside], places[aside])], places[aside], wanted.release)
    return {
        "action": "stage",
        "color": color,
        **asdict(wanted.release),
        "objects": staged,
        "secret": any(entry["kind"] == "Secret" for entry in objects),
        "undo": _undo(client, objects, places[color], seen, route.live),
        "workloads": [
            _workload(entry["kind"], entry["metadata"]["name"]) for entry in objects if _runs(entry)
        ],
        "smoke": _smoke(params, service_of(objects, places[color]), places[color]),
        "rollback": rollback,
    }


def _rollback(
    params: Mapping[str, Any], route: Route, seen: _Seen, places: Mapping[str, Place], commit: str | None
) -> Result:
    decision = plan_rollback(route, seen.sides, commit)
    left = other(decision.color)
    sides = {**seen.sides, left: left_by_rollback(seen.sides[left])}
    plan = _as_it_stands(params, decision, seen, places)
    return {**plan, "rollback": asdict(way_back(sides, decision.color))}


def _as_it_stands(
    params: Mapping[str, Any], decision: Decision, seen: _Seen, places: Mapping[str, Place]
) -> Result:
    """A plan that stages nothing, because the router is all that has to change."""
    color, side = decision.color, seen.sides[decision.color]
    release, service = side.release, seen.services[color]
    runs = companions(seen.deployments, color, release) if release else ()
    plan: Result = {
        "action": decision.action,
        "color": color,
        "commit": release.commit if release else None,
        "manifest": release.manifest if release else None,
        "objects": [],
        "undo": [],
        "workloads": [_workload("Deployment", name) for name in runs],
        "smoke": _smoke(params, service, places[color]) if service and side.reachable else None,
    }
    if decision.action == "unchanged" and release and side.workload and not side.workload.ready:
        plan["warnings"] = [f"{color} is live with {plan['commit']}, but is not ready: {side.workload.lack}."]
    return plan


def _runs(entry: Object) -> bool:
    return entry["kind"] in KINDS and entry["kind"] != "Service"


def _workload(kind: str, name: str) -> Result:
    """As k8s_wait_ready wants to have it."""
    return {"kind": kind, "name": name}


def _undo(
    client: _k8s.Cluster, objects: Sequence[Object], place: Place, seen: _Seen, live: str | None
) -> list[Object]:
    """What puts the color back as it is, for when it is one to roll back to and staging fails.

    Empty when that cannot be done for all that is there.
    """
    if way_back(seen.sides, live).color != place.color:
        return []
    before = []
    for entry in objects:
        name = entry["metadata"]["name"]
        found = client.get(entry["apiVersion"], entry["kind"], name, place.namespace)
        if found is None:
            continue
        applied = applied_before(found)
        if applied is None:
            return []
        before.append(applied)
    return before


def _smoke(params: Mapping[str, Any], service: Object, place: Place) -> Result | None:
    """Whom the smoke request asks, None when nobody."""
    if params["smoke"] == "none":
        return None
    if params["smoke"] == "proxy":
        return {"service": place.name, "port": proxy_port(service, place)}
    return {"url": params["smoke"]}


def _read_wanted(
    params: Mapping[str, Any], route: Route, places: Mapping[str, Place], commit: str
) -> _Wanted:
    texts = params["manifests"]
    objects = {color: parse(texts[color], color) for color in COLORS}
    local_allowed = params["allow_local"] or route.type == "application"
    for color in COLORS:
        check(objects[color], objects[other(color)], places[color], commit, local_allowed)
    check_apart(objects["blue"], objects["green"])
    return _Wanted(Release(commit, digest(parse(texts["neutral"], "no color"))), objects)


def _read_cluster(client: _k8s.Cluster, app: str, namespace: str, places: Mapping[str, Place]) -> _Seen:
    found = client.get("v1", "Namespace", namespace)
    if found is None:
        raise InputError(
            f"There is no namespace {namespace} at {client.host}: create it with "
            f"'kubectl create namespace {namespace}', or check that this is the cluster you mean."
        )
    services = _list_services(client, namespace)
    deployments, _version = client.list("apps/v1", "Deployment", namespace)
    own = {color: _named(services, place) for color, place in places.items()}
    sides = {}
    for color, place in places.items():
        deployment, service = _named(deployments, place), own[color]
        sides[color] = Side(
            color,
            place.node_ports,
            read_workload(deployment) if deployment else None,
            node_ports(service) if service else None,
            find_holder(services, place.node_ports, namespace, place.name),
        )
    return _Seen(f"{app}/{found['metadata']['uid']}", sides, own, deployments)


def _list_services(client: _k8s.Cluster, namespace: str) -> Sequence[Object]:
    """All Services of the cluster, because node ports are the cluster's; else what we may see."""
    try:
        return client.list("v1", "Service")[0]
    except ClusterError as error:
        if error.details.get("status") != 403:
            raise
        return client.list("v1", "Service", namespace)[0]


def _named(objects: Sequence[Object], place: Place) -> Object | None:
    wanted = (place.namespace, place.name)
    return next((o for o in objects if (o["metadata"]["namespace"], o["metadata"]["name"]) == wanted), None)


def _describe(params: Mapping[str, Any], route: Route, seen: _Seen, host: str) -> Result:
    return {
        "changed": False,
        "live": route.live,
        "claim": seen.claim,
        "releases": {color: _release_facts(side) for color, side in seen.sides.items()},
        "rollback": asdict(way_back(seen.sides, route.live)),
        "host": host,
        "kubeconfig": _guessed_kubeconfig(params),
    }


def _release_facts(side: Side) -> Result:
    work = side.workload
    return {
        "commit": side.release.commit if side.release else None,
        "manifest": side.release.manifest if side.release else None,
        "proven": bool(work and work.proven),
        "rejected": bool(work and work.rejected),
        "ready": bool(work and work.ready),
        "lack": work.lack if work else "it has no Deployment",
        "replicas": work.replicas if work else 0,
        "ready_replicas": work.ready_replicas if work else 0,
        "images": list(work.images) if work else [],
        "node_ports": list(side.node_ports),
        "holder": side.holder,
    }


def _guessed_kubeconfig(params: Mapping[str, Any]) -> str | None:
    """The kubeconfig that was taken because none was given: kubernetes.core would guess another."""
    if params["kubeconfig"]:
        return None
    path = _k8s.auth_options(params, os.environ).get("kubeconfig")
    return str(path) if path else None
