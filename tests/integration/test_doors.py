"""Both doors into a module are asked the same questions, and nobody can tell which one answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asking import DOORS, Answers, Question, ask, comparable, doors
from conftest import Once
from settings import Settings

PROBE = "bluegreen_test.doors.probe"
_PROGRESS = re.compile(r"\[\w+\] \w+ with ")
_VAULT_PASSWORD = "sesame"
# "open-sesame" under that password.
_VAULTED = """\
word: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  36363364323666356330663832363461383135666162653935636263656364353538393930303537
  3565646265613761366537303433353363336564653963390a366636343065343830343666386132
  30643866333735346235623338636532646631353431613331303566616465363937323664323264
  6261303032346131310a336165373132663337373864393736386462623835663332303265386434
  3730
"""


def probe(name: str, *, play: Mapping[str, Any] | None = None, door: str = "action", **task: Any) -> Question:
    """A question to the probe: ``args`` are its own, everything else is a task's keyword."""
    arguments = task.pop("args", {})
    return Question(name, {PROBE: arguments, **task}, play or {}, door)


QUESTIONS = [
    probe("nothing"),
    probe(
        "types",
        args={
            "number": "7",
            "names": "a,b",
            "anything": {
                "list": [1, 2.5, None, True, "ü"],
                "day": "{{ '2026-01-02' | to_datetime('%Y-%m-%d') }}",
            },
            "text": 12,
            "path": "~/x",
            "nested": [{"name": "n", "length": "3"}],
            "mapping": "a=1 b=2",
        },
    ),
    probe(
        "templated",
        args={"text": "{{ inventory_hostname }}", "anything": "{{ [1, {'a': omit | default(2)}] }}"},
    ),
    probe("left out", args={"text": "{{ omit }}", "number": 3}),
    probe("boolean words", args={"flag": "yes"}),
    probe("alias", args={"act": "echo"}),
    probe("alias twice", args={"act": "echo", "do": "echo"}),
    probe("alias of an option within", args={"nested": [{"name": "n", "size": 1, "length": 2}]}),
    probe("deprecated", args={"old": "x"}),
    probe("from the environment"),
    probe("unsupported", args={"nonsense": 1, "do": "echo"}),
    probe("unsupported within", args={"nested": [{"name": "n", "colour": 1}]}),
    probe("missing within", args={"nested": [{"size": 1}]}),
    probe("wrong number", args={"number": "seven"}),
    probe("wrong boolean", args={"flag": "maybe"}),
    probe("wrong list", args={"nested": "text"}),
    probe("wrong choice", args={"do": "dance"}),
    probe("exclusive", args={"number": 1, "flag": True}),
    probe("required if", args={"do": "count"}),
    probe("required together", args={"together": "x"}),
    probe("several errors", args={"number": "x", "flag": "maybe", "nonsense": 1}),
    probe("secret", args={"secret": "zebra", "anything": "a zebra crossing", "text": "zebra"}),
    probe("secret within", args={"nested": [{"name": "token-of-n", "token": "token"}], "text": "a token"}),
    probe("a boolean like it", args={"secret": "False", "flag": False}),
    probe("a key like it", args={"secret": "hidden", "anything": {"hidden": "hidden?"}}),
    probe("secret in an error", args={"secret": "zebra", "do": "fail"}),
    probe("secret in an argument's error", args={"secret": "seven", "number": "seven"}),
    probe("secret in a crash", args={"secret": "zebra", "do": "crash"}),
    probe("vaulted", args={"text": "{{ word }}", "anything": ["{{ word }}"]}),
    probe("vaulted secret", args={"secret": "{{ word }}", "text": "{{ word }}"}),
    probe("no_log", args={"text": "hush"}, no_log=True),
    probe("failing", args={"do": "fail"}),
    probe("failing and rescued", args={"do": "fail"}, failed_when=False),
    probe("noise", args={"do": "noise"}),
    probe("warnings", args={"returned": {"warnings": ["first", "second", "first"]}}),
    probe("empty warnings", args={"returned": {"warnings": []}}),
    probe("changed", args={"returned": {"changed": True}}),
    probe("diff", args={"returned": {"changed": True, "diff": {"before": "a\n", "after": "b\n"}}}, diff=True),
    probe(
        "no diff", args={"returned": {"changed": True, "diff": {"before": "a\n", "after": "b\n"}}}, diff=False
    ),
    probe("check mode", args={"returned": {"changed": True}}, check_mode=True),
    probe(
        "facts",
        args={"returned": {"ansible_facts": {"probed": "{{ 'x' }}", "discovered_interpreter_x": "y"}}},
    ),
    probe("facts seen", args={"text": "{{ ansible_facts.probed }}"}),
    probe("internal keys", args={"returned": {"_ansible_odd": 1, "fine": 1}}),
    probe("templates come back as text", args={"anything": "{{ '{' ~ '{ 1 + 1 }' ~ '}' }}"}),
    probe("failed return code", args={"returned": {"rc": 3}}),
    probe("loop", args={"text": "{{ item }}"}, loop=["a", "b"]),
    probe("loop that fails", args={"do": "{{ item }}"}, loop=["echo", "fail", "crash"]),
    probe(
        "until",
        args={"do": "count", "path": "{{ playbook_dir }}/asked"},
        until="ANSWER.count >= 2",
        delay=0,
        retries=5,
    ),
    probe("skipped", when=False),
    probe("timeout", args={"do": "sleep", "number": 3}, timeout=1),
    probe("changed_when", args={"text": "x"}, changed_when=True),
    probe("delegated to itself", delegate_to="here"),
    probe("run once", run_once=True),
    probe("defaults", args={"number": 1}, module_defaults={PROBE: {"number": 2, "text": "by default"}}),
]

# Where the module would run as somebody else, somewhere else or with another Python, it does.
CONDITIONS = [
    probe("as the plays are"),
    probe("delegated to a host with another Python", delegate_to="other", door="module"),
    probe("delegated to a host that is not local", delegate_to="far", door="module"),
    probe(
        "another Python",
        vars={"ansible_python_interpreter": "{{ playbook_dir }}/other-python"},
        door="module",
    ),
    probe("become", become=True, become_method="bluegreen_test.doors.same", door="module"),
    probe(
        "become of the play",
        play={"become": True, "become_method": "bluegreen_test.doors.same"},
        door="module",
    ),
    probe("become switched off", become=False, play={"become": True}),
    probe("async", **{"async": 20, "poll": 1}, door="module"),
    probe("async switched off", **{"async": 0}),
    probe("environment", environment={"A": "b"}, door="module"),
    probe("environment of the play", play={"environment": {"A": "b"}}, door="module"),
    probe("empty environment", environment={}),
    probe("no Python named", play={"hosts": "unset"}),
    probe(
        "not local",
        play={
            "connection": "bluegreen_test.doors.wire",
            "vars": {"ansible_connection": "bluegreen_test.doors.wire"},
        },
        door="module",
    ),
]


@pytest.fixture(scope="module")
def asked(
    once: Once, tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> tuple[Path, dict[str, Answers]]:
    """Where and what both doors were asked, and their answers."""
    folder = tmp_path_factory.mktemp("doors")
    found: tuple[Path, dict[str, Answers]] = once("doors", lambda: (folder, _ask(folder, settings)))
    return found


@pytest.fixture
def folder(asked: tuple[Path, dict[str, Answers]]) -> Path:
    return asked[0]


@pytest.fixture
def answers(asked: tuple[Path, dict[str, Answers]]) -> dict[str, Answers]:
    return asked[1]


def _ask(folder: Path, settings: Settings) -> dict[str, Answers]:
    (folder / "vaulted.yml").write_text(_VAULTED)
    (folder / "password").write_text(_VAULT_PASSWORD)
    options = f"-e@{folder / 'vaulted.yml'}", f"--vault-password-file={folder / 'password'}"
    with ThreadPoolExecutor(len(DOORS)) as pool:
        asked = {
            door: pool.submit(
                ask, door, folder / door, settings, QUESTIONS, {}, *options,
                ANSIBLE_LOG_PATH=str(folder / f"{door}.log"), BLUEGREEN_TEST_VALUE="from outside",
            )
            for door in DOORS
        }  # fmt: skip
        return {door: future.result() for door, future in asked.items()}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_answer_is_the_same(question: Question, answers: dict[str, Answers]) -> None:
    module, action = (answers[door].of[question.name] for door in DOORS)
    assert doors(module) <= {"module"}
    assert doors(action) <= {"action"}
    assert comparable(action) == comparable(module)


def test_a_person_reads_the_same(answers: dict[str, Answers]) -> None:
    """But for the progress, which the module cannot show."""
    module, action = (_lines(answers[door]) for door in DOORS)
    assert action == module


def test_progress_is_shown_and_masked(answers: dict[str, Answers]) -> None:
    progress = [line for line in answers["action"].errors.splitlines() if _PROGRESS.match(line)]
    assert {"[here] echo with ********", "[here] fail with ********"} <= set(progress)
    assert all(line.endswith("with ********") for line in progress)


@pytest.mark.parametrize("keyword", ["check_mode", "no_log"])
def test_no_progress(keyword: str, tmp_path: Path, settings: Settings) -> None:
    asked = ask("action", tmp_path / "asked", settings, [probe("silent", **{keyword: True})], {})
    assert doors(asked.of["silent"]) == {"action"}
    assert not _PROGRESS.search(asked.errors + asked.output)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", [question.name for question in QUESTIONS if "secret" in question.name])
def test_no_secret_is_told(name: str, door: str, answers: dict[str, Answers]) -> None:
    told = json.dumps(answers[door].of[name])
    [arguments] = [question.task[PROBE] for question in QUESTIONS if question.name == name]
    secret = {"{{ word }}": "open-sesame"}.get(arguments.get("secret"), arguments.get("secret", "token"))
    assert secret not in told.replace('"token":', "")


@pytest.mark.parametrize("door", DOORS)
def test_what_libraries_write_is_not_shown(door: str, folder: Path, answers: dict[str, Answers]) -> None:
    log = (folder / f"{door}.log").read_text()
    assert "TASK [noise]" in log
    assert "NOISE" not in log + answers[door].output + answers[door].errors


def test_the_door_is_closed_where_the_module_would_run_otherwise(tmp_path: Path, settings: Settings) -> None:
    found = ask("action", tmp_path / "asked", settings, CONDITIONS, {})
    assert {name: doors(answer) for name, answer in found.of.items()} == {
        question.name: {question.door} for question in CONDITIONS
    }


def _lines(answers: Answers) -> list[str]:
    """Without progress, the door, the time, and the places in tracebacks."""
    lines = [*answers.output.splitlines(), *answers.errors.splitlines()]
    return [
        re.sub(r'"door": "[a-z]+"|"at": [0-9.]+|Interrupted at <.*>', "", line)
        for line in lines
        if not _PROGRESS.match(line)
    ]
