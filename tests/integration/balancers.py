# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classic ELBs for the tests, made and read with plain boto3, and our modules called on them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import (
    decode_known,
    is_known_tag,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module
from ansible_collections.octoblu.bluegreen.plugins.modules import elb_color_facts, elb_listener_swap

TAGS = {"blue": "30081", "green": "30082"}
CHECK = {
    "Target": "HTTP:30081/healthz",
    "Interval": 5,
    "Timeout": 2,
    "HealthyThreshold": 2,
    "UnhealthyThreshold": 2,
}


def listener(
    port: int, node_port: int, protocol: str = "HTTP", behind: str = "HTTP", certificate: str = ""
) -> dict[str, Any]:
    """A listener as the API wants it."""
    described = {
        "Protocol": protocol,
        "LoadBalancerPort": port,
        "InstanceProtocol": behind,
        "InstancePort": node_port,
    }
    return {**described, "SSLCertificateId": certificate} if certificate else described


@dataclass(frozen=True)
class Balancer:
    """A load balancer as boto3 sees it: every property is read anew."""

    elb: Any
    name: str

    @property
    def description(self) -> Mapping[str, Any]:
        [description] = self.elb.describe_load_balancers(LoadBalancerNames=[self.name])[
            "LoadBalancerDescriptions"
        ]
        return description

    @property
    def listeners(self) -> dict[int, dict[str, Any]]:
        """Each listener with its policies, by port."""
        return {
            entry["Listener"]["LoadBalancerPort"]: {
                **entry["Listener"],
                "policies": sorted(entry["PolicyNames"]),
            }
            for entry in self.description["ListenerDescriptions"]
        }

    @property
    def node_ports(self) -> dict[int, int]:
        return {port: entry["InstancePort"] for port, entry in sorted(self.listeners.items())}

    @property
    def backend_policies(self) -> dict[int, list[str]]:
        return {
            entry["InstancePort"]: sorted(entry["PolicyNames"])
            for entry in self.description["BackendServerDescriptions"]
            if entry["PolicyNames"]
        }

    @property
    def check(self) -> dict[str, Any]:
        return dict(self.description["HealthCheck"])

    @property
    def left(self) -> dict[int, Any]:
        """The listeners that tags of ours say the last swap has left, by port."""
        return decode_known(self._tags)

    @property
    def tags(self) -> dict[str, str]:
        """Every tag but those that ``left`` is read from."""
        return {key: value for key, value in self._tags.items() if not is_known_tag(key)}

    @property
    def _tags(self) -> dict[str, str]:
        [described] = self.elb.describe_tags(LoadBalancerNames=[self.name])["TagDescriptions"]
        return {tag["Key"]: tag["Value"] for tag in described["Tags"]}

    def tag(self, tags: Mapping[str, str]) -> None:
        self.elb.add_tags(
            LoadBalancerNames=[self.name],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    def delete(self) -> None:
        self.elb.delete_load_balancer(LoadBalancerName=self.name)


def make(
    elb: Any,
    listeners: Sequence[Mapping[str, Any]],
    zones: Sequence[str],
    tags: Mapping[str, str] | None = None,
    check: Mapping[str, Any] | None = None,
) -> Balancer:
    """A load balancer with a name of its own."""
    balancer = Balancer(elb, f"bg-{uuid.uuid4().hex[:12]}")
    elb.create_load_balancer(
        LoadBalancerName=balancer.name, Listeners=list(listeners), AvailabilityZones=list(zones)
    )
    balancer.tag(TAGS if tags is None else tags)
    elb.configure_health_check(LoadBalancerName=balancer.name, HealthCheck=dict(check or CHECK))
    return balancer


def add_negotiation_policy(balancer: Balancer, port: int, *more: str) -> None:
    """Give a listener a TLS policy that is not AWS's default, beside others."""
    balancer.elb.create_load_balancer_policy(
        LoadBalancerName=balancer.name,
        PolicyName="tls-1-2",
        PolicyTypeName="SSLNegotiationPolicyType",
        PolicyAttributes=[
            {
                "AttributeName": "Reference-Security-Policy",
                "AttributeValue": "ELBSecurityPolicy-TLS-1-2-2017-01",
            }
        ],
    )
    balancer.elb.set_load_balancer_policies_of_listener(
        LoadBalancerName=balancer.name, LoadBalancerPort=port, PolicyNames=["tls-1-2", *more]
    )


def add_stickiness(balancer: Balancer, port: int, name: str = "sticky") -> None:
    balancer.elb.create_lb_cookie_stickiness_policy(
        LoadBalancerName=balancer.name, PolicyName=name, CookieExpirationPeriod=60
    )
    balancer.elb.set_load_balancer_policies_of_listener(
        LoadBalancerName=balancer.name, LoadBalancerPort=port, PolicyNames=[name]
    )


def arguments(module: Module, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they reach the module, defaults filled in."""
    result = ArgumentSpecValidator(module.argument_spec).validate(given)
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


def swap(balancer: Balancer, color: str, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    module = elb_listener_swap.MODULE
    params = arguments(module, {"name": balancer.name, "color": color, **given})
    return dict(module.run(params, check_mode, module.connect(params), print))


def facts(*names: str, **given: Any) -> dict[str, Any]:
    module = elb_color_facts.MODULE
    params = arguments(module, {"name": list(names), **given})
    return dict(module.run(params, False, module.connect(params), print)["load_balancers"])
