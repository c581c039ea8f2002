"""The sandbox's own HTTP interface below /sandbox/, on the port of the AWS endpoint."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.aws.answers import Answer, json_answer
from sandbox.aws.data_plane import DataPlane
from sandbox.aws.faults import Fault
from sandbox.aws.gate import Gate
from sandbox.aws.strict.backend import EarlyBackendPolicies, Surroundings

PREFIX = "/sandbox/"


@dataclass
class Control:
    gate: Gate
    plane: DataPlane
    surroundings: Surroundings

    def answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        route = (environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(PREFIX))
        routes: dict[tuple[str, str], Callable[..., object]] = {
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear,
            ("GET", "calls"): self._calls,
            ("GET", "mark"): self.gate.calls.__len__,
            ("GET", "held"): self._held,
            ("POST", "release"): self._release,
            ("POST", "settings"): self._set,
            ("GET", "load-balancers"): self.plane.ports,
        }
        if route not in routes:
            known = ", ".join(f"{method} {PREFIX}{path}" for method, path in routes)
            return json_answer(404, {"error": f"There is no {' '.join(route)}; there are {known}."})
        given = json.loads(body) if body else dict(parse_qsl(environ["QUERY_STRING"]))
        try:
            return json_answer(200, routes[route](**given))
        except (TypeError, ValueError) as error:
            return json_answer(400, {"error": str(error)})

    def _add_fault(self, **given: Any) -> None:
        self.gate.faults.add(Fault(**given))

    def _clear(self) -> None:
        self.gate.faults.clear()
        self.gate.holds.release(drop=False)

    def _calls(self, since: str = "0") -> list[dict[str, Any]]:
        return self.gate.calls.since(int(since))

    def _held(self, count: str = "0", timeout: str = "0") -> list[int]:
        return self.gate.holds.wait(int(count), float(timeout))

    def _release(self, fate: str) -> None:
        if fate not in ("apply", "drop"):
            raise ValueError(f"A held call can be released to 'apply' or to 'drop', not to {fate!r}.")
        self.gate.holds.release(drop=fate == "drop")

    def _set(
        self,
        latency_ms: float | None = None,
        health_interval_scale: float | None = None,
        tag_limit: int | None = None,
        early_backend_policies: str | None = None,
    ) -> None:
        if latency_ms is not None:
            self.gate.latency_ms = latency_ms
        if health_interval_scale is not None:
            self.plane.prober.interval_scale = health_interval_scale
        if tag_limit is not None:
            self.surroundings.tag_limit = tag_limit
        if early_backend_policies is not None:
            self.surroundings.early_backend_policies = EarlyBackendPolicies(early_backend_policies)
