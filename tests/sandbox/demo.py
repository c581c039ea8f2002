"""`make try`: the main job, run in a sandbox under traffic, and a table of what became of every request."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.aws import Aws
from sandbox.cluster import Cluster
from sandbox.traffic import Result, Traffic

CHECKOUT = Path(__file__).resolve().parents[2]
RATE = 100
CHECK = {"Interval": 5, "Timeout": 2, "HealthyThreshold": 2, "UnhealthyThreshold": 2}
IMAGE = (
    "{{ 'registry.example.com' if bluegreen_commit == 'bad0bad' else 'sandbox' }}/web:{{ bluegreen_commit }}"
)
APP = {
    "application-name": "shop",
    "elb-name": "shop",
    "bluegreen_namespace": "web",
    "bluegreen_image": IMAGE,
    "bluegreen_readiness_path": "/healthz",
    "bluegreen_env": {"COMMIT": "{{ bluegreen_commit }}"},
    "bluegreen_listeners": [{"port": 80, "protocol": "HTTP"}],
}
NAMESPACE = '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}'


@dataclass(frozen=True)
class Step:
    """A playbook to run and the outcome that it should have."""

    title: str
    playbook: str
    expected: str
    commit: str = ""


FIRST = Step("First deploy ever: the load balancer has no listener yet", "deploy", "deployed", "1a1a1a1")
STEPS = (
    Step("A new commit", "deploy", "deployed", "2b2b2b2"),
    Step("The same again", "deploy", "unchanged", "2b2b2b2"),
    Step("A commit whose image cannot be pulled", "deploy", "stage_failed", "bad0bad"),
    Step("Back", "rollback", "rolled_back"),
)


@dataclass(frozen=True)
class Run:
    step: Step
    seconds: float
    outcome: str
    gap_ms: Mapping[str, int]
    began: float


class Stage:
    """A folder with an application's description, and the environment that points playbooks at the sandbox."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment, "ANSIBLE_HOME": str(folder / "ansible")}
        self._bin = Path(sys.executable).parent
        (folder / ".oopsrc").write_text(json.dumps(APP))

    def kubectl(self, *arguments: str, given: str) -> None:
        subprocess.run(
            [self._bin / "kubectl", *arguments], input=given, env=self._environment, check=True, text=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, step: Step) -> Run:
        """Run a playbook and show what it says at its end; ends the demonstration on another outcome."""
        result = self._folder / "result.json"
        result.unlink(missing_ok=True)
        words = ["oops", step.playbook, *([step.commit] if step.commit else [])]
        print(f"\n# {step.title}\n$ {' '.join(words)}", flush=True)
        began = time.monotonic()
        process = subprocess.run(
            [sys.executable, CHECKOUT / "bin" / "oops", *words[1:], "--", "-e", f"bluegreen_result_file={result}"],
            cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - began
        told = json.loads(result.read_text())["shop"] if result.exists() else {}
        if told.get("outcome") != step.expected:
            sys.exit(f"This should have ended as '{step.expected}', not with {process.returncode}.")
        return Run(step, seconds, told["outcome"], told.get("gap_ms") or {}, began)


def make_load_balancer(elb: Any, ec2: Any) -> str:
    """A load balancer with tags, health check and one instance, but without a listener; its address."""
    placeholder = {"Protocol": "TCP", "LoadBalancerPort": 9, "InstanceProtocol": "TCP", "InstancePort": 9}
    made = elb.create_load_balancer(
        LoadBalancerName="shop",
        Listeners=[placeholder],
        AvailabilityZones=["us-east-1a"],
        Tags=[{"Key": "blue", "Value": "30081"}, {"Key": "green", "Value": "30082"}],
    )
    elb.delete_load_balancer_listeners(LoadBalancerName="shop", LoadBalancerPorts=[9])
    elb.configure_health_check(LoadBalancerName="shop", HealthCheck={"Target": "HTTP:30081/healthz", **CHECK})
    [instance] = ec2.run_instances(ImageId="ami-00000000", MinCount=1, MaxCount=1)["Instances"]
    elb.register_instances_with_load_balancer(
        LoadBalancerName="shop", Instances=[{"InstanceId": instance["InstanceId"]}]
    )
    return str(made["DNSName"])


def wait_in_service(elb: Any) -> None:
    waiter = elb.get_waiter("instance_in_service")
    waiter.wait(LoadBalancerName="shop", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def table(runs: list[Run], traffic: Traffic) -> str:
    rows = [("", "seconds", "outcome", "answered by", "lost", "gap, ms (clients saw)")]
    ends = [*(run.began for run in runs[1:]), float("inf")]
    for run, end in zip(runs, ends, strict=True):
        seen: Result = traffic.result(run.began, end)
        answered = ", ".join(f"{who} {count}" for who, count in sorted(seen.answered.items()))
        told = str(max(run.gap_ms.values())) if run.gap_ms else "-"
        clients = f" ({seen.gap_ms:.0f})" if seen.lost else ""
        rows.append(
            (
                run.step.title,
                f"{run.seconds:.1f}",
                run.outcome,
                answered,
                str(sum(seen.lost.values())),
                told + clients,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bluegreen-try-") as name:
        folder = Path(name)
        with (
            Cluster(folder / "cluster", node_address="127.0.5.1") as cluster,
            Aws(folder / "aws", node_address="127.0.5.1", address_prefix="127.0.4.") as aws,
        ):
            (folder / "tmp").mkdir()
            stage = Stage(
                folder,
                {**aws.environment, "KUBECONFIG": str(cluster.kubeconfig), "TMPDIR": str(folder / "tmp")},
            )
            stage.kubectl("apply", "-f", "-", given=NAMESPACE)
            elb = aws.client("elb")
            make_load_balancer(elb, aws.client("ec2"))
            stage.run(FIRST)
            print("\n# Waiting until the load balancer's own health check has passed", flush=True)
            wait_in_service(elb)
            url = f"http://{aws.ports('shop')[80]}/"
            print(f"# Traffic: {RATE} requests a second on {url}, a connection each", flush=True)
            with Traffic(url, RATE) as traffic:
                runs = [stage.run(step) for step in STEPS]
            print(f"\n{table(runs, traffic)}")


if __name__ == "__main__":
    main()
