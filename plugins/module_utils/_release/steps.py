# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The steps that carry a decision out: a decision and what it finds in, steps in their order out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    move_written,
    moves,
)

Step = dict[str, Any]

# What applying may take beside the pods' own time, in seconds.
_BESIDE_READY = 120
# A way back breaks into what others do, but for a swap: that is short, and is waited for.
_MAY_BE_BROKEN_INTO = ["stage", "checks", "hook"]
_SWAP_HAS_ENDED = 150
_CARRIED_OUT = ("stage", "scale", "swap", "complete")

# Steps that the role does one after the other with one file of tasks; any other step has a file of its own.
_FILES = {
    "deploy": ("bring_up", "check", "settle", "mark", "swap", "record"),
    "stage": ("bring_up", "check", "settle", "mark"),
    "switch": ("check", "settle", "begin_swap", "swap", "record"),
    "rollback": ("check", "settle", "announce", "swap", "record"),
}


@dataclass(frozen=True)
class Scene:
    """What the steps hang on beside the decision.

    ``smoke`` says that somebody is to be asked, ``settles`` that there is something whose readiness lasts;
    ``follows`` that a preview of its own shows the idle color, ``shows`` that a port of the router does; ``moments``
    are those that have hooks. A swap watches what is in service for ``watch`` seconds.
    """

    goal: str
    live: str | None
    smoke: bool = True
    settles: bool = True
    follows: bool = False
    shows: bool = False
    locked: bool = False
    moments: Collection[str] = ()
    ready_timeout: int = 300
    watch: int = 0

    @property
    def back(self) -> bool:
        return self.goal == "rollback"

    @property
    def lock_seconds(self) -> dict[str, int]:
        """How long a run may be silent in a phase before its lock is nobody's."""
        return {"stage": self.ready_timeout + _BESIDE_READY, "checks": 120, "swap": 120 + self.watch}


def lock_taken(decision: Decision, scene: Scene) -> Step | None:
    """The options with which the role takes the lock: where only the router changes, for the checks at once.

    ``wait`` are the seconds for which it is waited for at least. None where it is not needed.
    """
    if decision.action in ("unchanged", "preview"):
        return None
    phase = "checks" if decision.action == "swap" else "stage"
    breaks_in = scene.goal in ("rollback", "repair")
    return {
        "phase": phase,
        "seconds": scene.lock_seconds[phase],
        "take_from": _MAY_BE_BROKEN_INTO if breaks_in else [],
        "wait": _SWAP_HAS_ENDED + scene.watch if breaks_in else 0,
    }


def steps(decision: Decision, scene: Scene) -> tuple[Step, ...]:
    """What is done under the lock, one after the other; each has its name in ``do``.

    A ``hook`` has its ``moment``. ``check`` says whether the phase of the checks ``begins`` with it, ``mark`` which
    phase does, in ``lock``; ``mark`` and ``record`` say whether it ``frees`` the lock. ``record`` has its ``event``.
    """
    if decision.action in ("resolve", "wait"):
        return ({"do": "look_again"},)
    if decision.action == "retire":
        return ({"do": "retire"},)
    if decision.action == "release":
        return ({"do": "release"},)
    if scene.goal == "preview":
        return tuple(_previewing(scene))
    done = tuple(_steps(decision, scene)) if decision.action in _CARRIED_OUT else ()
    freed = any(step.get("frees") for step in done)
    held = decision.action in _CARRIED_OUT or scene.locked
    return done if freed or not held else (*done, {"do": "free"})


def files(steps: Sequence[Step]) -> list[dict[str, str]]:
    """The role's files of tasks that do the steps: each has its ``file``, and a hook its ``moment``."""
    names = [step["do"] for step in steps]
    found: list[dict[str, str]] = []
    at = 0
    while at < len(names):
        fit = [
            (len(does), file) for file, does in _FILES.items() if tuple(names[at : at + len(does)]) == does
        ]
        length, file = max(fit, default=(1, names[at]))
        moment = {"moment": steps[at]["moment"]} if "moment" in steps[at] else {}
        found.append({"file": file, **moment})
        at += length
    return found


def details(steps: Sequence[Step]) -> dict[str, dict[str, Any]]:
    """What each step is told, by its name."""
    return {step["do"]: {key: value for key, value in step.items() if key != "do"} for step in steps}


def _previewing(scene: Scene) -> Iterator[Step]:
    if scene.shows:
        yield {"do": "preview"}
    if scene.follows:
        yield {"do": "follow"}


def _steps(decision: Decision, scene: Scene) -> Iterator[Step]:
    action = decision.action
    brings_up = action in ("stage", "scale")
    swaps = moves(scene.goal, decision)
    before_swap = scene.goal in ("deploy", "switch") and "before_swap" in scene.moments
    # Where nothing comes between the proof and the swap, the mark of the one begins the phase of the other.
    mark_begins = swaps and action == "stage" and not before_swap and not scene.back

    if not scene.back and brings_up and "before_stage" in scene.moments:
        yield {"do": "hook", "moment": "before_stage"}
        yield {"do": "begin_stage"}
    if brings_up:
        yield {"do": "bring_up" if action == "stage" else "scale_up"}
    if scene.smoke and action != "complete":
        # The lock was taken for the checks where nothing had to be brought up; it may have been waited for since.
        yield {"do": "check", "begins": action != "swap" or scene.locked}
    if not scene.back and action == "stage" and "after_stage" in scene.moments:
        yield {"do": "hook", "moment": "after_stage"}
    if scene.settles and action != "complete":
        yield {"do": "settle"}
    if action == "stage":
        phase = {"phase": "swap", "seconds": scene.lock_seconds["swap"]} if mark_begins else {}
        yield {"do": "mark", "lock": phase, "frees": scene.goal == "stage"}
    if before_swap:
        yield {"do": "hook", "moment": "before_swap"}
        if scene.settles:
            yield {"do": "settle"}
    if swaps and not mark_begins:
        yield {"do": "announce" if scene.back else "begin_swap"}
    if swaps:
        yield {"do": "swap"}
    yield from _after(decision, scene)


def _after(decision: Decision, scene: Scene) -> Iterator[Step]:
    moment = "after_rollback" if scene.back else "after_swap"
    hooked = moment in scene.moments
    event = move_written(scene.goal, decision, scene.live)
    if event:
        yield {"do": "record", "event": event, "frees": not (scene.follows or hooked)}
    if scene.goal != "stage" and scene.follows:
        yield {"do": "follow"}
    if scene.goal != "stage" and hooked:
        yield {"do": "hook", "moment": moment}
