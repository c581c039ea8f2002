# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener that shows the idle color, in a swap."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Move
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Listener
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import predict
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_steps import steps
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import PREVIEW_TAG

from ..routers import CERTIFICATE, PER_LISTENER, SINGLE, check, http, https, router
from ..swaps import TWO, after, begin, intent, plan


def test_the_preview_goes_the_other_way():
    lb = router(http(80, 30081), http(8080, 30082), tags={**SINGLE, PREVIEW_TAG: "8080"})
    swapped = after(lb, "green")
    assert (swapped.listener(80), swapped.listener(8080)) == (http(80, 30082), http(8080, 30081))


TCP_TLS = replace(https(443, 30081), protocol="SSL", instance_protocol="SSL")


@pytest.mark.parametrize(
    ("lb", "made"),
    [
        pytest.param(router(*TWO), http(8080, 30082), id="http"),
        pytest.param(
            router(https(443, 30081), tags=SINGLE),
            http(8080, 30082),
            id="https-in-front",
        ),
        pytest.param(
            router(replace(https(443, 30081), instance_protocol="HTTPS")),
            Listener(8080, "TCP", 30082, "TCP"),
            id="https-behind",
        ),
        pytest.param(router(TCP_TLS), Listener(8080, "TCP", 30082, "TCP"), id="ssl"),
        pytest.param(
            router(http(443, 30083), http(80, 30081), tags=PER_LISTENER),
            http(8080, 30082),
            id="idle-port-of-the-lowest-listener",
        ),
        pytest.param(
            router(http(80, 30081), tags={**SINGLE, PREVIEW_TAG: "8080"}), http(8080, 30082), id="tag-there"
        ),
    ],
)
def test_the_preview_is_made_on_the_idle_color(lb, made):
    shown = plan(lb, "blue", preview_port=8080)
    assert ([move.after() for move in shown.created], shown.replaced, shown.kept) == ([made], (), ())
    tagged = PREVIEW_TAG in lb.tags
    assert shown.tags == (() if tagged else ((PREVIEW_TAG, "8080"),))
    assert ("AddTags", tagged) in {(step.call, PREVIEW_TAG not in step.what) for step in steps(shown)}
    there = predict(lb, shown)
    colors = read_colors(there)
    assert (colors.live, colors.preview, colors.drift) == ("blue", 8080, ())
    assert not plan(there, "blue", preview_port=8080).changes
    back = after(after(there, "green", preview_port=8080), "blue", preview_port=8080)
    assert back == there


def test_a_preview_is_made_along_with_a_swap():
    swap = plan(router(*TWO), "green", preview_port=8080)
    assert [move.after() for move in swap.created] == [http(8080, 30081)]
    assert [(move.port, move.new) for move in swap.replaced] == [(80, 30082), (443, 30082)]


def test_a_preview_on_the_live_color_is_moved_and_nothing_else():
    lb = router(http(80, 30081), http(8080, 30081), tags={**SINGLE, PREVIEW_TAG: "8080"})
    assert [(move.port, move.new) for move in plan(lb, "blue", preview_port=8080).moves] == [(8080, 30082)]
    shared = {"blue": "80=30081 443=30081", "green": "80=30082 443=30084", PREVIEW_TAG: "8080"}
    lb = router(http(80, 30081), https(443, 30081), http(8080, 30081), tags=shared)
    assert [(move.port, move.new) for move in plan(lb, "blue", preview_port=8080).moves] == [(8080, 30082)]


def test_the_preview_speaks_the_proxy_protocol_where_the_live_color_does():
    lb = router(http(80, 30081), backend_policies={30081: ("proxy",)})
    assert plan(lb, "blue", preview_port=8080).backend_policies == ((30082, ("proxy",)),)
    assert plan(lb, "green", preview_port=8080).backend_policies == ((30082, ("proxy",)),)


def test_a_preview_that_was_cut_off_before_its_create_is_finished():
    tags = {**SINGLE, PREVIEW_TAG: "8080", **intent("blue", Move(8080, "HTTP", "HTTP", None, 30082))}
    lb = router(http(80, 30081), tags=tags)
    assert read_colors(lb).codes() == ("swap_interrupted",)
    for wish in ({}, {"preview_port": 8080}):
        for color, node_port in (("blue", 30082), ("green", 30081)):
            assert after(lb, color, **wish).listener(8080) == http(8080, node_port)


FREE = (
    "aws elb delete-load-balancer-listeners --load-balancer-name shop --load-balancer-ports 8081 && "
    "aws elb remove-tags --load-balancer-names shop --tags octoblu.bluegreen/preview"
)


@pytest.mark.parametrize(
    ("lb", "wish", "said"),
    [
        pytest.param(router(*TWO), {"preview_port": 443}, "443 .* on blue", id="ours"),
        pytest.param(
            router(http(80, 30081), http(8080, 30082)),
            {"preview_port": 8080},
            "8080 .* on green",
            id="untagged",
        ),
        pytest.param(
            router(http(80, 30081), tags=PER_LISTENER),
            {"preview_port": 443},
            "443 .* named",
            id="in-the-tags",
        ),
        pytest.param(
            router(*TWO),
            {"preview_port": 8080, "listener_ports": (8080,)},
            "8080 .* named",
            id="listener-ports",
        ),
        pytest.param(
            router(*TWO),
            {"preview_port": 8080, "listeners": (ListenerSpec(8080, "HTTP", "HTTP"),)},
            "8080 .* named",
            id="listeners",
        ),
        pytest.param(
            router(
                http(80, 30081),
                tags={**SINGLE, **intent("green", Move(443, "HTTPS", "HTTP", 30081, 30082, CERTIFICATE))},
            ),
            {"preview_port": 443},
            "443 .* named",
            id="in-the-intent",
        ),
        pytest.param(
            router(*TWO, http(9000, 31000)),
            {"preview_port": 9000},
            "9000 .* 31000, neither",
            id="somebody-elses",
        ),
        pytest.param(
            router(*TWO, http(9000, 31000), tags={**SINGLE, PREVIEW_TAG: "9000"}),
            {"preview_port": 9000},
            "31000, neither",
            id="tagged-and-elsewhere",
        ),
        pytest.param(
            router(*TWO, tags={**SINGLE, PREVIEW_TAG: "8081"}),
            {"preview_port": 8080},
            "preview_port is 8080.*" + re.escape(FREE),
            id="another-tag",
        ),
        pytest.param(
            router(replace(https(443, 30081), instance_protocol="HTTPS")),
            {"preview_port": 8080},
            "listener 443 still speaks HTTPS to instance port 30081",
            id="tls-behind",
        ),
        pytest.param(
            router(health_check=check("TCP:1")),
            {"preview_port": 8080, "repair": True},
            "no listener of shop points at blue",
            id="nothing-to-follow",
        ),
    ],
)
def test_a_preview_that_must_not_be_made(lb, wish, said):
    def try_it():
        begin(lb, "green", **wish)
        plan(lb, "green", **wish)

    with pytest.raises(InputError, match=said):
        try_it()
