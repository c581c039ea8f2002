from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ApiError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import (
    HELD_SIGNALS,
    Apart,
    later,
    together,
    within,
)


def test_what_it_returns() -> None:
    assert within(5, lambda: 3) == 3
    assert within(5, lambda: None) is None


def test_what_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_what_takes_too_long_is_left_behind() -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer within"):
        within(0.05, release.wait)
    assert time.monotonic() - started < 5
    release.set()


def test_an_error_is_handed_over() -> None:
    errors: list[BaseException] = []
    Apart(lambda: 1 / 0, errors.append).join(5)
    assert isinstance(errors[0], ZeroDivisionError)


def test_what_is_needed_later_has_begun_already() -> None:
    begun, release = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        release.wait()
        return 3

    get = later(slow)
    assert begun.wait(5)
    release.set()
    assert (get(), get()) == (3, 3)


def test_what_is_needed_later_raises_when_it_is_needed() -> None:
    get = later(lambda: 1 / 0)
    for _time in range(2):
        with pytest.raises(ZeroDivisionError):
            get()


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_begins_anew() -> None:
    here, release = os.getpid(), threading.Event()

    def slow() -> int:
        if os.getpid() == here:
            release.wait()
        return os.getpid()

    get = later(slow)
    child = os.fork()
    if child == 0:
        os._exit(0 if get() == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
    release.set()
    assert get() == here


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

    for held in [*together([blocked, blocked]), later(blocked)()]:
        assert held >= set(HELD_SIGNALS)
