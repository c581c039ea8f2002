# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a person is shown at the end: a headline and a few lines, each with what it is about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Screen:
    """``lines`` are pairs of a label and a text; without a label a text stands for itself.

    ``good`` is its color, ``fails`` whether the run has failed.
    """

    head: str
    lines: tuple[tuple[str, str], ...] = ()
    good: bool = True
    fails: bool = False

    @property
    def texts(self) -> list[str]:
        """The lines, for those who show a list."""
        return [f"{label}: {text}" if label else text for label, text in self.lines]


@dataclass(frozen=True)
class Commands:
    """How what a person may do next is typed: with ``oops``, or with ansible-playbook."""

    oops: bool = False

    def __call__(self, action: str, typed: str = "") -> str:
        """``typed`` is the commit or the color that the action takes."""
        if self.oops:
            return f"oops {action} {typed}".rstrip()
        name = {"repair": "color"}.get(action, "commit")
        given = f" -e {name}={typed}" if typed else ""
        return f"ansible-playbook octoblu.bluegreen.{action}{given}"


def way_back(rollback: object) -> str:
    """What a rollback goes to, as release_plan says it, in words."""
    if not isinstance(rollback, dict):
        return "not known"
    if not rollback["to"]:
        return f"not possible, {rollback['reason']}"
    how = "brought up there again first" if rollback.get("redeploy") else "at once"
    return f"to {rollback['to']} on {rollback['color']}, {how}"
