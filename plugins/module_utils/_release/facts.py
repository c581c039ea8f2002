# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is told of a color, of its drift and of the way back: values in, what the role and the report read out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Side
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.way_back import WayBack
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router

Facts = dict[str, Any]
Object = dict[str, Any]


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
        "adopted": side.adopted,
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
    return [{"code": "service_port_missing", "message": message, "next": ""}]


def untold(router: Router, services: Mapping[str, Object | None]) -> list[Facts]:
    """That which color is live cannot be told from the router, with what the colors' own Services in the cluster say."""
    command = next((drift.next for drift in router.drift if drift.next), ())
    if router.live or not command:
        return []
    told = []
    for color, service in services.items():
        ports = sorted({*_by_port(service).values()})
        told.append(
            f"the Service of {color} has {f'node port {_listed(ports)}' if ports else 'no node port'}"
        )
    leads = [f"{route.name} to {route.target}" for route in router.routes if not route.preview]
    message = (
        f"which color is live cannot be told from {router.name}, which leads from {', '.join(leads) or 'nowhere'}; "
        f"in the cluster {' and '.join(told)}"
    )
    values = {color: _to_be_written(router, services, color) for color in services}
    filled = [word.replace("{blue}", values["blue"]).replace("{green}", values["green"]) for word in command]
    return [{"code": "live_unknown", "message": message, "next": shlex.join(filled)}]


def _to_be_written(router: Router, services: Mapping[str, Object | None], color: str) -> str:
    """The node port of a color, or one a listener where they need different ones, by what leads to either color now."""
    ports = _by_port(services[color])
    if len({*ports.values()}) == 1:
        return str(next(iter(ports.values())))
    pairs = {}
    for route in router.routes:
        for service in services.values():
            for port, node_port in _by_port(service).items():
                if str(node_port) == route.target and not route.preview:
                    pairs[route.name] = ports.get(port)
    if not pairs or None in pairs.values():
        return f"<node port of {color}>"
    return " ".join(f"{name}={node_port}" for name, node_port in pairs.items())


def _by_port(service: Object | None) -> dict[int, int]:
    ports = ((service or {}).get("spec") or {}).get("ports") or ()
    return {port["port"]: port["nodePort"] for port in ports if port.get("nodePort")}


def _listed(ports: Sequence[int]) -> str:
    return ", ".join(str(port) for port in ports)


def way_back_facts(back: WayBack) -> Facts:
    return {
        "color": back.color,
        "to": back.to,
        "service": back.service,
        "reason": back.reason,
        "redeploy": back.action == "stage",
    }
