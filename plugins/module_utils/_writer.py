# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Who writes an intent, and whether its writer is still there."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.octoblu.bluegreen.plugins.module_utils._intent import Intent, Move


def write_intent(color: str, moves: Sequence[Move], now: int) -> Intent:
    """An intent of this process; ``now`` is AWS's time, in seconds since the epoch."""
    return Intent(
        run=secrets.token_hex(4),
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        time=now,
        color=color,
        moves=tuple(moves),
    )


def writer_gone(intent: Intent) -> bool:
    """Whether the writer was a process of this host that has ended; False where that cannot be known."""
    if intent.host != socket.gethostname():
        return False
    return intent.pid == os.getpid() or not _runs(intent.pid)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a uid that has no name.
        return str(os.getuid())


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="ascii", errors="replace")
            .rpartition(")")[2]
            .split()[0]
        )
    except (OSError, IndexError):
        return True
    return state != "Z"
