# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin utility is private to octoblu.bluegreen and may change at any time.

"""Writes lines to standard output, and below them one that says what runs, which is written over.

The processes that Ansible forks for tasks send what they have to say through a pipe. In a log nothing can be written over:
there it is a line of its own, every ten seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence

# The number of the pipe's end that is written to, for the processes that are forked.
CHANNEL = "BLUEGREEN_PROGRESS"
_REDRAW, _REPEAT = 1.0, 10.0


def tell(host: str, line: str) -> bool:
    """Send a line to whoever paints; False where nobody does."""
    number = os.environ.get(CHANNEL)
    if number is None:
        return False
    with contextlib.suppress(OSError):
        os.write(int(number), (json.dumps({"host": host, "line": line[:1000]}) + "\n").encode())
    return True


class Painter:
    """``running(host, text, seconds)`` makes the line of what runs."""

    def __init__(self, running: Callable[[str, str, float], str], width: int) -> None:
        self._make = running
        self._width = width
        self._terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, float]] = {}
        self._told: dict[str, float] = {}
        self._drawn = False
        self._reader, self._writer = os.pipe()
        os.environ[CHANNEL] = str(self._writer)
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def run(self, host: str, text: str, began: float | None) -> None:
        """Say that something runs, and since when."""
        with self._lock:
            self._running[host] = (text, began if began is not None else time.monotonic())
            self._told.setdefault(host, time.monotonic())
            if self._terminal:
                self._draw()

    def stop(self, host: str) -> None:
        with self._lock:
            self._running.pop(host, None)
            self._told.pop(host, None)
            self._erase()

    def show(self, lines: Sequence[str]) -> None:
        with self._lock:
            self._erase()
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()

    def close(self) -> None:
        if self._process != os.getpid() or self._writer < 0:
            return
        os.environ.pop(CHANNEL, None)
        os.close(self._writer)
        self._writer = -1
        self._thread.join(1)
        with self._lock:
            self._erase()

    def _listen(self) -> None:
        rest = b""
        while True:
            ready, _w, _x = select.select([self._reader], [], [], _REDRAW)
            if ready:
                read = os.read(self._reader, 65536)
                if not read:
                    return
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    self._take_in(line)
            with self._lock:
                if self._terminal:
                    self._draw()
                else:
                    self._repeat()

    def _take_in(self, line: bytes) -> None:
        news = json.loads(line)
        with self._lock:
            if news["host"] in self._running:
                self._running[news["host"]] = (news["line"], self._running[news["host"]][1])

    def _repeat(self) -> None:
        now = time.monotonic()
        for host, (text, began) in self._running.items():
            if now - self._told.get(host, began) >= _REPEAT:
                self._told[host] = now
                sys.stdout.write(self._make(host, text, now - began).rstrip() + "\n")
                sys.stdout.flush()

    def _draw(self) -> None:
        if not self._running:
            return
        host, (text, began) = next(reversed(self._running.items()))
        line = self._make(host, text, time.monotonic() - began)
        sys.stdout.write(f"\r{line[: self._width - 1]}\x1b[K")
        sys.stdout.flush()
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
            self._drawn = False
