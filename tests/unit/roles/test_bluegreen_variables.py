# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role decides on each variable as its argument spec converts it, whatever it was given as."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .evaluation import evaluate

ROOT = Path(__file__).parents[3]
ROLE = ROOT / "roles" / "bluegreen"
PLAYBOOKS = ROOT / "playbooks"
SPEC, DEFAULTS = (
    yaml.safe_load((ROLE / file).read_text()) for file in ("meta/argument_specs.yml", "defaults/main.yml")
)
VARS = {
    name: value
    for file in sorted(ROLE.glob("vars/main/*.yml"))
    for name, value in yaml.safe_load(file.read_text()).items()
}
OPTIONS: dict[str, Any] = SPEC["argument_specs"]["bluegreen"]["options"]
GIVEN = {
    "role_path": str(ROLE),
    "bluegreen_app": "shop",
    "bluegreen_namespace": "store",
    "bluegreen_load_balancer": "front",
    "__bluegreen_plan": {"commit": "0012345", "color": "green"},
}
# What the role's decisions are made of before it has read anything.
DECISIVE = [
    "__bluegreen_load_balancer",
    "__bluegreen_commit",
    "__bluegreen_list_limit",
    "__bluegreen_lock_wait",
    "__bluegreen_smoke_expect",
    "__bluegreen_smoke_path",
    "__bluegreen_app",
    "__bluegreen_aws",
    "__bluegreen_capacity",
    "__bluegreen_color",
    "__bluegreen_container",
    "__bluegreen_env",
    "__bluegreen_env_from",
    "__bluegreen_from",
    "__bluegreen_allow_in_cluster",
    "__bluegreen_allow_local",
    "__bluegreen_claim",
    "__bluegreen_history_limit",
    "__bluegreen_on_failure",
    "__bluegreen_smoke_whom",
    "__bluegreen_unschedulable_grace",
    "__bluegreen_health_check_path",
    "__bluegreen_hooks",
    "__bluegreen_kubernetes",
    "__bluegreen_listeners",
    "__bluegreen_pod",
    "__bluegreen_frozen",
    "__bluegreen_hold_after_rollback",
    "__bluegreen_order",
    "__bluegreen_release",
    "__bluegreen_thaw",
    "__bluegreen_preview_load_balancer",
    "__bluegreen_preview_port",
    "__bluegreen_readiness_path",
    "__bluegreen_ready_timeout",
    "__bluegreen_replace",
    "__bluegreen_result_file",
    "__bluegreen_templates",
]
VALUES = [
    None,
    True,
    0,
    7,
    2.5,
    "7",
    "no",
    "text",
    "/a,/b",
    ["/a"],
    [{"port": 80}],
    {"key": "value"},
    {"after_swap": "/a", "on_failure": None},
    '{"key": {"deep": [1]}}',
    '{"after_swap": ["/a", "/b"]}',
    '["/a", "/b"]',
    '[{"port": 80}]',
    "key=value other=more",
    "{not json",
]
CASES = [(name, value) for name in OPTIONS for value in VALUES]
# What a survey sends of a question that nobody has answered, and what an inventory may say of it.
EMPTY = ["", None]
OPTIONAL = [name for name, option in OPTIONS.items() if not option.get("required")]
# Those that the playbooks set.
OF_THE_PLAY = ["bluegreen_action", "bluegreen_commit"]


def _converted(name: str, value: Any) -> tuple[Any, list[str]]:
    found = ArgumentSpecValidator({name: OPTIONS[name]}).validate(
        {name: value}, validate_role_argument_spec=True
    )
    converted = found.validated_parameters.get(name)
    # Which splits a text at its commas, whatever it is.
    if name == "bluegreen_manifests" and isinstance(value, str) and value.startswith("["):
        converted = [str(each) for each in json.loads(value)]
    return converted, found.error_messages


def _made_of(name: str) -> list[str]:
    """Those of the decisive variables that hang on this one."""
    made: set[str] = {name}
    while more := {each for each, text in VARS.items() if each not in made and _names(text) & made}:
        made |= more
    return [each for each in DECISIVE if each in made]


def _names(text: Any) -> set[str]:
    return set(re.findall(r"\b_*bluegreen_\w+", str(text)))


def _ask(cases: list[dict[str, Any]], **written: Any) -> list[dict[str, Any]]:
    """``written`` are variables whose texts are templates, as in a file of variables."""
    return evaluate({**DEFAULTS, **VARS, **GIVEN, **written}, cases)


@pytest.fixture(scope="module")
def evaluated() -> dict[tuple[str, str], dict[str, Any]]:
    """What the decisive variables come to, by the name and the value that is given to it, as JSON."""
    both = [
        (name, given)
        for name, value in CASES
        for converted, refused in [_converted(name, value)]
        if not refused and json.dumps(value) != json.dumps(converted)
        for given in (value, converted)
    ]
    answers = _ask([{"given": {name: value}, "names": _made_of(name)} for name, value in both])
    keys = [(name, json.dumps(value)) for name, value in both]
    return dict(zip(keys, answers, strict=True))


@pytest.mark.parametrize(("name", "value"), CASES, ids=repr)
def test_each_variable_given_as_anything(
    evaluated: dict[tuple[str, str], dict[str, Any]], name: str, value: Any
) -> None:
    converted, refused = _converted(name, value)
    if refused:
        assert any(name in message for message in refused)
    elif json.dumps(value) != json.dumps(converted):
        assert evaluated[name, json.dumps(value)] == evaluated[name, json.dumps(converted)]


@pytest.fixture(scope="module")
def unfilled() -> dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]:
    """What is made of each variable that is given empty, and of the same where it is not given."""
    names = {name: [*_made_of(name), "__bluegreen_rendering", name] for name in OPTIONAL}
    asked = _ask([{"given": {}, "names": names[name]} for name in OPTIONAL])
    plain = dict(zip(OPTIONAL, asked, strict=True))
    cases = [(name, value) for name in OPTIONAL for value in EMPTY]
    begun = [{"instead": {name: plain[name][name]} if name in DEFAULTS else {}} for name, _value in cases]
    answers = _ask(
        [
            {"given": {"__bluegreen_begun": each, name: value}, "names": names[name]}
            for each, (name, value) in zip(begun, cases, strict=True)
        ]
    )
    return {
        (name, repr(value)): (answer, plain[name])
        for (name, value), answer in zip(cases, answers, strict=True)
    }


@pytest.mark.parametrize("value", EMPTY, ids=repr)
@pytest.mark.parametrize("name", [name for name in OPTIONAL if name not in OF_THE_PLAY])
def test_each_variable_given_empty_is_as_if_it_was_not_given(
    unfilled: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]], name: str, value: Any
) -> None:
    answer, plain = unfilled[name, repr(value)]
    made = _made_of(name)
    assert {each: answer[each] for each in made} == {each: plain[each] for each in made}
    if name in DEFAULTS:
        # A template sees the variables themselves.
        given = {name: answer[name]} | answer["__bluegreen_rendering"]["template_vars"]
        assert given[name] == plain[name]


def test_nothing_but_the_conversion_reads_a_variable_that_may_be_empty() -> None:
    files = [*ROLE.glob("tasks/*.yml"), *ROLE.glob("vars/main/*.yml")]
    read = {
        f"{file.relative_to(ROLE)}: {name}"
        for file in files
        if file.name not in ("given.yml", "rendering.yml")
        for name in re.findall(r"(?<![\w.'])bluegreen_\w+", file.read_text())
        if name in OPTIONAL and name not in OF_THE_PLAY and DEFAULTS.get(name) != ""
    }
    assert read == set()


def test_templates_are_given_what_a_text_means() -> None:
    keys = [{"secretRef": {"name": "keys"}}]
    given_and_texts: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"bluegreen_env": {"A": "{{ bluegreen_color }}"}}, {}),
        ({"bluegreen_env": '{"A": 1}'}, {"bluegreen_env": {"A": 1}}),
        ({"bluegreen_env": "A=1 B=2"}, {"bluegreen_env": {"A": "1", "B": "2"}}),
        ({"bluegreen_pod": {"hostname": "{{ bluegreen_color }}"}, "bluegreen_container": {}}, {}),
        ({"bluegreen_pod": '{"hostname": "a"}'}, {"bluegreen_pod": {"hostname": "a"}}),
        ({"bluegreen_container": "tty=true"}, {"bluegreen_container": {"tty": "true"}}),
        ({"bluegreen_env_from": json.dumps(keys)}, {"bluegreen_env_from": keys}),
    ]
    answers = _ask([{"given": given, "names": ["__bluegreen_texts"]} for given, _texts in given_and_texts])
    assert answers == [{"__bluegreen_texts": texts} for _given, texts in given_and_texts]


def test_what_the_pods_are_to_have_may_name_the_color_and_the_commit() -> None:
    template = "{{ lookup('ansible.builtin.template', role_path ~ '/templates/deployment.yml.j2', template_vars=given) }}"
    [answer] = _ask(
        [{"given": {}, "names": ["rendered"]}],
        bluegreen_pod={"hostname": "{{ bluegreen_app }}-{{ bluegreen_color }}"},
        bluegreen_container={"env": [{"name": "COMMIT", "value": "{{ bluegreen_commit }}"}]},
        rendered=template,
        given={"bluegreen_color": "green", "bluegreen_commit": "0012345"},
    )
    pod = yaml.safe_load(answer["rendered"])["spec"]["template"]["spec"]
    assert pod["hostname"] == "shop-green"
    assert pod["containers"][0]["env"] == [{"name": "COMMIT", "value": "0012345"}]


@pytest.mark.parametrize("commit", ["", "1a1a1a1"])
def test_what_is_expected_of_an_answer_names_the_release_that_is_asked(commit: str) -> None:
    """A rollback or switch is given no commit, and its release is the plan's all the same."""
    [answer] = _ask(
        [{"given": {"bluegreen_commit": commit}, "names": ["__bluegreen_smoke_expect"]}],
        bluegreen_smoke_expect="{{ bluegreen_commit }} on {{ bluegreen_color }}",
    )
    assert answer == {"__bluegreen_smoke_expect": "0012345 on green"}


def test_a_commit_that_a_survey_leaves_empty_is_none_in_every_playbook() -> None:
    """ansible-core 2.19 and later read AWX's empty text as nothing."""
    plays = {file.stem: yaml.safe_load(file.read_text())[0] for file in PLAYBOOKS.glob("*.yml")}
    commits = {
        name: str(play["roles"][0].get("vars", {}).get("bluegreen_commit")) for name, play in plays.items()
    }
    asked = {name: commit for name, commit in commits.items() if re.search(r"\bcommit\b", commit)}
    assert asked.keys() == {"deploy", "rollback", "stage", "status", "switch"}
    answers = _ask([{"given": {"commit": value}, "names": [*asked]} for value in (None, "", 5349)], **asked)
    assert [set(map(json.dumps, answer.values())) for answer in answers] == [{'""'}, {'""'}, {"[5349]"}]
