# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench-swap`: the swap of a Classic ELB beside the stock module and the sequence of 2015.

All three swap the same two listeners of the same load balancer, HTTP and HTTPS with a TLS policy and
stickiness, in one run and one sandbox, under 200 requests a second, for several latencies of the AWS API.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from integration.certificates import self_signed

from sandbox.aws import Aws
from sandbox.traffic import Traffic

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
NODE_PORTS = {"blue": 30081, "green": 30082}
NODE_ADDRESS = "127.0.7.1"
RATE = 200


@dataclass(frozen=True)
class Scene:
    """The load balancer and what a driver needs to swap it."""

    aws: Aws
    elb: Any
    certificate: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Swapped:
    """What one swap cost: the gap that a client saw in ms, requests lost, AWS calls, and what is left of the policies."""

    gap_ms: float
    lost: int
    calls: int
    policies_kept: bool


def ours(scene: Scene, color: str) -> list[str | Path]:
    return [BIN / "ansible-playbook", HERE / "our_swap.yml", "-e", "balancer=shop", "-e", f"color={color}"]


def stock(scene: Scene, color: str) -> list[str | Path]:
    return [
        BIN / "ansible-playbook",
        HERE / "stock_swap.yml",
        *("-e", "balancer=shop", "-e", f"node_port={NODE_PORTS[color]}"),
        *("-e", f"certificate={scene.certificate}"),
    ]


def original(scene: Scene, color: str) -> list[str | Path]:
    return [HERE / "original_swap.sh", "shop", str(NODE_PORTS[color]), scene.certificate]


DRIVERS: dict[str, Callable[[Scene, str], list[str | Path]]] = {
    "elb_listener_swap": ours,
    "amazon.aws.elb_classic_lb": stock,
    "sequence of 2015 (aws CLI)": original,
}


def make_load_balancer(elb: Any, ec2: Any, certificate: str) -> None:
    elb.create_load_balancer(
        LoadBalancerName="shop",
        AvailabilityZones=["us-east-1a"],
        Listeners=[
            _listener(80, "HTTP", NODE_PORTS["blue"]),
            {**_listener(443, "HTTPS", NODE_PORTS["blue"]), "SSLCertificateId": certificate},
        ],
        Tags=[{"Key": color, "Value": str(port)} for color, port in NODE_PORTS.items()],
    )
    elb.create_lb_cookie_stickiness_policy(
        LoadBalancerName="shop", PolicyName="sticky", CookieExpirationPeriod=60
    )
    elb.create_load_balancer_policy(
        LoadBalancerName="shop",
        PolicyName="tls-1-2",
        PolicyTypeName="SSLNegotiationPolicyType",
        PolicyAttributes=[
            {
                "AttributeName": "Reference-Security-Policy",
                "AttributeValue": "ELBSecurityPolicy-TLS-1-2-2017-01",
            }
        ],
    )
    elb.configure_health_check(
        LoadBalancerName="shop",
        HealthCheck={
            "Target": "HTTP:30081/healthz",
            "Interval": 5,
            "Timeout": 2,
            "HealthyThreshold": 2,
            "UnhealthyThreshold": 2,
        },
    )
    [instance] = ec2.run_instances(ImageId="ami-00000000", MinCount=1, MaxCount=1)["Instances"]
    elb.register_instances_with_load_balancer(
        LoadBalancerName="shop", Instances=[{"InstanceId": instance["InstanceId"]}]
    )
    elb.get_waiter("instance_in_service").wait(
        LoadBalancerName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def set_policies(elb: Any) -> None:
    for port, name in ((80, "sticky"), (443, "tls-1-2")):
        elb.set_load_balancer_policies_of_listener(
            LoadBalancerName="shop", LoadBalancerPort=port, PolicyNames=[name]
        )


def policies(elb: Any) -> dict[int, list[str]]:
    [described] = elb.describe_load_balancers(LoadBalancerNames=["shop"])["LoadBalancerDescriptions"]
    return {
        entry["Listener"]["LoadBalancerPort"]: entry["PolicyNames"]
        for entry in described["ListenerDescriptions"]
    }


def live(elb: Any) -> str:
    [described] = elb.describe_load_balancers(LoadBalancerNames=["shop"])["LoadBalancerDescriptions"]
    port = described["ListenerDescriptions"][0]["Listener"]["InstancePort"]
    return next(color for color, node_port in NODE_PORTS.items() if node_port == port)


def swap(scene: Scene, driver: Callable[[Scene, str], list[str | Path]], latency_ms: int) -> Swapped:
    """One swap to the other color, under traffic; ends the benchmark when it did not happen."""
    color = "green" if live(scene.elb) == "blue" else "blue"
    set_policies(scene.elb)
    before = scene.aws.mark()
    scene.aws.set(latency_ms=latency_ms)
    with Traffic(f"http://{scene.aws.ports('shop')[80]}/", RATE) as traffic:
        process = subprocess.run(
            driver(scene, color),
            check=False,
            env=scene.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    scene.aws.set(latency_ms=0)
    calls = len(scene.aws.calls(before))
    if process.returncode != 0 or live(scene.elb) != color:
        sys.exit(f"This swap failed:\n{process.stdout}{process.stderr}")
    seen = traffic.result()
    kept = policies(scene.elb) == {80: ["sticky"], 443: ["tls-1-2"]}
    return Swapped(seen.gap_ms, sum(seen.lost.values()), calls, kept)


def row(name: str, latency_ms: int, swaps: list[Swapped]) -> str:
    gaps = [each.gap_ms for each in swaps]
    kept = sum(each.policies_kept for each in swaps)
    return (
        f"| {latency_ms} | {name} | {median(gaps):.0f} | {max(gaps):.0f} | {median(each.lost for each in swaps):.0f} | "
        f"{median(each.calls for each in swaps):.0f} | {kept} of {len(swaps)} |"
    )


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    application = [sys.executable, "-m", "sandbox.app", "--address", NODE_ADDRESS]
    with Aws(folder / "aws", node_address=NODE_ADDRESS, address_prefix="127.0.6.") as aws:
        pods = [
            subprocess.Popen(
                application,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PORT": str(port), "HOSTNAME": f"shop-{color}-1"},
            )
            for color, port in NODE_PORTS.items()
        ]
        try:
            elb = aws.client("elb")
            body, key = self_signed("shop.example.com")
            imported = aws.client("acm").import_certificate(Certificate=body, PrivateKey=key)
            make_load_balancer(elb, aws.client("ec2"), imported["CertificateArn"])
            environment = {
                **os.environ,
                **aws.environment,
                "PATH": f"{BIN}:{os.environ['PATH']}",
                "ANSIBLE_HOME": str(folder),
            }
            yield Scene(aws, elb, imported["CertificateArn"], environment)
        finally:
            for pod in pods:
                pod.kill()
                pod.wait()


def _listener(port: int, protocol: str, node_port: int) -> dict[str, Any]:
    return {
        "Protocol": protocol,
        "LoadBalancerPort": port,
        "InstanceProtocol": "HTTP",
        "InstancePort": node_port,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=20, help="swaps of each driver at each latency")
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 50, 150, 300], help="ms per AWS call")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as name, scene(Path(name)) as place:
        print(
            "| ms per AWS call | swap by | gap, median ms | gap, max ms | lost, median | AWS calls | policies kept |"
        )
        print("|---|---|---|---|---|---|---|", flush=True)
        for latency_ms in given.latency:
            for label, driver in DRIVERS.items():
                swaps = [swap(place, driver, latency_ms) for _each in range(given.swaps)]
                print(row(label, latency_ms, swaps), flush=True)


if __name__ == "__main__":
    main()
