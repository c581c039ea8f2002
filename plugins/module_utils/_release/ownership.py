# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Who owns which field of an object, as the API server notes it in C(metadata.managedFields).

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.field_managers import (
    MANAGER,
    SCALE_MANAGER,
)

Object = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_CONFLICT = re.compile(r'conflict with "(?P<manager>[^"]+)"(?: with subresource "(?P<subresource>[^"]+)")?')
# Where the manifests choose one of several forms, the API server's default for another form stays in the way.
_FORMS = {
    "Deployment": ("strategy", "RollingUpdate"),
    "StatefulSet": ("updateStrategy", "RollingUpdate"),
    "DaemonSet": ("updateStrategy", "RollingUpdate"),
}


@dataclass(frozen=True)
class Conflict:
    """A field that somebody else set last, and who: C(spec.replicas), C(kube-controller-manager (scale))."""

    field: str
    owner: str
    ours: bool


def without_nulls(value: Any) -> Any:
    """A copy less the keys that hold nothing: C(kubectl apply) takes them for absent."""
    if isinstance(value, Mapping):
        return {key: without_nulls(below) for key, below in value.items() if below is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(below) for below in value]
    return value


def as_kubectl_reads(manifest: Mapping[str, Any]) -> Object:
    """A copy less the keys that hold nothing, but for the object's annotations: such a one is empty for kubectl."""
    read: Object = without_nulls(manifest)
    notes = read["metadata"].get("annotations")
    if isinstance(notes, Mapping):
        given = manifest["metadata"]["annotations"]
        read["metadata"]["annotations"] = {key: notes.get(key, "") for key in given}
    return read


def others(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Who has set fields of an object beside us and the controllers that report its status."""
    return tuple(
        entry["manager"]
        for entry in _entries(found)
        if not (
            _is_ours(entry["manager"]) or entry.get("subresource") == "status" or _writes_annotation(entry)
        )
    )


def conflicts(causes: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> tuple[Conflict, ...]:
    """What a refused apply says of fields that others own; empty when it was refused for something else."""
    ours = {entry["manager"] for entry in _entries(found) if _writes_annotation(entry)}
    conflicting = []
    for cause in causes:
        told = _CONFLICT.search(str(cause.get("message") or ""))
        if cause.get("reason") != "FieldManagerConflict" or not told:
            return ()
        manager, subresource = told["manager"], told["subresource"]
        owner = f"{manager} ({subresource})" if subresource else manager
        field = str(cause.get("field") or "").lstrip(".")
        conflicting.append(Conflict(field, owner, _is_ours(manager) or manager in ours))
    return tuple(conflicting)


def immutable(causes: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The fields that an update was refused for because they can only be set when an object is made."""
    fields = [
        str(cause.get("field") or "") for cause in causes if "immutable" in str(cause.get("message") or "")
    ]
    return tuple(fields) if len(fields) == len(causes) else ()


def applied(found: Mapping[str, Any]) -> Object | None:
    """An object as we applied it last: what we own of it. None when we never did.

    What C(kubectl apply) or an earlier version of this collection has left is read from its annotation.
    """
    for entry in _entries(found):
        if (entry["manager"], entry.get("operation")) == (MANAGER, "Apply"):
            metadata = {"name": found["metadata"]["name"]}
            base = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata}
            owned = _extract(found, entry.get("fieldsV1") or {})
            return {**owned, **base, "metadata": {**(owned.get("metadata") or {}), **metadata}}
    text = _annotations(found).get(LAST_APPLIED)
    if text is None:
        return None
    last: Object = json.loads(text)
    return last


def owns(found: Mapping[str, Any], *path: str) -> bool:
    """Whether a field is there because we have applied it."""
    place: Any = applied(found) or {}
    for key in path:
        place = place.get(key) if isinstance(place, Mapping) else None
    return place is not None


def take_over(found: Mapping[str, Any]) -> Object | None:
    """A merge patch that makes ours what was applied from the client's side; None when nothing was.

    As kubectl does it when it changes sides: who wrote the annotation becomes an applier, so that what
    is wanted no more goes away. https://kubernetes.io/docs/reference/using-api/server-side-apply/#migration-between-client-side-and-server-side-apply
    """
    if LAST_APPLIED not in _annotations(found):
        return None
    entries = _entries(found)
    writers = [entry for entry in entries if _writes_annotation(entry)]
    if not writers:
        return None
    before = [entry for entry in entries if _is_applier(entry)]
    fields: Object = {}
    for entry in [*before, *writers]:
        fields = _united(fields, entry.get("fieldsV1") or {})
    fields["f:metadata"]["f:annotations"].pop(f"f:{LAST_APPLIED}", None)
    ours = {**writers[0], "manager": MANAGER, "operation": "Apply", "fieldsV1": fields}
    kept = [entry for entry in entries if entry not in writers and entry not in before]
    metadata = {
        "resourceVersion": found["metadata"]["resourceVersion"],
        "annotations": {LAST_APPLIED: None},
        "managedFields": [*kept, ours],
    }
    return {"metadata": metadata}


def change_of_form(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object | None:
    """A merge patch that takes away what was set for another form than the wanted one; None when nothing is.

    Somebody who writes C(strategy: {type: Recreate}) means that alone, but the rollingUpdate that the API
    server filled in belongs to nobody and stays. kubectl's client-side apply has C($retainKeys) for it.
    """
    field, default = _FORMS.get(wanted["kind"], ("", ""))
    chosen = ((wanted.get("spec") or {}).get(field) or {}).get("type")
    there = (found.get("spec") or {}).get(field) or {}
    if not field:
        return None
    if chosen is None and there.get("type") != default and _is_set_by_us(found, "spec", field, "type"):
        return {"spec": {field: None}}
    if chosen in (None, default) or "rollingUpdate" not in there:
        return None
    return {"spec": {field: {"type": chosen, "rollingUpdate": None}}}


def _is_set_by_us(found: Mapping[str, Any], *path: str) -> bool:
    """Whether a field is as it is because of us, in whichever way we wrote it."""
    for entry in _entries(found):
        fields: Any = entry.get("fieldsV1") or {}
        for key in path:
            fields = fields.get(f"f:{key}") if isinstance(fields, Mapping) else None
        if fields is not None and _is_ours(entry["manager"]):
            return True
    return False


def _entries(found: Mapping[str, Any]) -> list[Object]:
    return list(found["metadata"].get("managedFields") or ())


def _annotations(found: Mapping[str, Any]) -> Mapping[str, str]:
    return found["metadata"].get("annotations") or {}


def _is_ours(manager: str) -> bool:
    return manager in (MANAGER, SCALE_MANAGER)


def _is_applier(entry: Mapping[str, Any]) -> bool:
    return (entry["manager"], entry.get("operation")) == (MANAGER, "Apply")


def _writes_annotation(entry: Mapping[str, Any]) -> bool:
    notes = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
    return entry.get("operation") == "Update" and f"f:{LAST_APPLIED}" in notes


def _united(one: Mapping[str, Any], two: Mapping[str, Any]) -> Object:
    """Both sets of fields in one."""
    return {key: _united(one.get(key) or {}, two.get(key) or {}) for key in (*one, *two)}


def _extract(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of a value that a set of fields (FieldsV1) names; a set without parts names all of it."""
    if not fields:
        return value
    parts = {key: below for key, below in fields.items() if key != "."}
    if isinstance(value, Mapping):
        names = {key.removeprefix("f:"): below for key, below in parts.items()}
        return {name: _extract(value[name], below) for name, below in names.items() if name in value}
    if isinstance(value, list):
        return [each for key, below in parts.items() for each in _elements(value, key, below)]
    return value


def _elements(items: Sequence[Any], key: str, fields: Mapping[str, Any]) -> Iterator[Any]:
    """The element of a list that is named by its keys (C(k:)), its value (C(v:)) or its place (C(i:))."""
    sort, _colon, text = key.partition(":")
    named = json.loads(text)
    for place, item in enumerate(items):
        if sort == "k" and isinstance(item, Mapping) and named.items() <= item.items():
            yield {**_extract(item, fields), **named}
        elif (sort == "v" and item == named) or (sort == "i" and place == named):
            yield item
