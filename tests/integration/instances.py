"""Servers that stand for an instance behind the sandbox's load balancers."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from certificates import self_signed


class WebServer(ThreadingHTTPServer):
    """Answers every GET with `status`, and tells the request's path and headers as JSON."""

    daemon_threads = True

    def __init__(self, address: str, port: int = 0) -> None:
        super().__init__((address, port), _WebRequest)
        self.status = 200
        # A request of /slow has arrived; it is answered once it may go on.
        self.arrived, self.go_on = threading.Event(), threading.Event()

    @property
    def port(self) -> int:
        return self.server_port


class _WebRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.arrived.set()
            self.server.go_on.wait(30)
        body = json.dumps({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}})
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_unused: Any) -> None:
        pass


class EchoServer(socketserver.ThreadingTCPServer):
    """Sends back what it gets."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Echo)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(4096):
            self.request.sendall(data)


@contextmanager
def serving(server: Any, certificate: Path | None = None) -> Iterator[Any]:
    """Runs it in a thread, with TLS when a folder for a certificate is given."""
    if certificate is not None:
        body, key = self_signed("instance")
        pem = certificate / "instance.pem"
        pem.write_bytes(key + body)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def refuses(address: str) -> bool:
    """Whether a connection to `address:port` is refused."""
    host, _separator, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
