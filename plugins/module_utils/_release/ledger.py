# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The ledger of an application: what happened to its releases, and what of them is kept, in one ConfigMap.

Only events are stored. What is good, bad, superseded or to go back to is derived from them; what is
live, from the router.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

Object = dict[str, Any]

# Events of a release, of a move of traffic, and of what is to become of one.
STAGED, FAILED = "staged", "failed"
SWAPPED, ROLLBACK, ROLLED_BACK = "swapped", "rollback", "rolled_back"
RETIRED = "retired"
# The end of a hold that a rollback has put on deploys.
RELEASED = "released"
_MOVES = (SWAPPED, ROLLED_BACK)

# An object may have 1 MiB altogether; the rest is for its metadata:
# https://kubernetes.io/docs/concepts/configuration/configmap/
SIZE_LIMIT = 900_000

_EVENTS = "events"


@dataclass(frozen=True)
class Event:
    """One line of the ledger.

    ``release`` is what was staged or failed, or what served afterwards, None where that is the ``service``
    (``<namespace>/<name>``) of no deploy; ``left`` is what served before, None where that was of no deploy. ``at`` is
    UTC in ISO 8601. ``by`` says who (user, host, AWX job and user), ``details`` whatever else is known: images, seconds, gap_ms, cause, order.
    """

    event: str
    at: str
    run: str
    release: Release | None
    color: str
    left: Release | None = None
    by: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    service: str | None = None


@dataclass(frozen=True)
class Ledger:
    """``events`` are oldest first; ``kept`` are packed manifests; ``damaged`` counts lines that could not be read."""

    events: tuple[Event, ...] = ()
    kept: Mapping[Release, bytes] = field(default_factory=dict)
    damaged: int = 0

    def with_event(self, event: Event) -> Ledger:
        return replace(self, events=(*self.events, event))


@dataclass(frozen=True)
class Kept:
    """A release's objects by color as they were rendered; ``secrets`` are the names that were left out, by color."""

    objects: Mapping[str, tuple[Object, ...]]
    secrets: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Row:
    """One run as a person wants to read of it. ``ended`` is a word and, behind a colon, a cause."""

    commit: str
    color: str
    at: str
    who: str
    ended: str
    live: bool
    rollback: bool
    kept: bool


def name_of_ledger(app: str) -> str:
    """The name of the ConfigMap."""
    return f"{app}-releases"


def read_ledger(config_map: Mapping[str, Any] | None) -> Ledger:
    """The ledger in a ConfigMap, an empty one where there is none; what cannot be read is counted, not raised."""
    found = config_map or {}
    events: list[Event] = []
    damaged = 0
    for line in str((found.get("data") or {}).get(_EVENTS) or "").splitlines():
        try:
            events.append(_decoded(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            damaged += 1
    kept: dict[Release, bytes] = {}
    for key, text in (found.get("binaryData") or {}).items():
        commit, _dot, manifest = key.rpartition(".")
        try:
            kept[Release(commit, manifest)] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError, TypeError):
            damaged += 1
    return Ledger(tuple(events), kept, damaged)


def contents(ledger: Ledger) -> Object:
    """``data`` and ``binaryData`` of its ConfigMap."""
    lines = [json.dumps(_encoded(event), sort_keys=True) for event in ledger.events]
    return {
        "data": {_EVENTS: "".join(f"{line}\n" for line in lines)},
        "binaryData": {
            _key(release): base64.b64encode(blob).decode() for release, blob in ledger.kept.items()
        },
    }


def trimmed(ledger: Ledger, limit: int, size_limit: int = SIZE_LIMIT) -> Ledger:
    """The newest ``limit`` events, and the manifests of releases that they tell of, within the size of an object.

    A fifth of the limit is for the newest moves of the traffic and ends of holds, so that failures push no way back out.

    Where it is too large the oldest release's manifests go first, and then the oldest events; the
    newest release's and the newest event stay.
    """
    events = _newest(ledger.events, max(limit, 1))
    order = _newest_first(events)
    kept = {release: ledger.kept[release] for release in order if release in ledger.kept}
    while len(kept) > 1 and _size(Ledger(events, kept)) > size_limit:
        kept.popitem()
    while len(events) > 1 and _size(Ledger(events, kept)) > size_limit:
        events = events[1:]
    return Ledger(events, kept)


def _newest(events: tuple[Event, ...], limit: int) -> tuple[Event, ...]:
    if not events:
        return ()
    moves = [number for number, event in enumerate(events) if event.event in (*_MOVES, RELEASED)]
    held = {len(events) - 1, *moves[max(len(moves) - limit // 5, 0) :]}
    others = [number for number in range(len(events)) if number not in held]
    room = max(limit - len(held), 0)
    chosen = sorted({*held, *others[max(len(others) - room, 0) :]})
    return tuple(events[number] for number in chosen[-limit:])


def pack(objects: Mapping[str, Sequence[Object]]) -> str:
    """A release's objects by color as text to be kept, without its Secrets."""
    body = {
        color: {
            "objects": [entry for entry in entries if entry["kind"] != "Secret"],
            "secrets": sorted(entry["metadata"]["name"] for entry in entries if entry["kind"] == "Secret"),
        }
        for color, entries in objects.items()
    }
    text = json.dumps(body, sort_keys=True, default=str)
    # Without a time, so that the same objects give the same text.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def unpack(blob: bytes) -> Kept | None:
    """What ``pack`` made; None when it is damaged."""
    try:
        body = json.loads(gzip.decompress(blob))
        return Kept(
            {color: tuple(each["objects"]) for color, each in body.items()},
            {color: tuple(each["secrets"]) for color, each in body.items()},
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        return None


def releases_served(events: Iterable[Event]) -> list[Release]:
    """The releases that served, one after the other."""
    served: list[Release] = []
    for event in events:
        if event.event in _MOVES:
            for release in (event.left, event.release):
                if release is not None and served[-1:] != [release]:
                    served.append(release)
    return served


def bad(events: Sequence[Event], live: Release | None = None) -> set[Release]:
    """The releases that a rollback has left or that failed to be staged, and that nobody has staged well since."""
    found: set[Release] = set()
    for event in events:
        if event.event == FAILED and event.release and event.details.get("bad"):
            found.add(event.release)
        elif event.event == ROLLED_BACK and event.left:
            found.add(event.left)
        elif event.event in (STAGED, SWAPPED) and event.release:
            found.discard(event.release)
    cut_off = unfinished_rollback(events, live)
    if cut_off and cut_off.left:
        found.add(cut_off.left)
    return found


def good_before(events: Sequence[Event], leaving: Release | None) -> list[Release]:
    """What served before ``leaving`` and was not bad, newest first.

    "Before" is before it went live the last time, so that rollback after rollback goes further
    back and never forward. Empty where the ledger does not know of ``leaving``.
    """
    served = releases_served(events)
    if leaving is None or leaving not in served:
        return []
    last = len(served) - 1 - served[::-1].index(leaving)
    excluded = bad(events, leaving) | {leaving}
    return [release for release in dict.fromkeys(reversed(served[:last])) if release not in excluded]


def unfinished_rollback(events: Sequence[Event], live: Release | None) -> Event | None:
    """A rollback whose release is live although nobody has written that it ended: only that is left to do."""
    for event in reversed(events):
        if event.event in _MOVES:
            return None
        if event.event == ROLLBACK:
            return event if event.release == live else None
    return None


def last_move(events: Sequence[Event]) -> Event | None:
    return next((event for event in reversed(events) if event.event in _MOVES), None)


def what(event: Event) -> str:
    """The commit that an event is about, or the Service of no deploy."""
    return event.release.commit if event.release else f"Service {event.service}"


def rows(ledger: Ledger, live: Release | str | None, rollback: str | None) -> list[Row]:
    """The history, a row a run, newest first.

    ``live`` is the release that is, or the Service of no deploy; ``rollback`` the commit that a rollback would go to.
    """
    runs: dict[str, Event] = {}
    for event in ledger.events:
        runs.pop(event.run, None)
        runs[event.run] = event
    found = []
    marked: set[str] = set()
    for event in reversed(runs.values()):
        is_live = (event.release or event.service) == live and "live" not in marked
        is_back = what(event) == rollback and not is_live and "rollback" not in marked
        marked |= {"live"} if is_live else {"rollback"} if is_back else set()
        found.append(
            Row(
                what(event),
                event.color,
                event.at,
                who(event.by),
                ended(event),
                is_live,
                is_back,
                event.release in ledger.kept,
            )
        )
    return found


def last_gap(events: Sequence[Event]) -> int | None:
    """For how many milliseconds a port was closed by the last swap that is known."""
    gaps = next((event.details["gap_ms"] for event in reversed(events) if event.details.get("gap_ms")), None)
    return max(map(int, gaps.values())) if gaps else None


def ended(event: Event) -> str:
    """How a run ended whose last event this is."""
    if event.event == FAILED:
        return (
            f"{event.details.get('outcome') or FAILED}: {event.details.get('cause') or 'no cause is known'}"
        )
    if event.event == ROLLBACK:
        return f"rollback{_from(event)}, cut off"
    if event.event == ROLLED_BACK:
        return f"rolled back{_from(event)}"
    if event.event == SWAPPED and event.details.get("repairs"):
        return "repaired"
    return {SWAPPED: "deployed", RELEASED: "hold released"}.get(event.event, event.event)


def who(by: Mapping[str, str]) -> str:
    """Who did it, for a person: ``ada (AWX job 17)`` or ``ada@laptop``."""
    if by.get("awx_job"):
        return f"{by.get('awx_user') or 'a schedule or webhook'} (AWX job {by['awx_job']})"
    return f"{by.get('user', '?')}@{by.get('host', '?')}"


def _from(event: Event) -> str:
    return f" from {event.left.commit}" if event.left else ""


def _newest_first(events: Sequence[Event]) -> dict[Release, None]:
    ordered: dict[Release, None] = {}
    for event in reversed(events):
        for release in (event.release, event.left):
            if release is not None:
                ordered.setdefault(release)
    return ordered


def _key(release: Release) -> str:
    return f"{release.commit}.{release.manifest}"


def _size(ledger: Ledger) -> int:
    return len(json.dumps(contents(ledger)))


def _encoded(event: Event) -> Object:
    body: Object = {
        "event": event.event,
        "at": event.at,
        "run": event.run,
        "color": event.color,
        "by": dict(event.by),
        **event.details,
    }
    if event.release:
        body |= {"commit": event.release.commit, "manifest": event.release.manifest}
    if event.service:
        body["service"] = event.service
    if event.left:
        body["from"] = {"commit": event.left.commit, "manifest": event.left.manifest}
    return body


def _decoded(body: Object) -> Event:
    left = body.pop("from", None)
    service = body.pop("service", None)
    release = None if service else Release(str(body.pop("commit")), str(body.pop("manifest")))
    return Event(
        event=str(body.pop("event")),
        at=str(body.pop("at")),
        run=str(body.pop("run")),
        release=release,
        color=str(body.pop("color")),
        left=Release(str(left["commit"]), str(left["manifest"])) if left else None,
        service=str(service) if service else None,
        by=dict(body.pop("by")),
        details=body,
    )
