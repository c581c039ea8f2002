# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role that sets AWX up asks of people and tells them, without an AWX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.octoblu.bluegreen.plugins.action.awx_object import texts_under, told

from .evaluation import evaluate

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


def _evaluated(given: list[dict[str, Any]], **written: Any) -> list[dict[str, Any]]:
    """What the role's questions and what is ``written`` come to, with each of these settings."""
    names = ["__awx_setup_questions", *written]
    cases = [{"given": case, "names": names} for case in given]
    return evaluate({**DEFAULTS, **VARS, **written}, cases)


@pytest.fixture(scope="module")
def asked() -> list[dict[str, dict[str, Any]]]:
    """The questions without an application, with one, and with two."""
    cases: list[dict[str, Any]] = [{}, {"shop": {}}, {"shop": {}, "blog": None}]
    answers = _evaluated([{"awx_setup_applications": case} for case in cases])
    return [each["__awx_setup_questions"] for each in answers]


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


# What is made only where it is asked for

CREDENTIALS = yaml.safe_load((ROLE / "tasks" / "credentials.yml").read_text())
WEBHOOK = yaml.safe_load((ROLE / "tasks" / "settings.yml").read_text())[2]["ansible.builtin.assert"]["that"]
KEYS = {"awx_setup_aws_access_key": "AKIA", "awx_setup_kubernetes_host": "https://kubernetes.example.com"}
PUSHED = {"awx_setup_webhook_service": "github", "awx_setup_applications": {"shop": {}, "blog": {}}}


def test_a_credential_is_made_of_keys_that_are_given_and_used_when_it_is_there() -> None:
    cases: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "nothing": ({}, [False, False, []]),
        "keys": (KEYS, [True, True, ["Bluegreen AWS", "Bluegreen Kubernetes"]]),
        "one there": (
            {**KEYS, "awx_setup_aws_credential": "ours"},
            [False, True, ["ours", "Bluegreen Kubernetes"]],
        ),
    }
    answers = _evaluated(
        [given for given, _told in cases.values()],
        aws=f"{{{{ {CREDENTIALS[0]['when']} }}}}",
        kubernetes=f"{{{{ {CREDENTIALS[1]['when']} }}}}",
        used="{{ __awx_setup_credentials }}",
    )
    assert [[each["aws"], each["kubernetes"], each["used"]] for each in answers] == [
        told for _given, told in cases.values()
    ]


def test_a_push_needs_an_application() -> None:
    named = {"awx_setup_webhook_application": "shop"}
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"awx_setup_webhook_service": "github"}, False),
        ({"awx_setup_webhook_service": "github", **named}, True),
        ({"awx_setup_webhook_service": "github", "awx_setup_applications": {"shop": {}}}, True),
        (PUSHED, False),
        ({**PUSHED, **named}, True),
        ({**PUSHED, "awx_setup_webhook_application": "other"}, False),
    ]
    answers = _evaluated([given for given, _told in cases], fits=f"{{{{ {WEBHOOK} }}}}")
    assert [each["fits"] for each in answers] == [told for _given, told in cases]


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
