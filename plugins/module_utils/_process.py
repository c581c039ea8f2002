# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Which process this is, and whether another one is still there."""

from __future__ import annotations

import getpass
import hashlib
import os
import secrets
import socket
from pathlib import Path

# Characters of a run's own id; the mark of its machine follows.
_RUN = 8


def new_run() -> str:
    """An id for what this process begins now, with the mark of its machine."""
    return secrets.token_hex(_RUN // 2) + _mark()


def run_gone(host: str, run: str, pid: int) -> bool:
    """Whether a run was of a process of this host that has ended; False where that cannot be known."""
    # Where a machine has no mark to tell it by, its name has to do.
    if host != socket.gethostname() or run[_RUN:] not in ("", _mark()):
        return False
    return pid == os.getpid() or not _runs(pid)


def user_and_host() -> tuple[str, str]:
    return _user(), socket.gethostname()


def controller() -> str:
    """The process that this run lives and dies with, as ``process_gone`` reads it; empty where none is found.

    That is ``ansible-playbook``, not the process that it forks for a task or that a module gets.
    """
    found = 0
    pid = os.getpid()
    while pid > 1:
        if _is_ansible(pid):
            found = pid
        elif found:
            break
        pid = _parent(pid)
    return f"{_machine()}/{found}/{_stat(found)[19]}" if found else ""


def process_gone(host: str, process: str) -> bool:
    """Whether a process was one of this host that has ended; False where that cannot be known."""
    machine, _slash, rest = process.partition("/")
    pid, _slash, started = rest.partition("/")
    if host != socket.gethostname() or not machine or machine != _machine() or not pid.isdecimal():
        return False
    stat = _stat(int(pid))
    # Its number may have been given to another process since.
    return not _runs(int(pid)) or (bool(stat) and stat[19] != started)


def _is_ansible(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:2]
    except OSError:
        return False
    return any(os.path.basename(word) in (b"ansible-playbook", b"ansible") for word in words)


def _parent(pid: int) -> int:
    stat = _stat(pid)
    return int(stat[1]) if stat else 0


def _machine() -> str:
    """This boot of this machine and the process namespace; empty where that cannot be told.

    Machines that were cloned, and containers, may have one host name and count their processes alike.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}.{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
    except OSError:
        return ""


def _mark() -> str:
    """The same, short enough for a tag."""
    machine = _machine()
    return hashlib.sha256(machine.encode()).hexdigest()[:8] if machine else ""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on (proc(5)); empty where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


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
    return _stat(pid)[:1] != ["Z"]
