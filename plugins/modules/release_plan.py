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
      - V(deploy) plans to have O(commit) serve. V(stage) and V(switch) plan the halves of that.
      - V(rollback) plans to go back to the last good release before the one that is live, or to O(commit).
      - V(repair) plans to bring a drifted router wholly onto O(color), V(retire) to scale the idle color to zero, and
        V(preview) to show it where only those see it who look for it.
      - V(release) plans to end the hold that a rollback has put on deploys.
      - V(status) and V(list) only describe what stands and refuse nothing that they can describe.
    type: str
    choices: [deploy, stage, switch, rollback, repair, retire, release, preview, status, list]
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
      - With O(goal=switch), refuse to switch to any other commit.
      - With O(goal=rollback), the commit to go back to instead of the last good one, whether it was good or not.
    type: raw
  manifests:
    description:
      - The application's manifests, as templates or as the texts that were rendered from them for each color.
      - Needed for O(goal=deploy) and O(goal=stage).
      - A commit that has served before, is not live and has not turned out bad is brought back as the ledger keeps it,
        whatever its manifests are rendered to today.
    type: dict
    suboptions:
      templates:
        description:
          - The templates, found as P(ansible.builtin.template#lookup) finds them. Each is rendered for both colors, with
            C(bluegreen_color), C(bluegreen_node_ports), and C(bluegreen_node_port), which is the first of these.
          - With O(manifests.blue) and O(manifests.green) only their names for errors, in the order of the texts.
        type: list
        elements: str
        required: true
      template_vars:
        description: More variables for the templates.
        type: dict
      blue:
        description: The texts for blue and its node ports.
        type: list
        elements: raw
      green:
        description: The texts for green and its node ports.
        type: list
        elements: raw
  smoke:
    description:
      - Whom the smoke request will ask, V(proxy) (the color's Service through the Kubernetes API), V(preview) (the
        listener that shows the idle color), V(none), or an C(http://) or C(https://) address.
    type: str
    default: proxy
  smoke_path:
    description: The path that is asked for through the preview.
    type: str
    default: /
  preview_port:
    description: The port of the router that shows the idle color, V(0) for none.
    type: int
    default: 0
  preview_router:
    description: The entry of RV(octoblu.bluegreen.elb_color_facts#module:load_balancers) that has the preview.
    type: dict
  ready_timeout:
    description: How many seconds the pods will be given to become ready. Less than 1 is refused.
    type: int
    default: 300
  image_wait:
    description: As O(octoblu.bluegreen.k8s_wait_ready#module:image_wait), which comes on top of O(ready_timeout).
    type: int
    default: 0
  unschedulable_grace:
    description: For how many seconds no node may take a pod. Less than 0 is refused.
    type: int
    default: 10
  wait_in_service:
    description:
      - Whether the swap will be one with O(octoblu.bluegreen.elb_listener_swap#module:wait_in_service), for which the lock is
        held longer.
    type: bool
    default: false
  capacity:
    description:
      - How many percent of the pods that are ready on the live color the other one needs to have ready before the traffic
        moves there, rounded up; V(0) for no such number. Where it would have fewer, RV(objects) or RV(scale) raise them;
        they never lower them.
      - It is about the Deployments C(<app>-blue) and C(<app>-green). Where live has none there is no number.
      - A C(HorizontalPodAutoscaler) whose C(maxReplicas) are fewer is refused. For O(goal=rollback) what it allows is enough.
    type: int
    default: 100
  order:
    description:
      - A number, or an ISO 8601 time with its zone, that only grows from one release to the next, such as the number of a
        pipeline or the time of a commit.
      - With O(goal=deploy) and O(goal=stage), a release whose order is lower than that of what is live is refused; and so are
        a number and a time, because nobody can compare them. Without an order on either side nothing is compared.
      - V(any) deploys whatever is live.
    type: str
    default: ""
  hold_after_rollback:
    description:
      - With O(goal=rollback), whether it holds the deploys. Any O(goal=deploy) and O(goal=stage) of the application is then
        refused until the hold is released, or until something else serves.
    type: bool
    default: false
  release_hold:
    description: Deploy or stage in spite of a hold, but not the commit that the rollback has left.
    type: bool
    default: false
  frozen:
    description:
      - Why nothing is to be deployed now. O(goal=deploy), O(goal=stage) and O(goal=switch) are refused with it unless there
        is nothing to do.
      - V(false), V(no) and V(none) are as good as nothing, because an expression may come to that.
    type: str
    default: ""
  thaw:
    description: Why it is done nevertheless, for the ledger.
    type: str
    default: ""
  hooks:
    description:
      - Task files that the run would include, as the role's C(bluegreen_hooks). A moment that there is not is refused,
        and so is a file that is not there. For a rollback, a repair or a retirement both are warnings.
    type: dict
    default: {}
  approved:
    description:
      - The plans that were approved, by application, each as the role leaves it in C(bluegreen_plan) after a run in check mode.
        O(goal=deploy), O(goal=stage) and O(goal=switch) are refused when this application is not among them, and when the
        router, what is live or the release is not what it was for that plan; what serves already is not refused.
      - Empty for none. Nothing else is held to a plan, least of all a rollback.
    type: dict
    default: {}
  leaving:
    description:
      - The release that a rollback leaves. When another one is live the plan is V(unchanged) and says who has moved it.
    type: dict
    suboptions:
      commit:
        description: Its commit.
        type: str
        required: true
      manifest:
        description: The hash of its manifests, if that is known.
        type: str
  since:
    description:
      - When the router was about to be read, in seconds since the epoch by this machine's clock. Where somebody has had the
        application's lock after that, RV(lock_version) is one that the lock never has.
    type: float
  locked:
    description:
      - Whether the application's lock is held by this run. A swap that is under way nevertheless is refused then, instead
        of being planned to be waited for.
    type: bool
    default: false
  claim:
    description: Take over a load balancer that carries the claim of another application or cluster.
    type: bool
    default: false
  replace:
    description: As O(octoblu.bluegreen.release_apply#module:replace), for the objects that are tried here with a dry run.
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
      templates: [shop.yml.j2]
  register: plan

- name: Apply the idle color's objects
  octoblu.bluegreen.release_apply:
    objects: "{{ plan.objects }}"
    namespace: shop
  when: plan.action == 'stage'
"""

RETURN = r"""
action:
  description:
    - V(unchanged) when nothing has to be done, for the RV(reason) told.
    - V(swap) when the color runs the release already, ready and proven.
    - V(stage) when RV(objects) have to be applied first, V(scale) when only the workloads in RV(scale) have to be scaled.
    - V(resolve) when a swap that was cut off has to be finished or undone, by a swap to RV(color), before another plan.
    - V(complete) when a rollback has moved the traffic already and only has to be written down.
    - V(retire) when the workloads in RV(scale) have to be scaled to zero.
    - V(release) when a hold has to be ended.
    - V(preview) when the idle color is to be shown.
    - V(wait) when somebody's swap is under way, so that a plan has to be made anew after it.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
  sample: stage
color:
  description: The color that serves, or is staged or retired, once the plan is carried out.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
  sample: green
to_service:
  description:
    - The C(Service), C(<namespace>/<name>), that serves then by other means than a deploy, where a rollback goes to that;
      null otherwise. RV(commit) and RV(manifest) are null then.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
  sample: legacy/web
commit:
  description: The commit that the color runs then.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
  sample: 00abcde
manifest:
  description: The hash of that release's manifests.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
  sample: 0f1e2d3c4b5a6978
reason:
  description: Why nothing has to be done, where that is not plain.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
leaving:
  description: The release that was live when the plan was made, with C(commit) and C(manifest); null where that is of no deploy.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
rendered:
  description:
    - The hash of the manifests as they are rendered today, where the release is brought back as it once served instead;
      null otherwise.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
keep:
  description: The release's manifests, compressed and without Secrets, for the ledger; null where it keeps them already.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
scale:
  description: What is to be scaled, for O(octoblu.bluegreen.release_apply#module:scale).
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
  sample: [{name: shop-green, replicas: 4}]
capacity:
  description:
    - How many C(pods) the color needs to have ready before it gets the traffic, for the C(percent) of the C(live) ones that
      were asked for; whether that C(raises) what it would have, and the same in C(words). C(limit) names the autoscaler that
      allows no more. Null where that is no number.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
  sample: {pods: 4, live: 4, percent: 100, limit: "", raises: true, words: "4 pods, as live has"}
images:
  description: The images of the containers that serve, or are staged, once the plan is carried out.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: str
  sample: ["shop:00abcde"]
approval:
  description:
    - What an approved plan is held against, for O(approved), with C(color), C(commit), C(manifest), what was live before as
      C(previous_color), C(previous_commit) and C(previous_manifest), and the C(fingerprint) of the C(router) with all that a swap
      of it touches in words.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
objects:
  description:
    - What to apply with M(octoblu.bluegreen.release_apply), the color's objects with their labels and annotations, and the Service of the
      other color where it is missing. Empty unless RV(action=stage).
    - An annotation with the value null is to be removed by the same write.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
secret:
  description: Whether RV(objects) hold a Secret, so that they must not be shown.
  returned: O(goal) is neither V(status) nor V(list)
  type: bool
undo:
  description:
    - What to apply to put the color back as it is, when staging fails. Empty unless the color holds a release to roll
      back to, because anything else is better left to be looked at.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
workloads:
  description: What has to be ready, for O(octoblu.bluegreen.k8s_wait_ready#module:workloads).
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
  sample: [{kind: Deployment, name: shop-green}]
service:
  description: The C(Service) that has to lead to the color right before traffic does, for
    O(octoblu.bluegreen.k8s_wait_ready#module:workloads); empty where it is somebody else's that is not gone back to.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
  sample: [{kind: Service, name: shop-green, node_ports: [30082], pod_labels: {octoblu.bluegreen/color: green}}]
lasting:
  description: What of RV(workloads) and RV(service) can be seen to be ready for a while; a Job that has completed cannot.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
  sample: [{kind: Deployment, name: shop-green}]
steps:
  description:
    - What is to be done under the lock, in this order; each has its name in C(do).
    - A C(hook) has its C(moment). C(check) says whether its phase of the lock C(begins) with it, C(mark) which phase does, in
      C(lock). C(mark) and C(record) say whether the lock is free then. C(record) has its C(event).
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
  sample:
    - {do: bring_up}
    - {do: check, begins: true}
    - {do: settle}
    - {do: mark, lock: {phase: swap, seconds: 120}, frees: false}
    - {do: swap}
    - {do: record, event: swapped, frees: true}
files:
  description: The role's files of tasks that do the steps, each C(file) as often as it is needed; a hook has its C(moment).
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
  sample: [{file: deploy}]
told:
  description: What each of the RV(steps) is told, by its name.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
  sample: {check: {begins: true}, record: {event: swapped, frees: true}}
difference:
  description:
    - In check mode, how what would serve differs from what serves, object by object, colors and node ports taken out, for
      C(--diff). Null where nothing has to be brought up, or nothing serves yet.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: dict
last_gap_ms:
  description: For how many milliseconds a port was closed by the last swap that the ledger knows; null where it knows none.
  returned: O(goal) is neither V(status) nor V(list)
  type: int
  sample: 158
apart:
  description:
    - In which lines of which templates the colors differ in more than the color and its node ports, as a template that
      looks things up by color does.
  returned: O(goal) is neither V(status) nor V(list)
  type: list
  elements: str
  sample: ["shop.yml.j2, line 12"]
takes:
  description:
    - With which C(phase), C(seconds), C(take_from) and at least which C(wait) M(octoblu.bluegreen.k8s_lock) takes the lock
      for it; null where it needs none.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
  sample: {phase: stage, seconds: 420, take_from: [], wait: 0}
order:
  description: The order that the release has once the plan is carried out; null where it has none.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
  sample: "1207"
holds:
  description: Whether the rollback holds the deploys, for O(octoblu.bluegreen.release_record#module:hold).
  returned: O(goal) is neither V(status) nor V(list)
  type: bool
thaw:
  description: Why the run goes on although deploys are frozen, for O(octoblu.bluegreen.release_record#module:thaw); null otherwise.
  returned: O(goal) is neither V(status) nor V(list)
  type: str
lock_seconds:
  description: How many seconds each phase of the lock may take.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
  sample: {stage: 420, checks: 120, swap: 120}
leaves:
  description: The release that no longer serves once the plan is carried out, with C(commit) and C(manifest); null for none.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
  sample: {commit: "0012345", manifest: 9a8b7c6d5e4f3210}
hook:
  description:
    - What hooks are told, C(app), C(namespace), C(color), C(commit), C(previous_color), C(previous_commit),
      C(load_balancer) and C(dns_name).
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
drift:
  description:
    - What keeps traffic from the live color's pods behind the router, each with C(code), C(message) and the command, if
      one sets it right, that is C(next).
    - V(live_unknown) says that which color is live cannot be told from the router, and which node ports the colors'
      Services have in the cluster.
    - V(service_port_missing) says that its C(Service) is gone or lacks a node port that the router sends to.
  returned: success
  type: list
  elements: dict
  sample: []
smoke:
  description: Whom to ask, as C(service) and C(port), or as C(url); null for nobody.
  returned: O(goal) is neither V(status) nor V(list)
  type: dict
  sample: {service: shop-green, port: http}
live:
  description: The color that the router points at, null when it is not one.
  returned: success
  type: str
  sample: blue
in_service:
  description:
    - How many instances or targets the router sends traffic to. Null where that was not read, or the kind of router does not
      know it. When there is none, a warning says so, and a deploy goes on.
  returned: success
  type: int
  sample: 2
registered:
  description: How many instances or targets are registered with the router.
  returned: success
  type: int
  sample: 2
claim:
  description: What the load balancer carries once it is this application's.
  returned: success
  type: str
  sample: shop/8c1e2f6a-6f0c-4f2e-9d3b-0d6a1d1f2a3b
releases:
  description:
    - What each color runs, with C(commit), C(manifest), its C(order), C(proven), C(rejected), C(ready) and what it C(lack)s,
      C(replicas), C(ready_replicas), C(images), C(node_ports), the C(target) of the router that leads to it, the foreign
      Service that is C(holder) of one of these node ports, and the one that is C(adopted), which serves there by other means
      than a deploy.
  returned: success
  type: dict
  sample:
    blue:
      commit: "0012345"
      manifest: 9a8b7c6d5e4f3210
      order: "1207"
      proven: true
      rejected: false
      ready: true
      lack: ""
      replicas: 2
      ready_replicas: 2
      images: ["shop:0012345"]
      node_ports: [30081]
      target: node port 30081
      holder: null
      adopted: null
    green: {commit: null}
rollback:
  description:
    - The commit that a rollback goes C(to) and on which C(color), or the C(reason) why there is none, with null for the color.
      C(redeploy) says that it has to be staged there again first.
    - Before what was deployed first may come a C(service), C(<namespace>/<name>), that serves by other means than a deploy;
      C(to) is null then.
    - With O(goal=status) and O(goal=list) it is what a rollback would do now, and its reason what a rollback would be
      refused for, whatever that is; but no object is tried on the API server for it, as a rollback that has to redeploy does.
    - With any other goal it is the same as it will be once the plan is carried out; null for an RV(action) of V(resolve) or
      V(wait), after which a plan has to be made anew.
  returned: success
  type: dict
  sample: {color: blue, to: "0012345", service: null, reason: "", redeploy: false}
lock:
  description:
    - Who holds the application's lock, with C(holder), C(purpose), C(phase), C(since), C(until), and C(over), which says
      that the hold has ended by itself. Null when nobody does.
  returned: success
  type: dict
hold:
  description: The rollback that holds the deploys, with C(by), C(at), C(from) and C(to), two commits; null where none does.
  returned: success
  type: dict
  sample: {by: ada@laptop, at: "2026-11-30T03:14:15+00:00", from: 00abcde, to: "0012345"}
frozen:
  description: Why nothing is to be deployed now, as O(frozen) says; empty where nothing is frozen.
  returned: success
  type: str
lock_version:
  description:
    - The version of the lock that was seen, for O(octoblu.bluegreen.k8s_lock#module:expect_version); null when it could
      not be.
  returned: success
  type: str
history:
  description:
    - The runs that the ledger knows, newest first, with C(commit), C(color), C(at), C(who), how it C(ended), whether it is
      C(live), what a C(rollback) would go to, and whether its manifests are C(kept).
  returned: O(goal) is V(status) or V(list)
  type: list
  elements: dict
host:
  description: The address of the Kubernetes API.
  returned: success
  type: str
  sample: https://10.0.0.1:6443
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.release_plan import run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import GOALS, RENDERING

MODULE = Module(
    run=run,
    connect=connect,
    leave=leave,
    secrets=secrets,
    argument_spec={
        "app": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "goal": {"type": "str", "default": "status", "choices": list(GOALS)},
        "router": {"type": "dict", "required": True},
        "color": {"type": "str", "choices": ["blue", "green"]},
        "commit": {"type": "raw"},
        "manifests": {
            "type": "dict",
            "options": {
                "templates": {"type": "list", "elements": "str", "required": True},
                "template_vars": {"type": "dict"},
                "blue": {"type": "list", "elements": "raw"},
                "green": {"type": "list", "elements": "raw"},
            },
        },
        "smoke": {"type": "str", "default": "proxy"},
        "smoke_path": {"type": "str", "default": "/"},
        "preview_port": {"type": "int", "default": 0},
        "preview_router": {"type": "dict"},
        "ready_timeout": {"type": "int", "default": 300},
        "image_wait": {"type": "int", "default": 0},
        "unschedulable_grace": {"type": "int", "default": 10},
        "wait_in_service": {"type": "bool", "default": False},
        "capacity": {"type": "int", "default": 100},
        "order": {"type": "str", "default": ""},
        "hold_after_rollback": {"type": "bool", "default": False},
        "release_hold": {"type": "bool", "default": False},
        "frozen": {"type": "str", "default": ""},
        "thaw": {"type": "str", "default": ""},
        "hooks": {"type": "dict", "default": {}},
        "approved": {"type": "dict", "default": {}},
        "leaving": {
            "type": "dict",
            "options": {"commit": {"type": "str", "required": True}, "manifest": {"type": "str"}},
        },
        "since": {"type": "float"},
        "locked": {"type": "bool", "default": False},
        "claim": {"type": "bool", "default": False},
        "replace": {"type": "bool", "default": False},
        "allow_local": {"type": "bool", "default": False},
        **ARGUMENT_SPEC,
    },
    required_if=[("goal", goal, ("commit", "manifests")) for goal in RENDERING],
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
