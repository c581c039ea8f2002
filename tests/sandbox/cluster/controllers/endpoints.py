"""Endpoints and EndpointSlices: which pods stand behind a Service."""

from __future__ import annotations

from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE
from sandbox.cluster.objects import (
    Object,
    clone,
    dig,
    is_ready_pod,
    is_terminating,
    key_of,
    name_of,
    namespace_of,
    owner_reference,
    random_suffix,
    timestamp,
)
from sandbox.cluster.store import Change, Store

_LATENCY = 0.01
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_SERVICE_NAME = "kubernetes.io/service-name"


class EndpointsController:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is SERVICE:
            self._queue.add(key_of(change.object))
        elif change.kind is POD:
            labels = [obj["metadata"].get("labels") or {} for obj in (change.object, change.previous) if obj]
            for service in self._store.list(SERVICE, namespace_of(change.object)):
                selector = service["spec"].get("selector")
                if selector and any(selector.items() <= found.items() for found in labels):
                    self._queue.add(key_of(service))

    def _sync(self, namespace: str, name: str) -> None:
        service = self._store.get(SERVICE, namespace, name)
        if service is None:
            self._remove(namespace, name)
            return
        selector = service["spec"].get("selector")
        if not selector:
            return
        pods = [
            pod
            for pod in self._store.list(POD, namespace)
            if selector.items() <= (pod["metadata"].get("labels") or {}).items()
            and dig(pod, "status", "podIP")
            and dig(pod, "status", "phase") not in ("Succeeded", "Failed")
        ]
        self._write_endpoints(service, pods)
        self._write_slice(service, pods)

    def _remove(self, namespace: str, name: str) -> None:
        endpoints = self._store.get(ENDPOINTS, namespace, name)
        if endpoints is not None:
            self._store.remove(ENDPOINTS, endpoints)

    def _write_endpoints(self, service: Object, pods: list[Object]) -> None:
        subsets: list[Object] = []
        staying = [pod for pod in pods if not is_terminating(pod)]
        for pod in sorted(staying, key=lambda pod: str(pod["status"]["podIP"])):
            ports = _ports(service, pod)
            subset = next((found for found in subsets if found["ports"] == ports), None)
            if subset is None:
                subset = {"ports": ports}
                subsets.append(subset)
            subset.setdefault("addresses" if is_ready_pod(pod) else "notReadyAddresses", []).append(
                _address(pod)
            )
        current = self._store.get(ENDPOINTS, *key_of(service))
        if current is None:
            metadata = {"name": name_of(service), "namespace": namespace_of(service), **_labels(service)}
            metadata["annotations"] = {_TRIGGER: timestamp()}
            self._store.create(ENDPOINTS, {"metadata": metadata, **({"subsets": subsets} if subsets else {})})
        elif (current.get("subsets") or []) != subsets:
            changed = clone(current)
            changed["subsets"] = subsets
            if not subsets:
                del changed["subsets"]
            changed["metadata"].setdefault("annotations", {})[_TRIGGER] = timestamp()
            self._store.update(ENDPOINTS, changed)

    def _write_slice(self, service: Object, pods: list[Object]) -> None:
        endpoints = [_endpoint(pod) for pod in pods] or None
        ports = (
            [{**port, "name": port.get("name", "")} for port in _ports(service, pods[0])] if pods else None
        )
        current = self._slice_of(service)
        if current is None:
            self._store.create(
                ENDPOINT_SLICE, {**_new_slice(service), "endpoints": endpoints, "ports": ports}
            )
        elif (current["endpoints"], current["ports"]) != (endpoints, ports):
            changed = clone(current)
            changed["endpoints"], changed["ports"] = endpoints, ports
            changed["metadata"].setdefault("annotations", {})[_TRIGGER] = timestamp()
            self._store.update(ENDPOINT_SLICE, changed)

    def _slice_of(self, service: Object) -> Object | None:
        for found in self._store.list(ENDPOINT_SLICE, namespace_of(service)):
            if (found["metadata"].get("labels") or {}).get(_SERVICE_NAME) == name_of(service):
                return found
        return None


def target_port(port: Object, pod: Object) -> int | None:
    """The number of a Service port's target in a pod; None when no container has a port of that name."""
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    for container in pod["spec"]["containers"]:
        for declared in container.get("ports") or ():
            if declared.get("name") == wanted:
                return int(declared["containerPort"])
    return None


def _ports(service: Object, pod: Object) -> list[Object]:
    ports = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pod)
        if number is not None:
            name = {"name": port["name"]} if port.get("name") else {}
            ports.append({**name, "port": number, "protocol": port["protocol"]})
    return ports


def _target(pod: Object) -> Object:
    return {
        "kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": pod["metadata"]["uid"],
    }  # fmt: skip


def _address(pod: Object) -> Object:
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": _target(pod)}


def _endpoint(pod: Object) -> Object:
    ready, terminating = is_ready_pod(pod), is_terminating(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready and not terminating, "serving": ready, "terminating": terminating},
        "targetRef": _target(pod),
        "nodeName": pod["spec"]["nodeName"],
    }


def _labels(service: Object) -> Object:
    labels = service["metadata"].get("labels")
    return {"labels": dict(labels)} if labels else {}


def _new_slice(service: Object) -> Object:
    return {
        "metadata": {
            "name": f"{name_of(service)}-{random_suffix()}",
            "generateName": f"{name_of(service)}-",
            "namespace": namespace_of(service),
            "labels": {
                **(service["metadata"].get("labels") or {}),
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                _SERVICE_NAME: name_of(service),
            },
            "annotations": {_TRIGGER: timestamp()},
            "ownerReferences": [owner_reference(SERVICE, service)],
        },
        "addressType": "IPv4",
    }
