"""What a Deployment says of itself. Pure, except for the clock."""

from __future__ import annotations

import time

from sandbox.cluster.controllers.rollout import max_unavailable
from sandbox.cluster.objects import Object, clone, dig, find_condition, name_of, seconds_of, timestamp

_COUNTERS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


def progressing_condition(deployment: Object) -> Object | None:
    return find_condition(deployment, "Progressing")


def set_condition(obj: Object, condition_type: str, status: str, reason: str, message: str) -> None:
    """Sets a condition in place; one of the same status and reason stays as it is."""
    conditions: list[Object] = obj.setdefault("status", {}).setdefault("conditions", [])
    now = timestamp()
    condition = {
        "type": condition_type,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
    for found in conditions:
        if found["type"] == condition_type:
            if (found["status"], found["reason"]) == (status, reason):
                return
            if found["status"] == status:
                condition["lastTransitionTime"] = found["lastTransitionTime"]
            conditions.remove(found)
            break
    conditions.append(condition)


def calculate_status(deployment: Object, owned: list[Object], new: Object | None) -> Object:
    """The counters and whether enough pods are available."""
    statuses = [dig(replica_set, "status") or {} for replica_set in owned]
    total = {field: sum(status.get(field, 0) for status in statuses) for field in _COUNTERS}
    current = next(
        (found for found in owned if new and found["metadata"]["uid"] == new["metadata"]["uid"]), None
    )
    total["updatedReplicas"] = dig(current, "status", "replicas") or 0
    planned = sum(replica_set["spec"]["replicas"] for replica_set in owned)
    total["unavailableReplicas"] = max(planned - total["availableReplicas"], 0)
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status.update({field: count for field, count in total.items() if count})
    status["conditions"] = clone(dig(deployment, "status", "conditions") or [])
    enough = total["availableReplicas"] >= deployment["spec"]["replicas"] - max_unavailable(deployment)
    holder = {"status": status}
    if enough:
        message = "Deployment has minimum availability."
        set_condition(holder, "Available", "True", "MinimumReplicasAvailable", message)
    else:
        message = "Deployment does not have minimum availability."
        set_condition(holder, "Available", "False", "MinimumReplicasUnavailable", message)
    return status


def is_complete(deployment: Object, status: Object) -> bool:
    wanted = deployment["spec"]["replicas"]
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    observed = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return observed and all(status.get(field, 0) == wanted for field in fields)


def with_progress(deployment: Object, status: Object, owned: list[Object], new: Object | None) -> Object:
    """The status with its Progressing and ReplicaFailure conditions."""
    holder = {"status": status}
    old = dig(deployment, "status") or {}
    found = progressing_condition(holder)
    subject = f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'
    settled = (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and found is not None
        and found["reason"] == "NewReplicaSetAvailable"
    )
    paused = bool(deployment["spec"].get("paused"))
    if deployment["spec"].get("progressDeadlineSeconds") is not None and not settled and not paused:
        if is_complete(deployment, status):
            message = f"{subject} has successfully progressed."
            set_condition(holder, "Progressing", "True", "NewReplicaSetAvailable", message)
        elif _progressed(old, status):
            _note_progress(holder, f"{subject} is progressing.")
        elif found is not None and _timed_out(deployment, found):
            message = f"{subject} has timed out progressing."
            set_condition(holder, "Progressing", "False", "ProgressDeadlineExceeded", message)
    _copy_failure(holder, owned)
    return status


def deadline_in(deployment: Object, status: Object) -> float | None:
    """Seconds until the deadline has to be looked at again, None when none is running."""
    found = progressing_condition({"status": status})
    deadline = deployment["spec"].get("progressDeadlineSeconds")
    if (
        found is None
        or deadline is None
        or deployment["spec"].get("paused")
        or is_complete(deployment, status)
    ):
        return None
    if found["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    return max(0.0, seconds_of(found["lastUpdateTime"]) + float(deadline) + 1 - time.time())


def _note_progress(holder: Object, message: str) -> None:
    """Every bit of progress starts the deadline's clock anew."""
    conditions = holder["status"]["conditions"]
    found = progressing_condition(holder)
    now = timestamp()
    since = now
    if found is not None:
        since = found["lastTransitionTime"] if found["status"] == "True" else now
        conditions.remove(found)
    conditions.append(
        {
            "type": "Progressing",
            "status": "True",
            "lastUpdateTime": now,
            "lastTransitionTime": since,
            "reason": "ReplicaSetUpdated",
            "message": message,
        }
    )


def _progressed(old: Object, new: Object) -> bool:
    def count(status: Object, field: str) -> int:
        return int(status.get(field, 0))

    grown = any(count(new, field) > count(old, field) for field in _COUNTERS[1:])
    left = [count(status, "replicas") - count(status, "updatedReplicas") for status in (new, old)]
    return grown or left[0] < left[1]


def _timed_out(deployment: Object, found: Object) -> bool:
    if found["reason"] == "NewReplicaSetAvailable":
        return False
    if found["reason"] == "ProgressDeadlineExceeded":
        return True
    deadline = deployment["spec"]["progressDeadlineSeconds"]
    return time.time() > seconds_of(found["lastUpdateTime"]) + float(deadline)


def _copy_failure(holder: Object, owned: list[Object]) -> None:
    conditions = holder["status"]["conditions"]
    failures = [found for found in (find_condition(owner, "ReplicaFailure") for owner in owned) if found]
    if failures:
        failure = failures[-1]
        set_condition(holder, "ReplicaFailure", failure["status"], failure["reason"], failure["message"])
        return
    holder["status"]["conditions"] = [c for c in conditions if c["type"] != "ReplicaFailure"]
