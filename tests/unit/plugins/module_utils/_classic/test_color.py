# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every decision about which color is live, and every kind of drift."""

from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    Move,
    SwapState,
    encode_intent,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Policy
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, PREVIEW_TAG

from ..routers import PER_LISTENER, SINGLE, check, http, https, router

INTENT = Intent(
    run="1a2b3c4d",
    user="ada",
    host="laptop",
    pid=42,
    time=1_700_000_000,
    color="green",
    moves=(
        Move(80, "HTTP", "HTTP", 30081, 30082),
        Move(443, "HTTPS", "HTTP", 30081, 30082, "arn:x", ("tls-1-2", "sticky")),
    ),
)


@pytest.mark.parametrize(
    ("listeners", "tags", "live", "of_listener"),
    [
        pytest.param((http(80, 30081),), SINGLE, "blue", {80: "blue"}, id="blue"),
        pytest.param((http(80, 30082),), SINGLE, "green", {80: "green"}, id="green"),
        pytest.param(
            (http(8080, 31000), http(80, 30082)), SINGLE, "green", {80: "green"}, id="foreign-first"
        ),
        pytest.param(
            (http(80, 30081), https(443, 30081)), SINGLE, "blue", {80: "blue", 443: "blue"}, id="two"
        ),
        pytest.param(
            (http(80, 30081), https(443, 30082)), SINGLE, None, {80: "blue", 443: "green"}, id="mixed"
        ),
        pytest.param(
            (http(80, 30082), https(443, 30084)), PER_LISTENER, "green", {80: "green", 443: "green"}, id="per"
        ),
        pytest.param(
            (http(80, 30081), http(8080, 30081)),
            PER_LISTENER,
            "blue",
            {80: "blue", 8080: "blue"},
            id="by-port",
        ),
        pytest.param((), SINGLE, None, {}, id="no-listener"),
        pytest.param((http(80, 31000),), SINGLE, None, {}, id="only-foreign"),
        pytest.param(
            (http(80, 30081),), {"blue": " 30081 ", "green": "30082"}, "blue", {80: "blue"}, id="blanks"
        ),
    ],
)
def test_live_is_what_our_listeners_point_at(listeners, tags, live, of_listener):
    colors = read_colors(router(*listeners, tags=tags))
    assert colors.live == live
    assert colors.idle == {"blue": "green", "green": "blue", None: None}[live]
    assert dict(colors.of_listener) == of_listener


def test_the_preview_listener_is_not_ours():
    colors = read_colors(router(http(80, 30081), http(8080, 30082), tags={**SINGLE, PREVIEW_TAG: "8080"}))
    assert (colors.live, colors.preview, dict(colors.of_listener)) == ("blue", 8080, {80: "blue"})
    assert colors.drift == ()


@pytest.mark.parametrize(
    ("listeners", "tags", "code", "named_value"),
    [
        pytest.param((http(80, 30081), http(81, 30082)), SINGLE, "mixed", "81 on green", id="mixed"),
        pytest.param(
            (http(80, 30081),), PER_LISTENER, "listener_missing", "port 443", id="named-port-missing"
        ),
        pytest.param((), SINGLE, "listener_missing", "30081", id="none-of-ours"),
        pytest.param(
            (http(80, 30081), https(443, 30082)),
            PER_LISTENER,
            "unknown_port",
            "points at 30082",
            id="elsewhere",
        ),
        pytest.param((http(80, 30081),), {}, "tags_missing", "'blue' and 'green'", id="no-tags"),
        pytest.param((http(80, 30081),), {"blue": "30081"}, "tags_missing", "'green'", id="one-tag"),
        pytest.param(
            (http(80, 30081),), {"blue": "30081", "green": "30081"}, "tags_equal", "30081", id="equal"
        ),
        pytest.param(
            (http(80, 30081),),
            {"blue": "80=30081 443=30083", "green": "80=30082 443=30081"},
            "tags_equal",
            "30081",
            id="equal-across-listeners",
        ),
        pytest.param((), {"blue": "x", "green": "30082"}, "tags_invalid", "blue='x'", id="word"),
        pytest.param((), {"blue": "", "green": "30082"}, "tags_invalid", "empty", id="empty"),
        pytest.param((), {"blue": "30081", "green": "8080"}, "tags_invalid", "8080", id="below-range"),
        pytest.param((), {"blue": "30081", "green": "32768"}, "tags_invalid", "32768", id="above-range"),
        pytest.param((), {"blue": "-30081", "green": "30082"}, "tags_invalid", "-30081", id="negative"),
        pytest.param((), {"blue": "30081.0", "green": "30082"}, "tags_invalid", "30081.0", id="fraction"),
        pytest.param(
            (), {"blue": "30081 30083", "green": "30082"}, "tags_invalid", "30081", id="two-singles"
        ),
        pytest.param(
            (), {"blue": "80=30081 80=30083", "green": "30082"}, "tags_invalid", "80 twice", id="twice"
        ),
        pytest.param((), {"blue": "0=30081", "green": "0=30082"}, "tags_invalid", "0 is not", id="port-zero"),
        pytest.param(
            (), {"blue": "80=30081", "green": "443=30082"}, "tags_invalid", "different", id="not-alike"
        ),
        pytest.param(
            (), {"blue": "30081", "green": "80=30082"}, "tags_invalid", "different", id="one-per-listener"
        ),
        pytest.param(
            (http(80, 30081), http(8080, 30081)),
            {"blue": "80=30081 443=30081", "green": "80=30082 443=30084"},
            "tags_invalid",
            "listener 8080",
            id="no-counterpart",
        ),
        pytest.param(
            (http(80, 30081),), {**SINGLE, PREVIEW_TAG: "next"}, "tags_invalid", "next", id="preview"
        ),
        pytest.param((https(443, 30081, policies=()),), SINGLE, "policy_missing", "443", id="no-policy"),
        pytest.param(
            (http(80, 30081),),
            {**SINGLE, "kubernetes.io/service-name": "web/shop"},
            "owned_by_kubernetes",
            "service-name",
            id="owned",
        ),
        pytest.param(
            (http(80, 30081),),
            {**SINGLE, "octoblu.bluegreen/swap.0": "9+4+abcd"},
            "swap_interrupted",
            "version",
            id="unreadable",
        ),
    ],
)
def test_drift_is_named_with_the_value(listeners, tags, code, named_value):
    drift = {drift.code: drift.message for drift in read_colors(router(*listeners, tags=tags)).drift}
    assert named_value in drift[code]


LEFT_CLOSED = {**SINGLE, **encode_intent(INTENT)}


@pytest.mark.parametrize(
    ("lb", "described", "code", "by"),
    [
        (router(http(80, 30081), http(81, 30082)), (), "mixed", {"repair"}),
        (router(http(80, 30081), tags=PER_LISTENER), (), "listener_missing", set()),
        (router(http(80, 30081), tags=PER_LISTENER), (443,), "listener_missing", {"swap", "repair"}),
        (router(), (), "listener_missing", set()),
        (router(), (80,), "listener_missing", {"swap", "repair"}),
        (router(https(443, 30082), tags=LEFT_CLOSED), (), "listener_missing", {"repair"}),
        (router(http(80, 30081), https(443, 31000), tags=PER_LISTENER), (), "unknown_port", {"repair"}),
        (router(http(80, 30082)), (), "health_check_on_idle", {"swap_to_idle", "repair"}),
        (router(https(443, 30081, policies=())), (), "policy_missing", {"repair"}),
        (
            router(https(443, 30082, policies=("default",)), tags=LEFT_CLOSED),
            (),
            "policy_missing",
            {"repair"},
        ),
        (router(https(443, 30082), tags=LEFT_CLOSED), (), "swap_interrupted", {"repair"}),
        (router(tags={**SINGLE, "octoblu.bluegreen/swap.0": "9"}), (), "swap_interrupted", set()),
        (router(tags={}), (), "tags_missing", set()),
        (router(tags={"blue": "30081", "green": "30081"}), (), "tags_equal", set()),
        (router(tags={"blue": "x", "green": "30082"}), (), "tags_invalid", set()),
        (router(tags={**SINGLE, "kubernetes.io/service-name": "web/shop"}), (), "owned_by_kubernetes", set()),
    ],
)
def test_what_mends_it(lb, described, code, by):
    drift = read_colors(lb, described=described).drift
    assert [set(each.mended_by) for each in drift if each.code == code] == [by]


def test_a_port_asked_for_must_be_ours():
    codes = read_colors(router(http(80, 30081), http(443, 31000)), listener_ports=[443, 8443]).codes()
    assert set(codes) == {"listener_missing", "unknown_port"}


def test_health_check_on_the_idle_color():
    whole = router(http(80, 30082), health_check=check("HTTP:30082/healthz"))
    assert read_colors(whole).drift == ()
    assert read_colors(router(http(80, 30082))).codes() == ("health_check_on_idle",)
    assert read_colors(router(http(80, 30082), health_check=check("TCP:10256"))).drift == ()


def test_a_stickiness_policy_does_not_negotiate_tls():
    policies = (Policy("sticky", "LBCookieStickinessPolicyType"),)
    listener = https(443, 30081, policies=("sticky",))
    assert read_colors(router(listener)).drift == ()
    assert read_colors(router(listener, policies=policies)).codes() == ("policy_missing",)


def test_an_intent_tells_the_missing_listener_and_policy():
    listener = https(443, 30082, policies=("default",))
    colors = read_colors(
        router(listener, tags={**SINGLE, **encode_intent(INTENT)}, health_check=check("TCP:1"))
    )
    messages = {drift.code: drift.message for drift in colors.drift}
    assert set(messages) == {"swap_interrupted", "listener_missing", "policy_missing"}
    assert "port 80" in messages["listener_missing"]
    assert "sticky, tls-1-2" in messages["policy_missing"]
    assert "ada@laptop" in messages["swap_interrupted"]
    assert "cut off" in messages["swap_interrupted"]


def test_a_living_swap_is_to_be_waited_for():
    tags = {**SINGLE, **encode_intent(INTENT)}
    colors = read_colors(router(http(80, 30082), tags=tags), swap_state=SwapState.LIVING)
    assert "wait for it" in next(drift.message for drift in colors.drift if drift.code == "swap_interrupted")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"tags": {**SINGLE, CLAIM_TAG: "shop/uid"}}, id="claim"),
        pytest.param({"tags": {**SINGLE, "green": "30084"}}, id="color-tag"),
        pytest.param({"health_check": check("TCP:1")}, id="health-check"),
        pytest.param({"backend_policies": {30081: ("proxy",)}}, id="backend-policy"),
    ],
)
def test_the_fingerprint_covers_what_a_swap_touches(changed):
    assert (
        read_colors(router(http(80, 30081))).fingerprint
        != read_colors(router(http(80, 30081), **changed)).fingerprint
    )


def test_all_that_a_swap_touches_is_told_in_words():
    lb = router(
        https(443, 30081, certificate="arn:1", policies=("tls", "stick")),
        http(9000, 31000),
        backend_policies={30081: ("proxy",)},
    )
    assert dict(read_colors(lb).touched.words) == {
        "listener 443": "30081, HTTPS to HTTP, certificate arn:1, policies tls, stick",
        "backend policies of port 30081": "proxy",
        "health check": "HTTP:30081/healthz every 30 s, 5 s for an answer, healthy after 2, unhealthy after 2",
        "tag blue": "30081",
        "tag green": "30082",
    }


def test_a_tag_of_a_cluster_that_only_shares_a_load_balancer_is_no_ownership() -> None:
    shared = router(http(80, 30081), tags={**SINGLE, "kubernetes.io/cluster/web": "shared"})
    assert read_colors(shared).codes() == ()


def test_the_fingerprint_leaves_out_what_is_not_ours():
    alone = router(http(80, 30081))
    beside = router(http(80, 30081), http(9000, 31000), tags={**SINGLE, "team": "web"})
    assert read_colors(alone).fingerprint == read_colors(beside).fingerprint


def test_what_a_user_describes_is_drift_where_it_is_elsewhere_and_no_part_of_the_fingerprint() -> None:
    lb = router(http(80, 30081), http(443, 31000))
    described = read_colors(lb, described=[443])
    assert described.codes() == ("unknown_port",)
    assert described.fingerprint == read_colors(lb).fingerprint
