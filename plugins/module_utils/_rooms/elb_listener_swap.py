# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.elb_listener_swap)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.api import Api, read_all
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.calls import Patience, now
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import Colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.health_check import HealthCheckWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import LIFETIME, Standing
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent_writer import write_intent
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import (
    check_ports,
    parse_specs,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import (
    SwapPlan,
    plan_swap,
    predict,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_steps import Step, steps
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import Wish, check_wish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.swap import (
    ClassicSwap,
    SwapReport,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError, RouterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms.elb_color_facts import (
    describe,
    judge_colors,
)

_PATIENCE = Patience()

# How often a router is looked at again while somebody else's swap is under way, in seconds.
_LOOK_EVERY = 1.0

# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_InstanceState.html
_IN_SERVICE, _UNKNOWN = "InService", "Unknown"

# How often a resolved router is set right again when a dead run's request still arrives.
_RESOLVE_TRIES = 3


def run(
    params: Mapping[str, Any], check_mode: bool, api: Api, tell: Tell, patience: Patience = _PATIENCE
) -> Result:
    """Bring the router wholly onto one color; see the module's documentation for the result."""
    wish = _wish(params)
    before, colors, began = _read_in_peace(params, check_mode, api, tell, wish)
    check_wish(before, colors, wish)
    interrupted = colors.intent
    router, done, report = before, list[Step](), SwapReport()
    for tried in range(_RESOLVE_TRIES + 1):
        plan = plan_swap(router, replace(colors, intent=colors.intent or interrupted), wish)
        report.warnings += [text for text in plan.warnings if text not in report.warnings]
        if not plan.changes:
            break
        if tried == _RESOLVE_TRIES:
            raise RouterError(
                f"load balancer {router.name} is not wholly on {wish.color}, though it was brought there {tried} times: "
                "somebody else writes to it; find out who, and run the same again",
                drift=list(colors.codes()),
            )
        done += steps(plan)
        if check_mode:
            router = predict(router, plan)
            break
        router = _carry_out(api, router, plan, patience, report, began)
        if interrupted is None:
            break
        time.sleep(params["settle"])
        seen, colors, began = _read(params, api, wish)
        if colors.intent and colors.intent_standing is Standing.LIVING:
            # Whoever comes later has the last word.
            report.warnings.append(
                f"{colors.intent.writer} began to swap {router.name} to {colors.intent.color} right after this run."
            )
            break
        router = seen
    if params["wait_in_service"] and done and not check_mode:
        _watch_instances(params, api, before, router.health_check, tell)
    return _result(before, router, wish, done, report)


def _wish(params: Mapping[str, Any]) -> Wish:
    if params["settle"] < 0:
        raise InputError(f"settle is {params['settle']} s: use 0 or more")
    preview_port = params["preview_port"]
    check_ports([*params["listener_ports"], *([] if preview_port is None else [preview_port])])
    check = params["health_check"]
    return Wish(
        color=params["color"],
        listeners=parse_specs(params["listeners"]),
        listener_ports=tuple(params["listener_ports"]),
        health_check=HealthCheckWish(**check) if check else None,
        expect_live=params["expect_live"],
        expect_fingerprint=params["expect_fingerprint"],
        repair=params["repair"],
        claim=params["claim"],
        take_over=params["take_over"],
        preview_port=preview_port,
    )


def _read(params: Mapping[str, Any], api: Api, wish: Wish) -> tuple[LoadBalancer, Colors, float]:
    """The router, its colors, and when the read began, by ``now``."""
    began = now()
    [router] = read_all(api, [params["name"]], policies=True, instance_health=params["wait_in_service"])
    return router, judge_colors(router, wish.listener_ports, wish.described_ports()), began


def _read_in_peace(
    params: Mapping[str, Any], check_mode: bool, api: Api, tell: Tell, wish: Wish
) -> tuple[LoadBalancer, Colors, float]:
    """The same, once no other swap is at work on it."""
    give_up = time.monotonic() + (0 if check_mode else params["wait_for_swap"])
    told = None
    while True:
        router, colors, began = _read(params, api, wish)
        intent = colors.intent
        if intent is None or colors.intent_standing is Standing.CUT_OFF:
            return router, colors, began
        if time.monotonic() >= give_up:
            raise RouterError(
                f"a swap of {router.name} to {intent.color} by {intent.writer} (process {intent.pid}) has been under "
                f"way since {intent.since}: wait for it, it ends within {LIFETIME} s of that time",
                intent=asdict(intent),
            )
        if intent.run != told:
            tell(
                f"{router.name}: waiting for the swap to {intent.color} by {intent.writer}, since {intent.since}"
            )
            told = intent.run
        time.sleep(_LOOK_EVERY)


def _carry_out(
    api: Api, router: LoadBalancer, plan: SwapPlan, patience: Patience, report: SwapReport, began: float
) -> LoadBalancer:
    intent = write_intent(plan.color, plan.moves, router.read_at)
    swap = ClassicSwap(api, router, plan, intent, patience, began)
    after = swap.run()
    for port, gap in swap.report.gap_ms.items():
        report.gap_ms[port] = max(gap, report.gap_ms.get(port, 0))
    report.request_ids += swap.report.request_ids
    report.warnings += swap.report.warnings
    return after


def _watch_instances(
    params: Mapping[str, Any], api: Api, before: LoadBalancer, check: HealthCheck, tell: Tell
) -> None:
    """Wait as long as a failing check would take to show, then ask that nothing fell out of service."""
    seconds = check.interval * check.unhealthy_threshold + check.timeout
    tell(f"{before.name}: watching its instances for {seconds} s")
    time.sleep(seconds)
    served = [instance for instance, state in sorted(before.instance_health.items()) if state == _IN_SERVICE]
    give_up = time.monotonic() + check.interval
    while True:
        [after] = read_all(api, [params["name"]], instance_health=True)
        states = {instance: after.instance_health.get(instance, "gone") for instance in served}
        if _UNKNOWN not in states.values() or time.monotonic() >= give_up:
            break
        time.sleep(_LOOK_EVERY)
    lost = {instance: state for instance, state in states.items() if state != _IN_SERVICE}
    if lost:
        names = ", ".join(f"{instance} is {state}" for instance, state in lost.items())
        raise RouterError(
            f"load balancer {before.name} is on {params['color']}, but instances are not in service any more: {names}. "
            "Look at the health check and at the security groups of the new node port, or go back",
            instances=lost,
        )


def _result(
    before: LoadBalancer, after: LoadBalancer, wish: Wish, done: list[Step], report: SwapReport
) -> Result:
    described = {
        when: describe(router, judge_colors(router, wish.listener_ports, wish.described_ports()))
        for when, router in (("before", before), ("after", after))
    }
    return {
        "changed": bool(done),
        **described,
        "diff": {when: _diff_view(router) for when, router in described.items()},
        "steps": [asdict(step) for step in done],
        "gap_ms": {str(port): gap for port, gap in sorted(report.gap_ms.items())},
        "restored": False,
        "open": [],
        "request_ids": report.request_ids,
        "warnings": report.warnings,
    }


def _diff_view(described: Result) -> Result:
    """What a swap may change, for a person to compare."""
    return {key: described[key] for key in ("live", "listeners", "health_check", "backend_policies", "tags")}
