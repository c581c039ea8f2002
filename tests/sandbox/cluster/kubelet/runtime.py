"""Runs of containers: a process, or for the pause image nothing at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

_APP = Path(__file__).resolve().parents[2] / "app.py"
# What the image of the sandbox has to run, each also below /bin.
_BINARIES = {"app", "sh", "sleep", "true", "false", "echo"}
_KILLED = 128 + signal.SIGKILL
_LOG_LIMIT = 1 << 20


class StartError(Exception):
    """The command of a container cannot be run."""


class Run:
    """One run of a container, from its start to its end. Times are seconds since the epoch."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.started_at = time.time()
        self.finished_at: float | None = None
        self.exit_code = 0
        self.reason = ""
        self.message = ""
        self._on_end: Callable[[], None] = lambda: None

    @property
    def is_running(self) -> bool:
        return self.finished_at is None

    def on_end(self, callback: Callable[[], None]) -> None:
        self._on_end = callback

    async def stop(self, grace: float) -> None:
        """Ends the run: asks, and after `grace` seconds insists."""
        self._end(0, "Completed")

    def kill(self) -> None:
        self._end(_KILLED, "Error")

    def _end(self, exit_code: int, reason: str) -> None:
        if self.is_running:
            self.finished_at = time.time()
            self.exit_code, self.reason = exit_code, reason
            self._on_end()


class FailedRun(Run):
    """A container that could be made but not started."""

    def __init__(self, log: Path, message: str) -> None:
        super().__init__(log)
        self.message = message
        self.started_at = 0.0
        self._end(128, "StartError")


class PauseRun(Run):
    """Runs until it is stopped, and is ready after a delay."""

    def __init__(self, log: Path, ready_after: float) -> None:
        super().__init__(log)
        self.ready_after = ready_after


class ProcessRun(Run):
    """A process of the sandbox's application, tied to this process by its standard input."""

    def __init__(self, log: Path, process: asyncio.subprocess.Process) -> None:
        super().__init__(log)
        self._process = process
        self._killed_by_us = False
        self._ended = asyncio.create_task(self._follow())

    @classmethod
    async def start(cls, command: list[str], address: str, env: dict[str, str], log: Path) -> ProcessRun:
        check_command(command)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(_APP), "--tethered", "--address", address, *command,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LOG_LIMIT,
            start_new_session=True,
        )  # fmt: skip
        return cls(log, process)

    async def stop(self, grace: float) -> None:
        if self.is_running and grace > 0:
            self._signal(signal.SIGTERM)
            await asyncio.wait({self._ended}, timeout=grace)
        if self.is_running:
            self.kill()
            await self._ended

    def kill(self) -> None:
        self._killed_by_us = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Not by the process object, which would take the exit code away from the loop's own watcher:
        # https://github.com/python/cpython/issues/127049
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _follow(self) -> None:
        output = self._process.stdout
        assert output is not None
        with self.log.open("ab", buffering=0) as log:
            while line := await output.readline():
                stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
                log.write(stamp.encode() + b" " + line)
        code = await self._process.wait()
        if code >= 0:
            self._end(code, "Error" if code else "Completed")
        else:
            # Nobody but the kernel, short of memory, kills a container that the kubelet does not kill.
            out_of_memory = code == -signal.SIGKILL and not self._killed_by_us
            self._end(128 - code, "OOMKilled" if out_of_memory else "Error")


def check_command(command: list[str]) -> None:
    """Raises StartError in the words of the container runtime when the image has no such command."""
    name = command[0]
    if name.removeprefix("/usr").removeprefix("/bin/") in _BINARIES:
        return
    why = f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"
    raise StartError(
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
        f'failed: unable to start container process: exec: "{name}": {why}: unknown'
    )


async def run_inside(command: list[str], env: dict[str, str], timeout: float) -> tuple[int, str]:
    """Runs a command as `exec` does; returns its exit code and output, -1 when it took too long."""
    check_command(command)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(_APP), *command,
        env=env, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _unused = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"command timed out after {timeout:g}s"
    return process.returncode or 0, output.decode(errors="replace").strip()
