"""A scripted Kubernetes API on loopback: each request gets the next answer of its path's script."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
Script = Callable[["_Handler"], None]

_RESOURCES = {
    "/api/v1": ("v1", [("pods", "Pod", True), ("events", "Event", True), ("namespaces", "Namespace", False)]),
    "/apis/apps/v1": ("apps/v1", [("deployments", "Deployment", True), ("replicasets", "ReplicaSet", True)]),
}
DEPLOYMENTS = "/apis/apps/v1/namespaces/demo/deployments"


class Api:
    """``requests`` are (method, path, query, headers, body) in the order in which they came in."""

    def __init__(self) -> None:
        self.requests: list[tuple[Any, ...]] = []
        self._scripts: dict[str, list[Script]] = defaultdict(list)
        self.released = threading.Event()
        self._came_in = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def answers(self, path: str, *scripts: Script) -> None:
        """The next requests for ``path`` are answered so, the last answer again and again."""
        self._scripts[path] = list(scripts)

    def seen(self, path: str) -> list[dict[str, str]]:
        """The queries of all requests for ``path``."""
        return [query for _method, seen, query, _headers, _body in self.requests if seen == path]

    def wait_for(self, path: str, count: int) -> None:
        """Until that many requests for ``path`` have come in."""
        with self._came_in:
            assert self._came_in.wait_for(lambda: len(self.seen(path)) >= count, timeout=10), self.requests

    def record(self, *request: Any) -> None:
        with self._came_in:
            self.requests.append(request)
            self._came_in.notify_all()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def script_for(self, path: str) -> Script:
        scripts = self._scripts[path]
        if scripts:
            return scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return _discovery(path)


class _Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"
    # An answer leaves in one piece: two would wait for each other 40 ms.
    wbufsize = -1

    def _handle(self) -> None:
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.api.record(self.command, address.path, query, dict(self.headers), body)
        self.api.script_for(address.path)(self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def log_message(self, *_arguments: Any) -> None:
        pass

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def reply(body: Any, status: int = 200, **headers: str) -> Script:
    """Answer with JSON, or with text where ``body`` is a string."""

    def script(handler: _Handler) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        handler.send_response(status)
        handler.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        handler.send_header("Content-Length", str(len(text.encode())))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return script


def refuse(
    status: int, reason: str = "", message: str = "no", name: str | None = None, **headers: str
) -> Script:
    details = {"name": name} if name else {}
    told = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": status}
    return reply({**told, "details": details}, status, **headers)


def listing(*things: Object, version: str = "100") -> Script:
    bare = [
        {key: value for key, value in thing.items() if key not in ("kind", "apiVersion")} for thing in things
    ]
    return reply({"kind": "List", "metadata": {"resourceVersion": version}, "items": bare})


def stream(*events: tuple[str, Object], then: str = "end") -> Script:
    """A watch: its events, and then it ends, is cut, or hangs until the test is over."""

    def script(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.flush()
        for kind, thing in events:
            handler.chunk(json.dumps({"type": kind, "object": thing}).encode() + b"\n")
        if then == "hang":
            handler.api.released.wait(30)
        if then == "end":
            handler.chunk(b"")
        else:
            handler.close_connection = True
            handler.connection.close()

    return script


def cut(handler: _Handler) -> None:
    """No answer: the connection is closed."""
    handler.close_connection = True
    handler.connection.close()


def hang(handler: _Handler) -> None:
    """No answer, and the connection stays open."""
    handler.api.released.wait(30)
    cut(handler)


def deployment(name: str = "shop", version: str = "100", **more: Any) -> Object:
    metadata = {"name": name, "namespace": "demo", "uid": f"uid-{name}", "resourceVersion": version}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, **more}


def gone(message: str = "too old resource version: 1 (1190)") -> tuple[str, Object]:
    return "ERROR", {
        "kind": "Status",
        "status": "Failure",
        "message": message,
        "reason": "Expired",
        "code": 410,
    }


def _discovery(path: str) -> Script:
    if path == "/version":
        return reply({"major": "1", "minor": "32", "gitVersion": "v1.32.0"})
    if path == "/apis":
        apps = {"groupVersion": "apps/v1", "version": "v1"}
        return reply(
            {
                "kind": "APIGroupList",
                "groups": [{"name": "apps", "versions": [apps], "preferredVersion": apps}],
            }
        )
    if path in _RESOURCES:
        group_version, resources = _RESOURCES[path]
        return reply(
            {
                "kind": "APIResourceList",
                "groupVersion": group_version,
                "resources": [
                    {
                        "name": name,
                        "kind": kind,
                        "namespaced": namespaced,
                        "singularName": "",
                        "verbs": ["list"],
                    }
                    for name, kind, namespaced in resources
                ],
            }
        )
    return reply("404 page not found", 404)


def names(things: Iterable[Object]) -> list[str]:
    return [thing["metadata"]["name"] for thing in things]
