# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import module_loader

from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result

# Both have the same modules.
COLLECTIONS = ("awx.awx", "ansible.controller")

_ADDRESS = (
    "CONTROLLER_HOST is not set, so it is not known which AWX is meant: set it to the address of one, beside "
    "CONTROLLER_OAUTH_TOKEN, or CONTROLLER_USERNAME and CONTROLLER_PASSWORD."
)
# What the modules say of a refusal of the server, and what to do then.
_ADVICE = {
    "HTTP 401": "Set CONTROLLER_OAUTH_TOKEN to a token that is valid, or CONTROLLER_USERNAME and CONTROLLER_PASSWORD.",
    "HTTP Error 401": "Set CONTROLLER_USERNAME and CONTROLLER_PASSWORD to those of a user.",
    "HTTP 403": "Use a token of an administrator of the organization that may write.",
    "Playbook not found for project": (
        "Synchronize the project and see what it says; awx_setup_project_playbooks is the folder in it."
    ),
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs a module of the collection for AWX that is installed."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        kind, spec = str(self._task.args["kind"]), dict(self._task.args["spec"])
        host = os.environ.get("CONTROLLER_HOST")
        if not host:
            return {"failed": True, "msg": _ADDRESS}
        collection = installed(kind)
        if collection is None:
            msg = (
                f"Neither awx.awx nor ansible.controller is installed, whose module {kind} is needed: install one, with "
                "`ansible-galaxy collection install awx.awx`."
            )
            return {"failed": True, "msg": msg}
        name = f"{collection}.{kind}"
        result: Result = self._execute_module(module_name=name, module_args=spec, task_vars=task_vars)
        if result.get("failed"):
            result["msg"] = told(kind, spec, host, str(result.get("msg", "")))
        hidden = [*texts_under(spec, self._task.args.get("secret_keys") or ())]
        return dict(remove_values({**result, "collection": collection}, hidden))


def installed(kind: str) -> str | None:
    """The first of the collections that has this module."""
    found = (
        each for each in COLLECTIONS if module_loader.find_plugin_with_context(f"{each}.{kind}").resolved
    )
    return next(found, None)


def told(kind: str, spec: Mapping[str, Any], host: str, msg: str) -> str:
    """A module's message with what was tried on what, and what to do."""
    which = spec.get("name") or spec.get("identifier")
    advice = next((text for mark, text in _ADVICE.items() if mark in msg), "")
    return f'{kind} "{which}" at {host}: {msg.strip()} {advice}'.strip()


def texts_under(tree: Any, keys: Collection[str]) -> Iterator[str]:
    """The texts that a tree has under these keys."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key in keys and isinstance(value, str) and value:
                yield value
            else:
                yield from texts_under(value, keys)
    elif isinstance(tree, list):
        for value in tree:
            yield from texts_under(value, keys)
