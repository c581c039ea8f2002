# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.table import table


def ended(outcome: str, reason: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "commit": "2b2b2b2",
        "previous_commit": "1a1a1a1",
        "gap_ms": None,
        "seconds": {"total": 4.25},
        "reason": reason,
        **changes,
    }


def test_the_worst_is_first_and_every_application_is_there() -> None:
    results = {
        "cart": ended("deployed", gap_ms={"80": 120, "443": 158}),
        "blog": ended("unchanged", previous_commit=None),
        "shop": ended("stage_failed", "image not found\nand more"),
        "mail": ended("port_closed", "a port is closed"),
    }
    assert table(results, 120) == [
        "application  from     to       outcome       seconds  gap     why",
        "mail         1a1a1a1  2b2b2b2  port_closed   4.2      -       a port is closed",
        "shop         1a1a1a1  2b2b2b2  stage_failed  4.2      -       image not found",
        "blog         -        2b2b2b2  unchanged     4.2      -",
        "cart         1a1a1a1  2b2b2b2  deployed      4.2      158 ms",
    ]


def test_no_line_is_wider_than_the_terminal() -> None:
    lines = table({"shop": ended("refused", "x" * 200), "cart": ended("deployed")}, 80)
    assert max(map(len, lines)) == 80
    assert lines[1].endswith("xxx...")
