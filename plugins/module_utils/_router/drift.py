# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The ways in which a router is not as it should be, each with a code and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

# What brings a router in order: any swap, one to the idle color, or one that is to repair or that resolves one that was
# cut off.
SWAP = "swap"
SWAP_TO_IDLE = "swap_to_idle"
REPAIR = "repair"


@dataclass(frozen=True)
class Drift:
    """One way in which the router is not as it should be.

    ``mended_by`` holds any of ``SWAP``, ``SWAP_TO_IDLE`` and ``REPAIR``; what nothing mends needs a person.
    ``next`` are the words of the command that does it, where which color is live cannot be told until then; C({blue}) and
    C({green}) in them stand for the color's node ports, as the kind wants to have them written.
    """

    code: str
    message: str
    mended_by: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
