# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run of Ansible is started: as a user does it, or by a process that has its libraries imported already."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

# Python and the C library read these before anything is imported.
_BEFORE_IMPORTS = ("PYTHON", "LC_", "LANG", "LD_", "GLIBC", "MALLOC", "OPENSSL")
_MESSAGE = 1 << 20


class Process(Protocol):
    """A run under way, in a session of its own; both of its outputs are one text."""

    pid: int

    @property
    def returncode(self) -> int | Any:
        raise NotImplementedError

    def communicate(self, *, timeout: float | None = None) -> tuple[str, Any]:
        raise NotImplementedError


class Starter(Protocol):
    def __call__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Process:
        raise NotImplementedError


def start_afresh(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Process:
    """As a user does it."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


class ForkServer:
    """Starts runs by ``fork_server.py``, which takes a third of a run's work off it.

    What it cannot stand in for, another Python or other values of what its libraries have read, is started as a user
    does it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket
        self._environment: dict[str, str]
        self._read: list[str]

    def close(self) -> None:
        if self._server:
            self._channel.close()
            self._server.wait()

    def __call__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Process:
        # Ansible would have read a configuration that lies in the folder.
        if not _is_ours(command[0]) or (folder / "ansible.cfg").exists():
            return start_afresh(command, folder, environment)
        with self._lock:
            if not self._server:
                self._begin(environment, folder)
            if not self._fits(environment):
                return start_afresh(command, folder, environment)
            output, given = os.pipe()
            with open(os.devnull) as nothing:
                asked = {"command": command, "folder": str(folder), "environment": environment}
                pid = self._ask(asked, [nothing.fileno(), given, given])
            os.close(given)
        return _Forked(self, pid, output, command)

    def ended(self, pid: int) -> int:
        """The code of a run that has ended; until this is asked nobody else gets its number."""
        with self._lock:
            return self._ask({"ended": pid})

    def _begin(self, environment: Mapping[str, str], folder: Path) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = dict(environment)
        self._server = subprocess.Popen(
            # The long word is the room for the arguments of a run.
            [sys.executable, str(Path(__file__).with_name("fork_server.py")), "-" * 8192],
            cwd=folder,
            stdin=theirs.fileno(),
            env=environment,
            start_new_session=True,
        )
        theirs.close()
        self._read = json.loads(self._channel.recv(_MESSAGE))

    def _fits(self, environment: Mapping[str, str]) -> bool:
        different = {
            name
            for name in {*self._environment, *environment}
            if self._environment.get(name) != environment.get(name)
        }
        return "*" not in self._read and not any(
            name in self._read or name.startswith(_BEFORE_IMPORTS) for name in different
        )

    def _ask(self, asked: Mapping[str, Any], files: Sequence[int] = ()) -> int:
        socket.send_fds(self._channel, [json.dumps(asked).encode()], files)
        return int(json.loads(self._channel.recv(_MESSAGE)))


def _is_ours(script: str) -> bool:
    """Whether a script is for the Python that runs the tests."""
    with open(script, "rb") as file:
        first = file.readline().decode()
    return first.startswith("#!") and Path(first[2:].strip()).parent == Path(sys.executable).parent


class _Forked:
    """What ``subprocess.Popen`` is for a process of one's own."""

    def __init__(self, server: ForkServer, pid: int, output: int, command: Sequence[str]) -> None:
        self._server, self.pid, self._output, self._command = server, pid, output, command
        self._ended = os.pidfd_open(pid)
        self._told = b""
        self.returncode: int | None = None

    def communicate(self, *, timeout: float | None = None) -> tuple[str, None]:
        deadline = None if timeout is None else time.monotonic() + timeout
        if self.returncode is None:
            while self._is_ready(self._output, deadline, timeout) and (
                more := os.read(self._output, 1 << 16)
            ):
                self._told += more
            self._is_ready(self._ended, deadline, timeout)
            self.returncode = self._server.ended(self.pid)
            os.close(self._output)
            os.close(self._ended)
        return self._told.decode().replace("\r\n", "\n").replace("\r", "\n"), None

    def _is_ready(self, file: int, deadline: float | None, timeout: float | None) -> bool:
        poll = select.poll()
        poll.register(file, select.POLLIN)
        if not poll.poll(None if deadline is None else max(0.0, 1000 * (deadline - time.monotonic()))):
            raise subprocess.TimeoutExpired(self._command, timeout or 0, self._told)
        return True
