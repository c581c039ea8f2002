from __future__ import annotations

import ssl
from http.client import IncompleteRead, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest
import yaml
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.refusals import no_answer, refusal

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


# Of what an API server 1.32 answered, and how its sentence must end; None where it says all by itself.
ADVICE = {
    "create-in-terminating-namespace": "the namespace is being deleted: wait until it is gone and create it again",
    "forbidden-list": "give this user that verb on that resource (Role and RoleBinding)",
    "forbidden-sub": "give this user that verb on that resource (Role and RoleBinding)",
    "lease-create-again": "somebody else made it in between: run it again",
    "exists": "somebody else made it in between: run it again",
    "cm-put-stale": "somebody else changed it in between: run it again",
    "lease-delete-uid": "somebody else made it anew in between: run it again",
    "cm-nons": "create the namespace first, or check its name and the cluster",
    "lease-get-missing": None,
    "cm-badkey": None,
    "big-cm": None,
    "cm-badpatchtype": "the API server is too old for this, or something between changes the request",
    "unauth": "the cluster does not accept these credentials: renew the token, or log in again",
}


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    path = Path(__file__).resolve().parents[3] / "fixtures" / "kubernetes_api" / "errors.yaml"
    return {case["case"]: case for case in yaml.safe_load(path.read_text())["cases"]}


@pytest.mark.parametrize(("case", "advice"), ADVICE.items())
def test_the_advice_fits_the_cause_that_the_api_names(
    case: str, advice: str | None, recorded: dict[str, Any]
) -> None:
    answer = recorded[case]
    message = refusal("do it", "https://api", answer["status"], answer["body"]).message
    if advice is None:
        assert (
            message
            == f"Could not do it at https://api: {answer['status']} {answer['body']['reason']}: "
            + (" ".join(answer["body"]["message"].split()) + ".")
        )
    else:
        assert f"; {advice}" in message


QUOTA = "exceeded quota: one-pod, requested: pods=1, used: pods=1, limited: pods=1"


@pytest.mark.parametrize(
    ("status", "told", "advice"),
    [
        (403, f'pods "x" is forbidden: {QUOTA}', "free some of that quota"),
        (403, 'pods "x" is forbidden: failed quota: q: must specify limits.cpu', "give the containers what"),
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:v1": runAsNonRoot', "securityContext"),
        (403, 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2', "LimitRange"),
        (
            403,
            'admission webhook "policy.example.com" denied the request: no',
            "a rule of this cluster forbids it",
        ),
        (
            400,
            'admission webhook "policy.example.com" denied the request: no',
            "a rule of this cluster forbids it",
        ),
        (422, "ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no", "a rule of this cluster"),
        (
            500,
            'Internal error occurred: failed calling webhook "w": no endpoints',
            "admission webhook does not answer",
        ),
        (413, "Request entity too large: limit is 3145728", "make the object smaller"),
        (500, "etcd is gone", "the API server is in trouble"),
    ],
)
def test_the_advice_fits_the_words_where_the_api_has_no_code_for_the_cause(
    status: int, told: str, advice: str
) -> None:
    message = refusal("do it", "https://api", status, {"message": told, "reason": "Forbidden"}).message
    assert told in message
    assert advice in message
    assert "RoleBinding" not in message


@pytest.mark.parametrize(
    ("original", "told"),
    [
        (REFUSED, "[Errno 111] Connection refused"),
        (
            OSError("Tunnel connection failed: 407 Proxy Authentication Required"),
            "407 Proxy Authentication Required",
        ),
    ],
)
def test_a_proxy_is_blamed_for_itself(original: Exception, told: str) -> None:
    for error in (
        ProxyError("Cannot connect to proxy", original),
        MaxRetryError(POOL, "/", ProxyError("x", original)),
    ):
        failure = no_answer("do it", "https://api", error, "http://proxy:3128")
        assert failure.message == (
            f"Could not do it at https://api: the proxy http://proxy:3128 lets nothing through ({told}); "
            "check proxy-url in the kubeconfig, proxy, HTTPS_PROXY and NO_PROXY."
        )
        assert (failure.status, failure.reason) == (None, "NotConnected")
