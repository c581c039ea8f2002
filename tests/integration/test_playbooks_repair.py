# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A swap that was cut off, and a router that has drifted, as the next playbook finds them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from balancers import listener, swap

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    Move,
    encode_intent,
)


@pytest.fixture
def shop(shop):
    """Green serves 1a1a1a1 and blue holds 2b2b2b2."""
    shop.deployed("2b2b2b2", "1a1a1a1")
    assert shop.who() == "green"
    return shop


@pytest.fixture
def cut_off(shop, aws_time):
    """Cuts off a swap to blue between delete and create."""

    def cut():
        ports, port = shop.node_ports, shop.settings.http_port
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        move = Move(port, "HTTP", "HTTP", ports["green"], ports["blue"])
        intent = Intent("0badcafe", "ada", os.uname().nodename, dead.pid, aws_time(), "blue", (move,))
        shop.balancer.tag(encode_intent(intent))
        shop.balancer.elb.delete_load_balancer_listeners(
            LoadBalancerName=shop.balancer.name, LoadBalancerPorts=[port]
        )

    return cut


def _intents(shop):
    return [key for key in shop.balancer.tags if key.startswith("octoblu.bluegreen/swap")]


def _then(shop, ended):
    return ended.outcome, shop.who(), _intents(shop)


def test_repair_or_a_deploy_undoes_or_finishes_it(shop, cut_off):
    cut_off()
    undone = shop.play("repair")
    assert _then(shop, undone) == ("repaired", "green", []), undone.output
    again = shop.play("repair")
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output

    cut_off()
    finished = shop.play("repair", color="blue")
    assert _then(shop, finished) == ("repaired", "blue", []), finished.output
    again = shop.play("repair")
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output

    swap(shop.balancer, "green")
    cut_off()
    it_was_for = shop.deploy("2b2b2b2")
    assert _then(shop, it_was_for) == ("deployed", "blue", []), it_was_for.output

    swap(shop.balancer, "green")
    cut_off()
    another = shop.deploy("3c3c3c3")
    assert _then(shop, another) == ("deployed", "blue", []), another.output
    assert shop.commit() == "3c3c3c3"


def test_a_rollback_undoes_it(shop, cut_off):
    cut_off()
    ended = shop.rollback()
    assert _then(shop, ended) == ("rolled_back", "green", []), ended.output


def test_repair_asks_for_a_color_when_the_router_points_at_both_and_refuses_one_that_cannot_serve(shop, elb):
    live, other = "green", "blue"
    elb.create_load_balancer_listeners(
        LoadBalancerName=shop.balancer.name,
        Listeners=[listener(shop.settings.https_port, shop.node_ports[other])],
    )
    refused = shop.play("repair")
    assert refused.code != 0
    assert "color=blue or green" in refused.reason
    repaired = shop.play("repair", color=live)
    assert repaired.outcome == "repaired", repaired.output
    assert set(shop.balancer.node_ports.values()) == {shop.node_ports[live]}

    port = shop.settings.http_port
    elb.delete_load_balancer_listeners(LoadBalancerName=shop.balancer.name, LoadBalancerPorts=[port])
    elb.create_load_balancer_listeners(LoadBalancerName=shop.balancer.name, Listeners=[listener(port, 30999)])
    brought_back = shop.play("repair")
    assert brought_back.outcome == "repaired", brought_back.output
    assert set(shop.balancer.node_ports.values()) == {shop.node_ports[live]}

    shop.kubectl("delete", "deployment", "shop-blue", "-n", shop.namespace)
    unfit = shop.play("repair", color=other)
    assert unfit.code != 0
    assert f"{other} cannot serve: {other} has no Deployment" in unfit.reason
