"""What every AWS call passes on its way to moto and back: record, faults, one at a time, data plane."""

import threading
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

from werkzeug.test import run_wsgi_app

from sandbox.aws.answers import Answer, error_answer, page
from sandbox.aws.calls import Call, CallLog, error_code, parse_call
from sandbox.aws.envoy import EnvoyError
from sandbox.aws.faults import Fault, FaultBook, Holds

_THROTTLE = ("Throttling", 400, "Rate exceeded")


class ConnectionLost(Exception):
    """The client gets a reset instead of an answer."""


class Gate:
    def __init__(self, moto: Any, refresh: Callable[[], None]):
        """`refresh` returns when the data plane has taken what moto has now."""
        self.latency_ms = 0.0
        self.calls = CallLog()
        self.faults = FaultBook()
        self.holds = Holds()
        self._moto = moto
        self._refresh = refresh
        self._lock = threading.Lock()

    def answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        call = parse_call(environ, body)
        call.time, began = time.time(), time.monotonic()
        self.calls.add(call)
        try:
            answer = self._answer(call, environ, body)
            call.status, call.code = answer.status, error_code(answer.body) if answer.status >= 400 else None
            call.request_id = answer.header("x-amzn-RequestId")
            return answer
        finally:
            call.duration = time.monotonic() - began
            self.holds.ended(call.number)

    def _answer(self, call: Call, environ: dict[str, Any], body: bytes) -> Answer:
        self._travel()
        faults = self.faults.meeting(call.action)
        answer = None
        for fault in faults:
            answer = answer or self._before(fault, call)
        if answer is None:
            answer = self._carry_out(call, environ, body)
            for fault in faults:
                answer = self._after(fault, call) or answer
        self._travel()
        return answer

    def _travel(self) -> None:
        """Half of the latency lies on either side of the change."""
        if self.latency_ms:
            time.sleep(self.latency_ms / 2000)

    def _before(self, fault: Fault, call: Call) -> Answer | None:
        match fault.kind:
            case "error":
                return error_answer(call.protocol, fault.status, fault.code, fault.message)
            case "throttle":
                code, status, message = _THROTTLE
                return error_answer(call.protocol, status, code, message)
            case "delay":
                time.sleep(fault.seconds)
            case "drop_before":
                raise ConnectionLost
            case "page":
                return page(fault.status)
            case "hold":
                if self.holds.hold(call.number):
                    raise ConnectionLost
        return None

    def _after(self, fault: Fault, call: Call) -> Answer | None:
        match fault.kind:
            case "drop_after":
                raise ConnectionLost
            case "page_after":
                return page(fault.status)
            case "hold_after":
                if self.holds.hold(call.number):
                    raise ConnectionLost
        return None

    def _carry_out(self, call: Call, environ: dict[str, Any], body: bytes) -> Answer:
        with self._lock:
            answer = self.ask_moto(environ | {"wsgi.input": BytesIO(body)})
            if answer.status == 500 and (answer.header("Content-Type") or "").startswith("text/html"):
                return error_answer(
                    call.protocol,
                    500,
                    "InternalFailure",
                    f"moto cannot answer {call.action}; its log says why.",
                )
            if call.writes:
                try:
                    self._refresh()
                except EnvoyError as error:
                    return error_answer(call.protocol, 500, "InternalFailure", str(error))
        if answer.status < 400:
            self.faults.succeeded(call.action)
        return answer

    def ask_moto(self, environ: dict[str, Any]) -> Answer:
        """Past everything else, and only while no other request is under way."""
        chunks, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        return Answer(int(status.split(" ", 1)[0]), list(headers), b"".join(chunks))
