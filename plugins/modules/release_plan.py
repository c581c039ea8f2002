#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_plan
short_description: Say what a blue/green deploy or rollback has to do
version_added: 0.1.0
description:
  - Reads the cluster and, with what M(octoblu.bluegreen.elb_color_facts) says of the router, decides which color gets a
    release, whether it has to be staged there, and which objects make it.
  - Refuses in one sentence whatever can be refused before anything is written.
  - It writes nothing, in check mode or not.
author:
  - Octoblu contributors (@octoblu)
options:
  app:
    description: The application. Its objects are named C(<app>-blue) and C(<app>-green).
    type: str
    required: true
  namespace:
    description: The application's namespace, which has to exist.
    type: str
    required: true
  goal:
    description:
      - V(deploy) plans to have O(commit) serve, V(rollback) to go back to what the idle color runs.
      - V(repair) plans to bring a drifted router wholly onto O(color).
      - V(status) only describes what stands and refuses nothing that it can describe.
    type: str
    choices: [deploy, rollback, repair, status]
    default: status
  router:
    description: One entry of RV(octoblu.bluegreen.elb_color_facts#module:load_balancers).
    type: dict
    required: true
  color:
    description:
      - The color to repair the router onto. Without it a swap that was cut off is undone, or finished where only that
        is possible, and any other drift is mended on the live color.
    type: str
    choices: [blue, green]
  commit:
    description:
      - The release to deploy, 1 to 63 of C(A-Za-z0-9._-), with a letter or digit first and last.
      - It has to be a string; a number is refused, because YAML reads C(0012345) as 5349.
      - With O(goal=rollback), refuse to go back to any other commit.
    type: raw
  manifests:
    description:
      - The application's manifests as rendered text, once for each color and once for no color.
      - Needed for O(goal=deploy).
    type: dict
    suboptions:
      blue:
        description: Rendered for blue and its node ports.
        type: str
        required: true
      green:
        description: Rendered for green and its node ports.
        type: str
        required: true
      neutral:
        description: Rendered for color C(@) and node port 0. Its hash tells two releases of one commit apart.
        type: str
        required: true
  smoke:
    description:
      - Whom the smoke request will ask, V(proxy) (the color's Service through the Kubernetes API), V(none), or an
        C(http://) or C(https://) address.
    type: str
    default: proxy
  creates_listeners:
    description: Whether the swap will be given specifications for listeners that the load balancer lacks.
    type: bool
    default: false
  claim:
    description: Take over a load balancer that carries the claim of another application or cluster.
    type: bool
    default: false
  allow_local:
    description: Allow Services with C(externalTrafficPolicy) V(Local) behind a classic or network load balancer.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.facts
seealso:
  - module: octoblu.bluegreen.elb_color_facts
  - module: octoblu.bluegreen.elb_listener_swap
"""

EXAMPLES = r"""
- name: Read the router
  octoblu.bluegreen.elb_color_facts:
    name: shop-production
  register: facts

- name: Decide what has to be done
  octoblu.bluegreen.release_plan:
    app: shop
    namespace: shop
    goal: deploy
    router: "{{ facts.load_balancers['shop-production'] }}"
    commit: "0012345"
    manifests:
      blue: "{{ lookup('ansible.builtin.template', 'shop.yml.j2', template_vars={'color': 'blue', 'port': 30081}) }}"
      green: "{{ lookup('ansible.builtin.template', 'shop.yml.j2', template_vars={'color': 'green', 'port': 30082}) }}"
      neutral: "{{ lookup('ansible.builtin.template', 'shop.yml.j2', template_vars={'color': '@', 'port': 0}) }}"
  register: plan

- name: Apply the idle color's objects
  kubernetes.core.k8s:
    definition: "{{ plan.objects }}"
    namespace: shop
    apply: true
  when: plan.action == 'stage'
"""

RETURN = r"""
action:
  description:
    - V(unchanged) when the commit is live with these manifests and the router is whole.
    - V(swap) when the color runs the release already, ready and proven.
    - V(stage) when RV(objects) have to be applied first.
    - V(resolve) when a swap that was cut off has to be finished or undone, by a swap to RV(color), before another plan.
    - Not returned for O(goal=status).
  returned: O(goal) is not V(status)
  type: str
  sample: stage
color:
  description: The color that serves once the plan is carried out.
  returned: O(goal) is not V(status)
  type: str
  sample: green
commit:
  description: The commit that serves once the plan is carried out.
  returned: O(goal) is not V(status)
  type: str
  sample: 00abcde
manifest:
  description: The hash of that release's manifests.
  returned: O(goal) is not V(status)
  type: str
  sample: 0f1e2d3c4b5a6978
objects:
  description:
    - What to apply, with C(apply=true), the color's objects with their labels and annotations, and the Service of the
      other color where it is missing. Empty unless RV(action=stage).
    - An annotation with the value null is to be removed by the same write.
  returned: O(goal) is not V(status)
  type: list
  elements: dict
secret:
  description: Whether RV(objects) hold a Secret, so that they must not be shown.
  returned: RV(action=stage)
  type: bool
undo:
  description:
    - What to apply to put the color back as it is, when staging fails. Empty unless the color holds a release to roll
      back to, because anything else is better left to be looked at.
  returned: O(goal) is not V(status)
  type: list
  elements: dict
workloads:
  description: What has to be ready, for O(octoblu.bluegreen.k8s_wait_ready#module:workloads).
  returned: O(goal) is not V(status)
  type: list
  elements: dict
  sample: [{kind: Deployment, name: shop-green}]
smoke:
  description: Whom to ask, as C(service) and C(port), or as C(url); null for nobody.
  returned: O(goal) is not V(status)
  type: dict
  sample: {service: shop-green, port: http}
live:
  description: The color that the router points at, null when it is not one.
  returned: success
  type: str
  sample: blue
claim:
  description: What the load balancer carries once it is this application's.
  returned: success
  type: str
  sample: shop/8c1e2f6a-6f0c-4f2e-9d3b-0d6a1d1f2a3b
releases:
  description:
    - What each color runs, with C(commit), C(manifest), C(proven), C(rejected), C(ready) and what it C(lack)s,
      C(replicas), C(ready_replicas), C(images), C(node_ports), and the foreign Service that is C(holder) of one of these.
  returned: success
  type: dict
  sample:
    blue:
      commit: "0012345"
      manifest: 9a8b7c6d5e4f3210
      proven: true
      rejected: false
      ready: true
      lack: ""
      replicas: 2
      ready_replicas: 2
      images: ["shop:0012345"]
      node_ports: [30081]
      holder: null
    green: {commit: null}
rollback:
  description:
    - What a rollback goes C(to) and on which C(color), or the C(reason) why there is none.
    - As it will be once the plan is carried out; with O(goal=status), as it is.
  returned: success
  type: dict
  sample: {color: blue, to: "0012345", reason: ""}
host:
  description: The address of the Kubernetes API.
  returned: success
  type: str
  sample: https://10.0.0.1:6443
kubeconfig:
  description: The path of the kubeconfig that was used because no option named one, null otherwise.
  returned: success
  type: str
at:
  description: When the plan was made, in seconds since the epoch.
  returned: success
  type: float
  sample: 1760000000.123
"""

from ansible_collections.octoblu.bluegreen.plugins.module_utils._k8s import ARGUMENT_SPEC, connect, leave
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Room, enter
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms.release_plan import run

ROOM = Room(
    run=run,
    connect=connect,
    leave=leave,
    argument_spec={
        "app": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "goal": {"type": "str", "default": "status", "choices": ["deploy", "rollback", "repair", "status"]},
        "router": {"type": "dict", "required": True},
        "color": {"type": "str", "choices": ["blue", "green"]},
        "commit": {"type": "raw"},
        "manifests": {
            "type": "dict",
            "options": {
                "blue": {"type": "str", "required": True},
                "green": {"type": "str", "required": True},
                "neutral": {"type": "str", "required": True},
            },
        },
        "smoke": {"type": "str", "default": "proxy"},
        "creates_listeners": {"type": "bool", "default": False},
        "claim": {"type": "bool", "default": False},
        "allow_local": {"type": "bool", "default": False},
        **ARGUMENT_SPEC,
    },
    required_if=[("goal", "deploy", ("commit", "manifests"))],
)


def main() -> None:
    enter(ROOM)


if __name__ == "__main__":
    main()
