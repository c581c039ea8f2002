# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Which of two releases is the newer one, by a number or a time that only grows; a text in, a refusal out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    STAGED,
    SWAPPED,
    Event,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

# Instead of an order: whatever is live.
ANY = "any"

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Order:
    """``value`` compares with others of its ``kind``; of a time it is seconds since the epoch. ``text`` is as given."""

    text: str
    kind: str
    value: Decimal


def read_order(given: str | None) -> Order | None:
    """The order that was asked for; None where there is none to check. Raises InputError where it is neither kind."""
    text = (given or "").strip()
    if text.lower() in ("", ANY):
        return None
    order = _read(text)
    if order is None:
        raise InputError(
            f"bluegreen_order is '{text}': give a number (1207), an ISO 8601 time with its zone "
            "(2026-11-30T17:00:00Z), or any."
        )
    return order


def order_of(release: Release | None, events: Iterable[Event], noted: str) -> Order | None:
    """The order with which a release was deployed last, by the ledger; where that does not know, as ``noted`` on it."""
    told = [
        str(event.details["order"])
        for event in events
        if event.release == release and event.event in (STAGED, SWAPPED) and event.details.get("order")
    ]
    return _read((told or [noted])[-1])


def check_order(commit: str, order: Order | None, live: str, lives: Order | None) -> None:
    """Refuse a commit that is older than what is live. Without an order on both sides there is nothing to compare."""
    if order is None or lives is None:
        return
    all_the_same = f"deploy it all the same with -e bluegreen_order={ANY}"
    if order.kind != lives.kind:
        raise InputError(
            f"{commit} has order {order.text}, {order.kind}, but {live} is live with order {lives.text}, {lives.kind}, "
            f"and the two cannot be compared: give bluegreen_order as {lives.kind}, or {all_the_same}.",
            order=order.text,
            order_of_live=lives.text,
        )
    if order.value < lives.value:
        raise InputError(
            f"{commit} has order {order.text}, but {live} with order {lives.text} is live: it is the newer one and would be "
            f"overtaken; {all_the_same}.",
            order=order.text,
            order_of_live=lives.text,
        )


def _read(text: str) -> Order | None:
    if _NUMBER.fullmatch(text):
        return Order(text, "a number", Decimal(text))
    try:
        # Before Python 3.11 it does not know Z.
        time = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        return None
    return Order(text, "a time", Decimal(str(time.timestamp()))) if time.tzinfo else None
