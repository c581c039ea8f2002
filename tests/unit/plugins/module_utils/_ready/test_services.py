# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.services import leads_from_node_ports
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Seen

from .objects import Object, pod, workload

BLUE = {"app": "shop", "color": "blue"}
GREEN = {"app": "shop", "color": "green"}
HTTP = {"name": "http", "port": 80, "nodePort": 30081}
HTTPS = {"name": "https", "port": 443, "nodePort": 30443}


def piece(*names: str, ports: tuple[str, ...] = ("http", "https"), ready: bool = True) -> Object:
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": "shop"}},
        "ports": [{"name": name or None, "port": 8080} for name in ports],
        "endpoints": [
            {"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}} for name in names
        ],
    }


TWO = [pod("shop-a", labels=BLUE), pod("shop-b", labels=BLUE)]
WHOLE = [piece("shop-a", "shop-b")]


@pytest.mark.parametrize(
    ("ports", "selector", "pods", "slices", "reason"),
    [
        ([HTTP, HTTPS], BLUE, TWO, WHOLE, ""),
        ([HTTPS], BLUE, TWO, WHOLE, "it has no node port 30081"),
        ([], BLUE, TWO, WHOLE, "it has no node port 30081, 30443"),
        (
            [HTTP, HTTPS], {"app": "shop"}, [*TWO, pod("shop-g", labels=GREEN)], WHOLE,
            "it leads to shop-g, a pod without app=shop,color=blue",
        ),
        (
            [HTTP, HTTPS], {**BLUE, "track": "x"}, [TWO[0], pod("shop-b", labels={**BLUE, "track": "x"})],
            [piece("shop-b")],
            "node port 30081 leads to 1 of 2 pods, node port 30443 leads to 1 of 2 pods",
        ),
        (
            [HTTP, HTTPS], BLUE, TWO, [piece("shop-a", "shop-b", ports=("http",))],
            "node port 30443 leads to 0 of 2 pods",
        ),
        (
            [HTTP, HTTPS], BLUE, TWO, [piece("shop-a"), piece("shop-b", ready=False)],
            "node port 30081 leads to 1 of 2 pods, node port 30443 leads to 1 of 2 pods",
        ),
        ([HTTP, HTTPS], BLUE, [], [], "its selector matches no pod"),
        ([HTTP, HTTPS], BLUE, TWO, [], "node port 30081 leads to 0 of 2 pods, node port 30443 leads to 0 of 2 pods"),
    ],
)  # fmt: skip
def test_each_node_port_has_to_lead_to_every_pod_of_the_color(
    ports: list[Any], selector: dict[str, str], pods: list[Object], slices: list[Object], reason: str
) -> None:
    thing = workload("Service", {"selector": selector, "ports": ports})
    seen = Seen(pods=[read_pod(each) for each in pods], slices=slices)
    verdict = leads_from_node_ports(thing, seen, [30081, 30443], BLUE)
    assert (verdict.ready, verdict.reason) == (not reason, reason or "2 of 2 endpoints are ready")
    # What nobody but a person can mend is not waited for.
    certain = reason.startswith(("it has", "it leads"))
    assert [each.told for each in verdict.causes] == (
        [f"shop: the Service {reason.removeprefix('it ')}"] if certain else []
    )


def test_a_single_port_may_be_without_a_name() -> None:
    thing = workload("Service", {"selector": BLUE, "ports": [{"port": 80, "nodePort": 30081}]})
    seen = Seen(pods=[read_pod(TWO[0])], slices=[piece("shop-a", ports=("",))])
    assert leads_from_node_ports(thing, seen, [30081], {}).ready
