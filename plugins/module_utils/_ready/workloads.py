# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Whether a workload is ready, by its own status and its pods, and what keeps it from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    APPEAR,
    CREATE_REFUSED,
    NEVER,
    SETTLE,
    Cause,
    one_line,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import Event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.trouble import (
    missing_cause,
    pod_causes,
    refused_cause,
)

Object = Mapping[str, Any]

_REVISION = "deployment.kubernetes.io/revision"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


@dataclass(frozen=True)
class Seen:
    """What is known of its namespace beside the workload itself; None is what has not been looked at."""

    pods: Sequence[Pod] = ()
    replica_sets: Sequence[Object] | None = None
    slices: Sequence[Object] = ()
    events: Sequence[Event] | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one workload at one moment.

    ``reason`` is a clause for a person, true whether ready or not. ``pods`` are those of its newest
    release as far as that is known; ``needs_replica_sets`` says that these are in trouble and that only
    the Deployment's ReplicaSets can tell whether they are of the newest release.
    """

    kind: str
    name: str
    namespace: str
    ready: bool
    reason: str
    uid: str = ""
    wanted: int | None = None
    available: int = 0
    pods: tuple[Pod, ...] = ()
    causes: tuple[Cause, ...] = ()
    needs_replica_sets: bool = False


def judge(workload: Object, seen: Seen) -> Verdict:
    """Judge a Deployment, StatefulSet, DaemonSet, Job or Service."""
    return _JUDGES[workload["kind"]](workload, seen)


def absent(kind: str, what: str, namespace: str) -> Verdict:
    """For a workload that is asked for and not there; ``what`` is its name or its selector."""
    where = f' in namespace "{namespace}"' if namespace else ""
    text = f"no {kind} of this name or selector{where}"
    cause = Cause(what, f"{namespace}/{kind}/{what}/absent", "NotFound", text, APPEAR)
    return Verdict(kind, what, namespace, False, "not there yet", causes=(cause,))


def by_condition(thing: Object, holds: bool, expression: str) -> Verdict:
    """For an object of any kind, judged by what the user's expression gave."""
    reason = f"condition {expression} {'holds' if holds else 'does not hold'}"
    name, uid = _whose(thing)
    return Verdict(thing["kind"], name, thing["metadata"].get("namespace") or "", holds, reason, uid)


def _deployment(thing: Object, seen: Seen) -> Verdict:
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    name, wanted = thing["metadata"]["name"], _wanted(spec)
    conditions = _conditions(status)
    pods = [
        pod
        for pod in seen.pods
        if pod.owner_kind == "ReplicaSet"
        and pod.owner_name == f"{name}-{pod.labels.get('pod-template-hash', '')}"
    ]
    counts = _Counts(
        wanted=wanted,
        total=_number(status, "replicas"),
        updated=_number(status, "updatedReplicas"),
        available=_number(status, "availableReplicas"),
    )
    behind = _unobserved(thing) or ("it is paused" if spec.get("paused") else "") or counts.missing()
    newest = _newest_replica_set(thing, seen.replica_sets)
    release = pods if newest is None else [pod for pod in pods if pod.owner_uid == newest["metadata"]["uid"]]
    verdict = _verdict(thing, counts, release, behind or _unready(release))
    if verdict.ready or _unobserved(thing):
        return verdict
    causes = pod_causes(release, seen.events) if newest is not None else []
    unclear = newest is None and any(pod.cause for pod in pods)
    going = any(pod.leaving for pod in pods)
    refused = conditions.get("ReplicaFailure")
    if refused and refused["status"] == "True" and counts.updated < counts.wanted:
        message = str(refused.get("message") or "no message")
        causes.append(refused_cause(*_whose(thing), message, NEVER if going else CREATE_REFUSED))
    progressing = conditions.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded" and not going:
        text = f"no progress for {spec.get('progressDeadlineSeconds', 600)} s (ProgressDeadlineExceeded)"
        causes.append(_cause(thing, "deadline", "ProgressDeadlineExceeded", text, SETTLE))
    return replace(verdict, causes=(*causes, *_idle_causes(thing, counts)), needs_replica_sets=unclear)


def _stateful_set(thing: Object, seen: Seen) -> Verdict:
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    wanted = _wanted(spec)
    strategy = spec.get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    revision = status.get("updateRevision")
    updated = _number(status, "updatedReplicas")
    if status.get("currentRevision") == revision:
        # A StatefulSet that has nothing to update may leave the counter out.
        updated = max(updated, _number(status, "currentReplicas"))
    counts = _Counts(
        wanted=wanted,
        total=_number(status, "replicas"),
        # Below the partition pods keep their old revision, because the user said so.
        updated=min(updated + min(partition, wanted), wanted),
        available=_number(status, "availableReplicas"),
    )
    pods = [pod for pod in _owned(thing, seen.pods) if not pod.finished]
    newest = [pod for pod in pods if pod.labels.get("controller-revision-hash") == revision]
    return _plain(thing, seen, counts, pods, newest)


def _daemon_set(thing: Object, seen: Seen) -> Verdict:
    status = thing.get("status") or {}
    counts = _Counts(
        wanted=_number(status, "desiredNumberScheduled"),
        total=_number(status, "currentNumberScheduled"),
        updated=_number(status, "updatedNumberScheduled"),
        available=_number(status, "numberAvailable"),
    )
    generation = (thing["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION)
    pods = _owned(thing, seen.pods)
    newest = [
        pod for pod in pods if generation in (None, pod.labels.get("pod-template-generation", generation))
    ]
    return _plain(thing, seen, counts, pods, newest)


def _plain(thing: Object, seen: Seen, counts: _Counts, pods: Sequence[Pod], newest: Sequence[Pod]) -> Verdict:
    """A workload whose controller makes its pods itself and reports refusals in events alone."""
    behind = _unobserved(thing) or counts.missing()
    verdict = _verdict(thing, counts, newest, behind or _unready(newest))
    if verdict.ready or _unobserved(thing):
        return verdict
    causes = pod_causes(newest, seen.events)
    if sum(not pod.finished for pod in pods) < counts.wanted:
        causes.append(missing_cause(*_whose(thing), pods, seen.events))
    return replace(verdict, causes=(*causes, *_idle_causes(thing, counts)))


def _job(thing: Object, seen: Seen) -> Verdict:
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    conditions = _conditions(status)
    wanted = int(spec.get("completions") or 1)
    done = _number(status, "succeeded")
    pods = [pod for pod in _owned(thing, seen.pods) if pod.counts]
    complete = _holds(conditions, "Complete")
    reason = "it is complete" if complete else f"{done} of {wanted} completions"
    if spec.get("suspend"):
        reason = "it is suspended"
    verdict = _named(thing, complete, reason, wanted, done, pods)
    if complete:
        return verdict
    # Whether its pods may crash is the Job's own decision (backoffLimit, podFailurePolicy).
    causes = [each for each in pod_causes(pods, seen.events) if each.code != "CrashLoopBackOff"]
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        told = one_line(str(failed.get("message") or "no message"))
        text = f"it has failed: {told} ({failed.get('reason')})"
        causes.insert(0, _cause(thing, "failed", "JobFailed", text, 0.0))
    elif not pods and not spec.get("suspend"):
        causes.append(missing_cause(*_whose(thing), pods, seen.events))
    return replace(verdict, causes=tuple(causes))


def _service(thing: Object, seen: Seen) -> Verdict:
    """A Service is ready when it has an endpoint that is; it fails by nothing but time."""
    spec = thing.get("spec") or {}
    name = thing["metadata"]["name"]
    endpoints = [
        endpoint
        for piece in seen.slices
        if (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        for endpoint in piece.get("endpoints") or ()
    ]
    ready = [each for each in endpoints if (each.get("conditions") or {}).get("ready") is not False]
    selector = spec.get("selector") or {}
    pods = [pod for pod in seen.pods if selector and selector.items() <= pod.labels.items()]
    reason = f"{len(ready)} of {len(endpoints)} endpoints are ready"
    if spec.get("type") == "ExternalName":
        reason = "it is an ExternalName and has no endpoints"
    elif not selector and not endpoints:
        reason = "it has no selector and no endpoints"
    return _named(thing, bool(ready), reason, max(len(endpoints), 1), len(ready), pods)


_JUDGES: dict[str, Callable[[Object, Seen], Verdict]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Service": _service,
}
KINDS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "Service": "v1",
}


@dataclass(frozen=True)
class _Counts:
    """Replicas by a workload's own status; a counter that is absent is zero."""

    wanted: int
    total: int
    updated: int
    available: int

    def missing(self) -> str:
        """What is missing from a finished rollout, empty when nothing is; in the order of a rollout."""
        if self.wanted < 1:
            return "it wants no replicas"
        if self.updated < self.wanted:
            return f"{self.updated} of {self.wanted} replicas are of the newest release"
        if self.total > self.updated:
            return f"{self.total - self.updated} old replicas are still there"
        if self.available < self.wanted:
            return f"{self.available} of {self.wanted} replicas are available"
        if not self.wanted == self.total == self.updated == self.available:
            return f"{self.total} replicas, {self.wanted} wanted"
        return ""


def _verdict(thing: Object, counts: _Counts, pods: Sequence[Pod], behind: str) -> Verdict:
    reason = behind or f"{counts.available} of {counts.wanted} replicas are available"
    ready = sum(pod.ready for pod in pods if pod.counts)
    return _named(thing, not behind, reason, counts.wanted, counts.available if not behind else ready, pods)


def _named(
    thing: Object, ready: bool, reason: str, wanted: int, available: int, pods: Sequence[Pod]
) -> Verdict:
    metadata = thing["metadata"]
    if "deletionTimestamp" in metadata:
        ready, reason = False, "it is being deleted"
    kept = tuple(pod for pod in pods if pod.counts)
    return Verdict(
        thing["kind"],
        metadata["name"],
        metadata.get("namespace") or "",
        ready,
        reason,
        str(metadata.get("uid") or ""),
        wanted,
        available,
        kept,
    )


def _wanted(spec: Object) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def _number(status: Object, counter: str) -> int:
    return int(status.get(counter) or 0)


def _conditions(status: Object) -> dict[str, Object]:
    return {each["type"]: each for each in status.get("conditions") or ()}


def _holds(conditions: Mapping[str, Object], kind: str) -> bool:
    return conditions.get(kind, {}).get("status") == "True"


def _unobserved(thing: Object) -> str:
    generation = int(thing["metadata"].get("generation") or 0)
    if int((thing.get("status") or {}).get("observedGeneration") or 0) >= generation:
        return ""
    return f"its controller has not seen generation {generation} yet"


def _unready(pods: Sequence[Pod]) -> str:
    """Pods can be seen failing a moment before their workload's counters say so."""
    unready = [pod.name for pod in pods if pod.counts and not pod.ready]
    return f"pod {unready[0]} is not ready" if unready else ""


def _owned(thing: Object, pods: Sequence[Pod]) -> list[Pod]:
    uid = thing["metadata"].get("uid")
    return [pod for pod in pods if pod.owner_uid == uid]


def _newest_replica_set(thing: Object, replica_sets: Sequence[Object] | None) -> Object | None:
    """The ReplicaSet of the Deployment's current revision, None while it has not been seen."""
    uid = thing["metadata"].get("uid")
    revision = (thing["metadata"].get("annotations") or {}).get(_REVISION)
    for each in replica_sets or ():
        owners = [owner.get("uid") for owner in each["metadata"].get("ownerReferences") or ()]
        numbered = (each["metadata"].get("annotations") or {}).get(_REVISION)
        if uid in owners and revision is not None and numbered == revision and _wanted(each["spec"]) > 0:
            return each
    return None


def _idle_causes(thing: Object, counts: _Counts) -> list[Cause]:
    """Told to do nothing: only somebody else's change makes it ready."""
    if (thing.get("spec") or {}).get("paused"):
        return [_cause(thing, "paused", "Paused", "it is paused (spec.paused)", CREATE_REFUSED)]
    if thing["kind"] != "DaemonSet" and counts.wanted < 1:
        text = "it is scaled to zero (spec.replicas)"
        return [_cause(thing, "zero", "ScaledToZero", text, CREATE_REFUSED)]
    return []


def _whose(thing: Object) -> tuple[str, str]:
    """Its name and its uid."""
    metadata = thing["metadata"]
    return metadata["name"], str(metadata.get("uid") or metadata["name"])


def _cause(thing: Object, trouble: str, code: str, text: str, patience: float) -> Cause:
    name, uid = _whose(thing)
    return Cause(name, f"{uid}/{trouble}", code, text, patience)
