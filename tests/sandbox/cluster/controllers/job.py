"""Jobs: pods that end."""

from __future__ import annotations

import time
from typing import Any

from sandbox.cluster.controllers.pods import create_pod, delete_pod, pods_of
from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import JOB, POD
from sandbox.cluster.objects import (
    Object,
    dig,
    find_condition,
    is_ready_pod,
    is_terminating,
    key_of,
    owner_of,
    seconds_of,
    timestamp,
)
from sandbox.cluster.resources import Resources
from sandbox.cluster.store import Change

_LATENCY = 0.02
_FIRST_RETRY_SECONDS = 10.0
_LONGEST_RETRY_SECONDS = 360.0


class JobController:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store
        self._events = Recorder(self._store, "job-controller")
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is JOB:
            self._queue.add(key_of(change.object))
        elif change.kind is POD:
            owner = owner_of(change.object)
            if owner is not None and owner["kind"] == JOB.name:
                self._queue.add((change.object["metadata"]["namespace"], owner["name"]))

    def _sync(self, namespace: str, name: str) -> None:
        job = self._store.get(JOB, namespace, name)
        if job is None or is_terminating(job) or _is_over(job):
            return
        pods = pods_of(self._store, job)
        succeeded = [pod for pod in pods if dig(pod, "status", "phase") == "Succeeded"]
        failed = [pod for pod in pods if dig(pod, "status", "phase") == "Failed"]
        active = [
            pod for pod in pods if pod not in succeeded and pod not in failed and not is_terminating(pod)
        ]
        over = self._ending(job, active, succeeded, failed)
        if over:
            for pod in active:
                delete_pod(self._resources, self._events, JOB, job, pod)
            active = []
        elif not dig(job, "spec", "suspend"):
            self._add_pods(job, active, succeeded, failed)
        self._write_status(job, active, len(succeeded), len(failed), over)

    def _ending(
        self, job: Object, active: list[Object], succeeded: list[Object], failed: list[Object]
    ) -> list[Object]:
        """The conditions with which the job ends now, none while it goes on."""
        spec = job["spec"]
        restarts = sum(
            status["restartCount"]
            for pod in active
            for status in dig(pod, "status", "containerStatuses") or ()
        )
        if len(succeeded) >= spec["completions"]:
            self._events.normal(JOB, job, "Completed", "Job completed")
            message = "Reached expected number of succeeded pods"
            return _conditions("SuccessCriteriaMet", "Complete", "CompletionsReached", message)
        if len(failed) > spec["backoffLimit"] or (restarts and restarts >= spec["backoffLimit"]):
            reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        elif _deadline_passed(job):
            reason, message = "DeadlineExceeded", "Job was active longer than specified deadline"
        else:
            return []
        self._events.warning(JOB, job, reason, message)
        return _conditions("FailureTarget", "Failed", reason, message)

    def _add_pods(
        self, job: Object, active: list[Object], succeeded: list[Object], failed: list[Object]
    ) -> None:
        wait = _retry_in(failed)
        if wait > 0:
            self._queue.add(key_of(job), wait)
            return
        wanted = min(job["spec"]["parallelism"], job["spec"]["completions"] - len(succeeded))
        for _round in range(wanted - len(active)):
            create_pod(self._resources, self._events, JOB, job)
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is not None:
            self._queue.add(key_of(job), float(deadline))

    def _write_status(
        self, job: Object, active: list[Object], succeeded: int, failed: int, over: list[Object]
    ) -> None:
        counters = {"active": len(active), "succeeded": succeeded, "failed": failed}
        status: dict[str, Any] = {
            "startTime": dig(job, "status", "startTime") or timestamp(),
            "ready": sum(1 for pod in active if is_ready_pod(pod)),
            "terminating": 0,
            "uncountedTerminatedPods": {},
            **{field: count for field, count in counters.items() if count},
        }
        if over:
            status["conditions"] = over
        if any(condition["type"] == "Complete" for condition in over):
            status["completionTime"] = timestamp()

        def write(stored: Object) -> None:
            stored["status"] = status

        self._store.modify(JOB, job, write)


def _is_over(job: Object) -> bool:
    return any(find_condition(job, name) is not None for name in ("Complete", "Failed"))


def _conditions(first: str, last: str, reason: str, message: str) -> list[Object]:
    now = timestamp()
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    return [
        {"type": name, "status": "True", **times, "reason": reason, "message": message}
        for name in (first, last)
    ]


def _deadline_passed(job: Object) -> bool:
    deadline, started = job["spec"].get("activeDeadlineSeconds"), dig(job, "status", "startTime")
    return deadline is not None and started and time.time() - seconds_of(started) >= deadline


def _retry_in(failed: list[Object]) -> float:
    """Seconds until a failed pod is replaced: 10, 20, 40 … after the last one's end."""
    if not failed:
        return 0.0
    ends = [
        dig(status, "state", "terminated", "finishedAt")
        for pod in failed
        for status in dig(pod, "status", "containerStatuses") or ()
    ]
    last = max((seconds_of(end) for end in ends if end), default=0.0)
    wait = min(_FIRST_RETRY_SECONDS * 2 ** (len(failed) - 1), _LONGEST_RETRY_SECONDS)
    return float(last + wait - time.time())
