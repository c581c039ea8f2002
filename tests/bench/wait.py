# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench-wait`: k8s_wait_ready beside kubernetes.core.k8s_info and kubectl rollout status.

Each waits for the same Deployments in one run and one sandbox. A Deployment is paused until whoever waits
has begun to look; when it is ready is what somebody else sees who watches it as well.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import measured, report

from sandbox.cluster import Cluster

HERE = Path(__file__).resolve().parent
NODE_ADDRESS = "127.0.11.1"
NAMESPACE = "bench"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
# What polls does so every 5 s: the waits begin evenly spread over that.
POLL_SECONDS = 5
HEAD = (
    "pods",
    "waited for by",
    "from ready to told, median ms",
    "max ms",
    "CPU seconds from its first look",
    "CPU seconds in all",
    "API requests",
)
READY_HEAD = ("waited for by", "from its start to told, ms", "CPU seconds in all", "API requests")

Command = list[str | Path]


@dataclass(frozen=True)
class Way:
    """``told`` is the line that says that it is ready."""

    label: str
    command: Callable[[str], Command]
    told: bytes


@dataclass(frozen=True)
class Waited:
    """``late`` is the seconds from ready to told, or from the start to told where it was ready before.

    ``waiting_cpu`` are the CPU seconds from its first look at the Deployment to its end, ``cpu`` all of them.
    """

    late: float
    waiting_cpu: float
    cpu: float
    requests: int


def _playbook(name: str) -> Callable[[str], Command]:
    return lambda workload: [
        *(measured.BIN / "ansible-playbook", HERE / name),
        *("-e", f"workload={workload}", "-e", f"app_namespace={NAMESPACE}"),
    ]


def _kubectl(workload: str) -> Command:
    return [measured.BIN / "kubectl", "rollout", "status", f"deployment/{workload}", "-n", NAMESPACE]


WAYS = (
    Way("octoblu.bluegreen.k8s_wait_ready", _playbook("our_wait.yml"), rb"^ok: \[localhost\]"),
    Way("kubernetes.core.k8s_info, wait", _playbook("stock_wait.yml"), rb"^ok: \[localhost\]"),
    Way("kubectl rollout status", _kubectl, rb"successfully rolled out$"),
)


class Telling:
    """A command that waits, and when it tells."""

    def __init__(self, way: Way, workload: str, environment: Mapping[str, str]) -> None:
        self.began = time.monotonic()
        self.told_at = 0.0
        self._told = way.told
        self._process = subprocess.Popen(
            way.command(workload),
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._output: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._output.append(line)
            if not self.told_at and re.search(self._told, line.rstrip()):
                self.told_at = time.monotonic()

    def cpu(self) -> float:
        """The CPU seconds of the process and its descendants until now."""
        processes: dict[int, tuple[int, float]] = {}
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = file.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks = sum(int(each) for each in fields[11:15])
            processes[int(file.parent.name)] = (int(fields[1]), ticks / os.sysconf("SC_CLK_TCK"))
        family = {self._process.pid}
        while more := {pid for pid, (parent, _cpu) in processes.items() if parent in family} - family:
            family |= more
        return sum(processes[pid][1] for pid in family if pid in processes)

    def end(self) -> float:
        """CPU seconds in all; ends the benchmark when it did not tell."""
        _pid, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._reader.join()
        if self._process.returncode != 0 or not self.told_at:
            sys.exit(f"A wait ended with {self._process.returncode}:\n{b''.join(self._output).decode()}")
        return usage.ru_utime + usage.ru_stime


class Ready:
    """When a Deployment is ready by its own status."""

    def __init__(self, cluster: Cluster, workload: str) -> None:
        self._at = 0.0
        self._cluster = cluster
        self._path = f"{DEPLOYMENTS}?fieldSelector=metadata.name%3D{workload}"
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        for event in self._cluster.watch(self._path, 300):
            now, status, spec = time.monotonic(), event["object"].get("status", {}), event["object"]["spec"]
            counters = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
            if counters == {spec["replicas"]} and not spec.get("paused"):
                self._at = now
                return

    def wait(self) -> float:
        self._thread.join()
        return self._at


def deployment(name: str, pods: int, paused: bool) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "app", "image": "sandbox/pause:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": pods,
            "paused": paused,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


@contextmanager
def made(cluster: Cluster, name: str, pods: int, paused: bool) -> Iterator[None]:
    """A Deployment, gone afterwards with all its pods."""
    _ask(cluster, "POST", DEPLOYMENTS, deployment(name, pods, paused))
    yield
    _ask(cluster, "DELETE", f"{DEPLOYMENTS}/{name}", {"propagationPolicy": "Background"})
    while _ask(cluster, "GET", PODS)["items"]:
        time.sleep(0.2)


def wait(cluster: Cluster, way: Way, environment: Mapping[str, str], pods: int, offset: float) -> Waited:
    """It begins to get ready ``offset`` seconds after it was first looked at."""
    name = f"shop-{pods}"
    with made(cluster, name, pods, paused=True):
        cluster.forget_requests()
        telling = Telling(way, name, environment)
        while not any("/deployments" in each["path"] for each in _requests(cluster)):
            time.sleep(0.02)
        ready, cpu_before = Ready(cluster, name), telling.cpu()
        time.sleep(offset)
        _ask(cluster, "PATCH", f"{DEPLOYMENTS}/{name}", {"spec": {"paused": False}})
        ready_at = ready.wait()
        cpu = telling.end()
        # Whoever watches as well may see it some milliseconds later.
        late = max(0.0, telling.told_at - ready_at)
        return Waited(late, cpu - cpu_before, cpu, len(_requests(cluster)))


def ready_before(cluster: Cluster, way: Way, environment: Mapping[str, str]) -> Waited:
    """A wait for what is ready already: what it costs to start."""
    cluster.forget_requests()
    telling = Telling(way, "there", environment)
    cpu = telling.end()
    return Waited(telling.told_at - telling.began, cpu, cpu, len(_requests(cluster)))


def _requests(cluster: Cluster) -> list[dict[str, Any]]:
    """Those of whoever waits, not ours."""
    return [
        each
        for each in cluster.requests()
        if "urllib/" not in each["agent"] and not each["path"].startswith("/sandbox/")
    ]


def _ask(cluster: Cluster, method: str, path: str, body: Any = None) -> Any:
    content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
    status, answer = cluster.request(method, path, body, content_type)
    if status >= 300:
        sys.exit(f"{method} {path} was answered {status}: {answer}")
    return answer


def row(pods: int, label: str, waits: list[Waited]) -> tuple[str, ...]:
    late = [1000 * each.late for each in waits]
    return (
        str(pods),
        label,
        f"{median(late):.0f}",
        f"{max(late):.0f}",
        f"{median(each.waiting_cpu for each in waits):.2f}",
        *_rest(waits),
    )


def ready_row(label: str, waits: list[Waited]) -> tuple[str, ...]:
    return (label, f"{median(1000 * each.late for each in waits):.0f}", *_rest(waits))


def _rest(waits: list[Waited]) -> tuple[str, str]:
    return f"{median(each.cpu for each in waits):.2f}", f"{median(each.requests for each in waits):.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="waits of each for each number of pods")
    parser.add_argument("--pods", type=int, nargs="+", default=[1, 50, 500])
    given = parser.parse_args()
    rows, ready_rows = [], []
    with tempfile.TemporaryDirectory(prefix="bluegreen-bench-") as name:
        folder = Path(name)
        with Cluster(folder / "cluster", NODE_ADDRESS) as cluster:
            environment = measured.environment(folder, {"KUBECONFIG": str(cluster.kubeconfig)})
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            _ask(cluster, "POST", "/api/v1/namespaces", namespace)
            with made(cluster, "there", 1, paused=False):
                Ready(cluster, "there").wait()
                for way in WAYS:
                    # The first of each leaves its caches: what the API offers, and Python's.
                    waits = [ready_before(cluster, way, environment) for _run in range(given.runs + 1)]
                    ready_rows.append(ready_row(way.label, waits[1:]))
                    print(report.table(READY_HEAD, ready_rows)[-1], flush=True)
            for pods in given.pods:
                for way in WAYS:
                    waits = [
                        wait(cluster, way, environment, pods, POLL_SECONDS * run / given.runs)
                        for run in range(given.runs)
                    ]
                    rows.append(row(pods, way.label, waits))
                    print(report.table(HEAD, rows)[-1], flush=True)
    report.section("bench-wait", "The wait alone", told(given.runs, rows, ready_rows))


def told(runs: int, rows: list[tuple[str, ...]], ready_rows: list[tuple[str, ...]]) -> list[str]:
    what = (
        f"Each waits {runs} times for a Deployment of so many pods (without processes), until its status says that it is "
        "ready and the line that tells so is on standard output. k8s_info looks every 5 s; the waits are spread over these. "
        "`stable_for` is 0, because the others have nothing like it."
    )
    kubectl = (
        "kubectl is first in every column: it is one compiled program that looks at the Deployment alone. k8s_wait_ready "
        "follows its pods, too, which is how it can tell early that it will never be ready, and why; and the result of a "
        "task goes through a process of Ansible's and its output before anybody sees it."
    )
    start = (
        "A wait for what is ready already costs only its start. The two others start Ansible, and k8s_info a second Python "
        "for its module; in a playbook that runs anyway, the start of Ansible is paid once."
    )
    return [
        *(what, "", *report.table(HEAD, rows), "", kubectl, ""),
        *(start, "", *report.table(READY_HEAD, ready_rows)),
    ]


if __name__ == "__main__":
    main()
