# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _process
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    ClusterError,
    InputError,
    LockedError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import k8s_lock
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import Hold, held, read_hold

NOW = 1_760_000_000.0


class Cluster:
    """One Lease with compare-and-set. ``before_write`` runs ahead of each write, ``after_write`` may lose the answer."""

    def __init__(self, hold: Hold | None = None) -> None:
        self.lease: dict[str, Any] | None = None
        self.time = NOW
        self.before_write: Callable[[], None] = lambda: None
        self.after_write: Callable[[], None] = lambda: None
        self.reads = 0
        self._version = 0
        self._one = threading.Lock()
        if hold:
            self.set(held(None, hold, "shop-lock"))

    def set(self, lease: dict[str, Any]) -> None:
        self._version += 1
        self.lease = copy.deepcopy(lease)
        self.lease["metadata"]["resourceVersion"] = str(self._version)

    @property
    def hold(self) -> Hold | None:
        return read_hold(self.lease)

    def now(self) -> float:
        return self.time

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Any:
        assert (api_version, kind, name, namespace) == (
            "coordination.k8s.io/v1",
            "Lease",
            "shop-lock",
            "store",
        )
        self.reads += 1
        return copy.deepcopy(self.lease)

    def create(self, api_version: str, kind: str, namespace: str, body: dict[str, Any]) -> Any:
        return self._write(body)

    def replace(self, api_version: str, kind: str, name: str, namespace: str, body: dict[str, Any]) -> Any:
        return self._write(body)

    def _write(self, body: dict[str, Any]) -> Any:
        self.before_write()
        with self._one:
            there = (self.lease or {}).get("metadata", {}).get("resourceVersion")
            if body["metadata"].get("resourceVersion") != there:
                raise ClusterError("Somebody else was first.", status=409, reason="Conflict")
            self.set(body)
        self.after_write()
        return copy.deepcopy(self.lease)


def lock(cluster: Cluster, check_mode: bool = False, show: Any = None, **changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "name": "shop-lock",
        "namespace": "store",
        "state": "held",
        "token": None,
        "holder": None,
        "purpose": "deploy of 1",
        "phase": "stage",
        "seconds": 300,
        "wait": 0,
        "take_from": [],
        "expect_version": None,
    }
    return k8s_lock.run(params | changes, check_mode, cluster, show or (lambda line: None))


def other(**changes: Any) -> Hold:
    values: dict[str, Any] = {
        "token": "theirs",
        "holder": "bob@elsewhere",
        "purpose": "deploy of 2",
        "phase": "stage",
        "host": "elsewhere",
        "process": "",
        "since": NOW - 60,
        "renewed": NOW - 10,
        "seconds": 300,
    }
    return Hold(**values | changes)


def test_taken_renewed_and_freed() -> None:
    cluster = Cluster()
    taken = lock(cluster)
    assert (taken["changed"], taken["contended"], taken["taken_from"]) == (True, False, None)
    mine = cluster.hold
    assert mine is not None
    assert (mine.token, mine.purpose, mine.phase, mine.seconds) == (
        taken["token"],
        "deploy of 1",
        "stage",
        300,
    )
    assert mine.holder == "@".join(_process.user_and_host())
    cluster.time += 50
    renewed = lock(cluster, token=taken["token"], phase="swap", seconds=120, purpose="")
    assert renewed["token"] == taken["token"]
    assert cluster.hold is not None
    assert (cluster.hold.since, cluster.hold.renewed, cluster.hold.seconds) == (NOW, NOW + 50, 120)
    assert (cluster.hold.phase, cluster.hold.purpose) == ("swap", "deploy of 1")
    assert lock(cluster, state="free", token=taken["token"])["changed"]
    assert cluster.hold is None
    assert not lock(cluster, state="free", token=taken["token"])["changed"]
    # The Lease is still there, so that its version goes on.
    assert cluster.lease is not None


def test_a_living_hold_is_refused_and_told() -> None:
    cluster = Cluster(other())
    with pytest.raises(LockedError) as raised:
        lock(cluster)
    assert raised.value.message == (
        "The lock shop-lock cannot be taken: it is held by bob@elsewhere (deploy of 2, phase stage) since "
        "2025-10-09T08:52:20Z, until 2025-10-09T08:58:10Z at the latest. Wait for that, or, if that run is dead, "
        "free the lock with unlock.yml."
    )
    assert raised.value.details["locked"] is True
    assert raised.value.details["lock"]["holder"] == "bob@elsewhere"
    assert cluster.hold == other()


@pytest.mark.parametrize(
    ("hold", "changes", "taken", "contended"),
    [
        pytest.param(other(renewed=NOW - 301), {}, True, True, id="over"),
        pytest.param(other(renewed=NOW - 299), {}, False, False, id="almost over"),
        pytest.param(other(), {"take_from": ["stage"]}, True, True, id="a phase to break into"),
        pytest.param(other(phase="swap"), {"take_from": ["stage"]}, False, False, id="a phase not to"),
        pytest.param(
            other(renewed=NOW - 301), {"expect_version": "1"}, True, True, id="over, as it was seen"
        ),
        pytest.param(
            other(renewed=NOW - 301), {"expect_version": "0"}, True, True, id="over, but not as seen"
        ),
        pytest.param(other(renewed=NOW - 301), {"expect_version": ""}, True, True, id="seen as absent"),
    ],
)
def test_what_may_be_taken_over(hold: Hold, changes: dict[str, Any], taken: bool, contended: bool) -> None:
    cluster = Cluster(hold)
    if not taken:
        with pytest.raises(LockedError):
            lock(cluster, **changes)
        return
    result = lock(cluster, **changes)
    assert result["contended"] is contended
    assert result["taken_from"]["holder"] == "bob@elsewhere"
    assert cluster.hold is not None
    assert cluster.hold.token == result["token"]


def test_a_free_lock_is_contended_when_somebody_had_it_since() -> None:
    cluster = Cluster()
    first = lock(cluster, expect_version="")
    assert first["contended"] is False
    seen = lock(cluster, state="free", token=first["token"])["version"]
    assert lock(cluster, expect_version=seen)["contended"] is False
    lock(cluster, state="free", take_from=["stage"])
    assert lock(cluster, expect_version=seen)["contended"] is True


def test_of_many_exactly_one_gets_it() -> None:
    cluster = Cluster()
    barrier = threading.Barrier(8)
    cluster.before_write = lambda: barrier.wait(5) if cluster.hold is None else None
    ends: list[str] = []

    def take() -> None:
        try:
            ends.append(lock(cluster)["token"])
        except LockedError:
            ends.append("")

    threads = [threading.Thread(target=take) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cluster.hold is not None
    assert max(ends) == cluster.hold.token
    assert sorted(ends)[:-1] == [""] * 7


def test_an_answer_that_was_lost_is_found_to_have_worked() -> None:
    cluster = Cluster()

    def lose() -> None:
        cluster.after_write = lambda: None
        raise ClusterError("The connection was cut.", status=None, reason=None)

    cluster.after_write = lose
    taken = lock(cluster, expect_version="")
    assert cluster.hold is not None
    assert cluster.hold.token == taken["token"]


def test_a_write_that_never_gets_through_is_given_up() -> None:
    cluster = Cluster()

    def lose() -> None:
        raise ClusterError("The connection was cut.", status=None, reason=None)

    cluster.before_write = lose
    with pytest.raises(ClusterError, match="at every one of 20 tries"):
        lock(cluster)


def test_a_refusal_of_the_api_is_told() -> None:
    cluster = Cluster()

    def forbid() -> None:
        raise ClusterError("Forbidden.", status=403, reason="Forbidden")

    cluster.before_write = forbid
    with pytest.raises(ClusterError, match="Forbidden"):
        lock(cluster)


@pytest.mark.parametrize(
    ("hold", "said"),
    [(None, "nobody has it now"), (other(), "bob@elsewhere .deploy of 2, phase stage. has had it")],
)
def test_who_has_lost_the_lock_stops(hold: Hold | None, said: str) -> None:
    with pytest.raises(LockedError, match=said) as raised:
        lock(Cluster(hold), token="mine")
    assert raised.value.details["lost"] is True


def test_freeing_what_is_not_ones_own_any_more_does_nothing() -> None:
    cluster = Cluster(other())
    assert not lock(cluster, state="free", token="mine")["changed"]
    assert cluster.hold == other()


def test_freeing_by_hand_says_whose_it_was() -> None:
    cluster = Cluster(other())
    freed = lock(cluster, state="free", take_from=["stage"])
    assert freed["taken_from"]["purpose"] == "deploy of 2"
    assert cluster.hold is None
    swapping = Cluster(other(phase="swap"))
    with pytest.raises(LockedError, match="cannot be unlocked"):
        lock(swapping, state="free", take_from=["stage"])


def test_somebody_elses_hold_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, told = Cluster(other()), []
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            lock(cluster, state="free", take_from=["stage"])

    monkeypatch.setattr(k8s_lock.time, "sleep", sleep)
    taken = lock(cluster, wait=60, show=told.append, expect_version="1")
    assert (taken["contended"], pauses) == (True, [1.0, 1.0, 1.0])
    [line] = told
    assert line.startswith("waiting for lock shop-lock, held by bob@elsewhere (deploy of 2, phase stage)")


@pytest.mark.parametrize(("state", "hold", "fails"), [
    ("held", None, False), ("held", other(), True), ("held", other(renewed=0), False),
    ("free", None, False), ("free", other(), True),
])  # fmt: skip
def test_check_mode_takes_nothing(state: str, hold: Hold | None, fails: bool) -> None:
    cluster = Cluster(hold)
    if fails:
        with pytest.raises(LockedError):
            lock(cluster, check_mode=True, state=state, wait=60)
    else:
        assert lock(cluster, check_mode=True, state=state)["token"] is None
    assert cluster.hold == hold


@pytest.mark.parametrize(
    ("changes", "said"), [({"seconds": 0}, "seconds is 0"), ({"wait": -1}, "wait is -1")]
)
def test_bad_input(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        lock(Cluster(), **changes)


def test_somebody_elses_notes_on_the_lease_stay() -> None:
    cluster = Cluster(other())
    assert cluster.lease is not None
    cluster.lease["metadata"]["annotations"]["team"] = "web"
    lock(cluster, take_from=["stage"])
    assert cluster.lease["metadata"]["annotations"]["team"] == "web"
    assert cluster.lease["spec"]["leaseTransitions"] == 2


@pytest.fixture
def playbook(tmp_path: Any) -> Any:
    """A process that is called as ansible-playbook is, and has started another one that is not."""
    script = tmp_path / "ansible-playbook"
    script.write_text(
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', sys.argv[1]])\nsys.stdin.read()\n"
    )
    asks = (
        "import sys; sys.path[:] = sys.argv[1:] or sys.path\n"
        "from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import controller\n"
        "print(controller(), flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, script, asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_the_process_of_a_hold_is_the_playbooks(playbook: Any) -> None:
    found = playbook.stdout.readline().strip()
    host = _process.user_and_host()[1]
    assert found.split("/")[1] == str(playbook.pid)
    assert not _process.process_gone(host, found)
    playbook.kill()
    playbook.wait()
    assert _process.process_gone(host, found)
    assert not _process.process_gone("elsewhere", found)
    namespace, _slash, rest = found.partition("/")
    assert not _process.process_gone(host, f"1{namespace}/{rest}")


@pytest.mark.parametrize("process", ["", "x", "1/2", "//"])
def test_a_process_that_is_not_known_is_not_dead(process: str) -> None:
    assert not _process.process_gone(_process.user_and_host()[1], process)


def test_a_number_that_another_process_has_now_is_a_dead_one() -> None:
    assert _process.process_gone(_process.user_and_host()[1], f"{_process._machine()}/{os.getpid()}/1")
