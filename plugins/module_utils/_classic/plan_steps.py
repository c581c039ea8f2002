# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A plan in words: its calls in their order, and how each is taken back."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import listener_text
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import SwapPlan
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Step


def steps(plan: SwapPlan) -> tuple[Step, ...]:
    """The plan in words, in the order of its calls, each with its way back."""
    return tuple(_steps(plan))


def _steps(plan: SwapPlan) -> Iterator[Step]:
    if not plan.changes:
        return
    ports = ", ".join(str(move.port) for move in plan.replaced)
    if plan.replaced:
        yield Step(
            "CreateLoadBalancerListeners",
            f"prove that listeners {ports} can be made, by making them exactly as they are",
        )
    written = "".join(f", and tag {key}={value}" for key, value in plan.tags)
    removed = "".join(f" and {key}" for key, _value in plan.tags)
    left = ", and the listeners that it leaves" if plan.known else ""
    yield Step(
        "AddTags", f"record the intent: {plan.color}{left}{written}", f"RemoveTags the intent{removed}"
    )
    for port, names in plan.backend_policies:
        yield Step(
            "SetLoadBalancerPoliciesForBackendServer",
            f"set backend policies of {port} to {', '.join(names) or 'none'}",
        )
    for move in plan.reopened:
        yield Step(
            "CreateLoadBalancerListeners", f"open listener {listener_text(move.after())}, which is closed"
        )
    for move in plan.created:
        yield Step(
            "CreateLoadBalancerListeners",
            f"create listener {listener_text(move.after())}",
            f"delete {move.port}",
        )
    if plan.replaced:
        yield Step("DeleteLoadBalancerListeners", f"delete listeners {ports}", "create them as they were")
        for move in plan.replaced:
            yield Step(
                "CreateLoadBalancerListeners",
                f"create listener {listener_text(move.after())} (was {move.old})",
                f"create it on {move.old}",
            )
    for port, names in plan.policies:
        yield Step(
            "SetLoadBalancerPoliciesOfListener", f"set policies of listener {port} to {', '.join(names)}"
        )
    if plan.health_check:
        yield Step("ConfigureHealthCheck", f"check {plan.health_check.target}")
    yield Step("RemoveTags", "remove the intent")
