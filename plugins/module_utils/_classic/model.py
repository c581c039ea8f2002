# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What every kind of load balancer is to us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Listener:
    """A port of the load balancer and the node port behind it. ``policies`` are sorted names."""

    port: int
    protocol: str
    instance_port: int
    instance_protocol: str
    certificate: str | None = None
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class HealthCheck:
    """The one health check of a load balancer; ``interval`` and ``timeout`` in seconds."""

    target: str
    interval: int
    timeout: int
    healthy_threshold: int
    unhealthy_threshold: int


@dataclass(frozen=True)
class Policy:
    """A policy object of the load balancer; ``attributes`` are (name, value)."""

    name: str
    type: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class LoadBalancer:
    """A load balancer as it was read.

    ``backend_policies`` maps an instance port to sorted policy names. ``policies`` and ``instance_health``
    are None when they were not asked for; ``instance_health`` maps an instance to its state. ``read_at`` is AWS's own time of
    the answer, in seconds since the epoch.
    """

    name: str
    type: str
    dns_name: str
    listeners: tuple[Listener, ...]
    health_check: HealthCheck
    tags: Mapping[str, str]
    backend_policies: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    instances: tuple[str, ...] = ()
    policies: tuple[Policy, ...] | None = None
    instance_health: Mapping[str, str] | None = None
    read_at: int = 0

    def listener(self, port: int) -> Listener | None:
        return next((listener for listener in self.listeners if listener.port == port), None)
