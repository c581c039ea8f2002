# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: returned_since
short_description: What tasks have returned since something began
version_added: 0.1.0
description:
  - Ansible keeps what a task has registered until the play ends, so that a role that runs again finds what its last run
    left. This tells the one from the other, by comparing with what was there when the run began.
  - Made for the role P(octoblu.bluegreen.bluegreen#role), whose modules put the time into all that they return.
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: What is registered now, by any names.
    type: dict
    required: true
  before:
    description: What was registered when the run began, by the same names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Tell what this run has applied
  ansible.builtin.debug:
    msg: "{{ ({'applied': applied} | octoblu.bluegreen.returned_since(before)).applied }}"
"""

RETURN = r"""
_value:
  description: Each name with what was returned since, empty where nothing was, or where its task was skipped.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any


def returned_since(returned: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {} if value.get("skipped") or value == before.get(name) else value
        for name, value in returned.items()
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"returned_since": returned_since}
