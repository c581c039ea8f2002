# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The ways in which a router is not as it should be, each with a code and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

# What a swap that was cut off may leave, and `repair` mends by itself; the other codes need a person.
REPAIRABLE = frozenset(
    {
        "mixed",
        "listener_missing",
        "unknown_port",
        "health_check_on_idle",
        "policy_missing",
        "swap_interrupted",
    }
)


@dataclass(frozen=True)
class Drift:
    """One way in which the router is not as it should be."""

    code: str
    message: str
