# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_record)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _k8s
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import (
    PROVEN,
    REJECTED,
    Release,
    read_release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell

MARKS = {"staged": PROVEN, "rolled_back": REJECTED}


def run(params: Mapping[str, Any], check_mode: bool, client: _k8s.Cluster, tell: Tell) -> Result:
    name, namespace = f"{params['app']}-{params['color']}", params["namespace"]
    release, mark = Release(params["commit"], params["manifest"]), MARKS[params["event"]]
    now = datetime.now(timezone.utc)
    result: Result = {"changed": False, "at": round(now.timestamp(), 3)}
    if check_mode:
        return result
    found = client.get("apps/v1", "Deployment", name, namespace)
    _check_same(found, release, name, namespace)
    if found is not None and release.marked((found["metadata"].get("annotations") or {}).get(mark)):
        return result
    tell(f"marking Deployment {name} as {params['event']}")
    notes = {mark: release.mark(now.isoformat(timespec="seconds"))}
    written = client.patch("apps/v1", "Deployment", name, namespace, {"metadata": {"annotations": notes}})
    _check_same(written, release, name, namespace)
    return {**result, "changed": True}


def _check_same(deployment: Mapping[str, Any] | None, release: Release, name: str, namespace: str) -> None:
    there = read_release(deployment) if deployment is not None else None
    if there == release:
        return
    if there:
        state = f"runs {there.commit} (manifests {there.manifest})"
    else:
        state = "is gone" if deployment is None else "runs nothing that a deploy staged"
    raise ClusterError(
        f"Deployment {name} in namespace {namespace} {state} instead of {release.commit} "
        f"(manifests {release.manifest}): somebody else wrote to it meanwhile, so run again."
    )
