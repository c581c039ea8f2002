# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import Decision
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import MOMENTS, Release
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.steps import (
    Scene,
    lock_taken,
    steps,
)

NEW = Release("0000002", "m2")
GOALS = ("deploy", "stage", "switch", "rollback", "repair", "retire")
ACTIONS = ("unchanged", "swap", "stage", "scale", "resolve", "complete", "retire", "wait")


def told(action: str, goal: str = "deploy", **scene: Any) -> list[str]:
    """The steps in a word each: what is done, with its moment, event or what it begins and frees."""
    taken = steps(Decision(action, "green", NEW), Scene(goal, "blue", **scene))
    words = []
    for step in taken:
        more = [step[key] for key in ("moment", "event") if key in step]
        more += ["begins"] if step.get("begins") or step.get("lock") else []
        more += ["frees"] if step.get("frees") else []
        words.append(" ".join([step["do"], *more]))
    return words


def hooked(*moments: str) -> dict[str, Any]:
    return {"moments": moments}


@pytest.mark.parametrize(
    ("action", "goal", "scene", "expected"),
    [
        (
            "stage",
            "deploy",
            {},
            "bring_up, check begins, settle, mark begins, swap, record swapped frees",
        ),
        ("swap", "deploy", {}, "check, settle, begin_swap, swap, record swapped frees"),
        (
            "scale",
            "deploy",
            {},
            "scale_up, check begins, settle, begin_swap, swap, record swapped frees",
        ),
        ("stage", "stage", {}, "bring_up, check begins, settle, mark frees"),
        ("swap", "stage", {}, "check, settle"),
        ("swap", "switch", {}, "check, settle, begin_swap, swap, record swapped frees"),
        (
            "swap",
            "rollback",
            {},
            "announce, check, settle, begin_swap, swap, record rolled_back frees",
        ),
        (
            "stage",
            "rollback",
            {},
            "announce, bring_up, check begins, settle, mark begins, swap, record rolled_back frees",
        ),
        ("complete", "rollback", {}, "record rolled_back frees"),
        ("swap", "repair", {}, "check, settle, begin_swap, swap, record swapped frees"),
        # The lock was waited for, so its phase is not known to be that of the checks.
        (
            "swap",
            "deploy",
            {"locked": True},
            "check begins, settle, begin_swap, swap, record swapped frees",
        ),
        (
            "stage",
            "deploy",
            {"smoke": False, "settles": False},
            "bring_up, mark begins, swap, record swapped frees",
        ),
        (
            "stage",
            "deploy",
            {"follows": True},
            "bring_up, check begins, settle, mark begins, swap, record swapped, follow",
        ),
        ("complete", "rollback", {"follows": True}, "record rolled_back, follow"),
        ("stage", "stage", {"follows": True}, "bring_up, check begins, settle, mark frees"),
        (
            "stage",
            "deploy",
            hooked(*MOMENTS),
            (
                "hook before_stage, begin_stage, bring_up, check begins, hook after_stage, settle, "
                "mark, hook before_swap, settle, begin_swap, swap, record swapped, hook after_swap"
            ),
        ),
        (
            "scale",
            "switch",
            hooked(*MOMENTS),
            (
                "hook before_stage, begin_stage, scale_up, check begins, settle, "
                "hook before_swap, settle, begin_swap, swap, record swapped, hook after_swap"
            ),
        ),
        (
            "stage",
            "stage",
            hooked(*MOMENTS),
            "hook before_stage, begin_stage, bring_up, check begins, hook after_stage, settle, mark frees",
        ),
        (
            "stage",
            "rollback",
            hooked(*MOMENTS),
            (
                "announce, bring_up, check begins, settle, "
                "mark begins, swap, record rolled_back, hook after_rollback"
            ),
        ),
        (
            "swap",
            "repair",
            hooked(*MOMENTS),
            "check, settle, begin_swap, swap, record swapped, hook after_swap",
        ),
        (
            "stage",
            "deploy",
            hooked("before_swap") | {"settles": False},
            "bring_up, check begins, mark, hook before_swap, begin_swap, swap, record swapped frees",
        ),
    ],
)
def test_the_steps(action: str, goal: str, scene: dict[str, Any], expected: str) -> None:
    assert ", ".join(told(action, goal, **scene)) == expected


@pytest.mark.parametrize("action", ["unchanged", "resolve", "retire", "wait"])
@pytest.mark.parametrize("goal", GOALS)
def test_what_is_not_carried_out_has_no_steps(action: str, goal: str) -> None:
    assert told(action, goal, **hooked(*MOMENTS)) == []


def test_what_is_live_already_is_not_recorded_as_moved() -> None:
    scene = Scene("repair", "green")
    onto_live = steps(Decision("swap", "green", NEW), scene)
    assert "record" not in [step["do"] for step in onto_live]
    assert "record" in [step["do"] for step in steps(Decision("swap", "blue", NEW), scene)]


def test_a_release_of_no_deploy_is_not_recorded() -> None:
    taken = steps(Decision("swap", "green", None), Scene("switch", "blue"))
    assert [step["do"] for step in taken] == ["check", "settle", "begin_swap", "swap"]


@pytest.mark.parametrize(("goal", "action"), list(product(GOALS, ACTIONS)))
def test_what_holds_for_all_of_them(goal: str, action: str) -> None:
    """In whatever situation: traffic moves once, in its own phase of the lock, behind everything that proves."""
    flags = list(product([True, False], repeat=4))
    for (smoke, settles, follows, locked), moments in product(flags, [(), MOMENTS, ("before_swap",)]):
        scene = Scene(goal, "blue", smoke, settles, follows, locked, moments)
        taken = steps(Decision(action, "green", NEW), scene)
        done = [step["do"] for step in taken]
        begins = ["begin_swap" in done, any(step.get("lock") for step in taken)]
        assert sum(begins) == done.count("swap") <= 1
        assert sum(bool(step.get("frees")) for step in taken) <= 1
        if "swap" in done:
            swap = done.index("swap")
            proving = {"bring_up", "scale_up", "check", "settle", "mark"}
            assert not proving & set(done[swap:])
            assert settles == ("settle" in done[:swap])
            hooks = [step["moment"] for step in taken[:swap] if step["do"] == "hook"]
            assert not {"after_swap", "after_rollback"} & set(hooks)
        # Whatever hooks did to the color between, it is ready right before.
        if settles and "before_swap" in [step.get("moment") for step in taken]:
            place = [step.get("moment") for step in taken].index("before_swap")
            assert done[place + 1] == "settle"


def test_how_the_lock_is_taken() -> None:
    scene = Scene("deploy", "blue", ready_timeout=60)
    assert lock_taken(Decision("swap", "green", NEW), scene) == {
        "phase": "checks",
        "seconds": 120,
        "take_from": [],
        "wait": 0,
    }
    assert lock_taken(Decision("stage", "green", NEW), scene) == {
        "phase": "stage",
        "seconds": 180,
        "take_from": [],
        "wait": 0,
    }
    for goal in ("rollback", "repair"):
        taken = lock_taken(Decision("stage", "green", NEW), replace(scene, goal=goal))
        assert (taken["take_from"], taken["wait"]) == (["stage", "checks", "hook"], 150)


def test_a_swap_that_watches_what_is_in_service_has_the_lock_for_as_long() -> None:
    scene = Scene("rollback", "blue", watch=95)
    assert scene.lock_seconds["swap"] == 215
    assert lock_taken(Decision("swap", "green", NEW), scene)["wait"] == 245
    marks = steps(Decision("stage", "green", NEW), replace(scene, goal="deploy"))
    assert [step["lock"]["seconds"] for step in marks if step["do"] == "mark"] == [215]
