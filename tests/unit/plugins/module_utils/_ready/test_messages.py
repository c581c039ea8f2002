from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, Cause
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import Event, read_event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.messages import (
    headline,
    log_tail,
    pod_lines,
    pod_result,
    progress,
    readiness,
    without_quotes,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

from .objects import event, pod, running, terminated, waiting

PROBE = "Readiness probe failed: HTTP probe failed with statuscode: 503"
STARTING = read_pod(pod("shop-a", running(ready=False)))
WELL = read_pod(pod("shop-b"))
ABSENT = read_pod(pod("shop-c", waiting("ErrImagePull", "not found"), status={"phase": "Pending"}))
CRASHING = read_pod(pod("shop-d", terminated(restarts=1)))
CREATING = read_pod(pod("shop-e", waiting("ContainerCreating"), status={"phase": "Pending"}))
INITIAL = read_pod(
    pod("shop-f", waiting("PodInitializing"), init=({**running(ready=False), "name": "setup"},))
)
NODELESS = read_pod(pod("shop-g", running(ready=False), spec={"nodeName": ""}))
NOW = 1795420860.0  # 2026-11-23T08:01:00Z


def verdict(*pods: Any, ready: bool = False, name: str = "shop", **more: Any) -> Verdict:
    more = {"wanted": 3, "available": sum(each.ready for each in pods), **more}
    return Verdict(
        "Deployment", name, "demo", "uid", ready, "1 of 3 replicas are available", pods=pods, **more
    )


def causes(*pods: Any) -> list[Cause]:
    return [each.cause for each in pods]


@pytest.mark.parametrize(
    ("verdicts", "line"),
    [
        ([verdict()], "shop 0/3 ready, 12 s, 1 of 3 replicas are available"),
        ([verdict(STARTING, WELL)], "shop 1/3 ready, 12 s, 1 starting"),
        ([verdict(WELL, ABSENT, ABSENT)], "shop 1/3 ready, 12 s, 2 cannot pull image"),
        ([verdict(CRASHING, CREATING)], "shop 0/3 ready, 12 s, 1 being created, 1 crashing"),
        ([verdict(INITIAL, NODELESS)], "shop 0/3 ready, 12 s, 1 initializing, 1 without a node"),
        ([verdict(wanted=None)], "shop not ready, 12 s"),
        ([verdict(STARTING), verdict(ready=True)], "shop 0/3 ready, 1 starting; 1 others; 12 s"),
        ([verdict(ready=True), verdict(ready=True)], "all ready, 12 s"),
    ],
)
def test_progress_is_one_line(verdicts: list[Verdict], line: str) -> None:
    assert progress(readiness(verdicts), 12.3) == line


def test_a_hundred_workloads_still_fit_on_one_line() -> None:
    assert len(readiness([verdict(STARTING, name=f"shop-{number}") for number in range(100)])) < 200


def told(*about: str) -> list[Event]:
    return [read_event(event(uid, "Unhealthy", PROBE)) for uid in about]


DEADLINE = Cause(
    "shop", "uid/deadline", "ProgressDeadlineExceeded", "no progress for 9 s (ProgressDeadlineExceeded)", 2
)
IMAGE = 'container app: image "registry/shop:abc" not found (ErrImagePull)'


@pytest.mark.parametrize(
    ("certain", "verdicts", "events", "line"),
    [
        (causes(ABSENT), [verdict(ABSENT)], [], f"shop-c: {IMAGE}"),
        (
            causes(ABSENT, replace(ABSENT, cause=replace(ABSENT.cause, subject="shop-z"))),
            [verdict(ABSENT)],
            [],
            f"shop-c: {IMAGE}; and 1 more like it",
        ),
        ([DEADLINE, *causes(ABSENT)], [verdict(ABSENT)], [], f"shop-c: {IMAGE}"),
        ([DEADLINE], [verdict(STARTING, ABSENT)], [], f"shop-c: {IMAGE}; {DEADLINE.told}"),
        (
            [DEADLINE],
            [verdict(STARTING)],
            told("uid-shop-a"),
            f"shop-a: container app: {PROBE}; {DEADLINE.told}",
        ),
        ([DEADLINE], [verdict()], [], DEADLINE.told),
        ([], [verdict(WELL, STARTING)], [], "shop-a: container app: runs and is not ready yet"),
        ([], [verdict(CREATING, STARTING)], told("uid-shop-a"), f"shop-a: container app: {PROBE}"),
        (
            [],
            [verdict(CREATING, causes=tuple(causes(CREATING)))],
            [],
            "shop-e: its containers are being created",
        ),
        ([], [verdict(ABSENT, causes=tuple(causes(ABSENT)))], [], f"shop-c: {IMAGE}"),
        ([], [verdict()], [], "shop: 1 of 3 replicas are available"),
        ([], [verdict(), verdict(ready=True, name="web")], [], "shop: 1 of 3 replicas are available"),
    ],
)
def test_the_first_line_is_the_cause(
    certain: list[Cause], verdicts: list[Verdict], events: list[Event], line: str
) -> None:
    assert headline(certain, verdicts, events) == line


def test_each_pod_that_is_not_ready_has_a_line() -> None:
    lines = pod_lines([verdict(WELL, STARTING, ABSENT, CRASHING)], told("uid-shop-a"), NOW)
    assert lines == [
        f"shop-a: Running, for 50 s: container app: {PROBE}",
        f"shop-c: Pending, for 60 s: {IMAGE}",
        "shop-d: Running, for 59 s, 1 restart: container app: keeps crashing (2 times so far): exit code 1 (Error)",
    ]


def test_five_hundred_pods_are_not_listed_one_by_one() -> None:
    lines = pod_lines([verdict(*[STARTING] * 500)], [], NOW)
    assert len(lines) == 11
    assert lines[-1] == "and 490 more pods that are not ready"


LOGS: list[dict[str, Any]] = [
    {"pod": "shop-a", "container": "app", "previous": False, "lines": list("abcdefg")},
    {"pod": "shop-d", "container": "app", "previous": True, "lines": ["no database"]},
]
OF_A = ["log of shop-a, container app:", "  c", "  d", "  e", "  f", "  g"]
OF_D = ["log of shop-d, the run before, container app:", "  no database"]


@pytest.mark.parametrize(
    ("subjects", "logs", "told"),
    [
        ([], [], []),
        ([], LOGS, OF_A),
        (["shop-d"], LOGS, OF_D),
        (["shop"], LOGS, OF_A),
        (["shop-c"], LOGS, []),
    ],
    ids=["none", "nothing-certain", "the-broken-pods", "the-workload", "not-the-others"],
)
def test_the_end_of_the_first_log_is_shown(
    subjects: list[str], logs: list[dict[str, Any]], told: list[str]
) -> None:
    certain = [Cause(subject, subject, "Any", "any", NEVER) for subject in subjects]
    assert log_tail(certain, [STARTING, ABSENT, CRASHING], logs) == told


def test_a_pod_that_has_crashed_once_says_how() -> None:
    once = read_pod(pod("shop-h", terminated()))
    assert once.cause is None
    result = pod_result(once, "shop", [])
    assert (result["container"], result["reason"]) == ("app", "Error")
    assert result["message"] == "container app: exit code 1 (Error)"


def test_a_ready_pod_has_no_reason() -> None:
    result = pod_result(WELL, "shop", [])
    assert (result["ready"], result["reason"], result["message"], result["container"]) == (True, "", "", "")


def test_a_cause_that_can_always_pass_is_still_told() -> None:
    passing = replace(ABSENT.cause, patience=NEVER) if ABSENT.cause else None
    assert passing is not None
    assert headline([], [verdict(replace(ABSENT, cause=passing))], []) == f"shop-c: {IMAGE}"


SAID = read_pod(pod("shop-h", terminated(restarts=1, message="cannot open db: password hunter2 was refused")))


@pytest.mark.parametrize(
    ("crashed", "events", "line", "kept"),
    [
        (
            (SAID,),
            [],
            (
                "shop-h: container app: keeps crashing (2 times so far): exit code 1 (Error): "
                "cannot open db: password hunter2 was refused"
            ),
            "shop-h: container app: keeps crashing (2 times so far): exit code 1 (Error)",
        ),
        (
            (STARTING,),
            [
                read_event(
                    event("uid-shop-a", "Unhealthy", "Readiness probe failed: token hunter2 is no good\n")
                )
            ],
            "shop-a: container app: Readiness probe failed: token hunter2 is no good",
            "shop-a: container app: Readiness probe failed",
        ),
        (
            (STARTING,),
            told("uid-shop-a"),
            f"shop-a: container app: {PROBE}",
            f"shop-a: container app: {PROBE}",
        ),
    ],
)
def test_a_record_gets_the_cause_without_what_the_application_said(
    crashed: Any, events: list[Event], line: str, kept: str
) -> None:
    verdicts = [verdict(*crashed)]
    certain = [each.cause for each in crashed if each.cause]
    assert headline(certain, verdicts, events) == line
    assert without_quotes(line, verdicts, events) == kept


def gated(**condition: str) -> Any:
    return read_pod(pod(conditions=({"type": "Ready", "status": "False", **condition},)))


def test_a_pod_whose_containers_are_ready_says_what_it_waits_for() -> None:
    told = 'corresponding condition of pod readiness gate "example.com/lb" does not exist.'
    gate = gated(reason="ReadinessGatesNotReady", message=told)
    assert headline([], [verdict(gate)], []) == f"shop-1-a: its containers are ready and it is not: {told}"
    assert "its node node-1 may be lost" in headline([], [verdict(gated())], [])
