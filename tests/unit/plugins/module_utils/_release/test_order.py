# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.order import (
    check_order,
    order_of,
    read_order,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release


@pytest.mark.parametrize(
    ("given", "live", "told"),
    [
        ("1207", "1206", ""),
        ("1207", "1207", ""),
        ("999", "1000", "with order 1000 is live"),
        ("0999", "1000", "with order 1000 is live"),
        ("1760000000.25", "1760000000.5", "is live"),
        ("2026-11-30T17:00:00Z", "2026-11-30T16:59:59Z", ""),
        ("2026-11-30T17:00:00+01:00", "2026-11-30T16:00:00Z", ""),
        ("2026-11-30T17:00:00+02:00", "2026-11-30T16:00:00Z", "is live"),
        ("2026-11-30 16:00:00+00:00", "2026-11-30T16:00:00.001000+00:00", "is live"),
        ("1207", "2026-11-30T17:00:00Z", "give bluegreen_order as a time, or deploy"),
        ("2026-11-30T17:00:00Z", "1207", "give bluegreen_order as a number, or deploy"),
        ("1207", "", ""),
        ("1207", "once upon a time", ""),
        ("", "1207", ""),
        ("any", "1207", ""),
        ("any", "2026-11-30T17:00:00Z", ""),
    ],
)
def test_a_commit_overtakes_none_that_is_newer(given: str, live: str, told: str) -> None:
    orders = read_order(given), order_of(None, (), live)
    if told:
        with pytest.raises(InputError, match=re.escape(told)):
            check_order("4f2a91c", orders[0], "9ab3c11", orders[1])
    else:
        check_order("4f2a91c", orders[0], "9ab3c11", orders[1])


def test_a_refusal_names_both() -> None:
    with pytest.raises(InputError) as raised:
        check_order("4f2a91c", read_order("1201"), "9ab3c11", order_of(None, (), "1207"))
    assert raised.value.message == (
        "4f2a91c has order 1201, but 9ab3c11 with order 1207 is live: it is the newer one and would be overtaken; "
        "deploy it all the same with -e bluegreen_order=any."
    )


@pytest.mark.parametrize("given", ["-1", "1e3", "v7", "True", "2026-11-30", "2026-11-30T17:00:00", "٣"])
def test_what_is_no_order_is_refused(given: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"bluegreen_order is '{given}'")):
        read_order(given)


OLD, NEW = Release("0012345", "a"), Release("00abcde", "b")


def event(name: str, release: Release, order: str = "") -> Event:
    return Event(name, "", "", release, "blue", None, {}, {"order": order} if order else {})


@pytest.mark.parametrize(
    ("events", "noted", "found"),
    [
        ([], "", None),
        ([], "7", "7"),
        ([event("staged", NEW, "8"), event("swapped", NEW, "9")], "7", "9"),
        ([event("swapped", NEW, "8"), event("rolled_back", OLD), event("swapped", NEW)], "7", "8"),
        ([event("swapped", OLD, "8")], "7", "7"),
        ([event("failed", NEW, "8")], "", None),
    ],
)
def test_the_ledger_knows_the_order_and_else_the_release_itself(
    events: list[Event], noted: str, found: str | None
) -> None:
    order = order_of(NEW, events, noted)
    assert (order.text if order else None) == found
