# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.elb_color_facts)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import KINDS, described
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Look


def run(params: Mapping[str, Any], check_mode: bool, client: Any, show: Show) -> Result:
    """Read every load balancer named and say which color each listener points at."""
    kind = KINDS[params["type"]]
    look = Look(
        listener_ports=tuple(params["listener_ports"]),
        described_ports=tuple(params["described_ports"]),
        closely=params["gather_policies"],
        health=params["gather_instance_health"],
    )
    found = {router.name: described(kind, router) for router in kind.read(client, params["name"], look)}
    return {"changed": False, "load_balancers": found}
