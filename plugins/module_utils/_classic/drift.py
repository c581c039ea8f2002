# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The ways in which a Classic ELB is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Intent
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import give_up_command
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import SECURE
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    Listener,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import (
    REPAIR,
    SWAP,
    SWAP_TO_IDLE,
    Drift,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    ColorPorts,
    check_target_port,
    counterpart,
    other,
)

_NEGOTIATION = "SSLNegotiationPolicyType"


def listener_drift(
    router: LoadBalancer,
    of_listener: Mapping[int, str],
    told: Iterable[int],
    described: Iterable[int],
    known: Mapping[int, Listener],
    preview: int | None,
    intent: Intent | None,
    blue: ColorPorts,
    green: ColorPorts,
) -> list[Drift]:
    """The drift of listeners that ``of_listener`` has, that were ``told`` or ``described``, or that the last swap left."""
    drift: list[Drift] = []
    named = {*told, *described, *known}
    by_hand = known.keys() - {*told, *described}
    present = {listener.port: listener for listener in router.listeners}
    if len(set(of_listener.values())) > 1:
        where = ", ".join(f"{port} on {color}" for port, color in sorted(of_listener.items()))
        drift.append(
            Drift(
                "mixed",
                f"the listeners of {router.name} point at both colors ({where}): repair it onto one",
                (REPAIR,),
            )
        )
    # A preview that an intent has yet to make is not one of ours.
    intended = {move.port for move in intent.moves} - {preview} if intent else set()
    made = {*described}
    for port in sorted({*named, *intended} - present.keys()):
        drift.append(
            Drift(
                "listener_missing",
                f"load balancer {router.name} has no listener on port {port}"
                + (
                    f", where the last swap left one, {_protocols(known[port])}: repair makes it again as it was"
                    if port in known and port not in made
                    else ": give its specification in listeners to have it made"
                )
                + (_or_give_up(router, port) if port in by_hand else ""),
                (SWAP, REPAIR) if port in made else (REPAIR,) if port in {*intended, *known} else (),
            )
        )
    if not of_listener and not {*named, *intended}:
        drift.append(
            Drift(
                "listener_missing",
                f"no listener of {router.name} points at blue ({_ports_text(blue)}) or green "
                f"({_ports_text(green)}): give specifications in listeners to have them made",
            )
        )
    for port in sorted(named & present.keys() - of_listener.keys()):
        expected = f"{blue.at(port) or _ports_text(blue)} nor {green.at(port) or _ports_text(green)}"
        drift.append(
            Drift(
                "unknown_port",
                f"listener {port} of {router.name} points at {present[port].instance_port}, neither {expected}"
                + (
                    f", though the last swap left it on a color: repair it onto one{_or_give_up(router, port)}"
                    if port in by_hand
                    else ": repair it onto a color, or leave the port out of tags and listener_ports"
                ),
                (REPAIR,),
            )
        )
    for port, color in sorted(of_listener.items()):
        mine, others = (blue, green) if color == "blue" else (green, blue)
        if counterpart(port, present[port].instance_port, mine, others) is None:
            drift.append(
                Drift(
                    "tags_invalid",
                    f"listener {port} of {router.name} points at {color} ({present[port].instance_port}), "
                    f"but the tags do not say its {other(color)} port: name listener {port} in both tags",
                )
            )
    return drift


def policy_drift(
    router: LoadBalancer,
    of_listener: Mapping[int, str],
    known: Mapping[int, Listener],
    intent: Intent | None,
) -> list[Drift]:
    intended = {move.port: set(move.policies) for move in intent.moves} if intent else {}
    drift: list[Drift] = []
    for listener in router.listeners:
        if listener.port not in of_listener:
            continue
        lacking = sorted(intended.get(listener.port, set()) - set(listener.policies))
        if lacking:
            drift.append(
                Drift(
                    "policy_missing",
                    f"listener {listener.port} of {router.name} lacks {', '.join(lacking)}, which its swap had "
                    "yet to set: run the deploy again or repair",
                    (REPAIR,),
                )
            )
        elif lacks_negotiation(router, listener):
            left = known.get(listener.port)
            drift.append(
                Drift(
                    "policy_missing",
                    f"{listener.protocol} listener {listener.port} of {router.name} has no SSL negotiation policy: "
                    + (
                        f"repair sets {', '.join(left.policies)} again, which the last swap left"
                        if left and left.policies
                        else "name it in listeners and repair"
                    ),
                    (REPAIR,),
                )
            )
    return drift


def lacks_negotiation(router: LoadBalancer, listener: Listener) -> bool:
    return listener.protocol in SECURE and not _negotiates(router, listener.policies)


def _negotiates(router: LoadBalancer, names: Sequence[str]) -> bool:
    """Whether one of the policies is a negotiation policy; any counts while their types are unread."""
    if router.policies is None:
        return bool(names)
    types = {policy.name: policy.type for policy in router.policies}
    return any(types.get(name, _NEGOTIATION) == _NEGOTIATION for name in names)


def health_check_drift(router: LoadBalancer, live: str, blue: ColorPorts, green: ColorPorts) -> list[Drift]:
    mine, others = (blue, green) if live == "blue" else (green, blue)
    port = check_target_port(router.health_check.target)
    if port in others.node_ports and port not in mine.node_ports:
        return [
            Drift(
                "health_check_on_idle",
                f"the health check of {router.name} is {router.health_check.target}, on {other(live)}, while {live} "
                f"is live: repair it, or instances go out of service when {other(live)} is scaled down",
                (SWAP_TO_IDLE, REPAIR),
            )
        ]
    return []


def ownership_drift(router: LoadBalancer) -> list[Drift]:
    # https://github.com/kubernetes/cloud-provider-aws/blob/master/pkg/providers/v1/tags.go
    owners = sorted(
        key
        for key, value in router.tags.items()
        if key == "kubernetes.io/service-name"
        or (key.startswith("kubernetes.io/cluster/") and value == "owned")
    )
    if not owners:
        return []
    return [
        Drift(
            "owned_by_kubernetes",
            f"load balancer {router.name} belongs to Kubernetes (tag {owners[0]}), which would undo every swap: "
            "use a load balancer of your own in front of NodePort Services",
        )
    ]


def _protocols(listener: Listener) -> str:
    return f"{listener.protocol} to {listener.instance_protocol}"


def _or_give_up(router: LoadBalancer, port: int) -> str:
    return f", or give port {port} up with: {give_up_command(router.name, router.tags)}"


def _ports_text(ports: ColorPorts) -> str:
    return ", ".join(str(port) for port in ports.node_ports)
