from __future__ import annotations

import json
import socket
import ssl
from http.client import RemoteDisconnected
from typing import Any
from urllib.error import URLError

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.smoke import (
    Outcome,
    Verdict,
    judge_proxied,
    judge_silence,
    judge_url,
    pod_behind,
)


def status(code: int, message: str, **extra: Any) -> bytes:
    return json.dumps(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code, **extra}
    ).encode()


@pytest.mark.parametrize("code", [200, 204, 302, 399])
def test_a_good_answer(code: int) -> None:
    assert judge_url(code, b"hello").outcome is Outcome.GOOD
    assert judge_proxied(code, b"hello").outcome is Outcome.GOOD


@pytest.mark.parametrize("judge", [judge_url, judge_proxied])
@pytest.mark.parametrize(
    ("code", "body", "why"),
    [
        (500, b"it\n  broke", "answered 500: it broke"),
        (404, b"", "answered 404 with an empty body"),
        (501, b"x" * 1000, "answered 501: " + "x" * 200),
        (500, b"\xff{", "answered 500: \ufffd{"),
        (500, b'{"kind": "Outage"}', 'answered 500: {"kind": "Outage"}'),
        (400, b"[1]", "answered 400: [1]"),
    ],
)
def test_a_bad_answer_is_told_with_its_first_bytes(judge: Any, code: int, body: bytes, why: str) -> None:
    verdict = judge(code, body)
    assert (verdict.outcome, verdict.why) == (Outcome.BAD, why)
    assert verdict.cause == f"answered {code}"


@pytest.mark.parametrize("code", [502, 503, 504])
def test_a_load_balancer_may_not_reach_the_application_yet(code: int) -> None:
    verdict = judge_url(code, b"no instances")
    assert verdict == Verdict(Outcome.NOT_YET, f"answered {code}: no instances", f"answered {code}")
    assert judge_proxied(code, b"no database").outcome is Outcome.BAD


@pytest.mark.parametrize(
    ("error", "outcome", "cause"),
    [
        (ConnectionRefusedError(111, "x"), Outcome.NOT_YET, "did not answer (connection refused)"),
        (RemoteDisconnected("x"), Outcome.NOT_YET, "did not answer (connection reset)"),
        (URLError(TimeoutError("x")), Outcome.NOT_YET, "did not answer (timed out)"),
        (URLError(socket.gaierror(-2, "x")), Outcome.NOT_YET, "did not answer (its name is not known)"),
        (URLError(OSError(113, "x")), Outcome.NOT_YET, "did not answer (OSError)"),
        (
            URLError(ssl.SSLCertVerificationError(1, "x")),
            Outcome.BAD,
            "has a certificate that does not hold (self-signed)",
        ),
    ],
)
def test_no_answer_may_become_one_but_for_a_bad_certificate(
    error: OSError, outcome: Outcome, cause: str
) -> None:
    reason = getattr(error, "reason", None)
    if isinstance(reason, ssl.SSLCertVerificationError):
        reason.verify_message = "self-signed"
    verdict = judge_silence(error)
    assert (verdict.outcome, verdict.cause) == (outcome, cause)


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        (503, 'no endpoints available for service "a1"', Outcome.NOT_YET),
        (503, 'no service port 81 found for service "a1"', Outcome.BAD),
        (404, 'services "nosuch" not found', Outcome.BAD),
        (
            503,
            "error trying to reach service: dial tcp 10.2.0.1:9999: connect: connection refused",
            Outcome.BAD,
        ),
        (503, "error trying to reach service: read tcp: connection reset by peer", Outcome.BAD),
        (503, "error trying to reach service: EOF", Outcome.BAD),
        (503, "error trying to reach service: tls: first record does not look like a TLS", Outcome.BAD),
        (503, "error trying to reach service: dial tcp 10.2.0.1:80: i/o timeout", Outcome.SILENT),
        (
            503,
            "error trying to reach service: dial tcp 10.2.0.1:80: connect: no route to host",
            Outcome.SILENT,
        ),
        (504, "the server was unable to return a response in the time allotted", Outcome.SILENT),
        (
            403,
            'services "shop-green" is forbidden: User "ci" cannot get resource "services/proxy"',
            Outcome.SILENT,
        ),
    ],
)
def test_the_api_servers_own_answer_is_told_from_the_applications(
    code: int, message: str, outcome: Outcome
) -> None:
    verdict = judge_proxied(code, status(code, message))
    assert verdict.outcome == outcome
    assert verdict.why.startswith(f"did not answer ({message})")
    hung_up = any(sign in message for sign in ("reset", "EOF", "tls"))
    assert ("pods that speak TLS" in verdict.why) == hung_up
    assert 'services "' not in verdict.cause
    assert verdict.cause.startswith("did not answer (")


def test_a_status_that_the_application_made_up_does_not_reach_a_record() -> None:
    body = status(500, "card 4111 refused: connection refused")
    assert judge_proxied(500, body).cause == "did not answer (connection refused)"
    assert judge_proxied(400, status(400, "card 4111 refused")).cause == "did not answer (400)"


def test_an_application_may_answer_with_a_status_of_its_own_when_all_is_well() -> None:
    assert judge_proxied(200, status(200, "fine")).outcome is Outcome.GOOD


def behind(target: Any, name: str = "http") -> dict[str, Any]:
    ports = [
        {"name": "admin", "port": 81, "targetPort": 81},
        {"port": 80, "targetPort": target, "name": name},
    ]
    return {"spec": {"ports": ports}}


def of_service(name: str, ready: bool = True, **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    container = {"name": "app", "ports": [{"name": "web", "containerPort": 8080}]}
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [container]},
        "status": {"phase": "Running", "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("target", "port", "asked"),
    [
        ("web", "http", ("b", 8080)),
        (9090, "http", ("b", 9090)),
        (None, "80", ("b", 80)),
        ("nosuch", "http", None),
        ("web", "nosuch", None),
    ],
)
def test_the_pod_that_is_asked_is_a_ready_one_at_the_port_behind_the_services(
    target: Any, port: str, asked: Any
) -> None:
    pods = [
        of_service("c"),
        of_service("b"),
        of_service("a", ready=False),
        of_service("0", deletionTimestamp="2026-11-30T09:00:00Z"),
    ]
    assert pod_behind(behind(target), pods, port) == asked


def test_without_service_or_pods_there_is_nobody_to_name() -> None:
    assert pod_behind(None, [of_service("a")], "http") is None
    assert pod_behind(behind("web"), [], "http") is None
