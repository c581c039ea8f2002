"""Who wrote which field: what `metadata.managedFields` holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.cluster.field_sets import Path, Paths, as_fields_v1, from_fields_v1, owned_values
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object, timestamp
from sandbox.cluster.schema import schema_of

_STATUS = "f:status"
# What a client writes to have the server forget all owners; an empty list leaves them.
_CLEARED: list[Object] = [{}]


@dataclass(frozen=True)
class Writer:
    """A field manager; `operation` is `Apply` or `Update`."""

    manager: str
    operation: str = "Update"
    subresource: str = ""

    def wrote(self, entry: Object) -> bool:
        return (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (
            self.manager, self.operation, self.subresource,
        )  # fmt: skip


def paths_of(entry: Object) -> Paths:
    return from_fields_v1(entry.get("fieldsV1") or {})


def record_write(kind: Kind, obj: Object, old: Object | None, writer: Writer) -> None:
    """Notes in `obj`, in place, that the writer owns what it changed and nobody else does any more.

    An object whose owners were forgotten has none until somebody applies it.

    For an Apply the caller has set what the writer owns already; it keeps that.
    """
    entries: list[Object] = obj["metadata"].get("managedFields") or []
    if entries == _CLEARED or (old is not None and not entries and "managedFields" not in old["metadata"]):
        obj["metadata"].pop("managedFields", None)
        return
    before = owned_values(schema_of(kind), old) if old else {}
    after = owned_values(schema_of(kind), obj)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    if not writer.subresource:
        changed = {path for path in changed if path[0] != _STATUS}
    if not entries and old is not None:
        entries = old["metadata"].get("managedFields") or []
    kept = []
    for entry in entries:
        own = paths_of(entry)
        if not writer.wrote(entry):
            left = (own & after.keys()) - changed
        else:
            left = own if writer.operation == "Apply" else (own & after.keys()) | changed
        kept += _updated(entry, own, left)
    if writer.operation == "Update" and changed and not any(writer.wrote(entry) for entry in entries):
        kept.append(new_entry(kind, writer, changed))
    obj["metadata"]["managedFields"] = kept
    if not kept:
        del obj["metadata"]["managedFields"]


def new_entry(kind: Kind, writer: Writer, paths: Iterable[Path]) -> Object:
    return {
        "manager": writer.manager,
        "operation": writer.operation,
        "apiVersion": kind.api_version,
        "time": timestamp(),
        "fieldsType": "FieldsV1",
        "fieldsV1": as_fields_v1(frozenset(paths)),
        **({"subresource": writer.subresource} if writer.subresource else {}),
    }


def _updated(entry: Object, own: Paths, left: Paths | set[Path]) -> list[Object]:
    """The entry with what is left of it, not at all when that is nothing."""
    if left == own:
        return [entry]
    if not left:
        return []
    return [{**entry, "time": timestamp(), "fieldsV1": as_fields_v1(frozenset(left))}]
