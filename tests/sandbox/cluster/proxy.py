"""Requests through the API server to a service or a pod."""

from __future__ import annotations

import random
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from sandbox.cluster import errors
from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import ENDPOINTS, POD, SERVICE
from sandbox.cluster.objects import Object, dig
from sandbox.cluster.store import Store
from sandbox.cluster.targets import Target

_HOP_HEADERS = {
    "authorization", "connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding",
    "upgrade",
}  # fmt: skip


@dataclass(frozen=True)
class _Address:
    """`port` is a number, a name, or "" where the path names none."""

    scheme: str
    name: str
    port: str

    @classmethod
    def parse(cls, text: str) -> _Address:
        parts = text.split(":")
        if len(parts) == 3:
            return cls(parts[0] or "http", parts[1], parts[2])
        return cls("http", parts[0], parts[1] if len(parts) == 2 else "")


class Proxy:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        if target.tail is None:
            return web.Response(status=301, headers={"Location": request.rel_url.raw_path + "/"})
        address = _Address.parse(target.name)
        where = self._service(target, address) if target.kind is SERVICE else self._pod(target, address)
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        url = f"{address.scheme}://{where}/{target.tail}{query}"
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP_HEADERS}
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
                ssl=False,
            ) as answer:
                kept = {
                    key: value for key, value in answer.headers.items() if key.lower() not in _HOP_HEADERS
                }
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientError as error:
            raise _unreachable(where, error) from None

    def _service(self, target: Target, address: _Address) -> str:
        service = self._store.get(SERVICE, target.namespace, address.name)
        if service is None:
            raise errors.not_found(SERVICE, address.name)
        ports = service["spec"].get("ports") or []
        port_name = address.port
        if address.port.isdigit():
            found = next((port for port in ports if str(port["port"]) == address.port), None)
            if found is None:
                raise errors.unavailable(f'no service port {address.port} found for service "{address.name}"')
            port_name = found.get("name", "")
        candidates = self._ready(target.namespace, address.name, port_name)
        if not candidates:
            named = f"{address.name}:{address.port}" if self._has_pods(target.namespace, address.name) else ""
            shown = named if address.port and named else address.name
            raise errors.unavailable(f'no endpoints available for service "{shown}"')
        return random.choice(candidates)

    def _ready(self, namespace: str, name: str, port_name: str) -> list[str]:
        endpoints = self._store.get(ENDPOINTS, namespace, name) or {}
        return [
            f"{address['ip']}:{port['port']}"
            for subset in endpoints.get("subsets") or ()
            for port in subset.get("ports") or ()
            if port.get("name", "") == port_name
            for address in subset.get("addresses") or ()
            if dig(address, "targetRef", "kind") == "Pod"
        ]

    def _has_pods(self, namespace: str, name: str) -> bool:
        return bool((self._store.get(ENDPOINTS, namespace, name) or {}).get("subsets"))

    def _pod(self, target: Target, address: _Address) -> str:
        pod = self._store.get(POD, target.namespace, address.name)
        if pod is None:
            raise errors.not_found(POD, address.name)
        if not dig(pod, "status", "podIP"):
            raise errors.bad_request("address not allowed")
        return f"{pod['status']['podIP']}:{_pod_port(pod, address.port)}"


def _pod_port(pod: Object, port: str) -> int:
    """Without a port the first one that a container declares."""
    declared = [found for container in pod["spec"]["containers"] for found in container.get("ports") or ()]
    if port.isdigit():
        return int(port)
    for found in declared:
        if port in ("", found.get("name")):
            return int(found["containerPort"])
    if port:
        raise errors.unavailable(f'no port named "{port}"')
    return 80


def _unreachable(where: str, error: aiohttp.ClientError) -> ApiError:
    if isinstance(error, aiohttp.ClientSSLError):
        why = "tls: first record does not look like a TLS handshake"
    elif isinstance(error, aiohttp.ClientConnectorError):
        why = f"dial tcp {where}: connect: connection refused"
    else:
        why = f"read tcp {where}: read: connection reset by peer"
    return errors.unavailable(f"error trying to reach service: {why}")
