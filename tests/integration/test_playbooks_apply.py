"""Own manifests as people have them, deployed again and again: what the cluster holds afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from settings import Settings
from shop import Shop

TEMPLATE = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ bluegreen_app }}-{{ bluegreen_color }}
spec:
  replicas: 1
{{ strategy | default('') | indent(2, true) }}
  selector:
    matchLabels: {{ selector | default({'app': 'shop', 'octoblu.bluegreen/color': bluegreen_color}) | to_json }}
  template:
    metadata:
      labels: {app: shop, track: stable}
    spec:
      containers:
        - name: web
          image: {{ bluegreen_image }}
          ports:
            - {name: http, containerPort: {{ bluegreen_container_port }}}
            - {name: http-udp, containerPort: {{ bluegreen_container_port }}, protocol: UDP}
{{ env | default('') | indent(10, true) }}
          readinessProbe:
            httpGet: {path: "{{ bluegreen_readiness_path }}", port: {{ bluegreen_container_port }}}
            periodSeconds: 1
---
apiVersion: v1
kind: Service
metadata:
  name: {{ bluegreen_app }}-{{ bluegreen_color }}
spec:
  type: NodePort
  selector: {app: shop, octoblu.bluegreen/color: "{{ bluegreen_color }}"}
  ports:
    - {name: https, port: 443, targetPort: http, nodePort: {{ bluegreen_node_port }}}
    - {name: http3, protocol: UDP, port: 443, targetPort: 8443}
"""
JOB = """
---
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ bluegreen_app }}-migrate-{{ bluegreen_color }}"}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: {{ bluegreen_image }}
          command: ["true"]
"""
BIG = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ bluegreen_app }}-big-{{ bluegreen_color }}"}
data: {blob: "{{ 'x' * 320000 }}"}
"""


@pytest.fixture
def template(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "shop.yml.j2"
    path.write_text(TEMPLATE + JOB.replace('"true"', json.dumps(settings.ends_well)) + BIG)
    return path


def ports(thing: dict[str, Any]) -> list[tuple[int, str]]:
    return [(port["port"], port["protocol"]) for port in thing["spec"]["ports"]]


def uid(shop: Shop, kind: str, name: str) -> str:
    found = shop.get(kind, name)
    assert found is not None
    return str(found["metadata"]["uid"])


def test_a_color_is_deployed_to_again_and_again(shop: Shop, template: Path) -> None:
    """Two protocols on a port, a Job and a large ConfigMap, and in between another strategy."""
    given: dict[str, Any] = {"bluegreen_manifests": [str(template)], "bluegreen_smoke": "none"}
    jobs = set()
    for commit, strategy in (
        ("0000001", ""),
        ("0000002", "strategy:"),
        ("0000003", "strategy: {type: Recreate}"),
        ("0000004", "strategy: {type: RollingUpdate}"),
        ("0000005", ""),
    ):
        done = shop.deploy(commit, strategy=strategy, **given)
        assert done.outcome == "deployed", done.output
        color = done.result["color"]
        assert shop.who() == color
        service, deployment = shop.get("service", f"shop-{color}"), shop.get("deployment", f"shop-{color}")
        assert service is not None
        assert deployment is not None
        assert ports(service) == [(443, "TCP"), (443, "UDP")]
        assert service["spec"]["ports"][0]["nodePort"] == shop.node_ports[color]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert [port.get("protocol") for port in container["ports"]] == ["TCP", "UDP"]
        kind = "Recreate" if "Recreate" in strategy else "RollingUpdate"
        assert deployment["spec"]["strategy"]["type"] == kind
        jobs.add(uid(shop, "job", f"shop-migrate-{color}"))
        assert "last-applied" not in str(service["metadata"])
    # Its template holds the commit, and cannot be changed: each commit has had a Job of its own.
    assert len(jobs) == 5
    assert shop.deploy("0000005", **given).outcome == "unchanged"


def test_what_the_api_would_refuse_is_refused_in_the_plan(shop: Shop, template: Path) -> None:
    given: dict[str, Any] = {"bluegreen_manifests": [str(template)]}
    assert shop.deploy("0000001", **given).outcome == "deployed"
    assert shop.deploy("0000002", **given).outcome == "deployed"
    idle = uid(shop, "deployment", "shop-blue")

    twice = shop.deploy("0000003", env="env: [{name: A, value: b}, {name: A, value: $(A)c}]", **given)
    assert (twice.outcome, 'duplicate entries for key [name="A"]' in twice.reason) == ("refused", True), (
        twice.output
    )

    other = {"app": "shop", "track": "stable"}
    selector = {"selector": {**other, "octoblu.bluegreen/color": "{{ bluegreen_color }}"}}
    moved = shop.deploy("0000003", **selector, **given)
    assert moved.outcome == "refused", moved.output
    assert "-e bluegreen_replace=true" in moved.reason
    assert "kubectl delete deployment shop-blue" in moved.reason
    assert uid(shop, "deployment", "shop-blue") == idle
    live = uid(shop, "deployment", "shop-green")
    done = shop.deploy("0000003", bluegreen_replace=True, **selector, **given)
    assert done.outcome == "deployed", done.output
    assert (uid(shop, "deployment", "shop-blue") == idle, uid(shop, "deployment", "shop-green")) == (
        False,
        live,
    )


def test_what_somebody_else_has_set_is_told_and_a_way_back_does_not_stop_for_it(shop: Shop) -> None:
    assert shop.deploy("0000001").outcome == "deployed"
    assert shop.deploy("0000002").outcome == "deployed"
    shop.kubectl(
        "patch", "deployment", "shop-blue", "-n", shop.namespace, "--field-manager=kubectl-edit",
        "-p", json.dumps({"spec": {"replicas": 3}}),
    )  # fmt: skip
    refused = shop.deploy("0000003")
    assert refused.outcome == "refused", refused.output
    assert "spec.replicas of Deployment shop-blue" in refused.reason
    assert "kubectl-edit" in refused.reason
    shop.kubectl("delete", "deployment", "shop-blue", "-n", shop.namespace)
    back = shop.play("rollback")
    assert (back.outcome, shop.who()) == ("rolled_back", "blue"), back.output


def test_a_service_that_lost_its_node_port_gets_no_traffic_and_is_drift_when_live(
    shop: Shop, tmp_path: Path
) -> None:
    assert shop.deploy("0000001").outcome == "deployed"
    hook = tmp_path / "hook.yml"
    hook.write_text(
        "- kubernetes.core.k8s:\n"
        "    state: patched\n"
        "    api_version: v1\n"
        "    kind: Service\n"
        "    namespace: '{{ bluegreen_hook.namespace }}'\n"
        "    name: shop-green\n"
        "    definition: {spec: {type: ClusterIP, ports: [{name: http, port: 80, nodePort: null}]}}\n"
    )
    given = {"bluegreen_smoke": "none", "bluegreen_hooks": {"before_swap": [str(hook)]}}
    failed = shop.deploy("0000002", **given)
    assert failed.code == 2, failed.output
    assert f"the Service has no node port {shop.node_ports['green']}" in failed.reason
    assert shop.who() == "blue"

    shop.kubectl(
        "patch", "service", "shop-blue", "-n", shop.namespace,
        "-p", json.dumps({"spec": {"type": "ClusterIP"}}),
    )  # fmt: skip
    status = shop.play("status")
    assert f"its Service has no node port {shop.node_ports['blue']} (service_port_missing)" in status.output
