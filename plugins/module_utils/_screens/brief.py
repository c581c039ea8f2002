# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Screens and phases as lines of a terminal or a log, none wider than it, no word broken."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import Screen

GOOD, BAD = "\u2714", "\u2718"
_PHASE = 7
_OF_PHASES = ("took", "closed")


def without_phases(screen: Screen) -> Screen:
    """Without what the lines of the phases have said."""
    return replace(screen, lines=tuple(line for line in screen.lines if line[0] not in _OF_PHASES))


def verdict_lines(screen: Screen, width: int) -> list[str]:
    mark = GOOD if screen.good else BAD
    lines = wrapped(f"{mark} ", screen.head, width)
    labels = max((len(label) for label, _text in screen.lines if label), default=0)
    for label, text in screen.lines:
        # Of a table the columns are to stand below each other, however wide it is.
        if not label:
            lines.append(f"  {text}".rstrip())
            continue
        lines += wrapped(f"  {label}:".ljust(labels + 4), text, width)
    return lines


def phase_lines(app: str, phase: str, text: str, seconds: float | None, width: int) -> list[str]:
    """A phase that is over, or that runs, with the time that it has taken at the right."""
    took = "" if seconds is None else f"{seconds:.1f} s"
    lines = wrapped(f"{app}   {phase.ljust(_PHASE)}", text, width - (len(took) + 2 if took else 0))
    if took:
        lines[-1] = f"{lines[-1].ljust(width - len(took) - 2)}  {took}"
    return lines


def running_line(app: str, phase: str, text: str, seconds: float, width: int) -> str:
    """One line, cut where it does not fit: it is written over."""
    took = f"{seconds:.0f} s"
    room = width - len(took) - 3
    line = f"{app}   {phase.ljust(_PHASE)}{text}"
    line = line if len(line) <= room else f"{line[: room - 3]}..."
    return f"{line.ljust(room)}  {took}"


def wrapped(begin: str, text: str, width: int) -> list[str]:
    """A text behind its beginning, and below that where one line is not enough."""
    room = max(width - len(begin), 20)
    parts: Sequence[str] = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [(begin if at == 0 else " " * len(begin)) + part for at, part in enumerate(parts)]
