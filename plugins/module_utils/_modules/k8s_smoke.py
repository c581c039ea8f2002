# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.k8s_smoke)."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible.module_utils.urls import open_url

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster import client as cluster_client
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN, of_url
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_lock import renew
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.smoke import (
    Outcome,
    Verdict,
    expecting,
    is_refused,
    judge_proxied,
    judge_silence,
    judge_url,
    pod_behind,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import within

_PAUSE = 0.2

# How much of an answer is read, in bytes: what an error shows of it, and what is searched for what is expected.
_READ = 4096
_SEARCHED = 1 << 20
# What another request in a moment may be answered better to.
_AGAIN = (Outcome.NOT_YET, Outcome.ANOTHERS)

# What the last request of all is given, in seconds, so that its time-out does not hide the answer before it.
_LAST_ASK = 1.0


def run(
    params: Mapping[str, Any], check_mode: bool, client: cluster_client.Cluster | None, show: Show
) -> Result:
    if check_mode:
        return {"changed": False, "answered": False, "elapsed": 0.0}
    if params["timeout"] < 1:
        raise InputError(f"timeout is {params['timeout']}; it must be at least 1 second.")
    if client and params["lock"]:
        lock = params["lock"]
        renew(client, lock["name"], params["namespace"], lock["token"], lock["phase"], lock["seconds"])
    started = time.monotonic()
    where, ask = _ask_proxy(params, client) if client and not params["url"] else _ask_url(params, started)
    verdict = ask()
    while verdict.outcome in _AGAIN and time.monotonic() - started < params["timeout"]:
        time.sleep(_PAUSE)
        verdict = ask()
    elapsed = round(time.monotonic() - started, 3)
    told = f"{where}, at pod {verdict.pod}," if verdict.pod else where
    if verdict.outcome in (Outcome.BAD, *_AGAIN):
        raise ClusterError(
            f"{told} {verdict.why}.",
            answered=verdict.outcome is not Outcome.NOT_YET,
            cause=f"{told} {verdict.cause}",
            elapsed=elapsed,
            pod=verdict.pod,
        )
    result: Result = {
        "changed": False,
        "answered": verdict.outcome is Outcome.GOOD,
        "asked": f"GET {where}" if params["url"] else f"GET {_path(params)} by the Kubernetes API",
        "pod": verdict.pod,
        "elapsed": elapsed,
    }
    if verdict.outcome is Outcome.SILENT:
        result["warnings"] = [f"{where} {verdict.why}: nothing was learnt about the application itself."]
    return result


def _path(params: Mapping[str, Any]) -> str:
    """Without a query, which is for the application alone."""
    return "/" + str(params["path"]).lstrip("/").partition("?")[0]


def _left(params: Mapping[str, Any], started: float) -> float:
    return max(float(params["timeout"]) - (time.monotonic() - started), _LAST_ASK)


def _ask_proxy(
    params: Mapping[str, Any], client: cluster_client.Cluster
) -> tuple[str, Callable[[], Verdict]]:
    namespace, service, port = params["namespace"], params["service"], params["port"]
    path, _mark, query = params["path"].lstrip("/").partition("?")
    # Each is given the whole time: silence lets a release pass, so it must not be for want of patience.
    seconds = params["timeout"]

    def send(kind: str, name: str, port: str | int) -> tuple[int, Mapping[str, str], bytes]:
        proxy = f"/api/v1/namespaces/{namespace}/{kind}/http:{name}:{port}/proxy/{path}"
        return client.request("GET", proxy, query, seconds)

    def answer() -> Verdict:
        pod = _pod(client, namespace, service, port)
        status, headers, body = send("pods", *pod) if pod else send("services", service, port)
        if pod and is_refused(status, body):
            # A pod may be gone since, and whoever may ask a Service need not be allowed to ask a pod.
            pod = None
            status, headers, body = send("services", service, port)
        shown = _masked(body)
        verdict = expecting(judge_proxied(status, shown), params["expect"], status, headers, body, shown)
        return replace(verdict, pod=pod[0] if pod else "")

    def ask() -> Verdict:
        try:
            return within(seconds, answer)
        except (ClusterError, TimeoutError) as error:
            return Verdict(Outcome.SILENT, f"did not answer ({error})")

    return f"Service {service} (port {port}, path /{path}) through the Kubernetes API", ask


def _pod(client: cluster_client.Cluster, namespace: str, service: str, port: str) -> tuple[str, int] | None:
    """One that the Service leads to, and its port: the API server does not say which one it has asked for it."""
    try:
        found = client.get("v1", "Service", service, namespace)
        selector = ((found or {}).get("spec") or {}).get("selector") or {}
        if not selector:
            return None
        wanted = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        pods, _version = client.list("v1", "Pod", namespace, wanted)
    except ClusterError:
        # Who may ask through the Service may not be allowed to look at it.
        return None
    return pod_behind(found, pods, port)


def _ask_url(params: Mapping[str, Any], started: float) -> tuple[str, Callable[[], Verdict]]:
    url = params["url"]
    KNOWN.learn(*of_url(url))
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"url {url} is not an address to ask: use http://... or https://...")

    def answer(left: float) -> Verdict:
        expected = params["expect"]
        try:
            response = open_url(url, timeout=left, follow_redirects="none")
            body = response.read(_SEARCHED if expected else _READ)
            shown = _masked(body)
            verdict = judge_url(response.status, shown)
            return expecting(verdict, expected, response.status, response.headers, body, shown)
        except urllib.error.HTTPError as error:
            return judge_url(error.code, _masked(error.read(_READ)))

    def ask() -> Verdict:
        left = _left(params, started)
        try:
            # The time-outs of a connection are for every piece of an answer.
            return within(left, lambda: answer(left))
        except OSError as error:
            return judge_silence(error)
        except http.client.HTTPException as error:
            return Verdict(Outcome.BAD, f"did not answer in HTTP ({error})", "did not answer in HTTP")

    # A name and password, and a query, are for the application alone.
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")), ask


def _masked(body: bytes) -> bytes:
    """Before it is cut to what is shown: half a secret is found by nobody."""
    return str(KNOWN.mask(body)).encode()


def connect(params: Mapping[str, Any]) -> cluster_client.Cluster | None:
    """No cluster is needed to ask an address alone."""
    return None if params["url"] and not params["lock"] else cluster_client.connect(params)
