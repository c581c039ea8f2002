"""What AWS accepts as a health check, and the one that a new load balancer has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.strict.errors import invalid

TARGET = re.compile(
    r"(?:(?P<plain>TCP|SSL):(?P<port>\d+)|(?P<http>HTTP|HTTPS):(?P<http_port>\d+)(?P<path>/.*))"
)
RANGES = {
    "Interval": (5, 300),
    "Timeout": (2, 60),
    "UnhealthyThreshold": (2, 10),
    "HealthyThreshold": (2, 10),
}
MAX_PATH = 1024


@dataclass(frozen=True)
class HealthCheck:
    """Seconds and counts; `target` as AWS writes it, such as `HTTP:30081/healthz` or `TCP:30081`."""

    target: str
    interval: int
    timeout: int
    unhealthy_threshold: int
    healthy_threshold: int

    @property
    def protocol(self) -> str:
        return self.target.split(":")[0]

    @property
    def port(self) -> int:
        return int(re.split("[:/]", self.target)[1])

    @property
    def path(self) -> str:
        """Empty for TCP and SSL."""
        return "/" + self.target.split("/", 1)[1] if "/" in self.target else ""


def default_health_check(instance_port: int) -> HealthCheck:
    return HealthCheck(
        f"TCP:{instance_port}", interval=30, timeout=5, unhealthy_threshold=2, healthy_threshold=10
    )


def parse_health_check(given: Mapping[str, Any]) -> HealthCheck:
    target = given["Target"]
    match = TARGET.fullmatch(target)
    if match is None:
        raise invalid(
            f"HealthCheck Target {target} is neither TCP:port nor SSL:port nor HTTP:port/path nor HTTPS:port/path"
        )
    if not 1 <= int(match["port"] or match["http_port"]) <= 65535:
        raise invalid(f"HealthCheck Target {target}: the port must be from 1 to 65535")
    if len(match["path"] or "") > MAX_PATH:
        raise invalid(f"HealthCheck Target: the path must not be longer than {MAX_PATH} characters")
    numbers = {name: _number(name, given[name]) for name in RANGES}
    if numbers["Timeout"] >= numbers["Interval"]:
        raise invalid("HealthCheck Timeout must be less than the Interval")
    return HealthCheck(
        target=target,
        interval=numbers["Interval"],
        timeout=numbers["Timeout"],
        unhealthy_threshold=numbers["UnhealthyThreshold"],
        healthy_threshold=numbers["HealthyThreshold"],
    )


def _number(name: str, given: Any) -> int:
    lowest, highest = RANGES[name]
    number = int(given)
    if not lowest <= number <= highest:
        raise invalid(f"HealthCheck {name} must be from {lowest} to {highest}, not {number}")
    return number
