from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._smoke import (
    Outcome,
    judge_proxied,
    judge_url,
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
        (503, b"x" * 1000, "answered 503: " + "x" * 200),
        (503, b"\xff{", "answered 503: \ufffd{"),
        (503, b'{"kind": "Outage"}', 'answered 503: {"kind": "Outage"}'),
        (400, b"[1]", "answered 400: [1]"),
    ],
)
def test_a_bad_answer_is_told_with_its_first_bytes(judge: Any, code: int, body: bytes, why: str) -> None:
    verdict = judge(code, body)
    assert (verdict.outcome, verdict.why) == (Outcome.BAD, why)


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
    assert (verdict.outcome, verdict.why) == (outcome, f"did not answer ({message})")


def test_an_application_may_answer_with_a_status_of_its_own_when_all_is_well() -> None:
    assert judge_proxied(200, status(200, "fine")).outcome is Outcome.GOOD
