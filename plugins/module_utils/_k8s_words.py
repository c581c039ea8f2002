# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What to tell a person when the Kubernetes API refuses or does not answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Failure:
    """One sentence, and what it was made from; ``status`` is None when there was no HTTP answer.

    ``causes`` are the API's own, one a field: C(field), C(reason), C(message).
    """

    message: str
    status: int | None
    reason: str | None
    causes: tuple[Mapping[str, Any], ...] = ()


_ADVICE = {
    401: "the cluster does not accept these credentials: renew the token, or log in again",
    403: "give this user that verb on that resource (Role and RoleBinding)",
    409: "somebody else changed it in between: run it again",
    429: "the API server is overloaded: try again later",
}


def refusal(action: str, host: str, status: int, answer: Mapping[str, Any]) -> Failure:
    """The API answered with an error; ``answer`` is its Status object, or empty."""
    reason = answer.get("reason")
    told = _one_line(str(answer.get("message") or "no message"))
    label = f"{status} {reason}" if reason else str(status)
    advice = _ADVICE.get(status)
    if advice is None and status >= 500:
        advice = "the API server is in trouble: try again later"
    text = f"Could not {action} at {host}: {label}: {told}"
    causes = tuple((answer.get("details") or {}).get("causes") or ())
    return Failure(_sentence(text, advice), status, reason, causes)


def unreadable(action: str, host: str, status: int, body: bytes) -> Failure:
    """Something answered that does not speak Kubernetes' JSON."""
    shown = _one_line(body[:200].decode("utf-8", "replace")) or "nothing"
    text = f"Could not {action} at {host}: {status} with {shown!r} instead of JSON"
    return Failure(_sentence(text, "check that this address is a Kubernetes API"), status, None)


def no_answer(action: str, host: str, error: BaseException) -> Failure:
    """No HTTP answer at all. ``reason`` is NotConnected when the request was surely not carried out."""
    cause = getattr(error, "reason", None)
    if isinstance(cause, BaseException):
        error = cause
    names = {kind.__name__ for kind in type(error).__mro__}
    # urllib3 puts its own object and the address before the operating system's words.
    told = _one_line(str(error.args[-1] if error.args else "")).rpartition(": ")[2] or type(error).__name__
    reason: str | None = None
    if "SSLError" in names or "CertificateError" in names:
        reason, advice = (
            "TLS",
            "check ca_cert, the certificates in the kubeconfig and that this port speaks TLS",
        )
        told = f"TLS failed: {told}"
    elif "NameResolutionError" in names:
        reason, advice = "NotConnected", "check the host name and the DNS"
        told = f"the name does not resolve ({told})"
    elif "ConnectTimeoutError" in names or "NewConnectionError" in names:
        # NewConnectionError is a ConnectTimeoutError in urllib3 1.
        reason, advice = "NotConnected", "check the address, the VPN and the firewall"
        told = f"no connection ({told})"
    elif "TimeoutError" in names or "ReadTimeoutError" in names:
        advice = "check the address, the VPN and the firewall"
    else:
        advice = "check that the API server is up"
        told = f"the connection was cut ({told})"
    return Failure(_sentence(f"Could not {action} at {host}: {told}", advice), None, reason)


def _sentence(text: str, advice: str | None) -> str:
    return f"{text}; {advice}." if advice else f"{text.rstrip('.')}."


def _one_line(text: str) -> str:
    return " ".join(text.split())
