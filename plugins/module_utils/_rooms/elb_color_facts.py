# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.elb_color_facts)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.api import Api, read_all
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import Colors, read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    IntentError,
    Standing,
    decode_intent,
    standing,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent_writer import writer_gone
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import check_ports
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import LoadBalancer, Policy
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS


def run(params: Mapping[str, Any], check_mode: bool, api: Api, tell: Tell) -> Result:
    """Read every load balancer named and say which color each listener points at."""
    check_ports(params["listener_ports"])
    routers = read_all(
        api,
        params["name"],
        policies=params["gather_policies"],
        instance_health=params["gather_instance_health"],
    )
    described = {
        router.name: describe(router, judge_colors(router, params["listener_ports"])) for router in routers
    }
    return {"changed": False, "load_balancers": described, "ansible_facts": {"elb_colors": described}}


def judge_colors(
    router: LoadBalancer, listener_ports: Iterable[int] = (), described: Iterable[int] = ()
) -> Colors:
    """The router's colors, with a swap's intent judged by whether its writer still runs."""
    try:
        intent = decode_intent(router.tags)
    except IntentError:
        intent = None
    state = standing(intent, router.read_at, writer_gone(intent)) if intent else Standing.CUT_OFF
    return read_colors(router, listener_ports, state, described)


def describe(router: LoadBalancer, colors: Colors) -> Result:
    """A router and its colors in plain values, as users see them."""
    return {
        "name": router.name,
        "type": router.type,
        "dns_name": router.dns_name,
        "live": colors.live,
        "idle": colors.idle,
        "colors": {color: _describe_color(router, colors, color) for color in COLORS},
        "listeners": [
            {
                **asdict(listener),
                "policies": list(listener.policies),
                "color": colors.of_listener.get(listener.port),
            }
            for listener in router.listeners
        ],
        "health_check": asdict(router.health_check),
        "backend_policies": {
            str(port): list(names) for port, names in sorted(router.backend_policies.items())
        },
        "policies": None
        if router.policies is None
        else [_describe_policy(policy) for policy in router.policies],
        "drift": [asdict(drift) for drift in colors.drift],
        "intent": _describe_intent(colors),
        "claim": colors.claim,
        "preview_port": colors.preview,
        "instances": [
            {"id": instance, "state": router.instance_health.get(instance)} for instance in router.instances
        ],
        "tags": dict(router.tags),
        "fingerprint": colors.fingerprint,
    }


def _describe_color(router: LoadBalancer, colors: Colors, color: str) -> Result | None:
    ports = colors.ports(color)
    if ports is None:
        return None
    listener_ports = sorted({*ports.named, *colors.named, *colors.of_listener})
    return {
        "ports": {str(port): node_port for port in listener_ports if (node_port := ports.at(port))},
        "node_ports": list(ports.node_ports),
    }


def _describe_policy(policy: Policy) -> Result:
    return {"name": policy.name, "type": policy.type, "attributes": dict(policy.attributes)}


def _describe_intent(colors: Colors) -> Result | None:
    intent = colors.intent
    if intent is None:
        return None
    return {
        "color": intent.color,
        "by": intent.writer,
        "pid": intent.pid,
        "since": intent.since,
        "run": intent.run,
        "living": colors.intent_standing is Standing.LIVING,
        "listener_ports": [move.port for move in intent.moves],
    }
