# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""HTTP to the Kubernetes API, over a connection pool that is given: time-outs, retries, streams.

The kubernetes client has no time-out of its own, and its pool sleeps for as long as a ``Retry-After``
header tells it to: both would outlast any deadline.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

try:
    import urllib3
except ImportError:
    # The kubernetes library brings it; client.py says so when that is missing.
    pass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.refusals import (
    Failure,
    no_answer,
    no_header,
    refusal,
    unreadable,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PAUSES = (0.2, 0.5, 1.0, 2.0)
_LONGEST_PAUSE = 5.0
_READABLE = 65536
_TRANSIENT = (429, 500, 502, 503, 504)

Object = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


# One header holds one warning or, joined on the way, several with commas between them.
_WARNING = re.compile(r'299 [^ ]+ "((?:[^"\\]|\\.)*)"')


def warnings(headers: Mapping[str, str]) -> list[str]:
    """What the API server says of a request that it has accepted.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#warnings
    """
    told = _WARNING.findall(headers.get("Warning") or "")
    return [re.sub(r"\\(.)", r"\1", text) for text in told]


class Wire:
    """Requests to one host. ``action`` is what they are for, as in: Could not <action> at <host>.

    A ``query`` is names and values, or what stands behind the question mark as it is.
    """

    def __init__(
        self, pool: Any, host: str, headers: Callable[[], Mapping[str, str]], proxy: str = ""
    ) -> None:
        """``headers`` gives those of authentication, fresh for every request: tokens are renewed."""
        self.host = host
        self.proxy = proxy
        self._pool = pool
        self._headers = headers
        self._clock_offset: float | None = None

    def now(self) -> float | None:
        """Seconds since the epoch by the server's clock, as its last answer showed it."""
        return None if self._clock_offset is None else time.monotonic() + self._clock_offset

    def send(
        self,
        method: str,
        path: str,
        action: str,
        query: Mapping[str, Any] | str | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Send, and again what surely was not carried out: reads, refused connections, 429."""
        for pause in (*PAUSES, None):
            try:
                answer = self.send_once(method, path, action, query, body, content_type)
            except ClusterError as error:
                if pause is None or not (method == "GET" or error.details["reason"] == "NotConnected"):
                    raise
                time.sleep(pause)
                continue
            again = answer.status == 429 or (method == "GET" and answer.status in _TRANSIENT)
            if pause is None or not again:
                break
            time.sleep(min(_retry_after(answer.headers) or pause, _LONGEST_PAUSE))
        return answer

    def send_once(
        self,
        method: str,
        path: str,
        action: str,
        query: Mapping[str, Any] | str | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        read_seconds: float = READ_SECONDS,
    ) -> Answer:
        response = self._open(method, path, action, query, body, content_type, read_seconds)
        return self._read(response, action)

    def watch(self, path: str, action: str, query: Mapping[str, Any], seconds: int) -> Watch:
        """Open a stream that the server is asked to end after ``seconds``."""
        query = {**query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        response = self._open("GET", path, action, query, read_seconds=seconds + CONNECT_SECONDS)
        if response.status != 200:
            self.checked(action, self._read(response, action))
        return Watch(response, action, self.host)

    def decoded(self, action: str, answer: Answer) -> Object:
        """The JSON object that was answered, whatever the status."""
        try:
            thing = json.loads(answer.body)
        except ValueError:
            thing = None
        if isinstance(thing, dict):
            return thing
        raise raised(unreadable(action, self.host, answer.status, KNOWN.mask_error(_text(answer.body))))

    def checked(self, action: str, answer: Answer) -> Object:
        """The JSON object of a good answer; anything else is raised."""
        thing = self.decoded(action, answer)
        if 200 <= answer.status < 300:
            return thing
        raise raised(refusal(action, self.host, answer.status, thing))

    def _open(
        self,
        method: str,
        path: str,
        action: str,
        query: Mapping[str, Any] | str | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        read_seconds: float = READ_SECONDS,
    ) -> Any:
        """Send one request, once; urllib3's response has its body unread."""
        encoded = query if isinstance(query, str) else _encoded(query or {})
        url = self.host + path + (f"?{encoded}" if encoded else "")
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers={**self._headers(), "Accept": "application/json", "Content-Type": content_type},
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise raised(no_answer(action, self.host, error, self.proxy)) from error
        except ValueError:
            # http.client's words quote the header.
            raise raised(no_header(action, self.host)) from None
        if "Date" in response.headers:
            shown = parsedate_to_datetime(response.headers["Date"]).timestamp()
            self._clock_offset = shown - time.monotonic()
        return response

    def _read(self, response: Any, action: str) -> Answer:
        try:
            return Answer(response.status, response.headers, bytes(response.read(decode_content=True)))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise raised(no_answer(action, self.host, error)) from error
        finally:
            response.release_conn()


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
            # http.client raises an AttributeError when its socket is closed under it.
            if not self._closed:
                raise raised(no_answer(self._action, self._host, error)) from error
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
            raise raised(unreadable(self._action, self._host, 200, KNOWN.mask_error(_text(line)))) from error
        if kind == "ERROR":
            raise raised(refusal(self._action, self._host, int(thing.get("code") or 500), thing))
        return kind, thing


def _text(body: bytes) -> str:
    """Masked before it is cut: half a secret is found by nobody."""
    return body[:_READABLE].decode("utf-8", "replace")


def _encoded(query: Mapping[str, Any]) -> str:
    return urlencode({key: value for key, value in query.items() if value is not None})


def raised(failure: Failure) -> ClusterError:
    details: dict[str, Any] = {"status": failure.status, "reason": failure.reason}
    if failure.causes:
        details["causes"] = [dict(cause) for cause in failure.causes]
    return ClusterError(failure.message, **details)


def is_transient(error: ClusterError) -> bool:
    """Whether the same request may well succeed a moment later: no answer, 429, 5xx."""
    status = error.details["status"]
    return status is None or status in _TRANSIENT


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
