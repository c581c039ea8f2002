# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The runs that the ledger knows, as a table for a person."""

from __future__ import annotations

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import (
    Returned,
    Run,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import (
    Screen,
)

# A cause that is longer is cut; -v and the ledger have the whole.
_ENDED_LENGTH = 60


def history(run: Run) -> Screen:
    """For ``list``: oldest first, because the end of a long one is what is seen."""
    rows = list(reversed(run.plan.get("history") or []))
    if not rows:
        return Screen(f"{run.asked.app}: the ledger is empty")
    rows = rows[-run.asked.list_limit :]
    head = ("", "commit", "color", "when", "who", "ended")
    table = [head, *(_row(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()  # noqa: B905
        for row in table
    ]
    return Screen(
        f"{run.asked.app}: {len(rows)} run{'s' if len(rows) > 1 else ''}", tuple(("", line) for line in lines)
    )


def _row(row: Returned) -> tuple[str, ...]:
    mark = "live" if row["live"] else "back" if row["rollback"] else ""
    kept = "" if row["kept"] or row["live"] else " (manifests not kept)"
    ended = row["ended"] if len(row["ended"]) <= _ENDED_LENGTH else f"{row['ended'][: _ENDED_LENGTH - 3]}..."
    return mark, row["commit"], row["color"], row["at"], row["who"], ended + kept
