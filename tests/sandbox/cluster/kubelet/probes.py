"""Readiness, liveness and startup probes, with the numbers of their spec."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from sandbox.cluster.kubelet.runtime import StartError, run_inside
from sandbox.cluster.objects import Object

Result = tuple[bool, str]

_HEAD_LIMIT = 65536


class Prober:
    """Probes one run of a container until it is cancelled.

    `on_result(passed, message)` is called for every probe; `on_change(passed)` when a threshold is reached.
    """

    def __init__(
        self,
        probe: Object,
        check: Callable[[], Awaitable[Result]],
        on_result: Callable[[bool, str], None],
        on_change: Callable[[bool], None],
    ) -> None:
        self._probe = probe
        self._check = check
        self._on_result = on_result
        self._on_change = on_change

    async def run(self, age: float, healthy: bool) -> None:
        """`age` is how long the container runs already, `healthy` what it counts as before the first probe."""
        await asyncio.sleep(max(0.0, self._probe.get("initialDelaySeconds", 0) - age))
        streak, last = 0, None
        while True:
            passed, message = await self._check()
            self._on_result(passed, message)
            streak = streak + 1 if passed == last else 1
            last = passed
            threshold = self._probe["successThreshold" if passed else "failureThreshold"]
            if passed != healthy and streak >= threshold:
                healthy = passed
                self._on_change(passed)
            elif not passed and streak >= threshold and not healthy:
                self._on_change(False)
            await asyncio.sleep(self._probe["periodSeconds"])


async def check(probe: Object, container: Object, address: str, env: dict[str, str]) -> Result:
    """Probes once. Returns whether it passed and what was wrong."""
    timeout = float(probe["timeoutSeconds"])
    if "httpGet" in probe:
        return await _http(probe["httpGet"], container, address, timeout)
    if "exec" in probe:
        try:
            code, output = await run_inside(probe["exec"].get("command") or ["true"], env, timeout)
        except StartError as error:
            return False, str(error)
        return code == 0, output
    port = _port((probe.get("tcpSocket") or probe.get("grpc") or {})["port"], container)
    try:
        async with asyncio.timeout(timeout):
            _unused, writer = await asyncio.open_connection(address, port)
    except OSError as error:
        return False, f"dial tcp {address}:{port}: {_why(error)}"
    writer.close()
    return True, ""


async def _http(action: Object, container: Object, address: str, timeout: float) -> Result:
    port, secure = _port(action["port"], container), action["scheme"] == "HTTPS"
    host = action.get("host") or address
    url = f"{action['scheme'].lower()}://{host}:{port}{action['path']}"
    try:
        async with asyncio.timeout(timeout):
            status = await _status(host, port, secure, action)
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return False, f'Get "{url}": {why}'
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        why = f"dial tcp {host}:{port}: {_why(error)}" if isinstance(error, OSError) else "EOF"
        return False, f'Get "{url}": {why}'
    return 200 <= status < 400, f"HTTP probe failed with statuscode: {status}"


async def _status(host: str, port: int, secure: bool, action: Object) -> int:
    context = None
    if secure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_HEAD_LIMIT)
    try:
        headers = {
            "Host": f"{host}:{port}",
            "User-Agent": "kube-probe/1.32",
            "Accept": "*/*",
            "Connection": "close",
        }
        headers.update({header["name"]: header["value"] for header in action.get("httpHeaders") or ()})
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {action['path']} HTTP/1.1\r\n{lines}\r\n".encode())
        first = await reader.readuntil(b"\r\n")
        return int(first.split()[1])
    except IndexError:
        raise ValueError("not an HTTP answer") from None
    finally:
        writer.close()


def _port(wanted: int | str, container: Object) -> int:
    """A probe's port; one that no container port has as its name is refused like a closed one."""
    if isinstance(wanted, int) or wanted.isdigit():
        return int(wanted)
    named = (port["containerPort"] for port in container.get("ports") or () if port.get("name") == wanted)
    return next(named, 0)


def _why(error: BaseException) -> str:
    return "connect: connection refused" if isinstance(error, ConnectionRefusedError) else f"connect: {error}"
