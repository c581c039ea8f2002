"""Amounts of resources, and numbers that may be percentages."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from sandbox.cluster.objects import Object, dig

_SUFFIXES = {
    "": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000),
    "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40), "Pi": Fraction(2**50),
}  # fmt: skip


def amount(quantity: str) -> Fraction:
    """`500m` is 1/2, `1Ki` is 1024, `2e3` is 2000."""
    matched = re.match(r"^([+-]?[0-9.]+)(?:[eE]([-+]?[0-9]+))?([a-zA-Z]*)$", quantity)
    if matched is None:
        raise ValueError(f'"{quantity}" is not a quantity')
    number, exponent, suffix = matched.groups()
    return Fraction(number) * Fraction(10) ** int(exponent or 0) * _SUFFIXES[suffix]


def pod_requests(pod: Object) -> dict[str, Fraction]:
    """What the containers of a pod ask for together; the largest init container counts when it is more."""
    total: dict[str, Fraction] = {}
    for container in pod["spec"].get("containers") or ():
        for resource, quantity in (dig(container, "resources", "requests") or {}).items():
            total[resource] = total.get(resource, Fraction(0)) + amount(quantity)
    for container in pod["spec"].get("initContainers") or ():
        for resource, quantity in (dig(container, "resources", "requests") or {}).items():
            total[resource] = max(total.get(resource, Fraction(0)), amount(quantity))
    return total


def scaled(value: int | str, total: int, round_up: bool) -> int:
    """A number, or a percentage of the total: `25%` of 2 is 0, or 1 rounded up."""
    if isinstance(value, int):
        return value
    exact = Fraction(value.removesuffix("%")) * total / 100
    return math.ceil(exact) if round_up else math.floor(exact)
