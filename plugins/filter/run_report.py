# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: run_report
short_description: How a run of the role bluegreen ended
version_added: 0.1.0
description:
  - Makes one result of what the tasks of the role returned, and a few lines for a person.
  - Made for the role P(octoblu.bluegreen.bluegreen#role).
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: What is registered now, by the names under which the role does so.
    type: dict
    required: true
  before:
    description: What was registered when the run began, by the same names.
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
    msg: "{{ (returned | octoblu.bluegreen.run_report(before, asked)).summary }}"
"""

RETURN = r"""
_value:
  description:
    - C(result) for other plays, C(summary) for a person, C(reason) why it failed, whether that C(judges) the release, and
      for C(recovery) whether to C(undo), C(go_back) and C(record), what hooks are told in C(hook), the
      C(idle) color now, and whether C(lock_is_freed), whether the run has C(lost_lock), and whether it C(went_back).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.report import (
    Asked,
    Run,
    hook,
    idle,
    judges,
    lock_is_freed,
    lost_lock,
    reason,
    recovery,
    result,
    returned_since,
    summary,
    went_back,
)


def run_report(
    returned: Mapping[str, Any], before: Mapping[str, Any], asked: Mapping[str, Any]
) -> dict[str, Any]:
    did = {name: returned_since(value, before.get(name) or {}) for name, value in returned.items()}
    run = Run(Asked(**asked), did)
    return {
        "result": result(run),
        "summary": summary(run),
        "reason": reason(run),
        "judges": judges(run),
        "recovery": recovery(run),
        "hook": hook(run),
        "idle": idle(run),
        "lock_is_freed": lock_is_freed(run),
        "lost_lock": lost_lock(run),
        "went_back": went_back(run),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"run_report": run_report}
