"""The traffic that measures: what it counts, and whether it tells the truth."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

import pytest
from instances import WebServer, serving

from sandbox.traffic import Result, Sent, Traffic, summarize, who_answers

pytestmark = pytest.mark.sandbox


def sent(*outcomes: str) -> list[Sent]:
    """One request every 10 ms: `ok` or how it was lost."""
    return [
        Sent(number / 100, number / 100 + 0.001, *(("", 200, "a") if told == "ok" else (told, 0, "")))
        for number, told in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("outcomes", "gap_ms"),
    [
        (["ok", "ok", "ok"], 0),
        (["ok", "refused", "ok"], 10),
        (["ok", "refused", "reset", "timeout", "ok", "5xx", "ok"], 30),
        (["refused", "ok", "refused", "refused", "ok"], 20),
        (["ok", "refused", "refused", "refused"], 20),
        ([], 0),
    ],
)
def test_the_longest_gap(outcomes: list[str], gap_ms: float) -> None:
    result = summarize(sent(*outcomes))
    assert result.gap_ms == gap_ms
    assert result.requests == len(outcomes)
    assert sum(result.lost.values()) + sum(result.answered.values()) == len(outcomes)


def test_requests_are_ordered_by_their_start() -> None:
    assert summarize(reversed(sent("ok", "refused", "ok"))).gap_ms == 10


@pytest.mark.parametrize(
    ("body", "who"),
    [
        ("shop-blue-1\n", "shop-blue-1"),
        ('{"hostname": "shop-blue-1", "commit": "abc", "color": "blue"}', "abc"),
        ('{"hostname": "shop-blue-1", "commit": null}', "shop-blue-1"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_who_answers(body: str, who: str) -> None:
    assert who_answers(body) == who


@pytest.fixture
def address() -> str:
    # A port that is closed and opened again is nobody else's on an address of the process's own.
    return f"127.60.{os.getpid() % 250}.{os.getpid() // 250 % 250 + 1}"


def test_traffic_is_steady_and_tells_each_way_of_being_lost(address: str) -> None:
    with ExitStack() as stack:
        web = stack.enter_context(serving(WebServer(address)))
        with Traffic(f"http://{address}:{web.port}/x?y=z", rate=100, who=lambda body: "web") as traffic:
            steady_from = traffic.mark()
            _pass(1.0)
            steady_until = traffic.mark()
            # Taken before the change: what is under way then belongs to neither.
            result = traffic.result(steady_from, steady_until)
            web.status = 500
            _pass(0.3)
        assert result.lost == {}
        assert result.gap_ms == 0
        assert result.answered == {"web": result.requests}
        assert 90 <= result.requests <= 110
        assert traffic.result(steady_until).lost.keys() == {"5xx"}


def test_a_port_that_is_closed_for_a_while_is_a_gap_of_that_length(address: str) -> None:
    with ExitStack() as stack:
        web = stack.enter_context(serving(WebServer(address)))
        with Traffic(f"http://{address}:{web.port}/", rate=200) as traffic:
            _pass(0.2)
            web.shutdown()
            web.server_close()
            closed = time.monotonic()
            _pass(0.4)
            again = WebServer(address, web.port)
            opened = time.monotonic()
            stack.enter_context(serving(again))
            _pass(0.2)
        result: Result = traffic.result()
        assert set(result.lost) <= {"refused", "reset"}
        assert result.gap_ms == pytest.approx(1000 * (opened - closed), abs=60)


def _pass(seconds: float) -> None:
    """Time that traffic flows in is what these tests are made of."""
    time.sleep(seconds)
