# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is known of a workload, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import APPEAR, Cause
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import Event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What is known of its namespace beside the workload itself; None is what nobody has looked at."""

    pods: Sequence[Pod] = ()
    replica_sets: Sequence[Object] | None = None
    slices: Sequence[Object] = ()
    events: Sequence[Event] | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one workload at one moment.

    ``reason`` is a clause for a person, true whether ready or not; ``lasting`` is a readiness that
    cannot be lost again. ``wanted`` and ``available`` count replicas, completions or endpoints (None
    where that means nothing). ``pods`` are those of the newest release, as far as that is known;
    ``needs_replica_sets`` says that some are in trouble, and that only the ReplicaSets can tell
    whether they are of the newest.
    """

    kind: str
    name: str
    namespace: str
    uid: str
    ready: bool
    reason: str
    lasting: bool = False
    wanted: int | None = None
    available: int = 0
    pods: tuple[Pod, ...] = ()
    causes: tuple[Cause, ...] = ()
    needs_replica_sets: bool = False


def verdict_on(thing: Object, ready: bool, reason: str, **more: Any) -> Verdict:
    """A verdict with the names of ``thing``; what is being deleted is never ready."""
    metadata = thing["metadata"]
    if "deletionTimestamp" in metadata:
        ready, reason = False, "it is being deleted"
    return Verdict(
        kind=thing["kind"],
        name=metadata["name"],
        namespace=metadata.get("namespace") or "",
        uid=str(metadata.get("uid") or ""),
        ready=ready,
        reason=reason,
        **more,
    )


def absent(kind: str, name: str, selector: str, namespace: str) -> Verdict:
    """For a workload that is asked for by name or by selector, and is not there."""
    where = f' in namespace "{namespace}"' if namespace else ""
    text = f'there is no {kind} "{name}"{where}' if name else f'no {kind}{where} matches "{selector}"'
    what = name or selector
    cause = Cause(what, f"{namespace}/{kind}/{what}/absent", "NotFound", text, APPEAR)
    return Verdict(kind, what, namespace, "", ready=False, reason="not there yet", causes=(cause,))


def cause_of(thing: Object, trouble: str, code: str, text: str, patience: float) -> Cause:
    """A cause that lies in the workload itself, not in its pods."""
    metadata = thing["metadata"]
    return Cause(metadata["name"], f"{metadata.get('uid')}/{trouble}", code, text, patience)


def conditions_of(thing: Object) -> dict[str, Object]:
    """The conditions of its status by their type; their order changes from write to write."""
    return {each["type"]: each for each in (thing.get("status") or {}).get("conditions") or ()}


def owned_by(thing: Object, pods: Sequence[Pod]) -> list[Pod]:
    uid = thing["metadata"].get("uid")
    return [pod for pod in pods if pod.owner_uid == uid]
