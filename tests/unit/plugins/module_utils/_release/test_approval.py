# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.approval import (
    Approval,
    check_approval,
    check_found,
    read_approval,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

OLD, NEW = Release("0012345", "a"), Release("00abcde", "b")
ROUTER = {"listener 80": "30081, HTTP to HTTP", "health check": "HTTP:30081/ every 5 s", "tag blue": "30081"}
APPROVED = Approval("green", NEW, "blue", OLD, "f1", ROUTER)


def changed(**changes: Any) -> Approval:
    return replace(APPROVED, **changes)


def seen(fingerprint: str = "f2", **changes: str) -> Approval:
    return changed(
        fingerprint=fingerprint, touched={**ROUTER, **{k.replace("_", " "): v for k, v in changes.items()}}
    )


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (
            changed(live="green", serving=Release("0033333", "c")),
            "0012345 was live on blue then, and 0033333 is live on green now",
        ),
        (changed(live=None, serving=None), "0012345 was live on blue then, and no color is live now"),
        (
            changed(serving=None),
            "0012345 was live on blue then, and a release of no deploy is live on blue now",
        ),
        (
            changed(serving=Release("0012345", "z")),
            "0012345 is live with manifests z now, not a",
        ),
        (changed(color="blue"), "00abcde was to serve on green, and would on blue"),
        (changed(release=Release("0044444", "d")), "00abcde was to serve, and 0044444 would"),
        (changed(release=None), "00abcde was to serve, and what is there would"),
        (changed(release=Release("00abcde", "z")), "00abcde was planned with manifests b, and has z now"),
        (
            seen(listener_80="30081, HTTPS to HTTP"),
            "listener 80 was 30081, HTTP to HTTP, and is 30081, HTTPS to HTTP",
        ),
        (
            seen(listener_443="30081, HTTPS to HTTP"),
            "listener 443 was not there, and is 30081, HTTPS to HTTP",
        ),
        (changed(fingerprint="f2", touched={}), "tag blue was 30081, and is not there"),
        (seen(), "the router's fingerprint was f1, and is f2"),
    ],
)
def test_what_is_not_as_it_was_approved_is_refused(now: Approval, told: str) -> None:
    with pytest.raises(InputError, match="not what was approved for shop") as refused:
        check_approval(APPROVED, now, "shop")
    assert told in str(refused.value.details["changes"]), refused.value.message


@pytest.mark.parametrize(
    "now",
    [
        APPROVED,
        changed(live="green", serving=NEW, fingerprint="f2", release=NEW),
        # Somebody has brought it live by other means, and has gone on to stage another release since.
        changed(live="green", serving=NEW, fingerprint="f2", color="blue", release=Release("0055555", "e")),
    ],
)
def test_what_stands_as_it_was_or_serves_already_is_not_refused(now: Approval) -> None:
    check_approval(APPROVED, now, "shop")


def test_its_own_swap_that_was_cut_off_is_finished_and_no_other() -> None:
    half = changed(live=None, serving=None, fingerprint="f2", touched={})
    check_approval(APPROVED, half, "shop", "green")
    for now, under_way in ((half, "blue"), (half, None), (replace(half, release=OLD), "green")):
        with pytest.raises(InputError):
            check_approval(APPROVED, now, "shop", under_way)


def test_what_was_found_is_judged_before_anything_is_decided() -> None:
    check_found(APPROVED, changed(color="blue", release=None), "shop")
    with pytest.raises(InputError, match="0012345 was live on blue then"):
        check_found(APPROVED, changed(serving=None, color="blue", release=None), "shop")


def test_a_long_list_of_changes_is_cut_and_whole_in_the_details() -> None:
    now = seen(**{f"listener_{port}": "30081" for port in range(1, 9)})
    with pytest.raises(InputError, match="; and 4 more") as refused:
        check_approval(APPROVED, now, "shop")
    assert len(refused.value.details["changes"]) == 8


@pytest.mark.parametrize("approved", [APPROVED, changed(release=None, live=None, serving=None, touched={})])
def test_a_plan_comes_back_from_json_as_it_was(approved: Approval) -> None:
    plans = json.loads(json.dumps({"shop": {**approved.facts, "text": ["Plan: ..."]}}))
    assert read_approval(plans, "shop") == approved
    assert read_approval({"shop": {"outcome": "unchanged", "plan": plans["shop"]}}, "shop") == approved


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        ({"cart": {}, "bag": {}}, "bluegreen_plan is of bag, cart, not of shop"),
        ({"shop": "Plan: ..."}, "has no plan of shop as a run with --check leaves it"),
        ({"shop": {"color": "green"}}, "KeyError: 'commit'"),
        ({"shop": {"outcome": "refused", "plan": None}}, "TypeError"),
        ({"shop": {**APPROVED.facts, "router": []}}, "AttributeError"),
    ],
)
def test_what_is_no_plan_of_the_application_is_refused(plans: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as refused:
        read_approval(plans, "shop")
    assert told in refused.value.message
