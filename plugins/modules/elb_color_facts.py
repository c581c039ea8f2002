#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: elb_color_facts
short_description: Tell which color a load balancer serves
version_added: 0.1.0
description:
  - Reads load balancers and says which of the two colors, blue or green, each one's listeners point at.
  - The tags C(blue) and C(green) of a load balancer hold the colors' node ports. One node port, C(30081), serves
    every listener; where listeners differ the tag names them, C(80=30081 443=30083).
  - The listeners that point at a color's node port are the application's, and so are those that the last swap left, whatever
    has become of them. Tags C(octoblu.bluegreen/listeners.0), C(.1), ... hold these; whoever removes the tags gives them up.
    Every other listener is never touched by this collection.
  - A listener that points at no color is shown with RV(load_balancers.listeners[].color=null).
  - Every way in which a load balancer is not as it should be is told as drift, with a code and a sentence that says
    what to do.
  - Changes nothing, and sets no facts of the host, because a load balancer is none of its. Register the result.
author:
  - Octoblu contributors (@octoblu)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.facts
options:
  name:
    description:
      - Names of the load balancers.
      - Any number of them costs one page of C(DescribeLoadBalancers) and a C(DescribeTags) for each 20.
    type: list
    elements: str
    required: true
  type:
    description: The kind of the load balancers.
    type: str
    choices: [classic]
    default: classic
  listener_ports:
    description:
      - Listener ports that must point at a color, beside those that the tags name.
      - One that is missing or points elsewhere is told as drift.
      - Of the ports that the last swap left those that are not in this list are given up.
    type: list
    elements: int
    default: []
  described_ports:
    description:
      - The ports that O(octoblu.bluegreen.elb_listener_swap#module:listeners) will describe, so that a swap makes those that
        are missing. They are taken as O(listener_ports), too.
    type: list
    elements: int
    default: []
  gather_policies:
    description: Also read the policy objects of each load balancer, at the cost of one call each.
    type: bool
    default: false
  gather_instance_health:
    description: Also read the state of each load balancer's instances, at the cost of one call each.
    type: bool
    default: false
seealso:
  - module: octoblu.bluegreen.elb_listener_swap
"""

EXAMPLES = r"""
- name: See which color serves
  octoblu.bluegreen.elb_color_facts:
    name: shop
  register: __shop

- name: Say it
  ansible.builtin.debug:
    msg: "{{ __shop.load_balancers.shop.live }} is live"
"""

RETURN = r"""
load_balancers:
  description: What was read, by the load balancer's name.
  returned: success
  type: dict
  contains:
    name:
      description: The load balancer's name.
      type: str
      returned: always
    type:
      description: Its kind.
      type: str
      returned: always
      sample: classic
    dns_name:
      description: Its DNS name.
      type: str
      returned: always
    live:
      description: The color that the application's listeners point at; null when they do not point at one.
      type: str
      returned: always
      sample: blue
    idle:
      description: The other color; null when O(ignore:live) is.
      type: str
      returned: always
      sample: green
    colors:
      description: For V(blue) and V(green) the node ports that their tags hold; null for a tag that cannot be read.
      type: dict
      returned: always
      sample: {"blue": {"ports": {"80": 30081}, "node_ports": [30081]}}
    targets:
      description:
        - For V(blue) and V(green) what leads to it, its C(node_ports) as a list, empty where the kind of load balancer has
          none or they cannot be read, and the same in C(words).
      type: dict
      returned: always
      sample: {"blue": {"node_ports": [30081], "words": "node port 30081"}}
    routes:
      description:
        - Every way through the load balancer, whatever its kind, which is a listener of a Classic ELB. Each has a C(name), such
          as its port, the C(target) behind it, its C(color) or null, C(scheme) and C(address) for a client, whether it is
          the C(preview), and what a swap C(keeps) of it, in words.
      type: list
      elements: dict
      returned: always
      sample:
        - {name: "80", color: blue, target: "30081", scheme: http, address: "shop.example.com:80", preview: false,
           keeps: HTTP to HTTP}
    abilities:
      description:
        - What this kind of load balancer can do. C(gapless) says that nothing is refused during a swap,
          C(local_traffic) that a C(Service) with C(externalTrafficPolicy) V(Local) can stand behind it.
      type: dict
      returned: always
    backends:
      description: What traffic is sent to, each with C(name), and C(state) if O(gather_instance_health=true).
      type: list
      elements: dict
      returned: always
    registered:
      description: How many RV(load_balancers.backends) there are.
      type: int
      returned: always
    in_service:
      description:
        - How many of them traffic is sent to. Null without O(gather_instance_health=true), where AWS did not know their
          states, and for a kind of load balancer that cannot tell.
      type: int
      returned: always
    unserved:
      description: A sentence that says that nobody is served, because nothing is in service; null otherwise.
      type: str
      returned: always
      sample: "no instance of load balancer shop is in service (0 of 2): clients get 503"
    watch_seconds:
      description: How long a swap with O(octoblu.bluegreen.elb_listener_swap#module:wait_in_service) takes at most for that.
      type: int
      returned: always
    backends_are:
      description: What RV(load_balancers.backends) are called.
      type: str
      returned: always
      sample: instances
    node_ports_in:
      description: Where the node ports of the colors are written down.
      type: str
      returned: always
      sample: the load balancer's tags
    notes:
      description: What else a person is told of it.
      type: list
      elements: str
      returned: always
      sample: ["health check HTTP:30081/healthz"]
    listeners:
      description: Every listener with its port, protocols, certificate, policies and color.
      type: list
      elements: dict
      returned: always
      contains:
        port:
          description: The listener's port.
          type: int
          returned: always
        protocol:
          description: The protocol towards clients.
          type: str
          returned: always
        instance_port:
          description: The node port behind the listener.
          type: int
          returned: always
        instance_protocol:
          description: The protocol towards instances.
          type: str
          returned: always
        certificate:
          description: ARN of the certificate; null without one.
          type: str
          returned: always
        policies:
          description: Names of the listener's policies.
          type: list
          elements: str
          returned: always
        color:
          description: The color it points at; null for a listener that points at none.
          type: str
          returned: always
    health_check:
      description: Target, interval and timeout in seconds, and both thresholds.
      type: dict
      returned: always
    backend_policies:
      description: Names of the policies of each instance port that has any.
      type: dict
      returned: always
    policies:
      description: The policy objects; null unless O(gather_policies=true).
      type: list
      elements: dict
      returned: always
    drift:
      description:
        - Every way in which the load balancer is not as it should be.
        - The codes are V(mixed), V(listener_missing), V(unknown_port), V(tags_missing), V(tags_equal),
          V(tags_invalid), V(health_check_on_idle), V(policy_missing), V(swap_interrupted) and
          V(owned_by_kubernetes).
      type: list
      elements: dict
      returned: always
      contains:
        code:
          description: The kind of drift.
          type: str
          returned: always
        message:
          description: What it is and what to do about it.
          type: str
          returned: always
        mended_by:
          description:
            - V(swap) where any swap mends it, V(swap_to_idle) where one to the idle color does, V(repair) where one does
              with O(octoblu.bluegreen.elb_listener_swap#module:repair=true), or one that resolves a swap that was cut off.
            - Empty where a person has to.
          type: list
          elements: str
          returned: always
        next:
          description:
            - The words of the command without which it cannot be told which color is live; C({blue}) and C({green}) stand for
              what the color's tag has to hold. Empty for any other drift.
          type: list
          elements: str
          returned: always
          sample: [aws, elb, add-tags, --load-balancer-names, shop, --tags, "Key=blue,Value={blue}"]
    intent:
      description:
        - The swap that is under way or was cut off; null when there is none. With its C(color), C(by) whom, C(pid), C(since)
          when, its C(lifetime) in seconds, its C(run), whether it is C(living), and the names of the C(routes) that it moves.
      type: dict
      returned: always
    claim:
      description: The application and cluster that the load balancer belongs to; null before its first deploy.
      type: str
      returned: always
    preview_port:
      description: The listener port of the preview; null without one.
      type: int
      returned: always
    instances:
      description: The registered instances, with their state if O(gather_instance_health=true).
      type: list
      elements: dict
      returned: always
    tags:
      description: Every tag.
      type: dict
      returned: always
    touched:
      description:
        - All that a swap would touch or has to keep, in words, by what it is called, such as C(listener 443), C(health check) and
          C(tag blue).
      type: dict
      returned: always
    fingerprint:
      description: Hash of all that a swap would touch, for O(octoblu.bluegreen.elb_listener_swap#module:expect_fingerprint).
      type: str
      returned: always
at:
  description: When it was done, in seconds since the epoch.
  returned: always
  type: float
  sample: 1760000000.123
"""

from ansible_collections.octoblu.bluegreen.plugins.module_utils._aws import ARGUMENT_SPEC
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module, enter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.elb_color_facts import run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import KINDS, connect_to_read

MODULE = Module(
    run=run,
    connect=connect_to_read,
    argument_spec={
        **ARGUMENT_SPEC,
        "name": {"type": "list", "elements": "str", "required": True},
        "type": {"type": "str", "choices": list(KINDS), "default": "classic"},
        "listener_ports": {"type": "list", "elements": "int", "default": []},
        "described_ports": {"type": "list", "elements": "int", "default": []},
        "gather_policies": {"type": "bool", "default": False},
        "gather_instance_health": {"type": "bool", "default": False},
    },
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
