# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin utility is private to octoblu.bluegreen and may change at any time.

"""What Ansible does with a module's arguments and its result, in each core that was tried.

Imports stand inside the functions because every core has other names for these things: a core that
was not tried must still be able to load this file.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.release import __version__

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import undecoded_line

# What matters of an error in a template: ansible-core 2.18 wraps it up, with the template's text behind it.
_WRAPPED = re.compile(r"original message: (?!.*original message: )(.+?)\. String: ", re.DOTALL)
_UNDEFINED = re.compile(r"('[^']+' is undefined)")
_OF_A_FILTER = re.compile(r"The filter plugin 'octoblu[.]bluegreen[.]\w+' failed: (.+)", re.DOTALL)

_CORE = tuple(int(part) for part in __version__.split(".")[:2])

# Ansible's own methods are called that it may change with every minor version.
TRIED = (2, 17) <= _CORE <= (2, 21)

Values = dict[str, Any]


def plain(arguments: Mapping[str, Any]) -> Values:
    """A task's arguments as a module reads them: JSON's types, without tags, vaulted text in clear."""
    if _CORE < (2, 19):
        from ansible.module_utils.common.json import AnsibleJSONEncoder

        text = json.dumps(arguments, cls=AnsibleJSONEncoder, vault_to_text=True)
        return dict(json.loads(text))
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder

    encoder = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)
    decoder = get_module_decoder("legacy", Direction.CONTROLLER_TO_MODULE)
    return dict(json.loads(json.dumps(arguments, cls=encoder), cls=decoder))


def settings(action: Any, variables: Mapping[str, Any]) -> Values:
    """What a module is told beside its arguments: its name, verbosity and so on, as ``_ansible_*``."""
    told: Values = {}
    action._update_module_args(action._task.action, told, variables)
    return told


def shown_traceback(
    told: Mapping[str, Any], error: BaseException | None, given: str | None = None
) -> str | None:
    """The ``exception`` of a result, as fail_json decides it: ``given``, or the traceback of ``error``, or none."""
    if _CORE < (2, 19):
        if given or error is None or not (told["_ansible_debug"] or told["_ansible_verbosity"] >= 3):
            return given
        return "".join(traceback.format_tb(error.__traceback__))
    if "error" not in told["_ansible_tracebacks_for"]:
        return None
    return given or "".join(traceback.format_stack() if error is None else traceback.format_exception(error))


def returned(action: Any, result: Values) -> Values:
    """The result as the action gets it from a module that prints it."""
    printed = {"rc": 1 if result.get("failed") else 0, "stderr": ""}
    if _CORE < (2, 19):
        from ansible.module_utils.common.text.converters import jsonify
        from ansible.utils.unsafe_proxy import wrap_var
        from ansible.vars.clean import remove_internal_keys

        parsed = action._parse_returned_data({**printed, "stdout": jsonify(result)})
        remove_internal_keys(parsed)
        return dict(wrap_var(parsed))
    from ansible.module_utils.common.json import Direction, get_module_encoder

    text = json.dumps(result, cls=get_module_encoder("legacy", Direction.MODULE_TO_CONTROLLER))
    parsed = action._parse_returned_data({**printed, "stdout": text}, "legacy")
    if _CORE < (2, 21):
        from ansible.vars.clean import remove_internal_keys

        remove_internal_keys(parsed)
        return dict(parsed)
    parsed.remove_internal_keys()
    return dict(parsed.as_result_dict(for_round_trip=True))


def rendered(action: Any, template: str, variables: Values, given: Mapping[str, Any]) -> str:
    """The text of a template, with the task's variables and those that are given for it alone.

    Raises AnsibleError where it is not there, or does not render.
    """
    from ansible.plugins.loader import lookup_loader

    lookup = lookup_loader.get("ansible.builtin.template", loader=action._loader, templar=action._templar)
    [made] = lookup.run([template], variables=variables, template_vars=dict(given))
    text = made if isinstance(made, str) else json.dumps(made)
    if line := undecoded_line(text):
        raise AnsibleError(f"line {line} is not UTF-8")
    return text


def template_error(error: BaseException) -> str:
    """Why a template does not render, without where Ansible came upon it."""
    told = str(error)
    found = _WRAPPED.search(told) or _UNDEFINED.search(told) or _OF_A_FILTER.search(told)
    return found[1] if found else told.rpartition("Task failed: ")[2]
