"""Small manifests, and waiting for what becomes of them by watching."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.cluster import Cluster

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

_ROOTS = {
    "daemonsets": "/apis/apps/v1",
    "deployments": "/apis/apps/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
}


def node_address(worker: str, module: int) -> str:
    """An address for the nodes of a test module's own cluster, on an xdist worker."""
    number = 0 if worker == "master" else 1 + int(worker.removeprefix("gw"))
    return f"127.9.{module}.{1 + number}"


def path_of(resource: str, namespace: str = "default", name: str = "") -> str:
    path = f"{_ROOTS.get(resource, '/api/v1')}/namespaces/{namespace}/{resource}"
    return f"{path}/{name}" if name else path


def template(
    name: str, image: str = "sandbox/web:v1", env: dict[str, str] | None = None, **container: Any
) -> Object:
    app = {
        "name": "app",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
        **container,
    }
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [app]},
    }


def deployment(name: str, pod: Object | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": pod or template(name),
            **spec,
        },
    }


def service(name: str, node_port: int | None = None, port_name: str | None = None) -> Object:
    port: Object = {"port": 80, "targetPort": 8080}
    if node_port is not None:
        port["nodePort"] = node_port
    if port_name is not None:
        port["name"] = port_name
    kind = "NodePort" if node_port is not None else "ClusterIP"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"type": kind, "selector": {"app": name}, "ports": [port]},
    }


def create(cluster: Cluster, resource: str, body: Object, namespace: str = "default") -> Object:
    status, answer = cluster.request("POST", path_of(resource, namespace), body)
    assert status == 201, answer
    created: Object = answer
    return created


def patch(cluster: Cluster, resource: str, name: str, body: Any, content_type: str = MERGE) -> Object:
    status, answer = cluster.request("PATCH", path_of(resource, name=name), body, content_type)
    assert status == 200, answer
    patched: Object = answer
    return patched


def get(cluster: Cluster, resource: str, name: str) -> Object:
    status, answer = cluster.request("GET", path_of(resource, name=name))
    assert status == 200, answer
    found: Object = answer
    return found


def pods_of(cluster: Cluster, name: str) -> list[Object]:
    """The pods with the label `app`."""
    _status, found = cluster.request("GET", f"{path_of('pods')}?labelSelector=app%3D{name}")
    pods: list[Object] = found["items"]
    return pods


def until(
    cluster: Cluster,
    resource: str,
    selector: str,
    wanted: Callable[[Object], object],
    seconds: float = 20,
) -> Object:
    """The first of the selected objects that is as wanted, as soon as it is; AssertionError when none is in time.

    `selector` is `labelSelector=…` or `fieldSelector=…`.
    """
    last = None
    for event in cluster.watch(f"{path_of(resource)}?{selector}", seconds):
        last = event["object"]
        if event["type"] != "DELETED" and wanted(last):
            found: Object = last
            return found
    raise AssertionError(f"none of {resource} {selector} was as wanted in {seconds} s, the last was {last}")


def until_gone(cluster: Cluster, resource: str, name: str, seconds: float = 20) -> None:
    for event in cluster.watch(f"{path_of(resource)}?fieldSelector=metadata.name%3D{name}", seconds):
        if event["type"] == "DELETED":
            return
    raise AssertionError(f"{resource} {name} was still there after {seconds} s")


def until_available(cluster: Cluster, name: str, replicas: int = 1, seconds: float = 20) -> Object:
    """A Deployment whose newest generation has so many available replicas and no others."""

    def is_available(found: Object) -> bool:
        status = found.get("status") or {}
        counters = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return (
            status.get("observedGeneration") == found["metadata"]["generation"] and counters == [replicas] * 3
        )

    return until(cluster, "deployments", f"fieldSelector=metadata.name%3D{name}", is_available, seconds)


def waiting_reason(pod: Object) -> str:
    """Why the first container of a pod waits, "" when it does not."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    reason: str = statuses[0].get("state", {}).get("waiting", {}).get("reason", "")
    return reason
