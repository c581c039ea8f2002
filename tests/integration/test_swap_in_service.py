# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`wait_in_service`: a swap after which the load balancer takes its instances out of service has failed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from balancers import Balancer, listener, make, swap
from shop import Shop

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import RouterError

# A check that fails so shows it in 12 s; as the old one is, in 2,705.
SOON = {"protocol": "HTTP", "interval": 5, "timeout": 2, "unhealthy_threshold": 2, "healthy_threshold": 2}
LATE = {"Interval": 300, "Timeout": 5, "UnhealthyThreshold": 9, "HealthyThreshold": 2}


IT_FELL_OUT = r"is on green, .* not in service any more: i-\w+ is OutOfService"


@pytest.fixture
def balancers(shop: Shop) -> Iterator[tuple[Balancer, Balancer]]:
    """Two that point at blue with its instances in service and checks that take long; both colors are ready."""
    shop.deployed("2b2b2b2", "1a1a1a1")
    swap(shop.balancer, "blue")
    here = shop.balancer
    tags = {color: str(port) for color, port in shop.node_ports.items()}
    port = listener(shop.settings.http_port, shop.node_ports["blue"])
    other = make(here.elb, [port], shop.zones, tags, here.check)
    here.elb.register_instances_with_load_balancer(
        LoadBalancerName=other.name, Instances=here.description["Instances"]
    )
    for balancer in (here, other):
        _wait_until_in_service(balancer)
        late = {"Target": balancer.check["Target"], **LATE}
        balancer.elb.configure_health_check(LoadBalancerName=balancer.name, HealthCheck=late)
    yield here, other
    other.delete()


def _wait_until_in_service(balancer: Balancer) -> None:
    deadline = time.monotonic() + 60
    while True:
        told = balancer.elb.describe_instance_health(LoadBalancerName=balancer.name)["InstanceStates"]
        if {each["State"] for each in told} == {"InService"}:
            return
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


def test_instances_are_watched_as_long_as_the_new_check_takes_and_one_that_falls_out_is_named(
    shop: Shop, balancers: tuple[Balancer, Balancer]
) -> None:
    paths = (shop.settings.who_path, shop.settings.bad_path)
    with ThreadPoolExecutor(2) as pool:
        good, bad = (
            pool.submit(swap, balancer, "green", health_check={**SOON, "path": path}, wait_in_service=True)
            for balancer, path in zip(balancers, paths, strict=True)
        )
        swapped = good.result()
        with pytest.raises(RouterError, match=IT_FELL_OUT) as failed:
            bad.result()
    for result, in_service in ((swapped, 1), (failed.value.details, 1)):
        assert (result["before"]["live"], result["after"]["live"], result["changed"]) == (
            "blue",
            "green",
            True,
        )
        assert (result["before"]["in_service"], result["before"]["registered"]) == (1, 1)
        assert result["after"]["in_service"] == in_service
        assert result["gap_ms"].keys() == {str(shop.settings.http_port)}


def test_a_deploy_after_which_instances_fall_out_goes_back(shop: Shop) -> None:
    """The load balancer's health check asks for what the release answers badly to."""
    first = shop.deploy("0000001")
    assert first.outcome == "deployed"
    # Nothing could answer its check until now, and that keeps nobody from deploying.
    assert f"No instance of load balancer {shop.balancer.name} is in service (0 of 1): clients get 503" in (
        " ".join(first.output.split())
    )
    _wait_until_in_service(shop.balancer)
    fell_out = shop.deploy(
        "0000002",
        bluegreen_smoke="none",
        bluegreen_health_check_path=shop.settings.bad_path,
        bluegreen_wait_in_service="yes",
    )
    assert (fell_out.code, fell_out.outcome) == (2, "rolled_back"), fell_out.output
    assert re.search(IT_FELL_OUT, fell_out.reason), fell_out.reason
    assert set(shop.balancer.node_ports.values()) == {shop.node_ports["blue"]}
