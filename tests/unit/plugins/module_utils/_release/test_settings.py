# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was typed wrongly is told in a sentence with the nearest right name, and shows no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.settings import (
    check_settings,
    why_nothing,
)

_FILE = Path(__file__).parents[5] / "roles" / "bluegreen" / "meta" / "argument_specs.yml"
[_ENTRY] = yaml.safe_load(_FILE.read_text())["argument_specs"].values()
SPEC: dict[str, Any] = _ENTRY["options"]
GIVEN = {
    "bluegreen_action": "deploy",
    "bluegreen_app": "shop",
    "bluegreen_namespace": "web",
    "bluegreen_load_balancer": "front",
    "bluegreen_commit": "4f2a91c",
}


def told(names: list[str] | None = None, **values: Any) -> str:
    """What is said of these variables beside the good ones; None takes one of those away."""
    given = {name: value for name, value in {**GIVEN, **values}.items() if value is not None}
    try:
        check_settings(SPEC, [*given, *(names or [])], given)
    except InputError as error:
        return error.message
    return ""


def test_what_is_good_is_not_talked_of() -> None:
    assert told() == ""
    assert told(["bluegreen_result", "bluegreen_hook", "bluegreen_color"]) == ""
    assert (
        told(bluegreen_replicas="3", bluegreen_env='{"A": 1}', bluegreen_lock_wait="", bluegreen_claim="yes")
        == ""
    )


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (
            ["bluegreen_imgae"],
            {},
            "The role has no variable bluegreen_imgae; the nearest is bluegreen_image.",
        ),
        (
            ["bluegreen_xyzzy_q"],
            {},
            "The role has no variable bluegreen_xyzzy_q: `ansible-doc -t role octoblu.bluegreen.bluegreen` shows those it has.",
        ),
        (
            [],
            {"bluegreen_app": None},
            "bluegreen_app is not given: set it for the host in the inventory, or in a file that you give with -e @file.yml.",
        ),
        (
            [],
            {"bluegreen_app": "", "bluegreen_namespace": None, "bluegreen_load_balancer": {}},
            (
                "bluegreen_app, bluegreen_namespace and bluegreen_load_balancer are not given: set them for the host in the "
                "inventory, or in a file that you give with -e @file.yml."
            ),
        ),
        # Whoever wrote a name wrongly has not forgotten it.
        (
            ["bluegreen_ap"],
            {"bluegreen_app": None},
            "The role has no variable bluegreen_ap; the nearest is bluegreen_app.",
        ),
        ([], {"bluegreen_replicas": "two"}, "bluegreen_replicas has to be a whole number, and is 'two'."),
        ([], {"bluegreen_claim": "perhaps"}, "bluegreen_claim has to be yes or no, and is 'perhaps'."),
        ([], {"bluegreen_env": "hunter2"}, "bluegreen_env has to be a dictionary, and is a text."),
        (
            [],
            {"bluegreen_env_from": ["hunter2"]},
            "bluegreen_env_from has to be a list of which each is a dictionary, and is a list.",
        ),
        (
            [],
            {"bluegreen_on_failure": "rolback"},
            "bluegreen_on_failure is 'rolback', and has to be one of rollback, hold; the nearest is rollback.",
        ),
        (
            [],
            {"bluegreen_list_limit": "-3"},
            "bluegreen_list_limit is -3; it is how many runs are shown, 0 for all.",
        ),
        ([], {"bluegreen_commit": ""}, "No commit was given: say which with -e commit=<commit>."),
        ([], {"bluegreen_action": "status", "bluegreen_commit": ""}, ""),
    ],
)
def test_what_is_wrong(names: list[str], values: dict[str, Any], message: str) -> None:
    assert told(names, **values) == message


def test_it_is_short_whatever_is_wrong() -> None:
    names = [f"bluegreen_no_such_thing_{number}" for number in range(9)]
    message = told(names, bluegreen_replicas="x" * 500, bluegreen_app=None)
    assert message.endswith(" And 8 more like it.")
    assert len(message) < 400


@pytest.mark.parametrize(
    ("push", "why"),
    [
        (None, ""),
        ("", ""),
        ({}, ""),
        ({"ref": "refs/heads/main", "after": "4f2a91c"}, ""),
        ({"ref": "refs/heads/topic", "after": "4f2a91c"}, "refs/heads/topic was pushed, not refs/heads/main"),
        (
            '{"ref": "refs/heads/topic", "after": "4f2a91c"}',
            "refs/heads/topic was pushed, not refs/heads/main",
        ),
        ({"zen": "Design for failure."}, "the webhook tells of no push"),
    ],
)
def test_a_push_is_read_as_it_was_given(push: Any, why: str) -> None:
    assert why_nothing({"bluegreen_push": push, "bluegreen_branch": "main"}) == why
    # What needs no deploy needs no commit.
    assert bool(told(bluegreen_push=push, bluegreen_branch="main", bluegreen_commit="")) is (why == "")


def test_a_push_that_is_none_is_refused() -> None:
    assert told(bluegreen_push="topic") == "bluegreen_push has to be a dictionary, and is a text."
