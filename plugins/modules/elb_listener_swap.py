#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: elb_listener_swap
short_description: Point a load balancer at the other color
version_added: 0.1.0
description:
  - Brings all listeners of an application onto the node ports of one color, blue or green, and keeps everything else
    of them, which are protocols, instance protocols, certificates, all policies, and the path and numbers of the health check.
  - A listener of a Classic ELB cannot change its instance port. It is deleted and created again, and its port refuses
    connections in between. Before the delete everything is proven that can be, by creating the listeners exactly as
    they are, which AWS documents to be without effect, and the way back is recorded in tags of the load balancer.
    Delete and create are one call each, one right after the other. RV(gap_ms) tells how long it took.
  - When the listeners cannot be created, the old ones are put back.
  - A run that was killed is found by the next one in the tags that it left, and is finished or undone by it.
  - The listeners that a swap leaves are kept in tags C(octoblu.bluegreen/listeners.0), C(.1), ... One that somebody deletes or
    leads elsewhere is drift, and O(repair=true) brings it back as it was. To give it up, remove these tags.
  - C(SIGTERM), C(SIGINT), C(SIGHUP) and Ansible's C(timeout) wait until the ports are open again.
  - Does not ask whether the application behind the color is ready.
author:
  - Octoblu contributors (@octoblu)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.writes
options:
  name:
    description: Name of the load balancer.
    type: str
    required: true
  type:
    description: The kind of the load balancer.
    type: str
    choices: [classic]
    default: classic
  color:
    description: The color to point at.
    type: str
    choices: [blue, green]
    required: true
  listener_ports:
    description:
      - Listener ports that must point at the color. By default these are the ports that the tags name, those that the
        last swap left, and every other port that points at a color.
      - A listener that points at a color and is not in the list is an error, because it would stay behind.
    type: list
    elements: int
    default: []
  listeners:
    description:
      - Specifications of listeners, to create those that are missing. They go before what the last swap left.
      - A listener that is there stays as it is; a warning says where it differs from its specification.
      - With O(repair=true) the policies named here are set on a listener that lacks them.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: The listener's port.
        type: int
        required: true
      protocol:
        description: The protocol towards clients.
        type: str
        choices: [HTTP, HTTPS, TCP, SSL]
        required: true
      instance_protocol:
        description: The protocol towards instances. V(HTTP) for HTTP and HTTPS, V(TCP) for TCP and SSL by default.
        type: str
        choices: [HTTP, HTTPS, TCP, SSL]
      certificate:
        description: ARN of the certificate of an HTTPS or SSL listener.
        type: str
      policies:
        description:
          - Names of policies that the load balancer has, as C(aws elb describe-load-balancer-policies) shows them.
          - They take the place of a listener's policies of the same types.
        type: list
        elements: str
        default: []
  health_check:
    description:
      - What the health check must be, on the color's node port of the first listener. What is left out stays as it is.
      - Without this option only the port of the check follows the swap, and only where it is one of the old color's node ports.
        Any other check is left alone.
    type: dict
    suboptions:
      protocol:
        description: The protocol of the check.
        type: str
        choices: [HTTP, HTTPS, TCP, SSL]
      path:
        description: The path of an HTTP or HTTPS check.
        type: str
      interval:
        description: Seconds between checks, 5 to 300.
        type: int
      timeout:
        description: Seconds until a check has failed, 2 to 60 and less than the interval.
        type: int
      healthy_threshold:
        description: Checks in a row until an instance is in service, 2 to 10.
        type: int
      unhealthy_threshold:
        description: Failed checks in a row until an instance is out of service, 2 to 10.
        type: int
  expect_live:
    description: Refuse when this color is not live.
    type: str
    choices: [blue, green]
  expect_fingerprint:
    description: Refuse when the load balancer is not as M(octoblu.bluegreen.elb_color_facts) saw it.
    type: str
  claim:
    description:
      - The application and cluster that the load balancer belongs to, such as C(shop/<uid of the namespace>).
      - Written with the first swap. A load balancer that carries another claim is refused.
    type: str
  take_over:
    description: Replace another's O(claim).
    type: bool
    default: false
  preview_port:
    description:
      - The listener port that shows the idle color, so that it can be looked at through the load balancer before it
        is live. It is noted in the tag C(octoblu.bluegreen/preview), and from then on every swap moves it the other way,
        with or without this option.
      - Where it has no listener, one is created on the idle color's node port of the first listener, from HTTP to HTTP
        where that listener speaks HTTP to its instances, and from TCP to TCP otherwise.
      - With O(color) being the live color this can be all there is to do. The other listeners are not touched then.
      - Nothing but the load balancer's security groups says who may look at it.
    type: int
  repair:
    description:
      - Also bring a drifted load balancer onto the color. Mends the drift V(mixed), V(unknown_port), V(health_check_on_idle),
        V(swap_interrupted), and V(listener_missing) and V(policy_missing) of a listener that the last swap left or that
        O(listeners) describe.
      - Without it a drifted load balancer is refused, but for a swap that was cut off, which is resolved first, and for
        what the swap itself mends (RV(octoblu.bluegreen.elb_color_facts#module:load_balancers.drift[].mended_by)).
    type: bool
    default: false
  wait_for_swap:
    description: Seconds to wait for somebody else's swap that is under way. V(0) refuses at once.
    type: int
    default: 130
  settle:
    description:
      - Seconds after which a load balancer is read once more when a cut-off swap was resolved, because a request of the
        dead run may still have been on its way.
    type: int
    default: 3
  wait_in_service:
    description:
      - Watch the instances after the swap for as long as a failing health check would take to show, which is its interval
        times its unhealthy threshold and its timeout, and fail when one that was in service is not any more.
      - Where none was in service it is as long as a passing check takes to show, and fails when none is in service then.
      - Such a failure comes behind the swap, which stays as it is. It has all that a success returns.
    type: bool
    default: false
seealso:
  - module: octoblu.bluegreen.elb_color_facts
"""

EXAMPLES = r"""
- name: Point shop at green
  octoblu.bluegreen.elb_listener_swap:
    name: shop
    color: green
    expect_live: blue

- name: Show the idle color on port 8080 while blue stays live
  octoblu.bluegreen.elb_listener_swap:
    name: shop
    color: blue
    expect_live: blue
    preview_port: 8080

- name: Make the listeners of a new load balancer
  octoblu.bluegreen.elb_listener_swap:
    name: shop
    color: blue
    listeners:
      - port: 80
        protocol: HTTP
      - port: 443
        protocol: HTTPS
        certificate: arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012
        # Of this load balancer, made with: aws elb create-load-balancer-policy
        policies: [tls-1-2]
    health_check:
      path: /healthz

- name: Bring a router that points at both colors back onto blue
  octoblu.bluegreen.elb_listener_swap:
    name: shop
    color: blue
    repair: true
"""

RETURN = r"""
before:
  description:
    - The load balancer before, as M(octoblu.bluegreen.elb_color_facts) shows it. Its C(in_service) of C(registered) instances
      get traffic.
  returned: success, and failure of O(wait_in_service)
  type: dict
after:
  description:
    - The load balancer as read back, or as it would be in check mode. What is in service is what was so before, or with
      O(wait_in_service) after the watch.
  returned: success, and failure of O(wait_in_service)
  type: dict
steps:
  description: The plan, call by call, with the way back of each.
  returned: success
  type: list
  elements: dict
  contains:
    call:
      description: The call of the AWS API.
      type: str
      returned: always
    what:
      description: What it does.
      type: str
      returned: always
    undo:
      description: How it is taken back; null where nothing has to be.
      type: str
      returned: always
gap_ms:
  description:
    - For each listener port the milliseconds for which it was closed, from the answer to its delete to the answer to its
      create. AWS may take longer to put an answered call into effect.
  returned: success, and failure after a delete
  type: dict
  sample: {"80": 163}
restored:
  description: Whether the old listeners were put back because the new ones could not be created.
  returned: success, and failure of a swap
  type: bool
open:
  description: Listener ports that were left without a listener.
  returned: success, and failure of a swap
  type: list
  elements: int
request_ids:
  description: AWS's ids of all requests that wrote.
  returned: success, and failure of a swap
  type: list
  elements: str
at:
  description: When it was done, in seconds since the epoch.
  returned: always
  type: float
  sample: 1760000000.123
"""

from ansible_collections.octoblu.bluegreen.plugins.module_utils._aws import ARGUMENT_SPEC
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module, enter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.elb_listener_swap import run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import KINDS, connect

_PROTOCOLS = ["HTTP", "HTTPS", "TCP", "SSL"]

MODULE = Module(
    run=run,
    connect=connect,
    argument_spec={
        **ARGUMENT_SPEC,
        "name": {"type": "str", "required": True},
        "type": {"type": "str", "choices": list(KINDS), "default": "classic"},
        "color": {"type": "str", "choices": ["blue", "green"], "required": True},
        "listener_ports": {"type": "list", "elements": "int", "default": []},
        "listeners": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "port": {"type": "int", "required": True},
                "protocol": {"type": "str", "choices": _PROTOCOLS, "required": True},
                "instance_protocol": {"type": "str", "choices": _PROTOCOLS},
                "certificate": {"type": "str"},
                "policies": {"type": "list", "elements": "str", "default": []},
            },
        },
        "health_check": {
            "type": "dict",
            "options": {
                "protocol": {"type": "str", "choices": _PROTOCOLS},
                "path": {"type": "str"},
                "interval": {"type": "int"},
                "timeout": {"type": "int"},
                "healthy_threshold": {"type": "int"},
                "unhealthy_threshold": {"type": "int"},
            },
        },
        "expect_live": {"type": "str", "choices": ["blue", "green"]},
        "expect_fingerprint": {"type": "str"},
        "claim": {"type": "str"},
        "take_over": {"type": "bool", "default": False},
        "preview_port": {"type": "int"},
        "repair": {"type": "bool", "default": False},
        "wait_for_swap": {"type": "int", "default": 130},
        "settle": {"type": "int", "default": 3},
        "wait_in_service": {"type": "bool", "default": False},
    },
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
