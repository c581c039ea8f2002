#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_record
short_description: Mark a color's Deployment with what has become of its release
version_added: 0.1.0
description:
  - Writes an annotation on the color's Deployment that says that its release was proven, or that a rollback has left it.
  - The annotation names the release it speaks of, and counts only while the Deployment carries that same release.
  - Fails when the Deployment carries another release than the one named here.
author:
  - Octoblu contributors (@octoblu)
options:
  app:
    description: The application.
    type: str
    required: true
  namespace:
    description: The application's namespace.
    type: str
    required: true
  color:
    description: The color to mark.
    type: str
    required: true
    choices: [blue, green]
  commit:
    description: The commit that the color runs.
    type: str
    required: true
  manifest:
    description: The hash of its manifests, as RV(octoblu.bluegreen.release_plan#module:manifest) has it.
    type: str
    required: true
  event:
    description:
      - V(staged) marks a release that has passed its checks, which makes it one to roll back to.
      - V(rolled_back) marks a release that a rollback has left, which makes it none.
    type: str
    required: true
    choices: [staged, rolled_back]
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.writes
attributes:
  check_mode:
    support: partial
    details:
      - Reads nothing and reports no change, because what it would mark has not been staged either.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Mark green as proven
  octoblu.bluegreen.release_record:
    app: shop
    namespace: shop
    color: green
    commit: "{{ plan.commit }}"
    manifest: "{{ plan.manifest }}"
    event: staged
"""

RETURN = r"""
at:
  description: When the mark was written or found, in seconds since the epoch.
  returned: success
  type: float
  sample: 1760000000.123
"""

from ansible_collections.octoblu.bluegreen.plugins.module_utils._k8s import ARGUMENT_SPEC, connect, leave
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ports import COLORS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Room, enter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms.release_record import MARKS, run

ROOM = Room(
    run=run,
    connect=connect,
    leave=leave,
    argument_spec={
        "app": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "color": {"type": "str", "required": True, "choices": list(COLORS)},
        "commit": {"type": "str", "required": True},
        "manifest": {"type": "str", "required": True},
        "event": {"type": "str", "required": True, "choices": list(MARKS)},
        **ARGUMENT_SPEC,
    },
)


def main() -> None:
    enter(ROOM)


if __name__ == "__main__":
    main()
