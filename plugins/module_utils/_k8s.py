# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The Kubernetes API as plain dicts: the only file that imports kubernetes and kubernetes.core.

Requests go through the connection pool of kubernetes.core's client, so its authentication, proxy
and TLS options hold, but with time-outs and retries of our own: the client itself has no time-out,
and sleeps for as long as a ``Retry-After`` header tells it to.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import yaml
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException

from ansible_collections.octoblu.bluegreen.plugins.module_utils._apart import within
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._k8s_words import (
    Failure,
    no_answer,
    refusal,
    unreadable,
)

try:
    import urllib3
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException
    from kubernetes.dynamic.exceptions import (
        DynamicApiError,
        ResourceNotFoundError,
        ResourceNotUniqueError,
    )
except ImportError as error:
    _MISSING: ImportError | None = error
else:
    _MISSING = None

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_ARG_SPEC,
    "allow_in_cluster": {"type": "bool", "default": False},
}

Object = dict[str, Any]
T = TypeVar("T")

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 30.0
_DISCOVERY_SECONDS = 20.0
_TRANSIENT = (429, 500, 502, 503, 504)
_PAUSES = (0.2, 0.5, 1.0, 2.0)
_LONGEST_PAUSE = 5.0


def connect(params: Mapping[str, Any]) -> Cluster:
    """Reach the cluster that ``params`` (our ARGUMENT_SPEC) and the environment name.

    Raises InputError where the configuration is unusable, ClusterError where the API does not answer.
    """
    if _MISSING is not None:
        raise InputError(
            f"The Python package {_MISSING.name} is missing from {sys.executable}; "
            "install kubernetes there, or set ansible_python_interpreter to a Python that has it."
        )
    auth = auth_options(params, os.environ)
    try:
        client = _discovered(lambda: get_api_client(None, **auth), lambda: _configured_host(auth))
    except (CoreException, ConfigException, OSError, TypeError, yaml.YAMLError) as error:
        raise InputError(
            f"No usable Kubernetes configuration in {_named(auth)}: {error}; set kubeconfig (or KUBECONFIG), "
            "or host with api_key."
        ) from error
    return Cluster(client)


def auth_options(params: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The authentication options for kubernetes.core, with a kubeconfig wherever it would guess.

    Left alone, kubernetes.core tries the account of the pod it runs in before any kubeconfig: a
    deploy from a CI job inside one cluster would land in that cluster instead of the configured one.
    """
    auth = {name: params[name] for name in AUTH_ARG_SPEC if params.get(name) is not None}

    def given(option: str, *environment: str) -> bool:
        names = (option.upper(), *environment)
        return bool(auth.get(option)) or any(environ.get(f"K8S_AUTH_{name}") for name in names)

    by_host = given("host") and (
        given("api_key")
        or (given("username") and given("password"))
        or (given("client_cert", "CERT_FILE") and given("client_key", "KEY_FILE"))
    )
    if by_host or given("kubeconfig"):
        return auth
    if environ.get("KUBECONFIG"):
        auth["kubeconfig"] = environ["KUBECONFIG"]
    elif not params.get("allow_in_cluster") or given("context"):
        auth["kubeconfig"] = "~/.kube/config"
    return auth


class Cluster:
    """One cluster's API. Every failure is a ClusterError with ``status`` and ``reason``."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._api = client.client.client
        self._pool = self._api.rest_client.pool_manager
        self._clock_offset: float | None = None

    @property
    def host(self) -> str:
        return str(self._api.configuration.host)

    def now(self) -> float | None:
        """Seconds since the epoch by the API server's clock, as its last answer showed it."""
        return None if self._clock_offset is None else time.monotonic() + self._clock_offset

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when there is none of that name."""
        action = f"read {_what(kind, name, namespace)}"
        path = self._path(api_version, kind, namespace, name)
        status, _headers, body = self._send("GET", path, action)
        answer = _decoded(action, self.host, status, body)
        if status == 404 and answer.get("kind") == "Status" and answer.get("details"):
            return None
        return self._checked(action, status, answer)

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[Object], str]:
        """The objects, each with its kind and apiVersion, and the version of the list to watch from."""
        action = f"list {_what(kind, None, namespace)}"
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        path = self._path(api_version, kind, namespace)
        answer = self._json("GET", path, action, query)
        items = [{**item, "apiVersion": api_version, "kind": kind} for item in answer.get("items") or []]
        return items, str(answer["metadata"]["resourceVersion"])

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        resource_version: str = "",
        seconds: int = 45,
    ) -> Watch:
        """Open one stream of changes after ``resource_version``, which the server ends after ``seconds``."""
        action = f"watch {_what(kind, None, namespace)}"
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
        }
        path = self._path(api_version, kind, namespace)
        response = self._open("GET", path, action, query, read_seconds=seconds + _CONNECT_SECONDS)
        if response.status != 200:
            body = _read(response, action, self.host)
            self._checked(action, response.status, _decoded(action, self.host, response.status, body))
        return Watch(response, action, self.host)

    def create(self, api_version: str, kind: str, namespace: str | None, body: Object) -> Object:
        name = (body.get("metadata") or {}).get("name")
        path = self._path(api_version, kind, namespace)
        return self._json("POST", path, f"create {_what(kind, name, namespace)}", body=body)

    def replace(self, api_version: str, kind: str, name: str, namespace: str | None, body: Object) -> Object:
        path = self._path(api_version, kind, namespace, name)
        return self._json("PUT", path, f"replace {_what(kind, name, namespace)}", body=body)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None,
        body: Object,
        resource_version: str | None = None,
    ) -> Object:
        """Send a merge patch; with ``resource_version`` it is refused (409) if the object has moved on."""
        if resource_version is not None:
            metadata = {**(body.get("metadata") or {}), "resourceVersion": resource_version}
            body = {**body, "metadata": metadata}
        path = self._path(api_version, kind, namespace, name)
        action = f"change {_what(kind, name, namespace)}"
        return self._json("PATCH", path, action, body=body, content_type="application/merge-patch+json")

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
        """Delete in the background; False when there was nothing of that name."""
        action = f"delete {_what(kind, name, namespace)}"
        path = self._path(api_version, kind, namespace, name)
        body: Object = {"propagationPolicy": "Background"}
        status, _headers, answer = self._send("DELETE", path, action, body=body)
        decoded = _decoded(action, self.host, status, answer)
        if status == 404 and decoded.get("details"):
            return False
        self._checked(action, status, decoded)
        return True

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        timeout: float = _READ_SECONDS,
    ) -> tuple[int, dict[str, str], bytes]:
        """One raw request (logs, the service proxy), sent once: whatever answers is handed back."""
        action = f"{method} {path}"
        response = self._open(method, path, action, query, read_seconds=timeout)
        return response.status, dict(response.headers), _read(response, action, self.host)

    def _path(self, api_version: str, kind: str, namespace: str | None, name: str | None = None) -> str:
        try:
            resource = _discovered(lambda: self._client.resource(kind, api_version), lambda: self.host)
        except (ResourceNotFoundError, ResourceNotUniqueError) as error:
            raise InputError(
                f'{self.host} knows no kind "{kind}" in apiVersion "{api_version}"; '
                "check both (kubectl api-resources lists them)."
            ) from error
        if resource.namespaced and name and not namespace:
            raise InputError(f'{kind} "{name}" lives in a namespace; name it with namespace.')
        return str(resource.path(name=name, namespace=namespace if resource.namespaced else None))

    def _json(
        self,
        method: str,
        path: str,
        action: str,
        query: Mapping[str, Any] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        status, _headers, answer = self._send(method, path, action, query, body, content_type)
        return self._checked(action, status, _decoded(action, self.host, status, answer))

    def _checked(self, action: str, status: int, answer: Object) -> Object:
        if 200 <= status < 300:
            return answer
        raise _raised(refusal(action, self.host, status, answer))

    def _send(
        self,
        method: str,
        path: str,
        action: str,
        query: Mapping[str, Any] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send, and again what surely was not carried out: reads, refused connections, 429."""
        for pause in (*_PAUSES, None):
            try:
                response = self._open(method, path, action, query, body, content_type)
                answer = _read(response, action, self.host)
            except ClusterError as error:
                if pause is None or not (method == "GET" or error.details["reason"] == "NotConnected"):
                    raise
                time.sleep(pause)
                continue
            again = response.status == 429 or (method == "GET" and response.status in _TRANSIENT)
            if pause is None or not again:
                break
            time.sleep(min(_retry_after(response.headers) or pause, _LONGEST_PAUSE))
        return response.status, response.headers, answer

    def _open(
        self,
        method: str,
        path: str,
        action: str,
        query: Mapping[str, Any] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        read_seconds: float = _READ_SECONDS,
    ) -> Any:
        """Send one request, once, and return urllib3's response with its body unread."""
        pairs = {key: value for key, value in (query or {}).items() if value is not None}
        url = self.host + path + (f"?{urlencode(pairs)}" if pairs else "")
        headers = {**self._api.default_headers, "Accept": "application/json", "Content-Type": content_type}
        token = self._api.configuration.auth_settings().get("BearerToken")
        if token:
            headers[token["key"]] = token["value"]
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _raised(no_answer(action, self.host, error)) from error
        if "Date" in response.headers:
            self._clock_offset = (
                parsedate_to_datetime(response.headers["Date"]).timestamp() - time.monotonic()
            )
        return response


class Watch:
    """Changes as they come: iterate in one thread, close from any."""

    def __init__(self, response: Any, action: str, host: str) -> None:
        self._response = response
        self._action = action
        self._host = host
        self._closed = False

    def __iter__(self) -> Iterator[tuple[str, Object]]:
        """Yield (ADDED | MODIFIED | DELETED | BOOKMARK, object) until the server ends the stream.

        Raises ClusterError when it is cut, or ends with an ERROR (status 410: list again).
        """
        rest = b""
        try:
            for piece in self._response.stream(amt=65536, decode_content=True):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield self._event(line)
        except (urllib3.exceptions.HTTPError, OSError, AttributeError) as error:
            # An AttributeError is what http.client raises when its socket is closed under it.
            if not self._closed:
                raise _raised(no_answer(self._action, self._host, error)) from error
        finally:
            self._response.close()

    def close(self) -> None:
        """End the iteration, even one that is blocked waiting for the next change."""
        self._closed = True
        try:
            self._response.shutdown()
        except (AttributeError, ValueError, RuntimeError, OSError):
            # An urllib3 without shutdown (before 2.3), or a stream that has ended already.
            connection = getattr(self._response, "connection", None)
            if connection is not None and connection.sock is not None:
                connection.close()

    def _event(self, line: bytes) -> tuple[str, Object]:
        try:
            event = json.loads(line)
            kind, thing = event["type"], event["object"]
        except (ValueError, KeyError, TypeError) as error:
            raise _raised(unreadable(self._action, self._host, 200, line)) from error
        if kind == "ERROR":
            raise _raised(refusal(self._action, self._host, int(thing.get("code") or 500), thing))
        return kind, thing


def is_transient(error: ClusterError) -> bool:
    """Whether the same request may well succeed a moment later: no answer, 429, 5xx."""
    status = error.details.get("status")
    return status is None or status in _TRANSIENT


def _raised(failure: Failure) -> ClusterError:
    return ClusterError(failure.message, status=failure.status, reason=failure.reason)


def _what(kind: str, name: str | None, namespace: str | None) -> str:
    thing = f'{kind} "{name}"' if name else f"{kind} objects"
    return f'{thing} in namespace "{namespace}"' if namespace else thing


def _named(auth: Mapping[str, Any]) -> str:
    source = auth.get("kubeconfig") or os.environ.get("K8S_AUTH_KUBECONFIG") or "the environment"
    return source if isinstance(source, str) else "the kubeconfig given as a dictionary"


def _read(response: Any, action: str, host: str) -> bytes:
    try:
        return bytes(response.read(decode_content=True))
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _raised(no_answer(action, host, error)) from error
    finally:
        response.release_conn()


def _decoded(action: str, host: str, status: int, body: bytes) -> Object:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    raise _raised(unreadable(action, host, status, body))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _discovered(call: Callable[[], T], host: Callable[[], str]) -> T:
    """Discovery through kubernetes.core, which has no time-out, with ours and our sentences."""
    action = "find out what the API offers"
    for pause in (*_PAUSES, None):
        try:
            return within(_DISCOVERY_SECONDS, call)
        except DynamicApiError as error:
            try:
                answer = json.loads(error.body or "null")
            except ValueError:
                answer = None
            failure = refusal(action, host(), error.status, answer if isinstance(answer, dict) else {})
            if pause is None or failure.status not in _TRANSIENT:
                raise _raised(failure) from error
        except (urllib3.exceptions.HTTPError, TimeoutError) as error:
            if pause is None or isinstance(error, TimeoutError):
                raise _raised(no_answer(action, host(), error)) from error
        time.sleep(pause)
    raise AssertionError("the last round returns or raises")


def _configured_host(auth: Mapping[str, Any]) -> str:
    """Where the client was about to go, for the time before there is a client."""
    given = auth.get("host") or os.environ.get("K8S_AUTH_HOST")
    return str(given or Configuration.get_default_copy().host or "the cluster")
