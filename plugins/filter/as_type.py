# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: as_type
short_description: A role's variable as its argument spec converts it
version_added: 0.2.0
description:
  - Ansible checks the variables of a role against its argument spec, but goes on with them as they were given. A number
    or a mapping that came as a text, from C(-e name=value) or the survey of a job template, stays a text.
  - Made for the role P(octoblu.bluegreen.bluegreen#role).
positional: type, elements
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: The variable. V(null) and the empty text are the empty value of the type.
    type: raw
    required: true
  type:
    description:
      - What the argument spec says that it is. A V(list) is made of a JSON text, too.
      - A V(str) that was read from bytes that are not UTF-8 is refused.
    type: str
    choices: [bool, dict, int, list, path, str]
    required: true
  elements:
    description: What each element of a list is.
    type: str
    choices: [bool, dict, int, list, path, str]
"""

EXAMPLES = r"""
- name: Show the number of a text
  ansible.builtin.debug:
    msg: "{{ '2' | octoblu.bluegreen.as_type('int') }}"

- name: Show the mapping of a JSON text
  ansible.builtin.debug:
    msg: "{{ '{\"secretRef\": {\"name\": \"keys\"}}' | octoblu.bluegreen.as_type('dict') }}"
"""

RETURN = r"""
_value:
  description: The value as a module would get it.
  type: raw
"""

import json
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import undecoded_line

_EMPTY: dict[str, Callable[[], Any]] = {
    "bool": bool,
    "dict": dict,
    "int": int,
    "list": list,
    "path": str,
    "str": str,
}


def as_type(value: Any, type: str, elements: str | None = None) -> Any:
    if value is None or value == "":
        return _EMPTY[type]()
    try:
        if type == "list" and isinstance(value, str) and value.lstrip().startswith("["):
            value = json.loads(value)
        converted = DEFAULT_TYPE_VALIDATORS[type](value)
    except (TypeError, ValueError) as error:
        # The value itself may be a secret.
        raise AnsibleFilterError(
            f"a value cannot be read as {type}: it is of type {value.__class__.__name__}"
        ) from error
    # It would fail later, where nobody knows what it was read from.
    if type == "str" and (line := undecoded_line(converted)):
        raise AnsibleFilterError(f"line {line} is not UTF-8")
    return [as_type(each, elements) for each in converted] if elements else converted


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"as_type": as_type}
