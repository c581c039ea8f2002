#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: k8s_wait_ready
short_description: Wait until workloads are ready, or tell why they never will be
version_added: 0.1.0
description:
  - Waits until one or many workloads are ready, and returns at once when they are. It watches the cluster instead of
    asking it every few seconds.
  - A C(Deployment), C(StatefulSet) or C(DaemonSet) is ready when its newest specification has been taken up and the
    replicas that are wanted, there, of the newest release and available are the same number, at least one. A paused or
    half-finished rollout is not ready, and neither is one whose old pods are still there.
  - A C(Job) is ready when it is complete, a C(Service) when one of its endpoints is ready, and any other kind when
    O(condition) holds.
  - Fails as soon as it is certain that a workload will not get ready, with the pod, the container and the cause in the
    first line of the message. What may still pass is waited out. This covers an unreachable registry, a container that
    crashed once, the loss of a node, and a node that an autoscaler is bringing.
  - Changes nothing.
author:
  - Octoblu contributors (@octoblu)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - octoblu.bluegreen._kubernetes
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.facts
attributes:
  check_mode:
    details:
      - Says what is ready now and never waits. A workload that is not ready, or not there, is no failure then.
options:
  kind:
    description: The kind of the workload.
    type: str
    default: Deployment
  api_version:
    description: The API version of O(kind); needed only for kinds that this module does not know by itself.
    type: str
  name:
    description:
      - The name of the workload.
      - Exactly one of O(name), O(label_selectors) and O(workloads) is needed.
    type: str
  namespace:
    description: The namespace of the workload, and of each of O(workloads) that names none.
    type: str
  label_selectors:
    description:
      - Label selectors that the workloads match, all of them. Every workload that matches must be ready, at least one.
    type: list
    elements: str
  condition:
    description:
      - A JMESPath expression over the object. The object is ready when it gives something true.
      - It is the only thing that counts then, and the only way to wait for a kind that this module does not know.
    type: str
  node_ports:
    description:
      - For a C(Service) that a load balancer sends to. It is ready when it has each of these node ports, and each leads to
        every pod of O(pod_labels).
    type: list
    elements: int
  pod_labels:
    description:
      - With O(node_ports), the labels of the pods that the C(Service) has to lead to, and to no others. By default those
        that its selector matches.
    type: dict
  replicas:
    description:
      - The least number of replicas that a C(Deployment) or C(StatefulSet) has to have. One that wants fewer, because an
        autoscaler or somebody has scaled it down, is not ready.
    type: int
  workloads:
    description: Several workloads, which share one deadline and must be ready at the same time.
    type: list
    elements: dict
    suboptions:
      kind:
        description: As O(kind).
        type: str
        default: Deployment
      api_version:
        description: As O(api_version).
        type: str
      name:
        description: As O(name).
        type: str
      namespace:
        description: As O(namespace), which it defaults to.
        type: str
      label_selectors:
        description: As O(label_selectors).
        type: list
        elements: str
      condition:
        description: As O(condition).
        type: str
      node_ports:
        description: As O(node_ports).
        type: list
        elements: int
      pod_labels:
        description: As O(pod_labels).
        type: dict
      replicas:
        description: As O(replicas).
        type: int
  timeout:
    description:
      - How many seconds to wait altogether, at least 1.
      - A workload that is not even there is waited for only ten seconds of them.
    type: int
    default: 300
  stable_for:
    description:
      - For how many seconds all must have been ready, without a restart, before they are called ready. A container that
        crashes right after its start is ready for a moment.
      - Pods that have been ready for that long already need not prove it again.
    type: int
    default: 2
  steady:
    description:
      - The RV(steady) of an earlier wait for the same workloads on the same machine. O(stable_for) counts from there when
        none of their pods has been replaced, restarted or unready since then, so that something else can be done meanwhile.
    type: dict
    suboptions:
      pods:
        description: Which pods these are.
        type: str
        required: true
      since:
        description: Since when they have been ready.
        type: float
        required: true
  fail_fast:
    description:
      - Whether to fail as soon as it is certain that a workload will not get ready, instead of at O(timeout).
      - Certain are an image that does not exist or has no valid name, a ConfigMap or Secret that is missing, a container
        that has crashed twice in a row (four times beside a sibling that is well), a refused pod (quota, admission),
        a pod that no node takes for O(unschedulable_grace) seconds, and a rollout that exceeded its progress deadline.
      - Whether its pods may crash is a C(Job)'s own decision. That a container is told to run what its image does not have
        is certain there too, at once where the pod does not start it again.
    type: bool
    default: true
  unschedulable_grace:
    description:
      - For how many seconds no node may take a pod before that counts as certain.
      - A node that an autoscaler has announced in an event of the pod is waited for. Where an autoscaler takes longer to
        announce it, give it more.
    type: int
    default: 10
  image_wait:
    description:
      - For how many seconds an image that the registry does not have, or does not show, may still be pushed, before that counts
        as certain. While it is waited for, an exceeded progress deadline is not certain either.
      - The kubelet tries again after 10, 20, 40, 80, 160 and then every 300 seconds.
    type: int
    default: 0
  details:
    description:
      - Whether a failure tells the pods, events and logs. Without, its message is the cause in a line, and what is left of
        the result is C(ready), C(elapsed), C(steady), C(workloads), and C(cause) where that is another text.
    type: bool
    default: true
  log_lines:
    description:
      - How many of the last log lines to return of the containers that failed, V(0) for none.
      - The very last ones of the first such container stand in the message, too.
    type: int
    default: 20
seealso:
  - module: kubernetes.core.k8s_info
"""

EXAMPLES = r"""
- name: Wait for the green color
  octoblu.bluegreen.k8s_wait_ready:
    name: shop-green
    namespace: shop
    timeout: 120

- name: Wait for everything that belongs to the green color
  octoblu.bluegreen.k8s_wait_ready:
    namespace: shop
    workloads:
      - label_selectors: [app.kubernetes.io/part-of=shop, octoblu.bluegreen/color=green]
      - kind: Service
        name: shop-green
      - kind: Job
        name: shop-migrate

- name: Wait for the green color, and use the time in which it has to stay ready
  octoblu.bluegreen.k8s_wait_ready:
    name: shop-green
    namespace: shop
    stable_for: 0
  register: ready

- name: Fill its cache meanwhile
  ansible.builtin.uri:
    url: "{{ warm_up_url }}"

- name: See that it has stayed ready
  octoblu.bluegreen.k8s_wait_ready:
    name: shop-green
    namespace: shop
    stable_for: 10
    steady: "{{ ready.steady }}"

- name: Wait for a certificate
  octoblu.bluegreen.k8s_wait_ready:
    api_version: cert-manager.io/v1
    kind: Certificate
    name: shop
    namespace: shop
    condition: status.conditions[?type=='Ready'].status | [0] == 'True'
"""

RETURN = r"""
ready:
  description: Whether all workloads are ready.
  type: bool
  returned: always
elapsed:
  description: For how many seconds it has waited.
  type: float
  returned: always
  sample: 4.218
cause:
  description: The first line of the message without what an application has said in it, for records.
  type: str
  returned: failure
  sample: "shop-green-7d9-x2x: container app: keeps crashing (2 times so far): exit code 1 (Error)"
steady:
  description:
    - Which pods have been ready since when, for O(steady) of a later wait.
    - Null where not all is ready, where its readiness cannot be lost, and in check mode.
  type: dict
  returned: always
  contains:
    pods:
      description: A hash of the pods, their restarts and the times at which they became ready.
      type: str
      sample: 5f0c1d2e8a9b7c46
    since:
      description: Since when they have been ready, by this machine's clock, in seconds since the epoch.
      type: float
      sample: 1760000000.123
workloads:
  description: The workloads that were waited for.
  type: list
  elements: dict
  returned: always
  contains:
    kind:
      description: The workload's kind.
      type: str
    name:
      description: The workload's name; where nothing was found, what was looked for.
      type: str
    namespace:
      description: The workload's namespace.
      type: str
    ready:
      description: Whether it is ready.
      type: bool
    reason:
      description: One word for what keeps it from it, if that is known.
      type: str
      sample: ErrImagePull
    message:
      description: How far it is.
      type: str
      sample: 1 of 3 replicas are available
    wanted:
      description: How many replicas (completions, endpoints) it wants. Null where that means nothing.
      type: int
    available:
      description: How many of them are available.
      type: int
pods:
  description: The pods of the newest release of these workloads.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The pod's name.
      type: str
    namespace:
      description: The pod's namespace.
      type: str
    workload:
      description: The name of its workload.
      type: str
    phase:
      description: The pod's phase.
      type: str
    node:
      description: The node that it is on; empty while it has none.
      type: str
    ready:
      description: Whether the pod is ready.
      type: bool
    restarts:
      description: How often its containers have been restarted.
      type: int
    container:
      description: The container that keeps it from being ready.
      type: str
    reason:
      description: One word for why it is not ready.
      type: str
      sample: CrashLoopBackOff
    message:
      description: Why it is not ready.
      type: str
      sample: "container app: keeps crashing (2 times so far): exit code 1 (Error)"
events:
  description: The newest warnings about these workloads and their pods.
  type: list
  elements: dict
  returned: on failure
  contains:
    kind:
      description: The kind of the object that the event is about.
      type: str
    name:
      description: The name of that object.
      type: str
    reason:
      description: The event's reason.
      type: str
      sample: Unhealthy
    message:
      description: What happened.
      type: str
      sample: "Readiness probe failed: HTTP probe failed with statuscode: 503"
    count:
      description: How often it happened.
      type: int
logs:
  description: The last lines of containers that are not well.
  type: list
  elements: dict
  returned: on failure
  contains:
    pod:
      description: The pod.
      type: str
    container:
      description: The container.
      type: str
    previous:
      description: Whether these are of the run before the current one.
      type: bool
    lines:
      description: The lines, each cut to 500 characters.
      type: list
      elements: str
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_wait_ready import run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.request import WORKLOAD_SPEC

MODULE = Module(
    run=run,
    connect=connect,
    leave=leave,
    secrets=secrets,
    argument_spec={
        **ARGUMENT_SPEC,
        **WORKLOAD_SPEC,
        "workloads": {"type": "list", "elements": "dict", "options": WORKLOAD_SPEC},
        "timeout": {"type": "int", "default": 300},
        "stable_for": {"type": "int", "default": 2},
        "steady": {
            "type": "dict",
            "options": {
                "pods": {"type": "str", "required": True},
                "since": {"type": "float", "required": True},
            },
        },
        "fail_fast": {"type": "bool", "default": True},
        "image_wait": {"type": "int", "default": 0},
        "unschedulable_grace": {"type": "int", "default": 10},
        "log_lines": {"type": "int", "default": 20},
        "details": {"type": "bool", "default": True},
    },
    mutually_exclusive=[("name", "label_selectors", "workloads")],
    required_one_of=[("name", "label_selectors", "workloads")],
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
