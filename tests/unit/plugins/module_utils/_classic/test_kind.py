# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Classic ELB in the words that hold for every router."""

from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Move
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import Classic, judged
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import ListenerWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Look
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    PREVIEW_TAG,
    Backend,
    Route,
    Target,
)

from ..routers import CERTIFICATE, PER_LISTENER, SINGLE, http, https, router
from ..swaps import intent

CLOSED = {**SINGLE, **intent("green", Move(80, "HTTP", "HTTP", 30081, 30082))}


def test_what_leads_where() -> None:
    lb = router(
        http(80, 30081), https(443, 30083), http(8081, 30082), http(9000, 31000),
        tags={**PER_LISTENER, PREVIEW_TAG: "8081"}, instances=("i-1", "i-2"), instance_health={"i-1": "InService"},
    )  # fmt: skip
    seen = judged(lb, Look(), read_began=0.0)
    tls = f"HTTPS to HTTP, certificate {CERTIFICATE}, policies tls-1-2"
    assert seen.routes == (
        Route("80", "blue", "30081", "http", "shop.example.com:80", keeps="HTTP to HTTP"),
        Route("443", "blue", "30083", "https", "shop.example.com:443", keeps=tls),
        Route("8081", "green", "30082", "http", "shop.example.com:8081", preview=True, keeps="HTTP to HTTP"),
        Route("9000", None, "31000", "http", "shop.example.com:9000", keeps="HTTP to HTTP"),
    )
    assert seen.targets["green"] == Target((30082, 30084), "node port 30082, 30084")
    assert seen.backends == (Backend("i-1", "InService"), Backend("i-2", None))
    assert judged(router(tags={}), Look(), 0.0).targets["blue"] == Target((), "node port unknown")


@pytest.mark.parametrize(
    ("states", "in_service"),
    [
        ({"i-1": "InService", "i-2": "OutOfService"}, 1),
        ({"i-1": "OutOfService", "i-2": "OutOfService"}, 0),
        ({}, 0),
        (None, None),
        # AWS could not tell: https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_InstanceState.html
        ({"i-1": "Unknown", "i-2": "OutOfService"}, None),
        ({"i-1": "Unknown", "i-2": "InService"}, 1),
    ],
)
def test_how_many_are_in_service(states: dict[str, str] | None, in_service: int | None) -> None:
    seen = judged(router(http(80, 30081), instance_health=states), Look(), read_began=0.0)
    assert (seen.in_service, seen.watch_seconds) == (in_service, 30 * 3 + 5)


@pytest.mark.parametrize(("age", "living"), [(0, True), (120, True), (121, False)])
def test_a_swap_that_is_recorded_is_told_with_what_it_moves(age: int, living: bool) -> None:
    swap = judged(router(tags=CLOSED, read_at=1_700_000_000 + age), Look(), 0.0).open_swap
    assert swap is not None
    assert (swap.color, swap.by, swap.run, swap.routes) == ("green", "ada@laptop", "1a2b3c4d", ("80",))
    assert (swap.living, swap.lifetime) == (living, 120)


def test_a_run_knows_to_its_end_what_the_swap_that_it_resolves_was_about() -> None:
    """A dead run's delete that arrives late closes the port when the record of its swap is removed already."""
    kind, wish = Classic(), ListenerWish("blue")
    began_as, closed_again = (judged(router(tags=tags), Look(), 0.0) for tags in (CLOSED, SINGLE))
    [listener] = kind.plan(closed_again, wish, began_as).after.load_balancer.listeners
    assert (listener.port, listener.instance_port) == (80, 30081)


@pytest.mark.parametrize("look", [Look(listener_ports=(0,)), Look(described_ports=(80, 70000))])
def test_what_is_no_port_is_refused_before_aws_is_asked(look: Look) -> None:
    with pytest.raises(InputError, match="is not a listener port"):
        Classic().read(None, ["shop"], look)
