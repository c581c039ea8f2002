# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the last swap left is ours until told otherwise, and is brought back as it was."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Move
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import (
    decode_known,
    encode_known,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    Listener,
    LoadBalancer,
    Policy,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.tag_text import TagTextError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import PREVIEW_TAG

from ..routers import CERTIFICATE, PER_LISTENER, SINGLE, check, http, https, router
from ..swaps import after, intent, known, plan

TEXTS = st.text(min_size=1)
PORTS = st.integers(1, 65535)
LISTENERS = st.lists(
    st.builds(
        Listener,
        port=PORTS,
        protocol=st.sampled_from(["HTTP", "HTTPS", "TCP", "SSL"]),
        instance_port=PORTS,
        instance_protocol=st.sampled_from(["HTTP", "HTTPS", "TCP", "SSL"]),
        certificate=st.none() | TEXTS,
        policies=st.lists(TEXTS, unique=True).map(tuple),
    ),
    max_size=8,
    unique_by=lambda listener: listener.port,
)
LEFT = (http(80, 30081, policies=("sticky",)), https(443, 30081))
GIVE_UP = "aws elb remove-tags --load-balancer-names shop --tags octoblu.bluegreen/listeners.0"


@given(LISTENERS)
def test_what_is_written_is_read_and_fits_tags(listeners: list[Listener]) -> None:
    tags = encode_known(listeners)
    assert decode_known({"blue": "30081", **tags}) == {each.port: each for each in listeners}
    assert all(re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", text) for text in tags.values())


@given(LISTENERS, LISTENERS)
def test_a_shorter_text_over_a_longer_one_is_read(first: list[Listener], second: list[Listener]) -> None:
    tags = {**encode_known(first), **encode_known(second)}
    assert decode_known(tags) == {each.port: each for each in second}


def test_two_listeners_with_a_certificate_take_one_tag() -> None:
    assert len(encode_known(LEFT)) == 1


@pytest.mark.parametrize("value", ["", "2+1+x", "1+x+y", "1+3+0+0", "1+1+=", "1+9+0+0+1+80++"])
def test_what_cannot_be_read_is_told_with_what_removes_it(value: str) -> None:
    tags = {"octoblu.bluegreen/listeners.0": value}
    with pytest.raises(TagTextError):
        decode_known(tags)
    [drift] = read_colors(router(http(80, 30081), tags={**SINGLE, **tags})).drift
    assert (drift.code, drift.mended_by) == ("tags_invalid", ())
    assert GIVE_UP in drift.message


def _left(*listeners: Listener, tags: dict[str, str] | None = None, **other: Any) -> LoadBalancer:
    """What somebody made of the listeners that the last swap had left on blue."""
    return router(*listeners, tags={**SINGLE, **known(*LEFT), **(tags or {})}, **other)


@pytest.mark.parametrize(
    ("lb", "codes", "said"),
    [
        pytest.param(_left(*LEFT), [], "", id="as-it-was"),
        pytest.param(
            _left(http(80, 30999), LEFT[1]),
            ["unknown_port"],
            "listener 80 of shop points at 30999, neither 30081 nor 30082, though the last swap left it on a color",
            id="elsewhere",
        ),
        pytest.param(
            _left(LEFT[0]),
            ["listener_missing"],
            "no listener on port 443, where the last swap left one, HTTPS to HTTP: repair makes it again as it was",
            id="deleted",
        ),
        pytest.param(
            _left(http(80, 30999), https(443, 30999)),
            ["unknown_port", "unknown_port"],
            "443",
            id="all-elsewhere",
        ),
        pytest.param(_left(), ["listener_missing", "listener_missing"], "443", id="all-deleted"),
        pytest.param(
            router(http(80, 30999), https(443, 30081)), [], "", id="led-away-before-any-swap-of-ours"
        ),
    ],
)
def test_a_listener_that_the_last_swap_left_is_missed(lb: LoadBalancer, codes: list[str], said: str) -> None:
    drift = read_colors(lb).drift
    assert [each.code for each in drift] == codes
    assert all(each.mended_by == ("repair",) for each in drift)
    assert all(GIVE_UP in each.message for each in drift)
    assert said in " ".join(each.message for each in drift)


def test_a_port_is_given_up_by_the_tag_or_by_naming_those_that_stay() -> None:
    astray = _left(http(80, 30999), LEFT[1])
    assert read_colors(replace(astray, tags=SINGLE)).drift == ()
    stays = read_colors(astray, listener_ports=[443])
    assert (stays.drift, stays.named) == ((), (443,))
    moved = after(astray, "green", listener_ports=(443,))
    assert (moved.listener(80), moved.listener(443)) == (http(80, 30999), https(443, 30082))
    assert (read_colors(moved).live, read_colors(moved).drift) == ("green", ())


def test_a_port_that_became_the_previews_is_not_missed() -> None:
    lb = _left(LEFT[0], tags={PREVIEW_TAG: "443"})
    assert read_colors(lb).drift == ()


@pytest.mark.parametrize("tags", [{}, {"octoblu.bluegreen/listeners.9": "x"}, known(http(80, 30082))])
def test_what_the_last_swap_left_is_part_of_what_a_plan_has_seen(tags: dict[str, str]) -> None:
    seen = read_colors(_left(*LEFT)).fingerprint
    assert read_colors(router(*LEFT, tags={**SINGLE, **tags})).fingerprint != seen


@pytest.mark.parametrize("color", ["blue", "green"])
@pytest.mark.parametrize(
    "lb",
    [
        pytest.param(_left(http(80, 30999, policies=("sticky",)), LEFT[1]), id="elsewhere"),
        # Whoever leads a listener elsewhere makes it again, and it has lost its policies.
        pytest.param(_left(http(80, 30999), LEFT[1]), id="elsewhere-without-policies"),
        pytest.param(_left(LEFT[0], https(443, 30999, policies=("aws-default",))), id="elsewhere-weakened"),
        pytest.param(_left(LEFT[0]), id="deleted"),
        pytest.param(_left(health_check=check("TCP:10256")), id="all-deleted"),
        pytest.param(_left(LEFT[0], https(443, 30081, policies=())), id="without-policies"),
    ],
)
def test_repair_brings_it_back_as_it_was(lb: LoadBalancer, color: str) -> None:
    types = {"sticky": "AppCookieStickinessPolicyType"}
    policies = tuple(
        Policy(name, types.get(name, "SSLNegotiationPolicyType"))
        for name in ("sticky", "tls-1-2", "aws-default")
    )
    lb = replace(lb, policies=policies)
    with pytest.raises(InputError, match="repair mends it"):
        plan(lb, color)
    repaired = after(lb, color, repair=True)
    node_port = {"blue": 30081, "green": 30082}[color]
    assert repaired.listeners == tuple(replace(each, instance_port=node_port) for each in LEFT)
    assert (read_colors(repaired).live, read_colors(repaired).drift) == (color, ())
    assert not plan(repaired, color).changes


def test_a_listener_that_the_tags_do_not_name_comes_back_to_where_it_was() -> None:
    left = (http(80, 30081), https(443, 30083), http(8080, 30083))
    lb = router(*left[:2], tags={**PER_LISTENER, **known(*left)})
    assert after(lb, "blue", repair=True).listener(8080) == left[2]
    assert after(lb, "green", repair=True).listener(8080) == http(8080, 30084)


def test_how_the_user_describes_a_listener_goes_before_how_it_was() -> None:
    spec = ListenerSpec(443, "TCP", "TCP")
    lb = _left(LEFT[0])
    assert read_colors(lb, described=[443]).drift[0].mended_by == ("swap", "repair")
    assert after(lb, "blue", listeners=(spec,)).listener(443) == Listener(443, "TCP", 30081, "TCP")


def test_a_listener_that_somebody_made_another_is_moved_as_it_is_and_told() -> None:
    lb = _left(LEFT[0], http(443, 30999), policies=(Policy("tls-1-2", "SSLNegotiationPolicyType"),))
    swap = plan(lb, "blue", repair=True)
    assert [move.after() for move in swap.replaced] == [http(443, 30081)]
    assert "is not as the last swap left it (HTTPS to HTTP, certificate arn:aws:" in swap.warnings[0]


def test_a_policy_that_is_gone_is_refused_before_anything_is_written() -> None:
    with pytest.raises(
        InputError, match=r"listener 443 of shop is to have policy tls-1-2, which .* it has none"
    ):
        plan(_left(LEFT[0], policies=()), "blue", repair=True)


@pytest.mark.parametrize("color", ["blue", "green"])
def test_backend_policies_follow_from_where_it_was(color: str) -> None:
    lb = _left(health_check=check("TCP:10256"), backend_policies={30081: ("proxy",)})
    node_port = {"blue": 30081, "green": 30082}[color]
    assert after(lb, color, repair=True).backend_policies[node_port] == ("proxy",)


def test_a_cut_off_swap_goes_by_its_own_record() -> None:
    move = Move(443, "SSL", "TCP", 30081, 30082, CERTIFICATE, ("tls-1-2",))
    lb = _left(LEFT[0], tags=intent("green", move))
    assert after(lb, "blue").listener(443) == Listener(443, "SSL", 30081, "TCP", CERTIFICATE, ("tls-1-2",))


def test_tags_that_a_shorter_text_does_not_need_are_removed() -> None:
    long = [http(port, 30081) for port in range(8000, 8030)]
    lb = router(http(80, 30081), tags={**SINGLE, **known(*long)})
    assert len(known(*long)) > 1
    swap = plan(lb, "green", listener_ports=(80,))
    assert swap.outdated == tuple(sorted(known(*long)))[1:]
    assert after(lb, "green", listener_ports=(80,)).tags == {**SINGLE, **known(http(80, 30082))}
