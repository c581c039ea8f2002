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
    """One sentence, and what it was made from.

    ``status`` is None when there was no HTTP answer, 0 when there was no request. ``causes`` are the API's
    own, one a field: C(field), C(reason), C(message).
    """

    message: str
    status: int | None
    reason: str | None
    causes: tuple[Mapping[str, Any], ...] = ()


_ADVICE = {
    401: "the cluster does not accept these credentials: renew the token, or log in again",
    403: "give this user that verb on that resource (Role and RoleBinding)",
    409: "somebody else changed it in between: run it again",
    413: "make the object smaller, or move what is in it elsewhere",
    415: "the API server is too old for this, or something between changes the request",
    429: "the API server is overloaded: try again later",
}

# What the API names as the cause, in its own words where it has no code for it; None where these say all.
# A refusal by name of an object that is not there, or of what is wrong in it, needs no advice either.
_CAUSES: tuple[tuple[int, str, str | None], ...] = (
    (
        403,
        "is being terminated",
        "the namespace is being deleted: wait until it is gone and create it again, or use another one",
    ),
    (
        403,
        "exceeded quota",
        "free some of that quota (retire.yml scales the idle color to zero), or have it raised",
    ),
    (403, "failed quota", "give the containers what the quota asks for (requests and limits)"),
    (
        403,
        "violates PodSecurity",
        "change the manifests' securityContext as it says, or the namespace's pod-security label",
    ),
    (403, "per Container is", "keep within the namespace's LimitRange"),
    (403, "per Pod is", "keep within the namespace's LimitRange"),
    (409, "already exists", "somebody else made it in between: run it again"),
    (409, "the UID in the precondition", "somebody else made it anew in between: run it again"),
)
_WEBHOOK = "admission webhook "
_POLICY = "ValidatingAdmissionPolicy"
_UNREACHED = "failed calling webhook"


def _advice(status: int, answer: Mapping[str, Any], told: str) -> str | None:
    """What to do about the cause that the API names; about the status where it names none."""
    details = answer.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    reasons = {cause.get("reason") for cause in causes or () if isinstance(cause, Mapping)}
    if _UNREACHED in told:
        return "the cluster's admission webhook does not answer: ask who runs it, or try again later"
    if (_WEBHOOK in told and "denied the request" in told) or _POLICY in told:
        return "a rule of this cluster forbids it, whoever asks: change the manifests as it says"
    for code, sign, advice in _CAUSES:
        if status == code and (
            sign in told or (sign == "is being terminated" and "NamespaceTerminating" in reasons)
        ):
            return advice
    if status == 404 and isinstance(details, Mapping) and details.get("kind") == "namespaces":
        return "create the namespace first, or check its name and the cluster"
    if status >= 500:
        return "the API server is in trouble: try again later"
    return _ADVICE.get(status)


def refusal(action: str, host: str, status: int, answer: Mapping[str, Any]) -> Failure:
    """The API answered with an error; ``answer`` is its Status object, or empty."""
    reason = answer.get("reason")
    told = _one_line(str(answer.get("message") or "no message"))
    label = f"{status} {reason}" if reason else str(status)
    advice = _advice(status, answer, told)
    text = f"Could not {action} at {host}: {label}: {told}"
    causes = tuple((answer.get("details") or {}).get("causes") or ())
    return Failure(_sentence(text, advice), status, reason, causes)


def unreadable(action: str, host: str, status: int, body: str) -> Failure:
    """Something answered that does not speak Kubernetes' JSON."""
    shown = _one_line(body[:200]) or "nothing"
    text = f"Could not {action} at {host}: {status} with {shown!r} instead of JSON"
    return Failure(_sentence(text, "check that this address is a Kubernetes API"), status, None)


def no_header(action: str, host: str) -> Failure:
    """The request was not sent, because http.client takes no such header."""
    text = f"Could not {action} at {host}: a credential holds a character that no HTTP header can, and nothing was sent"
    advice = "give the token, impersonate_user, impersonate_groups and proxy_headers as they were issued, each on one line"
    return Failure(_sentence(text, advice), 0, "NotSent")


def no_answer(action: str, host: str, error: BaseException, proxy: str = "") -> Failure:
    """No HTTP answer at all. ``reason`` is NotConnected when the request was surely not carried out.

    ``proxy`` is the address, without a password, that the request had to go through.
    """
    cause = getattr(error, "reason", None)
    if isinstance(cause, BaseException):
        error = cause
    names = {kind.__name__ for kind in type(error).__mro__}
    # urllib3 puts its own object and the address before the operating system's words.
    told = _one_line(str(error.args[-1] if error.args else "")).rpartition(": ")[2] or type(error).__name__
    reason: str | None = None
    if "ProxyError" in names:
        original = getattr(error, "original_error", None)
        said = _one_line(str(original or error)).rpartition(": ")[2]
        text = (
            f"Could not {action} at {host}: the proxy {proxy or 'on the way'} lets nothing through ({said})"
        )
        advice = "check proxy-url in the kubeconfig, proxy, HTTPS_PROXY and NO_PROXY"
        return Failure(_sentence(text, advice), None, "NotConnected")
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
