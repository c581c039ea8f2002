# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import ledger as _ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, Ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

A, B, C, D = (Release(commit, f"{commit}{commit}") for commit in "abcd")


def event(name: str, release: Release, left: Release | None = None, **details: Any) -> Event:
    run = details.pop("run", f"{name}-{release.commit}")
    return Event(
        name, "2026-01-02T03:04:05+00:00", run, release, "blue", left, {"user": "ada", "host": "lap"}, details
    )


def staged(release: Release) -> Event:
    return event("staged", release)


def swapped(release: Release, left: Release | None = None) -> Event:
    return event("swapped", release, left)


def rolled_back(release: Release, left: Release) -> Event:
    return event("rolled_back", release, left)


def failed(release: Release, **details: Any) -> Event:
    return event("failed", release, **{"bad": True, **details})


def deployed(release: Release, left: Release | None = None) -> list[Event]:
    return [staged(release), swapped(release, left)]


ABC = [*deployed(A), *deployed(B, A), *deployed(C, B)]


@pytest.mark.parametrize(
    ("events", "leaving", "expected"),
    [
        pytest.param(ABC, C, [B, A], id="the one before, then the one before that"),
        pytest.param([*ABC, rolled_back(B, C)], B, [A], id="further back, never forward"),
        pytest.param([*ABC, rolled_back(B, C), rolled_back(A, B)], A, [], id="nothing good is left"),
        pytest.param(
            [*deployed(A), *deployed(B, A), rolled_back(A, B), *deployed(D, A)],
            D,
            [A],
            id="a bad one is skipped",
        ),
        pytest.param(
            [*deployed(A), *deployed(B, A), rolled_back(A, B), *deployed(B, A), *deployed(D, B)],
            D,
            [B, A],
            id="what was deployed again is good again",
        ),
        pytest.param([*deployed(A), *deployed(B, A), failed(C)], B, [A], id="what failed has not served"),
        pytest.param([*deployed(A), failed(A), *deployed(B)], B, [], id="what failed later is bad"),
        pytest.param(
            [*deployed(A), failed(A, bad=False), *deployed(B)], B, [A], id="a failure that was not its own"
        ),
        pytest.param([swapped(B, A)], B, [A], id="what a first entry left"),
        pytest.param(ABC, D, [], id="what the ledger does not know"),
        pytest.param(ABC, None, [], id="what is of no deploy"),
        pytest.param([*ABC, swapped(A, C), swapped(C, A)], C, [A, B], id="live twice: before the last time"),
    ],
)
def test_what_was_good_before(events: list[Event], leaving: Release | None, expected: list[Release]) -> None:
    assert _ledger.good_before(events, leaving) == expected


@pytest.mark.parametrize(
    ("events", "live", "unfinished"),
    [
        ([*ABC, event("rollback", B, C)], B, True),
        ([*ABC, event("rollback", B, C)], C, False),
        ([*ABC, event("rollback", B, C), failed(B)], B, True),
        ([*ABC, event("rollback", B, C), rolled_back(B, C)], B, False),
        ([*ABC, event("rollback", B, C), *deployed(D, B)], B, False),
        (ABC, C, False),
    ],
)
def test_a_rollback_that_only_has_to_be_written_down(
    events: list[Event], live: Release, unfinished: bool
) -> None:
    assert (_ledger.unfinished_rollback(events, live) is not None) is unfinished


def test_what_a_cut_off_rollback_left_is_bad_already() -> None:
    events = [*ABC, event("rollback", B, C)]
    assert _ledger.bad(events, B) == {C}
    assert _ledger.bad(events, C) == set()


def pod(kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": {"x": "hunter2"}}


def test_what_is_kept_comes_back_without_its_secrets() -> None:
    objects = {
        color: [pod("ConfigMap", f"c-{color}"), pod("Secret", f"s-{color}")] for color in ("blue", "green")
    }
    packed = _ledger.pack(objects)
    assert packed == _ledger.pack(objects)
    kept = _ledger.unpack(base64.b64decode(packed))
    assert kept is not None
    assert kept.objects == {color: (pod("ConfigMap", f"c-{color}"),) for color in ("blue", "green")}
    assert kept.secrets == {"blue": ("s-blue",), "green": ("s-green",)}


@pytest.mark.parametrize("blob", [b"", b"no gzip", base64.b64decode(_ledger.pack({}))[:-9]])
def test_what_is_kept_and_damaged_is_none(blob: bytes) -> None:
    assert _ledger.unpack(blob) is None


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
COMMIT = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
RELEASES = st.builds(Release, COMMIT, st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
DETAILS = st.dictionaries(st.sampled_from(["cause", "outcome", "seconds"]), TEXT)
EVENTS = st.builds(
    Event,
    st.sampled_from(["staged", "failed", "swapped", "rollback", "rolled_back", "retired"]),
    TEXT,
    TEXT,
    RELEASES,
    st.sampled_from(["blue", "green"]),
    st.none() | RELEASES,
    st.dictionaries(st.sampled_from(["user", "host", "awx_job"]), TEXT),
    DETAILS,
)
LEDGERS = st.builds(
    Ledger, st.lists(EVENTS, max_size=5).map(tuple), st.dictionaries(RELEASES, st.binary(max_size=20))
)


@given(LEDGERS)
def test_a_ledger_comes_back_from_its_config_map(ledger: Ledger) -> None:
    assert _ledger.read_ledger(json.loads(json.dumps(_ledger.contents(ledger)))) == ledger


@pytest.mark.parametrize("found", [None, {}, {"data": None}, {"data": {"events": ""}, "binaryData": None}])
def test_no_ledger_is_an_empty_one(found: dict[str, Any] | None) -> None:
    assert _ledger.read_ledger(found) == Ledger()


def test_what_cannot_be_read_is_counted_and_the_rest_is_read() -> None:
    body = _ledger.contents(Ledger((staged(A), swapped(A))))
    first, second = body["data"]["events"].splitlines()
    damaged = ["{", "[]", '{"event": "staged"}']
    body["data"]["events"] = "\n".join([first, *damaged, second])
    body["binaryData"] = {"x.y": "no base64!"}
    found = _ledger.read_ledger(body)
    assert [each.event for each in found.events] == ["staged", "swapped"]
    assert found.damaged == 4


def test_a_full_ledger_keeps_the_newest_and_what_they_speak_of() -> None:
    kept = {A: b"a", B: b"b", C: b"c"}
    found = _ledger.trimmed(Ledger((*ABC,), kept), 2)
    assert [(each.event, each.release) for each in found.events] == [("staged", C), ("swapped", C)]
    assert set(found.kept) == {B, C}


def test_failures_push_no_way_back_out() -> None:
    """As many failed deploys in a row as a CI job that tries again and again makes."""
    failures = tuple(failed(D, run=f"run {number}") for number in range(60))
    full = _ledger.trimmed(Ledger((*ABC, *failures), {A: b"a", B: b"b", C: b"c", D: b"d"}), 50)
    assert len(full.events) == 50
    assert full.events[-1] == failures[-1]
    assert [each for each in full.events if each.event == "swapped"] == [
        each for each in ABC if each.event == "swapped"
    ]
    assert set(full.kept) == {A, B, C, D}
    assert _ledger.good_before(full.events, C) == [B, A]


@pytest.mark.parametrize("limit", [0, -5, 1])
def test_the_newest_event_is_always_kept(limit: int) -> None:
    assert _ledger.trimmed(Ledger((*ABC,), {}), limit).events == (ABC[-1],)
    assert _ledger.trimmed(Ledger((), {}), limit).events == ()


def test_a_ledger_never_outgrows_its_object() -> None:
    kept = {release: bytes(range(256)) * 4 for release in (A, B, C)}
    small = _ledger.trimmed(Ledger((*ABC,), kept), 50, size_limit=4_400)
    assert set(small.kept) == {C, B}
    tiny = _ledger.trimmed(Ledger((*ABC,), kept), 50, size_limit=1_900)
    assert set(tiny.kept) == {C}
    assert tiny.events[-1] == ABC[-1]
    assert len(tiny.events) < len(ABC)
    assert len(json.dumps(_ledger.contents(tiny))) <= 1_900


def test_the_history_has_a_row_a_run_newest_first() -> None:
    events = [
        event("staged", A, run="1"),
        event("swapped", A, run="1"),
        event("staged", B, run="2"),
        event("swapped", B, A, run="2"),
        event("failed", C, run="3", outcome="stage_failed", cause="image not found"),
        event("rollback", A, B, run="4"),
        event("rolled_back", A, B, run="4"),
    ]
    rows = _ledger.rows(Ledger(tuple(events), {A: b""}), A, None)
    assert [(row.commit, row.ended, row.live, row.kept) for row in rows] == [
        ("a", "rolled back from b", True, True),
        ("c", "stage_failed: image not found", False, False),
        ("b", "deployed", False, False),
        ("a", "deployed", False, True),
    ]
    assert {row.who for row in rows} == {"ada@lap"}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ({"user": "ada", "host": "lap"}, "ada@lap"),
        ({"user": "runner", "host": "pod", "awx_job": "17", "awx_user": "ada"}, "ada (AWX job 17)"),
        ({"user": "runner", "host": "pod", "awx_job": "17"}, "a schedule or webhook (AWX job 17)"),
    ],
)
def test_who_did_it(by: dict[str, str], expected: str) -> None:
    assert _ledger.who(by) == expected


@pytest.mark.parametrize(
    ("event", "details", "told"),
    [("swapped", {}, "deployed"), ("swapped", {"repairs": True}, "repaired"), ("staged", {}, "staged")],
)
def test_a_repair_is_no_deploy(event: str, details: dict[str, Any], told: str) -> None:
    release = Release("0012345", "m1")
    assert (
        _ledger.ended(Event(event, "2026-01-01T00:00:00+00:00", "r", release, "blue", details=details))
        == told
    )
