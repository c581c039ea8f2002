"""What all controllers do with pods."""

from __future__ import annotations

from typing import Any

from sandbox.cluster.deletion import delete
from sandbox.cluster.errors import ApiError
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import POD, Kind
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.objects import (
    Object,
    clone,
    dig,
    find_condition,
    is_ready_pod,
    name_of,
    namespace_of,
    owned_by,
    owner_reference,
    seconds_of,
)
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.store import Store

_OPTIONS = Options(Writer("kube-controller-manager"))


def pods_of(store: Store, owner: Object) -> list[Object]:
    return [pod for pod in store.list(POD, namespace_of(owner)) if owned_by(pod, owner)]


def is_available(pod: Object, min_ready_seconds: int, now: float) -> bool:
    """Ready for so long."""
    if not is_ready_pod(pod):
        return False
    since = find_condition(pod, "Ready") or {}
    return min_ready_seconds == 0 or now - seconds_of(since["lastTransitionTime"]) >= min_ready_seconds


def create_pod(
    resources: Resources, events: Recorder, kind: Kind, owner: Object, changes: dict[str, Any] | None = None
) -> ApiError | None:
    """Creates a pod from the template of its owner and tells so; returns the refusal of the API server.

    `changes` are metadata and spec fields over those of the template.
    """
    template = clone(owner["spec"]["template"])
    metadata = template.get("metadata") or {}
    metadata.pop("creationTimestamp", None)
    metadata["generateName"] = f"{name_of(owner)}-"
    metadata["ownerReferences"] = [owner_reference(kind, owner)]
    metadata.update((changes or {}).get("metadata", {}))
    if "name" in metadata:
        del metadata["generateName"]
    spec = {**template["spec"], **(changes or {}).get("spec", {})}
    try:
        pod = resources.create(POD, namespace_of(owner), {"metadata": metadata, "spec": spec}, _OPTIONS)
    except ApiError as error:
        events.warning(kind, owner, "FailedCreate", f"Error creating: {error}")
        return error
    events.normal(kind, owner, "SuccessfulCreate", f"Created pod: {name_of(pod)}")
    return None


def delete_pod(resources: Resources, events: Recorder, kind: Kind, owner: Object, pod: Object) -> None:
    delete(resources.store, POD, pod)
    events.normal(kind, owner, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")


def doomed_first(pods: list[Object]) -> list[Object]:
    """In the order in which they are deleted: not placed, pending, not ready, restarted most, youngest."""

    def rank(pod: Object) -> tuple[bool, bool, bool, int, float]:
        restarts = sum(status["restartCount"] for status in dig(pod, "status", "containerStatuses") or ())
        return (
            bool(pod["spec"].get("nodeName")),
            dig(pod, "status", "phase") != "Pending",
            is_ready_pod(pod),
            -restarts,
            -seconds_of(pod["metadata"]["creationTimestamp"]),
        )

    return sorted(pods, key=rank)
