from __future__ import annotations

import ssl
from http.client import IncompleteRead, RemoteDisconnected
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from ansible_collections.octoblu.bluegreen.plugins.module_utils._k8s_words import no_answer, refusal

CONNECTION: Any = HTTPConnection("api")
POOL = HTTPConnectionPool("api")
REFUSED = NewConnectionError(
    CONNECTION, "Failed to establish a new connection: [Errno 111] Connection refused"
)


@pytest.mark.parametrize(
    ("error", "told", "reason"),
    [
        (REFUSED, "no connection ([Errno 111] Connection refused)", "NotConnected"),
        (MaxRetryError(POOL, "/", REFUSED), "no connection ([Errno 111] Connection refused)", "NotConnected"),
        (
            ConnectTimeoutError(CONNECTION, "Connection to api timed out. (connect timeout=5.0)"),
            "no connection (Connection to api timed out. (connect timeout=5.0))",
            "NotConnected",
        ),
        (
            NameResolutionError("api", CONNECTION, Exception("Name or service not known")),
            "the name does not resolve (Failed to resolve 'api' (Name or service not known))",
            "NotConnected",
        ),
        (
            ReadTimeoutError(POOL, "/", "Read timed out. (read timeout=30)"),
            "Read timed out. (read timeout=30)",
            None,
        ),
        (
            ProtocolError(
                "Connection aborted.", RemoteDisconnected("Remote end closed connection without response")
            ),
            "the connection was cut (Remote end closed connection without response)",
            None,
        ),
        (
            ProtocolError("Response ended prematurely"),
            "the connection was cut (Response ended prematurely)",
            None,
        ),
        (
            ProtocolError("Connection broken", IncompleteRead(b"")),
            "the connection was cut (IncompleteRead(0",
            None,
        ),
        (
            ConnectionResetError(104, "Connection reset by peer"),
            "the connection was cut (Connection reset by peer)",
            None,
        ),
        (
            SSLError(
                ssl.SSLError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")
            ),
            "TLS failed: self-signed",
            "TLS",
        ),
    ],
)
def test_no_answer_is_one_sentence_that_says_what_to_check(
    error: Exception, told: str, reason: str | None
) -> None:
    failure = no_answer("list Pod objects", "https://api:6443", error)
    assert failure.message.startswith(f"Could not list Pod objects at https://api:6443: {told}")
    assert "; check " in failure.message
    assert failure.message.endswith(".")
    assert "0x" not in failure.message
    assert (failure.status, failure.reason) == (None, reason)


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (
            401,
            {"reason": "Unauthorized", "message": "Unauthorized"},
            "401 Unauthorized: Unauthorized; the cluster does not",
        ),
        (
            403,
            {"reason": "Forbidden", "message": "pods is forbidden"},
            "403 Forbidden: pods is forbidden; give this user",
        ),
        (422, {"reason": "Invalid", "message": "spec.replicas:\n  no"}, "422 Invalid: spec.replicas: no."),
        (500, {"message": "etcd is gone"}, "500: etcd is gone; the API server is in trouble"),
        (
            404,
            {"message": 'namespaces "x" not found.', "reason": "NotFound"},
            '404 NotFound: namespaces "x" not found.',
        ),
        (400, {}, "400: no message."),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(
    status: int, answer: dict[str, Any], told: str
) -> None:
    failure = refusal("list Pod objects", "https://api:6443", status, answer)
    assert failure.message.startswith(f"Could not list Pod objects at https://api:6443: {told}")
    assert "\n" not in failure.message
    assert not failure.message.endswith("..")
    assert (failure.status, failure.reason) == (status, answer.get("reason"))
