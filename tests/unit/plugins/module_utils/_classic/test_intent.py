# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The intent survives the way through tags, whatever it holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    LIFETIME,
    Intent,
    Move,
    SwapState,
    decode_intent,
    encode_intent,
    swap_state,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.tag_text import TagTextError

PORTS = st.integers(1, 65535)
MOVES = st.builds(
    Move,
    port=PORTS,
    protocol=st.sampled_from(["HTTP", "HTTPS", "TCP", "SSL"]),
    instance_protocol=st.sampled_from(["HTTP", "HTTPS", "TCP", "SSL"]),
    old=st.none() | PORTS,
    new=PORTS,
    certificate=st.none() | st.text(min_size=1),
    policies=st.lists(st.text(min_size=1), unique=True).map(tuple),
)
INTENTS = st.builds(
    Intent,
    run=st.text("0123456789abcdef", min_size=8, max_size=8),
    user=st.text(),
    host=st.text(),
    pid=st.integers(1, 4_194_304),
    time=st.integers(1_500_000_000, 4_000_000_000),
    color=st.sampled_from(["blue", "green"]),
    moves=st.lists(MOVES, max_size=8).map(tuple),
)
EXAMPLE = Intent(
    "1a2b3c4d", "ada", "laptop", 42, 1_700_000_000, "green", (Move(80, "HTTP", "HTTP", 30081, 30082),) * 9
)


@given(INTENTS)
def test_what_is_written_is_read(intent):
    assert decode_intent({"blue": "30081", **encode_intent(intent)}) == intent


@given(INTENTS)
def test_only_what_a_tag_may_hold_is_written(intent):
    for key, value in encode_intent(intent).items():
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", value)
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,128}", key)


@given(INTENTS, INTENTS)
def test_a_shorter_intent_over_a_longer_one_is_read(first, second):
    assert decode_intent({**encode_intent(first), **encode_intent(second)}) == second


def test_no_intent():
    assert decode_intent({"blue": "30081"}) is None


def test_a_missing_piece_is_noticed():
    tags = encode_intent(EXAMPLE)
    assert len(tags) > 1
    tags.pop("octoblu.bluegreen/swap.1")
    with pytest.raises(TagTextError, match="characters are there"):
        decode_intent(tags)


@pytest.mark.parametrize("value", ["", "2+1+x", "1+x+y", "1+3+a+b", "1+1+=", "1+3+=ZZ"])
def test_what_is_no_intent_is_refused(value):
    with pytest.raises(TagTextError):
        decode_intent({"octoblu.bluegreen/swap.0": value})


@pytest.mark.parametrize(
    ("age", "writer_gone", "expected"),
    [
        (0, False, SwapState.LIVING),
        (LIFETIME, False, SwapState.LIVING),
        (LIFETIME + 1, False, SwapState.CUT_OFF),
        (0, True, SwapState.CUT_OFF),
        (-5, False, SwapState.LIVING),
    ],
)
def test_who_may_still_be_at_work(age, writer_gone, expected):
    assert swap_state(EXAMPLE, EXAMPLE.time + age, writer_gone) is expected
