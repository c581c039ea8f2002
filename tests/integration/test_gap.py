# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gap that is reported is the gap that a client sees."""

from __future__ import annotations

import pytest
from balancers import swap

from sandbox.traffic import Traffic

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("latency_ms", [0, 150])
def test_the_reported_gap_is_what_clients_see(shop, aws, latency_ms):
    shop.deployed("1a1a1a1")
    shop.deployed("2b2b2b2")
    port = str(shop.settings.http_port)
    aws.set(latency_ms=latency_ms)
    with Traffic(
        f"http://{aws.ports(shop.balancer.name)[int(port)]}{shop.settings.who_path}", 200
    ) as traffic:
        told = [swap(shop.balancer, color)["gap_ms"][port] for color in ("blue", "green", "blue")]
    aws.set(latency_ms=0)
    seen = traffic.result().gap_ms
    # The client's view is true to a request's interval at either end.
    assert min(told) - 30 <= seen <= max(told) + 30
    assert latency_ms <= min(told) <= 1.1 * latency_ms + 25
