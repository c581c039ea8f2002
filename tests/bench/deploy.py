# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench`: whole deploys and rollbacks beside the stock modules and the sequence of 2015.

All in one run and one sandbox, each with an application and a load balancer of its own, in turns, under
100 requests a second, with and without latency of the AWS API.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from bench import measured, report
from bench.balancer import Balancer

from sandbox.aws import Aws
from sandbox.cluster import Cluster
from sandbox.traffic import Traffic

HERE = Path(__file__).resolve().parent
NODE_ADDRESS = "127.0.9.1"
RATE = 100
START_DELAY = 2
NAMESPACE = "bench"
HEAD = (
    "ms per AWS call",
    "what",
    "by",
    "seconds",
    "without the application's",
    "CPU seconds",
    "gap, ms",
    "lost",
    "policies kept",
    "AWS calls",
    "Kubernetes requests",
)

Command = list[str | Path]
Step = tuple[Command, Mapping[str, str]]


@dataclass(frozen=True)
class App:
    """An application with a load balancer of its own, as a way to deploy it sees it."""

    balancer: Balancer
    folder: Path
    commits: Iterator[int] = field(default_factory=lambda: count(1))

    def next_commit(self) -> str:
        return commit_of(next(self.commits))

    @property
    def name(self) -> str:
        return self.balancer.name


@dataclass(frozen=True)
class Way:
    """One way to deploy. Ways of the same ``app`` share it. What a way does not do at all is None."""

    label: str
    app: str
    deploy: Callable[[App, str], Command]
    rollback: Callable[[App], Command]
    environment: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = True


@dataclass(frozen=True)
class Scene:
    aws: Aws
    cluster: Cluster
    apps: Mapping[str, App]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """What one run cost, and what clients saw of it. ``policies_kept`` is None where nothing was swapped."""

    cost: measured.Cost
    gap_ms: float
    lost: int
    policies_kept: bool | None
    calls: int
    requests: int


def ours(app: App, playbook: str, commit: str = "") -> Command:
    described = app.folder / f"{app.name}.json"
    described.write_text(
        json.dumps(
            {
                "bluegreen_app": app.name,
                "bluegreen_namespace": NAMESPACE,
                "bluegreen_load_balancer": app.name,
                "bluegreen_image": "sandbox/web:{{ bluegreen_commit }}",
                "bluegreen_readiness_path": "/healthz",
                "bluegreen_env": {
                    "COMMIT": "{{ bluegreen_commit }}",
                    "APP_START_DELAY": str(START_DELAY),
                },
            }
        )
    )
    wanted = ["-e", f"commit={commit}"] if commit else []
    playbooks = report.CHECKOUT / "playbooks"
    return [measured.BIN / "ansible-playbook", playbooks / f"{playbook}.yml", "-e", f"@{described}", *wanted]


def stock(app: App, playbook: str, wait_sleep: int, commit: str = "") -> Command:
    given = {
        "app": app.name,
        "app_namespace": NAMESPACE,
        "certificate": app.balancer.certificate,
        "commit": commit,
        "start_delay": str(START_DELAY),
        "wait_sleep": wait_sleep,
    }
    return [measured.BIN / "ansible-playbook", HERE / f"stock_{playbook}.yml", "-e", json.dumps(given)]


def original_deploy(app: App, commit: str) -> Command:
    script = HERE / "original_deploy.sh"
    return [script, app.name, NAMESPACE, commit, app.balancer.certificate, str(START_DELAY)]


def original_rollback(app: App) -> Command:
    return [HERE / "original_rollback.sh", app.name, app.balancer.certificate]


WAYS = (
    Way(
        "octoblu.bluegreen",
        "ours",
        lambda app, commit: ours(app, "deploy", commit),
        lambda app: ours(app, "rollback"),
    ),
    Way(
        "octoblu.bluegreen, BLUEGREEN_DOOR=module",
        "ours",
        lambda app, commit: ours(app, "deploy", commit),
        lambda app: ours(app, "rollback"),
        {"BLUEGREEN_DOOR": "module"},
    ),
    Way(
        "stock modules",
        "stock",
        lambda app, commit: stock(app, "deploy", 5, commit),
        lambda app: stock(app, "rollback", 5),
    ),
    Way(
        "stock modules, `wait_sleep: 1`",
        "stock",
        lambda app, commit: stock(app, "deploy", 1, commit),
        lambda app: stock(app, "rollback", 1),
    ),
    Way("sequence of 2015", "original", original_deploy, original_rollback, idempotent=False),
)
NODE_PORTS = {
    name: {"blue": 30081 + 2 * number, "green": 30082 + 2 * number}
    for number, name in enumerate(dict.fromkeys(way.app for way in WAYS))
}


def perform(scene: Scene, way: Way, command: Command, latency_ms: int, commit: str, swaps: bool) -> Done:
    """Run it under traffic; ends the benchmark when afterwards not the commit is live."""
    balancer = scene.apps[way.app].balancer
    before = balancer.live
    balancer.set_policies()
    mark = scene.aws.mark()
    scene.cluster.forget_requests()
    scene.aws.set(latency_ms=latency_ms)
    with Traffic(balancer.url, RATE) as traffic:
        cost = measured.run(command, {**scene.environment, **way.environment})
    scene.aws.set(latency_ms=0)
    calls, requests = len(scene.aws.calls(mark)), len(scene.cluster.requests())
    if (balancer.live != before) is not swaps or who(balancer) != commit:
        sys.exit(f"{way.label}: {who(balancer)} is live on {balancer.live} instead of {commit}.")
    seen = traffic.result()
    kept = balancer.policies_kept if swaps else None
    return Done(cost, seen.gap_ms, sum(seen.lost.values()), kept, calls, requests)


def who(balancer: Balancer) -> str:
    """The commit that answers through the load balancer."""
    with urllib.request.urlopen(balancer.url) as answer:
        return str(json.load(answer)["commit"])


def go_round(scene: Scene, latency_ms: int) -> Iterator[tuple[str, Way, Done]]:
    """Every way deploys, deploys the same again, and goes back."""
    for way in WAYS:
        app = scene.apps[way.app]
        old, new = who(app.balancer), app.next_commit()
        deploy = way.deploy(app, new)
        yield "deploy", way, perform(scene, way, deploy, latency_ms, new, swaps=True)
        if way.idempotent:
            yield "nothing to do", way, perform(scene, way, deploy, latency_ms, new, swaps=False)
        yield "rollback", way, perform(scene, way, way.rollback(app), latency_ms, old, swaps=True)


def commit_of(number: int) -> str:
    return f"c{number:06}"


def row(latency_ms: int, what: str, label: str, runs: list[Done]) -> tuple[str, ...]:
    def middle(value: Callable[[Done], float]) -> float:
        return median(value(run) for run in runs)

    seconds = middle(lambda run: run.cost.seconds)
    swapped = [run.policies_kept for run in runs if run.policies_kept is not None]
    return (
        str(latency_ms),
        what,
        label,
        f"{seconds:.1f}",
        f"{seconds - START_DELAY:.1f}" if what == "deploy" else f"{seconds:.1f}",
        f"{middle(lambda run: run.cost.cpu):.1f}",
        f"{middle(lambda run: run.gap_ms):.0f}",
        f"{middle(lambda run: run.lost):.0f}",
        f"{sum(swapped)} of {len(swapped)}" if swapped else "-",
        f"{middle(lambda run: run.calls):.0f}",
        f"{middle(lambda run: run.requests):.0f}",
    )


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Every application has a release on both colors, so that a rollback is possible."""
    with (
        Cluster(folder / "cluster", NODE_ADDRESS) as cluster,
        Aws(folder / "aws", NODE_ADDRESS, "127.0.8.", health_interval_scale=0.2) as aws,
    ):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        status, answer = cluster.request("POST", "/api/v1/namespaces", namespace)
        if status != 201:
            sys.exit(f"The sandbox's cluster made no namespace: {answer}")
        apps = {name: App(Balancer.make(aws, name, ports), folder) for name, ports in NODE_PORTS.items()}
        environment = measured.environment(folder, aws.environment, {"KUBECONFIG": str(cluster.kubeconfig)})
        first_of_app = {way.app: way for way in reversed(WAYS)}
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda way: _prepare(apps[way.app], way, environment), first_of_app.values()))
        yield Scene(aws, cluster, apps, environment)


def _prepare(app: App, way: Way, environment: Mapping[str, str]) -> None:
    for _color in app.balancer.node_ports:
        measured.run(way.deploy(app, app.next_commit()), environment)
    app.balancer.wait_in_service()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="runs of each way at each latency")
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 150], help="ms per AWS call")
    given = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as name, scene(Path(name)) as place:
        for latency_ms in given.latency:
            runs: dict[tuple[str, str], list[Done]] = {}
            for _round in range(given.runs):
                for what, way, done in go_round(place, latency_ms):
                    runs.setdefault((what, way.label), []).append(done)
                    print(f"{latency_ms} ms, {what}, {way.label}: {done.cost.seconds:.1f} s", flush=True)
            ordered = sorted(runs.items(), key=_order)
            rows += [row(latency_ms, what, label, seen) for (what, label), seen in ordered]
    lines = report.table(HEAD, rows)
    print("\n".join(["", *lines]))
    report.section("bench", "Whole deploys and rollbacks", [told(given.runs), "", *lines])


def _order(entry: tuple[tuple[str, str], Any]) -> int:
    (what, _label), _runs = entry
    return ("deploy", "nothing to do", "rollback").index(what)


def told(runs: int) -> str:
    return (
        f"Medians of {runs} runs. Two pods, ready {START_DELAY} s after their start; HTTP with stickiness and HTTPS with a "
        f"TLS policy; {RATE} requests/s, of which the gap and the lost ones are what clients saw. All ways take turns on "
        "one sandbox. A rollback goes to a color that is warm. The two playbooks of stock modules, and the scripts of the "
        "sequence of 2015 (aws CLI, kubectl), are in [tests/bench](../tests/bench). CPU seconds are those of the "
        "command and all that it starts."
    )


if __name__ == "__main__":
    main()
