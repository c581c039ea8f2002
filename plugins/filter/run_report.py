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
    description: What the tasks of a run have returned, by the names under which the role registers it.
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
    msg: "{{ (returned | octoblu.bluegreen.run_report(asked)).summary }}"
"""

RETURN = r"""
_value:
  description:
    - C(result) for other plays, C(summary) for a person, C(reason) why it failed, whether that C(judges) the release, and
      for C(recovery) whether to C(undo), C(go_back) and C(record), and what hooks are told in C(hook).
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.report import (
    Asked,
    Run,
    hook,
    judges,
    reason,
    recovery,
    result,
    summary,
)


def run_report(returned: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    run = Run(Asked(**asked), returned)
    return {
        "result": result(run),
        "summary": summary(run),
        "reason": reason(run),
        "judges": judges(run),
        "recovery": recovery(run),
        "hook": hook(run),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"run_report": run_report}
