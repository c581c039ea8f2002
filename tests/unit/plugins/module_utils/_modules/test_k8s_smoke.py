from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import k8s_smoke

NOT_YET = json.dumps({"kind": "Status", "apiVersion": "v1", "message": "no endpoints available"}).encode()


class Cluster:
    """Answers requests in turn, the last one for ever; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []
        self.service: Any = None
        self.pods: list[Any] = []
        self.selectors: list[str] = []

    def request(self, method: str, path: str, query: Any = None, timeout: float = 0) -> Any:
        self.asked.append((method, path, query, timeout))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        return status, headers[0] if headers else {}, body

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Any:
        return self.service

    def list(self, api_version: str, kind: str, namespace: str, selector: str) -> Any:
        self.selectors.append(selector)
        return self.pods, "1"


def smoke(cluster: Any = None, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    params = {
        "namespace": "store",
        "service": "shop-green",
        "port": "http",
        "path": "/healthz?deep=1",
        "url": None,
        "expect": "",
        "timeout": 3,
        "lock": None,
    }
    return k8s_smoke.run(params | changes, check_mode, cluster, lambda line: None)


def test_the_service_is_asked_through_the_api() -> None:
    cluster = Cluster((200, b"fine"))
    told = smoke(cluster, path="/healthz?deep&of=a&of=b")
    assert (told["answered"], told["asked"]) == (True, "GET /healthz by the Kubernetes API")
    path = "/api/v1/namespaces/store/services/http:shop-green:http/proxy/healthz"
    assert cluster.asked == [("GET", path, "deep&of=a&of=b", pytest.approx(3, abs=0.5))]


def test_a_bad_answer_fails_with_what_was_said() -> None:
    with pytest.raises(ClusterError) as raised:
        smoke(Cluster((500, b"no database")))
    assert "Service shop-green (port http, path /healthz" in raised.value.message
    assert raised.value.message.endswith("answered 500: no database.")
    said = "Service shop-green (port http, path /healthz) through the Kubernetes API answered 500"
    assert raised.value.details["cause"] == said


SERVICE = {
    "spec": {
        "selector": {"app": "shop", "color": "green"},
        "ports": [{"name": "http", "port": 80, "targetPort": "web"}],
    }
}
POD = {
    "metadata": {"name": "shop-green-a"},
    "spec": {"containers": [{"name": "app", "ports": [{"name": "web", "containerPort": 8080}]}]},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


def test_a_pod_behind_the_service_is_asked_and_named() -> None:
    cluster = Cluster((200, b"fine"))
    cluster.service, cluster.pods = SERVICE, [POD]
    assert smoke(cluster)["pod"] == "shop-green-a"
    path = "/api/v1/namespaces/store/pods/http:shop-green-a:8080/proxy/healthz"
    assert [asked[:3] for asked in cluster.asked] == [("GET", path, "deep=1")]
    assert cluster.selectors == ["app=shop,color=green"]
    cluster.answers = [(500, b"no database")]
    with pytest.raises(
        ClusterError, match="Kubernetes API, at pod shop-green-a, answered 500: no database"
    ) as raised:
        smoke(cluster)
    assert raised.value.details["pod"] == "shop-green-a"


@pytest.mark.parametrize("status", [403, 404])
def test_where_the_pod_may_not_be_asked_its_service_is(status: int) -> None:
    refusal = json.dumps({"kind": "Status", "apiVersion": "v1", "message": "pods/proxy"}).encode()
    cluster = Cluster((status, refusal), (200, b"fine"))
    cluster.service, cluster.pods = SERVICE, [POD]
    result = smoke(cluster)
    assert (result["answered"], result["pod"]) == (True, "")
    assert "/services/http:shop-green:http/proxy/" in cluster.asked[-1][1]


def test_an_error_of_the_application_is_no_reason_to_ask_the_service() -> None:
    cluster = Cluster((404, b"not found"))
    cluster.service, cluster.pods = SERVICE, [POD]
    with pytest.raises(ClusterError, match="answered 404: not found"):
        smoke(cluster)
    assert len(cluster.asked) == 1


def test_who_may_not_look_for_the_pod_asks_the_service() -> None:
    class Blind(Cluster):
        def get(self, *_asked: Any) -> Any:
            raise ClusterError("Forbidden.", status=403)

    assert smoke(Blind((200, b"fine")))["pod"] == ""


def test_another_releases_answer_is_waited_out() -> None:
    cluster = Cluster((200, b"1a1a1a1"), (200, b"1a1a1a1"), (200, b"{'commit': '2b2b2b2'}"))
    assert smoke(cluster, expect="2b2b2b2")["answered"] is True
    assert len(cluster.asked) == 3
    assert smoke(Cluster((200, b"", {"X-Commit": "v2b2b2b2"})), expect="2b2b2b2")["answered"] is True


def test_another_releases_answer_that_stays_fails_with_it() -> None:
    with pytest.raises(ClusterError) as raised:
        smoke(Cluster((200, b"commit 1a1a1a1")), expect="2b2b2b2", timeout=1)
    told = "answered 200 with '2b2b2b2' (bluegreen_smoke_expect) in neither its body nor a header: commit 1a1a1a1."
    assert raised.value.message.endswith(told)
    assert raised.value.details["answered"] is True
    assert "1a1a1a1" not in raised.value.details["cause"]


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


def test_endpoints_that_come_late_leave_the_application_its_time() -> None:
    class Late(Cluster):
        def request(self, *args: Any) -> Any:
            if time.monotonic() < ready:
                return 503, {}, NOT_YET
            time.sleep(1.3)
            return 500, {}, b"no database"

    ready = time.monotonic() + 1.5
    with pytest.raises(ClusterError, match="answered 500"):
        smoke(Late(), timeout=2)


def test_endpoints_that_never_come_fail() -> None:
    with pytest.raises(ClusterError, match="no endpoints available"):
        smoke(Cluster((503, NOT_YET)), timeout=1)


@pytest.mark.parametrize("timeout", [0, -1])
def test_no_time_to_answer_is_refused(timeout: int) -> None:
    with pytest.raises(InputError, match=f"timeout is {timeout}; it must be at least 1 second"):
        smoke(Cluster((200, b"")), timeout=timeout)


def test_check_mode_asks_nobody() -> None:
    cluster = Cluster((500, b""))
    assert smoke(cluster, check_mode=True)["answered"] is False
    assert cluster.asked == []


@pytest.fixture
def address() -> Iterator[str]:
    """Answers with the codes of the path in turn, the last one for ever; 0 hangs up, 1 speaks no HTTP."""
    asked = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            codes = [int(code) for code in self.path.partition("?")[0].removeprefix("/").split(",")]
            code = codes[min(next(asked), len(codes) - 1)]
            if code < 100:
                if code:
                    self.wfile.write(b"SMTP card 4111\r\n")
                return
            self.send_response(code)
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


@pytest.mark.parametrize(
    ("expect", "answered"), [("hello", True), ("/500", True), ("Hello", False), ("Location", False)]
)
def test_what_is_expected_is_in_the_body_or_a_header(address: str, expect: str, answered: bool) -> None:
    if answered:
        assert smoke(url=f"{address}/200", expect=expect)["answered"] is True
        return
    with pytest.raises(ClusterError, match=f"answered 200 with '{expect}' .*: hello"):
        smoke(url=f"{address}/200", expect=expect, timeout=1)


@pytest.mark.parametrize("codes", ["503,200", "502,504,0,302"])
def test_an_address_behind_a_load_balancer_may_need_a_moment(address: str, codes: str) -> None:
    assert smoke(url=f"{address}/{codes}")["answered"] is True


@pytest.mark.parametrize("codes", ["404,200", "500,200", "503,500,200"])
def test_an_address_that_answers_badly_fails_at_once(address: str, codes: str) -> None:
    started = time.monotonic()
    code = codes.split(",")[-2]
    with pytest.raises(ClusterError, match=f"answered {code}: hello") as raised:
        smoke(url=f"{address}/{codes}", timeout=60)
    assert time.monotonic() - started < 10
    assert raised.value.details["cause"] == f"{address}/{codes} answered {code}"


def test_the_last_answer_is_told(address: str) -> None:
    with pytest.raises(ClusterError, match="answered 503: hello") as raised:
        smoke(url=f"{address}/502,503", timeout=1)
    assert 1 <= raised.value.details["elapsed"] < 3
    assert raised.value.details["cause"].endswith("answered 503")


def test_the_last_request_is_not_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def refuse(_url: str, timeout: float, **_given: object) -> None:
        given.append(timeout)
        raise ConnectionRefusedError

    monkeypatch.setattr(k8s_smoke, "open_url", refuse)
    with pytest.raises(ClusterError):
        smoke(url="http://shop.example.com/", timeout=2)
    assert 1.9 < given[0] <= 2
    assert len(given) > 5
    assert min(given) == 1


def test_an_address_that_speaks_no_http_fails(address: str) -> None:
    with pytest.raises(ClusterError, match="did not answer in HTTP") as raised:
        smoke(url=f"{address}/1")
    assert "4111" not in raised.value.details["cause"]


def test_what_is_for_the_application_alone_is_not_shown(address: str) -> None:
    with pytest.raises(ClusterError) as raised:
        smoke(url=address.replace("//", "//ada:secret@") + "/500?token=secret")
    assert raised.value.message == f"{address}/500 answered 500: hello."
    assert "secret" not in str(raised.value.details)


def test_an_address_where_nobody_is_fails_when_its_time_is_over() -> None:
    with pytest.raises(ClusterError, match=r"http://127\.0\.0\.1:1/ did not answer") as raised:
        smoke(url="http://127.0.0.1:1/", timeout=1)
    assert raised.value.details["cause"] == "http://127.0.0.1:1/ did not answer (connection refused)"
    assert raised.value.details["elapsed"] >= 1


@pytest.mark.parametrize("url", ["shop.example.com/healthz", "ftp://shop.example.com/", "https:///healthz"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=f"url {url} is not an address"):
        smoke(url=url)


def test_an_address_needs_no_cluster() -> None:
    assert k8s_smoke.connect({"url": "http://x", "lock": None}) is None


@pytest.fixture
def dripping() -> Iterator[str]:
    """Sends a byte of its answer every tenth of a second, for as long as somebody reads it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not ended.wait(0.1):
                    self.wfile.write(b".")

        def log_message(self, *args: object) -> None:
            pass

    ended = threading.Event()
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    ended.set()
    server.shutdown()
    server.server_close()


def test_an_answer_that_never_ends_is_none(dripping: str) -> None:
    with pytest.raises(ClusterError, match=r"did not answer \(no answer within 1 s\)"):
        smoke(url=dripping, timeout=1)
