"""Lists: selectors, pages and the version they are of."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping

from sandbox.cluster import errors
from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object, key_of
from sandbox.cluster.selectors import Predicate, by_fields, by_labels
from sandbox.cluster.store import Store
from sandbox.cluster.watch import watch_version

_FUTURE_SECONDS = 3.0
_TOKEN_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


def selection(kind: Kind, query: Mapping[str, str]) -> Predicate:
    """What the selectors of a request let through."""
    labels, fields = (
        by_labels(query.get("labelSelector", "")),
        by_fields(kind, query.get("fieldSelector", "")),
    )
    return lambda obj: labels(obj) and fields(obj)


async def list_objects(store: Store, kind: Kind, namespace: str, query: Mapping[str, str]) -> Object:
    """A list object; its items are the stored objects."""
    selected = selection(kind, query)
    await _reach_version(store, query)
    items = [obj for obj in store.list(kind, namespace) if selected(obj)]
    metadata: Object = {"resourceVersion": str(store.version)}
    if query.get("continue"):
        version, start = _read_token(query["continue"], store)
        items = [obj for obj in items if "/".join(key_of(obj)) >= start]
        metadata["resourceVersion"] = str(version)
    limit = int(query.get("limit") or 0)
    if limit and len(items) > limit:
        metadata["continue"] = _token(int(metadata["resourceVersion"]), "/".join(key_of(items[limit])))
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}


async def _reach_version(store: Store, query: Mapping[str, str]) -> None:
    version = watch_version(query)
    if query.get("resourceVersionMatch") == "Exact" and version < store.oldest:
        raise errors.expired("The resourceVersion for the provided list is too old.")
    if version <= store.version:
        return
    await asyncio.sleep(_FUTURE_SECONDS)
    if version > store.version:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        message = f"Timeout: Too large resource version: {version}, current: {store.version}"
        details = {"causes": [cause], "retryAfterSeconds": 1}
        raise ApiError(504, message, "Timeout", details, {"Retry-After": "1"})


def _token(version: int, start: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str, store: Store) -> tuple[int, str]:
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, start = int(read["rv"]), str(read["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise errors.bad_request(f"invalid continue token: continue key is not valid: {error}") from None
    if version == -1:
        return store.version, start
    if version < store.oldest:
        raise errors.expired(_TOKEN_TOO_OLD, {"continue": _token(-1, start)})
    return version, start
