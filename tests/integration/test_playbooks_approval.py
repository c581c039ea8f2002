# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that is shown, approved and then applied as it was, or refused: what an AWX workflow does, without AWX."""

from __future__ import annotations

from typing import Any

import boto3
from shop import Finished, Shop


def plan_of(planned: Finished) -> dict[str, Any]:
    return planned.stats["bluegreen_plan"]


def test_a_plan_is_approved_and_nothing_else_is_applied(shop: Shop) -> None:
    shop.deployed("0000001")
    before = shop.objects(), shop.balancer.description, shop.balancer.tags
    planned = shop.deploy("0000002", dry_run="yes")
    assert planned.code == 0, planned.output
    assert (shop.objects(), shop.balancer.description, shop.balancer.tags) == before
    approved = plan_of(planned)
    assert approved["shop"]["text"][0].startswith("Plan: shop 0000001 (live) -> 0000002 on green; 2 objects")

    # Other settings make another release of the same commit.
    other = shop.play("stage", commit="0000002", bluegreen_plan=approved, bluegreen_env={"MODE": "other"})
    assert (other.outcome, shop.objects()) == ("refused", before[0])
    assert "0000002 was planned with manifests" in other.reason
    staged = shop.play("stage", commit="0000002", bluegreen_plan=approved)
    assert staged.outcome == "staged", staged.output
    again = shop.play("stage", commit="0000002", bluegreen_plan=approved)
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output
    held = shop.objects()

    # Somebody is at the router before it is approved; who denies it now leaves everything as it is.
    check = shop.balancer.description["HealthCheck"]
    elb, name = boto3.client("elb"), shop.balancer.name
    elb.configure_health_check(LoadBalancerName=name, HealthCheck={**check, "Interval": 7})
    refused = shop.play("switch", bluegreen_plan=approved)
    assert (refused.outcome, shop.commit(), shop.objects()) == ("refused", "0000001", held)
    assert "every 5 s" in refused.reason
    assert "every 7 s" in refused.reason
    elb.configure_health_check(LoadBalancerName=name, HealthCheck=check)

    switched = shop.play("switch", bluegreen_plan=approved)
    assert (switched.outcome, shop.commit()) == ("deployed", "0000002"), switched.output
    again = shop.play("switch", bluegreen_plan=approved)
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output
    # It goes back with the same variables.
    assert shop.rollback(bluegreen_plan=approved).outcome == "rolled_back"
    late = shop.play("deploy", commit="0000003", bluegreen_plan=approved)
    assert (late.outcome, shop.commit()) == ("refused", "0000001")
