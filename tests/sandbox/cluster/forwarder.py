"""Forwards node ports to pods. A process of its own, so that nothing else holds it up.

Reads on standard input, a line a change, the whole table as `[[port, [[address, port], …]], …]`; ends with it.
A port that leads nowhere is closed, so that connections to it are refused as a real node refuses them.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from typing import Any

_BACKLOG = 1024
# Closing with this sends a reset instead of an orderly end.
_RESET = struct.pack("ii", 1, 0)


class Half(asyncio.Protocol):
    """One side of a forwarded connection; what it reads the other side writes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None
        self._early: list[bytes] = []
        self._ended_early = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def join(self, other: Half) -> None:
        """From now on both know each other; what came before goes over."""
        self.other, other.other = other, self
        for data in self._early:
            self.data_received(data)
        self._early.clear()
        if self._ended_early:
            self.eof_received()

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other is None or self.other.transport is None:
            self._ended_early = True
        elif self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        other, self.other = self.other, None
        if other is None or other.transport is None:
            return
        other.other = None
        if exc is not None:
            reset(other.transport)
        else:
            other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


class Port:
    """One node port."""

    def __init__(self, address: str, number: int) -> None:
        self._address = address
        self._number = number
        self._server: asyncio.Server | None = None
        self._connecting: set[asyncio.Task[None]] = set()
        self.targets: list[tuple[str, int]] = []

    async def lead_to(self, targets: list[tuple[str, int]]) -> None:
        self.targets = targets
        if targets and self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                self._accepted, self._address, self._number, backlog=_BACKLOG, reuse_address=True
            )
        elif not targets and self._server is not None:
            self._server.close()
            self._server = None

    def _accepted(self) -> Half:
        client = Half()
        task = asyncio.get_running_loop().create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return client

    async def _connect(self, client: Half) -> None:
        """A pod that refuses resets the client, as it would without this process between them."""
        try:
            target = random.choice(self.targets)
            _unused, pod = await asyncio.get_running_loop().create_connection(Half, *target)
        except (OSError, IndexError):
            if client.transport is not None:
                reset(client.transport)
            return
        if client.transport is None or client.transport.is_closing():
            if pod.transport is not None:
                pod.transport.close()
            return
        pod.join(client)
        client.join(pod)


def reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


async def forward(address: str) -> None:
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    ports: dict[int, Port] = {}
    while line := await reader.readline():
        wanted: dict[int, Any] = dict(json.loads(line))
        for number in ports.keys() | wanted.keys():
            port = ports.setdefault(number, Port(address, number))
            targets = [tuple(target) for target in wanted.get(number, [])]
            try:
                await port.lead_to(targets)
            except OSError as error:
                print(f"node port {address}:{number} cannot be opened: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    asyncio.run(forward(sys.argv[1]))
