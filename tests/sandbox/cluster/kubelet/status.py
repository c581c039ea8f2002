"""The status of a pod, made of what the kubelet knows of its containers. Pure, except for the clock."""

from __future__ import annotations

from sandbox.cluster.kubelet.containers import Container
from sandbox.cluster.kubelet.runtime import Run
from sandbox.cluster.objects import Object, dig, find_condition, timestamp

_LOST = "The container could not be located when the pod was terminated"


def pod_status(
    pod: Object, init: list[Container], app: list[Container], address: str, stopped: bool, host: str
) -> Object:
    """`address` is "" until the pod has one; `stopped` says that it was deleted and nothing of it runs."""
    phase = _phase(pod, init, app, stopped)
    status: Object = {
        "phase": phase,
        "conditions": _conditions(pod, init, app, phase, bool(address) and not stopped),
        "hostIP": host,
        "hostIPs": [{"ip": host}],
    }
    if address:
        status["podIP"], status["podIPs"] = address, [{"ip": address}]
    status["startTime"] = dig(pod, "status", "startTime") or timestamp()
    if init:
        status["initContainerStatuses"] = [_container_status(c, pod, bool(init), stopped) for c in init]
    status["containerStatuses"] = [_container_status(c, pod, bool(init), stopped) for c in app]
    status["qosClass"] = _qos_class(app)
    return status


def _container_status(container: Container, pod: Object, has_init: bool, stopped: bool) -> Object:
    run, state, last = container.run, {}, {}
    if run is not None:
        state = _state(run)
    if container.previous is not None:
        last = _state(container.previous)
    if run is None and stopped:
        state = {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": _LOST,
                                "startedAt": None, "finishedAt": None}}  # fmt: skip
    elif container.waiting is not None and not container.is_running and not stopped:
        if run is not None:
            last = state
        reason, message = container.waiting
        state = {"waiting": {"reason": reason, "message": message}}
    elif run is None:
        state = {"waiting": {"reason": "PodInitializing" if has_init else "ContainerCreating"}}
    known = container.image if container.runs else None
    ready = container.succeeded if container.is_init else container.ready
    return {
        "name": container.name,
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": max(len(container.runs) - 1, 0),
        "image": known.full if known else container.spec["image"],
        "imageID": known.digest if known else "",
        **({"containerID": _container_id(pod, container)} if container.runs else {}),
        "started": container.started,
    }


def _state(run: Run) -> Object:
    if run.finished_at is None:
        return {"running": {"startedAt": timestamp(run.started_at)}}
    ended = {
        "exitCode": run.exit_code,
        "reason": run.reason,
        "message": run.message,
        "startedAt": timestamp(run.started_at),
        "finishedAt": timestamp(run.finished_at),
    }
    return {"terminated": {key: value for key, value in ended.items() if value != ""}}


def _container_id(pod: Object, container: Container) -> str:
    number = len(container.runs)
    return f"containerd://{pod['metadata']['uid'].replace('-', '')}{container.name.encode().hex()[:24]:0<24}{number:08x}"


def _phase(pod: Object, init: list[Container], app: list[Container], stopped: bool) -> str:
    policy = pod["spec"].get("restartPolicy", "Always")
    if not stopped and any(not container.succeeded for container in init):
        failed = any(
            container.run and not container.is_running and not container.succeeded for container in init
        )
        return "Failed" if failed and policy == "Never" else "Pending"
    if any(container.run is None for container in app):
        return "Failed" if stopped else "Pending"
    if any(container.is_running for container in app):
        return "Running"
    if all(container.succeeded for container in app) and (stopped or policy != "Always"):
        return "Succeeded"
    return "Failed" if stopped or policy == "Never" else "Running"


def _conditions(
    pod: Object, init: list[Container], app: list[Container], phase: str, has_sandbox: bool
) -> list[Object]:
    over = {"status": "False", "reason": "PodCompleted"}
    initialized: Object = {"status": "True"}
    waiting_for = [container.name for container in init if not container.succeeded]
    if phase == "Succeeded":
        initialized, ready = {"status": "True", "reason": "PodCompleted"}, over
    else:
        unready = [container.name for container in app if not container.ready]
        ready = {"status": "True"}
        if unready:
            message = f"containers with unready status: [{' '.join(unready)}]"
            ready = {"status": "False", "reason": "ContainersNotReady", "message": message}
        if waiting_for:
            message = f"containers with incomplete status: [{' '.join(waiting_for)}]"
            initialized = {"status": "False", "reason": "ContainersNotInitialized", "message": message}
    wanted: dict[str, Object] = {
        "PodReadyToStartContainers": {"status": str(has_sandbox)},
        "Initialized": initialized,
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": {"status": "True"},
    }
    return [{"type": name, **_since(pod, name, condition), **condition} for name, condition in wanted.items()]


def _since(pod: Object, condition_type: str, condition: Object) -> Object:
    found = find_condition(pod, condition_type)
    same = found is not None and found["status"] == condition["status"]
    return {"lastTransitionTime": found["lastTransitionTime"] if found is not None and same else timestamp()}


def _qos_class(app: list[Container]) -> str:
    resources = [container.spec.get("resources") or {} for container in app]
    if not any(resource.get("requests") or resource.get("limits") for resource in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= (resource.get("limits") or {}).keys()
        and resource.get("limits") == resource.get("requests")
        for resource in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"
