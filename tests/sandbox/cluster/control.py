"""What a test may ask of the sandbox itself, below /sandbox/."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.cluster.access import Access, Refusal
from sandbox.cluster.api import Api
from sandbox.cluster.faults import Fault, Faults
from sandbox.cluster.kubelet.images import Registry
from sandbox.cluster.store import Store

Body = dict[str, Any]


class Control:
    """One action a path; each takes a JSON object and answers one."""

    def __init__(
        self,
        api: Api,
        store: Store,
        access: Access,
        faults: Faults,
        registry: Registry,
        restart: Callable[[float], Awaitable[None]],
    ) -> None:
        """`restart` closes the server for so many seconds."""
        self._api = api
        self._store = store
        self._access = access
        self._faults = faults
        self._registry = registry
        self._restart = restart
        self._restarting: set[asyncio.Task[None]] = set()
        self._actions: dict[str, Callable[[Body], Body]] = {
            "clear": self._clear,
            "cut_watches": self._cut_watches,
            "expire_watches": self._expire_watches,
            "fault": self._fault,
            "forbid": self._forbid,
            "forget_history": self._forget_history,
            "forget_requests": self._forget_requests,
            "images": self._images,
            "requests": self._requests,
            "restart_server": self._restart_server,
            "revoke": self._revoke,
            "token": self._token,
        }

    async def handle(self, request: web.BaseRequest) -> web.Response:
        action = self._actions.get(request.path.removeprefix("/sandbox/"))
        if action is None:
            return web.Response(status=404, text=f"the sandbox knows no {request.path}\n")
        raw = await request.read()
        try:
            answer = action(json.loads(raw) if raw else {})
        except (TypeError, ValueError, KeyError) as error:
            return web.Response(status=400, text=f"{request.path}: {error!r}\n")
        return web.json_response(answer)

    def _requests(self, _body: Body) -> Body:
        return {"requests": self._faults.seen()}

    def _forget_requests(self, _body: Body) -> Body:
        self._faults.forget_seen()
        return {}

    def _fault(self, body: Body) -> Body:
        self._faults.add(Fault(**body))
        return {}

    def _clear(self, _body: Body) -> Body:
        """Takes back faults, refusals and missing images."""
        self._faults.clear()
        self._access.refusals.clear()
        self._registry.missing.clear()
        return {}

    def _cut_watches(self, _body: Body) -> Body:
        self._api.cut_watches()
        return {}

    def _expire_watches(self, body: Body) -> Body:
        self._faults.expire_watches = int(body["count"])
        return {}

    def _forget_history(self, _body: Body) -> Body:
        self._store.forget_history()
        return {}

    def _forbid(self, body: Body) -> Body:
        self._access.refusals.append(Refusal(**body))
        return {}

    def _token(self, body: Body) -> Body:
        self._access.tokens[str(body["token"])] = str(body["user"])
        return {}

    def _revoke(self, body: Body) -> Body:
        self._access.tokens.pop(str(body["token"]), None)
        return {}

    def _images(self, body: Body) -> Body:
        self._registry.known += list(body.get("known", ()))
        self._registry.missing += list(body.get("missing", ()))
        return {}

    def _restart_server(self, body: Body) -> Body:
        task = asyncio.get_running_loop().create_task(self._soon(float(body["seconds"])))
        self._restarting.add(task)
        task.add_done_callback(self._restarting.discard)
        return {}

    async def _soon(self, seconds: float) -> None:
        """After the answer to the one who asked has gone out."""
        await asyncio.sleep(0.05)
        await self._restart(seconds)
