# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What brings a release up on a color, tried on the API server before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    BluegreenError,
    ClusterError,
    InputError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import (
    KINDS,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.apply import (
    Applied,
    How,
    apply,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.capacity import (
    SCALER,
    SCALERS_API,
    Capacity,
    allowed,
    autoscaler_of,
    needed,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import (
    RENDERING,
    Case,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    wants_service,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.difference import (
    called,
    difference,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    pack,
    unpack,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
    applied_before,
    as_written,
    check,
    deployment_of,
    keep_running,
    pod_labels,
    proxy_port,
    service_of,
    stamp,
    with_replicas,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.order import (
    order_of,
    read_order,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    check_patience,
    images_of,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.rendered import (
    Rendered,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.smoke import (
    preview_url,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.way_back import (
    WayBack,
    as_reason,
    way_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    COLORS,
    other,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import (
    together,
)

Facts = dict[str, Any]


def staging(case: Case, color: str, release: Release, rendered: Rendered | None) -> Facts:
    """What brings a release up on the idle color: as rendered, or as the ledger kept it."""
    place, aside = case.places[color], other(color)
    side, live = case.state.sides[color], case.router.live
    warnings: list[str] = []
    if rendered and release == rendered.release:
        by_color = rendered.objects
    else:
        by_color, warnings = _kept(case, color, release)
    objects = by_color[color]
    marks = side.workload.marks if side.workload else ()
    staged = stamp(objects, place, release, marks, order_now(case, color, release))
    if side.workload and side.workload.replicas == 0:
        staged = keep_running(staged, live_replicas(case))
    elif side.workload and side.workload.holds_replicas:
        staged = keep_running(staged, side.workload.replicas)
    given = deployment_of(staged, place)["spec"].get("replicas")
    there = side.workload.replicas if side.workload else 1
    capacity = capacity_for(case, color, there if given is None else given, objects)
    if capacity:
        staged = with_replicas(staged, place.name, capacity.pods)
    if wants_service(case.state.sides[aside], live):
        staged += stamp([service_of(by_color[aside], case.places[aside])], case.places[aside], release)
    tried = _tried(case, staged)
    warnings += [warning for each in tried for warning in each.warnings]
    # The last one may be the other color's Service, which is not there yet.
    before = [each.before for each in tried[: len(objects)]]
    return {
        "images": list(images_of(deployment_of(objects, place))),
        "objects": staged,
        "secret": any(entry["kind"] == "Secret" for entry in objects),
        "scale": _left_to_scale(tried, place, given, capacity),
        "capacity": capacity_facts(capacity, there if given is None else given),
        "undo": _undo(case, before, place),
        "workloads": [
            workload(entry["kind"], entry["metadata"]["name"], place, capacity)
            for entry in objects
            if _runs(entry)
        ],
        "service": leading(case, color, deployment_of(objects, place)),
        "smoke": smoke(case, color, service_of(objects, place)),
        "keep": to_keep(case, release, by_color),
        "difference": _difference(case, color, tried),
        "warnings": warnings,
    }


def _difference(case: Case, color: str, tried: Sequence[Applied]) -> list[Facts] | None:
    """What would serve beside what serves; None where that is not asked for, or nothing serves."""
    live = case.router.live
    if not case.check_mode or live in (None, color) or live is None:
        return None
    ours, theirs = case.places[color], case.places[live]
    then = {called(each.after, ours): each.after for each in tried if _is_of(each.after, ours)}
    wanted = [
        (each["apiVersion"], each["kind"], _turned(each["metadata"]["name"], ours, theirs))
        for each in then.values()
    ]
    serving = case.state.sides[live].release
    kept = unpack(case.state.ledger.kept[serving]) if serving and serving in case.state.ledger.kept else None
    wanted += [
        (each["apiVersion"], each["kind"], each["metadata"]["name"])
        for each in (kept.objects[live] if kept else ())
    ]
    namespace = case.params["namespace"]
    found = together([partial(case.client.get, *each, namespace) for each in dict.fromkeys(wanted)])
    there = {called(each, theirs): as_written(each) for each in found if each is not None}
    return difference(there, {name: as_written(each) for name, each in then.items()}, theirs, ours)


def _is_of(entry: Mapping[str, Any], place: Place) -> bool:
    return place.color in entry["metadata"]["name"]


def _turned(name: str, place: Place, into: Place) -> str:
    return name.replace(place.color, into.color)


def proven_way_back(case: Case) -> WayBack:
    """What a rollback would do now, or be refused for: all that its plan looks at, but for the dry run of what it applies."""
    back = way_back(case.standing)
    if back.color is None:
        return back
    service = case.state.services[back.color]
    try:
        check_patience(case.params)
        if back.action == "stage" and back.release:
            by_color, _unused = _kept(case, back.color, back.release)
            service = service_of(by_color[back.color], case.places[back.color])
        if service and (back.action == "stage" or case.state.sides[back.color].reachable):
            smoke(case, back.color, service)
    except BluegreenError as error:
        return WayBack(None, None, as_reason(error))
    return back


def _tried(case: Case, objects: Sequence[Object]) -> list[Applied]:
    """What is there, and what the API server says that it would do; what it would refuse is raised."""
    rollback = case.goal == "rollback"
    how = How(dry_run=True, strict=not rollback, replace=rollback or case.params["replace"])
    namespace = case.params["namespace"]
    return together([partial(apply, case.client, entry, namespace, how) for entry in objects])


def _kept(case: Case, color: str, release: Release) -> tuple[Mapping[str, Sequence[Object]], list[str]]:
    """A release's objects from the ledger, and what is to be said of them."""
    kept = unpack(case.state.ledger.kept[release])
    if kept is None:
        raise InputError(
            f"What the ledger keeps of {release.commit} is damaged, so it cannot be brought back as it was: "
            f"deploy it anew, with deploy.yml -e commit={release.commit}."
        )
    for each in COLORS:
        check(
            kept.objects[each],
            kept.objects[other(each)],
            case.places[each],
            release.commit,
            case.local_allowed,
        )
    namespace = case.params["namespace"]
    names = kept.secrets[color]
    missing = [name for name in names if case.client.get("v1", "Secret", name, namespace) is None]
    if missing:
        raise InputError(
            f"{release.commit} needs Secret {', '.join(missing)} of namespace {namespace}, which is gone; "
            "Secrets are not kept in the ledger: create it, and run again."
        )
    told = [f"{release.commit} is brought back as it was, not as its manifests are rendered today."]
    told = told if case.goal in RENDERING else []
    return kept.objects, told + [
        f"Secret {name} is not kept in the ledger: {release.commit} gets it as it is now." for name in names
    ]


def order_now(case: Case, color: str, release: Release) -> str:
    """The order that a release has on a color after this run; empty where it has none."""
    if case.goal in RENDERING:
        given = read_order(case.params["order"])
    else:
        side = case.state.sides[color]
        noted = side.workload.order if side.workload and side.release == release else ""
        given = order_of(release, case.state.ledger.events, noted)
    return given.text if given else ""


def to_keep(case: Case, release: Release, objects: Mapping[str, Sequence[Object]]) -> str | None:
    return None if release in case.state.ledger.kept else pack(objects)


def capacity_for(case: Case, color: str, replicas: int, own: Sequence[Object] = ()) -> Capacity | None:
    """What a color needs that is to get live's traffic, and would have ``replicas``; None where that is no number.

    An autoscaler is looked for where these have to be raised: among the color's ``own`` objects, or in the cluster.
    """
    live = case.router.live
    if case.router.cut_off or live in (None, color) or case.state.sides[live].holder:
        return None
    capacity = needed(case.state.sides[live].workload, case.params["capacity"])
    if capacity is None or replicas >= capacity.pods:
        return capacity
    name = case.places[color].name
    autoscaler = autoscaler_of(own, name) or autoscaler_of(_autoscalers(case), name)
    return allowed(capacity, autoscaler, color, case.goal == "rollback")


def _autoscalers(case: Case) -> Sequence[Object]:
    """None where they may not be seen, or where the cluster is older than their API (Kubernetes 1.23)."""
    try:
        return case.client.list(SCALERS_API, SCALER, case.params["namespace"])[0]
    except InputError:
        return ()
    except ClusterError as error:
        if error.details.get("status") != 403:
            raise
        return ()


def capacity_facts(capacity: Capacity | None, replicas: int) -> Facts | None:
    """``replicas`` is what the color would have without it."""
    if capacity is None:
        return None
    return asdict(capacity) | {"words": capacity.words, "raises": replicas < capacity.pods}


def _left_to_scale(
    tried: Sequence[Applied], place: Place, given: int | None, capacity: Capacity | None
) -> list[Facts]:
    """The scale that the manifests leave to somebody else, who has fewer pods than are needed."""
    if capacity is None or given is not None:
        return []
    [then] = [each.after for each in tried if _is_main(each.after, place)]
    there = then["spec"].get("replicas", 1)
    return [scale(place.name, capacity.pods)] if there < capacity.pods else []


def _is_main(entry: Object, place: Place) -> bool:
    return (entry["kind"], entry["metadata"]["name"]) == ("Deployment", place.name)


def scale(name: str, replicas: int) -> Facts:
    """As release_apply wants to have it."""
    return {"name": name, "replicas": replicas}


def live_replicas(case: Case) -> int:
    """How many pods the live color has, because the idle one is to carry the same traffic; at least one."""
    live = case.state.sides[case.router.live].workload if case.router.live else None
    return max(1, live.replicas if live else 1)


def _runs(entry: Object) -> bool:
    return entry["kind"] in KINDS and entry["kind"] != "Service"


def workload(kind: str, name: str, place: Place, capacity: Capacity | None) -> Facts:
    """As k8s_wait_ready wants to have it. The color's main Deployment is the one that gets the traffic."""
    least = {"replicas": capacity.pods} if capacity and (kind, name) == ("Deployment", place.name) else {}
    return {"kind": kind, "name": name, **least}


def leading(case: Case, color: str, deployment: Mapping[str, Any]) -> list[Facts]:
    """The color's Service as k8s_wait_ready is to see it right before traffic comes."""
    place = case.places[color]
    service = {"kind": "Service", "name": place.name}
    return [{**service, "node_ports": list(place.node_ports), "pod_labels": pod_labels(deployment)}]


def _undo(case: Case, found: Sequence[Object | None], place: Place) -> list[Object]:
    """What puts the color back as it is, for when it is one to roll back to and staging fails.

    Empty when that cannot be done for all that is ``found`` there.
    """
    back = way_back(case.standing)
    if back.color != place.color or back.action != "swap":
        return []
    before = [applied_before(each) for each in found if each is not None]
    return [each for each in before if each is not None] if None not in before else []


def smoke(case: Case, color: str, service: Object) -> Facts | None:
    """Whom the smoke request asks, None when nobody."""
    wanted, place = case.params["smoke"], case.places[color]
    if wanted == "none":
        return None
    if wanted == "proxy":
        return {"service": place.name, "port": proxy_port(service, place)}
    if wanted == "preview":
        if color == case.router.live:
            # The preview shows the other color.
            return {"service": place.name, "port": proxy_port(service, place)}
        target = case.router.targets[color].words
        return {"url": preview_url(case.shown_by, color, target, case.params["smoke_path"])}
    return {"url": wanted}
