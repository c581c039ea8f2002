# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What the answer to a smoke request says about the color that was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError

_SHOWN = 200

# What the API server says when it reached the pods' network and nobody was there. Its other refusals
# (no route, time-out, no rights) are about its own way to the pods, which is not the load balancer's.
_NOBODY_THERE = ("connection refused", "connection reset", "EOF", "tls:", "no service port")
_NOT_YET = "no endpoints available"


class Outcome(Enum):
    GOOD = "good"
    BAD = "bad"
    # The Service knows of no ready pod, which it learns a moment after the pod is.
    NOT_YET = "not yet"
    # Nothing was learnt: the request never came as far as the application.
    SILENT = "silent"


@dataclass(frozen=True)
class Verdict:
    """``why`` completes the sentence "<who was asked> ..."; it is empty when the answer is good."""

    outcome: Outcome
    why: str = ""


def preview_url(router: Mapping[str, Any] | None, color: str, node_ports: Sequence[int], path: str) -> str:
    """The address at which the router (an entry of elb_color_facts) shows a color apart; InputError where it does not."""
    facts = router or {}
    preview = facts.get("preview_port")
    for listener in facts.get("listeners") or ():
        if listener["instance_port"] in node_ports and preview in (None, listener["port"]):
            scheme = "https" if listener["protocol"] == "HTTPS" else "http"
            return f"{scheme}://{facts['dns_name']}:{listener['port']}/{path.lstrip('/')}"
    raise InputError(
        f"The smoke request goes through the preview, and nothing shows {color} there "
        f"(node port {', '.join(str(port) for port in node_ports)}): run preview.yml first."
    )


def judge_url(status: int, body: bytes) -> Verdict:
    """The application's own answer."""
    if 200 <= status <= 399:
        return Verdict(Outcome.GOOD)
    return Verdict(Outcome.BAD, f"answered {status}{_quote(body)}")


def judge_proxied(status: int, body: bytes) -> Verdict:
    """An answer through the API server's service proxy, which may be the API server's own."""
    refusal = _refusal(status, body)
    if refusal is None:
        return judge_url(status, body)
    message = str(refusal.get("message") or refusal.get("reason") or status)
    why = f"did not answer ({message})"
    if _NOT_YET in message:
        return Verdict(Outcome.NOT_YET, why)
    if status == 404 or any(sign in message for sign in _NOBODY_THERE):
        return Verdict(Outcome.BAD, why)
    return Verdict(Outcome.SILENT, why)


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
