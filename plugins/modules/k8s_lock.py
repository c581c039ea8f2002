#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_lock
short_description: Hold a lock in a cluster, so that two runs do not interleave
version_added: 0.1.0
description:
  - Takes, renews and frees a lock that is a C(Lease) of the cluster. Of several that take it at the same time exactly one
    gets it, because it is written only over the version that was read.
  - A hold ends when it is freed, when O(seconds) have passed since it was taken or renewed, or when C(ansible-playbook)
    that took it has ended, where that ran on the host that asks.
  - Whoever is refused is told who holds it, for what, since when, and until when at the latest.
  - The C(Lease) stays when the lock is freed.
author:
  - Octoblu contributors (@octoblu)
options:
  name:
    description: The name of the C(Lease).
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  state:
    description:
      - V(held) takes the lock, or renews the hold that O(token) names.
      - V(free) frees that hold; without O(token), whoever has it, if that hold is over or in a phase of O(take_from).
    type: str
    choices: [held, free]
    default: held
  token:
    description:
      - What an earlier task returned. It fails when the lock is no longer that hold's; to free it is then no failure, and
        nothing is done.
    type: str
  holder:
    description: Who holds it, for people; by default C(user@host).
    type: str
  purpose:
    description: What it is held for, for people.
    type: str
    default: ""
  phase:
    description: The part of the work that begins now.
    type: str
    default: ""
  seconds:
    description: After how many seconds the hold ends by itself unless it is renewed.
    type: int
    default: 300
  wait:
    description: How many seconds to wait for somebody else's hold to end.
    type: int
    default: 0
  take_from:
    description: Phases in which somebody else's hold is taken over at once.
    type: list
    elements: str
    default: []
  expect_version:
    description:
      - The version (C(metadata.resourceVersion)) of the C(Lease) that was read before, empty when there was none. When the
        lock was taken over another one, RV(contended) says so.
    type: str
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.writes
attributes:
  check_mode:
    details:
      - Takes nothing and does not wait. It fails where the lock could not be taken now.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - To take a lock that one holds already, without its token, is refused. To free it twice changes nothing.
"""

EXAMPLES = r"""
- name: Take the lock
  octoblu.bluegreen.k8s_lock:
    name: shop-lock
    namespace: shop
    purpose: migration of the database
    seconds: 600
    wait: 60
  register: lock

- name: Give it back
  octoblu.bluegreen.k8s_lock:
    name: shop-lock
    namespace: shop
    state: free
    token: "{{ lock.token }}"
"""

RETURN = r"""
token:
  description: Names the hold, to renew or free it. Null in check mode, and when it was freed.
  returned: success
  type: str
  sample: 9f86d081884c7d65
version:
  description: The version of the C(Lease) now, empty when there is none.
  returned: success
  type: str
  sample: "4711"
contended:
  description:
    - Whether somebody else may have had the lock since O(expect_version), so that what was read before it was taken may be
      out of date.
  returned: success
  type: bool
taken_from:
  description: Whose hold was taken over or freed, with C(holder), C(purpose), C(phase), C(host), C(since), C(until), C(over).
  returned: success
  type: dict
lock:
  description: Whose hold it is, with the same keys; null when nobody's.
  returned: when the lock is somebody else's
  type: dict
locked:
  description: Whether it failed because the lock is somebody else's.
  returned: when the lock is somebody else's
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_lock import run

MODULE = Module(
    run=run,
    connect=connect,
    leave=leave,
    secrets=secrets,
    argument_spec={
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "state": {"type": "str", "default": "held", "choices": ["held", "free"]},
        "token": {"type": "str", "no_log": False},
        "holder": {"type": "str"},
        "purpose": {"type": "str", "default": ""},
        "phase": {"type": "str", "default": ""},
        "seconds": {"type": "int", "default": 300},
        "wait": {"type": "int", "default": 0},
        "take_from": {"type": "list", "elements": "str", "default": []},
        "expect_version": {"type": "str"},
        **ARGUMENT_SPEC,
    },
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
