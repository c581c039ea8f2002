# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A swap that was cut off, and a router that has drifted, as the next playbook finds them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from balancers import listener

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    Move,
    encode_intent,
)


@pytest.fixture
def cut_off(shop, elb, aws_time):
    """Green serves 1a1a1a1 and blue holds 2b2b2b2, and a swap to blue ended between delete and create."""
    shop.deployed("2b2b2b2", "1a1a1a1")
    ports = shop.node_ports
    assert shop.who() == "green"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    port = shop.settings.http_port
    move = Move(port, "HTTP", "HTTP", ports["green"], ports["blue"])
    shop.balancer.tag(
        encode_intent(Intent("0badcafe", "ada", os.uname().nodename, dead.pid, aws_time(), "blue", (move,)))
    )
    elb.delete_load_balancer_listeners(LoadBalancerName=shop.balancer.name, LoadBalancerPorts=[port])
    return shop


def _intents(shop):
    return [key for key in shop.balancer.tags if key.startswith("octoblu.bluegreen/swap")]


def test_the_deploy_it_was_for_finishes_it(cut_off):
    ended = cut_off.deploy("2b2b2b2")
    assert (ended.outcome, cut_off.who(), _intents(cut_off)) == ("deployed", "blue", []), ended.output


def test_another_deploy_undoes_it_first(cut_off):
    ended = cut_off.deploy("3c3c3c3")
    assert (ended.outcome, cut_off.who(), _intents(cut_off)) == ("deployed", "blue", []), ended.output
    labels = cut_off.deployment("blue")["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == "3c3c3c3"


@pytest.mark.both_doors
def test_a_rollback_undoes_it(cut_off):
    ended = cut_off.rollback()
    assert (ended.outcome, cut_off.who(), _intents(cut_off)) == ("rolled_back", "green", []), ended.output


@pytest.mark.parametrize(("color", "expected"), [(None, "green"), ("blue", "blue")])
def test_repair_undoes_or_finishes_it(cut_off, color, expected):
    ended = cut_off.play("repair", color=color)
    assert (ended.outcome, cut_off.who(), _intents(cut_off)) == ("repaired", expected, []), ended.output
    again = cut_off.play("repair")
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output


def test_repair_asks_for_a_color_when_the_router_points_at_both(shop, elb):
    shop.deployed("1a1a1a1", "2b2b2b2")
    live = shop.who()
    other = {"blue": "green", "green": "blue"}[live]
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


def test_repair_refuses_a_color_that_cannot_serve(shop):
    shop.deployed("1a1a1a1")
    other = {"blue": "green", "green": "blue"}[shop.who()]
    refused = shop.play("repair", color=other)
    assert refused.code != 0
    assert f"{other} cannot serve: {other} has no Deployment" in refused.reason
