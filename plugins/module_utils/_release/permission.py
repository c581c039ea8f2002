# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Whether a release may be brought up now: not while a rollback holds the deploys, nor while they are frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    RELEASED,
    ROLLED_BACK,
    SWAPPED,
    Event,
    who,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

# What an expression that comes to nothing may look like as a text.
_NOTHING = ("", "false", "no", "none")


@dataclass(frozen=True)
class RollbackHold:
    """A rollback that holds the deploys of all: to ``release`` on ``color``, by whom, at what time (ISO 8601).

    Without a release it went to ``service``, ``<namespace>/<name>``, which is of no deploy.
    """

    by: str
    at: str
    left: str
    release: Release | None
    color: str
    service: str | None = None

    @property
    def to(self) -> str:
        return self.release.commit if self.release else f"Service {self.service}"

    @property
    def words(self) -> str:
        return f"{self.by} went back from {self.left} to {self.to} at {self.at}"

    @property
    def facts(self) -> dict[str, str]:
        return {"by": self.by, "at": self.at, "from": self.left, "to": self.to}


@dataclass(frozen=True)
class Asked:
    """What a run says of both: the reason why deploys are ``frozen``, why it goes on nevertheless (``thaw``), and whether
    it ``releases`` a hold by deploying another commit."""

    frozen: str = ""
    thaw: str = ""
    releases: bool = False


def read_asked(params: Mapping[str, Any]) -> Asked:
    return Asked(_reason(params["frozen"]), _reason(params["thaw"]), params["release_hold"])


def hold_of(events: Sequence[Event]) -> RollbackHold | None:
    """The hold that no release of it, and no move to something else, has ended since."""
    for event in reversed(events):
        if event.event in (RELEASED, SWAPPED):
            return None
        if event.event == ROLLED_BACK and event.left and event.details.get("hold"):
            left = event.left.commit
            return RollbackHold(who(event.by), event.at, left, event.release, event.color, event.service)
    return None


def check_frozen(asked: Asked) -> None:
    if asked.frozen and not asked.thaw:
        raise InputError(
            f"Deploys are frozen: {asked.frozen}. Wait, or go on nevertheless with -e bluegreen_thaw='<why>', which is "
            "written down; a rollback is always possible.",
            frozen=asked.frozen,
        )


def check_hold(asked: Asked, hold: RollbackHold | None, commit: str) -> None:
    """Refuse a release while a rollback holds the deploys; most of all the commit that it has left."""
    if hold is None or (asked.releases and commit != hold.left):
        return
    ways = "release the hold with release.yml"
    if commit != hold.left:
        ways += f", or deploy {commit} and end it with -e bluegreen_release=true"
    elif asked.releases:
        ways += " if that commit is to come again"
    raise InputError(
        f"Deploys are on hold: {hold.words}. Once it is clear what was wrong, {ways}.", hold=hold.words
    )


def _reason(given: str | None) -> str:
    text = (given or "").strip()
    return "" if text.lower() in _NOTHING else text
