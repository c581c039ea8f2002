# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, stamped
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import RENDERING
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.settings import (
    PREFIX,
    check_settings,
    unfilled,
    why_nothing,
)
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _cores

_SPECS = Path(__file__).parents[2] / "roles" / "bluegreen" / "meta" / "argument_specs.yml"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Reads the role's variables as its argument spec describes them."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        variables = task_vars or {}
        started = time.time()
        [entry] = yaml.safe_load(_SPECS.read_text(encoding="utf-8"))["argument_specs"].values()
        refused, nothing, instead = "", "", {}
        try:
            names = [name for name in variables if name.startswith(PREFIX)]
            values = self._values(entry["options"], variables)
            instead = self._defaults(unfilled(values))
            values |= instead
            check_settings(entry["options"], names, values)
            nothing = why_nothing(values)
        except InputError as error:
            refused = error.message
        returned = self._task.args.get("returned") or {}
        before = {name: value["at"] for name, value in returned.items() if value.get("at")}
        return stamped(
            {
                "changed": False,
                "refused": refused,
                "nothing": nothing,
                "started": started,
                "before": before,
                # ansible_check_mode says it of the command line alone, not of a play or a task.
                "check_mode": self._task.check_mode,
                "instead": instead,
            }
        )

    def _values(self, spec: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """What the variables come to. One that only a template of the manifests needs may hang on what is not there."""
        values: dict[str, Any] = {}
        action = variables.get("bluegreen_action")
        for name in [each for each in spec if each in variables]:
            try:
                values[name] = self._templar.template(variables[name])
            except AnsibleError as error:
                if spec[name].get("required") or self._templar.template(action) in RENDERING:
                    raise InputError(f"{name} cannot be read: {_cores.template_error(error)}") from None
        return values

    def _defaults(self, names: list[str]) -> dict[str, Any]:
        """The role's own values of these variables, which extra variables hide; none that is empty itself."""
        role = self._task._role
        defaults = role.get_default_vars() if role else {}
        return {
            name: self._templar.template(defaults[name]) for name in names if defaults.get(name, "") != ""
        }
