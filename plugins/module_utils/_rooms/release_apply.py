# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.release_apply)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _k8s
from ansible_collections.octoblu.bluegreen.plugins.module_utils._manifest import as_written
from ansible_collections.octoblu.bluegreen.plugins.module_utils._room import Result, Tell
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms.k8s_lock import check_held


def run(params: Mapping[str, Any], check_mode: bool, client: _k8s.Cluster, tell: Tell) -> Result:
    lock = params["lock"]
    if lock and not check_mode:
        # Who has broken in may have made this the live color since.
        check_held(client, lock["name"], params["namespace"], lock["token"])
    applied, diff = [], []
    for wanted in params["objects"]:
        what = f"{wanted['kind']} {wanted['metadata']['name']}"
        tell(f"applying {what}")
        before, after = client.apply(wanted, params["namespace"], check_mode, params["strict"])
        there, then = as_written(before), as_written(after)
        if there != then:
            diff.append({"before_header": what, "after_header": what, "before": there, "after": then})
        applied.append({"kind": wanted["kind"], "name": wanted["metadata"]["name"], "changed": there != then})
    return {"changed": bool(diff), "applied": applied, "diff": diff}
