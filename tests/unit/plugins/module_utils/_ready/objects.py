"""Small objects as the API gives them, for what no recording shows."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

ENDED = {
    "exitCode": 1,
    "reason": "Error",
    "startedAt": "2026-11-23T08:00:00Z",
    "finishedAt": "2026-11-23T08:00:01Z",
}


def running(restarts: int = 0, ready: bool = True, **more: Any) -> Object:
    state = {"running": {"startedAt": "2026-11-23T08:00:10Z"}}
    last = {"terminated": ENDED} if restarts else {}
    return {
        "name": "app",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last,
        **more,
    }


def waiting(reason: str, message: str = "", restarts: int = 0, **more: Any) -> Object:
    state = {"waiting": {"reason": reason, "message": message}}
    last = {"terminated": ENDED} if restarts else {}
    return {
        "name": "app",
        "ready": False,
        "restartCount": restarts,
        "state": state,
        "lastState": last,
        **more,
    }


def terminated(restarts: int = 0, **ended: Any) -> Object:
    last = {"terminated": ENDED} if restarts else {}
    state = {"terminated": {**ENDED, **ended}}
    return {"name": "app", "ready": False, "restartCount": restarts, "state": state, "lastState": last}


def pod(
    name: str = "shop-1-a",
    *containers: Object,
    owner: tuple[str, str, str] = ("ReplicaSet", "shop-1", "rs-1"),
    labels: dict[str, str] | None = None,
    init: tuple[Object, ...] = (),
    ready: bool | None = None,
    conditions: tuple[Object, ...] = (),
    spec: Object | None = None,
    status: Object | None = None,
    **metadata: Any,
) -> Object:
    statuses = containers or (running(),)
    is_ready = all(each["ready"] for each in statuses) if ready is None else ready
    kind, owner_name, owner_uid = owner
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "demo",
            "uid": f"uid-{name}",
            "labels": {"app": "shop", "pod-template-hash": "1"} if labels is None else labels,
            "creationTimestamp": "2026-11-23T08:00:00Z",
            "ownerReferences": [{"kind": kind, "name": owner_name, "uid": owner_uid, "controller": True}],
            **metadata,
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": each["name"], "image": "registry/shop:abc"} for each in statuses],
            "initContainers": [{"name": each["name"], "image": "registry/setup:1"} for each in init],
            **(spec or {}),
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if is_ready else "False",
                    "lastTransitionTime": "2026-11-23T08:00:10Z",
                },
                *conditions,
            ],
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init),
            **(status or {}),
        },
    }


def unschedulable(message: str) -> Object:
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}


def workload(
    kind: str = "Deployment", spec: Object | None = None, status: Object | None = None, **metadata: Any
) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "shop", "namespace": "demo", "uid": f"uid-{kind}", "generation": 2, **metadata},
        "spec": {"replicas": 2, **(spec or {})},
        "status": {"observedGeneration": 2, **(status or {})},
    }


def complete(replicas: int = 2, **more: Any) -> Object:
    """The status of a Deployment or StatefulSet whose rollout is through."""
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {**dict.fromkeys(names, replicas), **more}


def replica_set(name: str, revision: str, replicas: int = 2) -> Object:
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"shop-{name}",
            "uid": f"rs-{name}",
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "uid": "uid-Deployment", "controller": True}],
        },
        "spec": {"replicas": replicas},
    }


def event(
    about: str, reason: str, message: str = "", count: int = 1, kind: str = "Warning", at: int = 0
) -> Object:
    return {
        "metadata": {"name": f"{about}.{reason}"},
        "involvedObject": {"uid": about, "kind": "Pod", "name": about.removeprefix("uid-")},
        "type": kind,
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": f"2026-11-23T08:01:{at:02}Z",
    }


def endpoints_of(service: str, *ready: bool | None) -> Object:
    """A slice of a Service's endpoints; None is one that says nothing of being ready."""
    endpoints = [{} if each is None else {"conditions": {"ready": each}} for each in ready or (True,)]
    labels = {"kubernetes.io/service-name": service}
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-x", "labels": labels},
        "endpoints": endpoints,
    }
