# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, Ledger, trimmed
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.permission import (
    Asked,
    RollbackHold,
    check_frozen,
    check_hold,
    hold_of,
    read_asked,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

OLD, BAD = Release("0012345", "a"), Release("00abcde", "b")
ADA = {"user": "ada", "host": "laptop"}


def event(name: str, release: Release = OLD, left: Release | None = None, **details: Any) -> Event:
    return Event(name, "2026-11-30T03:00:00+00:00", name, release, "blue", left, ADA, details)


BACK = event("rolled_back", OLD, BAD, hold=True)
AGAIN = event("rolled_back", Release("0000001", "c"), OLD)


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ([], False),
        ([event("swapped"), event("rolled_back", OLD, BAD)], False),
        ([event("swapped"), BACK], True),
        ([BACK, event("failed", BAD), event("staged", BAD), event("retired")], True),
        ([BACK, AGAIN], True),
        ([BACK, event("released")], False),
        ([BACK, event("swapped", BAD, OLD)], False),
        ([BACK, event("released"), BACK], True),
    ],
)
def test_a_hold_lasts_until_it_is_released_or_something_else_serves(events: list[Event], held: bool) -> None:
    hold = RollbackHold("ada@laptop", BACK.at, BAD.commit, OLD, "blue")
    assert hold_of(events) == (hold if held else None)


def test_a_hold_that_was_released_does_not_come_again_when_the_ledger_is_trimmed() -> None:
    ledger = Ledger((BACK, event("released"), *[event("failed", BAD)] * 20))
    assert hold_of(trimmed(ledger, 10).events) is None
    assert hold_of(trimmed(Ledger((BACK, *ledger.events[2:])), 10).events)


HOLD = RollbackHold("ada@laptop", "2026-11-30T03:00:00+00:00", "00abcde", OLD, "blue")


@pytest.mark.parametrize(
    ("hold", "releases", "commit", "told"),
    [
        (None, False, "00abcde", ""),
        (None, True, "00abcde", ""),
        (HOLD, True, "0099999", ""),
        (HOLD, False, "0099999", "or deploy 0099999 and end it with -e bluegreen_release=true"),
        (HOLD, False, "00abcde", "release the hold with release.yml."),
        (HOLD, True, "00abcde", "release the hold with release.yml if that commit is to come again."),
    ],
)
def test_what_a_hold_keeps_back(hold: RollbackHold | None, releases: bool, commit: str, told: str) -> None:
    if not told:
        check_hold(Asked(releases=releases), hold, commit)
        return
    with pytest.raises(InputError) as raised:
        check_hold(Asked(releases=releases), hold, commit)
    said = "ada@laptop went back from 00abcde to 0012345 at 2026-11-30T03:00:00+00:00"
    assert said in raised.value.message
    assert told in raised.value.message


@pytest.mark.parametrize("given", ["", "False", "no", "None", " \n"])
def test_an_expression_that_comes_to_nothing_freezes_nothing(given: str) -> None:
    check_frozen(read_asked({"frozen": given, "thaw": "", "release_hold": False}))


def test_a_freeze_tells_its_reason_and_wants_one_to_go_on() -> None:
    frozen = {"frozen": "the sale", "release_hold": False}
    for thaw in ("", "no"):
        with pytest.raises(InputError, match=r"Deploys are frozen: the sale\. .* -e bluegreen_thaw="):
            check_frozen(read_asked(frozen | {"thaw": thaw}))
    check_frozen(read_asked(frozen | {"thaw": "nobody can log in"}))
