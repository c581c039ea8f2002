# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ApiError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.classic import (
    HELD_SIGNALS,
    together,
)


def test_results_are_in_the_order_of_the_calls() -> None:
    assert together([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]


def test_the_first_failure_is_raised() -> None:
    def fail() -> None:
        raise ApiError("AddTags was refused", "AccessDenied")

    with pytest.raises(ApiError, match="AddTags was refused"):
        together([lambda: 1, fail])


def test_no_thread_takes_a_signal_that_the_swap_holds_back() -> None:
    def blocked() -> set[int]:
        return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    for held in together([blocked, blocked]):
        assert held >= set(HELD_SIGNALS)
