#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_apply
short_description: Apply the objects of a release
version_added: 0.1.0
description:
  - Creates or changes objects as C(kubectl apply --server-side) does, as field manager C(octoblu.bluegreen). The API server
    merges lists by its own keys. What was applied before and is not among the object's fields any more is taken away; what
    others have set stays, and to change it is refused, naming who has set it, unless O(replace=true).
  - What was applied from the client's side before, with C(kubectl apply) or an earlier version of this collection, is taken
    over, and its annotation C(kubectl.kubernetes.io/last-applied-configuration) removed.
  - A C(Job) cannot be changed, so one whose content differs, or that has failed, is deleted and made anew. One that is the
    same and has completed stays as it is.
  - It exists beside M(kubernetes.core.k8s) because it shares the process and the connection of this collection's other
    modules, costs a tenth of the time, and says what a refusal means.
  - Objects are applied in the order in which they are given; the first refusal ends it.
author:
  - Octoblu contributors (@octoblu)
options:
  namespace:
    description: The namespace of all objects.
    type: str
    required: true
  objects:
    description:
      - The objects, as RV(octoblu.bluegreen.release_plan#module:objects) has them.
      - A field with the value null is taken for absent.
    type: list
    elements: dict
    default: []
  strict:
    description:
      - Whether the API server refuses a field that it does not know, such as a misspelt one, instead of dropping it.
      - What has served before had better not be refused, though an API may have lost a field since.
    type: bool
    default: true
  replace:
    description:
      - Clears what is in the way. Fields that others have set are taken over, and a C(Deployment) whose selector is to change,
        which no API server allows, is deleted with its pods and made anew.
    type: bool
    default: false
  scale:
    description:
      - How many replicas a C(Deployment) is to want, after the objects are applied, whoever has set that before.
      - It is written under a field manager apart, C(octoblu.bluegreen.scale), so that what is applied next says nothing of
        it, and an autoscaler may set it.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the C(Deployment).
        type: str
        required: true
      replicas:
        description: How many.
        type: int
        required: true
  lock:
    description: A lock that has to be held. Nothing is written when it is no longer this run's.
    type: dict
    suboptions:
      name:
        description: The name of its C(Lease).
        type: str
        required: true
      token:
        description: The RV(octoblu.bluegreen.k8s_lock#module:token) of the hold.
        type: str
        required: true
  difference:
    description:
      - What C(--diff) shows in check mode instead of the difference to what is there, as
        RV(octoblu.bluegreen.release_plan#module:difference) has it.
    type: list
    elements: dict
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.writes
attributes:
  check_mode:
    details:
      - The API server is asked what each write would do, so that its refusals are told as well.
seealso:
  - module: kubernetes.core.k8s
  - module: octoblu.bluegreen.release_plan
"""

EXAMPLES = r"""
- name: Bring the release up on the idle color
  octoblu.bluegreen.release_apply:
    namespace: shop
    objects: "{{ plan.objects }}"
"""

RETURN = r"""
applied:
  description:
    - The objects in the order in which they were applied, with their C(kind), C(name), and whether they C(changed). What was
      scaled comes after them.
  returned: success
  type: list
  elements: dict
  sample: [{kind: Deployment, name: shop-green, changed: true}]
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.release_apply import run

MODULE = Module(
    run=run,
    connect=connect,
    leave=leave,
    secrets=secrets,
    argument_spec={
        "namespace": {"type": "str", "required": True},
        "objects": {"type": "list", "elements": "dict", "default": []},
        "strict": {"type": "bool", "default": True},
        "replace": {"type": "bool", "default": False},
        "scale": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "replicas": {"type": "int", "required": True},
            },
        },
        "lock": {
            "type": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "token": {"type": "str", "required": True, "no_log": False},
            },
        },
        "difference": {"type": "list", "elements": "dict"},
        **ARGUMENT_SPEC,
    },
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
