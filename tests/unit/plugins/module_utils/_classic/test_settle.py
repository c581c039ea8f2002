# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap takes for out of service."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic import settle
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import RouterError

CHECK = HealthCheck("TCP:30082", interval=10, timeout=5, healthy_threshold=2, unhealthy_threshold=3)
BEFORE = LoadBalancer(
    name="shop",
    type="classic",
    dns_name="",
    listeners=(),
    health_check=CHECK,
    tags={},
    instance_health={"i-1": "InService", "i-2": "OutOfService"},
)


class Api:
    """Tells one state of i-1 after the other, the last one for good. i-2 stays as it was."""

    def __init__(self, *states: str) -> None:
        self._states = chain(states, repeat(states[-1]))

    def read(self, action: str, **_params: Any) -> dict[str, Any]:
        states = (
            {"i-1": next(self._states), "i-2": "OutOfService"} if action == "describe_instance_health" else {}
        )
        return {
            "LoadBalancerDescriptions": [{"LoadBalancerName": "shop"}],
            "TagDescriptions": [],
            "InstanceStates": [{"InstanceId": name, "State": state} for name, state in states.items()],
            "ResponseMetadata": {"HTTPHeaders": {}},
        }

    def write(self, action: str, **_params: Any) -> dict[str, Any]:
        raise AssertionError(action)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were slept, by a clock that knows no other."""
    slept: list[float] = []
    clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: sum(slept))
    monkeypatch.setattr(settle, "time", clock)
    return slept


def _watch(api: Api, before: LoadBalancer = BEFORE) -> LoadBalancer:
    return settle.watch_instances(api, before, CHECK, "green", print)


@pytest.mark.parametrize(
    ("states", "seconds"), [(("InService",), 35), (("Unknown", "Unknown", "InService"), 37)]
)
def test_a_state_that_aws_does_not_know_is_asked_for_again(
    states: tuple[str, ...], seconds: float, slept: list[float]
) -> None:
    found = _watch(Api(*states))
    assert found.instance_health == {"i-1": "InService", "i-2": "OutOfService"}
    assert sum(slept) == seconds


@pytest.mark.parametrize(("state", "seconds"), [("OutOfService", 35), ("Unknown", 45)])
def test_what_is_not_in_service_any_more_is_named(state: str, seconds: float, slept: list[float]) -> None:
    with pytest.raises(RouterError, match=f"i-1 is {state}") as raised:
        _watch(Api(state))
    assert raised.value.details["instances"] == {"i-1": state}
    assert sum(slept) == seconds


OUT = replace(BEFORE, instance_health={"i-1": "OutOfService", "i-2": "OutOfService"})


def test_where_nothing_was_in_service_something_has_to_come(slept: list[float]) -> None:
    """As long as a passing check takes to show."""
    assert settle.in_service(_watch(Api("InService"), OUT)) == 1
    assert sum(slept) == 25
    with pytest.raises(
        RouterError, match=r"none of its instances is in service \(0 of 2\) after 25 s: clients get 503"
    ):
        _watch(Api("OutOfService"), OUT)


@pytest.mark.parametrize(("healthy", "unhealthy"), [(2, 3), (10, 2)])
@pytest.mark.parametrize("before", [BEFORE, OUT])
def test_a_watch_takes_no_longer_than_is_told(
    healthy: int, unhealthy: int, before: LoadBalancer, slept: list[float]
) -> None:
    check = replace(CHECK, healthy_threshold=healthy, unhealthy_threshold=unhealthy)
    with suppress(RouterError):
        settle.watch_instances(Api("Unknown"), before, check, "green", print)
    assert 0 < sum(slept) <= settle.longest_watch(check)
