"""The scale subresource of whatever has replicas."""

from __future__ import annotations

from sandbox.cluster.errors import Cause, bad_request, conflict, invalid
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object, clone, dig, name_of
from sandbox.cluster.selectors import selector_text

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: Object) -> Object:
    metadata = {key: obj["metadata"][key] for key in _METADATA if key in obj["metadata"]}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": dig(obj, "status", "replicas") or 0,
            "selector": selector_text(obj["spec"].get("selector")),
        },
    }


def scaled(kind: Kind, obj: Object, scale: Object) -> Object:
    """The object with the replicas of a Scale."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request(
            'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string into Go struct field '
            "ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        why = "must be greater than or equal to 0"
        raise invalid(kind, name_of(obj), [Cause.invalid("spec.replicas", str(replicas), why)])
    if version not in (None, "", obj["metadata"]["resourceVersion"]):
        raise conflict(kind, name_of(obj))
    result: Object = clone(obj)
    result["spec"]["replicas"] = replicas
    return result
