# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Calls in threads: one that nobody has to wait for, one that is needed later, and several at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

# Signals that would end the process; from the delete of a listener until it is there again they wait.
HELD_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


class Apart:
    """``call`` in a thread of its own; ``on_error`` is handed, there, whatever it raised.

    A daemon thread, because an executor's are joined at exit: a hanging connection would keep the
    module from ending.
    """

    def __init__(self, call: Callable[[], object], on_error: Callable[[BaseException], object]) -> None:
        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - handed over, not handled
                on_error(error)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def join(self, seconds: float | None = None) -> bool:
        """Whether it has ended, after so many seconds at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call`` returns or raises; a TimeoutError, leaving it behind, when that takes too long."""
    return later(call)(seconds)


def later(call: Callable[[], T]) -> Callable[..., T]:
    """Begin ``call`` in a thread.

    What is returned waits for it, so many seconds at most where it is given any, and returns or raises
    what ``call`` did, or a TimeoutError.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        _block_held_signals()
        results.append(call())

    begun = Apart(run, errors.append)

    def get(seconds: float | None = None) -> T:
        if not begun.join(seconds):
            raise TimeoutError(f"no answer within {seconds:.0f} s")
        if errors:
            raise errors[0]
        # A process that was forked meanwhile does not have the thread.
        return results[0] if results else call()

    return get


def together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run calls in parallel and give their results in order; raises the first failure.

    No thread of it takes a signal which the swap holds back: a thread that has been joined may be there
    a little longer, and the system hands a process's signal to any thread that does not block it.
    """
    if len(calls) == 1:
        return [calls[0]()]
    with ThreadPoolExecutor(max_workers=min(len(calls), 10), initializer=_block_held_signals) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.result() for future in futures]


def _block_held_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
