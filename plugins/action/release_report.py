# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, stamped
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import Run, result, run_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.advice import next_step
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.history import history
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import Commands, Screen
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.standing import standing
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.verdict import verdict


class ActionModule(ActionBase):  # type: ignore[misc]
    """Hands the result on, and makes the lines of it."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        given = self._task.args
        if "screen" in given:
            return _shown(Screen(**given["screen"]))
        if not given.get("asked"):
            left_out = given["left_out"]
            screen = Screen(left_out["msg"], good=False, fails=bool(left_out["fails"]))
            return stamped({"changed": False, "screen": asdict(screen)})
        refused = str(given.get("refused") or "")
        returned = (
            {"failure": {"failed": True, "msg": refused, "at": given["asked"]["finished"]}}
            if refused
            else given["returned"]
        )
        run = run_of(returned, given["before"], given["asked"])
        if refused:
            screen = Screen(refused, good=False, fails=True)
        elif given.get("nothing"):
            screen = Screen(f"{run.asked.app}: {given['nothing']}, nothing to do")
        else:
            screen = screen_of(run)
        told = {run.asked.app: result(run)}
        if screen.fails and not refused:
            told[run.asked.app]["next"] = next_step(run, _commands())
            told[run.asked.app]["reason"] = told[run.asked.app]["reason"] or screen.head
        stats = {"bluegreen_result": told}
        if told[run.asked.app]["plan"]:
            told[run.asked.app]["plan"]["text"] = [screen.head, *screen.texts]
            # The next node of a workflow is given it as the role's variable.
            stats["bluegreen_plan"] = {run.asked.app: told[run.asked.app]["plan"]}
        return stamped(
            {
                "changed": False,
                "screen": asdict(screen),
                "ansible_facts": {"bluegreen_result": told},
                "ansible_stats": {"data": stats, "aggregate": True, "per_host": False},
                "warnings": _write(given.get("file"), told),
            }
        )


def _shown(screen: Screen) -> Result:
    """A result that Ansible's own output shows line by line; of a failed one it tells C(msg) twice."""
    shown: Result = {"changed": False, "failed": screen.fails, "_ansible_verbose_always": True}
    if screen.fails:
        return {**shown, "msg": screen.head, "verdict": screen.texts}
    return {**shown, "msg": [screen.head, *screen.texts]}


def _commands() -> Commands:
    return Commands(oops="BLUEGREEN_OOPS" in os.environ)


def screen_of(run: Run) -> Screen:
    """What is shown of a run, whatever it was for."""
    commands = _commands()
    if run["failure"]:
        return verdict(run, commands)
    if run.asked.action == "list":
        return history(run)
    return standing(run, commands) if run.asked.action == "status" and run.router else verdict(run, commands)


def _write(file: str | None, told: dict[str, Any]) -> list[str]:
    """Returns what there is to warn of: the run is done all the same."""
    if not file:
        return []
    try:
        Path(file).write_text(json.dumps(told, indent=4, sort_keys=True) + "\n", encoding="utf-8")
        os.chmod(file, 0o644)
    except OSError as error:
        return [f"The result cannot be written to bluegreen_result_file, {file}: {error.strerror}."]
    return []
