#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_smoke
short_description: Ask an application over HTTP before it serves
version_added: 0.1.0
description:
  - Sends one GET request to a Service through the Kubernetes API, or to an address.
  - An answer of 200 to 399 is good. Any other answer of the application fails, and so does a Service that leads nowhere.
  - A Service is asked at one of its ready pods where the right to C(pods/proxy) allows that, so that the result can say
    which one answered, and otherwise by C(services/proxy).
  - A load balancer may need a moment for a new listener or instance. With O(url) no answer at all, and an answer of 502,
    503 or 504, is asked for again until O(timeout), and the failure then tells the last one.
  - When the API server cannot reach the pods at all (no route, time-out, no right to C(services/proxy)) nothing is learnt
    about the application; that is a warning.
  - In check mode nothing is sent.
author:
  - Octoblu contributors (@octoblu)
options:
  namespace:
    description: The Service's namespace.
    type: str
  service:
    description: The Service to ask through the Kubernetes API.
    type: str
  port:
    description: The Service's port, by its name, or by its number where it has none.
    type: str
  path:
    description: What to ask the Service for, with its query if there is one.
    type: str
    default: /
  url:
    description: The address to ask instead of a Service, which may be that of a load balancer.
    type: str
  expect:
    description:
      - A text that has to be in the body of the answer, within its first mebibyte, or in one of its headers; for example the
        commit, where the application tells it. A good answer without it is not the wanted release's. A load balancer may
        have moved on a moment later, so it is asked again until O(timeout).
      - Letters are compared as they are. Nothing is expected where it is empty.
    type: str
    default: ""
    version_added: 0.2.0
  timeout:
    description: How long to wait for the answer, in seconds, and with O(url) or O(expect) for a good one.
    type: int
    default: 10
  lock:
    description:
      - The lock under which this is done, as M(octoblu.bluegreen.k8s_lock) has taken it, and the phase of it that begins
        first. Without it the request is not sent.
    type: dict
    suboptions:
      name:
        description: The name of the lock, in O(namespace).
        type: str
        required: true
      token:
        description: What tells this run's hold from others.
        type: str
        required: true
      phase:
        description: The phase that begins.
        type: str
        default: checks
      seconds:
        description: How long it may last, in seconds.
        type: int
        default: 120
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.facts
"""

EXAMPLES = r"""
- name: Ask the green Service
  octoblu.bluegreen.k8s_smoke:
    namespace: shop
    service: shop-green
    port: http
    path: /healthz

- name: Ask where the idle color is shown, and see that the new release answers
  octoblu.bluegreen.k8s_smoke:
    url: https://preview.shop.example.com/version
    expect: 4f2a91c
"""

RETURN = r"""
answered:
  description: Whether the application answered, false in check mode and where only a warning is given.
  returned: success
  type: bool
asked:
  description: Who was asked for what.
  returned: success, outside check mode
  type: str
  sample: GET / by the Kubernetes API
cause:
  description:
    - Who was asked and what came back, in a sentence without anything that the application said, for a record.
      RV(ignore:msg) quotes the application.
  returned: failure of the request
  type: str
  sample: Service shop-green (port http, path /) through the Kubernetes API answered 500
pod:
  description:
    - The pod that was asked. Empty where that cannot be told, which is with O(url), or where only C(services/proxy) is
      allowed.
  returned: success or failure of the request, not in check mode
  type: str
  sample: shop-green-7d9c8b6f5-x2x4z
elapsed:
  description: How long it took, in seconds.
  returned: always
  type: float
  sample: 0.012
at:
  description: When it was done, in seconds since the epoch.
  returned: always
  type: float
  sample: 1760000000.123
"""

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import (
    ARGUMENT_SPEC,
    leave,
    secrets,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module, enter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_smoke import connect, run

MODULE = Module(
    run=run,
    connect=connect,
    leave=leave,
    secrets=secrets,
    argument_spec={
        "namespace": {"type": "str"},
        "service": {"type": "str"},
        "port": {"type": "str"},
        "path": {"type": "str", "default": "/"},
        "url": {"type": "str"},
        "expect": {"type": "str", "default": ""},
        "timeout": {"type": "int", "default": 10},
        "lock": {
            "type": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "token": {"type": "str", "required": True, "no_log": False},
                "phase": {"type": "str", "default": "checks"},
                "seconds": {"type": "int", "default": 120},
            },
        },
        **ARGUMENT_SPEC,
    },
    mutually_exclusive=[("url", "service")],
    required_one_of=[("url", "service")],
    required_together=[("service", "port")],
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
