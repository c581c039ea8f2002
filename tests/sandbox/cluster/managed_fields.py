"""Who wrote which field."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object


@dataclass(frozen=True)
class Writer:
    """A field manager; `operation` is `Apply` or `Update`."""

    manager: str
    operation: str = "Update"
    subresource: str = ""


def record_write(kind: Kind, obj: Object, old: Object | None, writer: Writer) -> None:
    """Notes in `obj`, in place, which fields the writer changed."""
