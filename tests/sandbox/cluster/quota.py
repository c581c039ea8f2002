"""Resource quotas, as far as they count pods and what pods ask for."""

from __future__ import annotations

from fractions import Fraction

from sandbox.cluster.kinds import POD, RESOURCE_QUOTA
from sandbox.cluster.objects import Object, dig, name_of, namespace_of
from sandbox.cluster.quantities import amount, pod_requests
from sandbox.cluster.store import Store


def exceeded_quota(store: Store, pod: Object) -> str | None:
    """`one-pod, requested: pods=1, used: pods=1, limited: pods=1`, or None when the pod fits every quota."""
    namespace = namespace_of(pod)
    for quota in store.list(RESOURCE_QUOTA, namespace):
        hard = dig(quota, "spec", "hard") or {}
        wanted, used = _charges(pod), usage(store, namespace)
        over = [
            resource
            for resource, limit in hard.items()
            if used.get(resource, Fraction(0)) + wanted.get(resource, Fraction(0)) > amount(limit)
        ]
        if over:
            return ", ".join(
                (
                    name_of(quota),
                    "requested: " + ",".join(f"{resource}={_text(wanted[resource])}" for resource in over),
                    "used: "
                    + ",".join(f"{resource}={_text(used.get(resource, Fraction(0)))}" for resource in over),
                    "limited: " + ",".join(f"{resource}={hard[resource]}" for resource in over),
                )
            )
    return None


def usage(store: Store, namespace: str) -> dict[str, Fraction]:
    """What the living pods of a namespace use of all that a quota may limit."""
    total: dict[str, Fraction] = {"pods": Fraction(0)}
    for pod in store.list(POD, namespace):
        if dig(pod, "status", "phase") not in ("Succeeded", "Failed"):
            for resource, number in _charges(pod).items():
                total[resource] = total.get(resource, Fraction(0)) + number
    return total


def _charges(pod: Object) -> dict[str, Fraction]:
    charges = {"pods": Fraction(1)}
    for resource, number in pod_requests(pod).items():
        charges[resource] = charges[f"requests.{resource}"] = number
    return charges


def _text(number: Fraction) -> str:
    return str(number) if number.denominator == 1 else f"{int(number * 1000)}m"
