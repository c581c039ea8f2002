"""The tables that `kubectl get` asks for instead of objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object, dig, is_terminating, seconds_of
from sandbox.cluster.selectors import selector_text

Cells = list[Any]
_NONE = "<none>"
_UNKNOWN = "<unknown>"


def table(
    kind: Kind, objects: list[Object], query: Mapping[str, str], metadata: Object | None = None
) -> Object:
    """`metadata` is that of the list; a single object brings its own version."""
    if metadata is None:
        metadata = {"resourceVersion": objects[0]["metadata"]["resourceVersion"]}
    columns, cells = _LAYOUTS.get(kind.name, _PLAIN)
    include = query.get("includeObject", "Metadata")
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [_column(text) for text in columns],
        "rows": [{"cells": cells(obj), "object": _row_object(obj, include)} for obj in objects],
    }


class Stream:
    """Tables of one watch: only the first has the columns."""

    def __init__(self, kind: Kind, query: Mapping[str, str]) -> None:
        self._kind = kind
        self._query = query
        self._first = True

    def __call__(self, obj: Object) -> Object:
        is_bookmark = "uid" not in obj["metadata"]
        rendered = table(self._kind, [] if is_bookmark else [obj], self._query, {
            "resourceVersion": obj["metadata"]["resourceVersion"]
        })  # fmt: skip
        if not self._first:
            rendered["columnDefinitions"] = None
        self._first = False
        return rendered


def human_age(seconds: float) -> str:
    """`53s`, `3m4s`, `34m`, `5h12m`, `12h`, `2d3h`, `12d`, as kubectl has it."""
    whole = max(int(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    return f"{days}d" + (f"{hours % 24}h" if days < 8 and hours % 24 else "")


def _column(text: str) -> Object:
    """`*Name` is shown with `-o wide` only, `#Count` is a number."""
    name = text.lstrip("*#")
    return {
        "name": name,
        "type": "integer" if "#" in text else "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": 1 if "*" in text else 0,
    }


def _row_object(obj: Object, include: str) -> Object | None:
    if include == "None":
        return None
    if include == "Object":
        return obj
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _age(obj: Object) -> str:
    return _since(obj["metadata"].get("creationTimestamp"))


def _since(timestamp: str | None) -> str:
    return human_age(time.time() - seconds_of(timestamp)) if timestamp else _UNKNOWN


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _status(obj: Object, field: str) -> int:
    return dig(obj, "status", field) or 0


def _containers(obj: Object) -> Cells:
    containers = dig(obj, "spec", "template", "spec", "containers") or []
    names = ",".join(container["name"] for container in containers)
    images = ",".join(container["image"] for container in containers)
    return [names, images, selector_text(obj["spec"].get("selector"))]


def _deployment(obj: Object) -> Cells:
    ready = f"{_status(obj, 'readyReplicas')}/{obj['spec'].get('replicas', 0)}"
    counters = [_status(obj, "updatedReplicas"), _status(obj, "availableReplicas")]
    return [_name(obj), ready, *counters, _age(obj), *_containers(obj)]


def _replica_set(obj: Object) -> Cells:
    counters = [obj["spec"].get("replicas", 0), _status(obj, "replicas"), _status(obj, "readyReplicas")]
    return [_name(obj), *counters, _age(obj), *_containers(obj)]


def _stateful_set(obj: Object) -> Cells:
    ready = f"{_status(obj, 'readyReplicas')}/{obj['spec'].get('replicas', 0)}"
    return [_name(obj), ready, _age(obj), *_containers(obj)[:2]]


def _daemon_set(obj: Object) -> Cells:
    fields = (
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
        "numberAvailable",
    )  # fmt: skip
    selector = dig(obj, "spec", "template", "spec", "nodeSelector") or {}
    nodes = ",".join(f"{key}={value}" for key, value in selector.items()) or _NONE
    return [_name(obj), *(_status(obj, field) for field in fields), nodes, _age(obj), *_containers(obj)]


def _job(obj: Object) -> Cells:
    conditions = {condition["type"] for condition in dig(obj, "status", "conditions") or ()}
    state = next((name for name in ("Complete", "Failed", "Suspended") if name in conditions), "Running")
    completions = f"{_status(obj, 'succeeded')}/{obj['spec'].get('completions', 1)}"
    started, ended = dig(obj, "status", "startTime"), dig(obj, "status", "completionTime")
    duration = ""
    if started:
        duration = human_age((seconds_of(ended) if ended else time.time()) - seconds_of(started))
    return [_name(obj), state, completions, duration, _age(obj), *_containers(obj)]


def _pod(obj: Object) -> Cells:
    statuses = dig(obj, "status", "containerStatuses") or []
    ready = sum(1 for status in statuses if status["ready"])
    return [
        _name(obj), f"{ready}/{len(obj['spec']['containers'])}", pod_state(obj), _restarts(obj), _age(obj),
        dig(obj, "status", "podIP") or _NONE, obj["spec"].get("nodeName") or _NONE, _NONE, _NONE,
    ]  # fmt: skip


def pod_state(pod: Object) -> str:
    """The STATUS column: the most telling reason that there is."""
    initializing = _init_state(pod)
    if is_terminating(pod):
        return "Terminating"
    if initializing:
        return initializing
    state = dig(pod, "status", "reason") or dig(pod, "status", "phase") or _UNKNOWN
    for status in reversed(dig(pod, "status", "containerStatuses") or []):
        waiting, terminated = dig(status, "state", "waiting"), dig(status, "state", "terminated")
        if waiting and waiting.get("reason"):
            state = waiting["reason"]
        elif terminated:
            state = terminated.get("reason") or f"ExitCode:{terminated['exitCode']}"
    return str(state)


def _init_state(pod: Object) -> str:
    statuses = dig(pod, "status", "initContainerStatuses") or []
    for index, status in enumerate(statuses):
        terminated, waiting = dig(status, "state", "terminated"), dig(status, "state", "waiting")
        if terminated and terminated["exitCode"] == 0:
            continue
        if terminated:
            return f"Init:{terminated.get('reason') or 'ExitCode:' + str(terminated['exitCode'])}"
        if waiting and waiting.get("reason") not in (None, "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{len(statuses)}"
    return ""


def _restarts(pod: Object) -> str:
    statuses = [
        *(dig(pod, "status", "initContainerStatuses") or ()), *(dig(pod, "status", "containerStatuses") or ()),
    ]  # fmt: skip
    count = sum(status["restartCount"] for status in statuses)
    ends = [dig(status, "lastState", "terminated", "finishedAt") for status in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({_since(last)} ago)" if count and last else str(count)


def _service(obj: Object) -> Cells:
    spec = obj["spec"]
    ports = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port['protocol']}"
        for port in spec.get("ports") or ()
    ]
    external = "<pending>" if spec["type"] == "LoadBalancer" else _NONE
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    return [
        _name(obj), spec["type"], spec.get("clusterIP") or _NONE, external, ",".join(ports) or _NONE, _age(obj),
        selector or _NONE,
    ]  # fmt: skip


def _event(obj: Object) -> Cells:
    involved, source = obj["involvedObject"], obj.get("source") or {}
    last = obj.get("lastTimestamp") or obj.get("eventTime")
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    parts = [
        source.get("component") or obj.get("reportingComponent"),
        source.get("host") or obj.get("reportingInstance"),
    ]
    return [
        _since(last), obj.get("type"), obj.get("reason"), f"{involved.get('kind', '').lower()}/{involved.get('name')}",
        involved.get("fieldPath", ""), ", ".join(part for part in parts if part), (obj.get("message") or "").strip(),
        _since(first), obj.get("count") or 1, _name(obj),
    ]  # fmt: skip


def _node(obj: Object) -> Cells:
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in dig(obj, "status", "conditions") or ()
    )
    version = dig(obj, "status", "nodeInfo", "kubeletVersion") or _UNKNOWN
    return [_name(obj), "Ready" if ready else "NotReady", _NONE, _age(obj), version]


def _endpoints(obj: Object) -> Cells:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return [_name(obj), ",".join(found[:3]) + more or _NONE, _age(obj)]


def _endpoint_slice(obj: Object) -> Cells:
    ports = ",".join(str(port["port"]) for port in obj.get("ports") or ()) or "<unset>"
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint["addresses"]]
    more = f" + {len(addresses) - 3} more..." if len(addresses) > 3 else ""
    return [_name(obj), obj["addressType"], ports, ",".join(addresses[:3]) + more or "<unset>", _age(obj)]


def _plain(obj: Object) -> Cells:
    return [_name(obj), _age(obj)]


_POD_TEMPLATE = ("*Containers", "*Images", "*Selector")
_LAYOUTS: dict[str, tuple[tuple[str, ...], Callable[[Object], Cells]]] = {
    "ConfigMap": (("Name", "Data", "Age"), lambda obj: [_name(obj), len(obj.get("data") or ()), _age(obj)]),
    "DaemonSet": (
        (
            "Name", "#Desired", "#Current", "#Ready", "#Up-to-date", "#Available", "Node Selector", "Age",
            *_POD_TEMPLATE,
        ),
        _daemon_set,
    ),
    "Deployment": (("Name", "Ready", "Up-to-date", "Available", "Age", *_POD_TEMPLATE), _deployment),
    "EndpointSlice": (("Name", "AddressType", "Ports", "Endpoints", "Age"), _endpoint_slice),
    "Endpoints": (("Name", "Endpoints", "Age"), _endpoints),
    "Event": (
        (
            "Last Seen", "Type", "Reason", "Object", "*Subobject", "*Source", "Message", "*First Seen", "*Count",
            "*Name",
        ),
        _event,
    ),
    "Job": (("Name", "Status", "Completions", "Duration", "Age", *_POD_TEMPLATE), _job),
    "Lease": (
        ("Name", "Holder", "Age"),
        lambda obj: [_name(obj), dig(obj, "spec", "holderIdentity") or "", _age(obj)],
    ),
    "Namespace": (
        ("Name", "Status", "Age"),
        lambda obj: [_name(obj), dig(obj, "status", "phase"), _age(obj)],
    ),
    "Node": (("Name", "Status", "Roles", "Age", "Version"), _node),
    "Pod": (
        (
            "Name", "Ready", "Status", "Restarts", "Age", "*IP", "*Node", "*Nominated Node", "*Readiness Gates",
        ),
        _pod,
    ),
    "ReplicaSet": (("Name", "#Desired", "#Current", "#Ready", "Age", *_POD_TEMPLATE), _replica_set),
    "Secret": (
        ("Name", "Type", "Data", "Age"),
        lambda obj: [_name(obj), obj.get("type"), len(obj.get("data") or ()), _age(obj)],
    ),
    "Service": (
        ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "*Selector"),
        _service,
    ),
    "StatefulSet": (("Name", "Ready", "Age", *_POD_TEMPLATE[:2]), _stateful_set),
}  # fmt: skip
_PLAIN: tuple[tuple[str, ...], Callable[[Object], Cells]] = (("Name", "Age"), _plain)
