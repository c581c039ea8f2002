# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What the answer to a smoke request says about the color that was asked."""

from __future__ import annotations

import json
import socket
import ssl
import urllib.error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

_SHOWN = 200

# What the API server says when it reached the pods' network and nobody was there. Its other refusals
# (no route, time-out, no rights) are about its own way to the pods, which is not the load balancer's.
_NOBODY_THERE = ("connection refused", "connection reset", "EOF", "tls:", "no service port")
_HUNG_UP = ("connection reset", "EOF", "tls:")
_NOT_THIS_WAY = (
    "; pods that speak TLS, or to a service mesh alone, have to be asked at an address or through the preview"
)
_NOT_YET = "no endpoints available"

# What a load balancer answers in the place of an application that it does not reach, or not yet:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/ts-elb-error-message.html
_GATEWAY = (502, 503, 504)

# What it is called when nothing answers.
_SILENCES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (TimeoutError, "timed out"),
    (socket.gaierror, "its name is not known"),
)


class Outcome(Enum):
    GOOD = "good"
    BAD = "bad"
    # A Service learns of a ready pod, and a load balancer of a listener or an instance, a moment late.
    NOT_YET = "not yet"
    # A good answer that is not the wanted release's, as of a load balancer that has not moved on yet.
    ANOTHERS = "another's"
    # Nothing was learnt: the request never came as far as the application.
    SILENT = "silent"


@dataclass(frozen=True)
class Verdict:
    """``why`` completes the sentence "<who was asked> ..."; it is empty when the answer is good.

    ``cause`` completes it too, in our own words alone, so that a record may keep it. ``pod`` is who was asked, empty
    where nobody can tell.
    """

    outcome: Outcome
    why: str = ""
    cause: str = ""
    pod: str = ""


def preview_url(router: Router | None, color: str, target: str, path: str) -> str:
    """The address at which the router shows a color apart; InputError where nothing of its ``target`` is shown."""
    shown = router.shown_at(color) if router else None
    if shown:
        return f"{shown}/{path.lstrip('/')}"
    raise InputError(
        f"The smoke request goes through the preview, and nothing shows {color} there ({target}): run preview.yml first."
    )


def pod_behind(
    service: Mapping[str, Any] | None, pods: Sequence[Mapping[str, Any]], port: str
) -> tuple[str, int] | None:
    """A ready one of the ``pods`` that a Service selects, and its port behind the Service's; None where there is none.

    ``port`` is the Service's port by its name, or by its number.
    """
    listed = ((service or {}).get("spec") or {}).get("ports") or ()
    found = next((each for each in listed if port in (each.get("name"), str(each["port"]))), None)
    if found is None:
        return None
    target = found.get("targetPort") or found["port"]
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        read = read_pod(pod)
        declared = {
            each.get("name"): each["containerPort"]
            for container in pod["spec"]["containers"]
            for each in container.get("ports") or ()
        }
        number = target if isinstance(target, int) else declared.get(target)
        if read.ready and read.counts and number:
            return read.name, int(number)
    return None


def is_refused(status: int, body: bytes) -> bool:
    """Whether it is the API server that lets nobody ask, or knows nobody to ask, there."""
    return status in (403, 404) and _refusal(status, body) is not None


def expecting(
    verdict: Verdict, expected: str, status: int, headers: Mapping[str, str], body: bytes, shown: bytes
) -> Verdict:
    """A good answer is the wanted release's when its ``body`` or a header holds what is ``expected``, if anything is.

    ``shown`` is the body as it may be quoted.
    """
    if not expected or verdict.outcome is not Outcome.GOOD:
        return verdict
    if expected.encode() in body or any(expected in value for value in headers.values()):
        return verdict
    lacks = "in neither its body nor a header"
    return Verdict(
        Outcome.ANOTHERS,
        f"answered {status} with '{expected}' (bluegreen_smoke_expect) {lacks}{_quote(shown)}",
        f"answered {status} with what was expected {lacks}",
    )


def judge_url(status: int, body: bytes) -> Verdict:
    """An answer from an address, which may be that of a load balancer in front of the application."""
    verdict = _judge_answer(status, body)
    return replace(verdict, outcome=Outcome.NOT_YET) if status in _GATEWAY else verdict


def judge_silence(error: Exception) -> Verdict:
    """No answer from an address: a certificate does not get better by waiting, anything else may."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        cause = f"has a certificate that does not hold ({reason.verify_message})"
        return Verdict(Outcome.BAD, cause, cause)
    for kind, words in _SILENCES:
        if isinstance(reason, kind):
            return Verdict(Outcome.NOT_YET, f"did not answer ({error})", f"did not answer ({words})")
    return Verdict(Outcome.NOT_YET, f"did not answer ({error})", f"did not answer ({type(reason).__name__})")


def _judge_answer(status: int, body: bytes) -> Verdict:
    """The application's own answer."""
    if 200 <= status <= 399:
        return Verdict(Outcome.GOOD)
    answered = f"answered {status}"
    return Verdict(Outcome.BAD, f"{answered}{_quote(body)}", answered)


def judge_proxied(status: int, body: bytes) -> Verdict:
    """An answer through the API server's service proxy, which may be the API server's own."""
    refusal = _refusal(status, body)
    if refusal is None:
        return _judge_answer(status, body)
    message = str(refusal.get("message") or refusal.get("reason") or status)
    why = f"did not answer ({message})"
    # An application can answer with a Status too, so a record gets the sign and not the message.
    sign = next((sign for sign in (_NOT_YET, *_NOBODY_THERE) if sign in message), None)
    cause = f"did not answer ({sign or status})"
    if sign == _NOT_YET:
        return Verdict(Outcome.NOT_YET, why, cause)
    if status == 404 or sign:
        return Verdict(Outcome.BAD, why + (_NOT_THIS_WAY if sign in _HUNG_UP else ""), cause)
    return Verdict(Outcome.SILENT, why, cause)


def _refusal(status: int, body: bytes) -> Mapping[str, Any] | None:
    """The API server's Status, which it never sends in the application's stead below 400."""
    if status < 400:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    if isinstance(document, dict) and document.get("kind") == "Status" and document.get("apiVersion") == "v1":
        return document
    return None


def _quote(body: bytes) -> str:
    text = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
    return f": {text}" if text else " with an empty body"
