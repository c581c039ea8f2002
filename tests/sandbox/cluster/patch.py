"""The patch types that change an object by themselves: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from typing import Any

import jsonpatch

from sandbox.cluster.errors import bad_request, unprocessable_patch
from sandbox.cluster.objects import Object, clone
from sandbox.cluster.schema import ListOf, Type, field_type

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
            result[key] = strategic_merge_patch(result.get(key), value, below)
        elif isinstance(value, list) and isinstance(below, ListOf):
            result[key] = _merge_list(result.get(key) or [], value, patch.get(_ORDER + key), below)
        else:
            result[key] = clone(value)
    return result


def _merge_list(old: list[Any], new: list[Any], order: list[Any] | None, wanted: ListOf) -> list[Any]:
    key = wanted.merge_key
    if key == "":
        return old + [item for item in new if item not in old]
    directives = [item.get("$patch") if isinstance(item, dict) else None for item in new]
    if key is None or "replace" in directives:
        return [
            clone(item) for item in new if not (isinstance(item, dict) and item.get("$patch") == "replace")
        ]
    merged = {item[key]: item for item in old}
    for item, directive in zip(new, directives, strict=True):
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        if directive == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = strategic_merge_patch(merged.get(item[key]), item, wanted.item)
    return list(merged.values()) if order is None else _ordered(merged, key, order)


def _ordered(merged: dict[Any, Any], key: str, order: list[Any]) -> list[Any]:
    """The elements that the patch orders stand in its order, the others keep their place among them."""
    wanted = [item[key] for item in order if item[key] in merged]
    ordered = iter(wanted)
    return [merged[next(ordered)] if name in wanted else merged[name] for name in merged]
