"""Asks a list of tasks of Ansible, through one door or the other, in one playbook."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from settings import Settings

_HERE = Path(__file__).resolve().parent
DOORS = ("module", "action")

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Question:
    """A task, the keywords of the play that it is in, and the door that it goes through where both are open."""

    name: str
    task: Mapping[str, Any]
    play: Mapping[str, Any] = field(default_factory=dict)
    door: str = "action"


@dataclass(frozen=True)
class Answers:
    """What was registered, by the question's name, and what a person saw.

    Texts that are a variable's own, and the folder, are replaced by the variable's name.
    """

    of: Mapping[str, Any]
    output: str
    errors: str


def ask(
    door: str,
    folder: Path,
    settings: Settings,
    questions: Sequence[Question],
    variables: Mapping[str, Any],
    *options: str,
    **environment: str,
) -> Answers:
    """Ask all questions in one playbook; ``ANSWER`` in an ``until`` is what the task registers."""
    folder.mkdir()
    registered = {f"answer_{number}": question for number, question in enumerate(questions)}
    playbook = folder / "playbook.yml"
    playbook.write_text(json.dumps(_plays(registered, folder)))
    (folder / "variables.json").write_text(json.dumps(variables))
    finished = run(
        folder, settings, "ansible-playbook", f"-e@{folder / 'variables.json'}", *options, str(playbook),
        BLUEGREEN_DOOR=door, **environment,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    replaced = {str(folder): "FOLDER"} | {
        value: name.upper() for name, value in variables.items() if isinstance(value, str)
    }
    kept = json.loads(_renamed((folder / "kept.json").read_text(), replaced))
    return Answers(
        {question.name: kept[name] for name, question in registered.items()},
        _renamed(finished.stdout, replaced),
        _renamed(finished.stderr, replaced),
    )


def run(
    folder: Path, settings: Settings, command: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A command of the Ansible that is tested, with the inventory of ``_hosts``."""
    binaries = Path(settings.ansible or Path(sys.executable).parent)
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps(_hosts(folder, binaries)))
    return subprocess.run(
        [str(binaries / command), "-i", str(inventory), *arguments],
        check=False,
        # Not where the playbook is.
        cwd=folder.parent,
        env={
            **os.environ,
            "ANSIBLE_ASYNC_DIR": str(folder / "async"),
            "ANSIBLE_COLLECTIONS_PATH": str(_HERE / "doors"),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_INJECT_INVOCATION": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "HOME": str(folder),
            # Some of Ansible's messages list a set.
            "PYTHONHASHSEED": "0",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=settings.patience,
    )


def comparable(value: Any, passing: Collection[str] = ()) -> Any:
    """A value without what may differ: the door, the time, the pod that was asked, what is ``passing``, and the places in a traceback or a frame."""
    if isinstance(value, list):
        return [comparable(item, passing) for item in value]
    if isinstance(value, dict):
        return {
            key: bool(item)
            if key in {"at", "exception", "frame", "pod", *passing}
            else comparable(item, passing)
            for key, item in value.items()
            if key != "door"
        }
    return _TIME.sub("TIME", value) if isinstance(value, str) else value


def doors(value: Any) -> set[str]:
    """The doors that a probe's answer, or a loop's answers, came through."""
    if isinstance(value, list):
        return {door for item in value for door in doors(item)}
    if isinstance(value, dict):
        return {value["door"]} if "door" in value else doors(list(value.values()))
    return set()


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for value, name in names.items():
        text = text.replace(value, name)
    return text


def _hosts(folder: Path, binaries: Path) -> Any:
    """One host for each way to be reached."""
    other = folder / "other-python"
    other.write_text(f'#!/bin/sh\nexec {binaries / "python"} "$@"\n')
    other.chmod(0o755)
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return {
        "all": {
            "hosts": {
                "here": here,
                "other": {**here, "ansible_python_interpreter": str(other)},
                "far": {**here, "ansible_connection": "bluegreen_test.doors.wire"},
                "unset": {"ansible_connection": "local"},
            }
        }
    }


def _plays(registered: Mapping[str, Question], folder: Path) -> list[Any]:
    plays: list[dict[str, Any]] = []
    for name, question in registered.items():
        keywords = {"hosts": "here", "gather_facts": False, **question.play}
        if not plays or {key: plays[-1][key] for key in plays[-1] if key != "tasks"} != keywords:
            plays.append({**keywords, "tasks": []})
        task = {"name": question.name, "ignore_errors": True, **question.task, "register": name}
        if "until" in task:
            task["until"] = task["until"].replace("ANSWER", name)
        plays[-1]["tasks"].append(task)
    hosts = {name: question.play.get("hosts", "here") for name, question in registered.items()}
    keep = {"bluegreen_test.doors.keep": {"hosts": hosts, "path": str(folder / "kept.json")}}
    return [*plays, {"hosts": "here", "gather_facts": False, "tasks": [keep]}]
