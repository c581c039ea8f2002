# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import Decision
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import MOMENTS, Release
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.steps import (
    Scene,
    details,
    files,
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
        ("swap", "stage", {}, "check, settle, free"),
        ("swap", "switch", {}, "check, settle, begin_swap, swap, record swapped frees"),
        (
            "swap",
            "rollback",
            {},
            "check, settle, announce, swap, record rolled_back frees",
        ),
        (
            "stage",
            "rollback",
            {},
            "bring_up, check begins, settle, mark, announce, swap, record rolled_back frees",
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
            "bring_up, check begins, settle, mark begins, swap, record swapped, follow, free",
        ),
        ("complete", "rollback", {"follows": True}, "record rolled_back, follow, free"),
        ("stage", "stage", {"follows": True}, "bring_up, check begins, settle, mark frees"),
        (
            "stage",
            "deploy",
            hooked(*MOMENTS),
            (
                "hook before_stage, begin_stage, bring_up, check begins, hook after_stage, settle, "
                "mark, hook before_swap, settle, begin_swap, swap, record swapped, hook after_swap, free"
            ),
        ),
        (
            "scale",
            "switch",
            hooked(*MOMENTS),
            (
                "hook before_stage, begin_stage, scale_up, check begins, settle, "
                "hook before_swap, settle, begin_swap, swap, record swapped, hook after_swap, free"
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
                "bring_up, check begins, settle, mark, "
                "announce, swap, record rolled_back, hook after_rollback, free"
            ),
        ),
        (
            "swap",
            "repair",
            hooked(*MOMENTS),
            "check, settle, begin_swap, swap, record swapped, hook after_swap, free",
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


@pytest.mark.parametrize(
    ("action", "steps"),
    [("unchanged", []), ("resolve", ["look_again"]), ("wait", ["look_again"]), ("retire", ["retire"])],
)
@pytest.mark.parametrize("goal", GOALS)
def test_what_moves_no_traffic(goal: str, action: str, steps: list[str]) -> None:
    assert told(action, goal, **hooked(*MOMENTS)) == steps


def test_a_lock_that_was_waited_for_is_freed_where_nothing_is_left_to_do() -> None:
    assert told("unchanged", locked=True) == ["free"]


@pytest.mark.parametrize(
    ("scene", "steps"),
    [
        ({"shows": True}, ["preview"]),
        ({"follows": True}, ["follow"]),
        ({"shows": True, "follows": True}, ["preview", "follow"]),
    ],
)
def test_a_preview_takes_no_lock(scene: dict[str, Any], steps: list[str]) -> None:
    assert told("preview", "preview", **scene) == steps
    assert lock_taken(Decision("preview", "blue", NEW), Scene("preview", "blue", **scene)) is None


def in_files(action: str, goal: str, **scene: Any) -> list[str]:
    taken = steps(Decision(action, "green", NEW), Scene(goal, "blue", **scene))
    return [each.get("moment", each["file"]) for each in files(taken)]


@pytest.mark.parametrize(
    ("action", "goal", "scene", "expected"),
    [
        ("stage", "deploy", {}, ["deploy"]),
        ("stage", "stage", {}, ["stage"]),
        ("swap", "switch", {}, ["switch"]),
        ("swap", "rollback", {}, ["rollback"]),
        ("stage", "rollback", {}, ["stage", "announce", "swap", "record"]),
        ("stage", "deploy", {"follows": True}, ["deploy", "follow", "free"]),
        ("stage", "deploy", {"smoke": False}, ["bring_up", "settle", "mark", "swap", "record"]),
        (
            "stage",
            "deploy",
            hooked("before_swap"),
            ["stage", "before_swap", "settle", "begin_swap", "swap", "record"],
        ),
        ("retire", "retire", {}, ["retire"]),
    ],
)
def test_the_files_of_the_role_that_do_them(
    action: str, goal: str, scene: dict[str, Any], expected: list[str]
) -> None:
    assert in_files(action, goal, **scene) == expected


TASKS = Path(__file__).parents[5] / "roles" / "bluegreen" / "tasks"


def verbs(file: str) -> list[str]:
    """The files that a file of the role imports, one after the other."""
    tasks = yaml.safe_load((TASKS / f"{file}.yml").read_text())
    return [task["ansible.builtin.import_tasks"].removesuffix(".yml") for task in tasks]


@pytest.mark.parametrize("file", ["deploy", "stage", "switch", "rollback"])
def test_a_file_does_its_steps(file: str) -> None:
    goal, action = {"deploy": ("deploy", "stage"), "stage": ("stage", "stage")}.get(file, (file, "swap"))
    taken = steps(Decision(action, "green", NEW), Scene(goal, "blue"))
    assert in_files(action, goal) == [file]
    assert verbs(file) == [step["do"] for step in taken]


def test_each_step_has_a_file() -> None:
    flags = list(product([True, False], repeat=5))
    for goal, action, (smoke, settles, follows, shows, locked) in product(
        (*GOALS, "preview"), ACTIONS, flags
    ):
        scene = Scene(goal, "blue", smoke, settles, follows, shows, locked, MOMENTS)
        for each in files(steps(Decision(action, "green", NEW), scene)):
            assert (TASKS / f"{each['file']}.yml").is_file()


def test_each_step_is_told_what_it_needs() -> None:
    taken = steps(Decision("stage", "green", NEW), Scene("deploy", "blue"))
    assert details(taken)["mark"] == {"lock": {"phase": "swap", "seconds": 120}, "frees": False}
    assert details(taken)["record"] == {"event": "swapped", "frees": True}


def test_what_is_live_already_is_not_recorded_as_moved() -> None:
    scene = Scene("repair", "green")
    onto_live = steps(Decision("swap", "green", NEW), scene)
    assert "record" not in [step["do"] for step in onto_live]
    assert "record" in [step["do"] for step in steps(Decision("swap", "blue", NEW), scene)]


def test_a_release_of_no_deploy_is_not_recorded() -> None:
    taken = steps(Decision("swap", "green", None), Scene("switch", "blue"))
    assert [step["do"] for step in taken] == ["check", "settle", "begin_swap", "swap", "free"]


@pytest.mark.parametrize(("goal", "action"), list(product(GOALS, ACTIONS)))
def test_what_holds_for_all_of_them(goal: str, action: str) -> None:
    """In whatever situation: traffic moves once, in its own phase of the lock, behind everything that proves."""
    flags = list(product([True, False], repeat=4))
    for (smoke, settles, follows, locked), moments in product(flags, [(), MOMENTS, ("before_swap",)]):
        scene = Scene(goal, "blue", smoke, settles, follows, False, locked, moments)
        taken = steps(Decision(action, "green", NEW), scene)
        done = [step["do"] for step in taken]
        begins = ["begin_swap" in done, "announce" in done, any(step.get("lock") for step in taken)]
        assert sum(begins) == done.count("swap") <= 1
        freeing = [bool(step.get("frees") or step["do"] == "free") for step in taken]
        assert sum(freeing) == (
            action in ("stage", "scale", "swap", "complete") or (locked and action == "unchanged")
        )
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
