"""Server-side apply: every field has an owner, and taking over somebody else's is a conflict."""

from __future__ import annotations

import json

from sandbox.cluster.errors import ApiError
from sandbox.cluster.field_sets import Path, Paths, duplicates, merged, owned_values, shown, without
from sandbox.cluster.kinds import Kind
from sandbox.cluster.managed_fields import Writer, new_entry, paths_of
from sandbox.cluster.objects import Object
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.targets import Target


def apply_patch(
    resources: Resources, target: Target, body: Object, options: Options, force: bool
) -> tuple[Object, bool]:
    """Returns the object and whether it was created; 409 when it would take fields over without force."""
    kind, writer = target.kind, options.writer
    _refuse_duplicates(target, body)
    if resources.store.get(kind, target.namespace, target.name) is None:
        metadata = {**(body.get("metadata") or {}), "name": target.name}
        metadata["managedFields"] = [new_entry(kind, writer, owned_values(body))]
        return resources.create(kind, target.namespace, {**body, "metadata": metadata}, options), True

    def apply(old: Object) -> Object:
        return _applied(kind, old, body, writer, force)

    return resources.change(kind, target.namespace, target.name, apply, options, target.subresource), False


def _refuse_duplicates(target: Target, body: Object) -> None:
    """A typed object cannot have them; the API server hands its merge library's error on as it is, with 500."""
    found = duplicates(body)
    if found:
        told = "; ".join(
            f"{shown(path)}: duplicate entries for key {shown((element,))}" for path, element in found
        )
        name = f"{target.namespace}/{target.name}" if target.namespace else str(target.name)
        typed = f"{name}; {target.kind.api_version}, Kind={target.kind.name}"
        raise ApiError(500, f"failed to create typed patch object ({typed}): {told}")


def _applied(kind: Kind, live: Object, body: Object, writer: Writer, force: bool) -> Object:
    entries = live["metadata"].get("managedFields") or []
    others = [entry for entry in entries if not writer.wrote(entry)]
    last = next((paths_of(entry) for entry in entries if writer.wrote(entry)), frozenset())
    wanted = frozenset(owned_values(body))
    held = frozenset(path for entry in others for path in paths_of(entry))
    result = without(merged(live, body), last - wanted, held | wanted)
    before, after = owned_values(live), owned_values(result)
    changed = frozenset(path for path in wanted if before.get(path, _ABSENT) != after.get(path, _ABSENT))
    if not force:
        allowed = _last_applied(live) if writer.manager == _KUBECTL else frozenset()
        _refuse_conflicts(others, changed - allowed)
    current = next((entry for entry in entries if writer.wrote(entry)), None)
    if current is None or last != wanted:
        current = new_entry(kind, writer, wanted)
    result["metadata"]["managedFields"] = [*others, current]
    return result


_ABSENT = object()
_KUBECTL = "kubectl"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _last_applied(live: Object) -> Paths:
    """What client-side apply set: kubectl may take that over when it changes to the server's side."""
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    return frozenset(owned_values(json.loads(text))) if text else frozenset()


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
