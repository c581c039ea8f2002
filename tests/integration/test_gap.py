# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gap that is reported is the gap that a client sees."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import pytest
from balancers import swap

from sandbox.traffic import Traffic

pytestmark = [pytest.mark.measures, pytest.mark.sandbox]


# By the latency of AWS's answers in milliseconds; each swap is to the color that is idle.
SWAPS = {
    0: ["blue", "green", "blue", "green", "blue"],
    150: ["green", "blue", "green", "blue", "green"],
}


def test_the_reported_gap_is_what_clients_see(shop, aws):
    """Of several swaps the one in the middle counts: a machine that is busy with something else delays some."""
    shop.deployed("1a1a1a1", "2b2b2b2")
    port = shop.settings.http_port
    url = f"http://{aws.ports(shop.balancer.name)[port]}{shop.settings.who_path}"
    for latency_ms in (0, 150):
        aws.set(latency_ms=latency_ms)
        with Traffic(url, 200) as traffic:
            begun = [traffic.mark()]
            told = []
            for color in SWAPS[latency_ms]:
                told.append(swap(shop.balancer, color)["gap_ms"][str(port)])
                begun.append(traffic.mark())
        aws.set(latency_ms=0)
        seen = [traffic.result(since, until).gap_ms for since, until in pairwise(begun)]
        # The client's view is true to a request's interval at either end.
        assert median(abs(one - other) for one, other in zip(told, seen, strict=True)) <= 25, (
            latency_ms,
            told,
            seen,
        )
        assert latency_ms <= median(told) <= 1.1 * latency_ms + 25, told
