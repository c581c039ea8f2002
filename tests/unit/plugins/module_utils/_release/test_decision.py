from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import decision as _decision
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    Side,
    Workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import (
    REPAIR,
    SWAP,
    SWAP_TO_IDLE,
    Drift,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

from ..some_router import LACKING, MADE, REPAIRABLE, cut_off, mended, route, some_router
from .states import NEW, OLD, OLDER, ROUTER, UNSERVED, ledger, moved, side, sides, work


def plan_deploy(*arguments: Any) -> tuple[str, str]:
    decision = _decision.plan_deploy(*arguments)
    return decision.action, decision.color


def plan_repair(*arguments: Any) -> tuple[str, str]:
    decision = _decision.plan_repair(*arguments)
    return decision.action, decision.color


@pytest.mark.parametrize(
    ("claim", "take_over", "passes"),
    [(None, False, True), ("shop/1", False, True), ("shop/2", False, False), ("shop/2", True, True)],
)
def test_the_claim_of_the_load_balancer(claim: str | None, take_over: bool, passes: bool) -> None:
    router = replace(ROUTER, claim=claim)
    if passes:
        _decision.check_claim(router, "shop/1", take_over)
        return
    with pytest.raises(InputError) as raised:
        _decision.check_claim(router, "shop/1", take_over)
    assert "'shop/2'" in raised.value.message
    assert "'shop/1'" in raised.value.message


@pytest.mark.parametrize(
    ("by", "passes", "repairs"),
    [((), False, False), ((REPAIR,), False, True), ((SWAP,), True, False), ((SWAP, REPAIR), True, True)],
)
def test_drift_that_the_run_does_not_mend_is_refused_with_its_name(
    by: tuple[str, ...], passes: bool, repairs: bool
) -> None:
    odd = replace(ROUTER, drift=mended("odd", *by))
    for repair, works in ((False, passes), (True, repairs)):
        if works:
            _decision.check_router(odd, repair)
            continue
        with pytest.raises(InputError) as raised:
            _decision.check_router(odd, repair)
        assert raised.value.message == "The router is odd (odd)."
        assert raised.value.details == {"drift": "odd"}


def test_what_only_a_swap_to_the_idle_color_mends_refuses_all_that_do_more_or_go_elsewhere() -> None:
    odd = replace(ROUTER, drift=mended("odd", SWAP_TO_IDLE, REPAIR))
    _decision.check_router(odd, to_idle=True)
    with pytest.raises(InputError):
        _decision.check_router(odd)
    state = sides(work(OLD), work(NEW, proven_at=LATER))
    assert _decision.plan_switch(odd, state, None).action == "swap"
    for commit, idle in (("0012345", NEW), (None, OLD)):
        with pytest.raises(InputError, match="The router is odd"):
            _decision.plan_switch(odd, sides(work(OLD), work(idle)), commit)


def test_a_missing_listener_can_be_made_where_it_was_described() -> None:
    _decision.check_router(UNSERVED)
    with pytest.raises(InputError, match="listener_missing"):
        _decision.check_router(replace(UNSERVED, drift=LACKING))


def test_a_router_that_serves_without_a_live_color_is_refused() -> None:
    with pytest.raises(InputError, match="which color is live"):
        _decision.check_router(replace(ROUTER, live=None, idle=None))


@pytest.mark.parametrize(
    ("router", "sides", "expected"),
    [
        pytest.param(UNSERVED, sides(), ("stage", "blue"), id="first ever"),
        pytest.param(UNSERVED, sides(work(NEW)), ("swap", "blue"), id="first ever, cut off before the swap"),
        pytest.param(ROUTER, sides(), ("stage", "green"), id="adopted: live is nobody's we know"),
        pytest.param(ROUTER, sides(work(OLD)), ("stage", "green"), id="second color, empty"),
        pytest.param(ROUTER, sides(work(OLD), work(OLD)), ("stage", "green"), id="another release"),
        pytest.param(ROUTER, sides(work(NEW)), ("unchanged", "blue"), id="live already"),
        pytest.param(
            ROUTER,
            sides(work(NEW, lack="down", proven_at="")),
            ("unchanged", "blue"),
            id="live, but down",
        ),
        pytest.param(
            replace(ROUTER, drift=MADE),
            sides(work(NEW)),
            ("swap", "blue"),
            id="live, but a listener is to be made",
        ),
        pytest.param(
            ROUTER,
            sides(work(Release("00abcde", "aaaa"))),
            ("stage", "green"),
            id="live with other manifests",
        ),
        pytest.param(ROUTER, sides(work(OLD), work(NEW)), ("swap", "green"), id="idle has it, proven"),
        pytest.param(
            ROUTER, sides(work(OLD), work(NEW, proven_at="")), ("stage", "green"), id="idle, unproven"
        ),
        pytest.param(
            ROUTER, sides(work(OLD), work(NEW, rejected=True)), ("stage", "green"), id="idle, rejected"
        ),
        pytest.param(ROUTER, sides(work(OLD), work(NEW, lack="x")), ("stage", "green"), id="idle, not ready"),
        pytest.param(
            ROUTER,
            sides(work(OLD), work(NEW), service_ports=None),
            ("stage", "green"),
            id="idle, Service gone",
        ),
        pytest.param(
            ROUTER,
            sides(work(OLD), work(NEW), service_ports=(30099,)),
            ("stage", "green"),
            id="idle, Service on another node port",
        ),
        pytest.param(
            replace(ROUTER, live="green", idle="blue"),
            sides(work(OLD), work(OLD)),
            ("stage", "blue"),
            id="back",
        ),
    ],
)
def test_where_a_release_goes(router: Router, sides: dict[str, Side], expected: tuple[str, str]) -> None:
    assert plan_deploy(router, sides, NEW) == expected


CUT_OFF = cut_off()


def test_a_swap_that_was_cut_off_is_finished_by_the_deploy_it_was_for() -> None:
    _decision.check_router(CUT_OFF)
    assert plan_deploy(CUT_OFF, sides(work(OLD), work(NEW)), NEW) == ("swap", "green")


@pytest.mark.parametrize("green", [work(OLD), work(NEW, proven_at=""), work(NEW, lack="1 of 2"), None])
def test_a_swap_that_was_cut_off_is_undone_before_another_release_is_staged(green: Workload | None) -> None:
    assert plan_deploy(CUT_OFF, sides(work(OLD), green), NEW) == ("resolve", "blue")


def test_a_swap_that_was_cut_off_is_finished_where_the_way_back_is_not_ready() -> None:
    unready = sides(work(OLD, lack="0 of 2"), work(OLD))
    assert plan_deploy(CUT_OFF, unready, NEW) == ("resolve", "green")


def test_a_swap_that_was_cut_off_between_two_broken_colors_is_refused() -> None:
    with pytest.raises(InputError, match=r"0 of 2.*green has no Deployment"):
        plan_deploy(CUT_OFF, sides(work(OLD, lack="0 of 2")), NEW)


MIXED = some_router(None, routes=(route(80, "blue"), route(81, "green")), drift=REPAIRABLE)


@pytest.mark.parametrize(
    ("router", "color", "expected"),
    [
        pytest.param(CUT_OFF, None, ("swap", "blue"), id="cut-off-undone"),
        pytest.param(CUT_OFF, "green", ("swap", "green"), id="cut-off-finished"),
        pytest.param(MIXED, "green", ("swap", "green"), id="mixed"),
        pytest.param(replace(ROUTER, drift=REPAIRABLE), None, ("swap", "blue"), id="on-live"),
        pytest.param(ROUTER, None, ("unchanged", "blue"), id="whole"),
    ],
)
def test_repair_goes_to_the_named_color_or_to_the_one_that_is_told(
    router: Router, color: str | None, expected: tuple[str, str]
) -> None:
    _decision.check_router(router, repairs=True)
    assert plan_repair(router, sides(work(OLD), work(NEW)), color) == expected


def test_repair_of_a_router_on_both_colors_wants_a_color() -> None:
    with pytest.raises(InputError, match="color=blue or green"):
        plan_repair(MIXED, sides(work(OLD), work(NEW)), None)


@pytest.mark.parametrize("green", [None, work(NEW, lack="1 of 2 replicas")])
def test_repair_does_not_go_to_a_color_that_cannot_serve(green: Workload | None) -> None:
    with pytest.raises(InputError, match="green cannot serve"):
        plan_repair(MIXED, sides(work(OLD), green), "green")


def test_repair_goes_to_what_somebody_elses_service_serves() -> None:
    adopted = sides(None, work(NEW)) | {"blue": side("blue", holder="legacy/web")}
    assert plan_repair(MIXED, adopted, "blue") == ("swap", "blue")


def test_what_a_cut_off_swap_did_not_cause_is_refused_all_the_same() -> None:
    with pytest.raises(InputError, match="tags_equal"):
        _decision.check_router(cut_off("green", Drift("tags_equal", "both 30081")))


def test_a_living_swap_is_refused() -> None:
    with pytest.raises(InputError, match="swap_interrupted"):
        _decision.check_router(cut_off(living=True))


def test_a_color_whose_node_port_another_service_holds_is_refused() -> None:
    with pytest.raises(InputError) as raised:
        plan_deploy(ROUTER, sides(work(OLD), holder="legacy/web"), NEW)
    assert "Node port 30082 of green is held by Service web in namespace legacy" in raised.value.message
    assert "kubectl -n legacy delete service web" in raised.value.message


def test_a_live_color_behind_a_foreign_service_is_left_alone() -> None:
    state = {"blue": side("blue", holder="legacy/web"), "green": side("green")}
    assert plan_deploy(ROUTER, state, NEW) == ("stage", "green")


@pytest.mark.parametrize(
    ("seen", "live", "wanted"),
    [
        (side("blue"), None, True),
        (side("blue"), "green", True),
        (side("blue", work(), service_ports=None), "blue", True),
        (side("blue", work()), "blue", False),
        (side("blue"), "blue", False),
        (side("blue", holder="legacy/web"), None, False),
        (side("blue", work(), service_ports=(1,)), "blue", False),
    ],
)
def test_whether_the_other_colors_service_is_made(seen: Side, live: str | None, wanted: bool) -> None:
    assert _decision.wants_service(seen, live) is wanted


RENDERED = Release("0012345", "dddd")


@pytest.mark.parametrize(
    ("rendered", "history", "expected"),
    [
        pytest.param(RENDERED, ledger(kept=(OLD,)), OLD, id="an old commit comes back as it was"),
        pytest.param(RENDERED, ledger(), RENDERED, id="unless it is not kept"),
        pytest.param(
            RENDERED, ledger(moved(OLDER, OLD, "rolled_back"), kept=(OLD,)), RENDERED, id="or turned out bad"
        ),
        pytest.param(OLD, ledger(kept=(OLD,)), OLD, id="the same"),
        pytest.param(Release("00abcde", "dddd"), ledger(kept=(NEW,)), Release("00abcde", "dddd"), id="live"),
        pytest.param(Release("9", "dddd"), ledger(kept=(OLD,)), Release("9", "dddd"), id="never served"),
    ],
)
def test_which_release_a_commit_means(rendered: Release, history: Ledger, expected: Release) -> None:
    assert _decision.choose_release(ROUTER, sides(work(NEW), work(OLDER)), history, rendered) == expected


def test_what_was_brought_back_as_it_was_is_not_deployed_again() -> None:
    back = replace(moved(OLD, NEW), details={"rendered": "dddd"})
    history, state = ledger(back, kept=(OLD,)), sides(work(OLD), work(NEW))
    assert _decision.choose_release(ROUTER, state, history, RENDERED) == OLD
    changed = Release("0012345", "eeee")
    assert _decision.choose_release(ROUTER, state, history, changed) == changed
    assert _decision.choose_release(ROUTER, state, ledger(kept=(OLD,)), RENDERED) == RENDERED


LATER = "2026-02-02T00:00:00+00:00"


@pytest.mark.parametrize(
    ("green", "commit", "expected"),
    [
        (work(NEW, proven_at=LATER), None, ("swap", "green")),
        (work(NEW, proven_at=LATER), "00abcde", ("swap", "green")),
        (work(NEW), None, ("unchanged", "blue")),
        (work(NEW), "00abcde", ("swap", "green")),
        (work(NEW), "0012345", ("unchanged", "blue")),
    ],
)
def test_a_switch_goes_to_what_was_staged(
    green: Workload, commit: str | None, expected: tuple[str, str]
) -> None:
    decision = _decision.plan_switch(ROUTER, sides(work(OLD), green), commit)
    assert (decision.action, decision.color) == expected


@pytest.mark.parametrize(
    ("green", "commit", "said"),
    [
        (None, None, "green holds nothing that was staged"),
        (work(NEW, proven_at=LATER), "0099999", "green holds 00abcde, not 0099999"),
        (work(NEW, proven_at=""), "00abcde", "00abcde was never proven"),
        (work(NEW, proven_at=LATER, rejected=True), None, "a rollback has left 00abcde before"),
        (work(NEW, proven_at=LATER, lack="1 of 2"), None, "1 of 2"),
    ],
)
def test_a_switch_to_anything_else_is_refused(green: Workload | None, commit: str | None, said: str) -> None:
    with pytest.raises(InputError) as raised:
        _decision.plan_switch(ROUTER, sides(work(OLD), green), commit)
    assert said in raised.value.message


def test_staging_ends_where_only_the_switch_is_left() -> None:
    assert _decision.plan_stage(ROUTER, sides(work(OLD), work(NEW)), NEW).action == "unchanged"
    assert _decision.plan_stage(ROUTER, sides(work(OLD)), NEW).action == "stage"


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (sides(work(OLD), work(NEW)), "retire"),
        (sides(work(OLD), work(NEW, replicas=0)), "unchanged"),
        (sides(work(OLD)), "unchanged"),
    ],
)
def test_only_the_idle_color_is_retired(state: dict[str, Side], action: str) -> None:
    decision = _decision.plan_retire(ROUTER, state)
    assert (decision.action, decision.color) == (action, "green")


@pytest.mark.parametrize(
    ("router", "state", "said"),
    [
        (MIXED, sides(work(OLD), work(NEW)), "does not say which color is idle"),
        (ROUTER, sides(work(OLD, lack="1 of 2"), work(NEW)), "blue, which is live, is not ready"),
        (ROUTER, sides(work(OLD), work(None)), "not put there by a deploy"),
    ],
)
def test_what_is_not_retired(router: Router, state: dict[str, Side], said: str) -> None:
    with pytest.raises(InputError) as raised:
        _decision.plan_retire(router, state)
    assert said in raised.value.message
