# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock in a cluster that runs: who gets it, who loses it, and what the API's troubles do to it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from balancers import arguments
from settings import Settings
from workloads import Demo

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import LockedError
from ansible_collections.octoblu.bluegreen.plugins.modules.k8s_lock import MODULE
from sandbox.cluster import Cluster


class Lock:
    """The module, in a namespace of a test's own; each call has a client of its own."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def __call__(self, **given: Any) -> dict[str, Any]:
        params = arguments(MODULE, {"name": "shop-lock", "namespace": self._demo.namespace, **given})
        return dict(MODULE.run(params, False, MODULE.connect(params), print))

    @property
    def spec(self) -> dict[str, Any]:
        """What the cluster has of it."""
        lease = self._demo.api.get("coordination.k8s.io/v1", "Lease", "shop-lock", self._demo.namespace)
        assert lease is not None
        return dict(lease["spec"])


@pytest.fixture
def lock(settings: Settings) -> Iterator[Lock]:
    with Demo(settings) as demo:
        yield Lock(demo)


def test_of_many_that_take_it_at_once_one_gets_it(lock: Lock) -> None:
    refusals: list[str] = []

    def take(_number: int) -> str | None:
        try:
            return str(lock(purpose="deploy of 1")["token"])
        except LockedError as error:
            refusals.append(error.message)
            return None

    with ThreadPoolExecutor(8) as pool:
        tokens = [token for token in pool.map(take, range(16)) if token]
    assert (len(tokens), len(refusals)) == (1, 15)
    assert all("(deploy of 1)" in refusal for refusal in refusals)
    lock(state="free", token=tokens[0])
    assert lock()["token"] not in tokens


def test_who_looks_at_the_cluster_sees_the_holder(lock: Lock) -> None:
    token = lock(holder="ada (AWX job 17)", seconds=60)["token"]
    spec = lock.spec
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("ada (AWX job 17)", 60)
    lock(state="free", token=token)
    assert "holderIdentity" not in lock.spec


def test_a_hold_ends_when_its_time_is_over(lock: Lock) -> None:
    dead = lock(seconds=1)["token"]
    # The server's clock is told in whole seconds.
    taken = lock(wait=10)
    assert taken["contended"]
    assert taken["taken_from"]["over"]
    with pytest.raises(LockedError, match="no longer this run's"):
        lock(token=dead, phase="swap")


def test_a_phase_that_may_be_broken_into(lock: Lock) -> None:
    token = lock(phase="stage")["token"]
    assert lock(token=token, phase="swap", seconds=120)["token"] == token
    with pytest.raises(LockedError):
        lock(take_from=["stage", "checks"])
    assert lock(token=token, phase="checks")["token"] == token
    assert lock(take_from=["stage", "checks"])["taken_from"]["phase"] == "checks"


def test_what_was_seen_before_is_compared(lock: Lock) -> None:
    first = lock(expect_version="")
    assert not first["contended"]
    freed = lock(state="free", token=first["token"])
    assert not lock(expect_version=freed["version"])["contended"]
    lock(state="free", take_from=[""])
    assert lock(expect_version=freed["version"])["contended"]


@pytest.mark.sandbox
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_write_whose_answer_never_came(lock: Lock, cluster: Cluster, method: str) -> None:
    if method == "PUT":
        lock(state="free", token=lock()["token"])
    cluster.drop_next(1, method=method, path="/leases")
    taken = lock()
    assert lock(token=taken["token"], phase="swap")["token"] == taken["token"]


@pytest.mark.sandbox
def test_an_api_server_in_trouble_is_asked_again(lock: Lock, cluster: Cluster) -> None:
    cluster.fail_next(2, 503, method="GET", path="/leases")
    token = lock()["token"]
    cluster.fail_next(1, 409, method="PUT", path="/leases")
    assert lock(state="free", token=token)["changed"]
