# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Whether the instances stay in service after a swap."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.api import Api, read_all
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import RouterError

# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_InstanceState.html
_IN_SERVICE, _UNKNOWN = "InService", "Unknown"

# Seconds between looks at a state that AWS does not know.
_LOOK_EVERY = 1.0


def in_service(load_balancer: LoadBalancer) -> int | None:
    """How many instances are in service; None where that was not asked for, or AWS did not know."""
    states = load_balancer.instance_health
    if states is None or (_IN_SERVICE not in states.values() and _UNKNOWN in states.values()):
        return None
    return list(states.values()).count(_IN_SERVICE)


def longest_watch(check: HealthCheck) -> int:
    """The seconds that ``watch_instances`` takes at most, less its own calls."""
    checks = max(check.healthy_threshold, check.unhealthy_threshold) + 1
    return check.interval * checks + check.timeout


def watch_instances(
    api: Api, before: LoadBalancer, check: HealthCheck, live: str | None, show: Callable[[str], None]
) -> LoadBalancer:
    """Wait as long as a failing check would take to show, then ask that nothing fell out of service.

    Where nothing was in service it is as long as a passing check takes to show, and something has to be in
    service then. Returns the load balancer with what it had at the end.
    """
    states = before.instance_health or {}
    served = [instance for instance, state in sorted(states.items()) if state == _IN_SERVICE]
    checks = check.unhealthy_threshold if served else check.healthy_threshold
    seconds = check.interval * checks + check.timeout
    show(f"{before.name}: watching its instances for {seconds} s")
    time.sleep(seconds)
    give_up = time.monotonic() + check.interval
    while True:
        [after] = read_all(api, [before.name], instance_health=True)
        found = after.instance_health or {}
        states = {instance: found.get(instance, "gone") for instance in served}
        if _UNKNOWN not in states.values() or time.monotonic() >= give_up:
            break
        time.sleep(_LOOK_EVERY)
    lost = {instance: state for instance, state in states.items() if state != _IN_SERVICE}
    if lost:
        names = ", ".join(f"{instance} is {state}" for instance, state in lost.items())
        raise RouterError(
            f"load balancer {before.name} is on {live}, but instances are not in service any more: {names}. "
            "Look at the health check and at the security groups of the new node port, or go back",
            instances=lost,
        )
    if not served and in_service(after) == 0:
        raise RouterError(
            f"load balancer {before.name} is on {live}, but none of its instances is in service (0 of {len(found)}) after "
            f"{seconds} s: clients get 503. Look at the health check {check.target}, at the security groups of its port, "
            "and register instances where there are none",
            instances=dict(found),
        )
    return after
