# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`wait_in_service`: a swap after which the load balancer takes its instances out of service has failed."""

from __future__ import annotations

import pytest
from balancers import swap
from shop import Shop

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import RouterError

# A check that fails so shows it in 12 s; as the old one is, in 2,705.
SOON = {"protocol": "HTTP", "interval": 5, "timeout": 2, "unhealthy_threshold": 2, "healthy_threshold": 2}
LATE = {"Interval": 300, "Timeout": 5, "UnhealthyThreshold": 9, "HealthyThreshold": 2}


@pytest.fixture
def blue(shop: Shop) -> Shop:
    """Blue is live, and its check takes long; green is ready too."""
    shop.deployed("1a1a1a1", "2b2b2b2")
    swap(shop.balancer, "blue")
    assert shop.who() == "blue"
    shop.balancer.elb.configure_health_check(
        LoadBalancerName=shop.balancer.name, HealthCheck={"Target": shop.balancer.check["Target"], **LATE}
    )
    return shop


def test_instances_are_watched_as_long_as_the_new_check_takes(blue: Shop) -> None:
    check = {**SOON, "path": blue.settings.who_path}
    result = swap(blue.balancer, "green", health_check=check, wait_in_service=True)
    assert result["after"]["live"] == "green"


def test_an_instance_that_falls_out_of_service_is_named(blue: Shop) -> None:
    check = {**SOON, "path": blue.settings.bad_path}
    with pytest.raises(RouterError, match=r"is on green, .* not in service any more: i-\w+ is OutOfService"):
        swap(blue.balancer, "green", health_check=check, wait_in_service=True)
