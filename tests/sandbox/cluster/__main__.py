"""Runs the cluster in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from sandbox.cluster.server import ClusterServer


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where kubeconfig, certificate and logs go"
    )
    parser.add_argument("--node-address", default="127.0.2.1", help="where node ports are opened")
    parser.add_argument("--port", type=int, default=0, help="of the API server; 0 takes a free one")
    parser.add_argument("--tethered", action="store_true", help="end when standard input ends")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, over.set)
    server = ClusterServer(arguments.folder, arguments.node_address, arguments.port)
    await server.start()
    print(server.url, flush=True)
    if arguments.tethered:
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        reading = loop.create_task(reader.read())
        reading.add_done_callback(lambda _unused: over.set())
    await over.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
