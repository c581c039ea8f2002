from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms import k8s_smoke

NOT_YET = json.dumps({"kind": "Status", "apiVersion": "v1", "message": "no endpoints available"}).encode()


class Cluster:
    """Answers requests in turn, the last one for ever; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def request(self, method: str, path: str, query: Any = None, timeout: float = 0) -> Any:
        self.asked.append((method, path, query, timeout))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return status, {}, body


def smoke(cluster: Any = None, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    params = {
        "namespace": "store",
        "service": "shop-green",
        "port": "http",
        "path": "/healthz?deep=1",
        "url": None,
        "timeout": 3,
    }
    return k8s_smoke.run(params | changes, check_mode, cluster, lambda line: None)


def test_the_service_is_asked_through_the_api() -> None:
    cluster = Cluster((200, b"fine"))
    assert smoke(cluster)["answered"] is True
    path = "/api/v1/namespaces/store/services/http:shop-green:http/proxy/healthz"
    assert cluster.asked == [("GET", path, {"deep": "1"}, 3)]


def test_a_bad_answer_fails_with_what_was_said() -> None:
    with pytest.raises(ClusterError) as raised:
        smoke(Cluster((500, b"no database")))
    assert "Service shop-green (port http, path /healthz" in raised.value.message
    assert raised.value.message.endswith("answered 500: no database.")


@pytest.mark.parametrize(
    "answer",
    [
        (503, b'{"kind": "Status", "apiVersion": "v1", "message": "dial tcp: i/o timeout"}'),
        ClusterError("No answer within 3 s.", status=None),
    ],
)
def test_no_answer_at_all_is_a_warning(answer: Any) -> None:
    result = smoke(Cluster(answer))
    assert result["answered"] is False
    assert "nothing was learnt" in result["warnings"][0]


def test_endpoints_may_come_a_moment_late() -> None:
    assert smoke(Cluster((503, NOT_YET), (503, NOT_YET), (200, b"")))["answered"] is True


def test_endpoints_that_never_come_fail() -> None:
    with pytest.raises(ClusterError, match="no endpoints available"):
        smoke(Cluster((503, NOT_YET)), timeout=0)


def test_check_mode_asks_nobody() -> None:
    cluster = Cluster((500, b""))
    assert smoke(cluster, check_mode=True)["answered"] is False
    assert cluster.asked == []


@pytest.fixture
def address() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.removeprefix("/")))
            self.send_header("Location", "/500")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("code", [200, 302])
def test_an_address_is_asked_as_it_is(address: str, code: int) -> None:
    assert smoke(url=f"{address}/{code}")["answered"] is True


def test_an_address_that_answers_badly_fails(address: str) -> None:
    with pytest.raises(ClusterError, match=f"{address}/503 answered 503: hello"):
        smoke(url=f"{address}/503")


def test_an_address_where_nobody_is_fails(address: str) -> None:
    with pytest.raises(ClusterError, match=r"http://127\.0\.0\.1:1/ did not answer"):
        smoke(url="http://127.0.0.1:1/")


def test_an_address_needs_no_cluster() -> None:
    assert k8s_smoke.connect({"url": "http://x"}) is None
