"""Small things that every part does with API objects, which are plain dicts."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from typing import Any

from sandbox.cluster.kinds import Kind

Object = dict[str, Any]

# No vowels and nothing that reads like one, so that a name never spells a word.
_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def clone(value: Any) -> Any:
    """A deep copy of JSON-like data."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def dig(value: Any, *path: str) -> Any:
    """What lies at a path of keys, or None where the path ends early."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def name_of(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def namespace_of(obj: Object) -> str:
    """The namespace, "" for what has none."""
    return str(obj["metadata"].get("namespace") or "")


def key_of(obj: Object) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


def is_terminating(obj: Object) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def owner_of(obj: Object) -> Object | None:
    """The reference to the controller that made it."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            owner: Object = reference
            return owner
    return None


def owned_by(obj: Object, owner: Object) -> bool:
    reference = owner_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def owner_reference(kind: Kind, owner: Object) -> Object:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": name_of(owner),
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def find_condition(obj: Object, condition_type: str) -> Object | None:
    for condition in dig(obj, "status", "conditions") or ():
        if condition["type"] == condition_type:
            found: Object = condition
            return found
    return None


def is_ready_pod(pod: Object) -> bool:
    condition = find_condition(pod, "Ready")
    return condition is not None and condition["status"] == "True"


def seconds_of(timestamp: str) -> float:
    """Seconds since the epoch of an API timestamp."""
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def timestamp(seconds: float | None = None) -> str:
    """`2026-11-23T07:45:46Z`, now when nothing is given."""
    moment = datetime.now(timezone.utc) if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def random_suffix() -> str:
    return "".join(random.choices(_NAME_ALPHABET, k=5))


def safe_encode(text: str) -> str:
    """Letters for a text of digits, as hashes appear in names."""
    return "".join(_NAME_ALPHABET[ord(char) % len(_NAME_ALPHABET)] for char in text)
