# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every playbook with the published rights alone, which hold what the playbooks ask for and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from balancers import add_stickiness, swap
from conftest import World
from privileges import Right, asked_rights, is_granted, policy_grants, role_rights
from shop import CHECKOUT, Finished, Running, Shop

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import RouterError
from sandbox.aws import Aws

DOCS = CHECKOUT / "docs"
# What is played by itself elsewhere, and why that says as much.
NOT_PLAYED = {
    "awx_setup": "it is about AWX, and asks no cluster and no load balancer",
    "webhook": "it is a deploy, whose commit comes from a payload",
}
# Asked for first, because node ports are the cluster's; who may not gets along with the namespace's.
TRIED = {Right("list", "", "services", elsewhere=True)}

WORKER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ bluegreen_app }}-worker-{{ bluegreen_color }}"}
spec:
  selector: {matchLabels: &pods {app: worker, octoblu.bluegreen/color: "{{ bluegreen_color }}"}}
  template:
    metadata: {labels: *pods}
    spec:
      nodeSelector: {octoblu.bluegreen/such: nowhere}
      containers:
        - name: app
          image: "{{ bluegreen_image }}"
          readinessProbe: {httpGet: {path: "{{ bluegreen_readiness_path }}", port: {{ bluegreen_container_port }}}}
"""


class Account:
    """A published account in the shop's namespace, as whom playbooks are run."""

    def __init__(self, shop: Shop, name: str) -> None:
        self._shop = shop
        self._runs = 0
        self.played: set[str] = set()
        self.role = DOCS / "rbac" / f"{name}.yaml"
        self.name = f"bluegreen-{name}"
        self.user = f"system:serviceaccount:{shop.namespace}:{self.name}"
        shop.kubectl("apply", "-n", shop.namespace, "-f", str(self.role))
        config = json.loads(shop.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        [user] = config["users"]
        user["user"] = {"token": shop.kubectl("create", "token", self.name, "-n", shop.namespace).strip()}
        self.kubeconfig = shop.folder / f"{name}.kubeconfig"
        self.kubeconfig.write_text(json.dumps(config))

    def start(self, plays: Mapping[str, Mapping[str, Any]]) -> Running:
        """One run of playbooks in their order, each with variables of its own."""
        self._runs += 1
        self.played |= plays.keys()
        scene = self._shop.folder / f"{self.name}-{self._runs}.yml"
        imports = [
            {
                "ansible.builtin.import_playbook": str(CHECKOUT / "playbooks" / f"{name}.yml"),
                "vars": dict(own),
            }
            for name, own in plays.items()
        ]
        scene.write_text(json.dumps(imports))
        return self._shop.start(str(scene), environment={"KUBECONFIG": str(self.kubeconfig)})

    def play(self, plays: Mapping[str, Mapping[str, Any]]) -> Finished:
        return self.start(plays).finish()


class Log:
    """What the sandbox has logged of accounts and policies; nothing is known of it elsewhere."""

    def __init__(self, world: World, shop: Shop) -> None:
        self._world, self._shop = world, shop
        self._calls: dict[str, list[dict[str, Any]]] = {}

    @contextmanager
    def of(self, policy: str) -> Iterator[None]:
        """Notes Ansible's calls of AWS meanwhile for a policy."""
        aws = self._world.aws
        before = aws.mark() if aws else 0
        yield
        self._calls.setdefault(policy, []).extend(
            call for call in (aws.calls(before) if aws else ()) if "Ansible" in call["user_agent"]
        )

    def check_policies(self) -> None:
        for policy, calls in self._calls.items() if self._world.aws else ():
            text = (DOCS / "iam" / f"{policy}.json").read_text()
            grants = list(policy_grants(json.loads(text.replace("<name>", self._shop.balancer.name))))
            assert [call for call in calls if not is_granted(call, grants)] == []
            assert [each for each in grants if not any(map(each.is_used_by, calls))] == []

    def check_role(self, account: Account) -> None:
        if self._world.cluster is None:
            return
        requests = [each for each in self._world.cluster.requests() if each["user"] == account.user]
        got, refused = asked_rights(requests, self._shop.namespace)
        [role] = [each for each in yaml.safe_load_all(account.role.read_text()) if each["kind"] == "Role"]
        assert got == role_rights(role)
        assert refused - got == TRIED


@pytest.fixture
def faults(world: World) -> Iterator[None]:
    yield
    for controls in (world.aws, world.cluster):
        if controls:
            controls.clear()


@pytest.mark.usefixtures("faults")
def test_every_playbook_gets_along_with_the_published_rights(shop: Shop, world: World) -> None:
    deployer, viewer, log = Account(shop, "deployer"), Account(shop, "viewer"), Log(world, shop)
    http = shop.settings.http_port
    preview = {"bluegreen_preview_port": shop.settings.https_port}
    _set_policies(shop)

    if world.aws:
        with log.of("deploy"):
            _take_back_a_swap(shop, world.aws)
        world.aws.fault("hold", "SetLoadBalancerPoliciesOfListener", nth=2)
    with log.of("deploy"):
        running = deployer.start(
            {
                "deploy": {"commit": "0000001"},
                "stage": _documented(shop, "0000002"),
                "preview": preview,
                "switch": {},
            }
        )
        if world.aws:
            _lose_a_policy(shop, world.aws)
        done = running.finish()
    assert done.code == 0, done.output
    assert (shop.commit(), shop.who()) == ("0000002", "green")
    assert shop.balancer.node_ports[shop.settings.https_port] == shop.node_ports["blue"]

    hold = {"bluegreen_hold_after_rollback": True}
    with log.of("deploy"):
        done = deployer.play({"rollback": hold, "release": {}, "retire": {}, "unlock": {}})
    assert done.code == 0, done.output
    assert (shop.commit(), shop.who()) == ("0000001", "blue")
    assert shop.deployment("green")["spec"]["replicas"] == 0

    shop.balancer.elb.delete_load_balancer_listeners(
        LoadBalancerName=shop.balancer.name, LoadBalancerPorts=[http]
    )
    if world.cluster:
        # Whoever may ask a Service need not be allowed to ask a pod.
        world.cluster.forbid("get", "pods/proxy")
    with log.of("deploy"):
        failed = deployer.play({"repair": {"color": "blue"}, "deploy": _broken(shop, "0000003")})
    assert failed.outcome == "stage_failed", failed.output
    assert "keeps crashing" in failed.reason
    assert (shop.commit(), shop.who()) == ("0000001", "blue")

    # As where a color is served by other means than a deploy.
    shop.kubectl("delete", "deployment,service", "shop-green", "-n", shop.namespace)
    shop.apply(shop.service("legacy", shop.node_ports["green"]))
    with log.of("status"):
        seen = viewer.play({"status": {}, "list": {}})
    assert seen.code == 0, seen.output
    assert "0000001" in seen.output

    assert (
        deployer.played | viewer.played
        == {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")} - NOT_PLAYED.keys()
    )
    log.check_policies()
    log.check_role(deployer)
    log.check_role(viewer)


def _set_policies(shop: Shop) -> None:
    """One of the listener, and one of what is behind it."""
    name, elb = shop.balancer.name, shop.balancer.elb
    add_stickiness(shop.balancer, shop.settings.http_port)
    elb.create_load_balancer_policy(
        LoadBalancerName=name,
        PolicyName="proxy",
        PolicyTypeName="ProxyProtocolPolicyType",
        PolicyAttributes=[{"AttributeName": "ProxyProtocol", "AttributeValue": "true"}],
    )
    elb.set_load_balancer_policies_for_backend_server(
        LoadBalancerName=name, InstancePort=shop.node_ports["green"], PolicyNames=["proxy"]
    )


def _take_back_a_swap(shop: Shop, aws: Aws) -> None:
    """One that is refused after it has written all its tags."""
    before = shop.balancer.tags
    aws.fault("error", "CreateLoadBalancerListeners", code="AccessDenied", status=403)
    with pytest.raises(RouterError, match="AccessDenied"):
        swap(shop.balancer, "blue", claim="shop/1", preview_port=shop.settings.https_port)
    assert (shop.balancer.tags, shop.balancer.left) == (before, {})


def _lose_a_policy(shop: Shop, aws: Aws) -> None:
    """Delete the listener's while the listener is made anew, so that the swap has to make it anew, too."""
    aws.wait_held()
    [policy] = shop.balancer.description["Policies"]["LBCookieStickinessPolicies"]
    shop.balancer.elb.delete_load_balancer_policy(
        LoadBalancerName=shop.balancer.name, PolicyName=policy["PolicyName"]
    )
    aws.release()


def _broken(shop: Shop, commit: str) -> dict[str, Any]:
    """A deploy that has logs to look at, and events: one pod crashes, another one gets onto no node."""
    worker = shop.folder / "worker.yml.j2"
    worker.write_text(WORKER)
    role = CHECKOUT / "roles" / "bluegreen" / "templates"
    templates = [role / "deployment.yml.j2", role / "service.yml.j2", worker]
    return {
        "commit": commit,
        "bluegreen_manifests": list(map(str, templates)),
        "bluegreen_container": {"command": [shop.settings.ends_badly]},
    }


def _documented(shop: Shop, commit: str) -> dict[str, Any]:
    """A deploy of the documented manifests, but for their second port."""
    text = (DOCS / "manifests" / "shop.yml.j2").read_text()
    template = Path(shop.folder) / "shop.yml.j2"
    template.write_text(re.sub(r".*node_ports\[1\].*\n", "", text))
    described = yaml.safe_load((DOCS / "manifests" / "app.yml").read_text())
    return {
        **{name: value for name, value in described.items() if name not in shop.variables()},
        "bluegreen_manifests": [str(template)],
        "exporter_image": shop.settings.image.replace("{{ bluegreen_commit }}", "exporter"),
        "admin_port": shop.settings.container_port + 1,
        "commit": commit,
    }
