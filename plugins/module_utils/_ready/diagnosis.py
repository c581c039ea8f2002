# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What an on-call person asks next: the newest warnings, and what the containers wrote last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import one_line
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.containers import Container
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import Event, read_event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

_MOST_EVENTS = 10
_MOST_PODS = 3
_LINE = 500


@dataclass(frozen=True)
class Diagnosis:
    """``hidden`` are sentences on what could not be seen; it is no reason to fail."""

    events: tuple[Event, ...]
    logs: tuple[dict[str, Any], ...]
    hidden: tuple[str, ...]


def diagnose(cluster: Cluster, verdicts: Sequence[Verdict], log_lines: int) -> Diagnosis:
    """Read the warnings of what is not ready, and the last ``log_lines`` of a few of its containers."""
    hidden: list[str] = []
    unready = [verdict for verdict in verdicts if not verdict.ready]
    events = _warnings(cluster, unready, hidden)
    pods = [pod for verdict in unready for pod in verdict.pods if not pod.ready]
    pods.sort(key=lambda pod: pod.cause is None)
    logs = _logs(cluster, pods[:_MOST_PODS], log_lines, hidden) if log_lines else []
    return Diagnosis(tuple(events), tuple(logs), tuple(hidden))


def _warnings(cluster: Cluster, verdicts: Sequence[Verdict], hidden: list[str]) -> list[Event]:
    about = {verdict.uid for verdict in verdicts} | {
        uid for verdict in verdicts for pod in verdict.pods for uid in (pod.uid, pod.owner_uid)
    }
    events: list[Event] = []
    for namespace in sorted({verdict.namespace for verdict in verdicts}):
        try:
            things, _version = cluster.list("v1", "Event", namespace, field_selector="type=Warning")
        except ClusterError as error:
            hidden.append(error.message)
            continue
        events += [event for event in map(read_event, things) if event.uid in about]
    return sorted(events, key=lambda event: event.when, reverse=True)[:_MOST_EVENTS]


def _logs(cluster: Cluster, pods: Sequence[Pod], lines: int, hidden: list[str]) -> list[dict[str, Any]]:
    logs: list[dict[str, Any]] = []
    for pod in pods:
        for container in pod.containers:
            if container.ready and not container.restarts:
                continue
            for previous in _runs_to_show(container):
                try:
                    text = _log(cluster, pod, container.name, lines, previous)
                except ClusterError as error:
                    hidden.append(error.message)
                    return logs
                if text:
                    logs.append(
                        {"pod": pod.name, "container": container.name, "previous": previous, "lines": text}
                    )
    return logs


def _runs_to_show(container: Container) -> tuple[bool, ...]:
    """Whether there is a current run (False) and one before it (True); one that is waiting has but ended."""
    if container.state == "waiting" and not container.failure:
        return ()
    return (False, True) if container.restarts else (False,)


def _log(cluster: Cluster, pod: Pod, container: str, lines: int, previous: bool) -> list[str]:
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
    query = {"container": container, "tailLines": lines, "previous": "true" if previous else None}
    status, _headers, body = cluster.request("GET", path, query, timeout=10.0)
    if status in (401, 403):
        message = f"Could not read the log of pod {pod.name} at {cluster.host}: {status}"
        raise ClusterError(
            f"{message}; it needs the verb get on pods/log.", status=status, reason="Forbidden"
        )
    if status != 200:
        # 400 and 404 say that there is no such run (any more), which the pod's line tells already.
        return []
    return [one_line(line, _LINE) for line in body.decode("utf-8", "replace").splitlines()[-lines:]]
