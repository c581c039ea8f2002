"""The application that the pods of the sandbox run: a small, fast HTTP server that misbehaves on demand.

`/` answers who it is as JSON, `/hostname` the pod's name, `/healthz` 200 when it is ready, `/livez` 200 while
it lives. Its environment decides what it does:

COMMIT, COLOR           what `/` answers beside HOSTNAME
PORT                    where it listens, 8080; several with commas
APP_START_DELAY         seconds until it is ready
APP_NEVER_READY         anything: it never is
APP_UNREADY_AFTER       seconds after which it no longer is
APP_LIVENESS_FAILS      anything: `/livez` answers 503
APP_EXIT_AT_START       the exit code with which it ends at once
APP_CRASH_AFTER         seconds after which it ends with 1
APP_OOM                 seconds after which it is killed as if it were out of memory
APP_LOG                 lines that it writes at the start
APP_ANSWER_DELAY        seconds that every answer but the probes' takes
APP_BAD_PATH            the beginning of the paths that it answers with 500
APP_IGNORE_TERM         anything: it does not end when asked to

Only what takes no time to import is imported: a pod should be up in a tenth of a second.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_DRAIN_SECONDS = 1.0
_HEAD_LIMIT = 65536
_PROBES = ("/healthz", "/livez")
_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


class App:
    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._started = time.monotonic()
        self._busy = 0
        self._idle = threading.Condition()

    def serve(self, address: str) -> int:
        """Until a signal says to stop; what it is answering then it still answers."""
        ports = [int(port) for port in self._env.get("PORT", "8080").split(",")]
        listeners = [socket.create_server((address, port), backlog=1024) for port in ports]
        for listener in listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        say(f"commit {self._env.get('COMMIT', '')} listening on {', '.join(f':{port}' for port in ports)}")
        signal.sigwait(_STOP_SIGNALS)
        while "APP_IGNORE_TERM" in self._env:
            signal.sigwait(_STOP_SIGNALS)
        # Those who learn only now that this one goes may still come.
        time.sleep(_DRAIN_SECONDS)
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
        with self._idle:
            self._idle.wait_for(lambda: self._busy == 0)
        return 0

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _unused = listener.accept()
            except OSError:
                return
            with self._idle:
                self._busy += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection:
                head = _read_head(connection)
                if head:
                    method, path = head
                    connection.sendall(self._answer(method, path))
        except OSError:
            pass
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _answer(self, method: str, target: str) -> bytes:
        path = target.partition("?")[0]
        if path not in _PROBES:
            time.sleep(float(self._env.get("APP_ANSWER_DELAY", 0)))
        status, content_type, body = self._content(path)
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == "HEAD" else body)

    def _content(self, path: str) -> tuple[int, str, bytes]:
        env = self._env
        bad = env.get("APP_BAD_PATH")
        if bad and path.startswith(bad):
            return 500, "text/plain", b"asked to answer badly\n"
        if path == "/":
            who = {"hostname": env.get("HOSTNAME"), "commit": env.get("COMMIT"), "color": env.get("COLOR")}
            return 200, "application/json", json.dumps(who).encode() + b"\n"
        if path == "/hostname":
            return 200, "text/plain", env.get("HOSTNAME", "").encode() + b"\n"
        if path == "/healthz":
            return (200, "text/plain", b"ok\n") if self._is_ready() else (503, "text/plain", b"not ready\n")
        if path == "/livez":
            dead = "APP_LIVENESS_FAILS" in env
            return (503, "text/plain", b"not alive\n") if dead else (200, "text/plain", b"ok\n")
        return 404, "text/plain", b"not found\n"

    def _is_ready(self) -> bool:
        age = time.monotonic() - self._started
        from_ = float(self._env.get("APP_START_DELAY", 0))
        until = float(self._env.get("APP_UNREADY_AFTER", "inf"))
        return "APP_NEVER_READY" not in self._env and from_ <= age < until


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def run_app(env: dict[str, str], address: str) -> int:
    for line in env.get("APP_LOG", "").splitlines():
        say(line)
    if "APP_EXIT_AT_START" in env:
        say(f"cannot start: asked to exit with {env['APP_EXIT_AT_START']}")
        return int(env["APP_EXIT_AT_START"])
    if "APP_CRASH_AFTER" in env:
        _later(float(env["APP_CRASH_AFTER"]), _crash)
    if "APP_OOM" in env:
        _later(float(env["APP_OOM"]), lambda: os.kill(os.getpid(), signal.SIGKILL))
    return App(env).serve(address)


def run_script(script: str) -> int:
    """As much of a shell as an init container of a test needs: commands with `;`, `&&` or new lines between."""
    code = 0
    for line in script.replace("&&", "\x00&&").replace(";", "\x00").replace("\n", "\x00").split("\x00"):
        needs_success, words = line.startswith("&&"), line.removeprefix("&&").split()
        if not words or (needs_success and code):
            continue
        if words[0] == "exit":
            return int(words[1]) if len(words) > 1 else code
        code = run_command([word.strip("\"'") for word in words], dict(os.environ), "")
    return code


def run_command(command: list[str], env: dict[str, str], address: str) -> int:
    name, rest = command[0].rpartition("/")[2], command[1:]
    if name == "app":
        return run_app(env, address)
    if name == "sh":
        return run_script(rest[1] if rest[:1] == ["-c"] else "")
    if name == "echo":
        say(" ".join(rest))
    elif name == "sleep":
        time.sleep(float(rest[0]))
    elif name != "true":
        return 1
    return 0


def _read_head(connection: socket.socket) -> tuple[str, str] | None:
    """Method and target of a request, None when there is none. A body is read and dropped."""
    connection.settimeout(30)
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(_HEAD_LIMIT)
        if not more or len(data) > _HEAD_LIMIT:
            return None
        data += more
    head, _end, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    for line in lines[1:]:
        key, _colon, value = line.partition(":")
        if key.lower() == "content-length":
            missing = int(value) - len(body)
            while missing > 0:
                missing -= len(connection.recv(min(missing, _HEAD_LIMIT))) or missing
    method, target, *_unused = lines[0].split(" ")
    return method, target


def _later(seconds: float, act: Callable[[], None]) -> None:
    def wait() -> None:
        time.sleep(seconds)
        act()

    threading.Thread(target=wait, daemon=True).start()


def _crash() -> None:
    say("crashing: asked to")
    os._exit(1)


def _end_with_parent() -> None:
    """A tethered process ends when whoever started it is gone, however it went."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def main(arguments: list[str]) -> int:
    """`[--tethered] [--address ADDRESS] [COMMAND …]`"""
    # Before the first thread, so that no thread takes them; what is no server ends when it is killed.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    address = "127.0.0.1"
    if arguments[:1] == ["--tethered"]:
        arguments = arguments[1:]
        threading.Thread(target=_end_with_parent, daemon=True).start()
    if arguments[:1] == ["--address"]:
        address, arguments = arguments[1], arguments[2:]
    return run_command(arguments or ["app"], dict(os.environ), address)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Threads that are still at it must not hold the end up.
    os._exit(code)
