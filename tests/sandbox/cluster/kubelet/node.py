"""The node: notices the pods that are placed on it and looks at them once a second."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import NODE, POD
from sandbox.cluster.kubelet.images import Registry
from sandbox.cluster.kubelet.worker import PodWorker
from sandbox.cluster.objects import Object, timestamp
from sandbox.cluster.store import Change, Store

NAME = "node-1"
_CAPACITY = {"cpu": "8", "memory": "16Gi", "pods": "1000"}
_LOOK_SECONDS = 1.0
_NOTICE_SECONDS = 0.03
# The kubelet's own port, held on the first address of a network to claim it.
_CLAIM_PORT = 10250
_NETWORKS = range(64, 255)


class Node:
    """Every pod gets an address of its own on the loopback interface."""

    def __init__(self, store: Store, registry: Registry, folder: Path, address: str) -> None:
        self._store = store
        self._registry = registry
        self._folder = folder
        self._address = address
        self._events = Recorder(store, "kubelet", NAME)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._claim, network = _claim_network()
        self._addresses = _addresses(network)

    def register(self) -> None:
        self._store.create(NODE, _node(self._address))

    def notice(self, change: Change) -> None:
        if change.kind is not POD:
            return
        pod = change.object
        uid = pod["metadata"]["uid"]
        if change.type == "DELETED":
            self._forget(uid)
        elif uid in self._workers:
            self._workers[uid].notice(pod)
        elif pod["spec"].get("nodeName") and uid not in self._tasks:
            self._tasks[uid] = asyncio.get_running_loop().create_task(self._begin(pod))

    def worker(self, pod: Object) -> PodWorker | None:
        return self._workers.get(pod["metadata"]["uid"])

    async def run(self) -> None:
        """Looks at the pods, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for worker in tuple(self._workers.values()):
                worker.look()
                # Whatever it woke goes first, so that many pods do not hold up who asks the API.
                await asyncio.sleep(0)

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.kill()
        self._claim.close()

    async def _begin(self, pod: Object) -> None:
        await asyncio.sleep(_NOTICE_SECONDS)
        uid = pod["metadata"]["uid"]
        current = self._store.get(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if current is None or current["metadata"]["uid"] != uid:
            return
        folder = self._folder / uid
        worker = PodWorker(
            self._store, self._events, self._registry, current, next(self._addresses), folder, self._address
        )
        self._workers[uid] = worker
        await worker.run()

    def _forget(self, uid: str) -> None:
        worker, task = self._workers.pop(uid, None), self._tasks.pop(uid, None)
        if worker is not None:
            worker.kill()
        if task is not None and task is not asyncio.current_task():
            task.cancel()


def _claim_network() -> tuple[socket.socket, int]:
    """The second octet of a loopback network that no other sandbox uses, and the socket that holds it."""
    for second in _NETWORKS:
        claim = socket.socket()
        try:
            claim.bind((f"127.{second}.0.1", _CLAIM_PORT))
        except OSError:
            claim.close()
            continue
        claim.listen(1)
        return claim, second
    raise RuntimeError(
        f"All of 127.{_NETWORKS[0]}.0.0 to 127.{_NETWORKS[-1]}.0.0 are in use; stop other sandboxes."
    )


def _addresses(network: int) -> Iterator[str]:
    numbers = itertools.cycle(range(2, 254 * 254))
    return (f"127.{network}.{number // 254}.{number % 254 + 1}" for number in numbers)


def _node(address: str) -> Object:
    return {
        "metadata": {
            "name": NAME,
            "labels": {
                "kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {},
        "status": {
            "capacity": dict(_CAPACITY),
            "allocatable": dict(_CAPACITY),
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": NAME}],
            "conditions": [
                {
                    "type": "Ready", "status": "True", "reason": "KubeletReady",
                    "message": "kubelet is posting ready status", "lastHeartbeatTime": timestamp(),
                    "lastTransitionTime": timestamp(),
                }
            ],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://1.7.24",
                "kernelVersion": "", "kubeProxyVersion": "", "kubeletVersion": "v1.32.0", "machineID": "",
                "operatingSystem": "linux", "osImage": "sandbox", "systemUUID": "",
            },
        },
    }  # fmt: skip
