# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin utility is private to octoblu.bluegreen and may change at any time.

"""The second door into a module: from Ansible's own process, without starting another.

Ansible loads an action's class in its main process, and the process that it forks for a task has
what was imported there. A module's own process imports boto3 or kubernetes again for every task.
BLUEGREEN_DOOR=module in the environment keeps this door closed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.common.warnings import get_deprecation_messages, get_warning_messages
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import (
    Module,
    Result,
    begin_hiding,
    hidden,
    stamped,
    unexpected,
)
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _cores
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._painting import tell

# For these Ansible looks for a Python by itself.
_ANY_PYTHON = ("", "auto", "auto_legacy", "auto_silent", "auto_legacy_silent")

_O_PATH = 0o10000000


def find_module(name: str, *libraries: str) -> Module | None:
    """The MODULE of one of our modules; None where a library, a collection or this Ansible is not what it needs."""
    if not _cores.TRIED:
        return None
    try:
        for library in libraries:
            importlib.import_module(library)
        found = importlib.import_module(f"ansible_collections.octoblu.bluegreen.plugins.modules.{name}")
    except ImportError:
        return None
    module: Module = found.MODULE
    return module


def find_module_ahead(name: str, *libraries: str) -> None:
    """Find the module that is needed next once this process has forked.

    It then only waits for the task that it has forked for, and would otherwise import afterwards.
    """
    ahead = [os.getpid()]

    def find() -> None:
        if ahead and ahead.pop() == os.getpid():
            find_module(name, *libraries)

    os.register_at_fork(after_in_parent=find)


class Door(NormalAction):  # type: ignore[misc]
    """A module's action. Where it cannot run in this process, it is Ansible's action for any module."""

    module: Module | None = None

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        variables, no_log = task_vars or {}, self._task.no_log
        hides = self._hides(self._task.args)
        # A module's own process writes its arguments into the machine's log.
        self._task.no_log = no_log or hides
        try:
            result = self._work(tmp, variables)
        finally:
            self._task.no_log = no_log
        if hides:
            result.pop("invocation", None)
            # An error names no secret.
            result["_ansible_no_log"] = not result.get("failed")
        return result

    def _hides(self, arguments: Mapping[str, Any]) -> bool:
        """Whether nobody may see what the task is given, nor what it returns."""
        return False

    def _work(self, tmp: str | None, variables: dict[str, Any]) -> Result:
        if self.module is None or not self._is_open(variables):
            result: Result = super().run(tmp, variables)
            return result
        return _cores.returned(self, self._enter(self.module, variables))

    def _is_open(self, variables: Mapping[str, Any]) -> bool:
        """Whether the module would run here, as this user, in this environment and with this Python."""
        return (
            os.environ.get("BLUEGREEN_DOOR") != "module"
            and sys.platform == "linux"
            and self._connection.matches_name(["ansible.builtin.local"])
            and self._connection.become is None
            and not self._task.async_val
            and not any(self._task.environment or ())
            and self._python(variables) in (*_ANY_PYTHON, sys.executable)
        )

    def _python(self, variables: Mapping[str, Any]) -> str | None:
        """The Python that is asked for; None where only Ansible can say what the template means."""
        host = self._task.delegate_to
        known = variables.get("ansible_delegated_vars", {}).get(host, {}) if host else variables
        configured = C.config.get_config_value("INTERPRETER_PYTHON", variables=known)
        try:
            return str(self._templar.template(configured) or "").strip()
        except AnsibleError:
            return None

    def _enter(self, module: Module, variables: Mapping[str, Any]) -> Result:
        """What the module would print."""
        told = _cores.settings(self, variables)
        params = _cores.plain(self._task.args)
        warnings, deprecations = len(get_warning_messages()), len(get_deprecation_messages())
        checked = ModuleArgumentSpecValidator(
            module.argument_spec,
            mutually_exclusive=module.mutually_exclusive,
            required_one_of=module.required_one_of,
            required_if=module.required_if,
            required_together=module.required_together,
        ).validate(params)
        params.update(checked.validated_parameters)
        given = begin_hiding(module, params, checked._no_log_values)
        if checked.error_messages:
            result = _failure(told, self._complaint(checked.errors), None, {})
        else:
            result = self._ask(module, params, told, self._way_to_show(variables))
        result["warnings"] = [*get_warning_messages()[warnings:], *result.get("warnings", ())]
        result["deprecations"] = [*get_deprecation_messages()[deprecations:]]
        failed = result.get("failed")
        masked = stamped(KNOWN.mask_error(result) if failed else hidden(result, given))
        if told.get("_ansible_inject_invocation", True):
            masked["invocation"] = {"module_args": KNOWN.mask(params)}
        return masked

    def _complaint(self, errors: Any) -> str:
        unsupported = isinstance(errors[0], UnsupportedError)
        return (
            f"Unsupported parameters for ({self._task.action}) module: {errors.msg}"
            if unsupported
            else errors.msg
        )

    def _ask(
        self, module: Module, params: Result, told: Mapping[str, Any], show: Callable[[str], None]
    ) -> Result:
        try:
            with _as_a_process_of_its_own(self._loader.get_basedir()):
                try:
                    return dict(module.run(params, self._task.check_mode, module.connect(params), show))
                finally:
                    module.leave()
        except BluegreenError as error:
            return _failure(told, error.message, error, error.details)
        except Exception as error:  # noqa: BLE001 - as in the module, told with its traceback
            return _failure(told, unexpected(error), error, {"exception": traceback.format_exc()})

    def _way_to_show(self, variables: Mapping[str, Any]) -> Callable[[str], None]:
        """Shows a line at once: what a forked process displays is passed on to the main process."""
        if self._task.check_mode or self._task.no_log:
            return lambda line: None
        host = variables.get("inventory_hostname")

        def show(line: str) -> None:
            shown = KNOWN.mask_error(line)
            if tell(str(host), shown):
                return
            # Standard output may be somebody's JSON. A main process that is gone reads nothing any more.
            with contextlib.suppress(OSError):
                Display().display(f"[{host}] {shown}", stderr=True)

        return show


def _failure(
    told: Mapping[str, Any], message: str, error: BaseException | None, details: Mapping[str, Any]
) -> Result:
    result = {**details, "failed": True, "msg": message}
    shown = _cores.shown_traceback(told, error, result.pop("exception", None))
    return {**result, "exception": shown} if shown else result


@contextlib.contextmanager
def _as_a_process_of_its_own(folder: str) -> Iterator[None]:
    """In the playbook's folder, and with nobody who reads what a library prints or logs."""
    here = os.open(".", _O_PATH)
    outputs = {number: os.dup(number) for number in (1, 2)}
    level = logging.root.manager.disable
    with open(os.devnull, "w") as nowhere:
        try:
            os.chdir(folder)
            for number in outputs:
                os.dup2(nowhere.fileno(), number)
            logging.disable()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                yield
        finally:
            logging.disable(level)
            for number, output in outputs.items():
                os.dup2(output, number)
                os.close(output)
            os.fchdir(here)
            os.close(here)
