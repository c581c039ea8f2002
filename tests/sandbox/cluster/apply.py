"""Server-side apply: every field has an owner, and taking over somebody else's is a conflict."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cluster.errors import ApiError, bad_request, internal
from sandbox.cluster.field_sets import Path, Paths, complaints, merged, owned_values, shown, without
from sandbox.cluster.kinds import Kind
from sandbox.cluster.managed_fields import Writer, new_entry, paths_of
from sandbox.cluster.objects import Object
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.schema import schema_of
from sandbox.cluster.targets import Target


def apply_patch(
    resources: Resources, target: Target, body: Object, options: Options, force: bool
) -> tuple[Object, bool]:
    """Returns the object and whether it was created; 409 when it would take fields over without force."""
    kind, writer = target.kind, options.writer
    _refuse_untyped(target, body)
    if resources.store.get(kind, target.namespace, target.name) is None:
        metadata = {**(body.get("metadata") or {}), "name": target.name}
        metadata["managedFields"] = [new_entry(kind, writer, _wanted(kind, body, writer))]
        return resources.create(kind, target.namespace, {**body, "metadata": metadata}, options), True

    def apply(old: Object) -> Object:
        return _applied(kind, old, body, writer, force)

    return resources.change(kind, target.namespace, target.name, apply, options, target.subresource), False


def _applied(kind: Kind, live: Object, body: Object, writer: Writer, force: bool) -> Object:
    schema = schema_of(kind)
    entries = live["metadata"].get("managedFields") or [_first_entry(kind, live)]
    others = [entry for entry in entries if not writer.wrote(entry)]
    last = next((paths_of(entry) for entry in entries if writer.wrote(entry)), frozenset())
    wanted = _wanted(kind, body, writer)
    held = frozenset(path for entry in others for path in paths_of(entry))
    result = without(merged(live, body, schema), schema, last - wanted, held | wanted)
    before, after = owned_values(schema, live), owned_values(schema, result)
    changed = frozenset(path for path in wanted if before.get(path, _ABSENT) != after.get(path, _ABSENT))
    if not force:
        allowed = _last_applied(kind, live) if writer.manager == _KUBECTL else frozenset()
        _refuse_conflicts(others, changed - allowed)
    current = next((entry for entry in entries if writer.wrote(entry)), None)
    if current is None or last != wanted:
        current = new_entry(kind, writer, wanted)
    result["metadata"]["managedFields"] = [*others, current]
    return result


def _wanted(kind: Kind, body: Object, writer: Writer) -> Paths:
    """What the writer comes to own: of the status through its subresource alone, and nothing else there."""
    through_status = writer.subresource == "status"
    return frozenset(
        path
        for path in owned_values(schema_of(kind), body)
        if "status" not in kind.subresources or (path[0] == "f:status") == through_status
    )


def _first_entry(kind: Kind, live: Object) -> Object:
    """Whoever wrote an object before anybody kept count owns all of it."""
    return new_entry(kind, Writer("before-first-apply"), owned_values(schema_of(kind), live))


def _refuse_untyped(target: Target, body: Any) -> None:
    kind = target.kind
    if not isinstance(body, dict):
        raise bad_request(
            "error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    metadata = body.get("metadata") or {}
    if metadata.get("name", target.name) != target.name:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({target.name})"
        )
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    found = list(complaints(body, schema_of(kind)))
    if found:
        listed = found[0] if len(found) == 1 else "errors:" + "".join(f"\n  {text}" for text in found)
        where = f"{target.namespace}/{target.name}; {kind.group}/{kind.version}, Kind={kind.name}"
        raise internal(f"failed to create typed patch object ({where}): {listed}")


_ABSENT = object()
_KUBECTL = "kubectl"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _last_applied(kind: Kind, live: Object) -> Paths:
    """What client-side apply set: kubectl may take that over when it changes to the server's side."""
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    return frozenset(owned_values(schema_of(kind), json.loads(text))) if text else frozenset()


def _refuse_conflicts(others: list[Object], changed: Paths) -> None:
    conflicts = [
        (_shown_manager(entry), path) for entry in others for path in sorted(paths_of(entry) & changed)
    ]
    if not conflicts:
        return
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": shown(path)}
        for manager, path in conflicts
    ]
    raise ApiError(409, _message(conflicts), "Conflict", {"causes": causes})


def _message(conflicts: list[tuple[str, Path]]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {manager}: {shown(path)}"
    managers = sorted({manager for manager, _unused in conflicts})
    parts = []
    for manager in managers:
        paths = "\n".join(f"- {shown(path)}" for owner, path in conflicts if owner == manager)
        parts.append(f"conflicts with {manager}:\n{paths}")
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(parts)


def _shown_manager(entry: Object) -> str:
    name = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        name += f' with subresource "{entry["subresource"]}"'
    return f"{name} using {entry['apiVersion']}" if entry["operation"] == "Update" else name
