# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a plan is made of: what was asked for, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import (
    Cluster,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.cluster_state import (
    ClusterState,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Place,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.way_back import (
    Standing,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    Router,
)

# The goals that make a release of rendered manifests, and those that only read.
RENDERING = ("deploy", "stage")
READING = ("status", "list")
# The goals that a freeze refuses.
FREEZABLE = (*RENDERING, "switch")
# The goals that are held to a plan that was approved.
APPROVABLE = (*RENDERING, "switch")
# The goals after which the preview follows; a rollback is not kept from it by that.
FOLLOWED = ("deploy", "switch", "preview")
GOALS = (*RENDERING, "switch", "rollback", "repair", "retire", "release", "preview", *READING)


@dataclass(frozen=True)
class Case:
    """``params`` are the options of release_plan, ``shown_by`` is the router that has the preview."""

    params: Mapping[str, Any]
    client: Cluster
    router: Router
    shown_by: Router | None
    places: Mapping[str, Place]
    state: ClusterState
    check_mode: bool = False

    @property
    def goal(self) -> str:
        return str(self.params["goal"])

    @property
    def standing(self) -> Standing:
        state = self.state
        return Standing(self.router, state.sides, state.ledger, state.claim, self.params["claim"])

    @property
    def local_allowed(self) -> bool:
        return self.params["allow_local"] or self.router.abilities.local_traffic

    @property
    def follows(self) -> Router | None:
        """The router that shows the idle color and nothing else, where there is one of its own."""
        return self.shown_by if self.shown_by and self.shown_by.name != self.router.name else None
