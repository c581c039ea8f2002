# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How the runs of several applications ended, as a table, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What needs somebody first stands first; what is not here went well.
_WORST = ("port_closed", "restored", "rolled_back", "check_failed", "stage_failed", "locked", "refused")
_HEAD = ("application", "from", "to", "outcome", "seconds", "gap", "why")


def table(results: Mapping[str, Mapping[str, Any]], width: int) -> list[str]:
    """``results`` are bluegreen_result's, by application. The last column is cut where it does not fit."""
    rows = [_row(app, results[app]) for app in sorted(results, key=lambda app: _rank(app, results[app]))]
    shown = [_HEAD, *rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(_HEAD))]
    return [_line(row, widths, width) for row in shown]


def _rank(app: str, result: Mapping[str, Any]) -> tuple[bool, int, str]:
    outcome = result["outcome"]
    place = _WORST.index(outcome) if outcome in _WORST else len(_WORST)
    return not result["reason"], place, app


def _row(app: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    gaps = dict(result["gap_ms"] or {})
    return (
        app,
        result["previous_commit"] or "-",
        result["commit"] or "-",
        result["outcome"],
        f"{result['seconds']['total']:.1f}",
        f"{max(gaps.values())} ms" if gaps else "-",
        (result["reason"] or "").partition("\n")[0],
    )


def _line(row: Sequence[str], widths: Sequence[int], width: int) -> str:
    line = "  ".join(cell.ljust(wide) for cell, wide in zip(row, widths)).rstrip()  # noqa: B905
    return line if len(line) <= width else f"{line[: width - 3]}..."
