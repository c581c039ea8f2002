# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that the fork server starts is in nothing but its parent different from one that a user starts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runs import ForkServer, Process, Starter, start_afresh

LOOK = """
import json, os, signal, sys, tempfile, threading, time
from pathlib import Path

# It changes the outputs of whoever imports it.
import ansible.cli

def handler(number):
    found = signal.getsignal(number)
    return getattr(found, "__name__", str(found))

def bare(path):
    return Path(path).read_bytes().decode().rstrip("\\0\\n")

ours = ("ansible_collections", "runs", "fork_server", "conftest", "shop")
umask = os.umask(0)
print(json.dumps({
    "arguments": [sys.argv, sys.orig_argv, bare("/proc/self/cmdline").split("\\0"), bare("/proc/self/comm")],
    "place": [os.getcwd(), sys.path, sys.executable, sys.prefix, tempfile.gettempdir()],
    "environment": dict(os.environ),
    "time": [time.tzname, time.strftime("%H", time.gmtime(0))],
    "session": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "signals": [handler(number) for number in sorted(signal.valid_signals())],
    "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    "files": [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")],
    "null": [os.path.samefile("/dev/null", "/proc/self/fd/0"), os.path.samefile("/dev/null", "/proc/self/fd/1")],
    "outputs": [(file.encoding, file.errors, file.line_buffering, file.isatty()) for file in (sys.stdin, sys.stdout, sys.stderr)],
    "python": [list(sys.flags), sys.warnoptions, sys._xoptions, sys.getrecursionlimit(), sys.getswitchinterval()],
    "main": [__name__, __file__, sorted(sys.modules["__main__"].__dict__.keys() & {"__file__", "__name__", "LIBRARIES"})],
    "imported": [name for name in ours if name in sys.modules],
    "threads": [threading.active_count(), threading.main_thread() is threading.current_thread()],
    "umask": umask,
}))
print("to standard error", file=sys.stderr)
"""
ENDS = {
    "good": ("", 0),
    "bad": ("import sys; sys.exit(3)", 3),
    "error": ("import os, no_such_module", 1),
    "told": ("raise SystemExit('that is why')", 1),
    "killed": ("import os; os.kill(os.getpid(), 9)", -9),
    "at its exit": ("import atexit; atexit.register(print, 'the last word')", 0),
}
PARENT = "import os; print(os.getppid())"

Script = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a script of a text, for the Python that runs the tests."""

    def made(text: str, name: str = "a-script-with-a-long-name") -> str:
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{text}")
        path.chmod(0o755)
        return str(path)

    return made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "TZ": "Asia/Tokyo",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": "3",
    }


def ended(process: Process) -> tuple[str, int | None]:
    output, _nothing = process.communicate(timeout=60)
    return output, process.returncode


def test_it_finds_what_a_fresh_process_finds(
    server: ForkServer, script: Script, tmp_path: Path, environment: Any
) -> None:
    command = [script(LOOK), "-e", "", "@x y", "ü"]
    server([command[0]], Path("/"), {**environment, "TMPDIR": "/", "LEFT": "over"}).communicate(timeout=60)
    fresh, forked = (ended(start(command, tmp_path, environment)) for start in (start_afresh, server))
    looked = [json.loads(each[0].splitlines()[0]) for each in (fresh, forked)]
    assert looked[1] == looked[0]
    assert sorted(line for line in forked[0].splitlines()[1:]) == ["to standard error"]
    assert forked[1] == fresh[1] == 0


@pytest.mark.parametrize(
    "command", [["ansible-config", "dump", "--type", "all"], ["ansible-playbook", "-vvv", "nowhere.yml"], ["ansible-doc", "-l"]],
    ids=lambda command: command[0],
)  # fmt: skip
def test_ansible_has_the_same_configuration_and_says_the_same(
    server: ForkServer, tmp_path: Path, environment: Any, command: list[str]
) -> None:
    command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
    fresh, forked = (ended(start(command, tmp_path, environment)) for start in (start_afresh, server))
    assert len(fresh[0]) > 100
    assert (own_folder(forked[0]), forked[1]) == (own_folder(fresh[0]), fresh[1])


def own_folder(text: str) -> str:
    """Without the name that each run has of its own."""
    return re.sub(r"ansible-local-\w+", "ansible-local", text)


def test_ansible_s_temporary_folder_is_its_own_and_goes_with_it(
    server: ForkServer, script: Script, tmp_path: Path, environment: Any
) -> None:
    text = "import os\nfrom ansible import constants\nprint(constants.DEFAULT_LOCAL_TMP, os.getpid(), os.listdir(constants.DEFAULT_LOCAL_TMP))"
    told = [ended(server([script(text)], tmp_path, environment))[0].split() for _time in range(2)]
    assert told[0][0] != told[1][0]
    for folder, pid, inside in told:
        assert f"ansible-local-{pid}" in folder
        assert inside == "[]"
        assert not Path(folder).exists()


def test_a_configuration_in_the_folder_is_read(server: ForkServer, tmp_path: Path, environment: Any) -> None:
    command = [str(Path(sys.executable).with_name("ansible-config")), "dump", "--only-changed"]
    assert "DEFAULT_TIMEOUT" not in ended(server(command, tmp_path, environment))[0]
    (tmp_path / "ansible.cfg").write_text("[defaults]\ntimeout = 77\n")
    assert re.search(r"DEFAULT_TIMEOUT\(.*\) = 77", ended(server(command, tmp_path, environment))[0])


@pytest.mark.parametrize("text", ENDS)
def test_it_ends_as_a_fresh_process_ends(
    server: ForkServer, script: Script, tmp_path: Path, environment: Any, text: str
) -> None:
    code, status = ENDS[text]
    command = [script(code)]
    fresh, forked = (ended(start(command, tmp_path, environment)) for start in (start_afresh, server))
    assert forked == fresh
    assert forked[1] == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_reaches_it_and_its_children(
    server: ForkServer, script: Script, tmp_path: Path, environment: Any, number: int
) -> None:
    text = "import subprocess, sys\nprint('begun', flush=True)\nsubprocess.run(['sleep', '60'])"

    def stopped(starter: Starter) -> int | None:
        process = starter([script(text + f"\nopen({str(tmp_path / 'late')!r}, 'w')")], tmp_path, environment)
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        while not Path(children).read_text().strip():
            pass
        os.killpg(process.pid, number)
        # Its output ends when the sleeping child is gone, too.
        return ended(process)[1]

    assert stopped(server) == stopped(start_afresh) == -number
    assert not (tmp_path / "late").exists()


def test_patience_ends_and_what_was_told_until_then_is_not_lost(
    server: ForkServer, script: Script, tmp_path: Path, environment: Any
) -> None:
    process = server(
        [script("print('begun', flush=True)\nimport time; time.sleep(60)")], tmp_path, environment
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.5)
    os.killpg(process.pid, signal.SIGKILL)
    assert ended(process) == ("begun\n", -signal.SIGKILL)


def test_two_run_side_by_side(server: ForkServer, script: Script, tmp_path: Path, environment: Any) -> None:
    gate = tmp_path / "gate"
    waits = f"import os\nwhile not os.path.exists({str(gate)!r}): pass\nprint('through')"
    first = server([script(waits)], tmp_path, environment)
    second = server([script(f"open({str(gate)!r}, 'w')", "second")], tmp_path, environment)
    assert ended(second) == ("", 0)
    assert ended(first) == ("through\n", 0)


@pytest.mark.parametrize(
    ("changed", "forked"),
    [
        ({"ACTIONS_FILE": "/x", "AWS_DEFAULT_REGION": "eu-west-1", "BLUEGREEN_DOOR": "module"}, True),
        ({"ANSIBLE_CALLBACK_PLUGINS": "/x"}, False),
        ({"ANSIBLE_HOME": "/x"}, False),
        ({"KUBECONFIG": "/elsewhere"}, False),
        ({"HOME": "/elsewhere"}, False),
        ({"PYTHONHASHSEED": "0"}, False),
        ({"LC_ALL": "C"}, False),
    ],
)
def test_what_it_cannot_stand_in_for_is_started_as_a_user_does_it(
    server: ForkServer,
    script: Script,
    tmp_path: Path,
    environment: Any,
    changed: dict[str, str],
    forked: bool,
) -> None:
    command = [script(PARENT)]
    assert ended(server(command, tmp_path, environment))[0] != f"{os.getpid()}\n"
    parent, _status = ended(server(command, tmp_path, {**environment, **changed}))
    assert (parent != f"{os.getpid()}\n") is forked


def test_another_python_is_started_as_a_user_does_it(
    server: ForkServer, tmp_path: Path, environment: Any
) -> None:
    path = tmp_path / "script"
    path.write_text("#!/bin/sh\necho $PPID\n")
    path.chmod(0o755)
    assert ended(server([str(path)], tmp_path, environment))[0] == f"{os.getpid()}\n"
