# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Which color gets which release: the router and both colors' workloads in, one decision out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ports import COLORS, other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import judge

NAME = "app.kubernetes.io/name"
VERSION = "app.kubernetes.io/version"
COLOR = "octoblu.bluegreen/color"
MANIFEST = "octoblu.bluegreen/manifest"
PROVEN = "octoblu.bluegreen/proven"
REJECTED = "octoblu.bluegreen/rejected"
MARKS = (PROVEN, REJECTED)

_COMMIT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
# What a swap that was cut off may leave on the router, and the next one mends.
_MENDABLE = frozenset(
    {
        "swap_interrupted",
        "mixed",
        "listener_missing",
        "unknown_port",
        "health_check_on_idle",
        "policy_missing",
    }
)

# A Service's name may have 63 characters, and "-green" is six of them.
_APP = re.compile(r"[a-z]([a-z0-9-]{0,55}[a-z0-9])?")


@dataclass(frozen=True)
class Release:
    """What a color runs. ``manifest`` is the hash of the manifests, whatever their color."""

    commit: str
    manifest: str

    def mark(self, when: str) -> str:
        """The text of a mark that speaks of this release and of no other."""
        return f"{self.commit} {self.manifest} {when}"

    def marked(self, text: str | None) -> bool:
        return text is not None and text.split()[:2] == [self.commit, self.manifest]


@dataclass(frozen=True)
class Workload:
    """A color's Deployment as it stands.

    ``release`` is None when the Deployment was not staged by a deploy. ``lack`` says what it lacks
    to be ready now, empty when it is. ``replicas`` are the wanted ones; ``marks`` the annotations of
    ours that speak of a release, whichever.
    """

    release: Release | None
    proven: bool
    rejected: bool
    replicas: int
    ready_replicas: int
    lack: str
    images: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return not self.lack


@dataclass(frozen=True)
class Side:
    """A color in the cluster: its node ports, what stands there, and who else holds one of the ports.

    ``service_ports`` are the node ports of its own Service, None when there is none; ``holder`` is
    ``<namespace>/<name>`` of somebody else's Service.
    """

    color: str
    node_ports: tuple[int, ...]
    workload: Workload | None = None
    service_ports: tuple[int, ...] | None = None
    holder: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether its own Service has every node port that the router points at."""
        return self.service_ports is not None and set(self.node_ports) <= set(self.service_ports)

    @property
    def release(self) -> Release | None:
        return self.workload.release if self.workload else None


@dataclass(frozen=True)
class Route:
    """What of the router decides here.

    ``drift`` maps a code to its sentence; ``cut_off`` is the color that a dead run's swap was
    going to.
    """

    name: str
    type: str
    live: str | None
    idle: str | None
    node_ports: Mapping[str, tuple[int, ...]]
    serves: bool
    drift: Mapping[str, str]
    claim: str | None
    cut_off: str | None = None


@dataclass(frozen=True)
class Decision:
    """``action`` is unchanged, swap or stage; ``color`` is the one that serves when it is done."""

    action: str
    color: str


@dataclass(frozen=True)
class WayBack:
    """The color and commit that a rollback would go to, or in ``reason`` why there is none."""

    color: str | None
    to: str | None
    reason: str


def read_commit(value: Any) -> str:
    """The commit that was asked for. Raises InputError when it is no string of the allowed form."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == "":
        raise InputError("No commit was given: say which with -e commit=<commit>.")
    if not isinstance(value, str):
        raise InputError(
            f"The commit {value!r} is {_type_name(value)}, not a string: quote it where it is written "
            '(commit: "0012345"), because YAML reads 0012345 as 5349.'
        )
    if not _COMMIT.fullmatch(value):
        raise InputError(
            f"The commit '{value}' cannot be a label: it needs 1 to 63 of A-Z a-z 0-9 . _ -, "
            "with a letter or digit first and last."
        )
    return value


def check_app(app: str) -> None:
    if not _APP.fullmatch(app):
        raise InputError(
            f"The application name '{app}' cannot name Services: it needs 1 to 57 of a-z 0-9 -, "
            "with a letter first and no dash last."
        )


def check_smoke(smoke: str) -> None:
    if smoke not in ("proxy", "none") and not smoke.startswith(("http://", "https://")):
        raise InputError(
            f"The smoke request '{smoke}' is none of proxy, none, or an http:// or https:// address."
        )


def read_route(facts: Mapping[str, Any]) -> Route:
    """One entry of ``load_balancers`` as elb_color_facts returns it."""
    try:
        colors, intent = facts["colors"], facts["intent"]
        return Route(
            name=facts["name"],
            type=facts["type"],
            live=facts["live"],
            idle=facts["idle"],
            node_ports={
                color: tuple(colors[color]["node_ports"]) if colors.get(color) else () for color in COLORS
            },
            serves=any(listener["color"] for listener in facts["listeners"]),
            drift={drift["code"]: drift["message"] for drift in facts["drift"]},
            claim=facts["claim"],
            cut_off=intent["color"] if intent and not intent["living"] else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"router is not an entry of elb_color_facts' load_balancers ({type(error).__name__}: {error})."
        ) from error


def read_release(deployment: Mapping[str, Any]) -> Release | None:
    """The release that a deploy put into a Deployment; None when it was no deploy."""
    commit = (deployment["metadata"].get("labels") or {}).get(VERSION)
    manifest = (deployment["metadata"].get("annotations") or {}).get(MANIFEST)
    return Release(commit, manifest) if commit and manifest else None


def read_workload(deployment: Mapping[str, Any]) -> Workload:
    notes = deployment["metadata"].get("annotations") or {}
    spec = deployment.get("spec") or {}
    status = deployment.get("status") or {}
    release = read_release(deployment)
    verdict = judge({"kind": "Deployment", **deployment})
    pod = (spec.get("template") or {}).get("spec") or {}
    return Workload(
        release=release,
        proven=release is not None and release.marked(notes.get(PROVEN)),
        rejected=release is not None and release.marked(notes.get(REJECTED)),
        replicas=spec.get("replicas", 1),
        ready_replicas=status.get("readyReplicas", 0),
        lack="" if verdict.ready else verdict.reason,
        images=tuple(container.get("image", "") for container in pod.get("containers") or ()),
        marks=tuple(mark for mark in MARKS if mark in notes),
    )


def find_holder(
    services: Iterable[Mapping[str, Any]], node_ports: Sequence[int], namespace: str, own: str
) -> str | None:
    """``<namespace>/<name>`` of a Service that holds one of the node ports and is not ``own``."""
    for service in services:
        metadata = service["metadata"]
        if (metadata["namespace"], metadata["name"]) == (namespace, own):
            continue
        ports = (service.get("spec") or {}).get("ports") or ()
        if any(port.get("nodePort") in node_ports for port in ports):
            return f"{metadata['namespace']}/{metadata['name']}"
    return None


def check_claim(route: Route, claim: str, take_over: bool) -> None:
    if route.claim is not None and route.claim != claim and not take_over:
        raise InputError(
            f"Load balancer {route.name} is claimed by '{route.claim}', and this is '{claim}' "
            "(<application>/<uid of its namespace>): deploy through a load balancer of its own, "
            "or take this one over with bluegreen_claim: true.",
            claim=claim,
            claimed_by=route.claim,
        )


def check_router(route: Route, creates_listeners: bool = False, repairs: bool = False) -> None:
    """Refuse what a swap would refuse, before a release is staged for it.

    ``creates_listeners`` is whether specifications were given for listeners that are missing,
    ``repairs`` whether drift is what the run is about.
    """
    workable = _MENDABLE if route.cut_off or repairs else {"listener_missing"} if creates_listeners else set()
    for code, message in route.drift.items():
        if code not in workable:
            raise InputError(_drifted(message, code), drift=code)
    if route.live is None and route.serves and not workable >= _MENDABLE:
        raise InputError(f"Load balancer {route.name} does not say which color is live.")


def plan_deploy(route: Route, sides: Mapping[str, Side], wanted: Release) -> Decision:
    """Where the wanted release goes. Raises InputError when the color cannot take it.

    A swap that was cut off is finished when it was going to the wanted release. Else it is resolved
    before anything is staged, which could last long, and meanwhile a port may be closed.
    """
    if route.cut_off:
        if _is_good(sides[route.cut_off], wanted):
            return Decision("swap", route.cut_off)
        return Decision("resolve", _resolution(route, sides))
    if route.live and sides[route.live].release == wanted:
        return Decision("swap" if route.drift else "unchanged", route.live)
    color = route.idle or COLORS[0]
    side = sides[color]
    if side.holder:
        raise InputError(_held(side, side.holder))
    return Decision("swap" if _is_good(side, wanted) else "stage", color)


def plan_repair(route: Route, sides: Mapping[str, Side], color: str | None) -> Decision:
    """Onto which color a drifted router is brought: the named one, or what a cut-off swap or its listeners tell.

    Raises InputError where none can be told, or where the color could not serve.
    """
    if color is None and route.cut_off:
        color = _resolution(route, sides)
    color = color or route.live
    if color is None:
        raise InputError(
            f"Load balancer {route.name} does not say which color is live: name the one to repair it onto "
            "with -e bluegreen_color=blue or green."
        )
    if not _serves(sides[color]):
        raise InputError(f"{color} cannot serve: {_why_not(sides[color])}.")
    return Decision("swap" if route.drift or route.live != color else "unchanged", color)


def _resolution(route: Route, sides: Mapping[str, Side]) -> str:
    """Where a cut-off swap is taken: back to where it came from, else on to where it was going."""
    going = route.cut_off or COLORS[0]
    for color in (other(going), going):
        if _serves(sides[color]):
            return color
    raise InputError(
        f"{_drifted(route.drift['swap_interrupted'], 'swap_interrupted')} Neither color can serve: "
        f"{other(going)}: {_why_not(sides[other(going)])}; {going}: {_why_not(sides[going])}."
    )


def _serves(side: Side) -> bool:
    """Whether a color can serve now; what somebody else's Service does is not ours to judge."""
    return side.holder is not None or (side.workload is not None and side.workload.ready and side.reachable)


def _why_not(side: Side) -> str:
    if side.workload is None:
        return f"{side.color} has no Deployment"
    if not side.reachable:
        return f"its Service does not have node port {_join(side.node_ports)}"
    return side.workload.lack


def plan_rollback(route: Route, sides: Mapping[str, Side], commit: str | None) -> Decision:
    """Back to what the idle color runs. Raises InputError when that is no proven release, or not ``commit``.

    To undo a swap that was cut off is to go back from where it was going.
    """
    back = way_back(sides, route.cut_off or route.live)
    if back.color is None:
        raise InputError(f"There is nothing to roll back to on load balancer {route.name}: {back.reason}.")
    if commit is not None and commit != back.to:
        raise InputError(
            f"A rollback goes to {back.to} on {back.color}, not to {commit}: deploy {commit} instead."
        )
    return Decision("swap", back.color)


def way_back(sides: Mapping[str, Side], live: str | None) -> WayBack:
    """What a rollback goes to while ``live`` serves: the other color's release, if it is proven."""
    if live is None:
        return WayBack(None, None, "no color is live")
    color = other(live)
    side = sides[color]
    name = f"{color} runs {side.release.commit}" if side.release else ""
    if side.holder:
        reason = f"node port of {color} is held by Service {side.holder}"
    elif side.workload is None:
        reason = f"{color} has no Deployment"
    elif side.release is None:
        reason = f"what {color} runs was not put there by a deploy"
    elif side.workload.rejected:
        reason = f"{name}, which a rollback has left before"
    elif not side.workload.proven:
        reason = f"{name}, which was never proven"
    elif side.workload.replicas == 0:
        reason = f"{name}, scaled to zero"
    elif not side.reachable:
        reason = f"{name}, whose Service does not have node port {_join(side.node_ports)}"
    else:
        return WayBack(color, side.release.commit, "")
    return WayBack(None, None, reason)


def left_by_rollback(side: Side) -> Side:
    """The color as it stands once a rollback has left it."""
    return replace(side, workload=replace(side.workload, rejected=True)) if side.workload else side


def companions(deployments: Iterable[Mapping[str, Any]], color: str, release: Release) -> tuple[str, ...]:
    """The Deployments that were staged with a release on one color, by name."""
    return tuple(
        sorted(
            deployment["metadata"]["name"]
            for deployment in deployments
            if (deployment["metadata"].get("labels") or {}).get(COLOR) == color
            and read_release(deployment) == release
        )
    )


def wants_service(side: Side, live: str | None) -> bool:
    """Whether a deploy creates the Service of the color that it does not deploy to.

    Never where the live color's workload is not ours: whatever answers on its node port by other
    means would be cut off by a Service without pods.
    """
    if side.service_ports is not None or side.holder:
        return False
    return side.color != live or side.workload is not None


def _is_good(side: Side, wanted: Release) -> bool:
    work = side.workload
    return (
        work is not None
        and work.release == wanted
        and work.proven
        and not work.rejected
        and work.ready
        and side.reachable
    )


def _drifted(message: str, code: str) -> str:
    return f"{message[:1].upper()}{message[1:]} ({code})."


def _held(side: Side, holder: str) -> str:
    namespace, name = holder.split("/")
    return (
        f"Node port {_join(side.node_ports)} of {side.color} is held by Service {name} in namespace {namespace}: free it with "
        f"'kubectl -n {namespace} delete service {name}' once nothing needs it, or give {side.color} another "
        "node port in the load balancer's tags."
    )


def _join(ports: Iterable[int]) -> str:
    return ", ".join(str(port) for port in ports)


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return f"of type {type(value).__name__}"
