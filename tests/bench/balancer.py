# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Classic ELB with all that a swap can lose: HTTP with stickiness, HTTPS with a TLS policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from integration.certificates import self_signed

from sandbox.aws import Aws

_POLICIES = {80: ["sticky"], 443: ["tls-1-2"]}


@dataclass(frozen=True)
class Balancer:
    """One load balancer of the sandbox, with one instance in service; it begins on blue."""

    name: str
    node_ports: Mapping[str, int]
    certificate: str
    url: str
    _elb: Any

    @classmethod
    def make(cls, aws: Aws, name: str, node_ports: Mapping[str, int]) -> Self:
        elb = aws.client("elb")
        body, key = self_signed(f"{name}.example.com")
        certificate = aws.client("acm").import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"]
        elb.create_load_balancer(
            LoadBalancerName=name,
            AvailabilityZones=["us-east-1a"],
            Listeners=[
                _listener(80, "HTTP", node_ports["blue"]),
                {**_listener(443, "HTTPS", node_ports["blue"]), "SSLCertificateId": certificate},
            ],
            Tags=[{"Key": color, "Value": str(port)} for color, port in node_ports.items()],
        )
        _make_policies(elb, name)
        elb.configure_health_check(
            LoadBalancerName=name,
            HealthCheck={
                "Target": f"HTTP:{node_ports['blue']}/healthz",
                "Interval": 5,
                "Timeout": 2,
                "HealthyThreshold": 2,
                "UnhealthyThreshold": 2,
            },
        )
        [instance] = aws.client("ec2").run_instances(ImageId="ami-00000000", MinCount=1, MaxCount=1)[
            "Instances"
        ]
        elb.register_instances_with_load_balancer(
            LoadBalancerName=name, Instances=[{"InstanceId": instance["InstanceId"]}]
        )
        return cls(name, node_ports, certificate, f"http://{aws.ports(name)[80]}/", elb)

    def wait_in_service(self) -> None:
        waiter = self._elb.get_waiter("instance_in_service")
        waiter.wait(LoadBalancerName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    @property
    def live(self) -> str:
        """The color that the first listener points at."""
        port = self._described()["ListenerDescriptions"][0]["Listener"]["InstancePort"]
        return next(color for color, node_port in self.node_ports.items() if node_port == port)

    @property
    def policies_kept(self) -> bool:
        found = self._described()["ListenerDescriptions"]
        return {entry["Listener"]["LoadBalancerPort"]: entry["PolicyNames"] for entry in found} == _POLICIES

    def set_policies(self) -> None:
        for port, names in _POLICIES.items():
            self._elb.set_load_balancer_policies_of_listener(
                LoadBalancerName=self.name, LoadBalancerPort=port, PolicyNames=names
            )

    def _described(self) -> Any:
        [described] = self._elb.describe_load_balancers(LoadBalancerNames=[self.name])[
            "LoadBalancerDescriptions"
        ]
        return described


def _listener(port: int, protocol: str, node_port: int) -> dict[str, Any]:
    return {
        "Protocol": protocol,
        "LoadBalancerPort": port,
        "InstanceProtocol": "HTTP",
        "InstancePort": node_port,
    }


def _make_policies(elb: Any, name: str) -> None:
    elb.create_lb_cookie_stickiness_policy(
        LoadBalancerName=name, PolicyName="sticky", CookieExpirationPeriod=60
    )
    elb.create_load_balancer_policy(
        LoadBalancerName=name,
        PolicyName="tls-1-2",
        PolicyTypeName="SSLNegotiationPolicyType",
        PolicyAttributes=[
            {
                "AttributeName": "Reference-Security-Policy",
                "AttributeValue": "ELBSecurityPolicy-TLS-1-2-2017-01",
            }
        ],
    )
