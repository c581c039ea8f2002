# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What brings a release up on a color, tried on the API server before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    BluegreenError,
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import (
    RENDERING,
    Case,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    wants_service,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    pack,
    unpack,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
    applied_before,
    check,
    deployment_of,
    keep_running,
    pod_labels,
    proxy_port,
    service_of,
    stamp,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    check_patience,
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
    staged = stamp(objects, place, release, side.workload.marks if side.workload else ())
    if side.workload and side.workload.replicas == 0:
        staged = keep_running(staged, live_replicas(case))
    elif side.workload and side.workload.holds_replicas:
        staged = keep_running(staged, side.workload.replicas)
    if wants_service(case.state.sides[aside], live):
        staged += stamp([service_of(by_color[aside], case.places[aside])], case.places[aside], release)
    tried = _tried(case, staged)
    warnings += [warning for each in tried for warning in each.warnings]
    # The last one may be the other color's Service, which is not there yet.
    before = [each.before for each in tried[: len(objects)]]
    return {
        "objects": staged,
        "secret": any(entry["kind"] == "Secret" for entry in objects),
        "undo": _undo(case, before, place),
        "workloads": [
            workload(entry["kind"], entry["metadata"]["name"]) for entry in objects if _runs(entry)
        ],
        "service": leading(case, color, deployment_of(objects, place)),
        "smoke": smoke(case, color, service_of(objects, place)),
        "keep": to_keep(case, release, by_color),
        "warnings": warnings,
    }


def proven_way_back(case: Case) -> WayBack:
    """What a rollback would do now, or be refused for: all that its plan looks at, but for the dry run of what it applies."""
    back = way_back(case.standing)
    if back.color is None:
        return back
    service = case.state.services[back.color]
    try:
        check_patience(case.params["ready_timeout"], case.params["unschedulable_grace"])
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


def to_keep(case: Case, release: Release, objects: Mapping[str, Sequence[Object]]) -> str | None:
    return None if release in case.state.ledger.kept else pack(objects)


def live_replicas(case: Case) -> int:
    """How many pods the live color has, because the idle one is to carry the same traffic; at least one."""
    live = case.state.sides[case.router.live].workload if case.router.live else None
    return max(1, live.replicas if live else 1)


def _runs(entry: Object) -> bool:
    return entry["kind"] in KINDS and entry["kind"] != "Service"


def workload(kind: str, name: str) -> Facts:
    """As k8s_wait_ready wants to have it."""
    return {"kind": kind, "name": name}


def leading(case: Case, color: str, deployment: Mapping[str, Any]) -> list[Facts]:
    """The color's Service as k8s_wait_ready is to see it right before traffic comes."""
    place = case.places[color]
    service = workload("Service", place.name)
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
