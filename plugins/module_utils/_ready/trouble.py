# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What the pods of a release, their siblings and their events together say about what is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    CREATE_REFUSED,
    LOOK_AFTER,
    NEVER,
    Cause,
    mount_patience,
    one_line,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.containers import NOT_STARTED
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import Event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pod_security import in_short
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod

# A sibling that is ready and never failed proves that the release can start: the odd one out gets
# this many runs, and then is a failure all the same.
_RUNS_BESIDE_HEALTHY = 4
_AUTOSCALER = ("TriggeredScaleUp", "Nominated")


def pod_causes(pods: Sequence[Pod], events: Sequence[Event] | None) -> list[Cause]:
    """The causes of the pods that count; ``events`` is None where nobody has looked at them."""
    healthy = any(pod.unharmed for pod in pods if pod.counts)
    going = any(pod.leaving for pod in pods)
    told = defaultdict(list)
    for event in events or ():
        told[event.uid].append(event)
    causes = []
    for pod in pods:
        if pod.cause is None or not pod.counts:
            continue
        cause = pod.cause
        if cause.code in ("CrashLoopBackOff", *NOT_STARTED) and healthy:
            runs = max(container.failed_runs for container in pod.containers)
            cause = cause if runs >= _RUNS_BESIDE_HEALTHY else replace(cause, patience=NEVER)
        elif cause.code == "Unschedulable":
            cause = _scheduled_later(cause, going, told[pod.uid])
        elif cause.code == "ContainerCreating":
            cause = _mounting(pod, cause, told[pod.uid])
        causes.append(cause)
    return causes


def start_causes(pods: Sequence[Pod]) -> list[Cause]:
    """Causes of a Job's pods that ended because a container of theirs could not be started.

    Its controller makes another, after ten seconds and then ever later, which will end like that too. As
    long as another pod may come to life, or has, they prove nothing.
    """
    causes = [pod.cause for pod in pods if pod.finished and pod.cause and pod.cause.code in NOT_STARTED]
    others = [pod for pod in pods if not pod.leaving and pod.cause not in causes]
    return [] if any(pod.counts or pod.phase == "Succeeded" for pod in others) else causes


def missing_cause(owner: Mapping[str, Any], pods: Sequence[Pod], events: Sequence[Event] | None) -> Cause:
    """For pods that are missing: unless its owner's events say why, it may be but an early look."""
    name, uid = owner["metadata"]["name"], owner["metadata"].get("uid")
    refused = [each for each in events or () if each.uid == uid and each.reason == "FailedCreate"]
    if not refused:
        return Cause(name, f"{uid}/missing", "PodsMissing", "some of its pods are missing", NEVER, LOOK_AFTER)
    last = max(refused, key=lambda each: each.when)
    made_since = any((pod.created or 0.0) > last.when for pod in pods)
    return refused_cause(owner, last.message, NEVER if made_since else CREATE_REFUSED)


def refused_cause(owner: Mapping[str, Any], message: str, patience: float) -> Cause:
    """The controller may not make a pod (quota, admission); the name of the pod that never was is left out."""
    told = one_line(in_short(message.partition(" is forbidden: ")[2] or message), 500)
    name, uid = owner["metadata"]["name"], owner["metadata"].get("uid")
    return Cause(
        name, f"{uid}/create", "FailedCreate", f"its pods are refused: {told} (FailedCreate)", patience
    )


def _scheduled_later(cause: Cause, going: bool, told: Sequence[Event]) -> Cause:
    """A pod that goes makes room, and an autoscaler that has ``told`` that it brings a node does as well."""
    if any(each.reason in _AUTOSCALER for each in told):
        return replace(cause, patience=NEVER, text=f"{cause.text}; a node is on its way")
    return replace(cause, patience=NEVER) if going else cause


def _mounting(pod: Pod, cause: Cause, told: Sequence[Event]) -> Cause:
    warnings = [each for each in told if each.warning]
    if not warnings:
        return cause
    last = max(warnings, key=lambda each: each.when)
    patience = mount_patience(last.message, last.count) if last.reason == "FailedMount" else NEVER
    text = f"{one_line(last.message)} ({last.reason})"
    return Cause(pod.name, f"{pod.uid}/{last.reason}", last.reason, text, patience, cause.look_after)
