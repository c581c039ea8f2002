# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rollback goes, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import way_back as _way_back
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import Decision
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    Side,
    Workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.way_back import Standing
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import (
    REPAIR,
    SWAP,
    SWAP_TO_IDLE,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

from ..some_router import cut_off, mended, some_router
from .states import NEW, OLD, OLDER, ROUTER, ledger, moved, sides, work

CUT_OFF = cut_off()


def rollback(
    router: Router, sides: dict[str, Side], ledger: Ledger | None = None, *asked: Any, **more: Any
) -> Decision:
    return _way_back.plan_rollback(Standing(router, sides, ledger or Ledger(), "shop/1"), *asked, **more)


def plan_rollback(
    router: Router, sides: dict[str, Side], commit: str | None = None, ledger: Ledger | None = None
) -> tuple[str, str]:
    decision = rollback(router, sides, ledger, commit)
    return decision.action, decision.color


def way_back(sides: dict[str, Side], live: str | None, ledger: Ledger | None = None) -> tuple[Any, ...]:
    back = _way_back.way_back(Standing(some_router(live), sides, ledger or Ledger(), "shop/1"))
    return back.color, back.to, back.reason


def test_a_swap_that_was_cut_off_is_undone_by_a_rollback() -> None:
    assert plan_rollback(CUT_OFF, sides(work(OLD), work(NEW))) == ("swap", "blue")
    retired = work(OLD, replicas=0, lack="it wants no replicas")
    assert plan_rollback(CUT_OFF, sides(retired, work(NEW))) == ("scale", "blue")


@pytest.mark.parametrize(
    ("sides", "live", "expected"),
    [
        (sides(work(OLD), work(NEW)), "green", ("blue", "0012345", "")),
        (sides(work(OLD), work(NEW)), "blue", ("green", "00abcde", "")),
        (sides(work(OLD, lack="1 of 2"), work(NEW)), "green", ("blue", "0012345", "")),
        (sides(work(OLD), work(NEW)), None, (None, None, "no color is live")),
        (sides(None, work(NEW)), "green", (None, None, "blue has no Deployment")),
        (
            sides(work(None), work(NEW)),
            "green",
            (None, None, "what blue runs was not put there by a deploy"),
        ),
        (
            sides(work(OLD, rejected=True), work(NEW)),
            "green",
            (None, None, "blue runs 0012345, which a rollback has left before"),
        ),
        (
            sides(work(OLD, proven_at=""), work(NEW)),
            "green",
            (None, None, "blue runs 0012345, which was never proven"),
        ),
        (
            sides(work(OLD, replicas=0, lack="it wants no replicas"), work(NEW)),
            "green",
            ("blue", "0012345", ""),
        ),
        (
            sides(work(OLD), work(NEW), service_ports=(1,)),
            "blue",
            (None, None, "green runs 00abcde, whose Service does not have node port 30082"),
        ),
        (
            sides(work(OLD), holder="legacy/web"),
            "blue",
            (None, None, "node port of green is held by Service legacy/web"),
        ),
    ],
)
def test_the_way_back(sides: dict[str, Side], live: str | None, expected: tuple[Any, ...]) -> None:
    assert way_back(sides, live) == expected


def test_a_rollback_goes_to_the_idle_color() -> None:
    assert plan_rollback(ROUTER, sides(work(NEW), work(OLD)), None) == ("swap", "green")
    assert plan_rollback(ROUTER, sides(work(NEW), work(OLD)), "0012345") == ("swap", "green")


def test_a_rollback_with_nowhere_to_go_is_refused() -> None:
    with pytest.raises(
        InputError, match="nothing to roll back to on load balancer shop-lb: green has no Deploy"
    ):
        plan_rollback(ROUTER, sides(work(NEW)), None)


def test_a_rollback_to_what_nobody_knows_is_refused() -> None:
    with pytest.raises(
        InputError, match="0099999 is not known; green runs 0012345, and the ledger keeps nothing"
    ):
        plan_rollback(ROUTER, sides(work(NEW), work(OLD)), "0099999")


@pytest.mark.parametrize(
    ("green", "kept", "expected"),
    [
        pytest.param(work(OLD), (), ("swap", "green"), id="it is there"),
        pytest.param(work(OLD), (OLD,), ("swap", "green"), id="there and kept: at once"),
        pytest.param(
            work(OLD, lack="0 of 2"), (OLD,), ("stage", "green"), id="half broken: brought up again"
        ),
        pytest.param(
            work(OLD, lack="0 of 2"), (), ("swap", "green"), id="half broken, not kept: let it be proven"
        ),
        pytest.param(work(OLD, replicas=0, lack="0"), (OLD,), ("stage", "green"), id="retired"),
        pytest.param(work(OLD, replicas=0, lack="0"), (), ("scale", "green"), id="retired and not kept"),
        pytest.param(work(OLD, proven_at=""), (OLD,), ("stage", "green"), id="no longer proven"),
        pytest.param(work(OLDER), (OLD,), ("stage", "green"), id="something else is there"),
        pytest.param(None, (OLD,), ("stage", "green"), id="deleted by hand"),
    ],
)
def test_how_a_rollback_gets_to_the_last_good_release(
    green: Workload | None, kept: tuple[Release, ...], expected: tuple[str, str]
) -> None:
    decision = rollback(ROUTER, sides(work(NEW), green), ledger(kept=kept))
    assert (decision.action, decision.color) == expected
    assert decision.release == OLD


@pytest.mark.parametrize(
    ("green", "said"),
    [
        (None, "it would be 0012345, whose manifests are not kept, and green does not run it"),
        (work(OLDER), "whose manifests are not kept, and green runs 0000001"),
        (work(OLD, proven_at=""), "green runs 0012345, which was never proven"),
        (work(OLD, rejected=True), "it would be 0000001, whose manifests are not kept"),
    ],
)
def test_a_rollback_that_cannot_get_there_says_what_is_there(green: Workload | None, said: str) -> None:
    with pytest.raises(InputError) as raised:
        rollback(ROUTER, sides(work(NEW), green), ledger())
    assert said in raised.value.message


def test_a_release_that_a_rollback_has_left_is_not_chosen_although_the_ledger_is_lost() -> None:
    with pytest.raises(InputError, match="green runs 0012345, which a rollback has left before"):
        rollback(ROUTER, sides(work(NEW), work(OLD, rejected=True)), Ledger())


def test_a_second_rollback_goes_further_back() -> None:
    router = replace(ROUTER, live="green", idle="blue")
    history = ledger(moved(OLD, NEW, "rolled_back"), kept=(OLDER, OLD, NEW))
    decision = rollback(router, sides(work(NEW, rejected=True), work(OLD)), history)
    assert (decision.action, decision.color, decision.release) == ("stage", "blue", OLDER)
    last = ledger(moved(OLD, NEW, "rolled_back"), moved(OLDER, OLD, "rolled_back"), kept=(OLDER, OLD, NEW))
    with pytest.raises(InputError, match="no good release served before 0000001"):
        rollback(ROUTER, sides(work(OLDER), work(OLD, rejected=True)), last)


def test_a_rollback_whose_release_is_live_no_more_does_nothing_and_says_who() -> None:
    router = replace(ROUTER, live="green", idle="blue")
    history = ledger(moved(OLD, NEW, "rolled_back"), kept=(OLDER, OLD, NEW))
    decision = rollback(router, sides(work(NEW), work(OLD)), history, leaving=NEW)
    assert (decision.action, decision.color) == ("unchanged", "green")
    assert (
        decision.reason
        == "0012345 is live: ada@laptop has rolled back from 00abcde at 2026-01-02T03:04:05+00:00"
    )


def test_a_rollback_that_was_killed_after_its_swap_is_only_written_down() -> None:
    router = replace(ROUTER, live="green", idle="blue")
    history = ledger(moved(OLD, NEW, "rollback"), kept=(OLDER,))
    decision = rollback(router, sides(work(NEW), work(OLD)), history)
    assert (decision.action, decision.color, decision.release) == ("complete", "green", OLD)


def test_a_commit_can_be_chosen() -> None:
    history = ledger(kept=(OLDER,))
    decision = rollback(ROUTER, sides(work(NEW), work(OLD)), history, "0000001")
    assert (decision.action, decision.color, decision.release) == ("stage", "green", OLDER)
    there = rollback(ROUTER, sides(work(NEW), work(OLD)), history, "0012345")
    assert (there.action, there.release) == ("swap", OLD)
    live = rollback(ROUTER, sides(work(NEW), work(OLD)), history, "00abcde")
    assert (live.action, live.reason) == ("unchanged", "00abcde is live already")


@pytest.mark.parametrize(
    ("by", "goes"), [((), False), ((REPAIR,), False), ((SWAP,), True), ((SWAP_TO_IDLE, REPAIR), True)]
)
def test_drift_that_its_own_swap_mends_does_not_refuse_a_rollback(by: tuple[str, ...], goes: bool) -> None:
    odd = replace(ROUTER, drift=mended("odd", *by))
    back = _way_back.way_back(Standing(odd, sides(work(NEW), work(OLD)), ledger(), "shop/1"))
    assert (back.to, back.reason) == (("0012345", "") if goes else (None, "the router is odd (odd)"))
