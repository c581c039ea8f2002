# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live has more pods than the manifests say: what the other color has before it gets the traffic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shop import CHECKOUT, Shop

AUTOSCALER = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ bluegreen_app }}-{{ bluegreen_color }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "{{ bluegreen_app }}-{{ bluegreen_color }}"}
  minReplicas: 1
  maxReplicas: 4
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
"""


def autoscaled(folder: Path) -> str:
    """The role's own manifests, but that an autoscaler of each color has the replicas."""
    role = CHECKOUT / "roles" / "bluegreen" / "templates"
    texts = [(role / name).read_text() for name in ("deployment.yml.j2", "service.yml.j2")]
    template = folder / "shop.yml.j2"
    template.write_text(
        "\n---\n".join(texts).replace("  replicas: {{ bluegreen_replicas }}\n", "") + AUTOSCALER
    )
    return str(template)


def owners(shop: Shop, color: str) -> list[str]:
    """Who has set its replicas."""
    found = shop.kubectl(
        "get", "deployment", f"{shop.name}-{color}", "-n", shop.namespace, "-o", "json", "--show-managed-fields",
    )  # fmt: skip
    return [
        entry["manager"]
        for entry in json.loads(found)["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {})
    ]


def bounds(shop: Shop, color: str, **changes: int) -> None:
    """Have a color's autoscaler set another number, and wait until all its pods are ready."""
    name = f"{shop.name}-{color}"
    shop.kubectl("patch", "hpa", name, "-n", shop.namespace, "-p", json.dumps({"spec": changes}))
    wanted = f"jsonpath={{.spec.replicas}}={changes['minReplicas']}"
    shop.kubectl("wait", f"deployment/{name}", "-n", shop.namespace, f"--for={wanted}", "--timeout=60s")
    shop.kubectl("rollout", "status", f"deployment/{name}", "-n", shop.namespace, "--timeout=60s")


def test_a_color_gets_the_traffic_with_as_many_pods_as_live_has(shop: Shop, tmp_path: Path) -> None:
    given: dict[str, Any] = {"bluegreen_manifests": [autoscaled(tmp_path)]}
    shop.deployed("0000001", **given)
    bounds(shop, "blue", minReplicas=3)
    done = shop.deploy("0000002", **given)
    assert done.outcome == "deployed", done.output
    assert "green: 3 pods, as live has" in done.output
    green = shop.deployment("green")
    assert (green["spec"]["replicas"], green["status"]["readyReplicas"]) == (3, 3)
    assert owners(shop, "green") == ["octoblu.bluegreen.scale"]

    # The autoscaler has it as soon as it wants to.
    bounds(shop, "green", minReplicas=4)
    assert owners(shop, "green") == ["kube-controller-manager"]

    back = shop.rollback(**given)
    assert back.outcome == "rolled_back", back.output
    assert "blue: 4 pods, as live has" in back.output
    assert (shop.who(), shop.deployment("blue")["status"]["readyReplicas"]) == ("blue", 4)
    scaler = shop.get("hpa", "shop-green")
    assert scaler is not None
    assert scaler["spec"]["minReplicas"] == 4
