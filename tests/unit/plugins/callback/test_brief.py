# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people see, compared with what was read and found good: fixtures/screens has a file for each case.

With UPDATE_SCREENS=1 in the environment the files are written anew; read their difference before it is committed.
"""

from __future__ import annotations

import io
import os
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.utils import color as ansible_color

from ansible_collections.octoblu.bluegreen.plugins.action import release_report
from ansible_collections.octoblu.bluegreen.plugins.callback import brief
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import Run
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _painting

from .cases import ENDED

SCREENS = Path(__file__).parents[2] / "fixtures" / "screens"
# What the role registers, by the module that returns it, in the order of a run.
RETURNED = {
    "facts": "elb_color_facts",
    "plan": "release_plan",
    "lock": "k8s_lock",
    "applied": "release_apply",
    "wait": "k8s_wait_ready",
    "smoke": "k8s_smoke",
    "staged": "release_record",
    "swap": "elb_listener_swap",
}


class Out(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def heard(module: str, told: dict[str, Any]) -> Any:
    task = SimpleNamespace(
        action=f"octoblu.bluegreen.{module}",
        resolved_action=None,
        _uuid=module,
        _role=object(),
        get_path=lambda: "",
        get_name=lambda include_role_fqcn: module,
    )
    return SimpleNamespace(_host=SimpleNamespace(get_name=lambda: "localhost"), _task=task, _result=told)


def shown(run: Run, width: int, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    out, now = Out(terminal), iter(range(10_000))
    monkeypatch.setattr(brief.sys, "stdout", out)
    monkeypatch.setattr(brief.time, "monotonic", lambda: next(now) / 10)
    monkeypatch.setattr(_painting, "_REDRAW", 60)
    monkeypatch.setattr(ansible_color, "ANSIBLE_COLOR", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("BLUEGREEN_OOPS", "1")
    monkeypatch.setattr(brief.context, "CLIARGS", {"check": run.asked.check_mode})
    callback = brief.CallbackModule()
    for name, module in RETURNED.items():
        if run[name]:
            result = heard(module, dict(run[name]))
            callback.v2_runner_on_start(result._host, result._task)
            failed = bool(run[name].get("failed"))
            (callback.v2_runner_on_failed if failed else callback.v2_runner_on_ok)(result)
    callback.v2_runner_on_ok(heard("release_report", {"screen": asdict(release_report.screen_of(run))}))
    callback.v2_playbook_on_stats(None)
    return out.getvalue().replace("\x1b", "\u241b").replace("\r", "\u240d")


@pytest.mark.parametrize("name", ENDED)
def test_the_screen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = "".join(
        f"# {'terminal' if terminal else 'log'}, {width} columns\n{shown(ENDED[name], width, terminal, monkeypatch)}\n"
        for width, terminal in ((80, False), (120, False), (80, True), (120, True))
    )
    file = SCREENS / f"{name}.txt"
    if os.environ.get("UPDATE_SCREENS"):
        file.write_text(found)
    assert found == file.read_text()


def test_there_is_no_screen_of_nothing() -> None:
    assert {file.stem for file in SCREENS.glob("*.txt")} == set(ENDED)


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("width", [80, 120])
def test_a_log_is_plain_and_no_line_of_it_too_long(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(ENDED[name], width, False, monkeypatch).splitlines()
    assert not any(mark in line for line in lines for mark in "\u241b\u240d")
    # A table is as wide as it is.
    assert name.startswith("list") or all(len(line) <= width for line in lines)


def test_each_run_of_the_role_in_a_play_has_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Out(False)
    monkeypatch.setattr(brief.sys, "stdout", out)
    callback = brief.CallbackModule()
    for name in ("deployed", "image-not-found"):
        begun = heard("release_settings", {"refused": ""})
        callback.v2_runner_on_start(begun._host, begun._task)
        callback.v2_runner_on_ok(
            heard("release_report", {"screen": asdict(release_report.screen_of(ENDED[name]))})
        )
    callback.v2_playbook_on_stats(None)
    assert [line[0] for line in out.getvalue().splitlines() if line[0] in "\u2714\u2718"] == [
        "\u2714",
        "\u2718",
    ]


@pytest.mark.parametrize("name", ["deployed", "image-not-found"])
def test_a_run_is_told_in_eight_lines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(shown(ENDED[name], 120, False, monkeypatch).splitlines()) <= 8
