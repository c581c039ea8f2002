"""A loopback address for every load balancer, and a port that can be bound for each of its ports."""

import errno
import socket

# Added to a port that this user may not bind, or that something else holds.
UNPRIVILEGED_OFFSET = 10000


class Addresses:
    def __init__(self, prefix: str):
        """`prefix` is that of a /24 such as `127.0.1.`."""
        self._prefix = prefix
        self._owners: dict[str, str] = {}
        self._ports: dict[tuple[str, int], int] = {}

    def take(self, owner: str) -> str:
        for number in range(1, 255):
            address = f"{self._prefix}{number}"
            if address not in self._owners:
                self._owners[address] = owner
                return address
        raise RuntimeError(f"All 254 addresses below {self._prefix} belong to a load balancer; delete one.")

    def free(self, address: str) -> None:
        del self._owners[address]

    def bound_port(self, address: str, port: int) -> int:
        """Where `port` of `address` is answered: always the same, once it has been asked for."""
        key = (address, port)
        if key not in self._ports:
            self._ports[key] = port if _can_bind(address, port) else port + UNPRIVILEGED_OFFSET
        return self._ports[key]


def _can_bind(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EADDRINUSE):
                return False
            raise
        return True
