"""A plan, and what it is made of: the router, the cluster's objects, rendered manifests."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import release_plan
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    COLOR,
    MANIFEST,
    PROVEN,
    VERSION,
    Release,
)

from ..some_router import LACKING, MADE, facts

ROUTER = facts()
NOBODY = facts(None, drift=LACKING)
# The same where the swap is given listeners to make.
TO_BE_MADE = facts(None, drift=MADE)


TEXT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "shop-{color}"}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: shop, color: "{color}"}}}}
  template:
    metadata: {{labels: {{app: shop, color: "{color}"}}}}
    spec: {{containers: [{{name: shop, image: "shop:{commit}"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: "shop-{color}"}}
spec:
  type: NodePort
  selector: {{app: shop, color: "{color}"}}
  ports: [{{name: http, port: 80, nodePort: {node_port}}}]
"""


PORTS = {"blue": 30081, "green": 30082}


class Cluster:
    """The reads that a plan makes, answered from a list of objects."""

    host = "https://cluster.example"

    def now(self) -> float:
        return 1_760_000_000.0

    def __init__(self, *objects: dict[str, Any], forbids_all_services: bool = False) -> None:
        self.objects = objects
        self.forbids_all_services = forbids_all_services
        self.tried: list[tuple[str, bool, bool]] = []

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        if kind == "Namespace":
            return {"metadata": {"name": name, "uid": "8c1e"}} if name == "store" else None
        wanted = (kind, name, namespace)
        return next((each for each in self.objects if _whose(each) == wanted), None)

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, label_selector: str = ""
    ) -> Any:
        if kind == "Service" and namespace is None and self.forbids_all_services:
            raise ClusterError("Forbidden.", status=403)
        found = [
            thing
            for thing in self.objects
            if thing["kind"] == kind and namespace in (None, thing["metadata"]["namespace"])
            if not label_selector or _labels(thing) == label_selector
        ]
        return copy.deepcopy(found), "1"

    def apply(
        self, wanted: dict[str, Any], namespace: str, dry_run: bool, strict: bool, force: bool, hear: Any
    ) -> Any:
        assert dry_run, "a plan writes nothing"
        self.tried.append((f"{wanted['kind']}/{wanted['metadata']['name']}", strict, force))
        if wanted["kind"] != "Deployment":
            return wanted
        there = self.get(wanted["apiVersion"], "Deployment", wanted["metadata"]["name"], namespace)
        default = {"replicas": there["spec"]["replicas"] if there else 1}
        return {**wanted, "spec": default | wanted["spec"]}


def _labels(thing: dict[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in thing["metadata"]["labels"].items())


def _whose(thing: dict[str, Any]) -> tuple[str, str, str]:
    return thing["kind"], thing["metadata"]["name"], thing["metadata"]["namespace"]


def manifests(commit: str = "00abcde") -> dict[str, str]:
    return {color: TEXT.format(color=color, node_port=port, commit=commit) for color, port in PORTS.items()}


def as_given(texts: dict[str, str]) -> dict[str, list[str]]:
    """Texts of one template as the module is given them."""
    return {"templates": ["shop.yml.j2"], **{rendering: [text] for rendering, text in texts.items()}}


def plan(*objects: dict[str, Any], router: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "app": "shop",
        "namespace": "store",
        "goal": "deploy",
        "router": router or ROUTER,
        "commit": "00abcde",
        "manifests": manifests(),
        "smoke": "proxy",
        "smoke_path": "/healthz",
        "preview_port": 0,
        "preview_router": None,
        "ready_timeout": 300,
        "image_wait": 0,
        "unschedulable_grace": 10,
        "capacity": 100,
        "order": "",
        "hold_after_rollback": False,
        "release_hold": False,
        "frozen": "",
        "thaw": "",
        "hooks": {},
        "approved": {},
        "wait_in_service": False,
        "leaving": None,
        "color": None,
        "locked": False,
        "since": None,
        "claim": False,
        "replace": False,
        "allow_local": False,
    }
    cluster = changes.pop("cluster", None) or Cluster(*objects)
    params |= changes
    if params["manifests"] and "templates" not in params["manifests"]:
        params["manifests"] = as_given(params["manifests"])
    return release_plan.run(params, False, cluster, lambda line: None)


def service(color: str, namespace: str = "store", name: str | None = None) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": name or f"shop-{color}", "namespace": namespace},
        "spec": {"ports": [{"name": "http", "port": 80, "nodePort": PORTS[color]}]},
    }


def endpoints(service: dict[str, Any], ready: bool = True) -> dict[str, Any]:
    """What lies behind a Service."""
    of = service["metadata"]
    labels = {"kubernetes.io/service-name": of["name"]}
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{of['name']}-x", "namespace": of["namespace"], "labels": labels},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
    }


HASHES = {
    commit: plan(commit=commit, manifests=manifests(commit))["manifest"] for commit in ("00abcde", "0012345")
}


def deployment(
    color: str, commit: str = "0012345", name: str | None = None, **changes: Any
) -> dict[str, Any]:
    notes = {MANIFEST: HASHES[commit]}
    if changes.pop("proven", True):
        notes[PROVEN] = Release(commit, HASHES[commit]).mark("earlier")
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), 2)
    return {
        "kind": "Deployment",
        "metadata": {
            "name": name or f"shop-{color}",
            "namespace": "store",
            "generation": 1,
            "labels": {VERSION: commit, COLOR: color},
            "annotations": notes,
        },
        "spec": {"replicas": 2} | changes,
        "status": {"observedGeneration": 1, **counts},
    }


def names(plan: dict[str, Any]) -> list[str]:
    return [f"{entry['kind']}/{entry['metadata']['name']}" for entry in plan["objects"]]
