# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Whether the rollout of a replicated workload is through, by its own counters and its pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    CREATE_REFUSED,
    NEVER,
    SETTLE,
    Cause,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.trouble import (
    missing_cause,
    pod_causes,
    refused_cause,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import (
    Object,
    Seen,
    Verdict,
    cause_of,
    conditions_of,
    owned_by,
    verdict_on,
)

_REVISION = "deployment.kubernetes.io/revision"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


@dataclass(frozen=True)
class _Counts:
    """Replicas by the workload's own status, where a counter that is absent is zero."""

    wanted: int
    total: int
    updated: int
    available: int

    def lack(self) -> str:
        """What a finished rollout would have and this has not, in the order of a rollout; or empty."""
        if self.wanted < 1:
            return "it wants no replicas"
        if self.updated < self.wanted:
            return f"{self.updated} of {self.wanted} replicas are of the newest release"
        if self.total > self.updated:
            return f"{self.total - self.updated} old replicas are still there"
        if self.available < self.wanted:
            return f"{self.available} of {self.wanted} replicas are available"
        if not self.wanted == self.total == self.updated == self.available:
            return f"{self.total} replicas are there and {self.wanted} wanted"
        return ""


def deployment(thing: Object, seen: Seen) -> Verdict:
    spec = thing.get("spec") or {}
    counts = _Counts(
        wanted=_wanted(spec),
        total=_number(thing, "replicas"),
        updated=_number(thing, "updatedReplicas"),
        available=_number(thing, "availableReplicas"),
    )
    paused = "it is paused" if spec.get("paused") else ""
    pods = [pod for pod in seen.pods if _is_of_deployment(pod, thing["metadata"]["name"])]
    newest = _newest_replica_set(thing, seen.replica_sets)
    release = pods if newest is None else [pod for pod in pods if pod.owner_uid == newest["metadata"]["uid"]]
    verdict = _rollout(thing, counts, release, lack=paused or counts.lack())
    if verdict.ready or not _is_observed(thing):
        return verdict
    going = any(pod.leaving for pod in pods)
    causes = pod_causes(release, seen.events)
    if newest is None:
        # The pods of an old release may be as broken as they like.
        grave = [*causes, *(pod.cause for pod in release if pod.cause)]
        verdict = replace(verdict, needs_replica_sets=any(cause.patience < NEVER for cause in grave))
        causes = [cause for cause in causes if cause.patience == NEVER]
    return replace(
        verdict, causes=(*causes, *_deployment_causes(thing, counts, going), *_idle_causes(thing, counts))
    )


def stateful_set(thing: Object, seen: Seen) -> Verdict:
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    wanted = _wanted(spec)
    strategy = spec.get("updateStrategy") or {}
    # Below the partition pods keep their old revision, because the user said so.
    kept = min(int((strategy.get("rollingUpdate") or {}).get("partition") or 0), wanted)
    counts = _Counts(
        wanted=wanted,
        total=_number(thing, "replicas"),
        updated=min(_number(thing, "updatedReplicas") + kept, wanted),
        available=_number(thing, "availableReplicas"),
    )
    pods = owned_by(thing, seen.pods)
    newest = [
        pod for pod in pods if pod.labels.get("controller-revision-hash") == status.get("updateRevision")
    ]
    return _self_made(thing, seen, counts, pods, newest)


def daemon_set(thing: Object, seen: Seen) -> Verdict:
    counts = _Counts(
        wanted=_number(thing, "desiredNumberScheduled"),
        total=_number(thing, "currentNumberScheduled"),
        updated=_number(thing, "updatedNumberScheduled"),
        available=_number(thing, "numberAvailable"),
    )
    generation = (thing["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION)
    pods = owned_by(thing, seen.pods)
    newest = [pod for pod in pods if pod.labels.get("pod-template-generation") == generation]
    return _self_made(thing, seen, counts, pods, newest)


def at_least(thing: Object, verdict: Verdict, replicas: int) -> Verdict:
    """The verdict on a workload that has to have so many replicas, whatever it wants itself."""
    wanted = verdict.wanted or 0
    if wanted >= replicas:
        return verdict
    text = f"it wants {wanted} replicas, and {replicas} are needed"
    cause = cause_of(thing, "few", "TooFewReplicas", f"{text}: something has scaled it down", SETTLE)
    return replace(verdict, ready=False, reason=text, causes=(*verdict.causes, cause))


def _self_made(
    thing: Object, seen: Seen, counts: _Counts, pods: Sequence[Pod], newest: Sequence[Pod]
) -> Verdict:
    """A workload whose controller makes the pods itself, and tells of refusals in events alone."""
    verdict = _rollout(thing, counts, newest, lack=counts.lack())
    if verdict.ready or not _is_observed(thing):
        return verdict
    causes = pod_causes(newest, seen.events)
    if sum(not pod.finished for pod in pods) < counts.wanted:
        causes.append(missing_cause(thing, pods, seen.events))
    return replace(verdict, causes=(*causes, *_idle_causes(thing, counts)))


def _rollout(thing: Object, counts: _Counts, release: Sequence[Pod], lack: str) -> Verdict:
    kept = tuple(pod for pod in release if pod.counts)
    if not _is_observed(thing):
        lack = f"its controller has not seen generation {thing['metadata']['generation']} yet"
    if not lack:
        # A pod can be seen to fail a moment before the counters say so.
        lack = next((f"pod {pod.name} is not ready" for pod in kept if not pod.ready), "")
    return verdict_on(
        thing,
        ready=not lack,
        reason=lack or f"{counts.available} of {counts.wanted} replicas are available",
        wanted=counts.wanted,
        available=sum(pod.ready for pod in kept) if lack else counts.available,
        pods=kept,
    )


def _deployment_causes(thing: Object, counts: _Counts, going: bool) -> list[Cause]:
    """Causes by its conditions. While pods of it are ``going``, both can be about what was before."""
    causes, conditions = [], conditions_of(thing)
    refused, progressing = conditions.get("ReplicaFailure", {}), conditions.get("Progressing", {})
    if refused.get("status") == "True" and counts.updated < counts.wanted:
        message = str(refused.get("message") or "no message")
        causes.append(refused_cause(thing, message, NEVER if going else CREATE_REFUSED))
    if progressing.get("reason") == "ProgressDeadlineExceeded" and not going:
        deadline = (thing.get("spec") or {}).get("progressDeadlineSeconds", 600)
        text = f"no progress for {deadline} s (ProgressDeadlineExceeded)"
        causes.append(cause_of(thing, "deadline", "ProgressDeadlineExceeded", text, SETTLE))
    return causes


def _idle_causes(thing: Object, counts: _Counts) -> list[Cause]:
    """It has been told to do nothing: only somebody else's change can make it ready."""
    if (thing.get("spec") or {}).get("paused"):
        return [cause_of(thing, "paused", "Paused", "it is paused (spec.paused)", CREATE_REFUSED)]
    if thing["kind"] != "DaemonSet" and counts.wanted < 1:
        return [
            cause_of(thing, "zero", "ScaledToZero", "it is scaled to zero (spec.replicas)", CREATE_REFUSED)
        ]
    return []


def _is_of_deployment(pod: Pod, name: str) -> bool:
    return (
        pod.owner_kind == "ReplicaSet" and pod.owner_name == f"{name}-{pod.labels.get('pod-template-hash')}"
    )


def _newest_replica_set(thing: Object, replica_sets: Sequence[Object] | None) -> Object | None:
    """The ReplicaSet of the Deployment's current revision, None while it has not been seen."""
    metadata = thing["metadata"]
    revision = (metadata.get("annotations") or {}).get(_REVISION)
    for each in replica_sets or ():
        owners = [owner.get("uid") for owner in each["metadata"].get("ownerReferences") or ()]
        numbered = (each["metadata"].get("annotations") or {}).get(_REVISION)
        if metadata.get("uid") in owners and revision and numbered == revision and _wanted(each["spec"]) > 0:
            return each
    return None


def _is_observed(thing: Object) -> bool:
    """Whether the status is about the newest specification at all."""
    return _number(thing, "observedGeneration") >= int(thing["metadata"].get("generation") or 0)


def _wanted(spec: Object) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def _number(thing: Object, counter: str) -> int:
    return int((thing.get("status") or {}).get(counter) or 0)
