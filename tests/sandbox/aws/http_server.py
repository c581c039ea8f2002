"""HTTP/1.1 with connections that stay open, which werkzeug's own server never lets be."""

import socket
import struct
import sys
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer

from sandbox.aws.answers import Answer
from sandbox.aws.gate import ConnectionLost

Answerer = Callable[[dict[str, Any], bytes], Answer]


class HttpServer(ThreadingMixIn, BaseWSGIServer):
    multithread = True
    daemon_threads = True

    def __init__(self, port: int, answer: Answerer):
        super().__init__("127.0.0.1", port, app=answer, handler=_Handler)  # type: ignore[arg-type]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        length = self.headers.get("Content-Length")
        if length is not None:
            body = self.rfile.read(int(length))
        elif environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
            environ["CONTENT_LENGTH"] = str(len(body))
        else:
            body = b""
        answerer: Answerer = self.server.app  # type: ignore[assignment]
        try:
            self._send(answerer(environ, body))
        except ConnectionLost:
            self._reset()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "date", "server"):
                self.send_header(name, value)
        length = answer.header("Content-Length") if self.command == "HEAD" else len(answer.body)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Closing the last reference sends the reset; the two files hold one each.
        self.rfile.close()
        self.wfile.close()
        self.connection.close()
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The calls have a record of their own."""
