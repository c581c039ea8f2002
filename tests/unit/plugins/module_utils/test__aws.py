# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of an answer that is not AWS's."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _aws
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ApiError

Answer = Callable[[int, str, str], str]


@pytest.fixture
def answering() -> Iterator[Answer]:
    """Where everybody is answered so."""
    servers: list[http.server.HTTPServer] = []

    def begin(status: int, content_type: str, body: str) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def _write(endpoint: str) -> ApiError:
    params = {"region": "eu-west-1", "endpoint_url": endpoint, "access_key": "a", "secret_key": "b"}
    elb = _aws.connect(dict.fromkeys(_aws.ARGUMENT_SPEC) | params)
    with pytest.raises(ApiError) as raised:
        elb.write("delete_load_balancer_listeners", LoadBalancerName="shop", LoadBalancerPorts=[80])
    return raised.value


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (502, "text/plain", "Bad Gateway"),
        (502, "text/html", "<html><body>Bad Gateway</body></html>"),
        (403, "text/html", "<html><p>blocked<br></html>"),
        (429, "text/plain", "slow down"),
        (200, "text/html", "<html><body>log in</body></html>"),
        (200, "text/xml", ""),
    ],
)
def test_an_answer_that_is_not_awss_says_nothing_of_what_became_of_the_call(
    answering: Answer, status: int, content_type: str, body: str
) -> None:
    error = _write(answering(status, content_type, body))
    assert error.message.startswith("DeleteLoadBalancerListeners on shop ")
    assert (error.transient, error.unknown) == (True, True), error.message


def test_a_proxy_that_is_not_there_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    error = _write("http://elasticloadbalancing.example.com")
    assert (error.transient, error.unknown) == (True, False), error.message
