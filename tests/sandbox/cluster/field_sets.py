"""Objects taken apart into the paths of their fields, as server-side apply counts them. Pure.

A path is a tuple of FieldsV1 elements: `f:name` for a field, `k:{"name":"app"}` for an element of a keyed list,
`v:"x"` for one of a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sandbox.cluster.objects import Object, clone
from sandbox.cluster.schema import ANYTHING, ListOf, MapOf, Struct, Type, field_type

Path = tuple[str, ...]
Paths = frozenset[Path]

# Part of a key whether it is written or not.
_KEY_DEFAULTS = {"protocol": "TCP"}
_UNOWNED: frozenset[Path] = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "uid",
                "generation",
                "managedFields",
                "resourceVersion",
            )
        ),
    }
)


def owned_values(wanted: Struct, obj: Object) -> dict[Path, Any]:
    """Every field that can have an owner, with its value; None for elements that have fields of their own."""
    values: dict[Path, Any] = {}
    _collect(obj, wanted, (), values)
    return {
        path: value for path, value in values.items() if path[:1] not in _UNOWNED and path[:2] not in _UNOWNED
    }


def merged(live: Any, applied: Any, wanted: Type) -> Any:
    """The live value with what was applied over it."""
    if not applied and live and _has_parts(wanted):
        return clone(live)
    if _has_fields(wanted) and isinstance(applied, dict):
        result = dict(live) if isinstance(live, dict) else {}
        for key, value in applied.items():
            result[key] = merged(result.get(key), value, field_type(wanted, key))
        return result
    if isinstance(wanted, ListOf) and _has_parts(wanted) and isinstance(applied, list):
        return _merged_list(live if isinstance(live, list) else [], applied, wanted)
    return clone(applied)


def without(obj: Object, wanted: Struct, removed: Paths, kept: Paths) -> Object:
    """The object less the removed fields; what holds nothing that anybody keeps goes as a whole."""
    result: Object = clone(obj)
    for path in sorted(_with_holders(removed) - _with_holders(kept), key=len):
        if path[:1] not in _UNOWNED and path[:2] not in _UNOWNED:
            _remove(result, path, wanted)
    return result


def _with_holders(paths: Paths) -> Paths:
    """With the fields that hold them; an element of a list belongs to whoever made it alone."""
    holders = {path[:length] for path in paths for length in range(1, len(path))}
    return paths | {path for path in holders if path[-1].startswith("f:")}


def complaints(value: Any, wanted: Type, path: str = "") -> Iterator[str]:
    """What server-side apply says of a text that does not follow the schema."""
    if value is None or wanted is ANYTHING:
        return
    if isinstance(wanted, Struct | MapOf):
        yield from _complaints_of_map(value, wanted, path)
    elif isinstance(wanted, ListOf):
        yield from _complaints_of_list(value, wanted, path)
    elif wanted.go in ("string", "[]uint8"):
        if not isinstance(value, str):
            yield f"{path}: expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"
    elif wanted.go == "bool":
        if not isinstance(value, bool):
            yield f"{path}: expected boolean, got {_go_type(value)}"
    elif wanted.go in ("int32", "int64", "float64") and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        yield f"{path}: expected numeric (int or float), got {_go_type(value)}"


def _complaints_of_map(value: Any, wanted: Struct | MapOf, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: expected map, got &{{{_go(value)}}}"
        return
    for key, item in value.items():
        if isinstance(wanted, Struct) and key not in wanted.fields:
            yield f"{path}.{key}: field not declared in schema"
        else:
            yield from complaints(item, field_type(wanted, key), f"{path}.{key}")


def _complaints_of_list(value: Any, wanted: ListOf, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: expected list, got &{{{_go(value)}}}"
        return
    seen: dict[str, int] = {}
    for index, item in enumerate(value):
        if not _has_parts(wanted):
            yield from complaints(item, wanted.item, f"{path}[{index}]")
            continue
        why = _not_an_element(item, wanted)
        if why:
            yield f"{path}: element {index}: {why}"
            continue
        element = _element(item, wanted)
        seen[element] = seen.get(element, 0) + 1
        if seen[element] == 2:
            yield f"{path}: duplicate entries for key {shown((element,))}"
        yield from complaints(item, wanted.item, path + shown((element,)))


def _not_an_element(item: Any, wanted: ListOf) -> str:
    if wanted.is_set:
        return "" if item is not None else "associative list without keys has an element that's null"
    if not isinstance(item, dict):
        return f"associative list with keys may not have {'null' if item is None else 'non-map'} elements"
    for key in wanted.keys:
        if item.get(key, _KEY_DEFAULTS.get(key)) is None:
            return (
                f'associative list with keys has an element that omits key field "{key}" '
                "(and doesn't have default value)"
            )
    return ""


def _go(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(item)}" for key, item in sorted(value.items())) + "]"
    return "[" + " ".join(map(_go, value)) + "]" if isinstance(value, list) else str(value)


def _go_type(value: Any) -> str:
    names = {bool: "bool", int: "int64", float: "float64", str: "string", list: "[]interface {}"}
    return names.get(type(value), "map[string]interface {}")


def as_fields_v1(paths: Paths) -> Object:
    tree: Object = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        if path[-1].startswith("k:"):
            node["."] = {}
    return tree


def from_fields_v1(tree: Object) -> Paths:
    found: set[Path] = set()

    def walk(node: Object, path: Path) -> None:
        if path and (not node or "." in node):
            found.add(path)
        for element, below in node.items():
            if element != ".":
                walk(below, (*path, element))

    walk(tree, ())
    return frozenset(found)


def shown(path: Path) -> str:
    """`.spec.template.spec.containers[name="app"].image`"""
    text = ""
    for element in path:
        sort, _separator, rest = element.partition(":")
        if sort == "f":
            text += f".{rest}"
        elif sort == "k":
            text += (
                "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
            )
        else:
            text += f"[={rest}]"
    return text


def _has_fields(wanted: Type) -> bool:
    return isinstance(wanted, Struct | MapOf) and not wanted.atomic


def _has_parts(wanted: Type) -> bool:
    """Whether its parts have owners of their own."""
    return _has_fields(wanted) or (isinstance(wanted, ListOf) and (bool(wanted.keys) or wanted.is_set))


def _collect(value: Any, wanted: Type, path: Path, values: dict[Path, Any]) -> None:
    if not _has_parts(wanted) or value is None or value == {}:
        values[path] = value
    elif isinstance(value, dict):
        for key, below in value.items():
            _collect(below, field_type(wanted, key), (*path, f"f:{key}"), values)
    elif isinstance(wanted, ListOf) and isinstance(value, list):
        for element, items in _by_element(value, wanted).items():
            here = (*path, element)
            if wanted.is_set or len(items) > 1:
                values[here] = items
            else:
                values[here] = None
                _collect_fields(items[0], wanted.item, here, values)


def _collect_fields(item: Object, wanted: Type, path: Path, values: dict[Path, Any]) -> None:
    for key, below in item.items():
        _collect(below, field_type(wanted, key), (*path, f"f:{key}"), values)


def _by_element(items: list[Any], wanted: ListOf) -> dict[str, list[Any]]:
    """What is live may hold a key twice: whoever owns it owns all of its elements together."""
    found: dict[str, list[Any]] = {}
    for item in items:
        found.setdefault(_element(item, wanted), []).append(item)
    return found


def _merged_list(live: list[Any], applied: list[Any], wanted: ListOf) -> list[Any]:
    """What is applied stands in its own order; what is live only keeps its place among the rest."""
    before = _by_element(live, wanted)
    new = {_element(item, wanted): item for item in applied}
    shared = [element for element in new if element in before]
    rest, result = list(new.items()), []
    for item in live:
        element = _element(item, wanted)
        if element not in new:
            result.append(clone(item))
        elif shared and element == shared[0]:
            while rest and element in dict(rest):
                result.append(_merged_item(before, *rest.pop(0), wanted))
            shared = [other for other in shared[1:] if other in dict(rest)]
    return result + [_merged_item(before, *left, wanted) for left in rest]


def _merged_item(before: dict[str, list[Any]], element: str, item: Any, wanted: ListOf) -> Any:
    live = before.get(element, [])
    return merged(live[0] if len(live) == 1 else None, item, wanted.item)


def _element(item: Any, wanted: ListOf) -> str:
    if wanted.is_set:
        return f"v:{json.dumps(item)}"
    named = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in wanted.keys}
    return "k:" + json.dumps(
        {key: value for key, value in named.items() if value is not None}, separators=(",", ":")
    )


def _remove(container: Any, path: Path, wanted: Type) -> None:
    """Removes in place what lies at the path."""
    element, rest = path[0], path[1:]
    if isinstance(container, dict) and element.startswith("f:"):
        key = element[2:]
        if not rest:
            container.pop(key, None)
        elif key in container:
            _remove(container[key], rest, field_type(wanted, key))
    elif isinstance(container, list) and isinstance(wanted, ListOf):
        found = [item for item in container if _element(item, wanted) == element]
        if rest and found:
            _remove(found[0], rest, wanted.item)
        elif found:
            container[:] = [item for item in container if item not in found]
