"""A user's own manifests, and what must not be shown of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import yaml
from balancers import listener
from shop import CHECKOUT, Shop

SECRET = "correct-horse-battery"

TEMPLATE = """
apiVersion: v1
kind: Secret
metadata: {{ {'name': bluegreen_app ~ '-keys-' ~ bluegreen_color} | to_json }}
stringData:
  PASSWORD: {{ password | to_json }}
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: "{{ bluegreen_app }}-settings-{{ bluegreen_color }}"}
    data: {COMMIT: "{{ bluegreen_commit }}"}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ bluegreen_app }}-{{ bluegreen_color }}
spec:
  selector:
    matchLabels: {app: shop, octoblu.bluegreen/color: "{{ bluegreen_color }}"}
  template:
    metadata:
      labels: {app: shop}
    spec:
      containers:
        - name: web
          image: {{ bluegreen_image }}
          ports: [{containerPort: {{ bluegreen_container_port }}}]
          envFrom:
            - secretRef: {name: "{{ bluegreen_app }}-keys-{{ bluegreen_color }}"}
            - configMapRef: {name: "{{ bluegreen_app }}-settings-{{ bluegreen_color }}"}
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
    - port: 80
      targetPort: {{ bluegreen_container_port }}
      nodePort: {{ bluegreen_node_port }}
"""


def test_ones_own_manifests_with_a_secret_that_nobody_is_shown(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    path = tmp_path / "templates" / "shop.yml.j2"
    path.write_text(TEMPLATE)
    given = {"bluegreen_manifests": [str(path)], "password": SECRET}
    first = shop.deploy("0000001", "-vvv", "--diff", **given)
    assert first.outcome == "deployed", first.output
    assert shop.who() == "blue"
    keys = shop.get("secret", "shop-keys-blue")
    assert keys is not None
    assert keys["data"]["PASSWORD"] == base64.b64encode(SECRET.encode()).decode()

    again = shop.deploy("0000001", "-vvv", "--diff", **given)
    assert again.outcome == "unchanged"
    broken = given | {"bluegreen_readiness_path": shop.settings.bad_path, "bluegreen_ready_timeout": 5}
    failed = shop.deploy("0000002", "-vvv", "--diff", **broken)
    assert failed.outcome == "stage_failed"
    planned = shop.deploy("0000002", "-vvv", "--check", "--diff", **given)
    assert planned.code == 0, planned.output
    refused = shop.deploy("0000002", "-vvv", **given | {"bluegreen_smoke": "maybe"})
    assert "The smoke request 'maybe'" in refused.reason
    for finished in (first, again, failed, planned, refused):
        assert SECRET not in finished.output
        assert keys["data"]["PASSWORD"] not in finished.output
    assert shop.who() == "blue"


def test_a_misspelt_field_is_refused_and_nothing_is_made(shop: Shop, tmp_path: Path) -> None:
    """The API server would drop it without a word, and the pods be ready before the application is."""
    path = tmp_path / "shop.yml.j2"
    path.write_text(TEMPLATE.partition("---\n")[2].replace("readinessProbe", "readinesProbe"))
    for arguments in (["--check"], []):
        refused = shop.deploy("0000001", *arguments, bluegreen_manifests=[str(path)])
        assert refused.code == 2, refused.output
        assert "readinesProbe" in refused.reason
    assert shop.get("deployment", "shop-blue") is None


MIGRATION = """
---
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ bluegreen_app }}-migrate-{{ bluegreen_color }}"}
spec:
  ttlSecondsAfterFinished: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: {{ bluegreen_image }}
          command: ["true"]
"""
CLEAN_UP = """
- name: Delete the Job as its time to live would have it
  kubernetes.core.k8s:
    state: absent
    api_version: batch/v1
    kind: Job
    namespace: "{{ bluegreen_hook.namespace }}"
    name: "{{ bluegreen_hook.app }}-migrate-{{ bluegreen_hook.color }}"
"""


EXAMPLE = CHECKOUT / "docs" / "manifests"


def test_the_documented_manifests_and_a_job_that_is_gone_before_the_swap(shop: Shop, tmp_path: Path) -> None:
    blue, green = shop.node_ports["blue"], shop.node_ports["green"]
    http, admin = shop.settings.http_port, shop.settings.https_port
    # Blue's smaller node port is behind the larger listener port.
    shop.balancer.tag(
        {"blue": f"{admin}={blue} {http}={blue + 2}", "green": f"{http}={green} {admin}={green + 2}"}
    )
    shop.balancer.elb.create_load_balancer_listeners(
        LoadBalancerName=shop.balancer.name, Listeners=[listener(admin, green + 2)]
    )
    job, hook = tmp_path / "migrate.yml.j2", tmp_path / "hook.yml"
    job.write_text(MIGRATION.replace('"true"', json.dumps(shop.settings.ends_well)))
    hook.write_text(CLEAN_UP)
    given = yaml.safe_load((EXAMPLE / "app.yml").read_text()) | shop.variables()
    given |= {
        "bluegreen_manifests": [str(EXAMPLE / "shop.yml.j2"), str(job)],
        "bluegreen_hooks": {"after_stage": [str(hook)]},
        "exporter_image": shop.settings.image.replace("{{ bluegreen_commit }}", "exporter"),
        "admin_port": shop.settings.container_port + 1,
    }
    done = shop.deploy("0000001", **given)
    assert done.outcome == "deployed", done.output
    assert shop.get("job", "shop-migrate-blue") is None
    assert shop.who() == "blue"
    assert shop.balancer.node_ports == {http: blue + 2, admin: blue}

    service, budget = shop.get("service", "shop-blue"), shop.get("poddisruptionbudget", "shop-blue")
    scaler = shop.get("horizontalpodautoscaler", "shop-blue")
    assert service
    assert scaler
    assert budget
    leads = {each["targetPort"]: each["nodePort"] for each in service["spec"]["ports"]}
    assert leads == {"http": blue + 2, "admin": blue}
    assert scaler["spec"]["scaleTargetRef"]["name"] == "shop-blue"
    assert budget["spec"]["selector"] == shop.deployment("blue")["spec"]["selector"]
