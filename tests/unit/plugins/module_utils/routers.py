# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load balancers for the tables of the pure core."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    Listener,
    LoadBalancer,
)

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
SINGLE = {"blue": "30081", "green": "30082"}
PER_LISTENER = {"blue": "80=30081 443=30083", "green": "80=30082 443=30084"}


def http(port: int, node_port: int, **other: Any) -> Listener:
    return Listener(port, "HTTP", node_port, "HTTP", **other)


def https(port: int, node_port: int, **other: Any) -> Listener:
    given = {"certificate": CERTIFICATE, "policies": ("tls-1-2",), **other}
    return Listener(port, "HTTPS", node_port, "HTTP", **given)


def check(target: str = "HTTP:30081/healthz") -> HealthCheck:
    return HealthCheck(target, 30, 5, 2, 2)


def router(*listeners: Listener, tags: dict[str, str] | None = None, **other: Any) -> LoadBalancer:
    given: dict[str, Any] = {
        "name": "shop",
        "type": "classic",
        "dns_name": "shop.example.com",
        "health_check": check(),
        "read_at": 1_700_000_000,
        **other,
    }
    return LoadBalancer(listeners=listeners, tags=SINGLE if tags is None else tags, **given)
