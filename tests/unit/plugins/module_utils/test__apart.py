from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._apart import Apart, within


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
