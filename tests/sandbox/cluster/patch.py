"""The patch types that change an object by themselves: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from typing import Any

import jsonpatch

from sandbox.cluster.errors import bad_request, unprocessable_patch
from sandbox.cluster.objects import Object, clone
from sandbox.cluster.schema import ListOf, Struct, Type, field_type

_ORDER = "$setElementOrder/"
_DELETE_FROM = "$deleteFromPrimitiveList/"


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Object, operations: Any) -> Object:
    """RFC 6902."""
    try:
        patched: Object = jsonpatch.apply_patch(clone(target), operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
        raise unprocessable_patch() from None
    except (TypeError, AttributeError) as error:
        raise bad_request(f"error decoding patch: {error}") from None
    return patched


def strategic_merge_patch(target: Any, patch: Object, wanted: Type) -> Object:
    """A merge patch that knows the keys of lists and the `$patch`, `$retainKeys`, `$setElementOrder` words."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result: Object = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        below = field_type(wanted, key)
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            result[name] = [item for item in result.get(name) or () if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            there = {} if isinstance(below, Struct) and below.replaced else result.get(key)
            result[key] = strategic_merge_patch(there, value, below)
        elif isinstance(value, list) and isinstance(below, ListOf):
            result[key] = _merge_list(result.get(key) or [], value, below)
        else:
            result[key] = clone(value)
    for word, order in patch.items():
        key = word.removeprefix(_ORDER)
        below = field_type(wanted, key)
        if key != word and isinstance(below, ListOf) and result.get(key):
            live = target.get(key) if isinstance(target, dict) else None
            result[key] = _ordered(result[key], order, live or [], below.merge_key)
    return result


def _merge_list(old: list[Any], new: list[Any], wanted: ListOf) -> list[Any]:
    key = wanted.merge_key
    if key == "":
        return _ordered(old + [item for item in new if item not in old], new, old, key)
    directives = [item.get("$patch") if isinstance(item, dict) else None for item in new]
    plain = [item for item, directive in zip(new, directives, strict=True) if directive is None]
    if key is None or "replace" in directives:
        return [clone(item) for item in plain]
    for item in new:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
    deleted = [item[key] for item, directive in zip(new, directives, strict=True) if directive == "delete"]
    merged = [item for item in old if item[key] not in deleted]
    for item in plain:
        # Of several that share the key the first is meant.
        place = _place(merged, item, key)
        if place < 0:
            merged.append(strategic_merge_patch(None, item, wanted.item))
        else:
            merged[place] = strategic_merge_patch(merged[place], item, wanted.item)
    return _ordered(merged, plain, old, key)


def _ordered(merged: list[Any], order: list[Any], live: list[Any], key: str | None) -> list[Any]:
    """What the order names stands in that order, and the rest where the live list had it among these."""
    named = sorted(
        (item for item in merged if _place(order, item, key) >= 0), key=lambda item: _place(order, item, key)
    )
    rest = [item for item in merged if _place(order, item, key) < 0]
    result = []
    while named and rest:
        is_before = 0 <= _place(live, rest[0], key) < _place(live, named[0], key)
        result.append((rest if is_before else named).pop(0))
    return result + named + rest


def _place(items: list[Any], item: Any, key: str | None) -> int:
    """Where the first of the items that has the same key is, -1 for nowhere."""
    for index, other in enumerate(items):
        if other.get(key) == item.get(key) if key else other == item:
            return index
    return -1
