# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What matters of a pod: whether it is ready, and what keeps it from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    LOOK_AFTER,
    NEVER,
    Cause,
    one_line,
    scheduling_patience,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.containers import (
    Container,
    read_containers,
    seconds,
)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; times are seconds since the epoch by the cluster's clocks.

    ``leaving`` is a pod that is being deleted or evicted, ``finished`` one that has ended: its
    controller makes another, so neither counts. ``held`` is what its Ready condition says while it
    is False, as of a readiness gate.
    """

    uid: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    owner_kind: str
    owner_name: str
    owner_uid: str
    created: float | None
    node: str
    phase: str
    leaving: bool
    finished: bool
    ready: bool
    ready_since: float | None
    held: str
    containers: tuple[Container, ...]
    cause: Cause | None

    @property
    def counts(self) -> bool:
        return not (self.leaving or self.finished)

    @property
    def restarts(self) -> int:
        return sum(container.restarts for container in self.containers)

    @property
    def unharmed(self) -> bool:
        """Ready and never failed: proof that its release can start."""
        return self.ready and not self.restarts

    @property
    def troubled(self) -> Container | None:
        """The container to look at: the first with a cause, else the first that is not ready."""
        unready = [each for each in self.containers if not each.ready]
        return next((each for each in unready if each.cause), unready[0] if unready else None)


def read_pod(thing: Mapping[str, Any], scheduling_grace: float = 10.0) -> Pod:
    """Read a Pod as the API gives it; ``scheduling_grace`` is for how long no node may take it."""
    metadata, spec, status = thing["metadata"], thing.get("spec") or {}, thing.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    owners = [each for each in metadata.get("ownerReferences") or () if each.get("controller")]
    owner = owners[0] if owners else {}
    ready = conditions.get("Ready") or {}
    evicted = conditions.get("DisruptionTarget") or {}
    containers = tuple(read_containers(spec, status))
    cause = (
        _scheduling_cause(conditions.get("PodScheduled") or {}, status, scheduling_grace)
        or next((each.cause for each in containers if each.cause), None)
        or _creating_cause(spec, containers)
    )
    name, uid = str(metadata["name"]), str(metadata.get("uid") or metadata["name"])
    return Pod(
        uid=uid,
        name=name,
        namespace=metadata.get("namespace") or "",
        labels=metadata.get("labels") or {},
        owner_kind=owner.get("kind", ""),
        owner_name=owner.get("name", ""),
        owner_uid=owner.get("uid", ""),
        created=seconds(metadata.get("creationTimestamp")),
        node=spec.get("nodeName") or "",
        phase=str(status.get("phase") or "Pending"),
        leaving="deletionTimestamp" in metadata or evicted.get("status") == "True",
        finished=status.get("phase") in ("Succeeded", "Failed"),
        ready=ready.get("status") == "True",
        ready_since=seconds(ready.get("lastTransitionTime")),
        held=one_line(str(ready.get("message") or ready.get("reason") or "")),
        containers=containers,
        cause=replace(cause, subject=name, key=f"{uid}/{cause.key}") if cause else None,
    )


def _scheduling_cause(scheduled: Mapping[str, Any], status: Mapping[str, Any], grace: float) -> Cause | None:
    if scheduled.get("status") != "False" or scheduled.get("reason") != "Unschedulable":
        return None
    told = one_line(str(scheduled.get("message") or "no message").partition(" preemption: ")[0]).rstrip(".")
    text, patience = f"no node takes it: {told} (Unschedulable)", scheduling_patience(told, grace)
    # Room is being made for it there.
    if nominated := status.get("nominatedNodeName"):
        text, patience = f"{text}; it is to get onto {nominated}", NEVER
    return Cause("", "node", "Unschedulable", text, patience, look_after=0.0)


def _creating_cause(spec: Mapping[str, Any], containers: tuple[Container, ...]) -> Cause | None:
    """On its node, and nothing runs yet: what it waits for (a volume, a network) only its events say."""
    if not spec.get("nodeName") or any(each.state != "waiting" for each in containers):
        return None
    return Cause("", "creating", "ContainerCreating", "its containers are being created", NEVER, LOOK_AFTER)
