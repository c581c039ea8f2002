"""The log subresource of pods."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from sandbox.cluster import errors
from sandbox.cluster.kinds import POD
from sandbox.cluster.kubelet.containers import Container
from sandbox.cluster.kubelet.node import Node
from sandbox.cluster.kubelet.runtime import Run
from sandbox.cluster.objects import Object, name_of, seconds_of
from sandbox.cluster.store import Store
from sandbox.cluster.targets import Target

_FOLLOW_SECONDS = 0.1
_NUMBERS = ("tailLines", "sinceSeconds", "limitBytes")


class Logs:
    def __init__(self, store: Store, node: Node) -> None:
        self._store = store
        self._node = node

    async def answer(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        query = request.query
        for name in _NUMBERS:
            if not query.get(name, "0").isdigit():
                raise errors.bad_request(f'strconv.ParseInt: parsing "{query[name]}": invalid syntax')
        pod = self._store.get(POD, target.namespace, target.name)
        if pod is None:
            raise errors.not_found(POD, target.name)
        container_name = _container_name(pod, query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)
        worker = self._node.worker(pod)
        container = worker.container(container_name) if worker else None
        previous = query.get("previous") in ("true", "1")
        run = _run(pod, container, container_name, previous)
        shown = _shown(query)
        text = b"".join(shown(_tail(_lines(run.log), query)))
        limit = int(query.get("limitBytes", 0))
        if query.get("follow") not in ("true", "1"):
            return web.Response(body=text[:limit] if limit else text, content_type="text/plain")
        return await _follow(request, run, text, shown)


def _container_name(pod: Object, wanted: str) -> str:
    app = [container["name"] for container in pod["spec"]["containers"]]
    init = [container["name"] for container in pod["spec"].get("initContainers") or ()]
    if wanted:
        if wanted not in (*app, *init):
            raise errors.bad_request(f"container {wanted} is not valid for pod {name_of(pod)}")
        return wanted
    if len(app) > 1:
        choices = " ".join(app)
        raise errors.bad_request(
            f"a container name must be specified for pod {name_of(pod)}, choose one of: [{choices}]"
        )
    return str(app[0])


def _run(pod: Object, container: Container | None, name: str, previous: bool) -> Run:
    """The run whose log is wanted: in a crash loop the last one is current until the next begins."""
    if previous:
        if container is None or container.previous is None:
            raise errors.bad_request(
                f'previous terminated container "{name}" in pod "{name_of(pod)}" not found'
            )
        return container.previous
    if container is not None and container.run is not None:
        return container.run
    reason = container.waiting[0] if container is not None and container.waiting else "ContainerCreating"
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        reason = "trying and failing to pull image"
    elif pod["spec"].get("initContainers") and reason == "ContainerCreating":
        reason = "PodInitializing"
    raise errors.bad_request(f'container "{name}" in pod "{name_of(pod)}" is waiting to start: {reason}')


def _lines(log: Path) -> list[bytes]:
    return log.read_bytes().splitlines(keepends=True) if log.exists() else []


def _tail(lines: list[bytes], query: Mapping[str, str]) -> list[bytes]:
    if "sinceSeconds" in query:
        since = time.time() - int(query["sinceSeconds"])
        lines = [line for line in lines if seconds_of(line.split(b" ", 1)[0].decode()[:26] + "Z") >= since]
    if "tailLines" in query:
        count = int(query["tailLines"])
        lines = lines[-count:] if count else []
    return lines


def _shown(query: Mapping[str, str]) -> Callable[[list[bytes]], list[bytes]]:
    """Lines as the client wants them, with their time or without."""
    if query.get("timestamps") in ("true", "1"):
        return lambda lines: lines
    return lambda lines: [line.split(b" ", 1)[1] for line in lines]


async def _follow(
    request: web.BaseRequest, run: Run, text: bytes, shown: Callable[[list[bytes]], list[bytes]]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(text)
    known = len(_lines(run.log))
    while True:
        ended = not run.is_running
        lines = _lines(run.log)
        if len(lines) > known:
            await response.write(b"".join(shown(lines[known:])))
            known = len(lines)
        if ended:
            return response
        await asyncio.sleep(_FOLLOW_SECONDS)
