# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: returned_since
short_description: What a task has returned since something began
version_added: 0.1.0
positional: before, name
description:
  - Ansible keeps what a task has registered until the play ends, so that a role that runs again finds what its last run
    left. This tells the one from the other, by the time that our modules put into all that they return.
  - Made for the role P(octoblu.bluegreen.bluegreen#role).
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: What is registered now.
    type: dict
    required: true
  before:
    description: When what was registered before the run began had been returned, by name.
    type: dict
    required: true
  name:
    description: The name among these.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Tell what this run has applied
  ansible.builtin.debug:
    msg: "{{ applied | octoblu.bluegreen.returned_since(before, 'applied') }}"
"""

RETURN = r"""
_value:
  description: What was returned since, empty where nothing was, or where the task was skipped.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import returned_since


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"returned_since": returned_since}
