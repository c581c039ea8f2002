# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The one health check of a Classic ELB, and where a swap takes it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import HealthCheck
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    ColorPorts,
    check_target_port,
)

# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_HealthCheck.html
_RANGES = {
    "interval": range(5, 301),
    "timeout": range(2, 61),
    "healthy_threshold": range(2, 11),
    "unhealthy_threshold": range(2, 11),
}
_WITH_PATH = ("HTTP", "HTTPS")


@dataclass(frozen=True)
class HealthCheckWish:
    """What a user wants of the health check; None keeps what is there."""

    protocol: str | None = None
    path: str | None = None
    interval: int | None = None
    timeout: int | None = None
    healthy_threshold: int | None = None
    unhealthy_threshold: int | None = None


def moved_health_check(current: HealthCheck, mine: ColorPorts, others: ColorPorts) -> HealthCheck:
    """The check with its port on ``mine`` where it was one of ``others``; any other check stays."""
    port = check_target_port(current.target)
    if port is None or port not in others.node_ports or port in mine.node_ports:
        return current
    if others.single is not None:
        new_port = mine.single
    else:
        new_port = next(mine.at(listener_port) for listener_port, own in others.by_listener if own == port)
    return replace(current, target=re.sub(r"^([A-Za-z]+):\d+", rf"\g<1>:{new_port}", current.target))


def wished_health_check(current: HealthCheck, wish: HealthCheckWish, node_port: int) -> HealthCheck:
    """The check as wished, on a node port; raises InputError where AWS would refuse it."""
    match = re.match(r"([A-Za-z]+):\d+(/.*)?$", current.target)
    was_protocol, was_path = (match[1].upper(), match[2]) if match else ("TCP", None)
    protocol = wish.protocol or ("HTTP" if wish.path and was_protocol not in _WITH_PATH else was_protocol)
    path = wish.path or was_path or "/"
    if wish.path and protocol not in _WITH_PATH:
        raise InputError(
            f"a {protocol} health check has no path, but {wish.path} was given: use HTTP or HTTPS"
        )
    if not path.startswith("/"):
        raise InputError(f"health check path '{path}' must begin with /")
    wanted = HealthCheck(
        target=f"{protocol}:{node_port}{path if protocol in _WITH_PATH else ''}",
        interval=wish.interval or current.interval,
        timeout=wish.timeout or current.timeout,
        healthy_threshold=wish.healthy_threshold or current.healthy_threshold,
        unhealthy_threshold=wish.unhealthy_threshold or current.unhealthy_threshold,
    )
    for name, allowed in _RANGES.items():
        value = asdict(wanted)[name]
        if value not in allowed:
            raise InputError(
                f"health check {name} {value} is not possible: use {allowed.start} to {allowed.stop - 1}"
            )
    if wanted.timeout >= wanted.interval:
        raise InputError(
            f"health check timeout {wanted.timeout} s must be less than its interval {wanted.interval} s"
        )
    return wanted
