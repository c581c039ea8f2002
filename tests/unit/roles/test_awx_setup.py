# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role that sets AWX up asks of people and tells them, without an AWX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.octoblu.bluegreen.plugins.action.awx_object import texts_under, told

ROLE = Path(__file__).parents[3] / "roles" / "awx_setup"


class _Loader(yaml.SafeLoader):
    """What is marked as unsafe is a text."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
DEFAULTS, VARS, SPECS = (
    yaml.load((ROLE / file).read_text(), _Loader)
    for file in ("defaults/main.yml", "vars/main.yml", "meta/argument_specs.yml")
)
OPTIONS = SPECS["argument_specs"]["awx_setup"]["options"]


def test_every_option_is_documented_and_has_its_default() -> None:
    assert set(OPTIONS) == set(DEFAULTS)
    plain = {name: value for name, value in DEFAULTS.items() if "{{" not in str(value)}
    assert {name: OPTIONS[name]["default"] for name in plain} == plain
    assert all(option["description"] for option in OPTIONS.values())


def test_every_variable_carries_the_roles_name() -> None:
    assert [name for name in DEFAULTS if not name.startswith("awx_setup_")] == []
    assert [name for name in VARS if not name.startswith("__awx_setup_")] == []


# What is asked on launch


@pytest.fixture(scope="module")
def asked() -> list[dict[str, dict[str, Any]]]:
    """The questions without an application, with one, and with two."""
    cases = [{}, {"shop": {}}, {"shop": {}, "blog": None}]
    given = {
        "variables": {**DEFAULTS, **VARS},
        "cases": [
            {"given": {"awx_setup_applications": case}, "names": ["__awx_setup_questions"]} for case in cases
        ],
    }
    ran = subprocess.run(
        [sys.executable, Path(__file__).with_name("evaluating.py")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [each["__awx_setup_questions"] for each in json.loads(ran.stdout)]


def _of(question: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(question[each] for each in ("type", "choices", "default", "required"))


def test_whoever_changes_something_names_an_application_unless_there_is_one(
    asked: list[dict[str, dict[str, Any]]],
) -> None:
    assert [_of(each["application"]) for each in asked] == [
        ("text", [], "", True),
        ("multiplechoice", ["shop"], "shop", False),
        ("multiplechoice", ["shop", "blog"], "", True),
    ]


def test_all_are_shown_unless_one_is_named(asked: list[dict[str, dict[str, Any]]]) -> None:
    assert [_of(each["any_application"]) for each in asked] == [
        ("text", ["all"], "all", False),
        ("multiplechoice", ["all", "shop"], "all", False),
        ("multiplechoice", ["all", "shop", "blog"], "all", False),
    ]


def test_a_commit_is_needed_only_where_there_is_no_other_way_to_know_it(
    asked: list[dict[str, dict[str, Any]]],
) -> None:
    for questions in asked:
        assert {
            name: (question["required"], question["min"])
            for name, question in questions.items()
            if question["variable"] == "commit"
        } == {"commit": (True, 1), "staged_commit": (False, 0), "earlier_commit": (False, 0)}


# What people are told


def _rendered(text: str, **context: Any) -> str:
    """As AWX does it: awx/main/models/notifications.py, where what is not there is nothing."""
    return ImmutableSandboxedEnvironment(undefined=Undefined).from_string(text).render(**context)


JOB = {"id": 12, "name": "Bluegreen Deploy", "status": "failed"}
REFUSED = {
    "outcome": "refused",
    "reason": "the image\nis not there",
    "next": "push the image",
}
SERVES = {"outcome": "deployed", "reason": None, "next": None}


@pytest.mark.parametrize(
    ("artifacts", "told"),
    [
        (
            {"artifacts": {"bluegreen_result": {"shop": REFUSED, "blog": SERVES}}},
            "; shop refused: the image is not there; next: push the image; blog deployed",
        ),
        ({"artifacts": {}}, ""),
        # A workflow has none, and those of a job may be hidden.
        ({}, ""),
        ({"artifacts": "$hidden due to Ansible no_log flag$"}, ""),
    ],
    ids=["results", "no result", "a workflow", "hidden"],
)
@pytest.mark.parametrize("event", ["success", "error"])
def test_a_notification_tells_how_it_ended_and_what_to_do(
    event: str, artifacts: dict[str, Any], told: str
) -> None:
    assert VARS["__awx_setup_messages"][event]["message"] == "{{ __awx_setup_ended }}"
    message = _rendered(
        VARS["__awx_setup_ended"], job={**JOB, **artifacts}, job_friendly_name="Job", url="https://awx/#/12"
    )
    assert message == f"Job 12, Bluegreen Deploy: failed{told}; https://awx/#/12"


def test_an_approver_is_shown_the_plan_of_each_application() -> None:
    plans = {
        "shop": {"text": ["Plan: shop 1a1a1a1 (live) -> 2b2b2b2 on green", "image:   shop:2b2b2b2"]},
        "blog": {"text": ["Plan: blog"]},
    }
    template = VARS["__awx_setup_context_template"]
    assert _rendered(template, bluegreen_plan=plans) == (
        "Plan: shop 1a1a1a1 (live) -> 2b2b2b2 on green\nimage:   shop:2b2b2b2\nPlan: blog"
    )
    assert _rendered(template) == ""


# What the collection's modules say


@pytest.mark.parametrize(
    ("msg", "advice"),
    [
        (
            "Invalid authentication credentials for /api/v2/organizations/ (HTTP 401).",
            "Set CONTROLLER_OAUTH_TOKEN",
        ),
        ("You don't have permission to POST to /api/v2/organizations/ (HTTP 403).", "Use a token of"),
        (
            "Unable to create job_template: {'playbook': ['Playbook not found for project.']}",
            "Synchronize the project",
        ),
        ("something else", ""),
    ],
)
def test_a_refusal_names_what_it_was_about_and_what_to_do(msg: str, advice: str) -> None:
    sentence = told("job_template", {"name": "Bluegreen Deploy"}, "https://awx.example.com", msg)
    assert sentence.startswith(f'job_template "Bluegreen Deploy" at https://awx.example.com: {msg}')
    assert advice in sentence
    assert sentence == sentence.strip()


def test_what_is_secret_is_found_at_any_depth() -> None:
    tree = {
        "name": "a",
        "configuration": {"token": "b", "list": [{"password": "c"}], "port": 25},
        "password": "",
    }
    assert list(texts_under(tree, ("token", "password"))) == ["b", "c"]
