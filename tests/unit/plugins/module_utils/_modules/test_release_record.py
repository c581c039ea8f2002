from __future__ import annotations

import base64
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, LockedError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import release_record
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, read_ledger
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import Hold, held, read_hold
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    MANIFEST,
    PROVEN,
    REJECTED,
    VERSION,
    Release,
    read_workload,
)

OLD = {"commit": "0099999", "manifest": "beef"}


class Cluster:
    """A Deployment a color, a pod, and the ledger.

    ``meanwhile`` is what somebody else makes of green's commit before the patch; ``conflicts`` is how
    often somebody else writes the ledger first; ``refuses`` the status of every write of it, ``lost`` of
    its first write, which takes effect where ``applied``.
    """

    def __init__(
        self,
        commit: str | None = "0012345",
        meanwhile: str | None = None,
        conflicts: int = 0,
        refuses: int | None = None,
        lost: int | None = None,
        applied: bool = False,
    ) -> None:
        self.deployments = {
            "shop-green": _deployment("shop-green", commit, "f00d"),
            "shop-blue": _deployment("shop-blue", "0099999", "beef"),
        }
        self.ledger: dict[str, Any] | None = None
        hold = Hold("mine", "ada@laptop", "", "stage", "", "", 0, self.now(), 300)
        self.lease_refuses: int | None = None
        self.lease = _versioned(held(None, hold, "shop-lock"), 1)
        self.meanwhile, self.conflicts, self.refuses = meanwhile, conflicts, refuses
        self.lost, self.applied = lost, applied
        self.patches = self.writes = 0

    @property
    def events(self) -> tuple[Event, ...]:
        return read_ledger(self.ledger).events

    def now(self) -> float:
        return 1_760_000_000.0

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Any:
        assert namespace == "store"
        if kind == "ConfigMap":
            assert name == "shop-releases"
            return self.ledger
        if kind == "Lease":
            return self.lease
        return self.deployments.get(name)

    def list(self, api_version: str, kind: str, namespace: str, selector: str) -> Any:
        assert selector == "octoblu.bluegreen/color=green,app.kubernetes.io/version=0012345"
        status = {"containerStatuses": [{"image": "shop:0012345", "imageID": "sha256:1"}]}
        names = ("shop-green-x", "cart-green-x")
        return [
            {"metadata": {"name": name}, "status": status if name[0] == "s" else {}} for name in names
        ], "1"

    def create(self, api_version: str, kind: str, namespace: str, body: dict[str, Any]) -> Any:
        return self._written(body)

    def replace(self, api_version: str, kind: str, name: str, namespace: str, body: dict[str, Any]) -> Any:
        if kind == "Lease":
            if self.lease_refuses:
                raise ClusterError("No.", status=self.lease_refuses)
            assert body["metadata"]["resourceVersion"] == self.lease["metadata"]["resourceVersion"]
            self.lease = _versioned(body, 2)
            return self.lease
        assert self.ledger is not None
        assert body["metadata"]["resourceVersion"] == self.ledger["metadata"]["resourceVersion"]
        return self._written(body)

    def _written(self, body: dict[str, Any]) -> Any:
        self.writes += 1
        if self.refuses:
            raise ClusterError("No.", status=self.refuses)
        if self.conflicts:
            self.conflicts -= 1
            raise ClusterError("Somebody else was first.", status=409)
        lost, self.lost = self.lost, None
        if lost and not self.applied:
            raise ClusterError("No answer.", status=lost)
        self.ledger = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.writes)}}
        if lost:
            raise ClusterError("No answer.", status=lost)
        return self.ledger

    def patch(self, api_version: str, kind: str, name: str, namespace: str, body: dict[str, Any]) -> Any:
        self.patches += 1
        if self.meanwhile:
            self.deployments[name]["metadata"]["labels"][VERSION] = self.meanwhile
        self.deployments[name]["metadata"]["annotations"] |= body["metadata"]["annotations"]
        return self.deployments[name]


def _versioned(body: dict[str, Any], version: int) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}


def _deployment(name: str, commit: str | None, manifest: str) -> dict[str, Any]:
    labels = {VERSION: commit} if commit else {}
    return {"metadata": {"name": name, "labels": labels, "annotations": {MANIFEST: manifest}}}


def record(cluster: Cluster, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "app": "shop",
        "namespace": "store",
        "color": "green",
        "commit": "0012345",
        "manifest": "f00d",
        "event": "staged",
        "run": "r1",
        "limit": 50,
        "judges": True,
        "hold": False,
        **dict.fromkeys(
            (
                "left",
                "keep",
                "rendered",
                "repairs",
                "order",
                "thaw",
                "awx",
                "seconds",
                "gap_ms",
                "outcome",
                "cause",
                "lock",
                "unlock",
                "service",
            )
        ),
    }
    return release_record.run(params | changes, check_mode, cluster, lambda line: None)


@pytest.mark.parametrize(
    ("event", "name", "mark"), [("staged", "shop-green", PROVEN), ("rolled_back", "shop-blue", REJECTED)]
)
def test_a_mark_is_written_once(event: str, name: str, mark: str) -> None:
    cluster = Cluster()
    assert record(cluster, event=event, left=OLD)["changed"]
    assert not record(cluster, event=event, left=OLD)["changed"]
    assert cluster.patches == 1
    seen = read_workload(cluster.deployments[name])
    assert (seen.proven, seen.rejected) == (mark == PROVEN, mark == REJECTED)


@pytest.mark.parametrize("event", ["failed", "swapped", "rollback", "retired", "released"])
def test_other_events_mark_nothing(event: str) -> None:
    cluster = Cluster(commit="0077777")
    record(cluster, event=event, left=OLD)
    assert cluster.patches == 0
    assert [each.event for each in cluster.events] == [event]


def test_an_event_holds_what_is_known_of_it() -> None:
    cluster = Cluster()
    record(cluster, awx={"job": "17", "user": "ada"}, seconds={"stage": 4.2, "swap": None})
    record(cluster, event="swapped", left=OLD, gap_ms={"80": 12}, order="1207")
    record(cluster, event="rolled_back", left=OLD, order="1207")
    staged, swapped, back = cluster.events
    assert (staged.release, staged.color, staged.run) == (Release("0012345", "f00d"), "green", "r1")
    assert staged.at == "2025-10-09T08:53:20+00:00"
    assert staged.details == {"images": {"shop:0012345": "sha256:1"}, "seconds": {"stage": 4.2}}
    assert (staged.by["awx_job"], staged.by["awx_user"]) == ("17", "ada")
    assert staged.by.keys() >= {"user", "host"}
    assert (swapped.left, swapped.details) == (
        Release("0099999", "beef"),
        {"gap_ms": {"80": 12}, "order": "1207"},
    )
    assert back.details == {}


@pytest.mark.parametrize(
    ("outcome", "judges", "bad"),
    [("stage_failed", True, True), ("check_failed", True, True), ("check_failed", False, False), ("restored", True, False)],
)  # fmt: skip
def test_which_failures_make_a_release_bad(outcome: str, judges: bool, bad: bool) -> None:
    cluster = Cluster()
    cause = f"image not found{'!' * 400}\nlog line with hunter2"
    record(cluster, event="failed", outcome=outcome, cause=cause, judges=judges)
    [failed] = cluster.events
    assert bool(failed.details.get("bad")) is bad
    assert failed.details["cause"].startswith("image not found!!!")
    assert len(failed.details["cause"]) == 300
    assert "hunter2" not in str(cluster.ledger)


def test_only_a_rollback_holds_and_a_reason_to_thaw_is_kept() -> None:
    cluster = Cluster()
    record(cluster, event="swapped", left=OLD, hold=True, thaw="nobody can log in\nat all")
    record(cluster, event="rolled_back", left=OLD, hold=True)
    swapped, back = cluster.events
    assert (swapped.details, back.details) == ({"thaw": "nobody can log in"}, {"hold": True})


def test_an_event_is_written_once_a_run() -> None:
    cluster = Cluster()
    for run in ("r1", "r1", "r2"):
        record(cluster, event="swapped", run=run)
    assert [each.run for each in cluster.events] == ["r1", "r2"]


def test_manifests_are_kept_and_the_oldest_event_goes() -> None:
    cluster = Cluster()
    for number in range(4):
        keep = base64.b64encode(str(number).encode()).decode()
        record(cluster, event="swapped", run=f"r{number}", commit=f"c{number}", keep=keep, limit=2)
    found = read_ledger(cluster.ledger)
    assert [each.release.commit for each in found.events] == ["c2", "c3"]
    assert {release.commit: blob for release, blob in found.kept.items()} == {"c2": b"2", "c3": b"3"}


def test_the_ledger_is_written_over_what_was_read_alone() -> None:
    cluster = Cluster(conflicts=2)
    assert record(cluster, event="swapped")["warnings"] == []
    assert (cluster.writes, len(cluster.events)) == (3, 1)


@pytest.mark.parametrize(("applied", "writes"), [(False, 2), (True, 1)])
def test_a_write_whose_answer_was_lost_is_made_once(
    applied: bool, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_record, "_PAUSE", 0)
    cluster = Cluster(lost=503, applied=applied)
    assert record(cluster, event="swapped")["warnings"] == []
    assert (cluster.writes, len(cluster.events)) == (writes, 1)


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Cluster(refuses=403), "The ledger shop-releases was not written (swapped of 0012345): No."),
        (Cluster(conflicts=9), "somebody else wrote to it at every one of 5 tries"),
    ],
)
def test_a_ledger_that_cannot_be_written_is_a_warning(cluster: Cluster, said: str) -> None:
    [warning] = record(cluster, event="swapped")["warnings"]
    assert said in warning


def test_check_mode_writes_nothing() -> None:
    cluster = Cluster()
    assert not record(cluster, check_mode=True)["changed"]
    assert (cluster.patches, cluster.writes) == (0, 0)


@pytest.mark.parametrize(
    ("cluster", "changes", "said"),
    [
        (Cluster("0077777"), {}, "runs 0077777 (manifests f00d) instead of 0012345 (manifests f00d)"),
        (Cluster(None), {}, "runs nothing that a deploy staged instead of 0012345"),
        (Cluster(), {"manifest": "cafe"}, "instead of 0012345 (manifests cafe)"),
        (Cluster(), {"app": "cart"}, "Deployment cart-green in namespace store is gone"),
    ],
)
def test_another_release_is_not_marked(cluster: Cluster, changes: dict[str, str], said: str) -> None:
    with pytest.raises(ClusterError) as raised:
        record(cluster, **changes)
    assert said in raised.value.message
    assert cluster.patches == 0
    assert cluster.events == ()


@pytest.mark.parametrize("phase", [None, "swap"])
def test_nothing_is_written_under_a_lock_that_was_lost(phase: str | None) -> None:
    cluster = Cluster()
    with pytest.raises(LockedError, match="no longer this run's"):
        record(cluster, lock={"token": "yours", "phase": phase, "seconds": 120})
    assert (cluster.patches, cluster.writes) == (0, 0)
    record(cluster, lock={"token": "mine", "phase": phase, "seconds": 120})
    assert (cluster.patches, cluster.writes) == (1, 1)
    hold = read_hold(cluster.lease)
    assert hold
    assert (hold.token, hold.phase, hold.seconds) == (
        ("mine", "swap", 120) if phase else ("mine", "stage", 300)
    )


def test_a_lock_that_cannot_be_freed_is_a_warning() -> None:
    cluster = Cluster()
    cluster.lease_refuses = 500
    done = record(cluster, event="swapped", unlock="mine")
    assert (done["unlocked"], len(cluster.events)) == (False, 1)
    assert "The lock shop-lock was not freed" in done["warnings"][0]
    cluster.lease_refuses = None
    assert record(cluster, event="swapped", unlock="mine")["unlocked"]


def test_what_a_rollback_left_and_is_gone_needs_no_mark() -> None:
    cluster = Cluster()
    cluster.deployments["shop-blue"] = _deployment("shop-blue", "0077777", "cafe")
    record(cluster, event="rolled_back", left=OLD)
    assert (cluster.patches, len(cluster.events)) == (0, 1)


def test_a_release_that_was_replaced_meanwhile_fails() -> None:
    cluster = Cluster(meanwhile="0077777")
    with pytest.raises(ClusterError, match="runs 0077777"):
        record(cluster)
    assert not read_workload(cluster.deployments["shop-green"]).proven


def test_a_service_of_no_deploy_is_gone_back_to_without_a_commit() -> None:
    cluster = Cluster()
    record(
        cluster, event="rolled_back", color="blue", commit=None, manifest=None, service="legacy/web",
        left={"commit": "0012345", "manifest": "beef"}, keep=None,
    )  # fmt: skip
    [event] = read_ledger(cluster.ledger).events
    assert (event.release, event.service, event.left) == (None, "legacy/web", Release("0012345", "beef"))
