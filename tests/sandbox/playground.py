"""Cluster and AWS together, with a namespace, and a load balancer that is ready to be switched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.aws import Aws
from sandbox.aws.handle import REGION
from sandbox.cluster import Cluster

LOAD_BALANCER = "shop"
NAMESPACE = "web"
LISTENER_PORT = 80
NODE_PORTS = {"blue": 30081, "green": 30082}
# Nobody wants to wait 5 s for a check that is only watched.
HEALTH_INTERVAL_SCALE = 0.2


class Playground:
    """`environment` points kubectl, aws and ansible-playbook at it; `url` is the load balancer's."""

    def __init__(self, folder: Path):
        self.aws = Aws(folder / "aws", health_interval_scale=HEALTH_INTERVAL_SCALE)
        self.cluster = Cluster(folder / "cluster")
        self._tmp = folder / "tmp"
        self._started = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started, ThreadPoolExecutor() as pool:
            for starting in [pool.submit(started.enter_context, part) for part in (self.aws, self.cluster)]:
                starting.result()
            # kubernetes.core keeps there what a server offers, by its address alone.
            self._tmp.mkdir(exist_ok=True)
            _make_load_balancer(self.aws)
            _make_namespace(self.cluster)
            self._started = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.close()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KUBECONFIG": str(self.cluster.kubeconfig.absolute()),
            **self.aws.environment,
            "TMPDIR": str(self._tmp.absolute()),
        }

    @property
    def url(self) -> str:
        return f"http://{self.aws.ports(LOAD_BALANCER)[LISTENER_PORT]}/"


def _make_namespace(cluster: Cluster) -> None:
    wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    status, answer = cluster.request("POST", "/api/v1/namespaces", wanted)
    if status != 201:
        raise RuntimeError(f"The sandbox has no namespace {NAMESPACE}: {answer}")


def _make_load_balancer(aws: Aws) -> None:
    """`shop`, with one instance, pointing at blue."""
    elb = aws.client("elb")
    elb.create_load_balancer(
        LoadBalancerName=LOAD_BALANCER,
        AvailabilityZones=[f"{REGION}a"],
        Listeners=[
            {
                "Protocol": "HTTP",
                "LoadBalancerPort": LISTENER_PORT,
                "InstanceProtocol": "HTTP",
                "InstancePort": NODE_PORTS["blue"],
            }
        ],
        Tags=[{"Key": color, "Value": str(port)} for color, port in NODE_PORTS.items()],
    )
    elb.configure_health_check(
        LoadBalancerName=LOAD_BALANCER,
        HealthCheck={
            "Target": f"HTTP:{NODE_PORTS['blue']}/healthz",
            "Interval": 5,
            "Timeout": 2,
            "UnhealthyThreshold": 2,
            "HealthyThreshold": 2,
        },
    )
    [node] = aws.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
    elb.register_instances_with_load_balancer(
        LoadBalancerName=LOAD_BALANCER, Instances=[{"InstanceId": node["InstanceId"]}]
    )
