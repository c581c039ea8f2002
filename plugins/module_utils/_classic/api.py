# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The Classic ELB as a router: reading it, and the way into its swap."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Protocol

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    Listener,
    LoadBalancer,
    Policy,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ApiError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import together

# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_CreateLoadBalancer.html
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")

# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_DescribeTags.html
_NAMES_PER_DESCRIBE_TAGS = 20

# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_DescribeLoadBalancers.html
_PAGE = 400


class Api(Protocol):
    """The Classic ELB API; both raise an ApiError."""

    def read(self, action: str, **params: Any) -> dict[str, Any]:
        """Call a method that reads, again where that may help."""

    def write(self, action: str, **params: Any) -> dict[str, Any]:
        """Call a method that writes, once."""


def check_names(names: Iterable[str]) -> None:
    """Refuse what cannot be a Classic ELB's name before AWS is asked."""
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise InputError(
                f"'{name}' cannot be the name of a Classic ELB: use 1 to 32 letters, digits and hyphens, "
                "with no hyphen at either end"
            )


def read_all(
    api: Api, names: Sequence[str], policies: bool = False, instance_health: bool = False
) -> list[LoadBalancer]:
    """Read load balancers in the order of their names.

    Costs a page of DescribeLoadBalancers and a DescribeTags per 20 names, in one round, and one call
    more per load balancer for each of policy objects and instance health. Raises InputError naming
    those that do not exist.
    """
    wanted = list(dict.fromkeys(names))
    check_names(wanted)
    chunks = [
        wanted[start : start + _NAMES_PER_DESCRIBE_TAGS]
        for start in range(0, len(wanted), _NAMES_PER_DESCRIBE_TAGS)
    ]
    calls: list[Callable[[], Any]] = [partial(_describe, api, wanted)]
    calls += [partial(_describe_tags, api, chunk) for chunk in chunks]
    calls += [partial(_describe_policies, api, name) for name in wanted if policies]
    calls += [partial(_describe_health, api, name) for name in wanted if instance_health]
    try:
        (descriptions, read_at), *answers = together(calls)
    except ApiError as error:
        if error.code not in ("LoadBalancerNotFound", "AccessPointNotFound"):
            raise
        raise _unknown_names(api, wanted, error) from error
    tags = {name: held for answer in answers[: len(chunks)] for name, held in answer.items()}
    rest = answers[len(chunks) :]
    objects = dict(zip(wanted, rest, strict=False)) if policies else {}
    health = dict(zip(wanted, rest[len(objects) :], strict=True)) if instance_health else {}
    found = {description["LoadBalancerName"]: description for description in descriptions}
    return [
        parse_load_balancer(found[name], tags.get(name, {}), objects.get(name), health.get(name), read_at)
        for name in wanted
    ]


def parse_load_balancer(
    description: Mapping[str, Any],
    tags: Mapping[str, str],
    policies: tuple[Policy, ...] | None = None,
    instance_health: Mapping[str, str] | None = None,
    read_at: int = 0,
) -> LoadBalancer:
    """A LoadBalancerDescription of the API as ours."""
    return LoadBalancer(
        name=description["LoadBalancerName"],
        type="classic",
        dns_name=description.get("DNSName", ""),
        listeners=tuple(
            sorted(
                (_listener(entry) for entry in description.get("ListenerDescriptions", ())),
                key=lambda listener: listener.port,
            )
        ),
        health_check=_health_check(description.get("HealthCheck", {})),
        tags=dict(tags),
        backend_policies={
            entry["InstancePort"]: tuple(sorted(entry.get("PolicyNames", ())))
            for entry in description.get("BackendServerDescriptions", ())
            if entry.get("PolicyNames")
        },
        instances=tuple(sorted(entry["InstanceId"] for entry in description.get("Instances", ()))),
        policies=policies,
        instance_health=None if instance_health is None else dict(instance_health),
        read_at=read_at,
    )


def listener_param(listener: Listener) -> dict[str, Any]:
    """A listener as CreateLoadBalancerListeners wants it."""
    param: dict[str, Any] = {
        "Protocol": listener.protocol,
        "LoadBalancerPort": listener.port,
        "InstanceProtocol": listener.instance_protocol,
        "InstancePort": listener.instance_port,
    }
    if listener.certificate:
        param["SSLCertificateId"] = listener.certificate
    return param


def health_check_param(check: HealthCheck) -> dict[str, Any]:
    """A health check as ConfigureHealthCheck wants it."""
    return {
        "Target": check.target,
        "Interval": check.interval,
        "Timeout": check.timeout,
        "HealthyThreshold": check.healthy_threshold,
        "UnhealthyThreshold": check.unhealthy_threshold,
    }


def _describe(api: Api, names: list[str]) -> tuple[list[Mapping[str, Any]], int]:
    found: list[Mapping[str, Any]] = []
    params: dict[str, Any] = {"LoadBalancerNames": names}
    while True:
        answer = api.read("describe_load_balancers", **params)
        found += answer["LoadBalancerDescriptions"]
        if not answer.get("NextMarker"):
            return found, _date(answer)
        params["Marker"] = answer["NextMarker"]


def _describe_tags(api: Api, names: list[str]) -> dict[str, dict[str, str]]:
    answer = api.read("describe_tags", LoadBalancerNames=names)
    return {
        entry["LoadBalancerName"]: {tag["Key"]: tag.get("Value", "") for tag in entry["Tags"]}
        for entry in answer["TagDescriptions"]
    }


def _describe_policies(api: Api, name: str) -> tuple[Policy, ...]:
    answer = api.read("describe_load_balancer_policies", LoadBalancerName=name)
    return tuple(
        Policy(
            entry["PolicyName"],
            entry["PolicyTypeName"],
            tuple(
                (attribute["AttributeName"], attribute.get("AttributeValue", ""))
                for attribute in entry.get("PolicyAttributeDescriptions", ())
            ),
        )
        for entry in answer["PolicyDescriptions"]
    )


def _describe_health(api: Api, name: str) -> dict[str, str]:
    answer = api.read("describe_instance_health", LoadBalancerName=name)
    return {entry["InstanceId"]: entry["State"] for entry in answer["InstanceStates"]}


def _unknown_names(api: Api, names: list[str], error: ApiError) -> InputError:
    """AWS refuses the whole request for one unknown name, and does not always say which."""
    known: set[str] = set()
    if len(names) > 1:
        params: dict[str, Any] = {"PageSize": _PAGE}
        while True:
            answer = api.read("describe_load_balancers", **params)
            known |= {description["LoadBalancerName"] for description in answer["LoadBalancerDescriptions"]}
            if not answer.get("NextMarker"):
                break
            params["Marker"] = answer["NextMarker"]
    missing = [name for name in names if name not in known]
    which = ", ".join(f"'{name}'" for name in missing or names)
    return InputError(
        f"there is no Classic load balancer {which} in this account and region: check name, region and credentials ({error})",
        missing=missing,
    )


def _listener(entry: Mapping[str, Any]) -> Listener:
    listener = entry["Listener"]
    return Listener(
        port=listener["LoadBalancerPort"],
        protocol=listener["Protocol"].upper(),
        instance_port=listener["InstancePort"],
        instance_protocol=(listener.get("InstanceProtocol") or listener["Protocol"]).upper(),
        certificate=listener.get("SSLCertificateId") or None,
        policies=tuple(sorted(entry.get("PolicyNames", ()))),
    )


def _health_check(entry: Mapping[str, Any]) -> HealthCheck:
    return HealthCheck(
        target=entry.get("Target", ""),
        interval=entry.get("Interval", 30),
        timeout=entry.get("Timeout", 5),
        healthy_threshold=entry.get("HealthyThreshold", 10),
        unhealthy_threshold=entry.get("UnhealthyThreshold", 2),
    )


def _date(answer: Mapping[str, Any]) -> int:
    """AWS's own clock, from the answer's Date header, in seconds since the epoch; this machine's without one."""
    text = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return int(parsedate_to_datetime(text).timestamp() if text else time.time())
