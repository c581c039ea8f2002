from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.report import (
    Asked,
    Run,
    hook,
    idle,
    judges,
    lock_is_freed,
    lost_lock,
    outcome,
    reason,
    recovery,
    result,
    summary,
    went_back,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Backend, Target

from ..some_router import facts, mended, route

FRONT: dict[str, Any] = {
    "routes": (route(80, "blue"), route(9000, None)),
    "notes": ("health check HTTP:30081/healthz",),
    "backends": (Backend("i-1", "InService"),),
    "backends_are": "instances",
    "claim": "shop/8c1e",
}
ROUTER = facts(**FRONT)
BLUE: dict[str, Any] = {
    "commit": "0012345",
    "proven": True,
    "rejected": False,
    "ready": True,
    "lack": "",
    "replicas": 2,
    "ready_replicas": 2,
    "images": ["shop:0012345"],
    "target": "node port 30081",
    "holder": None,
}
GREEN = BLUE | {"commit": None, "images": [], "target": "node port 30082"}
PLAN: dict[str, Any] = {
    "action": "stage",
    "color": "green",
    "commit": "00abcde",
    "live": "blue",
    "at": 1002.0,
    "releases": {"blue": BLUE, "green": GREEN},
    "rollback": {"color": "blue", "to": "0012345", "reason": ""},
}
SWAP = {"before": {}, "changed": True, "gap_ms": {"80": 84, "443": 85}}
FAILED = {"failed": True, "msg": "it broke"}


ASKED = Asked(
    app="shop",
    namespace="store",
    action="deploy",
    commit="00abcde",
    load_balancer="shop-lb",
    check_mode=False,
    started=1000.0,
    finished=1008.2,
)


def run(action: str = "deploy", router: dict[str, Any] | None = None, **parts: Any) -> Run:
    """A run whose tasks have returned ``parts``; the rest is of what was asked for."""
    other = {name: parts.pop(name) for name in ("check_mode", "manifests", "on_failure") if name in parts}
    did: dict[str, Any] = {
        "facts": {"load_balancers": {"shop-lb": ROUTER if router is None else router}},
        "plan": PLAN,
        "lock": {"token": "t", "at": 1001.0},
    }
    if failed := next((part for part in parts.values() if part.get("failed")), None):
        did["failure"] = failed
    return Run(replace(ASKED, action=action, **other), did | parts)


DEPLOYED = run(
    applied={"changed": True},
    wait={"elapsed": 2.5},
    checking={"at": 1006.9},
    smoke={"elapsed": 0.1},
    staged={"changed": True, "at": 1007.0},
    swapping={"at": 1007.1},
    swap=SWAP,
)
ROLLED_BACK = run(
    "rollback",
    plan=PLAN | {"action": "swap"},
    checking={"at": 1003.0},
    smoke={"elapsed": 0.1},
    wait={"elapsed": 0.4},
    swapping={"at": 1003.5},
    swap=SWAP,
)


@pytest.mark.parametrize(
    ("ended", "word"),
    [
        (DEPLOYED, "deployed"),
        (ROLLED_BACK, "rolled_back"),
        (run(plan=PLAN | {"action": "unchanged", "color": "blue", "commit": "0012345"}), "unchanged"),
        (run("status"), "unchanged"),
        (run(router={}, plan={}, failure=FAILED), "refused"),
        (run(plan={}, failure=FAILED), "refused"),
        (run(applied=FAILED), "stage_failed"),
        (run(wait=FAILED), "stage_failed"),
        (run(staged=FAILED), "stage_failed"),
        (run(smoke=FAILED), "check_failed"),
        (run(wait=FAILED, plan=PLAN | {"action": "swap"}), "check_failed"),
        (run("rollback", smoke=FAILED, plan=PLAN | {"action": "swap"}), "check_failed"),
        (run(swap=FAILED), "refused"),
        (run(swap=FAILED | {"restored": True, "open": []}), "restored"),
        (run(swap=FAILED | {"restored": False, "open": [80]}), "port_closed"),
        (run(swap=FAILED | {"before": {}, "restored": False, "open": []}), "refused"),
        (run("rollback", swap=SWAP, failure=FAILED), "rolled_back"),
        (run("rollback", plan=PLAN | {"action": "complete"}), "rolled_back"),
        (run("stage", applied={"changed": True}), "staged"),
        (run("stage", plan=PLAN | {"action": "unchanged"}), "unchanged"),
        (run("switch", plan=PLAN | {"action": "swap"}, swap=SWAP), "deployed"),
        (run("retire", plan=PLAN | {"action": "retire"}, scaled={"changed": True}), "retired"),
        (run("preview", swap=SWAP), "previewed"),
        (run("preview", swap=SWAP | {"changed": False}), "unchanged"),
        (run("preview", preview={"changed": True}), "previewed"),
        (run("unlock", unlocked={"changed": True}, plan={}), "unlocked"),
        (run("unlock", unlocked={"changed": False}, plan={}), "unchanged"),
        (run(failure=FAILED | {"locked": True}), "locked"),
        (run(failure=FAILED | {"locked": True}, applied={"changed": True}), "locked"),
        (run(failure=FAILED, swap=SWAP), "deployed"),
        (run(failure=FAILED, swap=SWAP, back={"changed": True}), "rolled_back"),
        (run(failure=FAILED, swap=SWAP, back=FAILED), "deployed"),
        (run(failure=FAILED, checking={"at": 1}, wait=FAILED), "stage_failed"),
        (run(failure=FAILED, checking={"at": 1}, staged={"at": 2}, wait=FAILED), "check_failed"),
        (run(failure=FAILED), "check_failed"),
        (run(failure=FAILED, lock={}), "refused"),
    ],
)
def test_how_a_run_ended(ended: Run, word: str) -> None:
    assert outcome(ended) == word


@pytest.mark.parametrize(
    ("failed", "bad"),
    [
        (run(wait=FAILED | {"workloads": []}), True),
        (run(wait=FAILED | {"status": 403}), False),
        (run(smoke=FAILED | {"answered": True}), True),
        (run(smoke=FAILED), False),
        (run("stage", smoke=FAILED | {"answered": False}), True),
        (run(applied=FAILED), False),
        (run(failure=FAILED), False),
        (run(swap=FAILED), False),
        (run("rollback", wait=FAILED | {"workloads": []}), False),
        (run(wait=FAILED | {"workloads": []}, plan=PLAN | {"action": "scale"}), False),
    ],
)
def test_only_what_was_learnt_of_a_release_makes_it_bad(failed: Run, bad: bool) -> None:
    assert judges(failed) is bad


def test_the_result_of_a_deploy() -> None:
    assert result(DEPLOYED) == {
        "outcome": "deployed",
        "commit": "00abcde",
        "color": "green",
        "previous_commit": "0012345",
        "previous_color": "blue",
        "changed": True,
        "check_mode": False,
        "gap_ms": {"80": 84, "443": 85},
        "seconds": {"stage": 4.9, "checks": 0.1, "swap": 1.1, "total": 8.2},
        "rollback": {"color": "blue", "to": "0012345", "reason": ""},
    }


def test_the_result_of_a_rollback_has_no_stage() -> None:
    assert result(ROLLED_BACK)["seconds"] == {"stage": None, "checks": 0.5, "swap": 4.7, "total": 8.2}


def test_a_phase_whose_end_failed_is_not_over() -> None:
    failed = run(checking={"at": 1006.0}, staged=FAILED | {"at": 1007.0})
    assert result(failed)["seconds"] == {"stage": 4.0, "checks": None, "swap": None, "total": 8.2}


def test_the_result_of_a_refusal_tells_what_was_asked_for() -> None:
    refused = result(run(plan={}, failure=FAILED))
    assert (refused["outcome"], refused["commit"], refused["changed"]) == ("refused", "00abcde", False)
    assert refused["rollback"] is None
    assert refused["seconds"] == {"stage": None, "checks": None, "swap": None, "total": 8.2}
    assert refused["gap_ms"] is None
    assert refused.keys() == result(DEPLOYED).keys()


def test_hooks_are_told_what_is_planned_and_why_it_failed() -> None:
    planned = {"app": "shop", "color": "green", "commit": "00abcde", "dns_name": "shop.example.com"}
    told = hook(run(plan=PLAN | {"hook": planned}, wait=FAILED))
    assert told | planned | {"namespace": "store", "load_balancer": "shop-lb", "reason": "it broke"} == told
    unplanned = hook(run(plan={}))
    assert unplanned.keys() == told.keys()
    assert (unplanned["app"], unplanned["color"], unplanned["reason"]) == ("shop", None, "")


@pytest.mark.parametrize(
    ("ended", "color"),
    [
        (run(), "green"),
        (run(swap=SWAP | {"after": facts("green")}), "blue"),
        (run(swap=FAILED), "green"),
        (run(swap=SWAP | {"after": facts("green")}, back={"before": {}, "after": facts("blue")}), "green"),
        (run(swap=SWAP | {"after": facts("green")}, back=FAILED), "blue"),
    ],
)
def test_the_idle_color_is_what_the_run_has_left(ended: Run, color: str) -> None:
    assert idle(ended) == color


def test_what_became_of_the_lock_and_of_the_way_back() -> None:
    freed = {"unlocked": True}
    assert [lock_is_freed(run(**parts)) for parts in ({}, {"recorded": freed}, {"staged": freed})] == [
        False,
        True,
        True,
    ]
    assert [
        lost_lock(run(**parts)) for parts in ({}, {"wait": FAILED}, {"wait": FAILED | {"locked": True}})
    ] == [False, False, True]
    assert lost_lock(run(wait=FAILED, undone=FAILED | {"locked": True}))
    assert [went_back(run(back=back)) for back in ({}, {"before": {}}, FAILED | {"before": {}})] == [
        False,
        True,
        False,
    ]


def test_nothing_that_the_application_said_is_in_the_result() -> None:
    talkative = FAILED | {
        "msg": "answered 500: hunter2",
        "logs": ["hunter2"],
        "pods": [{"message": "hunter2"}],
    }
    for part in ("smoke", "wait", "applied"):
        assert "hunter2" not in str(result(run(**{part: talkative})))


def test_a_run_that_staged_but_did_not_swap_has_changed_something() -> None:
    assert result(run(applied={"changed": True}, wait=FAILED))["changed"] is True


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("it broke", "it broke"),
        (None, "A task failed without a reason."),
    ],
)
def test_the_reason(told: str | None, expected: str) -> None:
    assert reason(run(failure={"failed": True, "msg": told})) == expected
    assert reason(run()) == ""


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("Task failed: Error while evaluating conditional: 'nobody' is undefined", "'nobody' is undefined"),
        ("Task failed: Syntax error in template: expected token", "Syntax error in template: expected token"),
        (
            "The conditional check 'x' failed. The error was: {'a': \"b\"}: 'nobody' is undefined\n\nThe error",
            "'nobody' is undefined",
        ),
        (
            "An error occurred. original message: A lookup failed. original message: expected token. String: hunter2",
            "expected token",
        ),
        (
            "Task failed: The filter plugin 'octoblu.bluegreen.as_type' failed: line 9 is not UTF-8",
            "line 9 is not UTF-8",
        ),
    ],
)
def test_why_manifests_do_not_render(told: str, why: str) -> None:
    failed = {"failed": True, "msg": told, "step": "render"}
    broken = run(plan={}, failure=failed, manifests=["a.j2", "b.j2"])
    assert reason(broken) == f"The manifests do not render (a.j2, b.j2): {why}"
    assert outcome(broken) == "refused"


def test_the_one_template_that_does_not_render_is_named() -> None:
    failed = {"failed": True, "msg": "One or more items failed", "step": "render"}
    item = {"failed": True, "msg": "Task failed: 'nobody' is undefined", "__bluegreen_template": "b.j2"}
    results = [{"failed": False, "__bluegreen_template": "a.j2"}, item]
    broken = run(plan={}, failure=failed | {"results": results}, manifests=["a.j2", "b.j2"])
    assert reason(broken) == "The manifests do not render (b.j2): 'nobody' is undefined"


def test_a_hold_and_a_freeze_are_seen_and_a_release_of_it_is_told() -> None:
    hold = {"by": "ada@laptop", "at": "2026-11-30T03:00:00+00:00", "from": "00abcde", "to": "0012345"}
    lines = summary(run("status", plan=PLAN | {"hold": hold, "frozen": "the sale"}))
    told = "ada@laptop went back from 00abcde to 0012345 at 2026-11-30T03:00:00+00:00"
    assert f"deploys: on hold, {told}; frozen, the sale" in lines
    assert len(lines) <= 10
    assert (
        summary(run("release", plan=PLAN | {"action": "release"}))[0]
        == "shop: hold is released, deploys go on"
    )
    would = run("release", plan=PLAN | {"action": "release"}, check_mode=True)
    assert (summary(would)[0], outcome(would)) == ("shop: hold would be released, deploys go on", "released")
    nothing = run("release", plan=PLAN | {"action": "unchanged", "reason": "nothing is on hold"})
    assert summary(nothing)[0] == "shop: nothing is on hold, nothing to do"


@pytest.mark.parametrize(("raises", "told"), [(True, ["green: 4 pods, as live has"]), (False, [])])
def test_a_color_that_is_raised_to_what_live_has_is_told(raises: bool, told: list[str]) -> None:
    capacity = {"words": "4 pods, as live has", "raises": raises}
    lines = summary(run(plan=PLAN | {"capacity": capacity}, check_mode=True, swap=SWAP))
    assert [line for line in lines if "pods" in line] == told


def test_what_a_person_is_told_of_a_deploy() -> None:
    assert summary(DEPLOYED) == [
        "shop: 00abcde deployed to green",
        "before: 0012345 on blue",
        "shop-lb: closed port 80 for 84 ms, 443 for 85 ms",
        "took 8.2 s: stage 4.9, checks 0.1, swap 1.1",
        "rollback: to 0012345 on blue",
    ]


def test_what_a_person_is_told_of_a_failure() -> None:
    assert summary(run(wait=FAILED)) == [
        "shop: deploy of 00abcde to green ended as stage_failed",
        "why: it broke",
        "still live: 0012345 on blue",
        "took 8.2 s",
    ]
    assert summary(run(plan={}, failure=FAILED))[0] == "shop: deploy ended as refused"


@pytest.mark.parametrize(
    ("undone", "told"),
    [({"changed": True}, True), ({}, False), (FAILED, False)],
)
def test_that_the_idle_color_was_put_back_is_told(undone: dict[str, Any], told: bool) -> None:
    plan = PLAN | {"releases": {"blue": BLUE, "green": BLUE | {"commit": "0009999"}}}
    lines = summary(run(wait=FAILED, failure=FAILED, plan=plan, undone=undone))
    assert ("green: put back to 0009999" in lines) is told


def test_a_refused_status_is_told_as_one() -> None:
    assert summary(run("status", router={}, plan={}, failure=FAILED))[0] == "shop: status ended as refused"


def test_what_a_person_is_told_of_a_rollback() -> None:
    assert summary(ROLLED_BACK)[0] == "shop: rolled back to 00abcde on green"


def test_what_a_person_is_told_in_check_mode() -> None:
    assert (
        summary(run("rollback", check_mode=True, swap=SWAP))[0] == "shop: would roll back to 00abcde on green"
    )
    assert summary(run(check_mode=True, swap=SWAP))[0] == "shop: 00abcde would be deployed to green"


def test_what_a_person_is_told_when_nothing_was_to_be_done() -> None:
    live = run(plan=PLAN | {"action": "unchanged", "color": "blue", "commit": "0012345"})
    assert summary(live)[0] == "shop: 0012345 is live on blue, nothing to do"


def test_the_status() -> None:
    assert summary(run("status")) == [
        "shop: blue is live",
        "blue: 0012345, proven, ready (2 of 2), node port 30081",
        "green: nothing, node port 30082",
        "shop-lb: 80 -> blue, 9000 -> 30500; health check HTTP:30081/healthz",
        "instances: i-1 InService",
        "drift: none",
        "claim: shop/8c1e",
        "lock: free",
        "rollback: to 0012345 on blue",
    ]


@pytest.mark.parametrize(
    ("green", "line"),
    [
        ({"holder": "legacy/web"}, "green: node port 30082 is held by Service legacy/web"),
        (
            {"images": ["old:1"], "proven": False},
            "green: old:1 (of no deploy), not proven, ready (2 of 2), node port 30082",
        ),
        (
            {"images": ["a:1"], "commit": "00abcde", "rejected": True, "ready": False, "lack": "it is slow"},
            "green: 00abcde, proven, rejected, not ready, it is slow (2 of 2), node port 30082",
        ),
    ],
)
def test_the_status_of_a_color(green: dict[str, Any], line: str) -> None:
    plan = PLAN | {"releases": {"blue": BLUE, "green": GREEN | green}}
    assert summary(run("status", plan=plan))[2] == line


def test_the_status_of_an_odd_router() -> None:
    unknown = dict.fromkeys(("blue", "green"), Target((), "node port unknown"))
    odd = FRONT | {"routes": (), "backends": (), "targets": unknown, "claim": None}
    router = facts(None, drift=mended("tags_missing"), **odd)
    lines = summary(run("status", router=router, plan={"msg": "No route."}))
    assert lines == [
        "shop: no color is live",
        "blue: node port unknown",
        "green: node port unknown",
        "shop-lb: no listeners; health check HTTP:30081/healthz",
        "instances: none",
        "drift: the router is odd (tags_missing)",
        "claim: none",
        "cluster: No route.",
    ]


def test_ten_lines_at_most() -> None:
    for ended in (DEPLOYED, ROLLED_BACK, run("status"), run(wait=FAILED)):
        assert len(summary(ended)) <= 10


HOLD = {
    "holder": "ada@laptop",
    "purpose": "deploy of 00abcde",
    "phase": "stage",
    "since": "2026-01-02T03:04:05Z",
    "until": "2026-01-02T03:09:05Z",
    "over": False,
}


@pytest.mark.parametrize(
    ("hold", "line"),
    [
        (None, "lock: free"),
        (HOLD | {"over": True}, "lock: free"),
        (
            HOLD,
            f"lock: held by ada@laptop for deploy of 00abcde, since {HOLD['since']} (stage), until {HOLD['until']} at the latest",
        ),
    ],
)
def test_the_lock_in_the_status(hold: dict[str, Any] | None, line: str) -> None:
    assert line in summary(run("status", plan=PLAN | {"lock": hold}))


ROW = {
    "commit": "00abcde",
    "color": "green",
    "at": "2026-01-02T03:04:05+00:00",
    "who": "ada@laptop",
    "ended": "deployed",
    "live": True,
    "rollback": False,
    "kept": True,
}


def test_the_list_is_a_table() -> None:
    older = ROW | {"commit": "1", "live": False, "rollback": True, "kept": False}
    assert summary(run("list", plan=PLAN | {"history": [ROW, older]})) == [
        "commit   color  when                       who         ended",
        "00abcde  green  2026-01-02T03:04:05+00:00  ada@laptop  deployed  live",
        "1        green  2026-01-02T03:04:05+00:00  ada@laptop  deployed  a rollback goes here, manifests not kept",
    ]
    assert summary(run("list", plan=PLAN | {"history": []})) == ["shop: the ledger is empty"]


def test_why_there_is_nothing_to_do_is_told() -> None:
    plan = PLAN | {"action": "unchanged", "reason": "0012345 is live: ada has rolled back from 00abcde"}
    told = summary(run("rollback", plan=plan))[0]
    assert told == "shop: 0012345 is live: ada has rolled back from 00abcde, nothing to do"


def test_a_cut_off_swap_in_check_mode() -> None:
    told = summary(run(check_mode=True, plan=PLAN | {"action": "resolve", "color": "blue"}))[0]
    assert told.startswith("shop: the swap that was cut off would be resolved onto blue first")


def test_going_back_after_a_hook_is_told() -> None:
    went = summary(run(failure=FAILED, swap=SWAP, back={"changed": True}))
    assert went[0] == "shop: deploy of 00abcde to green ended as rolled_back"
    assert "shop-lb: went back to 0012345 on blue" in went
    stays = summary(run(failure=FAILED, swap=SWAP, back={"failed": True, "msg": "blue is not ready"}))
    assert "shop-lb: could not go back: blue is not ready" in stays


def test_what_was_staged_retired_shown_and_freed_is_told() -> None:
    after = facts(routes=(route(80, "blue"), route(8081, "green", preview=True)))
    shown = {"changed": True, "before": {}, "after": after}
    lines = [
        summary(ended)[0]
        for ended in (
            run("stage"),
            run("retire", plan=PLAN | {"action": "retire"}),
            run("preview", swap=shown),
            run("unlock", plan={}, unlocked={"changed": True, "taken_from": HOLD}),
            run("unlock", plan={}, unlocked={"changed": False}),
        )
    ]
    assert lines == [
        "shop: 00abcde staged on green, blue stays live",
        "shop: green scaled to zero, blue stays live",
        "shop: green shown at shop.example.com:8081",
        "shop: lock taken from ada@laptop for deploy of 00abcde, since 2026-01-02T03:04:05Z",
        "shop: nobody holds the lock, nothing to do",
    ]


def test_what_ended_nothing_is_told_all_the_same() -> None:
    told = summary(run(failure=FAILED, freed={"msg": "Could not write."}, recorded={"msg": "Forbidden."}))
    assert "lock: Could not write." in told
    assert "ledger: Forbidden." in told


def wanted(run: Run) -> list[str]:
    return [name for name, wanted in recovery(run).items() if wanted]


UNDO = PLAN | {"undo": [{"kind": "Deployment"}]}
HOOK_FAILED = {"failed": True, "msg": "no"}


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (run(plan=UNDO, applied={"changed": True}, wait=FAILED), ["undo", "record"]),
        (run(plan=UNDO, applied=FAILED), ["undo", "record"]),
        (run(plan=UNDO, failure=HOOK_FAILED), ["record"]),
        (run(plan=PLAN, applied={"changed": True}, wait=FAILED), ["record"]),
        # The release is proven: what failed came after it.
        (run(plan=UNDO, applied={"changed": True}, staged={"at": 2.0}, failure=HOOK_FAILED), ["record"]),
        (run(plan=UNDO, applied={"changed": True}, failure=HOOK_FAILED | {"locked": True}), []),
        (run(plan=PLAN | {"commit": None}, failure=HOOK_FAILED), []),
        (run(swap=SWAP, failure=HOOK_FAILED), ["go_back", "record"]),
        (run("switch", swap=SWAP, failure=HOOK_FAILED), ["go_back", "record"]),
        (run("rollback", swap=SWAP, failure=HOOK_FAILED), ["record"]),
        (run("repair", swap=SWAP, failure=HOOK_FAILED), ["record"]),
        (run(swap=SWAP, failure=HOOK_FAILED, on_failure="hold"), ["record"]),
        (run(swap=SWAP, preview=FAILED), ["record"]),
        (run(swap=FAILED), ["record"]),
        (run(swap=SWAP, failure=HOOK_FAILED, plan=PLAN | {"live": None}), ["record"]),
        (run(swap=SWAP, failure=HOOK_FAILED, plan=PLAN | {"live": PLAN["color"]}), ["record"]),
    ],
)
def test_what_is_done_after_a_failure(ended: Run, expected: list[str]) -> None:
    assert wanted(ended) == expected


@pytest.mark.parametrize(
    ("ended", "checks", "swap"),
    [
        (run(checking={"at": 2}, swapping={"at": 3}), 2, 3),
        # The lock was taken for the checks.
        (run(plan=PLAN | {"action": "swap"}, swapping={"at": 3}), 1001.0, 3),
        (run(plan=PLAN | {"action": "swap"}, checking={"at": 2}, swapping={"at": 3}), 2, 3),
        # The mark began the swap.
        (
            run(plan=PLAN | {"steps": [{"do": "mark", "lock": {"phase": "swap"}}]}, staged={"at": 4}),
            None,
            4,
        ),
        (
            run(plan=PLAN | {"steps": [{"do": "mark", "lock": {}}]}, staged={"at": 4}, swapping={"at": 5}),
            None,
            5,
        ),
    ],
)
def test_when_a_phase_began(ended: Run, checks: float | None, swap: float | None) -> None:
    assert (ended.checks_begun.get("at"), ended.swap_begun.get("at")) == (checks, swap)
