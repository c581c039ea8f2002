# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Runs a call in a thread that nobody has to wait for.

Daemon threads of our own, because an executor's are joined at exit: a hanging connection would keep
the module from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Apart:
    """``call`` in a thread of its own; ``on_error`` is handed, there, whatever it raised."""

    def __init__(self, call: Callable[[], object], on_error: Callable[[BaseException], object]) -> None:
        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - handed over, not handled
                on_error(error)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)


def within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call`` returns or raises; a TimeoutError, leaving it behind, when that takes too long."""
    results: list[T] = []
    errors: list[BaseException] = []
    Apart(lambda: results.append(call()), errors.append).join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    return results[0]
