from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import (
    Returned,
    Run,
    changed_objects,
    hook,
    idle,
    judges,
    lost_lock,
    outcome,
    reason,
    recovery,
    result,
)

from ..runs import DEPLOYED, FAILED, PLAN, ROLLED_BACK, SWAP, WATCHED, run
from ..some_router import facts


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
        (run(swap=WATCHED), "deployed"),
        (run(swap=WATCHED, back={"changed": True}), "rolled_back"),
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
        (run(failure=FAILED, smoke={"at": 1, "elapsed": 0}, wait=FAILED), "stage_failed"),
        (run(failure=FAILED, staged={"at": 2}, wait=FAILED), "check_failed"),
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
        "plan": None,
        "reason": None,
        "next": None,
    }


APPROVAL = {"color": "green", "commit": "00abcde", "fingerprint": "0011"}
CHECKED: dict[str, Any] = PLAN | {
    "approval": APPROVAL,
    "images": ["shop:00abcde"],
    "objects": [{"kind": "Service", "metadata": {"name": "shop-green"}}],
    "difference": None,
    "last_gap_ms": 158,
    "capacity": {"words": "2 pods, as live has"},
}


def test_a_check_tells_what_can_be_approved() -> None:
    planned = result(run(check_mode=True, plan=CHECKED))["plan"]
    assert planned == {
        **APPROVAL,
        "does": "stage",
        "images": ["shop:00abcde"],
        "changes": ["Service shop-green (new)"],
        "gap_ms": 158,
        "pods": "2 pods, as live has",
        "rollback": CHECKED["rollback"],
    }


@pytest.mark.parametrize(
    "other",
    [
        run(plan=CHECKED),
        run("rollback", check_mode=True, plan=CHECKED),
        run(check_mode=True, plan=CHECKED, failure=FAILED),
        run(check_mode=True, plan={}),
    ],
)
def test_nothing_else_leaves_a_plan(other: Run) -> None:
    assert result(other)["plan"] is None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": 1}, {"a": 2}, "Service shop-<color>"),
        ({}, {"a": 2}, "Service shop-<color> (new)"),
        ({"a": 1}, {}, "Service shop-<color> (gone)"),
    ],
)
def test_what_differs_from_live_is_named(before: Returned, after: Returned, told: str) -> None:
    difference = [{"after_header": "Service shop-<color>", "before": before, "after": after}]
    assert changed_objects(CHECKED | {"difference": difference}) == [told]


def test_the_result_of_a_rollback_has_no_stage() -> None:
    assert result(ROLLED_BACK)["seconds"] == {"stage": None, "checks": 0.5, "swap": 4.7, "total": 8.2}


def test_a_phase_whose_end_failed_is_not_over() -> None:
    failed = run(smoke={"at": 1006.5, "elapsed": 0.5}, staged=FAILED | {"at": 1007.0})
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


def test_whether_somebody_else_has_the_lock() -> None:
    assert [
        lost_lock(run(**parts)) for parts in ({}, {"wait": FAILED}, {"wait": FAILED | {"locked": True}})
    ] == [False, False, True]
    assert lost_lock(run(wait=FAILED, undone=FAILED | {"locked": True}))


def test_nothing_that_the_application_said_is_in_the_result() -> None:
    talkative = FAILED | {
        "msg": "answered 500: hunter2",
        "cause": "answered 500",
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


UNDO = PLAN | {"undo": [{"kind": "Deployment"}]}
HOOK_FAILED = {"failed": True, "msg": "no"}


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (run(plan=UNDO, applied={"changed": True}, wait=FAILED), ["undo", "record_failure"]),
        (run(plan=UNDO, applied=FAILED), ["undo", "record_failure"]),
        (run(plan=UNDO, failure=HOOK_FAILED), ["record_failure"]),
        (run(plan=PLAN, applied={"changed": True}, wait=FAILED), ["record_failure"]),
        # The release is proven: what failed came after it.
        (
            run(plan=UNDO, applied={"changed": True}, staged={"at": 2.0}, failure=HOOK_FAILED),
            ["record_failure"],
        ),
        (run(plan=UNDO, applied={"changed": True}, failure=HOOK_FAILED | {"locked": True}), []),
        (run(plan=PLAN | {"commit": None}, failure=HOOK_FAILED), []),
        (run(swap=SWAP, failure=HOOK_FAILED), ["go_back", "record_failure"]),
        (run("switch", swap=SWAP, failure=HOOK_FAILED), ["go_back", "record_failure"]),
        (run("rollback", swap=SWAP, failure=HOOK_FAILED), ["record_failure"]),
        (run("repair", swap=SWAP, failure=HOOK_FAILED), ["record_failure"]),
        (run(swap=SWAP, failure=HOOK_FAILED, on_failure="hold"), ["record_failure"]),
        (run(swap=SWAP, preview=FAILED), ["record_failure"]),
        (run(swap=FAILED), ["record_failure"]),
        # Instances fell out of service behind it.
        (run(swap=WATCHED), ["go_back", "record_failure"]),
        (run(swap=WATCHED, on_failure="hold"), ["record_failure"]),
        (run(swap=SWAP, failure=HOOK_FAILED, plan=PLAN | {"live": None}), ["record_failure"]),
        (run(swap=SWAP, failure=HOOK_FAILED, plan=PLAN | {"live": PLAN["color"]}), ["record_failure"]),
        (
            run(swap=SWAP, failure=HOOK_FAILED, plan=PLAN | {"told": {"follow": {}}}),
            ["go_back", "follow", "record_failure"],
        ),
        (run(plan={}, failure=HOOK_FAILED, hooked=True), ["hook"]),
        (run(plan=UNDO, applied=FAILED, hooked=True), ["undo", "record_failure", "hook"]),
    ],
)
def test_what_is_done_after_a_failure(ended: Run, expected: list[str]) -> None:
    assert [each["file"] for each in recovery(ended)] == expected


@pytest.mark.parametrize(
    ("ended", "checks", "swap"),
    [
        (run(smoke={"at": 2.5, "elapsed": 0.5}, swapping={"at": 3}), 2, 3),
        (run(smoke=FAILED | {"at": 2.5, "elapsed": 0.5}, swapping={"at": 3}), 2, 3),
        # The lock was taken for the checks.
        (run(plan=PLAN | {"action": "swap"}, swapping={"at": 3}), 1001.0, 3),
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
    assert (ended.checks_begun, ended.swap_begun.get("at")) == (checks, swap)
