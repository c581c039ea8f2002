# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a swap asks of a Classic ELB, each call once, and for how long it is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.api import (
    Api,
    health_check_param,
    listener_param,
    read_all,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import LIFETIME
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    Listener,
    LoadBalancer,
    Policy,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ApiError


@dataclass(frozen=True)
class Patience:
    """Seconds spent on what fails: proving, deleting and reading back; creating before the old listeners
    are put back; waiting for a delete that may be ``late``; and all in all, before ``last_call``, what a
    last call's own time-outs take, so that nothing is written after the intent's end."""

    settle: float = 10
    create: float = 30
    late: float = 3
    all_in_all: float = LIFETIME - 8
    last_call: float = 8


class Calls:
    """The calls of one swap of one load balancer; each raises an ApiError.

    ``began`` is when the read began that gave the intent its time: nothing is written after its end.
    """

    def __init__(self, api: Api, name: str, patience: Patience, began: float) -> None:
        self._api = api
        self._name = name
        self._last_call = patience.last_call
        self.end = began + patience.all_in_all
        self.request_ids: list[str] = []

    def read(self, policies: bool = False) -> LoadBalancer:
        return read_all(self._api, [self._name], policies=policies)[0]

    def within(self, seconds: float) -> float:
        return min(self.end, now() + seconds)

    def pauses(self, end: float) -> Iterator[float | None]:
        """Pauses between tries, the first of 50 ms; None says that this try is the last."""
        pause = 0.05
        while now() + pause < end:
            yield pause
            pause = min(pause * 2, 2)
        yield None

    def retried(self, call: Callable[[], None], seconds: float, also: frozenset[str] = frozenset()) -> None:
        for pause in self.pauses(self.within(seconds)):
            try:
                return call()
            except ApiError as error:
                if pause is None or not (error.transient or error.code in also):
                    raise
            time.sleep(pause)

    def create(self, listeners: Sequence[Listener]) -> None:
        self._write("create_load_balancer_listeners", Listeners=[listener_param(each) for each in listeners])

    def delete(self, ports: list[int]) -> None:
        self._write("delete_load_balancer_listeners", LoadBalancerPorts=ports)

    def set_policies(self, port: int, names: tuple[str, ...]) -> None:
        self._write("set_load_balancer_policies_of_listener", LoadBalancerPort=port, PolicyNames=list(names))

    def set_backend(self, port: int, names: tuple[str, ...]) -> None:
        self._write(
            "set_load_balancer_policies_for_backend_server", InstancePort=port, PolicyNames=list(names)
        )

    def configure_health_check(self, check: HealthCheck) -> None:
        self._write("configure_health_check", HealthCheck=health_check_param(check))

    def add_tags(self, tags: dict[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._send("add_tags", LoadBalancerNames=[self._name], Tags=pairs)

    def remove_tags(self, keys: list[str]) -> None:
        pairs = [{"Key": key} for key in keys]
        self._send("remove_tags", LoadBalancerNames=[self._name], Tags=pairs)

    def make_policy(self, policy: Policy) -> None:
        attributes = [{"AttributeName": name, "AttributeValue": value} for name, value in policy.attributes]
        try:
            self._write(
                "create_load_balancer_policy",
                PolicyName=policy.name,
                PolicyTypeName=policy.type,
                PolicyAttributes=attributes,
            )
        except ApiError as error:
            # Another listener has it too, whose policies are set at the same time.
            if error.code != "DuplicatePolicyName":
                raise

    def _write(self, action: str, **params: Any) -> None:
        self._send(action, LoadBalancerName=self._name, **params)

    def _send(self, action: str, **params: Any) -> None:
        if now() > self.end + self._last_call:
            raise ApiError(
                f"{action} was not asked of {self._name} any more, because this run has stood still until its intent "
                "was over and another may be at work: look at its status, and run the same again",
                "TooLate",
            )
        answer = self._api.write(action, **params)
        self.request_ids.append(answer["ResponseMetadata"]["RequestId"])


def now() -> float:
    """Seconds that pass also while the machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
