from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    CREATE_REFUSED,
    NEVER,
    SETTLE,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import read_event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.rollouts import at_least
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.trouble import pod_causes
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Seen, Verdict
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import judge

from .objects import (
    Object,
    complete,
    event,
    pod,
    replica_set,
    running,
    terminated,
    unschedulable,
    waiting,
    workload,
)

REVISION = {"annotations": {"deployment.kubernetes.io/revision": "2"}}
NEWEST = replica_set("2", "2")
OLD = replica_set("1", "1")
ABSENT = waiting("ErrImagePull", "registry/shop:abc: not found")


def judged(
    thing: Object, *pods: Object, sets: list[Object] | None = None, events: list[Object] | None = None
) -> Verdict:
    return judge(
        thing,
        Seen(
            pods=[read_pod(each) for each in pods],
            replica_sets=sets,
            events=None if events is None else [read_event(each) for each in events],
        ),
    )


def of(revision: str, name: str, *containers: Object, **more: Any) -> Object:
    labels = {"app": "shop", "pod-template-hash": revision}
    owner = ("ReplicaSet", f"shop-{revision}", f"rs-{revision}")
    return pod(f"shop-{revision}-{name}", *containers, owner=owner, labels=labels, **more)


@pytest.mark.parametrize(
    ("spec", "status", "lack"),
    [
        ({}, complete(), ""),
        ({"replicas": None}, complete(1), ""),
        ({}, {}, "0 of 2 replicas are of the newest release"),
        ({}, complete(observedGeneration=1), "its controller has not seen generation 2 yet"),
        ({}, complete(updatedReplicas=1), "1 of 2 replicas are of the newest release"),
        ({}, complete(updatedReplicas=None), "0 of 2 replicas are of the newest release"),
        ({}, {**complete(), "replicas": 3}, "1 old replicas are still there"),
        ({}, complete(availableReplicas=1), "1 of 2 replicas are available"),
        ({}, complete(3), "3 replicas are there and 2 wanted"),
        ({"replicas": 0}, complete(0), "it wants no replicas"),
        ({"paused": True}, complete(), "it is paused"),
    ],
)
def test_a_deployment_is_ready_when_all_its_counters_agree(spec: Object, status: Object, lack: str) -> None:
    verdict = judged(workload(spec=spec, status=status))
    assert verdict.ready is not bool(lack)
    assert verdict.reason == (lack or f"{verdict.wanted} of {verdict.wanted} replicas are available")


@pytest.mark.parametrize(("least", "lack"), [(0, ""), (2, ""), (3, "it wants 2 replicas, and 3 are needed")])
def test_one_that_was_scaled_down_is_not_ready_for_who_needs_more(least: int, lack: str) -> None:
    thing = workload(status=complete())
    verdict = at_least(thing, judged(thing), least)
    assert (verdict.ready, verdict.reason) == (not lack, lack or "2 of 2 replicas are available")
    told = [(cause.code, cause.patience) for cause in verdict.causes]
    assert told == ([("TooFewReplicas", SETTLE)] if lack else [])


def test_a_deployment_that_is_being_deleted_is_not_ready() -> None:
    verdict = judged(workload(status=complete(), deletionTimestamp="2026-11-23T09:00:00Z"))
    assert (verdict.ready, verdict.reason) == (False, "it is being deleted")


def test_a_pod_that_is_seen_failing_holds_back_a_deployment_whose_counters_are_late() -> None:
    verdict = judged(workload(status=complete()), of("2", "a"), of("2", "b", running(ready=False)))
    assert (verdict.ready, verdict.reason) == (False, "pod shop-2-b is not ready")


@pytest.mark.parametrize(
    "more", [{"deletionTimestamp": "2026-11-23T09:00:00Z"}, {"status": {"phase": "Failed"}}]
)
def test_a_pod_that_goes_holds_nothing_back(more: Object) -> None:
    leaving = of("1", "a", running(ready=False), **more)
    assert judged(workload(status=complete()), leaving, of("2", "a"), of("2", "b")).ready


def test_pods_of_another_workload_are_none_of_its_business() -> None:
    foreign = pod(
        "shop-web-2-a",
        ABSENT,
        owner=("ReplicaSet", "shop-web-2", "rs-web"),
        labels={"pod-template-hash": "2"},
    )
    assert judged(workload(status=complete()), foreign).ready


def test_only_pods_of_the_newest_replica_set_are_blamed() -> None:
    thing = workload(status=complete(updatedReplicas=1), **REVISION)
    old, new = of("1", "a", ABSENT), of("2", "a", running(ready=False))
    assert judged(thing, old, new, sets=[OLD, NEWEST]).causes == ()
    verdict = judged(thing, of("2", "b", ABSENT), sets=[OLD, NEWEST])
    assert [(cause.code, cause.subject) for cause in verdict.causes] == [("ErrImagePull", "shop-2-b")]
    assert not verdict.needs_replica_sets


def test_without_replica_sets_nobody_is_blamed_and_they_are_asked_for() -> None:
    thing = workload(status=complete(updatedReplicas=1), **REVISION)
    for sets in (None, [], [OLD], [replica_set("2", "2", replicas=0)]):
        verdict = judged(thing, of("1", "a", ABSENT), sets=sets)
        assert verdict.causes == ()
        assert verdict.needs_replica_sets


def test_an_old_sibling_that_is_well_does_not_hide_that_the_new_one_crashes() -> None:
    thing = workload(status=complete(updatedReplicas=1, replicas=3), **REVISION)
    pods = of("1", "a"), of("2", "a", terminated(restarts=1))
    assert judged(thing, *pods).needs_replica_sets
    (cause,) = judged(thing, *pods, sets=[OLD, NEWEST]).causes
    assert (cause.code, cause.patience) == ("CrashLoopBackOff", SETTLE)


def test_a_start_without_trouble_needs_no_replica_sets() -> None:
    thing = workload(status=complete(availableReplicas=0), **REVISION)
    assert not judged(thing, of("2", "a", waiting("ContainerCreating"))).needs_replica_sets


@pytest.mark.parametrize(
    ("runs", "patience"),
    [(2, NEVER), (3, NEVER), (4, SETTLE)],
)
def test_one_that_crashes_beside_a_sibling_that_is_well_gets_more_chances(runs: int, patience: float) -> None:
    thing = workload(status=complete(availableReplicas=1), **REVISION)
    (cause,) = judged(thing, of("2", "a"), of("2", "b", terminated(restarts=runs - 1)), sets=[NEWEST]).causes
    assert cause.patience == patience


def test_a_sibling_that_has_crashed_as_well_is_no_proof_of_health() -> None:
    thing = workload(status=complete(availableReplicas=1), **REVISION)
    harmed = of("2", "a", running(restarts=1))
    (cause,) = judged(thing, harmed, of("2", "b", terminated(restarts=1)), sets=[NEWEST]).causes
    assert cause.patience == SETTLE


def test_nothing_is_said_of_a_specification_that_nobody_has_seen() -> None:
    exceeded = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    thing = workload(status=complete(observedGeneration=1, conditions=[exceeded]), **REVISION)
    assert judged(thing, of("2", "a", ABSENT), sets=[NEWEST]).causes == ()


def test_a_deadline_is_not_blamed_on_a_release_whose_predecessor_still_goes() -> None:
    """With strategy Recreate the condition of the old release stands until its last pod is gone."""
    exceeded = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    thing = workload(status={"conditions": [exceeded]}, **REVISION)
    (cause,) = judged(thing, sets=[]).causes
    assert cause.told == "shop: no progress for 600 s (ProgressDeadlineExceeded)"
    going = of("1", "a", deletionTimestamp="2026-11-23T09:00:00Z")
    assert judged(thing, going, sets=[]).causes == ()


def test_refused_pods_are_told_with_the_quota_and_without_a_name_that_never_was() -> None:
    message = (
        'pods "shop-2-x" is forbidden: exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1'
    )
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    thing = workload(status=complete(1, conditions=[refused]), **REVISION)
    (cause,) = judged(thing, of("2", "a"), sets=[NEWEST]).causes
    assert cause.told == (
        "shop: its pods are refused: exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1 (FailedCreate)"
    )
    assert cause.patience == CREATE_REFUSED
    going = of("1", "a", deletionTimestamp="2026-11-23T09:00:00Z")
    (later,) = judged(thing, of("2", "a"), going, sets=[NEWEST]).causes
    assert later.patience == NEVER


FULL = {"conditions": (unschedulable("0/1 nodes are available: 1 Insufficient cpu."),), "ready": False}


@pytest.mark.parametrize(
    ("events", "patience", "told"),
    [
        (None, 10.0, "(Unschedulable)"),
        ([], 10.0, "(Unschedulable)"),
        ([event("uid-shop-2-a", "FailedScheduling")], 10.0, "(Unschedulable)"),
        ([event("uid-shop-2-a", "NotTriggerScaleUp", kind="Normal")], 10.0, "(Unschedulable)"),
        ([event("uid-shop-2-a", "TriggeredScaleUp", kind="Normal")], NEVER, "a node is on its way"),
        ([event("uid-shop-2-a", "Nominated", kind="Normal")], NEVER, "a node is on its way"),
        ([event("uid-other", "TriggeredScaleUp", kind="Normal")], 10.0, "(Unschedulable)"),
    ],
)
def test_a_node_that_an_autoscaler_brings_is_waited_for(
    events: list[Object] | None, patience: float, told: str
) -> None:
    thing = workload(status=complete(availableReplicas=1), **REVISION)
    (cause,) = judged(thing, of("2", "a", **FULL), sets=[NEWEST], events=events).causes
    assert cause.patience == patience
    assert told in cause.text


def test_room_that_a_leaving_pod_makes_is_waited_for() -> None:
    thing = workload(status=complete(availableReplicas=1), **REVISION)
    leaving = of("2", "z", deletionTimestamp="2026-11-23T09:00:00Z")
    (cause,) = judged(thing, of("2", "a", **FULL), leaving, sets=[NEWEST], events=[]).causes
    assert cause.patience == NEVER


@pytest.mark.parametrize(
    ("message", "count", "patience"),
    [
        ('configmap "shop" not found', 5, SETTLE),
        ('configmap "shop" not found', 1, NEVER),
        ("mount.nfs: Connection timed out", 50, NEVER),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_told_by_its_event(
    message: str, count: int, patience: float
) -> None:
    thing = workload(status=complete(availableReplicas=1), **REVISION)
    creating = of("2", "a", waiting("ContainerCreating"))
    (quiet,) = judged(thing, creating, sets=[NEWEST], events=[]).causes
    assert (quiet.code, quiet.patience) == ("ContainerCreating", NEVER)
    events = [event("uid-shop-2-a", "FailedMount", message, count)]
    (cause,) = judged(thing, creating, sets=[NEWEST], events=events).causes
    assert (cause.told, cause.patience) == (f"shop-2-a: {message} (FailedMount)", patience)


def test_the_events_are_gone_through_once_however_many_pods_are_in_trouble() -> None:
    class Events(list[Any]):
        times = 0

        def __iter__(self) -> Iterator[Any]:
            self.times += 1
            return super().__iter__()

    pods = [read_pod(of("2", str(number), **FULL)) for number in range(20)]
    events = Events(read_event(event(f"uid-shop-2-{number}", "FailedScheduling")) for number in range(20))
    assert len(pod_causes(pods, events)) == 20
    assert events.times == 1


def stateful(name: str, revision: str, *containers: Object) -> Object:
    labels = {"app": "shop", "controller-revision-hash": revision}
    return pod(name, *containers, owner=("StatefulSet", "shop", "uid-StatefulSet"), labels=labels)


@pytest.mark.parametrize(
    ("spec", "status", "lack"),
    [
        ({}, complete(currentRevision="r1", updateRevision="r1", currentReplicas=2), ""),
        ({}, complete(updatedReplicas=1), "1 of 2 replicas are of the newest release"),
        ({}, complete(availableReplicas=1), "1 of 2 replicas are available"),
        ({}, complete(observedGeneration=1), "its controller has not seen generation 2 yet"),
        ({"replicas": 3}, complete(2), "2 of 3 replicas are of the newest release"),
        ({"updateStrategy": {"rollingUpdate": {"partition": 1}}}, complete(updatedReplicas=1), ""),
        ({"updateStrategy": {"rollingUpdate": {"partition": 9}}}, complete(updatedReplicas=0), ""),
        (
            {"updateStrategy": {"type": "OnDelete"}},
            complete(updatedReplicas=0),
            "0 of 2 replicas are of the newest release",
        ),
        ({"replicas": 0}, complete(0), "it wants no replicas"),
    ],
)
def test_a_stateful_set_is_ready_when_all_its_counters_agree(spec: Object, status: Object, lack: str) -> None:
    verdict = judged(workload("StatefulSet", spec, status))
    assert verdict.ready is not bool(lack)
    assert verdict.reason == (lack or "2 of 2 replicas are available")


def test_only_pods_of_a_stateful_sets_newest_revision_are_blamed() -> None:
    thing = workload("StatefulSet", status=complete(updatedReplicas=1, updateRevision="r2"))
    verdict = judged(thing, stateful("shop-0", "r1", ABSENT), stateful("shop-1", "r2", ABSENT))
    assert [cause.subject for cause in verdict.causes] == ["shop-1"]


def test_a_stateful_sets_missing_pods_are_explained_by_its_events() -> None:
    thing = workload("StatefulSet", status=complete(1, updateRevision="r2"))
    first = stateful("shop-0", "r2")
    (unexplained,) = judged(thing, first, events=None).causes
    assert (unexplained.code, unexplained.patience) == ("PodsMissing", NEVER)
    assert unexplained.look_after < 15
    message = (
        'create Pod shop-1 in StatefulSet shop failed error: pods "shop-1" is forbidden: exceeded quota: one'
    )
    refused = event("uid-StatefulSet", "FailedCreate", message, at=5)
    (cause,) = judged(thing, first, events=[refused]).causes
    assert cause.told == "shop: its pods are refused: exceeded quota: one (FailedCreate)"
    assert cause.patience == CREATE_REFUSED
    first["metadata"]["creationTimestamp"] = "2026-11-23T08:01:06Z"
    (since,) = judged(thing, first, events=[refused]).causes
    assert since.patience == NEVER


def daemon(name: str, generation: str, *containers: Object) -> Object:
    labels = {"app": "shop", "pod-template-generation": generation}
    return pod(name, *containers, owner=("DaemonSet", "shop", "uid-DaemonSet"), labels=labels)


def numbers(**more: int) -> Object:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    return {**dict.fromkeys(names, 2), **more}


@pytest.mark.parametrize(
    ("status", "lack"),
    [
        (numbers(), ""),
        (numbers(updatedNumberScheduled=1), "1 of 2 replicas are of the newest release"),
        (numbers(numberAvailable=1), "1 of 2 replicas are available"),
        (numbers(observedGeneration=1), "its controller has not seen generation 2 yet"),
        ({}, "it wants no replicas"),
    ],
)
def test_a_daemon_set_is_ready_when_all_its_counters_agree(status: Object, lack: str) -> None:
    verdict = judged(workload("DaemonSet", status=status))
    assert verdict.ready is not bool(lack)
    assert verdict.reason == (lack or "2 of 2 replicas are available")


def test_only_pods_of_a_daemon_sets_newest_template_are_blamed() -> None:
    annotations = {"deprecated.daemonset.template.generation": "2"}
    thing = workload("DaemonSet", status=numbers(numberAvailable=0), annotations=annotations)
    verdict = judged(thing, daemon("shop-a", "1", ABSENT), daemon("shop-b", "2", ABSENT))
    assert [cause.subject for cause in verdict.causes] == ["shop-b"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_workload_that_is_scaled_to_zero_will_not_come_up_by_itself(kind: str) -> None:
    (cause,) = judged(workload(kind, {"replicas": 0})).causes
    assert cause.told == "shop: it is scaled to zero (spec.replicas)"
    assert cause.patience == CREATE_REFUSED


def test_a_daemon_set_without_nodes_waits_for_one() -> None:
    assert judged(workload("DaemonSet")).causes == ()
