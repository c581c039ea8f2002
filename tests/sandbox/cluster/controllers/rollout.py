"""The arithmetic of a rollout: how many pods each ReplicaSet of a Deployment should have. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.cluster.objects import Object, dig
from sandbox.cluster.quantities import scaled


def max_surge(deployment: Object) -> int:
    return _fenceposts(deployment)[0]


def max_unavailable(deployment: Object) -> int:
    """How many may be missing; never more than there are."""
    replicas: int = deployment["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] != "RollingUpdate" or not replicas:
        return 0
    return min(_fenceposts(deployment)[1], replicas)


def first_replicas(deployment: Object, owned: list[Object]) -> int:
    """What a new ReplicaSet starts with beside those that there are."""
    wanted: int = deployment["spec"]["replicas"]
    if deployment["spec"]["strategy"]["type"] != "RollingUpdate":
        return wanted
    room = wanted + max_surge(deployment) - _total(owned)
    return max(0, min(room, wanted))


def new_replicas(deployment: Object, owned: list[Object], new: Object) -> int:
    """What the new ReplicaSet should have now."""
    wanted: int = deployment["spec"]["replicas"]
    current: int = new["spec"]["replicas"]
    if current >= wanted:
        return wanted
    room = wanted + max_surge(deployment) - _total(owned)
    return current + max(0, min(room, wanted - current))


def old_replicas(deployment: Object, old: list[Object], new: Object) -> Iterator[tuple[Object, int]]:
    """The old ReplicaSets that shrink now: first by their pods that do not work, then as far as may be missing."""
    least = deployment["spec"]["replicas"] - max_unavailable(deployment)
    new_unavailable = new["spec"]["replicas"] - _available(new)
    spare = _total(old) + new["spec"]["replicas"] - least - new_unavailable
    if spare <= 0:
        return
    sizes = {replica_set["metadata"]["uid"]: replica_set["spec"]["replicas"] for replica_set in old}
    cleaned = 0
    for replica_set in old:
        broken = replica_set["spec"]["replicas"] - _available(replica_set)
        gone = max(0, min(spare - cleaned, broken))
        sizes[replica_set["metadata"]["uid"]] -= gone
        cleaned += gone
    shrinkable = sum(_available(found) for found in [*old, new]) - least
    for replica_set in old:
        size = sizes[replica_set["metadata"]["uid"]]
        gone = max(0, min(shrinkable, size))
        shrinkable -= gone
        if size - gone != replica_set["spec"]["replicas"]:
            yield replica_set, size - gone


def scaled_replicas(
    deployment: Object, owned: list[Object], new: Object | None
) -> Iterator[tuple[Object, int]]:
    """The sizes after somebody changed the replicas of the Deployment: the newest takes the difference."""
    wanted: int = deployment["spec"]["replicas"]
    active = [replica_set for replica_set in owned if replica_set["spec"]["replicas"] > 0]
    if len(active) <= 1:
        target = active[0] if active else new or (owned[-1] if owned else None)
        if target is not None:
            yield target, wanted
        return
    room = wanted + max_surge(deployment) - _total(owned)
    newest = active[-1]
    for replica_set in active:
        replicas = replica_set["spec"]["replicas"]
        yield replica_set, max(0, replicas + room) if replica_set is newest else replicas


def _fenceposts(deployment: Object) -> tuple[int, int]:
    """Surge and unavailable in pods; never both zero."""
    rolling = deployment["spec"]["strategy"].get("rollingUpdate")
    if rolling is None:
        return 0, 0
    replicas = deployment["spec"]["replicas"]
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _total(replica_sets: list[Object]) -> int:
    return sum(replica_set["spec"]["replicas"] for replica_set in replica_sets)


def _available(replica_set: Object) -> int:
    return dig(replica_set, "status", "availableReplicas") or 0
