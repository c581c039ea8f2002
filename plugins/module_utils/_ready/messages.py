# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How a person is told: progress, why it failed, and pod by pod."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import Cause, one_line
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import Event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

_MOST_PODS = 10
_MOST_WORKLOADS = 5
# As many lines as a person reads; the result has all.
_LOG_TAIL = 5
# Causes that say that something is wrong, but not what; the vaguest last.
_VAGUE = ("ProgressDeadlineExceeded", "PodsMissing", "ContainerCreating")
# Of a probe's failure; anything else is what the command of an exec probe has put out.
_OF_KUBELET = (
    "HTTP probe failed with statuscode",
    'Get "',
    "dial tcp",
    "service unhealthy",
)
_DOING = {
    "ErrImagePull": "cannot pull image",
    "InvalidImageName": "cannot pull image",
    "ErrImageNeverPull": "cannot pull image",
    "CrashLoopBackOff": "crashing",
    "StartError": "cannot be started",
    "ContainerCannotRun": "cannot be started",
    "Unschedulable": "without a node",
    "ContainerCreating": "being created",
    "CreateContainerConfigError": "without their configuration",
}


def readiness(verdicts: Sequence[Verdict]) -> str:
    """How far they are; as long as this stays the same there is no news."""
    unready = [verdict for verdict in verdicts if not verdict.ready]
    if len(verdicts) == 1:
        return _readiness(verdicts[0])
    told = [_readiness(verdict) for verdict in unready[:_MOST_WORKLOADS]]
    others = len(verdicts) - len(told)
    return "; ".join([*told, f"{others} others" if told else "all ready"] if others else told)


def progress(readiness: str, elapsed: float) -> str:
    """One line with the time, as in: shop-green 1/3 ready, 12 s, 2 cannot pull image."""
    if "; " in readiness:
        return f"{readiness}; {elapsed:.0f} s"
    head, _comma, rest = readiness.partition(", ")
    return f"{head}, {elapsed:.0f} s" + (f", {rest}" if rest else "")


def _readiness(verdict: Verdict) -> str:
    if verdict.wanted is None:
        return f"{verdict.name} {'ready' if verdict.ready else 'not ready'}"
    doing = Counter(_doing(pod) for pod in verdict.pods if not pod.ready)
    told = [f"{count} {what}" for what, count in sorted(doing.items())]
    if not told and not verdict.ready:
        told = [verdict.reason]
    return ", ".join([f"{verdict.name} {verdict.available}/{verdict.wanted} ready", *told])


def _doing(pod: Pod) -> str:
    if pod.cause is not None:
        return _DOING.get(pod.cause.code, pod.cause.code)
    if not pod.node:
        return "without a node"
    if any(each.init and not each.ready for each in pod.containers):
        return "initializing"
    return "starting"


def headline(certain: Sequence[Cause], verdicts: Sequence[Verdict], events: Sequence[Event]) -> str:
    """The cause in one line: of a pod where one is known, else of its workload."""
    unready = [verdict for verdict in verdicts if not verdict.ready]
    decided = list(certain) or [cause for verdict in unready for cause in verdict.causes]
    decided.sort(key=_vagueness)
    if decided and decided[0].code not in _VAGUE:
        return _with_others(decided[0], decided)
    # That nothing moves is known; what keeps it from moving is for its pods to say.
    pods = [pod for verdict in unready for pod in verdict.pods if not pod.ready]
    causes = sorted((pod.cause for pod in pods if pod.cause), key=_vagueness)
    if causes and causes[0].code not in _VAGUE:
        told = [_with_others(causes[0], causes)]
    else:
        pods.sort(key=lambda pod: _last(pod, events, "Unhealthy") is None)
        told = [f"{pod.name}: {why(pod, events)[1]}" for pod in pods[:1]]
    told += [cause.told for cause in decided[:1] if cause.code != "ContainerCreating"]
    return "; ".join(told) or "; ".join(f"{verdict.name}: {verdict.reason}" for verdict in unready)


def without_quotes(line: str, verdicts: Sequence[Verdict], events: Sequence[Event]) -> str:
    """A headline without what applications have said in it, so that a record may keep it."""
    pods = [pod for verdict in verdicts for pod in verdict.pods]
    said = {container.words for pod in pods for container in pod.containers}
    for event in events:
        _probe, _failed, output = one_line(event.message).partition(" probe failed: ")
        if event.reason == "Unhealthy" and not output.startswith(_OF_KUBELET):
            said.add(output)
    for words in sorted(said - {""}, key=len, reverse=True):
        line = line.replace(f": {words}", "")
    return line


def _vagueness(cause: Cause) -> int:
    return _VAGUE.index(cause.code) if cause.code in _VAGUE else -1


def _with_others(cause: Cause, causes: Sequence[Cause]) -> str:
    others = len({each.subject for each in causes if each.code == cause.code} - {cause.subject})
    return f"{cause.told}; and {others} more like it" if others else cause.told


def pod_lines(verdicts: Sequence[Verdict], events: Sequence[Event], now: float | None) -> list[str]:
    """One line for each pod that is not ready."""
    unready = [pod for verdict in verdicts for pod in verdict.pods if not pod.ready]
    lines = [_pod_line(pod, events, now) for pod in unready[:_MOST_PODS]]
    if len(unready) > _MOST_PODS:
        lines.append(f"and {len(unready) - _MOST_PODS} more pods that are not ready")
    return lines


def log_tail(certain: Sequence[Cause], pods: Sequence[Pod], logs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The end of what the first container in trouble has written, under a line that names it.

    Where it is certain which pods are broken, what the others have written would lead astray.
    """
    broken = {cause.subject for cause in certain} & {pod.name for pod in pods}
    logs = [log for log in logs if not broken or log["pod"] in broken]
    if not logs:
        return []
    first = logs[0]
    run = "the run before, " if first["previous"] else ""
    tail = first["lines"][-_LOG_TAIL:]
    return [f"log of {first['pod']}, {run}container {first['container']}:", *(f"  {line}" for line in tail)]


def pod_result(pod: Pod, workload: str, events: Sequence[Event]) -> dict[str, Any]:
    """A pod for the module's result."""
    container = pod.troubled
    reason, message = why(pod, events)
    return {
        "name": pod.name,
        "namespace": pod.namespace,
        "workload": workload,
        "phase": pod.phase,
        "node": pod.node,
        "ready": pod.ready,
        "restarts": pod.restarts,
        "container": container.name if container else "",
        "reason": reason,
        "message": message,
    }


def why(pod: Pod, events: Sequence[Event]) -> tuple[str, str]:
    """Why a pod is not ready: Kubernetes' word and a clause; both empty when it is."""
    container = pod.troubled
    if pod.ready:
        return "", ""
    if pod.cause is not None and pod.cause.code == "ContainerCreating":
        warned = _last(pod, events)
        return (warned.reason, one_line(warned.message)) if warned else (pod.cause.code, pod.cause.text)
    if pod.cause is not None:
        return pod.cause.code, pod.cause.text
    if container is None and pod.containers:
        where = f", and its node {pod.node} may be lost" if pod.node else ""
        return "Unready", f"its containers are ready and it is not: {pod.held or f'nobody says why{where}'}"
    if container is None:
        return pod.phase, "no container has been started yet"
    probe = _last(pod, events, "Unhealthy")
    if container.state == "running":
        told = one_line(probe.message) if probe else "runs and is not ready yet"
        return "Unready", f"{container.label}: {told}"
    if container.failure:
        return container.reason or "Terminated", f"{container.label}: {container.last_failure}"
    return container.reason or container.state, f"{container.label}: {container.reason or container.state}"


def _pod_line(pod: Pod, events: Sequence[Event], now: float | None) -> str:
    container = pod.troubled
    since = container.since if container and container.since else pod.created
    age = f", for {max(0.0, now - since):.0f} s" if now is not None and since is not None else ""
    restarts = f", {pod.restarts} restart{'s' if pod.restarts != 1 else ''}" if pod.restarts else ""
    return f"{pod.name}: {pod.phase}{age}{restarts}: {why(pod, events)[1]}"


def _last(pod: Pod, events: Sequence[Event], reason: str = "") -> Event | None:
    """The newest warning about a pod."""
    about = [each for each in events if each.uid == pod.uid and each.warning and reason in ("", each.reason)]
    return max(about, key=lambda each: each.when, default=None)


def verdict_result(verdict: Verdict) -> dict[str, Any]:
    """A workload for the module's result."""
    return {
        "kind": verdict.kind,
        "name": verdict.name,
        "namespace": verdict.namespace,
        "ready": verdict.ready,
        "reason": verdict.causes[0].code if verdict.causes else "",
        "message": verdict.reason,
        "wanted": verdict.wanted,
        "available": verdict.available,
    }


def event_result(event: Event) -> dict[str, Any]:
    """An event for the module's result."""
    return {
        "kind": event.kind,
        "name": event.name,
        "reason": event.reason,
        "message": one_line(event.message),
        "count": event.count,
    }
