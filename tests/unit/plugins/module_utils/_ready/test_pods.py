from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, SETTLE
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod, read_pod

from .objects import Object, pod, running, terminated, unschedulable, waiting

LONG = {"startedAt": "2026-11-23T08:00:00Z", "finishedAt": "2026-11-23T08:11:00Z"}
NEVER_STARTED = {"startedAt": "1970-01-01T00:00:00Z", "reason": "StartError", "exitCode": 128}
NO_EXECUTABLE = {
    **NEVER_STARTED,
    "message": 'runc create failed: unable to start container process: exec: "migrate": executable file not found in '
    "$PATH: unknown",
}
LOST = {"reason": "ContainerStatusUnknown", "exitCode": 137}
COMPLETED = {"reason": "Completed", "exitCode": 0}


def read(*containers: Object, **more: Any) -> Pod:
    return read_pod(pod("shop-1-a", *containers, **more))


@pytest.mark.parametrize(
    "container",
    [
        running(),
        running(ready=False),
        running(restarts=1, ready=False),
        running(restarts=9, ready=False),
        terminated(),
        terminated(restarts=3, **LONG),
        terminated(restarts=3, **LOST),
        waiting("ContainerCreating", restarts=2),
        waiting("PodInitializing"),
    ],
)
def test_what_may_still_come_to_life_is_no_crash(container: Object) -> None:
    cause = read(container).cause
    assert cause is None or (cause.code, cause.patience) == ("ContainerCreating", NEVER)


@pytest.mark.parametrize(
    ("container", "told"),
    [
        (terminated(restarts=1), "container app: keeps crashing (2 times so far): exit code 1 (Error)"),
        (waiting("CrashLoopBackOff", restarts=1), "keeps crashing (2 times so far): exit code 1 (Error)"),
        (waiting("CrashLoopBackOff", restarts=5), "keeps crashing (6 times so far)"),
        (waiting("RunContainerError", restarts=1), "keeps crashing (2 times so far)"),
        (
            terminated(restarts=1, **NEVER_STARTED),
            "(2 times so far): cannot be started: no message (StartError",
        ),
        (terminated(restarts=1, **COMPLETED), "keeps crashing (2 times so far): exit code 0 (Completed)"),
        (
            terminated(restarts=1, reason="OOMKilled", exitCode=137),
            "killed at its memory limit (OOMKilled, exit code 137)",
        ),
        (terminated(restarts=1, message="no database\n"), "exit code 1 (Error): no database"),
    ],
)
def test_twice_in_a_row_is_a_crash_loop_whatever_it_is_waiting_for(container: Object, told: str) -> None:
    cause = read(container).cause
    assert cause is not None
    assert (cause.code, cause.patience, cause.subject) == ("CrashLoopBackOff", SETTLE, "shop-1-a")
    assert told in cause.text


@pytest.mark.parametrize("reason", ["StartError", "ContainerCannotRun"])
@pytest.mark.parametrize(
    ("container", "spec", "certain"),
    [
        (terminated(), {"restartPolicy": "Never"}, True),
        (terminated(), {"restartPolicy": "OnFailure"}, False),
        (terminated(), {}, False),
        (terminated(restarts=1), {"restartPolicy": "OnFailure"}, True),
        (waiting("RunContainerError", restarts=1), {}, True),
        (waiting("CrashLoopBackOff", restarts=1), {}, True),
        (running(restarts=3, ready=False), {}, False),
    ],
)
def test_what_cannot_be_started_is_certain_where_nothing_starts_it_again_or_the_second_time(
    reason: str, container: Object, spec: Object, certain: bool
) -> None:
    ended = container["state"].get("terminated") or container["lastState"]["terminated"]
    container = {**container, "lastState": {"terminated": {**ended, **NO_EXECUTABLE, "reason": reason}}}
    if "terminated" in container["state"]:
        container["state"] = container["lastState"]
    cause = read(container, spec=spec).cause
    assert (cause is not None) is certain
    if cause is not None:
        told = f'exec: "migrate": executable file not found in $PATH: unknown ({reason}, exit code 128)'
        assert (cause.code, cause.patience) == (reason, SETTLE)
        assert cause.text == f"container app: cannot be started: {told}"


def test_an_init_container_that_cannot_be_started_is_named_as_one() -> None:
    setup = {**terminated(**NO_EXECUTABLE), "name": "setup"}
    cause = read(waiting("PodInitializing"), init=(setup,), spec={"restartPolicy": "Never"}).cause
    assert cause is not None
    assert cause.text.startswith("init container setup: cannot be started: ")


def test_the_memory_limit_is_named() -> None:
    limits = {"containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]}
    cause = read(terminated(restarts=1, reason="OOMKilled", exitCode=137), spec=limits).cause
    assert cause is not None
    assert "killed at its memory limit of 64Mi (OOMKilled, exit code 137)" in cause.text


def test_an_init_container_that_crashes_is_named_as_one() -> None:
    setup = {**terminated(restarts=1, exitCode=3), "name": "setup"}
    cause = read(waiting("PodInitializing"), init=(setup,)).cause
    assert cause is not None
    assert cause.text == "init container setup: keeps crashing (2 times so far): exit code 3 (Error)"


def test_an_init_container_that_is_done_is_well() -> None:
    done = {**terminated(**COMPLETED), "name": "setup"}
    assert read(running(), init=(done,)).cause is None
    assert read(running(), init=(done,)).troubled is None


def test_a_sidecar_that_ends_has_failed() -> None:
    proxy = {**terminated(restarts=1, **COMPLETED), "name": "proxy"}
    spec = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    cause = read(running(ready=False), init=(proxy,), spec=spec).cause
    assert cause is not None
    assert cause.code == "CrashLoopBackOff"


def test_a_container_of_a_job_that_completed_has_not_failed() -> None:
    done = read(terminated(**COMPLETED), spec={"restartPolicy": "OnFailure"})
    assert done.cause is None
    assert done.containers[0].failure == ""


@pytest.mark.parametrize(
    ("container", "told"),
    [
        (
            waiting("ErrImagePull", "rpc error: code = NotFound desc = registry/shop:abc: not found"),
            'container app: image "registry/shop:abc" not found (ErrImagePull)',
        ),
        (
            waiting(
                "ImagePullBackOff", 'Back-off pulling image "registry/shop:abc": ErrImagePull: not found'
            ),
            'container app: image "registry/shop:abc" not found (ErrImagePull)',
        ),
        (
            waiting("ImagePullBackOff", 'Back-off pulling image "registry/shop:abc"'),
            'container app: image "registry/shop:abc" cannot be pulled: Back-off pulling image',
        ),
        (waiting("ErrImagePull"), "cannot be pulled: no reason given yet (ErrImagePull)"),
        (
            waiting("InvalidImageName", "x"),
            'image "registry/shop:abc" is no valid image name (InvalidImageName)',
        ),
        (
            waiting("CreateContainerConfigError", 'secret "shop" not found'),
            'container app: secret "shop" not found (CreateContainerConfigError)',
        ),
        (
            waiting("CreateContainerError", "context deadline exceeded"),
            "container app: context deadline exceeded (CreateContainerError)",
        ),
    ],
)
def test_what_a_container_waits_for_is_told_in_words(container: Object, told: str) -> None:
    cause = read(container).cause
    assert cause is not None
    assert told in cause.text


def test_a_pull_that_is_tried_again_is_the_same_trouble() -> None:
    first, second = read(waiting("ErrImagePull", "EOF")), read(waiting("ImagePullBackOff", "Back-off: EOF"))
    assert first.cause is not None
    assert second.cause is not None
    assert first.cause.key == second.cause.key


def test_a_pod_that_no_node_takes_says_why_without_the_preemption() -> None:
    message = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: none."
    cause = read(conditions=(unschedulable(message),), ready=False).cause
    assert cause is not None
    assert cause.text == "no node takes it: 0/3 nodes are available: 3 Insufficient cpu (Unschedulable)"
    assert (cause.patience, cause.look_after) == (10.0, 0.0)


def test_a_pod_for_which_others_have_to_go_is_waited_for() -> None:
    thing = pod(conditions=(unschedulable("0/3 nodes are available: 3 Insufficient cpu."),), ready=False)
    thing["status"]["nominatedNodeName"] = "node-2"
    cause = read_pod(thing).cause
    assert cause is not None
    assert cause.patience == NEVER
    assert cause.text.endswith("3 Insufficient cpu (Unschedulable); it is to get onto node-2")


def test_a_gated_pod_is_waited_for() -> None:
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gates"}
    assert read(running(ready=False), conditions=(gated,)).cause is None


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"deletionTimestamp": "2026-11-23T09:00:00Z"}, False),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, False),
        ({"status": {"phase": "Succeeded"}}, False),
        ({"conditions": ({"type": "DisruptionTarget", "status": "True"},)}, False),
        ({"conditions": ({"type": "DisruptionTarget", "status": "False"},)}, True),
    ],
)
def test_a_pod_that_goes_or_has_ended_does_not_count(more: dict[str, Any], counts: bool) -> None:
    assert read(**more).counts is counts


def test_the_container_to_look_at_is_the_one_with_a_cause() -> None:
    slow, broken = running(ready=False, name="slow"), {**waiting("InvalidImageName"), "name": "broken"}
    container = read(slow, broken).troubled
    assert container is not None
    assert container.name == "broken"


def test_a_pod_right_after_its_creation_can_be_read() -> None:
    bare = read_pod({"metadata": {"name": "new"}, "status": {"phase": "Pending"}})
    assert (bare.ready, bare.cause, bare.containers, bare.node) == (False, None, (), "")
