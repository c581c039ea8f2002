"""Pod templates: their hash, and whether two are the same."""

from __future__ import annotations

import zlib
from typing import Any

from sandbox.cluster.objects import Object, clone, safe_encode

HASH_LABEL = "pod-template-hash"


def template_hash(template: Object) -> str:
    return safe_encode(str(zlib.crc32(repr(_sorted(without_hash(template))).encode())))


def same_template(one: Object, other: Object) -> bool:
    return without_hash(one) == without_hash(other)


def without_hash(template: Object) -> Object:
    """A template less what controllers add to it."""
    bare: Object = clone(template)
    metadata = bare.setdefault("metadata", {})
    metadata.pop("creationTimestamp", None)
    metadata.setdefault("labels", {}).pop(HASH_LABEL, None)
    return bare


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)]
    return [_sorted(item) for item in value] if isinstance(value, list) else value
