#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_record
short_description: Write down what has become of a release
version_added: 0.1.0
description:
  - Adds an event to the ledger of the application, the ConfigMap C(<app>-releases). From these events, and from what is
    live, a rollback finds the last good release.
  - With some events it also writes an annotation on the color's Deployment, which says that its release was proven, or
    that a rollback has left it. The annotation names the release it speaks of, and counts only while the Deployment
    carries that same release. It fails when the Deployment carries another one.
  - A ledger that cannot be written is a warning, never a failure.
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
  event:
    description:
      - V(staged), a release has passed its checks on the idle color. Marks it as proven.
      - V(failed), a release could not be staged or switched to.
      - V(swapped), the router was pointed at a release.
      - V(rollback), a rollback is about to move the traffic.
      - V(rolled_back), it has. Marks the release in O(left) as one that no rollback goes to.
      - V(retired), a color was scaled to zero.
      - V(released), the hold that a rollback has put on deploys has ended.
    type: str
    required: true
    choices: [staged, failed, swapped, rollback, rolled_back, retired, released]
  color:
    description: The color of the release.
    type: str
    required: true
    choices: [blue, green]
  commit:
    description: The commit of the release; for a rollback, of the one that it goes to.
    type: str
  manifest:
    description: The hash of its manifests, as RV(octoblu.bluegreen.release_plan#module:manifest) has it.
    type: str
  service:
    description:
      - The C(Service) of no deploy, C(<namespace>/<name>), that a rollback goes to, where there is no O(commit) that it does.
    type: str
  left:
    description: The release that served before.
    type: dict
    suboptions:
      commit:
        description: Its commit.
        type: str
        required: true
      manifest:
        description: The hash of its manifests.
        type: str
        required: true
  run:
    description:
      - A name of this run. Events of one run belong together, and an event that a run has written already is not written
        again.
    type: str
    required: true
  keep:
    description:
      - The release's manifests to keep in the ledger, as RV(octoblu.bluegreen.release_plan#module:keep) has them.
    type: str
  rendered:
    description: The hash of the manifests that were asked for, where the release was brought back as it once served.
    type: str
  order:
    description:
      - For V(staged) and V(swapped), the order that the release was deployed with, as
        RV(octoblu.bluegreen.release_plan#module:order) has it.
    type: str
  repairs:
    description: Whether the router was pointed at it to repair it.
    type: bool
    default: false
  awx:
    description: The AWX job that this is, if any.
    type: dict
    suboptions:
      job:
        description: The number of the job.
        type: str
      user:
        description: Who started it.
        type: str
  seconds:
    description: How long each phase took.
    type: dict
  gap_ms:
    description: For how long each listener port was closed, in milliseconds.
    type: dict
  outcome:
    description: How the run ended, for O(event=failed).
    type: str
  hold:
    description: For V(rolled_back), whether deploys are refused by M(octoblu.bluegreen.release_plan) until V(released) is written.
    type: bool
    default: false
  thaw:
    description: Why the run went on although deploys were frozen. Only its first line is kept, up to 300 characters.
    type: str
  cause:
    description: Why it failed. Only its first line is kept, up to 300 characters.
    type: str
  judges:
    description: Whether a failure to stage, or of the checks, says of the release that it is bad.
    type: bool
    default: true
  limit:
    description: How many events the ledger keeps.
    type: int
    default: 50
  lock:
    description: The application's lock. Nothing is written when it is no longer held.
    type: dict
    suboptions:
      token:
        description: The RV(octoblu.bluegreen.k8s_lock#module:token) of the hold.
        type: str
        required: true
      phase:
        description: The part of the work that begins now, as O(octoblu.bluegreen.k8s_lock#module:phase).
        type: str
      seconds:
        description: After how many seconds the hold then ends by itself; needed with O(lock.phase).
        type: int
  unlock:
    description: The RV(octoblu.bluegreen.k8s_lock#module:token) of a hold of the application's lock, to be freed afterwards.
    type: str
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.writes
attributes:
  check_mode:
    support: partial
    details:
      - Reads nothing and reports no change, because what it would write down has not happened either.
  diff_mode:
    support: none
seealso:
  - module: octoblu.bluegreen.release_plan
  - module: octoblu.bluegreen.k8s_lock
"""

EXAMPLES = r"""
- name: Mark green as proven
  octoblu.bluegreen.release_record:
    app: shop
    namespace: shop
    color: green
    commit: "{{ plan.commit }}"
    manifest: "{{ plan.manifest }}"
    keep: "{{ plan.keep }}"
    event: staged
    run: "{{ lock.token }}"
"""

RETURN = r"""
unlocked:
  description: Whether the lock was freed.
  returned: success
  type: bool
at:
  description: When it was done, in seconds since the epoch.
  returned: always
  type: float
  sample: 1760000000.123
"""

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import (
    ARGUMENT_SPEC,
    connect,
    leave,
    secrets,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module, enter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.release_record import (
    EVENTS,
    run,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS

MODULE = Module(
    run=run,
    connect=connect,
    leave=leave,
    secrets=secrets,
    argument_spec={
        "app": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "event": {"type": "str", "required": True, "choices": list(EVENTS)},
        "color": {"type": "str", "required": True, "choices": list(COLORS)},
        "commit": {"type": "str"},
        "manifest": {"type": "str"},
        "service": {"type": "str"},
        "left": {
            "type": "dict",
            "options": {
                "commit": {"type": "str", "required": True},
                "manifest": {"type": "str", "required": True},
            },
        },
        "run": {"type": "str", "required": True},
        "keep": {"type": "str"},
        "rendered": {"type": "str"},
        "repairs": {"type": "bool", "default": False},
        "order": {"type": "str"},
        "awx": {"type": "dict", "options": {"job": {"type": "str"}, "user": {"type": "str"}}},
        "seconds": {"type": "dict"},
        "gap_ms": {"type": "dict"},
        "outcome": {"type": "str"},
        "hold": {"type": "bool", "default": False},
        "thaw": {"type": "str"},
        "cause": {"type": "str"},
        "judges": {"type": "bool", "default": True},
        "limit": {"type": "int", "default": 50},
        "lock": {
            "type": "dict",
            "options": {
                "token": {"type": "str", "required": True, "no_log": False},
                "phase": {"type": "str"},
                "seconds": {"type": "int"},
            },
            "required_together": [("phase", "seconds")],
        },
        "unlock": {"type": "str", "no_log": False},
        **ARGUMENT_SPEC,
    },
    required_one_of=[("commit", "service")],
    required_together=[("commit", "manifest")],
    required_if=[
        ("event", event, ("commit",))
        for event in EVENTS
        if event not in ("rollback", "rolled_back", "released")
    ],
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
