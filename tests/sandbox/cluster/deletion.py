"""What deleting does: at once, after a grace period, or only when the dependents are gone."""

from __future__ import annotations

import time

from sandbox.cluster.kinds import NAMESPACE, NODE, POD, Kind
from sandbox.cluster.objects import Object, clone, dig, is_terminating, timestamp
from sandbox.cluster.store import Store

FOREGROUND = "foregroundDeletion"


def delete(
    store: Store, kind: Kind, obj: Object, propagation: str = "Background", grace: int | None = None
) -> Object:
    """Deletes, or begins to. Returns the last state of what is gone, or what still stands."""
    if propagation == "Orphan":
        _orphan(store, obj)
    marked = clone(obj)
    seconds = _grace(kind, obj, grace)
    if propagation == "Foreground" and kind not in (POD, NAMESPACE):
        finalizers = marked["metadata"].setdefault("finalizers", [])
        if FOREGROUND not in finalizers:
            finalizers.append(FOREGROUND)
    held = marked["metadata"].get("finalizers") or kind is NAMESPACE
    if not held and seconds == 0:
        return store.remove(kind, obj)
    if is_terminating(obj) and seconds >= (obj["metadata"].get("deletionGracePeriodSeconds") or 0):
        return obj
    marked["metadata"]["deletionTimestamp"] = timestamp(time.time() + seconds)
    marked["metadata"]["deletionGracePeriodSeconds"] = seconds
    if kind is NAMESPACE:
        marked.setdefault("status", {})["phase"] = "Terminating"
    return store.update(kind, marked)


def finish_if_released(store: Store, kind: Kind, obj: Object) -> None:
    """Removes a terminating object that nothing holds any more."""
    waiting = kind is POD and obj["metadata"].get("deletionGracePeriodSeconds")
    if (
        is_terminating(obj)
        and not obj["metadata"].get("finalizers")
        and not waiting
        and kind is not NAMESPACE
    ):
        store.remove(kind, obj)


def _grace(kind: Kind, obj: Object, asked: int | None) -> int:
    """Seconds that a pod may take to stop; nothing else takes any."""
    if (
        kind is not POD
        or not obj["spec"].get("nodeName")
        or dig(obj, "status", "phase") in ("Succeeded", "Failed")
    ):
        return 0
    grace = obj["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return int(grace)


def _orphan(store: Store, owner: Object) -> None:
    uid = owner["metadata"]["uid"]

    def release(obj: Object) -> None:
        obj["metadata"]["ownerReferences"] = [
            reference for reference in obj["metadata"]["ownerReferences"] if reference["uid"] != uid
        ]

    for kind, obj in list(store.each()):
        references = obj["metadata"].get("ownerReferences") or ()
        if kind is not NODE and any(reference["uid"] == uid for reference in references):
            store.modify(kind, obj, release)
