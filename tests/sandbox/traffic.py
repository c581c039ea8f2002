"""Steady traffic on a URL, and what became of each request.

The load is open-loop: a request begins every 1/rate seconds on a connection of its own, whatever became of
the ones before it. It is made in a process of its own, so that nothing the test does slows it down:

    with Traffic("http://127.0.1.1:10080/", rate=100) as traffic:
        ...
    print(traffic.result())
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 5.0
_BODY_LIMIT = 1000
_TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Sent:
    """One request. `start` and `end` are of `time.monotonic()`, which all processes share.

    `lost` is empty for an answer below 500, else `refused`, `reset`, `timeout` or `5xx`.
    """

    start: float
    end: float
    lost: str
    status: int
    body: str


@dataclass(frozen=True)
class Result:
    """`answered` counts by who answered, `lost` by how it was lost.

    A gap begins when a request that is lost starts, and ends when the next one that is answered starts;
    `gap_ms` is the longest. It is true to one interval of the rate at either end. One that nothing ended
    counts until the start of the last request.
    """

    requests: int
    answered: dict[str, int]
    lost: dict[str, int]
    gap_ms: float


def who_answers(body: str) -> str:
    """Of the JSON that an application tells of itself the commit or the host's name, else the text."""
    try:
        told = json.loads(body)
    except ValueError:
        return body.strip()
    if not isinstance(told, dict):
        return body.strip()
    return str(next((told[key] for key in ("commit", "version", "hostname") if told.get(key)), told))


def summarize(sent: Iterable[Sent], who: Callable[[str], str] = who_answers) -> Result:
    ordered = sorted(sent, key=lambda each: each.start)
    return Result(
        requests=len(ordered),
        answered=dict(Counter(who(each.body) for each in ordered if not each.lost)),
        lost=dict(Counter(each.lost for each in ordered if each.lost)),
        gap_ms=round(1000 * _longest_gap(ordered), 1),
    )


def _longest_gap(ordered: Iterable[Sent]) -> float:
    longest, began, last = 0.0, None, 0.0
    for each in ordered:
        last = each.start
        if each.lost and began is None:
            began = each.start
        elif not each.lost and began is not None:
            longest = max(longest, each.start - began)
            began = None
    return longest if began is None else max(longest, last - began)


class Traffic:
    def __init__(self, url: str, rate: float, who: Callable[[str], str] = who_answers):
        """`rate` is in requests a second; `who` tells from an answer's body who gave it."""
        self._url = url
        self._rate = rate
        self._who = who
        self._file: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the first request has started."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.traffic", self._url, str(self._rate), str(self._file.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._file.fileno()],
            env={**os.environ, "PYTHONPATH": str(_TESTS)},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"The traffic on {self._url} did not start; its process says above why.")

    def stop(self) -> None:
        """Start no more requests, and wait for those that are under way. `result` stays available."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def mark(self) -> float:
        """This moment, for `result`."""
        return time.monotonic()

    def result(self, since: float = 0.0, until: float = float("inf")) -> Result:
        """Of the requests that started between the two marks and have ended."""
        return summarize((each for each in self.sent() if since <= each.start < until), self._who)

    def sent(self) -> list[Sent]:
        """Every request that has ended until now."""
        assert self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        lines = os.pread(self._file.fileno(), size, 0).splitlines(keepends=True)
        return [Sent(*json.loads(line)) for line in lines if line.endswith(b"\n")]


class _Load:
    """The traffic itself, in its own process."""

    def __init__(self, url: str, rate: float, output: int):
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = ssl._create_unverified_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._request = (
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: sandbox-traffic\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n"
        ).encode()
        self._interval = 1 / rate
        self._output = output
        self._over = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._over.set)
        stdin = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
        ending = loop.create_task(stdin.read())
        ending.add_done_callback(lambda _unused: self._over.set())
        async with asyncio.TaskGroup() as under_way:
            begin = loop.time()
            number = 0
            while not self._over.is_set():
                under_way.create_task(self._send())
                if number == 0:
                    print("started", flush=True)
                number += 1
                await self._sleep_until(begin + number * self._interval)

    async def _sleep_until(self, moment: float) -> None:
        try:
            async with asyncio.timeout_at(moment):
                await self._over.wait()
        except TimeoutError:
            pass

    async def _send(self) -> None:
        start = time.monotonic()
        lost, status, body = "", 0, ""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status, body = await self._exchange()
            lost = "5xx" if status >= 500 else ""
        except TimeoutError:
            lost = "timeout"
        except ConnectionRefusedError:
            lost = "refused"
        except OSError:
            lost = "reset"
        line = json.dumps([start, time.monotonic(), lost, status, body[:_BODY_LIMIT]])
        os.write(self._output, line.encode() + b"\n")

    async def _exchange(self) -> tuple[int, str]:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        try:
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            body = await (reader.readexactly(int(length[1])) if length else reader.read())
        except asyncio.IncompleteReadError:
            raise ConnectionResetError("The connection was closed before the answer was whole.") from None
        finally:
            writer.close()
        return int(head.split(b" ", 2)[1]), body.decode(errors="replace")


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="python -m sandbox.traffic", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("rate", type=float)
    parser.add_argument(
        "output", type=int, help="a file descriptor that gets a line of JSON for each request"
    )
    return parser.parse_args()


if __name__ == "__main__":
    _given = _arguments()
    asyncio.run(_Load(_given.url, _given.rate, _given.output).run())
