"""From moto's load balancers to ports that answer: health checks decide who is asked, Envoy forwards."""

import threading
from pathlib import Path

from sandbox.aws.addresses import Addresses
from sandbox.aws.balancers import Balancer, read_balancers
from sandbox.aws.certificates import KeyPairs
from sandbox.aws.envoy import Envoy
from sandbox.aws.envoy_config import Json, listener_resource
from sandbox.aws.prober import Prober


class DataPlane:
    def __init__(self, folder: Path, node: str, addresses: Addresses, health_interval_scale: float):
        self._lock = threading.Lock()
        self.prober = Prober(node, health_interval_scale, self._lock, self._push)
        self._node = node
        self._addresses = addresses
        self._envoy = Envoy(folder)
        self._key_pairs = KeyPairs()
        self._balancers: tuple[Balancer, ...] = ()
        self._pushed: list[Json] = []

    def start(self) -> None:
        self._envoy.start()
        self.prober.start()

    def wait(self) -> None:
        self._envoy.wait()

    def stop(self) -> None:
        self._envoy.stop()

    def refresh(self) -> None:
        """Returns when what moto has now is what connections meet."""
        with self._lock:
            self._balancers = read_balancers(self._key_pairs)
            self.prober.follow(self._balancers)
            self._push()

    def ports(self) -> dict[str, dict[str, object]]:
        """By load balancer: its address, and where each listener's port is answered."""
        return {
            balancer.name: {
                "address": balancer.address,
                "ports": {
                    str(listener.spec.port): self._addresses.bound_port(balancer.address, listener.spec.port)
                    for listener in balancer.listeners
                },
            }
            for balancer in self._balancers
        }

    def _push(self) -> None:
        """With the lock held."""
        wanted = [
            listener_resource(
                balancer,
                listener,
                self._addresses.bound_port(balancer.address, listener.spec.port),
                self._node,
                self.prober.in_service(balancer),
            )
            for balancer in self._balancers
            for listener in balancer.listeners
        ]
        if wanted != self._pushed:
            self._envoy.apply(wanted)
            self._pushed = wanted
