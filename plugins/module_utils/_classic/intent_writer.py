# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Who writes an intent, and whether its process is still there."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Intent, Move
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import (
    new_run,
    run_gone,
    user_and_host,
)


def write_intent(color: str, moves: Sequence[Move], now: int) -> Intent:
    """An intent of this process; ``now`` is AWS's time, in seconds since the epoch."""
    user, host = user_and_host()
    return Intent(
        run=new_run(), user=user, host=host, pid=os.getpid(), time=now, color=color, moves=tuple(moves)
    )


def writer_gone(intent: Intent) -> bool:
    """Whether the writer was a process of this host that has ended; False where that cannot be known."""
    return run_gone(intent.host, intent.run, intent.pid)
