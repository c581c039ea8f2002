# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError

from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _cores, _door

_PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
_NAME = "ansible_collections.octoblu.bluegreen.plugins"
# Those that are nothing but an action have one door only.
_ACTIONS = ("awx_object", "release_report", "release_settings")
_MODULES = sorted({path.stem for path in (_PLUGINS / "modules").glob("*.py")} - {*_ACTIONS})


@pytest.mark.parametrize("name", _MODULES)
def test_every_module_has_a_second_door(name: str) -> None:
    action = importlib.import_module(f"{_NAME}.action.{name}").ActionModule
    assert issubclass(action, _door.Door)
    assert action.module is importlib.import_module(f"{_NAME}.modules.{name}").MODULE


@pytest.mark.parametrize("missing", ["boto3", "ansible_collections.amazon.aws.plugins.module_utils.botocore"])
def test_no_second_door_without_a_library_or_a_collection(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*(name for name in sys.modules if name.startswith(f"{_NAME}.")), missing):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    assert _door.find_module("elb_color_facts", "boto3") is None


def test_no_second_door_in_a_core_that_was_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _door.find_module("elb_color_facts") is not None
    monkeypatch.setattr(_cores, "TRIED", False)
    assert _door.find_module("elb_color_facts") is None


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_module_that_is_needed_next_is_found_once_while_a_fork_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(_door, "find_module", lambda *names: names[0] == "next" and found.append(names))
    _door.find_module_ahead("next", "library")
    assert found == []
    for found_before in (0, 1):
        child = os.fork()
        if child == 0:
            grandchild = os.fork()
            if grandchild:
                os.waitpid(grandchild, 0)
            os._exit(len(found))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == found_before
        assert found == [("next", "library")]


class _Interrupted(BaseException):
    """As Ansible's TaskTimeoutError is."""


@pytest.mark.parametrize("interruption", [_Interrupted, KeyboardInterrupt])
def test_an_interruption_cleans_up_and_passes(interruption: type[BaseException], tmp_path: Path) -> None:
    left: list[str] = []

    def run(params: Mapping[str, Any], check_mode: bool, client: Any, show: Any) -> dict[str, Any]:
        raise interruption

    module = Module(run, lambda params: None, {}, leave=lambda: left.append("left"))
    with pytest.raises(interruption):
        _action(tmp_path)._ask(module, {}, {}, print)
    assert left == ["left"]


@pytest.mark.parametrize("error", [None, AnsibleError("x"), KeyboardInterrupt()])
def test_everything_is_as_it_was_afterwards(error: BaseException | None, tmp_path: Path) -> None:
    before = _surroundings()
    with (
        pytest.raises(type(error)) if error else nullcontext(),
        _door._as_a_process_of_its_own(str(tmp_path)),
    ):
        assert Path.cwd() == tmp_path
        assert os.readlink("/proc/self/fd/1") == os.readlink("/proc/self/fd/2") == os.devnull
        assert not logging.getLogger("any").isEnabledFor(logging.CRITICAL)
        if error:
            raise error
    assert _surroundings() == before


def test_a_folder_that_is_gone_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with _door._as_a_process_of_its_own(str(tmp_path)):
        assert Path.cwd() == tmp_path


def test_a_line_that_nobody_can_read_any_more_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def display(line: str, stderr: bool) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(_door, "Display", lambda: SimpleNamespace(display=display))
    _action(tmp_path)._way_to_show({"inventory_hostname": "here"})("a line")


def _action(folder: Path) -> _door.Door:
    action = _door.Door.__new__(_door.Door)
    action._task = SimpleNamespace(check_mode=False, no_log=False, action="x")
    action._loader = SimpleNamespace(get_basedir=lambda: str(folder))
    return action


def _surroundings() -> tuple[Any, ...]:
    links = tuple(os.readlink(f"/proc/self/fd/{number}") for number in (1, 2))
    return Path.cwd(), links, sys.stdout, sys.stderr, logging.root.manager.disable
