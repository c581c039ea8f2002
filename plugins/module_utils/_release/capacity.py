# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""How many pods a color needs before it gets the traffic: what live has in, a number and its words out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Workload

SCALER = "HorizontalPodAutoscaler"
SCALERS_API = "autoscaling/v2"


@dataclass(frozen=True)
class Autoscaler:
    """One that sets the replicas of a Deployment, to ``most`` at the most."""

    name: str
    most: int


@dataclass(frozen=True)
class Capacity:
    """``pods`` are to be ready on the color: ``percent`` of the ``live`` ones that are ready on the live color.

    ``limit`` names the autoscaler that allows no more than ``pods``, where one allows less than that.
    """

    pods: int
    live: int
    percent: int
    limit: str = ""

    @property
    def words(self) -> str:
        """For a person: ``4 pods, as live has``."""
        pods = f"{self.pods} pod{'' if self.pods == 1 else 's'}"
        if self.limit:
            return f"{pods}, as many as {SCALER} {self.limit} allows; live has {self.live}"
        return (
            f"{pods}, as live has"
            if self.percent == 100
            else f"{pods}, {self.percent} % of the {self.live} that live has"
        )


def check_capacity(percent: int) -> None:
    if percent < 0:
        raise InputError(f"bluegreen_capacity is {percent}; it is the percentage of live's pods, 0 or more.")


def needed(live: Workload | None, percent: int) -> Capacity | None:
    """What the other color needs, rounded up. None where that is no number: live is not ours, or serves nobody."""
    ready = live.ready_replicas if live else 0
    pods = -(-ready * percent // 100)
    return Capacity(pods, ready, percent) if pods else None


def autoscaler_of(objects: Iterable[Mapping[str, Any]], deployment: str) -> Autoscaler | None:
    """The autoscaler of a Deployment among ``objects``; of several the one that allows the least."""
    found = []
    for entry in objects:
        spec = entry.get("spec") or {}
        target = spec.get("scaleTargetRef") or {}
        if entry["kind"] == SCALER and (target.get("kind"), target.get("name")) == ("Deployment", deployment):
            found.append(Autoscaler(entry["metadata"]["name"], spec["maxReplicas"]))
    return min(found, key=lambda each: each.most, default=None)


def allowed(capacity: Capacity, autoscaler: Autoscaler | None, color: str, way_back: bool) -> Capacity:
    """What an autoscaler leaves of it, because it would take the rest away again.

    A way back is taken with fewer pods. Anything else is refused, with an InputError.
    """
    if autoscaler is None or autoscaler.most >= capacity.pods:
        return capacity
    if way_back:
        return replace(capacity, pods=autoscaler.most, limit=autoscaler.name)
    raise InputError(
        f"{color} needs {capacity.words}, but {SCALER} {autoscaler.name} allows {autoscaler.most}: raise its maxReplicas, "
        f"or be content with fewer pods, with -e bluegreen_capacity={autoscaler.most * 100 // capacity.live}.",
        autoscaler=autoscaler.name,
    )
