# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is told of a color, of its drift and of the way back: values in, what the role and the report read out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import WayBack
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Side

Facts = dict[str, Any]


def release_facts(side: Side, target: str) -> Facts:
    """``target`` is what leads to the color, in words."""
    work = side.workload
    return {
        "commit": side.release.commit if side.release else None,
        "manifest": side.release.manifest if side.release else None,
        "order": work.order if work and work.order else None,
        "proven": bool(work and work.proven),
        "rejected": bool(work and work.rejected),
        "ready": bool(work and work.ready),
        "lack": work.lack if work else "it has no Deployment",
        "replicas": work.replicas if work else 0,
        "ready_replicas": work.ready_replicas if work else 0,
        "images": list(work.images) if work else [],
        "node_ports": list(side.node_ports),
        "target": target,
        "holder": side.holder,
    }


def drift_of_live(live: Side) -> list[Facts]:
    """What keeps the live color's pods from the traffic that the router sends to its node ports."""
    if live.reachable or live.holder or not live.node_ports:
        return []
    if live.service_ports is None:
        message = f"{live.color} is live, but has no Service for its node port {_listed(live.node_ports)}"
    else:
        lacking = [port for port in live.node_ports if port not in live.service_ports]
        message = f"{live.color} is live, but its Service has no node port {_listed(lacking)}"
    return [{"code": "service_port_missing", "message": message}]


def _listed(ports: Sequence[int]) -> str:
    return ", ".join(str(port) for port in ports)


def way_back_facts(back: WayBack) -> Facts:
    return {"color": back.color, "to": back.to, "reason": back.reason, "redeploy": back.action == "stage"}
