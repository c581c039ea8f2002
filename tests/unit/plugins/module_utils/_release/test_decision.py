from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import decision as _decision
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, Ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    Side,
    Workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, SWAP, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

from ..some_router import LACKING, MADE, REPAIRABLE, cut_off, mended, route, some_router

OLD = Release("0012345", "aaaa")
NEW = Release("00abcde", "bbbb")

ROUTER = some_router()
UNSERVED = some_router(None, drift=MADE)


def work(release: Release | None = OLD, **changes: Any) -> Workload:
    values = {
        "release": release,
        "proven_at": "2026-01-01T00:00:00+00:00",
        "rejected": False,
        "replicas": 2,
        "ready_replicas": 2,
        "lack": "",
        "images": ("web:1",),
        "marks": (),
    }
    return Workload(**values | changes)


def side(color: str, workload: Workload | None = None, **changes: Any) -> Side:
    port = 30081 if color == "blue" else 30082
    values = {"service_ports": (port,) if workload else None}
    return Side(color, (port,), workload, **values | changes)


def sides(
    blue: Workload | None = None, green: Workload | None = None, **green_changes: Any
) -> dict[str, Side]:
    return {"blue": side("blue", blue), "green": side("green", green, **green_changes)}


def plan_deploy(*arguments: Any) -> tuple[str, str]:
    decision = _decision.plan_deploy(*arguments)
    return decision.action, decision.color


def plan_repair(*arguments: Any) -> tuple[str, str]:
    decision = _decision.plan_repair(*arguments)
    return decision.action, decision.color


def plan_rollback(
    router: Router, sides: dict[str, Side], commit: str | None = None, ledger: Ledger | None = None
) -> tuple[str, str]:
    decision = _decision.plan_rollback(router, sides, ledger or Ledger(), commit)
    return decision.action, decision.color


def way_back(sides: dict[str, Side], live: str | None, ledger: Ledger | None = None) -> tuple[Any, ...]:
    back = _decision.way_back(sides, live, ledger or Ledger())
    return back.color, back.to, back.reason


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


def test_a_swap_that_was_cut_off_is_undone_by_a_rollback() -> None:
    assert plan_rollback(CUT_OFF, sides(work(OLD), work(NEW))) == ("swap", "blue")


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


def test_once_left_by_a_rollback_a_color_is_no_way_back() -> None:
    state = sides(work(NEW), work(OLD))
    state["blue"] = _decision.left_by_rollback(state["blue"])
    assert way_back(state, "green")[2] == "blue runs 00abcde, which a rollback has left before"


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


OLDER = Release("0000001", "cccc")


def moved(release: Release, left: Release | None = None, name: str = "swapped") -> Event:
    by = {"user": "ada", "host": "laptop"}
    return Event(name, "2026-01-02T03:04:05+00:00", f"{name}-{release.commit}", release, "blue", left, by)


# OLDER, then OLD, then NEW, which is live on blue.
HISTORY = (moved(OLDER), moved(OLD, OLDER), moved(NEW, OLD))


def ledger(*more: Event, kept: tuple[Release, ...] = ()) -> Ledger:
    return Ledger((*HISTORY, *more), dict.fromkeys(kept, b""))


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
    decision = _decision.plan_rollback(ROUTER, sides(work(NEW), green), ledger(kept=kept))
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
        _decision.plan_rollback(ROUTER, sides(work(NEW), green), ledger())
    assert said in raised.value.message


def test_a_release_that_a_rollback_has_left_is_not_chosen_although_the_ledger_is_lost() -> None:
    with pytest.raises(InputError, match="green runs 0012345, which a rollback has left before"):
        _decision.plan_rollback(ROUTER, sides(work(NEW), work(OLD, rejected=True)), Ledger())


def test_a_second_rollback_goes_further_back() -> None:
    router = replace(ROUTER, live="green", idle="blue")
    history = ledger(moved(OLD, NEW, "rolled_back"), kept=(OLDER, OLD, NEW))
    decision = _decision.plan_rollback(router, sides(work(NEW, rejected=True), work(OLD)), history)
    assert (decision.action, decision.color, decision.release) == ("stage", "blue", OLDER)
    last = ledger(moved(OLD, NEW, "rolled_back"), moved(OLDER, OLD, "rolled_back"), kept=(OLDER, OLD, NEW))
    with pytest.raises(InputError, match="no good release served before 0000001"):
        _decision.plan_rollback(ROUTER, sides(work(OLDER), work(OLD, rejected=True)), last)


def test_a_rollback_whose_release_is_live_no_more_does_nothing_and_says_who() -> None:
    router = replace(ROUTER, live="green", idle="blue")
    history = ledger(moved(OLD, NEW, "rolled_back"), kept=(OLDER, OLD, NEW))
    decision = _decision.plan_rollback(router, sides(work(NEW), work(OLD)), history, leaving=NEW)
    assert (decision.action, decision.color) == ("unchanged", "green")
    assert (
        decision.reason
        == "0012345 is live: ada@laptop has rolled back from 00abcde at 2026-01-02T03:04:05+00:00"
    )


def test_a_rollback_that_was_killed_after_its_swap_is_only_written_down() -> None:
    router = replace(ROUTER, live="green", idle="blue")
    history = ledger(moved(OLD, NEW, "rollback"), kept=(OLDER,))
    decision = _decision.plan_rollback(router, sides(work(NEW), work(OLD)), history)
    assert (decision.action, decision.color, decision.release) == ("complete", "green", OLD)


def test_a_commit_can_be_chosen() -> None:
    history = ledger(kept=(OLDER,))
    decision = _decision.plan_rollback(ROUTER, sides(work(NEW), work(OLD)), history, "0000001")
    assert (decision.action, decision.color, decision.release) == ("stage", "green", OLDER)
    there = _decision.plan_rollback(ROUTER, sides(work(NEW), work(OLD)), history, "0012345")
    assert (there.action, there.release) == ("swap", OLD)
    live = _decision.plan_rollback(ROUTER, sides(work(NEW), work(OLD)), history, "00abcde")
    assert (live.action, live.reason) == ("unchanged", "00abcde is live already")


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


def test_what_a_rollback_would_do_after_a_deploy() -> None:
    state = sides(work(OLD), None)
    decision = _decision.plan_deploy(ROUTER, state, NEW)
    history = Ledger((moved(OLD),), {})
    then = _decision.after_move(history, state, decision, "blue")
    back = _decision.way_back(state, "green", then, NEW)
    assert (back.color, back.to) == ("blue", "0012345")
