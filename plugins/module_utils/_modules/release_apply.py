# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_apply)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_lock import check_held
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.apply import How, apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.difference import hidden
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import Object, as_written


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, show: Show) -> Result:
    for number, wanted in enumerate(params["objects"]):
        _check(wanted, number)
    lock = params["lock"]
    if lock and not check_mode:
        # Who has broken in may have made this the live color since.
        check_held(client, lock["name"], params["namespace"], lock["token"])
    how = How(check_mode, params["strict"], params["replace"])
    todo = [(wanted, how) for wanted in params["objects"]]
    todo += [(_scaled(**each), replace(how, scales=True)) for each in params["scale"]]
    applied, diff = [], []
    warnings: list[str] = []
    for wanted, how in todo:
        what = f"{wanted['kind']} {wanted['metadata']['name']}"
        done = apply(client, wanted, params["namespace"], how)
        warnings += done.warnings
        there, then = as_written(done.before), as_written(done.after)
        if there != then:
            before, after = hidden(there, then)
            diff.append({"before_header": what, "after_header": what, "before": before, "after": after})
        applied.append({"kind": wanted["kind"], "name": wanted["metadata"]["name"], "changed": there != then})
    shown = params["difference"] if check_mode and params["difference"] is not None else diff
    return {"changed": bool(diff), "applied": applied, "diff": shown, "warnings": warnings}


def _scaled(name: str, replicas: int) -> Object:
    metadata = {"name": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


def _check(wanted: Mapping[str, Any], number: int) -> None:
    metadata = wanted.get("metadata")
    named = {**wanted, "metadata.name": metadata.get("name") if isinstance(metadata, Mapping) else None}
    for field in ("apiVersion", "kind", "metadata.name"):
        if not isinstance(named.get(field), str) or not named[field]:
            raise InputError(f"Object {number + 1} of objects has no {field}, so nothing was applied.")
