# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A router is the same after it was handed on in plain values, and tells what it leads to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import facts_of, router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    Abilities,
    Backend,
    Router,
    Target,
)

from ..some_router import MADE, cut_off, open_swap, route, some_router

FULL = some_router(
    drift=MADE,
    open_swap=open_swap(),
    claim="shop/8c1e",
    backends=(Backend("i-1", "InService"), Backend("10.0.0.1:80", "healthy")),
    backends_are="targets",
    in_service=1,
    watch_seconds=95,
    notes=("health check TCP:30081",),
    node_ports_in="the target groups",
    targets={"blue": Target((30081, 30083), "node ports"), "green": Target((), "nothing")},
    routes=(route(80, "blue"), route(81, "green", preview=True), route(9000, None)),
    abilities=Abilities(gapless=True, local_traffic=True),
)


@pytest.mark.parametrize("router", [FULL, some_router(None), cut_off()])
def test_a_router_survives_being_handed_on(router: Router) -> None:
    assert router_of(json.loads(json.dumps(facts_of(router)))) == router


@pytest.mark.parametrize("name", sorted(facts_of(FULL)))
def test_what_is_no_entry_of_the_facts_is_refused(name: str) -> None:
    facts = facts_of(FULL)
    del facts[name]
    with pytest.raises(InputError, match="elb_color_facts"):
        router_of(facts)


@pytest.mark.parametrize("odd", [{"drift": None}, {"targets": None}, {"routes": [{"port": 80}]}])
def test_what_looks_like_an_entry_and_is_none_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="elb_color_facts"):
        router_of(facts_of(FULL) | odd)


def test_a_dead_runs_swap_is_told_from_a_living_one() -> None:
    assert (cut_off().cut_off, cut_off().living) == ("green", None)
    assert (cut_off(living=True).cut_off, cut_off(living=True).living) == (None, "green")
    assert (some_router().cut_off, some_router().living) == (None, None)


I1, I2 = Backend("i-1"), Backend("i-2")
NONE = "no instance of load balancer shop-lb is in service (0 of 2): clients get 503"


@pytest.mark.parametrize(
    ("backends", "in_service", "unserved"),
    [
        ((I1, I2), 2, None),
        ((I1, I2), 1, None),
        ((I1, I2), 0, NONE),
        ((), 0, "no instance is registered with load balancer shop-lb: clients get 503"),
        # Not asked for, or a kind that cannot know.
        ((I1, I2), None, None),
        ((), None, None),
    ],
)
def test_a_router_that_serves_nobody_says_so(
    backends: tuple[Backend, ...], in_service: int | None, unserved: str | None
) -> None:
    router = some_router(backends=backends, backends_are="instances", in_service=in_service)
    assert (router.registered, router.unserved) == (len(backends), unserved)


@pytest.mark.parametrize(
    ("routes", "serves"),
    [
        ((route(80, "blue"),), True),
        ((route(9000, None),), False),
        ((route(81, "green", preview=True),), False),
        ((), False),
    ],
)
def test_only_a_route_of_the_application_serves(routes: tuple[Any, ...], serves: bool) -> None:
    assert some_router(routes=routes).serves is serves


def test_a_color_is_shown_by_the_preview_where_there_is_one() -> None:
    assert FULL.shown_at("green") == "http://shop.example.com:81"
    assert FULL.shown_at("blue") is None
    assert FULL.preview_addresses() == ["shop.example.com:81"]


def test_a_router_that_is_nothing_but_a_preview_shows_the_color_that_it_leads_to() -> None:
    shows = replace(FULL, routes=(route(80, "green"), route(443, "green"), route(9000, None)))
    assert shows.shown_at("green") == "http://shop.example.com:80"
    assert shows.shown_at("blue") is None
    assert shows.preview_addresses() == ["shop.example.com:80", "shop.example.com:443"]
