"""Trouble on demand, and the log of what was asked."""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.cluster.errors import ApiError

_LOG_LENGTH = 50_000
_REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


@dataclass
class Fault:
    """What befalls the next `count` requests whose method matches and whose path contains the expression.

    `status` 0 leaves the answer alone; `delay` is in seconds; `drop` closes the connection without an answer.
    """

    method: str = ""
    path: str = ""
    count: int = 1
    status: int = 0
    retry_after: int | None = None
    delay: float = 0
    drop: bool = False

    def matches(self, method: str, path: str) -> bool:
        return self.count > 0 and self.method in ("", method) and re.search(self.path, path) is not None

    def error(self) -> ApiError:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        details = {} if self.retry_after is None else {"retryAfterSeconds": self.retry_after}
        message = f"the sandbox was asked to answer {self.status}"
        return ApiError(self.status, message, _REASONS.get(self.status, ""), details, headers)


@dataclass
class Seen:
    """One request. `status` is 0 until it is answered; `seconds` since the epoch when it came."""

    method: str
    path: str
    query: dict[str, str]
    user: str = ""
    status: int = 0
    seconds: float = field(default_factory=time.time)
    agent: str = ""


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._log: deque[Seen] = deque(maxlen=_LOG_LENGTH)
        # Watches answer 410 until this many have been told so.
        self.expire_watches = 0

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def next_for(self, method: str, path: str) -> Fault | None:
        """The fault that befalls this request, which uses it up by one."""
        for fault in self._faults:
            if fault.matches(method, path):
                fault.count -= 1
                return fault
        return None

    def clear(self) -> None:
        self._faults.clear()
        self.expire_watches = 0

    def log(self, seen: Seen) -> None:
        self._log.append(seen)

    def seen(self) -> list[dict[str, Any]]:
        return [asdict(seen) for seen in self._log]

    def forget_seen(self) -> None:
        self._log.clear()
