"""Health checks in real time: who is asked how often, and what it made of the answers."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sandbox.aws.balancers import Balancer
from sandbox.aws.health import IN_SERVICE, REGISTERED, Health, after_check
from sandbox.aws.strict.health_checks import HealthCheck
from sandbox.aws.strict.listeners import SECURE

# A timeout is not sped up below this: it measures the machine here, not the application.
SHORTEST_TIMEOUT = 1.0


@dataclass
class _Probed:
    check: HealthCheck
    health: Health = REGISTERED
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Prober:
    def __init__(self, node: str, interval_scale: float, lock: threading.Lock, changed: Callable[[], None]):
        """`changed` is called after an instance went in or out of service, on the prober's thread.

        `lock` is held meanwhile: nobody is told of a state before it has taken effect.
        """
        self.interval_scale = interval_scale
        self._lock = lock
        self._node = node
        self._changed = changed
        # By (load balancer's address, instance id).
        self._probed: dict[tuple[str, str], _Probed] = {}
        self._loop = asyncio.new_event_loop()

    def start(self) -> None:
        threading.Thread(target=self._loop.run_forever, name="prober", daemon=True).start()

    def health(self, address: str, instance_id: str) -> Health:
        with self._lock:
            return self._probed[address, instance_id].health

    def in_service(self, balancer: Balancer) -> bool:
        """Whether any instance of the load balancer is. To be asked with the lock held."""
        return any(
            self._probed[balancer.address, each].health.state == IN_SERVICE for each in balancer.instances
        )

    def follow(self, balancers: Iterable[Balancer]) -> None:
        """Probe the instances of these, and of no others, from now on. To be called with the lock held."""
        wanted = {
            (balancer.address, instance): balancer.check
            for balancer in balancers
            for instance in balancer.instances
        }
        for key in self._probed.keys() - wanted.keys():
            self._loop.call_soon_threadsafe(self._forget, self._probed.pop(key))
        for key, check in wanted.items():
            if key not in self._probed:
                self._probed[key] = probed = _Probed(check)
                self._loop.call_soon_threadsafe(self._begin, probed)
            elif self._probed[key].check != check:
                self._probed[key].check = check
                self._loop.call_soon_threadsafe(self._probed[key].changed.set)

    def _begin(self, probed: _Probed) -> None:
        probed.task = self._loop.create_task(self._probe(probed))
        # Lets asyncio log what ended it; it should not end by itself.
        probed.task.add_done_callback(lambda task: task.cancelled() or task.result())

    def _forget(self, probed: _Probed) -> None:
        if probed.task is not None:
            probed.task.cancel()

    async def _probe(self, probed: _Probed) -> None:
        while True:
            began = self._loop.time()
            check = probed.check
            passed = await passes(check, self._node, self._timeout(check))
            with self._lock:
                before, probed.health = probed.health, after_check(probed.health, check, passed)
                if before.state != probed.health.state:
                    self._changed()
            await self._rest(probed, began)

    async def _rest(self, probed: _Probed, began: float) -> None:
        """Until the interval is over, which may be another one meanwhile."""
        while (left := began + probed.check.interval * self.interval_scale - self._loop.time()) > 0:
            try:
                await asyncio.wait_for(probed.changed.wait(), left)
            except TimeoutError:
                return
            probed.changed.clear()

    def _timeout(self, check: HealthCheck) -> float:
        return min(check.timeout, max(check.timeout * self.interval_scale, SHORTEST_TIMEOUT))


async def passes(check: HealthCheck, node: str, timeout: float) -> bool:
    """Whether the instance answers as the check wants it: HTTP with exactly 200, the others with a handshake."""
    try:
        async with asyncio.timeout(timeout):
            return await _ask(check, node)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False


async def _ask(check: HealthCheck, node: str) -> bool:
    context = ssl._create_unverified_context() if check.protocol in SECURE else None
    reader, writer = await asyncio.open_connection(node, check.port, ssl=context)
    try:
        if not check.path:
            return True
        writer.write(
            f"GET {check.path} HTTP/1.1\r\nHost: {node}:{check.port}\r\n"
            "User-Agent: ELB-HealthChecker/1.0\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
        )
        status_line = await reader.readuntil(b"\r\n")
        return status_line.split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()
