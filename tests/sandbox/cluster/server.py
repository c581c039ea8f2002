"""The whole cluster in one process: API server, controllers, kubelet."""

from __future__ import annotations

import asyncio
import functools
import secrets
import ssl
from pathlib import Path

from aiohttp import web

from sandbox.cluster import credentials, schema
from sandbox.cluster.access import Access
from sandbox.cluster.api import Api
from sandbox.cluster.control import Control
from sandbox.cluster.controllers.autoscaler import AutoscalerController
from sandbox.cluster.controllers.daemonset import DaemonSetController
from sandbox.cluster.controllers.deployment import DeploymentController
from sandbox.cluster.controllers.endpoints import EndpointsController
from sandbox.cluster.controllers.garbage import GarbageCollector, NamespaceController
from sandbox.cluster.controllers.job import JobController
from sandbox.cluster.controllers.replicaset import ReplicaSetController
from sandbox.cluster.controllers.scheduler import Scheduler
from sandbox.cluster.controllers.statefulset import StatefulSetController
from sandbox.cluster.events import forget_old_events
from sandbox.cluster.faults import Faults
from sandbox.cluster.kinds import KINDS, NAMESPACE
from sandbox.cluster.kubelet.images import Registry
from sandbox.cluster.kubelet.logs import Logs
from sandbox.cluster.kubelet.node import Node
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.node_ports import NodePorts
from sandbox.cluster.proxy import Proxy
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.store import Change, Store

ADDRESS = "127.0.0.1"
_NAMESPACES = ("default", "kube-system")
_BODY_LIMIT = 8 << 20
_HOUSEKEEPING_SECONDS = 60.0
# Not zero, which means for ever.
_SHUTDOWN_SECONDS = 0.01
_ADMIN = "sandbox-admin"


class ClusterServer:
    """`start()` serves; `url` and `kubeconfig` are known then."""

    def __init__(self, folder: Path, node_address: str, port: int) -> None:
        self._folder = folder
        self._port = port
        token = secrets.token_urlsafe(24)
        self._token = token
        store = self._store = Store()
        resources = Resources(store)
        access, faults, registry = Access({token: _ADMIN}, store), Faults(), Registry()
        self._node = Node(store, registry, folder / "pods", node_address)
        self._node_ports = NodePorts(store, node_address)
        self._proxy = Proxy(store)
        self._api = Api(store, access, faults, Logs(store, self._node), self._proxy)
        self._control = Control(self._api, store, access, faults, registry, self._restart)
        self._parts = (
            DeploymentController(store),
            ReplicaSetController(resources),
            StatefulSetController(resources),
            DaemonSetController(resources),
            JobController(resources),
            AutoscalerController(resources),
            Scheduler(store),
            self._node,
            EndpointsController(store),
            self._node_ports,
            GarbageCollector(store),
            NamespaceController(store),
        )
        self._resources = resources
        self._tls: ssl.SSLContext | None = None
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None
        self._background: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return f"https://{ADDRESS}:{self._port}"

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        certificate, key = credentials.make(self._folder, ADDRESS)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificate, key)
        for kind in KINDS:
            schema.schema_of(kind)
        self._store.listen(self._notice)
        await self._node_ports.start()
        for name in _NAMESPACES:
            self._resources.create(
                NAMESPACE, "", {"metadata": {"name": name}}, Options(Writer("kube-apiserver"))
            )
        self._node.register()
        await self._open()
        self.kubeconfig.write_text(credentials.kubeconfig(self.url, certificate, self._token))
        self.kubeconfig.chmod(0o600)
        loop = asyncio.get_running_loop()
        self._background = [loop.create_task(self._node.run()), loop.create_task(self._keep_house())]

    async def stop(self) -> None:
        await self._close()
        for task in self._background:
            task.cancel()
        self._node.stop()
        await self._proxy.close()
        await self._node_ports.stop()

    def _notice(self, change: Change) -> None:
        for part in self._parts:
            part.notice(change)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/sandbox/"):
            return await self._control.handle(request)
        return await self._api.handle(request)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        make_request = functools.partial(web.BaseRequest, loop=loop, client_max_size=_BODY_LIMIT)
        self._web = web.Server(
            self._handle, request_factory=make_request, access_log=None, handler_cancellation=True
        )
        self._server = await loop.create_server(
            self._web, ADDRESS, self._port, ssl=self._tls, reuse_address=True, backlog=512
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None and self._web is not None:
            self._server.close()
            for connection in self._web.connections:
                if connection.transport is not None:
                    connection.transport.abort()
            await self._web.shutdown(_SHUTDOWN_SECONDS)

    async def _restart(self, seconds: float) -> None:
        await self._close()
        await asyncio.sleep(seconds)
        await self._open()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            forget_old_events(self._store)
