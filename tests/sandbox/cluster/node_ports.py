"""Node ports: what each should lead to, and the process that makes it so."""

from __future__ import annotations

import asyncio
import json
import sys

from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.kinds import ENDPOINT_SLICE, SERVICE
from sandbox.cluster.objects import Object, dig, name_of, namespace_of
from sandbox.cluster.store import Change, Store

_LATENCY = 0.005
_SERVICE_NAME = "kubernetes.io/service-name"

Routes = dict[int, list[tuple[str, int]]]


class NodePorts:
    """Keeps the forwarding process informed."""

    def __init__(self, store: Store, address: str) -> None:
        self._store = store
        self._address = address
        self._queue = WorkQueue(self._sync, _LATENCY)
        self._process: asyncio.subprocess.Process | None = None
        self._told: Routes = {}

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sandbox.cluster.forwarder", self._address, stdin=asyncio.subprocess.PIPE
        )

    async def stop(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    def notice(self, change: Change) -> None:
        if change.kind in (SERVICE, ENDPOINT_SLICE):
            self._queue.add(("", ""))

    def _sync(self, *_unused: str) -> None:
        routes = routes_of(self._store)
        if routes != self._told and self._process is not None and self._process.stdin is not None:
            self._told = routes
            self._process.stdin.write(json.dumps(list(routes.items())).encode() + b"\n")


def routes_of(store: Store) -> Routes:
    """Every node port with the addresses that it leads to."""
    slices: dict[tuple[str, str], list[Object]] = {}
    for found in store.list(ENDPOINT_SLICE):
        service = dig(found, "metadata", "labels", _SERVICE_NAME)
        slices.setdefault((namespace_of(found), service or ""), []).append(found)
    return {
        port["nodePort"]: _targets(slices.get((namespace_of(service), name_of(service)), []), port)
        for service in store.list(SERVICE)
        for port in service["spec"].get("ports") or ()
        if port.get("nodePort") and port["protocol"] == "TCP"
    }


def _targets(slices: list[Object], port: Object) -> list[tuple[str, int]]:
    """The ready endpoints; when there are none, those that still serve although they are about to go."""
    ready, serving = [], []
    for found in slices:
        numbers = [p["port"] for p in found.get("ports") or () if p.get("name", "") == port.get("name", "")]
        for endpoint in found.get("endpoints") or ():
            conditions = endpoint["conditions"]
            targets = [(address, number) for address in endpoint["addresses"] for number in numbers]
            if conditions["ready"]:
                ready += targets
            elif conditions["serving"] and conditions["terminating"]:
                serving += targets
    return ready or serving
