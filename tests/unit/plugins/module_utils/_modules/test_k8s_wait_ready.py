from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    ClusterError,
    InputError,
    NotReadyError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import k8s_wait_ready
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.messages import headline
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.patience import Patience
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import Ask, Scene
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.watch import Refused

from ..replay import FIXTURES, Object, Replay, replayed, timeline

# When each recording's Deployment was ready by the cluster's own account.
READY = {
    "healthy-rollout": 1.47,
    "rolling-update": 1.95,
    "recreate-update": 1.43,
    "scale-from-zero": 1.90,
    "pod-deleted": 1.30,
    "slow-start": 21.47,
    "min-ready-seconds": 9.33,
    "update-recovered": 2.62,
}
# How early it may be told that a recording's Deployment will not be, how late, and what is to be told.
FAILED = {
    "bad-command": (
        1.6,
        5,
        r'container app: cannot be started: exec: "/no/such/binary": .* \(StartError, exit code 128\)',
    ),
    "config-missing": (
        11,
        15,
        r'container app: configmap "no-such-config" not found \(CreateContainerConfigError\)',
    ),
    "secret-missing": (
        11,
        15,
        r'container app: secret "no-such-secret" not found \(CreateContainerConfigError\)',
    ),
    "volume-config-missing": (8, 15, r'configmap "no-such-config" not found \(FailedMount\)'),
    "crash-loop-min-ready": (
        4.8,
        8,
        r"container app: keeps crashing \(2 times so far\): exit code 1 \(Error\)",
    ),
    "init-failing": (
        2.3,
        6,
        r"init container setup: keeps crashing \(2 times so far\): exit code 3 \(Error\)",
    ),
    "err-image-pull": (
        175,
        190,
        r'container app: image "example/app:nosuch" cannot be pulled: .*connection refused',
    ),
    "invalid-image-name": (1.5, 5, r'image "Not A Valid Image" is no valid image name \(InvalidImageName\)'),
    "image-never-pull": (1, 5, r'image "example/app:absent" is not on the node, .*\(ErrImageNeverPull\)'),
    "unschedulable": (
        10,
        12,
        r"no node takes it: 0/1 nodes are available: 1 Insufficient cpu \(Unschedulable\)",
    ),
    "node-selector": (
        10,
        12,
        r"no node takes it: .* didn't match Pod's node affinity/selector \(Unschedulable\)",
    ),
    "pvc-missing": (10, 12, r'no node takes it: .* persistentvolumeclaim "nope" not found \(Unschedulable\)'),
    "quota-refused": (10, 12, r"quota: its pods are refused: exceeded quota: one-pod, .* \(FailedCreate\)"),
    "never-ready": (600.5, 605, r"neverready: no progress for 600 s \(ProgressDeadlineExceeded\)"),
    "progress-deadline": (5.5, 9, r"deadline: no progress for 5 s \(ProgressDeadlineExceeded\)"),
    "progress-deadline-image": (5.5, 9, r"cannot be pulled: .*; deadlineimg: no progress for 5 s"),
    "update-bad-image": (
        11,
        14,
        r'image "example/app:nosuch3" cannot be pulled: .*; upfail: no progress for 10 s',
    ),
    "surge-zero-update": (175, 190, r'image "example/app:nosuch9" cannot be pulled'),
    "paused": (10, 11, r"paused: it is paused \(spec.paused\)"),
    "zero-replicas": (10, 11, r"zero: it is scaled to zero \(spec.replicas\)"),
    "scale-to-zero": (10, 11, r"healthy: it is scaled to zero \(spec.replicas\)"),
    "delete-background": (10, 11, r'minready: there is no Deployment "minready" in namespace "demo"'),
    "delete-foreground": (10, 12, r'recreate: there is no Deployment "recreate" in namespace "demo"'),
}
# These are ready for a moment, or turn unready later.
FICKLE = ("crash-loop", "oom-killed", "liveness-failing", "turns-unready")


def test_every_recording_is_judged() -> None:
    assert {path.stem for path in FIXTURES.glob("*.yaml")} == {*READY, *FAILED, *FICKLE}


@pytest.mark.parametrize(("scenario", "at"), READY.items())
def test_ready_is_told_when_the_cluster_is_ready(scenario: str, at: float) -> None:
    ending = replayed(scenario)
    assert ending.ready
    assert ending.elapsed == pytest.approx(at, abs=0.005)


@pytest.mark.parametrize(("scenario", "expected"), FAILED.items())
def test_failure_is_told_early_with_its_cause(scenario: str, expected: tuple[float, float, str]) -> None:
    earliest, latest, cause = expected
    ending = replayed(scenario)
    assert not ending.ready
    assert earliest <= ending.elapsed <= latest
    with pytest.raises(AssertionError, match=cause):
        raise AssertionError(headline(ending.certain, ending.verdicts, ()))


@pytest.mark.parametrize(
    ("scenario", "cause"),
    [
        ("crash-loop", "keeps crashing (2 times so far): exit code 1 (Error)"),
        ("oom-killed", "killed at its memory limit of 32Mi (OOMKilled, exit code 137)"),
    ],
)
def test_ready_between_two_crashes_is_not_believed(scenario: str, cause: str) -> None:
    ending = replayed(scenario, stable_for=5)
    assert cause in headline(ending.certain, ending.verdicts, ())
    assert ending.elapsed < 15


def test_ready_that_does_not_last_is_not_believed() -> None:
    assert replayed("turns-unready", stable_for=21).ready
    assert not replayed("turns-unready", stable_for=23, timeout=60).ready


def test_stable_for_is_counted_from_the_last_change() -> None:
    assert replayed("slow-start", stable_for=3).elapsed == pytest.approx(24.47, abs=0.005)


def test_pods_that_have_been_ready_for_long_need_not_prove_it_again() -> None:
    """The recording's pods turned ready at 08:06:03 by their own stamps."""
    long_after = 1795421163.0 + 100
    ending = replayed("slow-start", start=21.6, stable_for=30, cluster_now=lambda: long_after)
    assert ending.ready
    assert ending.elapsed == 0


@pytest.mark.parametrize("scenario", sorted({*READY, *FAILED, *FICKLE}))
def test_it_never_errs_whenever_it_begins_and_however_the_watches_lag(scenario: str) -> None:
    steps = timeline(scenario)
    chance = random.Random(scenario)
    for _round in range(12):
        start = chance.choice(steps)[0]
        lag = {
            kind: chance.choice([0, 0.01, 0.05, 0.3, 0.9])
            for kind in ("Deployment", "ReplicaSet", "Pod", "Event")
        }
        ending = replayed(scenario, start=start, lag=lag, stable_for=chance.choice([0, 0, 1, 3]), timeout=700)
        context = f"{scenario} from {start} with {lag}"
        if ending.ready:
            told_of = start + ending.elapsed - lag["Deployment"] + 1e-6
            assert scenario in READY or scenario in FICKLE, context
            assert _is_ready_at(steps, told_of) or _is_ready_at(steps, start), context
        else:
            assert scenario not in READY, context
            assert ending.certain or scenario in FICKLE, context


def _is_ready_at(steps: list[tuple[float, str, Object]], at: float) -> bool:
    """By the rule, written down a second time: the newest status is current and all its counters agree."""
    newest: Object | None = None
    for when, change, thing in steps:
        if thing["kind"] == "Deployment" and when <= at:
            newest = thing if change != "DELETED" else None
    if newest is None:
        return False
    status, wanted = newest["status"], newest["spec"]["replicas"]
    counters = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return (
        wanted > 0
        and counters == [wanted] * 3
        and status["observedGeneration"] >= newest["metadata"]["generation"]
    )


def test_an_old_release_that_crashes_is_no_reason_to_refuse_the_new_one() -> None:
    """A color whose last release failed gets a new one: the old pods crash on until the new are up."""
    old = [step for step in timeline("crash-loop-min-ready") if step[0] < 6]
    new = [
        (at + 100, change, _renamed(thing, "slow", "crashprobe2"))
        for at, change, thing in timeline("slow-start")
        if thing["kind"] in ("Deployment", "ReplicaSet", "Pod")
    ]
    for _at, _change, thing in new:
        if thing["kind"] == "Deployment":
            thing["metadata"]["generation"] = 2
            if "observedGeneration" in thing["status"]:
                thing["status"]["observedGeneration"] = 2
        if thing["kind"] != "Pod":
            thing["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "2"
    for start in (99, 100, 100.005, 100.02, 100.05, 101):
        ending = replayed([*old, *new], start=start)
        assert ending.ready, headline(ending.certain, ending.verdicts, ())
        assert start + ending.elapsed == pytest.approx(121.47, abs=0.005)


def _renamed(thing: Object, old: str, new: str) -> Object:
    """The same object under another Deployment's name, as its next release."""
    metadata = {**thing["metadata"], "labels": {**thing["metadata"].get("labels", {}), "app": new}}
    metadata["name"] = metadata["name"].replace(old, new, 1)
    metadata["annotations"] = dict(metadata.get("annotations") or {})
    owners = [
        {**owner, "name": owner["name"].replace(old, new, 1)} for owner in metadata.get("ownerReferences", ())
    ]
    known = {step[2]["kind"]: step[2] for step in timeline("crash-loop-min-ready")}
    if thing["kind"] == "Deployment":
        metadata["uid"] = known["Deployment"]["metadata"]["uid"]
    if thing["kind"] == "ReplicaSet":
        owners = [{**owner, "uid": known["Deployment"]["metadata"]["uid"]} for owner in owners]
    spec = {**thing["spec"]}
    if thing["kind"] == "Deployment":
        spec["selector"] = {"matchLabels": {"app": new}}
    return {
        **thing,
        "metadata": {**metadata, "ownerReferences": owners},
        "spec": spec,
        "status": dict(thing["status"]),
    }


def test_one_restart_of_a_slow_but_healthy_start_is_waited_out() -> None:
    steps = timeline("slow-start")
    ending = replayed([_crashed_once(step) for step in steps], stable_for=2)
    assert ending.ready


def _crashed_once(step: tuple[float, str, Object]) -> tuple[float, str, Object]:
    at, change, thing = step
    if thing["kind"] != "Pod" or not thing["status"].get("containerStatuses") or at < 1:
        return step
    (container,) = thing["status"]["containerStatuses"]
    ended = {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": "2026-11-23T08:05:42Z",
        "finishedAt": "2026-11-23T08:05:43Z",
    }
    if at < 20:
        container = {**container, "state": {"terminated": ended}}
    else:
        container = {**container, "restartCount": 1, "lastState": {"terminated": ended}}
    return at, change, {**thing, "status": {**thing["status"], "containerStatuses": [container]}}


def test_a_node_that_an_autoscaler_has_announced_is_waited_for_even_without_grace() -> None:
    steps = timeline("unschedulable")
    pod = next(thing for _at, _change, thing in steps if thing["kind"] == "Pod")
    announced = {
        "kind": "Event",
        "metadata": {"name": "scale-up", "namespace": "demo"},
        "involvedObject": {"uid": pod["metadata"]["uid"]},
        "type": "Normal",
        "reason": "TriggeredScaleUp",
        "lastTimestamp": "2026-11-23T08:00:00Z",
    }
    ending = replayed([*steps, (0.0, "ADDED", announced)], start=1, scheduling_grace=0, timeout=120)
    assert (ending.certain, ending.elapsed) == ((), 120)
    assert replayed(steps, start=1, scheduling_grace=0).elapsed < 1


def test_several_deployments_are_waited_for_together_whenever_they_appear() -> None:
    later = [(at + 5, change, thing) for at, change, thing in timeline("min-ready-seconds")]
    ending = replayed([*timeline("slow-start"), *later])
    assert ending.ready
    assert ending.elapsed == pytest.approx(21.47, abs=0.005)
    assert sorted(len(verdict.pods) for verdict in ending.verdicts) == [1, 2]


def test_without_fail_fast_it_waits_for_its_time_out() -> None:
    ending = replayed("invalid-image-name", fail_fast=False, timeout=60)
    assert ending.elapsed == 60
    assert not ending.certain


def test_progress_is_one_line_when_something_changed_and_not_more_than_one_every_three_seconds() -> None:
    lines: list[str] = []
    replayed("slow-start", show=lines.append)
    assert lines == [
        "slow 0/2 ready, 0 s, its controller has not seen generation 1 yet",
        "slow 0/2 ready, 3 s, 2 starting",
        # Where nothing changes it is told again.
        "slow 0/2 ready, 13 s, 2 starting",
        "slow 1/2 ready, 21 s, 1 starting",
    ]


def test_what_is_told_again_says_why_nothing_changes() -> None:
    lines: list[str] = []
    asked: list[float] = []
    source = Replay(timeline("slow-start"))

    def why(verdicts: Any) -> str:
        asked.append(source.now)
        return "readiness probe answers 503"

    _wait(source, "slow", show=lines.append, why=why)
    assert [line for line in lines if "503" in line] == [
        "slow 0/2 ready, 13 s, 2 starting; readiness probe answers 503"
    ]
    assert len(asked) == 1


def test_a_healthy_wait_watches_nothing_but_the_workload_and_its_pods() -> None:
    source = Replay(timeline("slow-start"))
    _wait(source, "slow")
    assert source.ever_followed == {"Deployment", "Pod"}


class _Blinking(Replay):
    """Loses sight at ``lost`` seconds and finds it again at ``found``."""

    def __init__(self, scenario: str, lost: float, found: float) -> None:
        super().__init__(timeline(scenario))
        self._gap = [lost, found]

    def next(self, until: float) -> list[Any]:
        if len(self._gap) == 2 and self.now >= self._gap[0]:
            self._gap.pop(0)
            self.lose("connection refused")
        elif len(self._gap) == 1:
            while self._steps and self._steps[0][0] <= self._gap[0]:
                _at, change, thing = self._steps.pop(0)
                self._happen(change, thing)
            if until < self._gap[0]:
                self.now = until
                return []
            self.now = self._gap.pop()
            self.find()
        return super().next(until)


def _wait(source: Replay, name: str, **options: Any) -> k8s_wait_ready.Ending:
    scene = Scene([Ask("apps/v1", "Deployment", "demo", name)], scheduling_grace=10)
    patience = Patience(options.get("stable_for", 0), fail_fast=True)
    timeout, show = options.get("timeout", 700), options.get("show", lambda line: None)
    why = options.get("why", lambda verdicts: "")
    return k8s_wait_ready.wait(scene, source, patience, timeout, lambda: None, show, source.clock, why)


def test_nothing_is_certain_while_the_view_is_lost() -> None:
    """Ready from 0.59 on; the sight is lost at 1 and back at 30, when it is ready no longer."""
    ending = _wait(_Blinking("turns-unready", lost=1, found=30), "failsoon", stable_for=10, timeout=60)
    assert not ending.ready
    assert ending.elapsed == 60


def test_a_cause_counts_anew_after_a_view_that_was_lost() -> None:
    """Seen for a second before the sight is lost, as in an upgrade in which the scheduler stands still, too."""
    ending = _wait(_Blinking("unschedulable", lost=1, found=60), "unsched")
    assert [cause.code for cause in ending.certain] == ["Unschedulable"]
    assert ending.elapsed == 70


def test_a_view_that_is_found_again_counts_from_what_it_shows() -> None:
    ending = _wait(_Blinking("slow-start", lost=5, found=40), "slow")
    assert ending.ready
    assert ending.elapsed == 40


def test_a_view_that_stays_lost_is_told_on_the_way_and_at_the_end() -> None:
    lines: list[str] = []
    ending = _wait(_Blinking("slow-start", lost=5, found=900), "slow", timeout=60, show=lines.append)
    assert ending.elapsed == 60
    assert "connection refused" in ending.hidden
    assert lines[-1] == "connection refused"


class _Secretive(Replay):
    """Does not let anybody see objects of ``kind``."""

    def __init__(self, scenario: str, kind: str) -> None:
        super().__init__(timeline(scenario))
        self._kind = kind

    def next(self, until: float) -> list[Any]:
        error = ClusterError(
            f"Could not list {self._kind} objects: 403 Forbidden.", status=403, reason="Forbidden"
        )
        return [
            Refused(news.stream, error) if news.stream.kind == self._kind else news
            for news in super().next(until)
        ]


def test_without_permission_for_events_the_verdict_stands_and_says_so() -> None:
    ending = _wait(_Secretive("unschedulable", "Event"), "unsched")
    assert [cause.code for cause in ending.certain] == ["Unschedulable"]
    assert ending.hidden == ["Could not list Event objects: 403 Forbidden."]


def test_without_permission_for_replica_sets_no_pod_is_blamed() -> None:
    ending = _wait(_Secretive("never-ready", "ReplicaSet"), "neverready")
    assert [cause.code for cause in ending.certain] == ["ProgressDeadlineExceeded"]


def test_without_permission_for_pods_it_fails_at_once() -> None:
    with pytest.raises(ClusterError, match="Could not list Pod objects"):
        _wait(_Secretive("never-ready", "Pod"), "neverready")


PARAMS: Mapping[str, Any] = {
    "kind": "Deployment",
    "name": "shop",
    "namespace": "demo",
    "timeout": 60,
    "stable_for": 0,
    "steady": None,
    "fail_fast": True,
    "unschedulable_grace": 10,
    "image_wait": 0,
    "log_lines": 20,
    "details": True,
}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"timeout": 0}, "timeout is 0; it must be at least 1 second"),
        ({"timeout": -5}, "timeout is -5"),
        ({"stable_for": 60}, r"stable_for is 60; it must be at least 0 and less than timeout \(60\)"),
        ({"stable_for": -1}, "stable_for is -1"),
        ({"log_lines": -1}, "log_lines is -1"),
        ({"unschedulable_grace": -1}, "unschedulable_grace is -1"),
        ({"image_wait": -1}, "image_wait is -1"),
        ({"name": None}, "by name or by label_selectors; neither was given"),
    ],
)
def test_bad_input_is_told_before_the_cluster_is_asked(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        k8s_wait_ready.run({**PARAMS, **wrong}, False, None, print)


def test_a_failure_in_short_is_its_cause_and_what_is_not_ready() -> None:
    whole = NotReadyError(
        "image not found\npod a: Pending",
        cause="image not found",
        ready=False,
        workloads=[],
        pods=[{}],
        events=[{}],
        logs=["x"],
    )
    short = k8s_wait_ready._in_short(whole)
    assert short.message == "image not found"
    assert sorted(short.details) == ["ready", "workloads"]
    quoting = NotReadyError("probe answers 500: hunter2", cause="probe answers 500", ready=False)
    assert k8s_wait_ready._in_short(quoting).details["cause"] == "probe answers 500"
