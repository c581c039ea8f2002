"""Amounts of resources, and numbers that may be percentages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

from sandbox.cluster.objects import Object, dig

_SUFFIXES = {
    "": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000),
    "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15),
    "E": Fraction(10**18), "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40),
    "Pi": Fraction(2**50), "Ei": Fraction(2**60),
}  # fmt: skip
_DECIMAL = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def amount(quantity: str) -> Fraction:
    """`500m` is 1/2, `1Ki` is 1024, `2e3` is 2000."""
    matched = re.match(r"^([+-]?[0-9.]+)(?:[eE]([-+]?[0-9]+))?([a-zA-Z]*)$", quantity)
    if matched is None:
        raise ValueError(f'"{quantity}" is not a quantity')
    number, exponent, suffix = matched.groups()
    return Fraction(number) * Fraction(10) ** int(exponent or 0) * _SUFFIXES[suffix]


def canonical(quantity: str) -> str:
    """As the API server writes a quantity that it has read: `0.5` is `500m`, `1024Mi` is `1Gi`."""
    matched = re.match(r"^[+-]?0*([0-9]*)\.?([0-9]*)(.*)$", quantity)
    value = amount(quantity)
    assert matched is not None
    whole, part, suffix = matched.groups()
    if value == 0:
        return "0"
    if suffix in _BINARY[1:]:
        if not part and int(whole) & 7:
            return quantity
        if abs(value) >= 1024 and value.denominator == 1:
            return _shortest(value, 1024, _BINARY)
        return _shortest(value * 10**9, 1000, _DECIMAL)
    exponent = int(suffix[1:]) if suffix[:1] in ("e", "E") and suffix[1:] else None
    scale = (3 * _DECIMAL.index(suffix) - 9 if exponent is None else exponent) - len(part)
    digits = (whole or "0") + part
    if scale >= -9 and scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0":
        return quantity
    if exponent is None:
        return _shortest(value * 10**9, 1000, _DECIMAL)
    return re.sub("e0$", "", _shortest(value * 10**9, 1000, [f"e{power}" for power in range(-9, 19, 3)]))


def _shortest(value: Fraction, base: int, suffixes: Sequence[str]) -> str:
    """The number with the largest suffix that leaves it whole; the first suffix is that of the value itself."""
    number, place = math.ceil(value), 0
    while place + 1 < len(suffixes) and number % base == 0:
        number, place = number // base, place + 1
    return f"{number}{suffixes[place]}"


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
