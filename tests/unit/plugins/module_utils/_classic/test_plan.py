# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap has to do, and what it must refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.health_check import HealthCheckWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Move
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Policy
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import (
    differences,
    lacking,
    predict,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_steps import steps
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, PREVIEW_TAG

from ..routers import CERTIFICATE, PER_LISTENER, SINGLE, check, http, https, router
from ..swaps import TWO, after, begin, intent, known, plan


def test_a_swap_changes_the_instance_port_and_nothing_else():
    lb = router(*TWO, http(9000, 31000), tags={**SINGLE, "team": "web"})
    swapped = after(lb, "green")
    assert swapped.listener(80) == http(80, 30082, policies=("sticky",))
    assert swapped.listener(443) == https(443, 30082)
    assert swapped.listener(9000) == http(9000, 31000)
    assert swapped.tags == {**lb.tags, **known(*swapped.listeners[:2])}
    assert swapped.health_check == check("HTTP:30082/healthz")


def test_ports_per_listener():
    lb = router(http(80, 30081), https(443, 30083), http(8080, 30083), tags=PER_LISTENER)
    assert [(each.port, each.instance_port) for each in after(lb, "green").listeners] == [
        (80, 30082),
        (443, 30084),
        (8080, 30084),
    ]


def test_nothing_to_do():
    assert not plan(router(*TWO), "blue").changes
    assert steps(plan(router(*TWO), "blue")) == ()


@pytest.mark.parametrize(
    ("target", "tags", "expected"),
    [
        ("HTTP:30081/healthz", SINGLE, "HTTP:30082/healthz"),
        ("https:30081/", SINGLE, "https:30082/"),
        ("TCP:30081", SINGLE, "TCP:30082"),
        ("TCP:30083", PER_LISTENER, "TCP:30084"),
        ("TCP:10256", SINGLE, "TCP:10256"),
        ("HTTP:30082/healthz", SINGLE, "HTTP:30082/healthz"),
    ],
)
def test_the_health_check_follows_only_from_the_old_color(target, tags, expected):
    node_port = 30083 if tags is PER_LISTENER else 30081
    lb = router(http(80, 30081), http(443, node_port), tags=tags, health_check=check(target))
    # A check on the idle color is drift, so it is only reached by repair.
    swapped = after(lb, "green", repair=True)
    assert swapped.health_check == replace(lb.health_check, target=expected)


def test_a_wished_health_check_keeps_what_is_left_out():
    swapped = after(router(*TWO), "green", health_check=HealthCheckWish(path="/ready", timeout=3))
    assert swapped.health_check == replace(check("HTTP:30082/ready"), timeout=3)


@pytest.mark.parametrize(
    ("wish", "value"),
    [
        (HealthCheckWish(interval=4), "4"),
        (HealthCheckWish(timeout=61), "61"),
        (HealthCheckWish(timeout=30), "30 s"),
        (HealthCheckWish(healthy_threshold=11), "11"),
        (HealthCheckWish(unhealthy_threshold=1), "1"),
        (HealthCheckWish(path="healthz"), "healthz"),
        (HealthCheckWish(protocol="TCP", path="/x"), "/x"),
    ],
)
def test_a_health_check_that_aws_refuses_is_refused(wish, value):
    with pytest.raises(InputError, match=value):
        plan(router(*TWO), "green", health_check=wish)


def test_backend_policies_follow():
    lb = router(*TWO, backend_policies={30081: ("proxy",), 31000: ("other",)})
    assert after(lb, "green").backend_policies == {30081: ("proxy",), 30082: ("proxy",), 31000: ("other",)}
    stale = router(*TWO, backend_policies={30082: ("proxy",)})
    assert after(stale, "green").backend_policies[30082] == ()


@pytest.mark.parametrize("color", ["blue", "green"])
@pytest.mark.parametrize("has", [30081, 30082])
def test_backend_policies_of_listeners_that_point_at_both_colors_are_not_taken_away(color, has):
    lb = router(http(80, 30081), http(81, 30082), backend_policies={has: ("proxy",)})
    target = {"blue": 30081, "green": 30082}[color]
    assert after(lb, color, repair=True).backend_policies[target] == ("proxy",)


@pytest.mark.parametrize(
    "moved", [(), (http(80, 30081),), (http(80, 30082),)], ids=["closed", "before", "after"]
)
@pytest.mark.parametrize("color", ["blue", "green"])
def test_backend_policies_that_a_killed_swap_had_not_set_yet(moved, color):
    tags = {**SINGLE, **intent("green", Move(80, "HTTP", "HTTP", 30081, 30082))}
    lb = router(*moved, tags=tags, backend_policies={30081: ("proxy",)})
    resolved = after(lb, color).backend_policies
    assert resolved == {30081: ("proxy",)} | ({30082: ("proxy",)} if color == "green" else {})
    stale = router(*moved, tags=tags, backend_policies={30082: ("proxy",)})
    serves_without = color == "green" and moved == (http(80, 30081),)
    assert after(stale, color).backend_policies == {30082: () if serves_without else ("proxy",)}


@pytest.mark.parametrize("stray", [80, 444])
def test_backend_policies_of_a_port_that_serves_do_not_follow_a_stray_listener(stray):
    tags = {"blue": f"{stray}=30081 443=30081", "green": f"{stray}=30082 443=30082"}
    lb = router(http(stray, 31000), http(443, 30081), tags=tags, backend_policies={30081: ("proxy",)})
    assert after(lb, "blue", repair=True).backend_policies == {30081: ("proxy",)}


def test_first_listeners_are_made_from_their_specifications():
    lb = router(http(9000, 31000), health_check=check("TCP:31000"))
    specs = (ListenerSpec(80, "HTTP", "HTTP"), ListenerSpec(443, "HTTPS", "HTTP", CERTIFICATE, ("tls-1-2",)))
    made = plan(lb, "blue", listeners=specs)
    assert [move.after() for move in made.created] == [http(80, 30081), https(443, 30081)]
    assert made.policies == ((443, ("tls-1-2",)),)
    assert made.replaced == ()
    assert made.health_check is None


def test_a_listener_that_is_there_stays_and_its_difference_is_told():
    specs = (ListenerSpec(80, "TCP", "TCP"), ListenerSpec(443, "HTTPS", "HTTP", CERTIFICATE))
    swap = plan(router(*TWO), "green", listeners=specs)
    assert predict(router(*TWO), swap).listener(80) == http(80, 30082, policies=("sticky",))
    assert len(swap.warnings) == 1
    assert "TCP to TCP" in swap.warnings[0]


@pytest.mark.parametrize(
    ("lb", "wish", "said"),
    [
        pytest.param(router(http(80, 30081), http(81, 30082)), {}, "mixed", id="mixed"),
        pytest.param(router(health_check=check("TCP:1")), {}, "listener_missing", id="none"),
        pytest.param(router(http(80, 30081), tags=PER_LISTENER), {}, "listener_missing", id="one-missing"),
        pytest.param(
            router(http(80, 30081)), {"listener_ports": (80, 443)}, "listener_missing", id="asked-missing"
        ),
        pytest.param(router(*TWO), {"listener_ports": (80,)}, "listener 443", id="one-left-behind"),
        pytest.param(
            router(http(80, 30081), http(443, 1), tags=PER_LISTENER), {}, "unknown_port", id="elsewhere"
        ),
        pytest.param(router(http(80, 30082)), {}, "health_check_on_idle", id="check"),
        pytest.param(router(https(443, 30081, policies=())), {}, "policy_missing", id="policy"),
        pytest.param(router(http(80, 30081), tags={}), {}, "no tag", id="no-tags"),
    ],
)
def test_a_drifted_router_is_refused_by_name(lb, wish, said):
    with pytest.raises(InputError, match=said):
        plan(lb, "green", **wish)


@pytest.mark.parametrize(
    "lb",
    [
        pytest.param(router(http(80, 30081), http(81, 30082)), id="mixed"),
        pytest.param(router(http(80, 30081), http(443, 31000), tags=PER_LISTENER), id="unknown-port"),
        pytest.param(router(http(80, 30082), health_check=check()), id="health-check"),
        pytest.param(
            router(
                http(80, 30081), tags={**SINGLE, **intent("green", Move(80, "HTTP", "HTTP", 30081, 30082))}
            ),
            id="cut-off-early",
        ),
        pytest.param(
            router(tags={**SINGLE, **intent("green", Move(80, "HTTP", "HTTP", 30081, 30082))}),
            id="cut-off-in-the-gap",
        ),
        pytest.param(
            router(
                http(80, 30082), tags={**SINGLE, **intent("green", Move(80, "HTTP", "HTTP", 30081, 30082))}
            ),
            id="cut-off-late",
        ),
    ],
)
@pytest.mark.parametrize("color", ["blue", "green"])
def test_repair_ends_wholly_on_the_named_color(lb, color):
    repaired = after(lb, color, repair=True)
    colors = read_colors(repaired)
    assert (colors.live, colors.drift) == (color, ())
    assert not plan(repaired, color).changes


def test_repair_makes_missing_listeners_and_policies_from_specifications():
    lb = router(https(443, 30083, policies=()), tags=PER_LISTENER)
    specs = (ListenerSpec(80, "HTTP", "HTTP"), ListenerSpec(443, "HTTPS", "HTTP", CERTIFICATE, ("tls-1-2",)))
    repaired = after(lb, "blue", repair=True, listeners=specs)
    assert (repaired.listener(80), repaired.listener(443)) == (http(80, 30081), https(443, 30083))
    assert read_colors(repaired).drift == ()


TLS, STICKY, OTHER = (
    Policy("tls-1-2", "SSLNegotiationPolicyType"),
    Policy("sticky", "AppCookieStickinessPolicyType"),
    Policy("tls-1-0", "SSLNegotiationPolicyType"),
)


@pytest.mark.parametrize(
    ("there", "described", "wanted"),
    [
        (("sticky", "tls-1-2"), ("tls-1-2",), ()),
        (("sticky", "tls-1-0"), ("tls-1-2",), ("sticky", "tls-1-2")),
        (("tls-1-0",), ("sticky", "tls-1-2"), ("sticky", "tls-1-2")),
    ],
)
def test_repair_takes_no_policy_of_another_kind_away(there, described, wanted):
    lb = router(https(443, 30081, policies=there), policies=(TLS, STICKY, OTHER))
    spec = ListenerSpec(443, "HTTPS", "HTTP", CERTIFICATE, described)
    repaired = plan(lb, "blue", repair=True, listeners=(spec,))
    assert repaired.policies == (((443, wanted),) if wanted else ())


@pytest.mark.parametrize("made", [(), (https(443, 30081, policies=("tls-1-0",)),)])
def test_a_policy_that_is_not_there_is_refused_before_anything_is_written(made):
    lb = router(http(80, 30081), *made, policies=(TLS, OTHER))
    spec = ListenerSpec(443, "HTTPS", "HTTP", CERTIFICATE, ("ELBSecurityPolicy-TLS-1-2-2017-01",))
    with pytest.raises(
        InputError, match=r"policy ELBSecurityPolicy-TLS-1-2-2017-01, .* it has tls-1-0, tls-1-2"
    ):
        plan(lb, "blue", repair=True, listeners=(spec,))


@pytest.mark.parametrize("tags", [SINGLE, {**SINGLE, PREVIEW_TAG: "8080"}])
def test_repair_of_nothing_is_refused(tags):
    with pytest.raises(InputError, match="no listener of the application"):
        plan(router(http(9000, 31000), tags=tags, health_check=check("TCP:31000")), "blue", repair=True)


def test_a_cut_off_swap_is_resolved_without_asking_for_repair():
    moves = (Move(443, "HTTPS", "HTTP", 30081, 30082, CERTIFICATE, ("sticky", "tls-1-2")),)
    lb = router(http(80, 30082), tags={**SINGLE, **intent("green", *moves)}, health_check=check("TCP:10256"))
    for color, node_port in (("green", 30082), ("blue", 30081)):
        resolved = after(lb, color)
        assert resolved.listener(443) == https(443, node_port, policies=("sticky", "tls-1-2"))
        assert (read_colors(resolved).live, read_colors(resolved).intent) == (color, None)


@pytest.mark.parametrize("cut_off", ["green", "blue"])
def test_a_listener_that_the_tags_do_not_name_is_opened_again_from_the_intent(cut_off):
    ports = {"blue": (30081, 30083, 30081), "green": (30082, 30084, 30082)}
    old, new = (ports["blue"], ports["green"]) if cut_off == "green" else (ports["blue"], ports["blue"])
    moves = [
        Move(port, "HTTP", "HTTP", *pair)
        for port, pair in zip((80, 443, 8080), zip(old, new, strict=True), strict=True)
    ]
    lb = router(tags={**PER_LISTENER, **intent(cut_off, *moves)}, health_check=check("TCP:10256"))
    for color, wanted in ports.items():
        opened = plan(lb, color)
        assert [(move.port, move.new) for move in opened.reopened] == list(
            zip((80, 443, 8080), wanted, strict=True)
        )
        assert (opened.created, opened.replaced) == ((), ())
        assert read_colors(predict(lb, opened)).live == color


def test_policies_of_a_cut_off_swap_replace_the_default_one():
    moves = (Move(443, "HTTPS", "HTTP", 30081, 30082, CERTIFICATE, ("tls-1-2",)),)
    lb = router(
        https(443, 30082, policies=("ELBSecurityPolicy-2016-08",)), tags={**SINGLE, **intent("green", *moves)}
    )
    finished = plan(lb, "green")
    assert finished.policies == ((443, ("tls-1-2",)),)
    assert (finished.replaced, finished.created) == ((), ())


@pytest.mark.parametrize(
    ("tags", "wish", "said"),
    [
        ({**SINGLE, CLAIM_TAG: "shop/1"}, {"claim": "shop/2"}, "shop/1, not shop/2"),
        (SINGLE, {"expect_live": "green"}, "green was expected to be live on shop, but blue is"),
        (SINGLE, {"expect_fingerprint": "0" * 16}, "not as it was seen"),
        ({**SINGLE, "kubernetes.io/cluster/web": "owned"}, {"repair": True}, "belongs to Kubernetes"),
        ({"blue": "30081", "green": "x"}, {"repair": True}, "green='x'"),
        ({**SINGLE, "octoblu.bluegreen/swap.0": "0"}, {"repair": True}, "cannot be read"),
    ],
)
def test_what_must_not_be_begun(tags, wish, said):
    with pytest.raises(InputError, match=said):
        begin(router(http(80, 30081), tags=tags), "green", **wish)


def test_a_claim_is_written_once_and_taken_over_when_asked():
    lb = router(http(80, 30081))
    claimed = after(lb, "green", claim="shop/1")
    assert claimed.tags[CLAIM_TAG] == "shop/1"
    assert plan(claimed, "blue", claim="shop/1").tags == ()
    taken = {"claim": "shop/2", "take_over": True}
    begin(claimed, "blue", **taken)
    assert plan(claimed, "blue", **taken).tags == ((CLAIM_TAG, "shop/2"),)


def test_tls_and_plain_on_one_node_port_of_the_other_color_is_refused_before_anything_is_deleted():
    tags = {"blue": "80=30081 443=30083", "green": "80=30082 443=30082"}
    secure = replace(https(443, 30083), instance_protocol="HTTPS")
    with pytest.raises(InputError, match="would share instance port 30082"):
        plan(router(http(80, 30081), secure, tags=tags), "green")


def test_one_instance_port_is_not_shared_by_tls_and_plain():
    specs = (ListenerSpec(80, "HTTP", "HTTP"), ListenerSpec(443, "HTTPS", "HTTPS", CERTIFICATE))
    with pytest.raises(InputError, match="30081"):
        plan(router(), "blue", listeners=specs)


def test_read_back_names_the_difference():
    lb = router(*TWO)
    swap = plan(lb, "green")
    wanted = predict(lb, swap)
    assert differences(swap, wanted, wanted) == []
    weakened = replace(
        wanted, listeners=(wanted.listeners[0], replace(wanted.listeners[1], policies=("old",)))
    )
    assert differences(swap, wanted, weakened) == [
        (
            f"listener 443 is 443 HTTPS to 30082 HTTP, certificate {CERTIFICATE}, policies old, "
            f"not 443 HTTPS to 30082 HTTP, certificate {CERTIFICATE}, policies tls-1-2"
        )
    ]
    assert differences(swap, wanted, replace(wanted, health_check=lb.health_check)) == [
        (
            "the health check is HTTP:30081/healthz every 30 s within 5 s, thresholds 2 and 2, "
            "not HTTP:30082/healthz every 30 s within 5 s, thresholds 2 and 2"
        )
    ]
    shown = plan(lb, "blue", preview_port=8080)
    untagged = replace(predict(lb, shown), tags=SINGLE)
    assert differences(shown, predict(lb, shown), untagged) == [
        "tag octoblu.bluegreen/preview is absent, not 8080"
    ]
    assert differences(swap, wanted, replace(wanted, listeners=wanted.listeners[:1]))[0].startswith(
        "listener 443 is absent"
    )


def test_what_one_more_call_sets_is_told_apart_from_what_it_does_not():
    lb = router(*TWO, backend_policies={30081: ("proxy",)})
    swap = plan(lb, "green", claim="shop/1")
    wanted = predict(lb, swap)
    assert not lacking(swap, wanted, wanted).changes
    bare = replace(
        wanted,
        listeners=(replace(wanted.listeners[0], policies=()), wanted.listeners[1]),
        backend_policies={30081: ("proxy",)},
        health_check=lb.health_check,
        tags=SINGLE,
    )
    missing = lacking(swap, wanted, bare)
    assert missing.policies == ((80, ("sticky",)),)
    assert missing.backend_policies == ((30082, ("proxy",)),)
    assert (missing.health_check, missing.tags) == (wanted.health_check, ((CLAIM_TAG, "shop/1"),))
    assert (missing.replaced, missing.created, missing.reopened) == ((), (), ())
    assert len(differences(missing, wanted, bare)) == 4
    elsewhere = replace(wanted, listeners=(http(80, 30999, policies=()),))
    assert not lacking(swap, wanted, elsewhere).changes


LISTENERS = st.dictionaries(
    st.integers(1, 65535),
    st.tuples(
        st.sampled_from(["HTTP", "HTTPS", "TCP", "SSL"]),
        st.sampled_from([30081, 31000]),
        st.lists(st.sampled_from(["tls", "sticky", "app"]), unique=True, min_size=1),
    ),
    min_size=1,
    max_size=6,
)


@given(LISTENERS, st.sampled_from(["HTTP:30081/x", "TCP:31000", "SSL:30081"]), st.booleans())
def test_there_and_back_is_the_identity(described, target, proxied):
    layer = {"HTTP": "HTTP", "HTTPS": "HTTP", "TCP": "TCP", "SSL": "TCP"}
    listeners = [
        replace(
            http(port, node_port, policies=tuple(sorted(names))),
            protocol=protocol,
            instance_protocol=layer[protocol],
        )
        for port, (protocol, node_port, names) in sorted(described.items())
    ]
    if all(listener.instance_port == 31000 for listener in listeners):
        listeners[0] = replace(listeners[0], instance_port=30081)
    policies = {30081: ("proxy",), 30082: ("proxy",)} if proxied else {}
    lb = router(*listeners, health_check=check(target), backend_policies=policies)
    there = after(lb, "green")
    assert read_colors(there).live == "green"
    back = after(there, "blue")
    ours = [each for each in lb.listeners if each.instance_port == 30081]
    assert back == replace(lb, tags={**lb.tags, **known(*ours)})
