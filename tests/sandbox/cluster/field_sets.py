"""Objects taken apart into the paths of their fields, as server-side apply counts them. Pure.

A path is a tuple of FieldsV1 elements: `f:name` for a field, `k:{"name":"app"}` for an element of a keyed list,
`v:"x"` for one of a set.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.cluster.objects import Object, clone

Path = tuple[str, ...]
Paths = frozenset[Path]

# Lists whose elements have owners of their own, by the name of the field: what tells elements apart.
_KEYED: dict[str, tuple[tuple[str, ...], ...]] = {
    "conditions": (("type",),),
    "containers": (("name",),),
    "env": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "initContainers": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
}
_KEY_DEFAULTS = {"protocol": "TCP"}
_SETS = {"finalizers"}
# Objects that have one owner as a whole.
_ATOMIC = {"fieldRef", "nodeSelector", "selector", "secretKeyRef", "configMapKeyRef", "resourceFieldRef"}
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


def owned_values(obj: Object) -> dict[Path, Any]:
    """Every field that can have an owner, with its value; None for elements that have fields of their own."""
    values: dict[Path, Any] = {}
    _collect(obj, "", (), values)
    return {
        path: value for path, value in values.items() if path[:1] not in _UNOWNED and path[:2] not in _UNOWNED
    }


def duplicates(value: Any, name: str = "", path: Path = ()) -> list[tuple[Path, str]]:
    """The keyed lists in which two elements have the same keys, each with the first such element."""
    if isinstance(value, dict):
        below = [(key, item, (*path, f"f:{key}")) for key, item in value.items()]
        return [found for key, item, here in below for found in duplicates(item, key, here)]
    keys = _keys(name, value) if isinstance(value, list) else None
    if keys is None:
        return []
    elements = [_element(item, keys) for item in value]
    twice = [element for place, element in enumerate(elements) if element in elements[:place]]
    inside = [
        found
        for item, element in zip(value, elements, strict=True)
        for found in duplicates(item, "", (*path, element))
    ]
    return [*((path, element) for element in twice[:1]), *inside]


def merged(live: Any, applied: Any, name: str = "") -> Any:
    """The live value with what was applied over it."""
    if isinstance(applied, dict) and isinstance(live, dict) and name not in _ATOMIC:
        result = dict(live)
        for key, value in applied.items():
            result[key] = merged(live.get(key), value, key)
        return result
    keys = _keys(name, applied) if isinstance(applied, list) else None
    if keys is not None and isinstance(live, list):
        elements = {_element(item, keys): item for item in live}
        for item in applied:
            element = _element(item, keys)
            elements[element] = merged(elements.get(element), item)
        return list(elements.values())
    if name in _SETS and isinstance(live, list):
        return live + [item for item in applied if item not in live]
    return clone(applied)


def without(obj: Object, removed: Paths, kept: Paths) -> Object:
    """The object less the removed fields; an element goes as a whole when nobody keeps anything of it."""
    result: Object = clone(obj)
    for path in sorted(removed, key=len):
        if not any(other[: len(path)] == path for other in kept):
            _remove(result, path, "")
    return result


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


def _collect(value: Any, name: str, path: Path, values: dict[Path, Any]) -> None:
    if isinstance(value, dict) and value and name not in _ATOMIC:
        for key, below in value.items():
            _collect(below, key, (*path, f"f:{key}"), values)
        return
    if isinstance(value, list):
        keys = _keys(name, value)
        if keys is not None:
            for item in value:
                here = (*path, _element(item, keys))
                values[here] = None
                _collect(item, "", here, values)
            return
        if name in _SETS:
            values.update({(*path, f"v:{json.dumps(item)}"): item for item in value})
            return
    values[path] = value


def _keys(name: str, items: list[Any]) -> tuple[str, ...] | None:
    for keys in _KEYED.get(name, ()):
        if items and all(isinstance(item, dict) and keys[0] in item for item in items):
            return keys
    return None


def _element(item: Object, keys: tuple[str, ...]) -> str:
    named = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
    return "k:" + json.dumps(
        {key: value for key, value in named.items() if value is not None}, separators=(",", ":")
    )


def _remove(container: Any, path: Path, name: str) -> bool:
    """Removes in place what lies at the path; True when nothing is left of the container."""
    element, rest = path[0], path[1:]
    if isinstance(container, dict) and element.startswith("f:"):
        key = element[2:]
        if key in container and (not rest or _remove(container[key], rest, key)):
            del container[key]
    elif isinstance(container, list):
        keys = _keys(name, container)
        for index, item in enumerate(container):
            same = f"v:{json.dumps(item)}" == element or (
                keys is not None and _element(item, keys) == element
            )
            if same and (not rest or _remove(item, rest, "")):
                del container[index]
                break
    return isinstance(container, dict | list) and not container
