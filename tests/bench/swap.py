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

from bench import measured, report
from bench.balancer import Balancer

from sandbox.aws import Aws
from sandbox.traffic import Traffic

HERE = Path(__file__).resolve().parent
NODE_PORTS = {"blue": 30081, "green": 30082}
NODE_ADDRESS = "127.0.7.1"
RATE = 200
HEAD = (
    "ms per AWS call",
    "swap by",
    "gap, median ms",
    "gap, max ms",
    "lost, median",
    "AWS calls",
    "policies kept",
)


@dataclass(frozen=True)
class Scene:
    """The load balancer and what a driver needs to swap it."""

    aws: Aws
    balancer: Balancer
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Swapped:
    """What one swap cost: the gap that a client saw in ms, requests lost, AWS calls, and what is left of the policies."""

    gap_ms: float
    lost: int
    calls: int
    policies_kept: bool


def ours(scene: Scene, color: str) -> list[str | Path]:
    return [
        *(measured.BIN / "ansible-playbook", HERE / "our_swap.yml"),
        *("-e", f"balancer={scene.balancer.name}", "-e", f"color={color}"),
    ]


def stock(scene: Scene, color: str) -> list[str | Path]:
    return [
        *(measured.BIN / "ansible-playbook", HERE / "stock_swap.yml"),
        *("-e", f"balancer={scene.balancer.name}", "-e", f"node_port={NODE_PORTS[color]}"),
        *("-e", f"certificate={scene.balancer.certificate}"),
    ]


def original(scene: Scene, color: str) -> list[str | Path]:
    return [
        HERE / "original_swap.sh",
        scene.balancer.name,
        str(NODE_PORTS[color]),
        scene.balancer.certificate,
    ]


DRIVERS: dict[str, Callable[[Scene, str], list[str | Path]]] = {
    "elb_listener_swap": ours,
    "amazon.aws.elb_classic_lb": stock,
    "sequence of 2015 (aws CLI)": original,
}


def swap(scene: Scene, driver: Callable[[Scene, str], list[str | Path]], latency_ms: int) -> Swapped:
    """One swap to the other color, under traffic; ends the benchmark when it did not happen."""
    balancer = scene.balancer
    color = "green" if balancer.live == "blue" else "blue"
    balancer.set_policies()
    before = scene.aws.mark()
    scene.aws.set(latency_ms=latency_ms)
    with Traffic(balancer.url, RATE) as traffic:
        measured.run(driver(scene, color), scene.environment)
    scene.aws.set(latency_ms=0)
    calls = len(scene.aws.calls(before))
    if balancer.live != color:
        sys.exit(f"{driver.__name__} ended well, but {color} is not live.")
    seen = traffic.result()
    return Swapped(seen.gap_ms, sum(seen.lost.values()), calls, balancer.policies_kept)


def row(name: str, latency_ms: int, swaps: list[Swapped]) -> tuple[str, ...]:
    gaps = [each.gap_ms for each in swaps]
    return (
        str(latency_ms),
        name,
        f"{median(gaps):.0f}",
        f"{max(gaps):.0f}",
        f"{median(each.lost for each in swaps):.0f}",
        f"{median(each.calls for each in swaps):.0f}",
        f"{sum(each.policies_kept for each in swaps)} of {len(swaps)}",
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
            balancer = Balancer.make(aws, "shop", NODE_PORTS)
            balancer.wait_in_service()
            yield Scene(aws, balancer, measured.environment(folder, aws.environment))
        finally:
            for pod in pods:
                pod.kill()
                pod.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=20, help="swaps of each driver at each latency")
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 50, 150, 300], help="ms per AWS call")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as name, scene(Path(name)) as place:
        print("\n".join(report.table(HEAD, ())), flush=True)
        rows = []
        for latency_ms in given.latency:
            for label, driver in DRIVERS.items():
                swaps = [swap(place, driver, latency_ms) for _each in range(given.swaps)]
                rows.append(row(label, latency_ms, swaps))
                print(report.table(HEAD, rows)[-1], flush=True)
    what = (
        f"Two listeners, HTTP with stickiness and HTTPS with a TLS policy, swapped {given.swaps} times by each under "
        f"{RATE} requests/s. The gap is what a client saw, who asks every {1000 // RATE} ms: less than that is no difference."
    )
    report.section("bench-swap", "The swap alone", [what, "", *report.table(HEAD, rows)])


if __name__ == "__main__":
    main()
