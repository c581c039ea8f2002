"""What the integration tests run against, each setting with an environment variable of its own.

Unset, they fit the sandbox. With KUBECONFIG and AWS_ENDPOINT_URL in the environment the tests run
against what these name, and nothing of the sandbox is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

_PREFIX = "BLUEGREEN_TEST_"


@dataclass(frozen=True)
class Settings:
    """Images are named as the role's variable is, so that they can hold the commit."""

    image: str = "sandbox/web:{{ bluegreen_commit }}"
    # An image that nobody can pull.
    bad_image: str = "sandbox/nosuch:{{ bluegreen_commit }}"
    # Commands in it that end at once, well and badly. It is asked for nothing else.
    ends_well: str = "/bin/true"
    ends_badly: str = "/bin/false"
    container_port: int = 8080
    # Answers the name of the pod.
    who_path: str = "/hostname"
    # Answers 500 or so while the application is ready.
    bad_path: str = "/nosuch"
    # The ports of the load balancer's listeners, and what to add to them to reach them from here.
    http_port: int = 8080
    https_port: int = 8443
    port_offset: int = 0
    blue_port: int = 30081
    green_port: int = 30082
    # EC2 instances behind the load balancers, separated by commas; by default one is made.
    instances: str = ""
    # Availability zones of the load balancers, separated by commas; by default the region's first.
    zones: str = ""
    # ARN of a certificate for HTTPS listeners; by default a self-signed one is imported into ACM.
    certificate: str = ""
    # The folder of the ansible-playbook that is tested; the one of the tests' own Python by default.
    ansible: str = ""
    # How long one playbook may take, in seconds.
    patience: int = 600

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        values: dict[str, Any] = {}
        for field in fields(cls):
            text = environment.get(_PREFIX + field.name.upper())
            if text is not None:
                values[field.name] = type(field.default)(text)
        return cls(**values)
