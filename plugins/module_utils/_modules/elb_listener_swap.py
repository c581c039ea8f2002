# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.elb_listener_swap)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError, RouterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import (
    KINDS,
    SomeKind,
    described,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Look, Step, Swapped
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

# How often a router is looked at again while somebody else's swap is under way, in seconds.
_LOOK_EVERY = 1.0

# How often a resolved router is set right again when a dead run's request still arrives.
_RESOLVE_TRIES = 3


def run(params: Mapping[str, Any], check_mode: bool, client: Any, show: Show) -> Result:
    """Bring the router wholly onto one color; see the module's documentation for the result."""
    if params["settle"] < 0:
        raise InputError(f"settle is {params['settle']} s: use 0 or more")
    kind = KINDS[params["type"]]
    wish = kind.wish(params)
    look = kind.look(wish)
    before = _read_in_peace(params, check_mode, kind, client, look, show)
    kind.check(before, wish)
    router, steps, done = before, list[Step](), Swapped()
    for tried in range(_RESOLVE_TRIES + 1):
        plan = kind.plan(router, wish, before)
        done.warnings += [text for text in plan.warnings if text not in done.warnings]
        if not plan.steps:
            break
        if tried == _RESOLVE_TRIES:
            raise RouterError(
                f"load balancer {router.name} is not wholly on {wish.color}, though it was brought there {tried} times: "
                "somebody else writes to it; find out who, and run the same again",
                drift=[drift.code for drift in router.drift],
            )
        steps += plan.steps
        if check_mode:
            router = plan.after
            break
        router = kind.swap(client, router, plan, done)
        if before.open_swap is None:
            break
        time.sleep(params["settle"])
        [seen] = kind.read(client, [params["name"]], look)
        if seen.living:
            # That swap came later, and is not undone.
            done.warnings.append(
                f"{seen.open_swap.by} began to swap {router.name} to {seen.living} right after this run."
            )
            break
        router = seen
    if params["wait_in_service"] and steps and not check_mode:
        try:
            router = kind.settle(client, before, router, show)
        except RouterError as error:
            # The swap itself is done, and whoever reads this has to know what it did.
            swapped = _result(kind, before, router, steps, done)
            raise RouterError(error.message, **{**swapped, **error.details}) from error
    return _result(kind, before, router, steps, done)


def _read_in_peace(
    params: Mapping[str, Any], check_mode: bool, kind: SomeKind, client: Any, look: Look, show: Show
) -> Any:
    """The router, once no other swap is at work on it."""
    give_up = time.monotonic() + (0 if check_mode else params["wait_for_swap"])
    told = None
    while True:
        [router] = kind.read(client, [params["name"]], look)
        swap = router.open_swap
        if swap is None or not swap.living:
            return router
        if time.monotonic() >= give_up:
            raise RouterError(
                f"a swap of {router.name} to {swap.color} by {swap.by} (process {swap.pid}) has been under "
                f"way since {swap.since}: wait for it, it ends within {swap.lifetime} s of that time",
                intent=asdict(swap),
            )
        if swap.run != told:
            show(f"{router.name}: waiting for the swap to {swap.color} by {swap.by}, since {swap.since}")
            told = swap.run
        time.sleep(_LOOK_EVERY)


def _result(kind: SomeKind, before: Router, after: Router, steps: list[Step], done: Swapped) -> Result:
    seen = {"before": described(kind, before), "after": described(kind, after)}
    return {
        "changed": bool(steps),
        **seen,
        "diff": {when: _diff_view(kind, facts) for when, facts in seen.items()},
        "steps": [asdict(step) for step in steps],
        "gap_ms": {str(port): gap for port, gap in sorted(done.gap_ms.items())},
        "restored": False,
        "open": [],
        "request_ids": done.request_ids,
        "warnings": done.warnings,
    }


def _diff_view(kind: SomeKind, facts: Result) -> Result:
    """What a swap may change, for a person to compare."""
    return {key: facts[key] for key in ("live", *kind.changing)}
