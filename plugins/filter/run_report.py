# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: run_report
short_description: What a run of the role bluegreen has come to
version_added: 0.1.0
description:
  - Makes one result of what the tasks of the role returned, and tells what is to be done after a failure.
  - Made for the role P(octoblu.bluegreen.bluegreen#role).
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: What is registered now, by the names under which the role does so.
    type: dict
    required: true
  before:
    description: When what was registered before the run began had been returned, by the same names.
    type: dict
    required: true
  asked:
    description: What the run is for, with C(app), C(action), C(commit), when it C(started), and so on.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say how it ended
  ansible.builtin.debug:
    msg: "{{ (returned | octoblu.bluegreen.run_report(before, asked)).result }}"
"""

RETURN = r"""
_value:
  description:
    - C(result) for other plays, C(reason) why it failed, whether that C(judges) the release, the files of tasks for its
      C(recovery), what hooks are told in C(hook), the C(idle) color now, and whether the run has C(lost_lock).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import (
    hook,
    idle,
    judges,
    lost_lock,
    reason,
    recovery,
    result,
    run_of,
)


def run_report(
    returned: Mapping[str, Any], before: Mapping[str, float], asked: Mapping[str, Any]
) -> dict[str, Any]:
    run = run_of(returned, before, asked)
    return {
        "result": result(run),
        "reason": reason(run),
        "judges": judges(run),
        "recovery": recovery(run),
        "hook": hook(run),
        "idle": idle(run),
        "lost_lock": lost_lock(run),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"run_report": run_report}
