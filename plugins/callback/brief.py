# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: brief
type: stdout
short_description: What a deploy is doing and how it ended, in a few lines
version_added: 0.2.0
description:
  - Shows of a run of the role P(octoblu.bluegreen.bluegreen#role) each phase in a line and how it ended in a few more,
    and of several applications a table. On a terminal the line of the phase that runs is written over.
  - Tasks that are not the role's own, such as hooks, appear by their name, and with what they said when they fail.
  - With C(-v) it is Ansible's own output.
  - C(oops) uses it. For C(ansible-playbook) set E(ANSIBLE_STDOUT_CALLBACK) to V(octoblu.bluegreen.brief).
author:
  - Octoblu contributors (@octoblu)
requirements:
  - set as stdout in configuration
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

import atexit
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible.utils.color import stringc

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens import brief
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.plan import plan_line
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.progress import PHASES, phase_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import Screen
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.table import table
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._painting import Painter

_OURS = str(Path(__file__).parents[2] / "roles")
_MODULES = "octoblu.bluegreen."


class _Host:
    """What is known of one host's run."""

    def __init__(self, name: str) -> None:
        self.app = name
        self.began: float | None = None
        self.phase = ""
        self.ended = False
        self.waited = False
        self.routers: dict[str, Any] = {}
        self.planned = False
        self.live = ""
        self.swapped = False


class CallbackModule(DefaultCallback):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "octoblu.bluegreen.brief"

    def __init__(self) -> None:
        super().__init__()
        self._hosts: dict[str, _Host] = {}
        self._results: dict[str, Any] = {}
        self._painter: Painter | None = None
        self._stopped = False

    def __getattribute__(self, name: str) -> Any:
        # Everything that Ansible tells a callback is not for us where it shows its own output.
        if name.startswith("v2_") and object.__getattribute__(self, "_display").verbosity:
            return getattr(super(), name)
        return object.__getattribute__(self, name)

    @property
    def _width(self) -> int:
        return min(shutil.get_terminal_size((80, 24)).columns, 120)

    def _paint(self) -> Painter:
        if self._painter is None:
            self._painter = Painter(self._running, self._width, sys.stdout)
            atexit.register(self._interrupted)
        return self._painter

    def _running(self, host: str, text: str, seconds: float) -> str:
        known = self._hosts.get(host) or _Host(host)
        return brief.running_line(known.app, known.phase or "run", text, seconds, self._width)

    def _show(self, lines: list[str], color: str | None = None) -> None:
        self._paint().show([stringc(line, color) if color else line for line in lines])

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._paint()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._last_task_banner = task._uuid

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._last_task_banner = task._uuid

    def v2_playbook_on_cleanup_task_start(self, task: Any) -> None:
        pass

    def v2_playbook_on_include(self, included_file: Any) -> None:
        pass

    def v2_playbook_on_notify(self, handler: Any, host: Any) -> None:
        pass

    def v2_runner_retry(self, result: Any) -> None:
        pass

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._paint().stop(result._host.get_name())

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        pass

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if _module(task) == "release_settings":
            # Another run of the role in the same play, or in the next one.
            self._hosts.pop(host.get_name(), None)
        known = self._hosts.setdefault(host.get_name(), _Host(host.get_name()))
        phase = PHASES.get(_module(task))
        if phase and phase != known.phase:
            known.phase, known.began = phase, time.monotonic()
        elif not phase and not _is_ours(task):
            known.phase, known.began = "hook", time.monotonic()
        self._paint().run(host.get_name(), task.get_name(include_role_fqcn=False), known.began)

    def v2_runner_on_ok(self, result: Any) -> None:
        host, told = result._host.get_name(), result._result
        known = self._hosts.setdefault(host, _Host(host))
        self._paint().stop(host)
        self._handle_warnings(told)
        task, module = result._task, _module(result._task)
        if not _is_ours(task):
            if task.action not in C._ACTION_ALL_INCLUDES:
                self._phase(known, "hook", f"{task.get_name(include_role_fqcn=False)}: {_did(told)}")
            return
        if module == "elb_color_facts":
            known.routers = told.get("load_balancers") or {}
        if module == "elb_listener_swap":
            known.swapped = known.swapped or bool(told.get("changed"))
        if module == "release_plan":
            known.app = (told.get("hook") or {}).get("app", known.app)
            known.planned = bool(context.CLIARGS.get("check")) and self._planned(known, told)
        if module == "release_report":
            self._ended(known, told)
            return
        ended = phase_of(module, told, known.app)
        # The second look at readiness is a part of the checks.
        if ended and not known.planned and not (module == "k8s_wait_ready" and known.waited):
            self._phase(known, *ended, timed=module != "release_plan")
        known.waited = known.waited or module == "k8s_wait_ready"

    def _planned(self, known: _Host, plan: dict[str, Any]) -> bool:
        """Begin with what can be approved, where there is anything; the rest of a check is its difference."""
        facts = known.routers.get(str((plan.get("hook") or {}).get("load_balancer")))
        line = plan_line(plan, known.app, router_of(facts)) if facts else ""
        if line:
            self._show(brief.wrapped("", line, self._width))
        return bool(line)

    def _phase(self, known: _Host, phase: str, text: str, timed: bool = True) -> None:
        seconds = time.monotonic() - known.began if timed and known.began is not None else None
        # What was planned again need not be said again.
        if phase != "live" or text != known.live:
            self._show(brief.phase_lines(known.app, phase, text, seconds, self._width))
        known.live = text if phase == "live" else known.live

    def _ended(self, known: _Host, told: dict[str, Any]) -> None:
        if "screen" not in told or known.ended:
            return
        known.ended = True
        self._results |= (told.get("ansible_facts") or {}).get("bluegreen_result") or {}
        screen = brief.without_phases(Screen(**told["screen"]))
        if known.planned and not screen.fails:
            screen = replace(screen, head=f"{known.app}: nothing was changed, this was a check")
        self._show(brief.verdict_lines(screen, self._width), C.COLOR_OK if screen.good else C.COLOR_ERROR)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        host, told = result._host.get_name(), result._result
        known = self._hosts.setdefault(host, _Host(host))
        self._paint().stop(host)
        self._handle_warnings(told)
        if ignore_errors or _is_ours(result._task):
            # The verdict tells it.
            return
        name = result._task.get_name(include_role_fqcn=False)
        said = [str(told[key]) for key in ("msg", "stdout", "stderr") if told.get(key)]
        self._show(brief.phase_lines(known.app, "hook", f"{name}: failed", None, self._width), C.COLOR_ERROR)
        self._show([f"  {line}" for text in said for line in text.splitlines()])

    def v2_runner_item_on_ok(self, result: Any) -> None:
        pass

    def v2_runner_item_on_failed(self, result: Any) -> None:
        pass

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._paint().stop(result._host.get_name())
        told = f"{result._host.get_name()}: {result._result.get('msg', 'unreachable')}"
        self._show(brief.verdict_lines(Screen(told, good=False), self._width), C.COLOR_ERROR)

    def v2_on_file_diff(self, result: Any) -> None:
        self._paint().stop(result._host.get_name())
        super().v2_on_file_diff(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._stopped = True
        painter = self._paint()
        if len(self._results) > 1:
            self._show(["", *table(self._results, self._width)])
        painter.close()

    def _interrupted(self) -> None:
        """Ansible ends without a word of how things stand when it is interrupted."""
        if self._stopped:
            return
        for known in self._hosts.values():
            if not known.ended and known.phase:
                self._show(brief.verdict_lines(_left_as_it_is(known), self._width), C.COLOR_ERROR)
        self._paint().close()


def _left_as_it_is(known: _Host) -> Screen:
    if known.swapped:
        left = "stopped after the swap, so it serves already: the same command, or a rollback, goes on from there"
    elif known.phase == "swap":
        left = "stopped during the swap: the same command, or a repair, finishes or undoes it"
    elif known.phase in ("read", "plan", "lock"):
        left = "stopped before anything was changed"
    else:
        left = "stopped while the idle color was brought up: who serves is unchanged, and the same command goes on"
    return Screen(
        f"{known.app}: {left}", (("lock", "ends by itself; a rollback does not wait for it"),), good=False
    )


def _module(task: Any) -> str:
    action = str(getattr(task, "resolved_action", None) or task.action)
    return action.removeprefix(_MODULES) if action.startswith(_MODULES) else ""


def _is_ours(task: Any) -> bool:
    """A hook runs in the role, too, but its file lies elsewhere."""
    return str(task.get_path()).startswith(_OURS) or bool(_module(task) and task._role)


def _did(told: dict[str, Any]) -> str:
    return "changed" if told.get("changed") else "ok"
