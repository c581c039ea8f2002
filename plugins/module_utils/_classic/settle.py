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


def watch_instances(
    api: Api, before: LoadBalancer, check: HealthCheck, live: str | None, show: Callable[[str], None]
) -> None:
    """Wait as long as a failing check would take to show, then ask that nothing fell out of service."""
    seconds = check.interval * check.unhealthy_threshold + check.timeout
    show(f"{before.name}: watching its instances for {seconds} s")
    time.sleep(seconds)
    served = [instance for instance, state in sorted(before.instance_health.items()) if state == _IN_SERVICE]
    give_up = time.monotonic() + check.interval
    while True:
        [after] = read_all(api, [before.name], instance_health=True)
        states = {instance: after.instance_health.get(instance, "gone") for instance in served}
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
