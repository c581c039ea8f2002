# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""bin/oops as somebody at a keyboard runs it, with an ansible-playbook that only says what it was given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
OOPS = CHECKOUT / "bin" / "oops"
FAKE = """#!{python}
import json, os, signal, sys
variables = next(word for word in sys.argv if word.startswith("@"))[1:]
told = {{
    "arguments": sys.argv[1:],
    "file": variables,
    "pid": os.getpid(),
    "mode": os.stat(variables).st_mode & 0o777,
    "variables": json.load(open(variables)),
    "output": os.environ.get("ANSIBLE_STDOUT_CALLBACK"),
}}
json.dump(told, open({told!r}, "w"))
if os.environ.get("FAKE_WAITS"):
    print("waiting", flush=True)
    signal.pause()
sys.exit(int(os.environ.get("FAKE_CODE", 0)))
"""
FOUR = {
    "elb-name": "shop-elb",
    "application-name": "shop",
    "deployment-group": "shop-production",
    "s3-bucket": "shop-bundles",
}


class Keyboard:
    """A folder with an `.oopsrc`, and what ansible-playbook was told there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop"
        self.folder.mkdir()
        self.told_file = folder / "told.json"
        (folder / "bin").mkdir()
        fake = folder / "bin" / "ansible-playbook"
        fake.write_text(FAKE.format(python=sys.executable, told=str(self.told_file)))
        fake.chmod(0o755)
        # A Python of its own, beside which no ansible-playbook lies.
        self.python = folder / "python" / "python3"
        self.python.parent.mkdir()
        self.python.symlink_to(Path(sys.executable).resolve())
        self.environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": str(folder)}

    def settings(self, settings: Any) -> None:
        text = settings if isinstance(settings, str) else json.dumps(settings)
        (self.folder / ".oopsrc").write_text(text)

    def type(
        self, *words: str, folder: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, OOPS, *words],
            check=False,
            cwd=folder or self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=30,
        )

    @property
    def told(self) -> Mapping[str, Any]:
        return dict(json.loads(self.told_file.read_text()))


@pytest.fixture
def keyboard(tmp_path: Path) -> Keyboard:
    keyboard = Keyboard(tmp_path)
    keyboard.settings(FOUR)
    return keyboard


SHOP = {"bluegreen_app": "shop", "bluegreen_load_balancer": "shop-elb", "bluegreen_namespace": "default"}


@pytest.mark.parametrize(
    ("words", "playbook", "variables"),
    [
        (["deploy", "0012345"], "deploy", {"commit": "0012345"}),
        (["stage", "1e5"], "stage", {"commit": "1e5"}),
        (["switch"], "switch", {}),
        (["switch", "0012345"], "switch", {"commit": "0012345"}),
        (["rollback"], "rollback", {}),
        (["rollback", "0012345"], "rollback", {"commit": "0012345"}),
        (["repair"], "repair", {}),
        (["repair", "green"], "repair", {"color": "green"}),
        (["status"], "status", {}),
        (["list"], "list", {}),
        (["off"], "preview", {}),
        (["retire"], "retire", {}),
        (["unlock"], "unlock", {}),
    ],
)
def test_each_command_is_a_playbook(
    keyboard: Keyboard, words: list[str], playbook: str, variables: dict[str, str]
) -> None:
    assert keyboard.type(*words).returncode == 0
    told = keyboard.told
    file = CHECKOUT / "playbooks" / f"{playbook}.yml"
    assert told["arguments"] == ["--inventory", "localhost,", "--extra-vars", f"@{told['file']}", str(file)]
    assert file.exists()
    assert told["variables"] == SHOP | variables
    assert told["mode"] == 0o600
    assert _gone(Path(told["file"]))


def test_a_link_to_it_is_enough(keyboard: Keyboard) -> None:
    link = keyboard.folder / "oops"
    link.symlink_to(CHECKOUT / "bin" / "oops")
    path = f"{keyboard.python.parent}:{keyboard.environment['PATH']}"
    finished = subprocess.run(
        [link, "deploy", "0012345"],
        check=False,
        cwd=keyboard.folder,
        env=keyboard.environment | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert keyboard.told["variables"]["commit"] == "0012345"


def test_every_playbook_has_a_command() -> None:
    help_ = subprocess.run(
        [sys.executable, OOPS, "--help"], check=False, capture_output=True, text=True
    ).stdout
    # Nobody types these at a keyboard day by day.
    others = {"awx_setup", "webhook"}
    for playbook in [each for each in (CHECKOUT / "playbooks").glob("*.yml") if each.stem not in others]:
        assert f"\n    {'off' if playbook.stem == 'preview' else playbook.stem} " in help_


def test_the_plan_and_what_is_for_ansible(keyboard: Keyboard) -> None:
    keyboard.type("list", "--limit", "3", "-v")
    assert keyboard.told["variables"]["bluegreen_list_limit"] == 3
    assert keyboard.told["arguments"][4:-1] == ["-v"]
    keyboard.type("deploy", "1", "--check", "--", "-vv", "--check")
    assert keyboard.told["arguments"][4:-1] == ["--check", "--diff", "-vv", "--check"]


def test_variables_of_the_role_are_settings(keyboard: Keyboard) -> None:
    own = {"bluegreen_namespace": "web", "bluegreen_replicas": 3, "bluegreen_env": {"A": "1"}}
    keyboard.settings(FOUR | own)
    below = keyboard.folder / "src" / "deep"
    below.mkdir(parents=True)
    keyboard.type("status", folder=below)
    assert keyboard.told["variables"] == SHOP | own


def test_what_the_user_has_set_of_ansible_stays(keyboard: Keyboard) -> None:
    keyboard.type("status")
    assert keyboard.told["output"] == "octoblu.bluegreen.brief"
    keyboard.type("status", ANSIBLE_STDOUT_CALLBACK="default")
    assert keyboard.told["output"] == "default"


@pytest.mark.parametrize("code", [0, 2, 4])
def test_the_exit_code_is_ansibles(keyboard: Keyboard, code: int) -> None:
    assert keyboard.type("status", FAKE_CODE=str(code)).returncode == code


SAMPLE = '"application-name": "shop",'


@pytest.mark.parametrize(
    ("settings", "said", "sample"),
    [
        pytest.param(None, "there is no .oopsrc in", True, id="missing"),
        pytest.param(
            "{\n  'elb-name': 1}", ".oopsrc, line 2, column 3: this is not JSON", True, id="no JSON"
        ),
        pytest.param("[]", ".oopsrc: this is not an object", True, id="no object"),
        pytest.param('{"elb-name": "a", "elb-name": "b"}', "elb-name is given twice", False, id="twice"),
        pytest.param({"elb-name": "a"}, "application-name (or bluegreen_app) is missing", True, id="no app"),
        pytest.param({}, "application-name (or bluegreen_app) and elb-name", True, id="nothing"),
        pytest.param(
            FOUR | {"elb_name": "x"}, "nothing is called elb_name; the nearest is elb-name", False, id="typo"
        ),
        pytest.param(
            FOUR | {"bluegreen_replica": 1}, "the nearest is bluegreen_replicas", False, id="unknown variable"
        ),
        pytest.param(FOUR | {"elb-name": 5}, "elb-name has to be a name, and is 5", False, id="number"),
        pytest.param(
            FOUR | {"bluegreen_load_balancer": "other"},
            'elb-name is "shop-elb", but bluegreen_load_balancer is "other"',
            False,
            id="two names",
        ),
        pytest.param(
            FOUR | {"bluegreen_commit": "1"}, "bluegreen_commit does not belong here", False, id="commit"
        ),
    ],
)
def test_what_is_wrong_with_the_settings_is_told(
    keyboard: Keyboard, settings: Any, said: str, sample: bool
) -> None:
    if settings is None:
        (keyboard.folder / ".oopsrc").unlink()
    else:
        keyboard.settings(settings)
    finished = keyboard.type("status")
    assert finished.returncode == 2
    assert said in finished.stderr
    assert (SAMPLE in finished.stderr) is sample
    assert "Traceback" not in finished.stderr
    assert not keyboard.told_file.exists()


def test_the_sample_works_when_it_is_pasted(keyboard: Keyboard) -> None:
    told = keyboard.type("--help").stdout
    start = told.index('{\n  "application-name"')
    keyboard.settings(told[start : told.index("\n}", start) + 2])
    assert keyboard.type("status").returncode == 0
    assert keyboard.told["variables"]["bluegreen_image"] == "registry.example.com/shop:{{ bluegreen_commit }}"


@pytest.mark.parametrize("words", [[], ["nosuch"], ["deploy"], ["repair", "red"], ["list", "x"]])
def test_what_was_typed_wrong_is_told_with_the_usage(keyboard: Keyboard, words: list[str]) -> None:
    finished = keyboard.type(*words)
    assert finished.returncode == 2
    assert "usage: oops" in finished.stdout + finished.stderr


def test_without_ansible_it_says_what_to_install(keyboard: Keyboard) -> None:
    finished = keyboard.type("status", PATH="/nowhere")
    assert finished.returncode == 2
    assert "ansible-playbook is neither in" in finished.stderr
    assert "pip install ansible-core" in finished.stderr


def _gone(file: Path) -> bool:
    deadline = time.monotonic() + 10
    while file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("to", [os.kill, os.killpg])
def test_a_signal_is_ansibles_and_the_file_goes_however_it_ends(
    keyboard: Keyboard, number: signal.Signals, to: Callable[[int, int], None]
) -> None:
    process = subprocess.Popen(
        [keyboard.python, OOPS, "status"],
        cwd=keyboard.folder,
        env=keyboard.environment | {"FAKE_WAITS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    assert keyboard.told["pid"] == process.pid
    to(process.pid, number)
    _out, errors = process.communicate(timeout=10)
    # A shell says 128 and the number.
    assert process.returncode == -number
    assert "oops" not in errors
    assert _gone(Path(keyboard.told["file"]))


def test_its_version_is_the_collections(keyboard: Keyboard) -> None:
    [version] = [
        line.split()[1]
        for line in (CHECKOUT / "galaxy.yml").read_text().splitlines()
        if line[:8] == "version:"
    ]
    assert keyboard.type("--version").stdout == f"oops of octoblu.bluegreen {version}\n"
