# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_record)."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.wire import is_transient
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_lock import (
    check_held,
    free,
    renew,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import user_and_host
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    FAILED,
    RELEASED,
    RETIRED,
    ROLLBACK,
    ROLLED_BACK,
    STAGED,
    SWAPPED,
    Event,
    contents,
    name_of_ledger,
    read_ledger,
    trimmed,
    what,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import name_of_lock
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    COLOR,
    NAME,
    PROVEN,
    REJECTED,
    VERSION,
    Release,
    read_release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import together

EVENTS = (STAGED, FAILED, SWAPPED, ROLLBACK, ROLLED_BACK, RETIRED, RELEASED)

# Failures that say something of the release itself.
_BAD = ("stage_failed", "check_failed")
_TRIES = 5
_PAUSE = 0.5
# Seconds after which a write that fails is not tried again: the phase that it is in must not end meanwhile.
_PATIENCE = 15
_CAUSE_LENGTH = 300


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, show: Show) -> Result:
    release = Release(params["commit"], params["manifest"]) if params["commit"] else None
    result: Result = {"changed": False, "unlocked": False, "warnings": []}
    if check_mode:
        return result
    _hold(client, params)
    left = Release(**params["left"]) if params["left"] else None
    images: dict[str, str] = {}
    if params["event"] == STAGED and release:
        _unused, images = together(
            [
                partial(_mark, params, client, result, PROVEN, params["color"], release),
                partial(_images, params, client),
            ]
        )
    event = _event(params, client, release, left, images)
    result["warnings"] += _write_down(params, client, event)
    if params["event"] == ROLLED_BACK and left:
        _mark(params, client, result, REJECTED, other(params["color"]), left)
    if params["unlock"]:
        _unlock(params, client, result)
    return result


def _unlock(params: Mapping[str, Any], client: Cluster, result: Result) -> None:
    """Free the lock; where that fails the event is written all the same, and the hold ends by itself."""
    name = name_of_lock(params["app"])
    try:
        free(client, name, params["namespace"], params["unlock"])
    except ClusterError as error:
        result["warnings"].append(f"The lock {name} was not freed: {error.message}")
        return
    result["unlocked"] = True


def _hold(client: Cluster, params: Mapping[str, Any]) -> None:
    """Raise a LockedError unless the lock is still held; begin the phase that is named."""
    lock = params["lock"]
    if lock is None:
        return
    name, namespace = name_of_lock(params["app"]), params["namespace"]
    if lock["phase"]:
        renew(client, name, namespace, lock["token"], lock["phase"], lock["seconds"])
    else:
        check_held(client, name, namespace, lock["token"])


def _event(
    params: Mapping[str, Any],
    client: Cluster,
    release: Release | None,
    left: Release | None,
    images: Mapping[str, str],
) -> Event:
    user, host = user_and_host()
    awx = {f"awx_{key}": str(value) for key, value in (params["awx"] or {}).items() if value}
    # Of a hook, or of a task before this one, which knew its own secrets alone; and masked before it is cut.
    cause, thaw = _first_line(params["cause"]), _first_line(params["thaw"])
    details = {
        "images": dict(images),
        "seconds": {phase: value for phase, value in (params["seconds"] or {}).items() if value is not None},
        "gap_ms": params["gap_ms"],
        "rendered": params["rendered"],
        "repairs": params["repairs"],
        # The run's own release is not always what the event speaks of.
        "order": params["order"] if params["event"] in (STAGED, SWAPPED) else None,
        "outcome": params["outcome"],
        "cause": cause,
        "thaw": thaw,
        "hold": params["hold"] and params["event"] == ROLLED_BACK,
        "bad": params["event"] == FAILED and params["outcome"] in _BAD and params["judges"],
    }
    now = client.now() or time.time()
    return Event(
        event=params["event"],
        at=datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds"),
        run=params["run"],
        release=release,
        color=params["color"],
        left=left,
        service=None if release else params["service"],
        by={"user": user, "host": host, **awx},
        details={key: value for key, value in details.items() if value},
    )


def _first_line(text: str | None) -> str:
    lines = KNOWN.mask_error(text or "").strip().splitlines()
    return lines[0][:_CAUSE_LENGTH] if lines else ""


def _write_down(params: Mapping[str, Any], client: Cluster, event: Event) -> list[str]:
    """Add the event to the ledger; returns what there is to warn of, because a ledger must not stop a deploy."""
    name, namespace = name_of_ledger(params["app"]), params["namespace"]
    give_up = time.monotonic() + _PATIENCE
    try:
        for tried in range(_TRIES):
            found = client.get("v1", "ConfigMap", name, namespace)
            ledger = read_ledger(found)
            if any((each.run, each.event) == (event.run, event.event) for each in ledger.events):
                return []
            kept = dict(ledger.kept)
            if params["keep"] and event.release:
                kept[event.release] = base64.b64decode(params["keep"])
            ledger = trimmed(replace(ledger.with_event(event), kept=kept), params["limit"])
            try:
                if found is None:
                    metadata = {"name": name, "labels": {NAME: params["app"]}}
                    client.create("v1", "ConfigMap", namespace, _config_map(metadata, contents(ledger)))
                else:
                    body = _config_map(found["metadata"], contents(ledger))
                    client.replace("v1", "ConfigMap", name, namespace, body)
            except ClusterError as error:
                if error.details["status"] == 409:
                    continue
                # It may have been written all the same: the next look tells.
                if tried == _TRIES - 1 or time.monotonic() > give_up or not is_transient(error):
                    raise
                time.sleep(_PAUSE)
                continue
            return []
    except ClusterError as error:
        return [f"The ledger {name} was not written ({event.event} of {what(event)}): {error.message}"]
    why = f"somebody else wrote to it at every one of {_TRIES} tries"
    return [f"The ledger {name} was not written ({event.event} of {what(event)}): {why}."]


def _config_map(metadata: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(metadata), **body}


def _images(params: Mapping[str, Any], client: Cluster) -> dict[str, str]:
    """What the color's pods run, each image with the digest that the node pulled; empty where that cannot be seen."""
    selector = f"{COLOR}={params['color']},{VERSION}={params['commit']}"
    try:
        pods, _version = client.list("v1", "Pod", params["namespace"], selector)
    except ClusterError:
        return {}
    own = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{params['app']}-{params['color']}")]
    return {
        container["image"]: container.get("imageID", "")
        for pod in own
        for container in (pod.get("status") or {}).get("containerStatuses") or ()
    }


def _mark(
    params: Mapping[str, Any],
    client: Cluster,
    result: Result,
    mark: str,
    color: str,
    release: Release,
) -> None:
    """Annotate a color's Deployment, which has to carry the release; what is marked already is left alone."""
    name, namespace = f"{params['app']}-{color}", params["namespace"]
    found = client.get("apps/v1", "Deployment", name, namespace)
    if mark == REJECTED and (found is None or read_release(found) != release):
        # What was left is not there any more, and the ledger says that it was left.
        return
    _check_same(found, release, name, namespace)
    if found is not None and release.marked_at((found["metadata"].get("annotations") or {}).get(mark)):
        return
    now = datetime.fromtimestamp(client.now() or time.time(), timezone.utc)
    notes = {mark: release.mark(now.isoformat(timespec="seconds"))}
    written = client.patch("apps/v1", "Deployment", name, namespace, {"metadata": {"annotations": notes}})
    _check_same(written, release, name, namespace)
    result["changed"] = True


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
