# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a rollback is what a rollback then does, in every situation that these tests know."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import Classic, ClassicRouter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import ListenerWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import facts_of

from ..some_router import facts, route
from . import situations
from .plans import deployment, plan, service

READS: dict[str, Any] = {"goal": "status", "commit": None, "manifests": None}
GOES: dict[str, Any] = {"goal": "rollback", "commit": None, "manifests": None, "locked": True}


def would(*objects: dict[str, Any], **more: Any) -> str:
    """Where a rollback would go, in the words of status."""
    told = plan(*objects, **READS, **more)["rollback"]
    if told["color"] is None:
        assert told["to"] is None
        return str(told["reason"])
    assert told["reason"] == ""
    return f"{told['to']} on {told['color']}{', again' if told['redeploy'] else ''}"


def does(*objects: dict[str, Any], **more: Any) -> str:
    """Where it goes, or what it is refused for, in the same words."""
    try:
        done = plan(*objects, **GOES, **more)
    except InputError as error:
        reason = error.message.removesuffix(".").split("nothing to roll back to on load balancer shop: ")[-1]
        return reason if reason[1:2].isupper() else reason[:1].lower() + reason[1:]
    assert done["action"] in ("swap", "stage", "scale", "complete")
    return f"{done['commit']} on {done['color']}{', again' if done['action'] == 'stage' else ''}"


def swaps(router: ClassicRouter, color: str, described: tuple[int, ...]) -> None:
    """Raise what the swap to a color would refuse, and see that it brings the router in order."""
    listeners = tuple(ListenerSpec(port, "HTTP", "HTTP") for port in described)
    kind, wish = (
        Classic(),
        ListenerWish(color, listeners=listeners, claim="shop/8c1e", expect_live=router.live),
    )
    kind.check(router, wish)
    after = kind.plan(router, wish, router).after
    assert (after.live, after.drift) == (color, ())


@pytest.mark.parametrize("name", situations.BALANCERS)
def test_status_says_of_a_rollback_what_it_then_does(name: str) -> None:
    described = (443,) if name == "listener-missing" else ()
    seen = set()
    for ports in {(), described}:
        router = situations.front(name, *ports)
        for case, there in situations.clusters(thorough=name in situations.WHOLE):
            said = would(*there, router=facts_of(router))
            assert said == does(*there, router=facts_of(router)), case
            seen.add(said)
            if said.split(" on ")[-1].split(",")[0] in ("blue", "green"):
                swaps(router, said.split(" on ")[-1].split(",")[0], ports)
    assert seen


@pytest.mark.parametrize(
    ("name", "goes"),
    [
        ("whole", "0012345 on green"),
        ("health-check-on-idle", "0012345 on green"),
        ("anothers", "load balancer shop is claimed by 'cart/8c1e'"),
        ("mixed", "the listeners of shop point at both colors"),
        ("tags-missing", "load balancer shop has no tag 'blue' and 'green'"),
        ("policy-missing-and-check", "HTTPS listener 443 of shop has no SSL negotiation policy"),
        ("cut-off-closed", "00abcde on blue"),
        ("under-way", "a swap of shop to green by ada@laptop has been under way"),
    ],
)
def test_what_is_said_of_routers(name: str, goes: str) -> None:
    there = (
        *situations.colors("blue", situations.NEW)["good"],
        *situations.colors("green", situations.OLD)["good"],
    )
    assert would(*there, router=facts_of(situations.front(name))).startswith(goes)


@pytest.mark.parametrize("take_over", [False, True])
def test_a_claim_that_is_taken_over_refuses_no_rollback(take_over: bool) -> None:
    there = deployment("blue", "00abcde"), service("blue"), deployment("green"), service("green")
    router = facts_of(situations.front("anothers"))
    said = would(*there, router=router, claim=take_over)
    assert said == does(*there, router=router, claim=take_over)
    assert (said == "0012345 on green") is take_over


@pytest.mark.parametrize(
    "given",
    [
        {"smoke": "preview", "preview_router": None},
        {"smoke": "preview", "preview_router": facts(routes=(route(80, "green"),))},
        {"smoke": "preview", "preview_router": facts(routes=(route(80, "blue"),))},
        {"ready_timeout": 0},
        {"unschedulable_grace": -1},
    ],
)
@pytest.mark.parametrize("green", ["good", "retired", "nothing"])
def test_what_else_a_rollback_would_be_refused_for_is_said(given: dict[str, Any], green: str) -> None:
    there = (
        *situations.colors("blue", situations.NEW)["good"],
        *situations.colors("green", situations.OLD)[green],
    )
    there = (*there, situations.history("three", "all"))
    router = facts_of(situations.front("whole"))
    assert would(*there, router=router, **given) == does(*there, router=router, **given)


def test_a_secret_that_is_gone_is_said_before_somebody_needs_the_way_back() -> None:
    there = deployment("blue", "00abcde"), service("blue"), situations.history("three", "with-a-secret")
    router = facts_of(situations.front("whole"))
    assert would(*there, router=router).startswith(
        "0012345 needs Secret keys-green of namespace store, which is gone"
    )
    keys = {"kind": "Secret", "metadata": {"name": "keys-green", "namespace": "store"}}
    assert would(*there, keys, router=router) == "0012345 on green, again"
