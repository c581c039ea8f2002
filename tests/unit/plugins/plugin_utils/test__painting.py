# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line of what runs: written over on a terminal, every ten seconds in a log, and gone before anything else is said."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator

import pytest

from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _painting
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._painting import Painter, tell


class Screen(io.StringIO):
    """What was written; ``wait`` returns when it holds something."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal
        self.news = threading.Condition()

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        with self.news:
            written = super().write(text)
            self.news.notify_all()
        return written

    def wait(self, wanted: str) -> None:
        with self.news:
            assert self.news.wait_for(lambda: wanted in self.getvalue(), timeout=20), self.getvalue()[:300]


@pytest.fixture(params=[True, False], ids=["terminal", "log"])
def painted(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Screen, Painter]]:
    screen = Screen(request.param)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(_painting, "_REDRAW", 0.01)
    monkeypatch.setattr(_painting, "_REPEAT", 0.05)
    painter = Painter(lambda host, text, seconds: f"{host}: {text}", 80, screen)
    yield screen, painter
    painter.close()


def test_what_a_forked_process_tells_is_shown_until_something_else_is(
    painted: tuple[Screen, Painter],
) -> None:
    screen, painter = painted
    painter.run("shop", "waiting", None)
    if (child := os.fork()) == 0:
        os._exit(0 if tell("shop", "1 of 2 ready") else 1)
    assert os.waitpid(child, 0)[1] == 0
    screen.wait("shop: 1 of 2 ready")
    painter.stop("shop")
    painter.show(["over"])
    assert screen.getvalue().endswith("\r\x1b[Kover\n" if screen.terminal else "\nover\n")


def test_a_log_has_no_control_characters(painted: tuple[Screen, Painter]) -> None:
    screen, painter = painted
    painter.run("shop", "waiting", None)
    screen.wait("shop: waiting")
    assert ("\x1b" in screen.getvalue()) is screen.terminal


def test_nobody_is_told_where_nobody_paints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_painting.CHANNEL, raising=False)
    assert not tell("shop", "1 of 2 ready")
