"""Create, read, change and delete, with the order of checks and the bookkeeping of a real API server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.cluster import deletion, errors, pod_security, validation
from sandbox.cluster.allocation import allocate
from sandbox.cluster.defaults import apply_defaults, complete
from sandbox.cluster.errors import ApiError, Cause
from sandbox.cluster.kinds import NAMESPACE, POD, SERVICE, Kind
from sandbox.cluster.managed_fields import Writer, record_write
from sandbox.cluster.names import name_warning
from sandbox.cluster.objects import Object, clone, is_terminating, name_of, namespace_of, random_suffix
from sandbox.cluster.quota import exceeded_quota
from sandbox.cluster.schema import decode, schema_of, without_empty
from sandbox.cluster.store import Store, with_generation, with_identity

# What only the server writes into metadata.
_SERVER_METADATA = (
    "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink",
)  # fmt: skip
# Versions that the server can read although nothing is served by them any more.
_OTHER_VERSIONS = {
    "DaemonSet": ("apps/v1beta2", "extensions/v1beta1"),
    "Deployment": ("apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"),
    "HorizontalPodAutoscaler": ("autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2"),
    "PodDisruptionBudget": ("policy/v1beta1",),
    "ReplicaSet": ("apps/v1beta2", "extensions/v1beta1"),
    "StatefulSet": ("apps/v1beta1", "apps/v1beta2"),
}
_FIRST_STATUS: dict[str, Object] = {
    "HorizontalPodAutoscaler": {"desiredReplicas": 0, "currentMetrics": None},
    "Namespace": {"phase": "Active"},
    "Pod": {"phase": "Pending"},
    "PodDisruptionBudget": {
        "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
    },
    "ReplicaSet": {"replicas": 0},
    "Service": {"loadBalancer": {}},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": {
        "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
    },
}  # fmt: skip


@dataclass
class Options:
    """How a write was asked for; `warnings` is what the answer says beside its body.

    `check_create` refuses a change that would make an object.
    """

    writer: Writer
    dry_run: bool = False
    field_validation: str = "Warn"
    warnings: list[str] = field(default_factory=list)
    check_create: Callable[[], None] = lambda: None


class Resources:
    """The objects as the API offers them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        found = self.store.get(kind, namespace, name)
        if found is None:
            raise errors.not_found(kind, name)
        return found

    def create(self, kind: Kind, namespace: str, body: Object, options: Options) -> Object:
        obj = self._decode(kind, body, options)
        metadata = obj.setdefault("metadata", {})
        self._check_namespace(kind, namespace, obj)
        if metadata.get("resourceVersion"):
            raise errors.internal("resourceVersion should not be set on objects to be created")
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + random_suffix()
        for key in _SERVER_METADATA:
            metadata.pop(key, None)
        with_identity(kind, obj)
        if "status" in kind.subresources:
            obj["status"] = clone(_FIRST_STATUS.get(kind.name, {}))
        complete(kind, obj)
        apply_defaults(kind, obj)
        if kind is SERVICE:
            self._refuse_invalid(kind, obj, allocate(self.store, obj, None, options.dry_run))
        self._refuse_invalid(kind, obj, validation.check_create(kind, obj))
        options.check_create()
        if kind is POD:
            self._check_admitted(namespace, obj)
        if self.store.get(kind, namespace, name_of(obj)) is not None:
            raise errors.already_exists(kind, name_of(obj))
        warning = name_warning(kind, name_of(obj))
        options.warnings += [warning] if warning else []
        options.warnings += validation.warnings_of(kind, obj)
        options.warnings += pod_security.warnings(self.store, kind, namespace, obj)
        obj = without_empty(obj, schema_of(kind))
        record_write(kind, obj, None, options.writer)
        return obj if options.dry_run else self.store.create(kind, obj)

    def replace(
        self, kind: Kind, namespace: str, name: str, body: Object, options: Options
    ) -> tuple[Object, bool]:
        """A PUT. Returns the object and whether it was created."""
        given = body.get("metadata") or {}
        if given.get("name") not in (None, "", name):
            raise errors.bad_request(
                f"the name of the object ({given['name']}) does not match the name on the URL ({name})"
            )
        if self.store.get(kind, namespace, name) is None and kind.update_creates:
            if given.get("uid"):
                raise _uid_mismatch(kind, namespace, name, "0", given["uid"], "")
            metadata = {**given, "name": name}
            metadata.pop("resourceVersion", None)
            return self.create(kind, namespace, {**body, "metadata": metadata}, options), True
        if kind.update_needs_version and not given.get("resourceVersion"):
            raise errors.version_required(kind, name)
        return self.change(kind, namespace, name, lambda old: body, options), False

    def change(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: Options,
        subresource: str = "",
    ) -> Object:
        """Puts what `change` makes of the stored object in its place; a change of nothing leaves it alone."""
        old = self.get(kind, namespace, name)
        new: Object = self._decode(kind, change(old), options)
        self._check_matches(kind, new, old)
        metadata = new["metadata"]
        for key in _SERVER_METADATA:
            metadata.pop(key, None)
            if key in old["metadata"]:
                metadata[key] = old["metadata"][key]
        if subresource == "status":
            new = {**clone(old), "metadata": _status_metadata(new, old), "status": new.get("status", {})}
        elif "status" in kind.subresources:
            new["status"] = clone(old.get("status", {}))
        apply_defaults(kind, new)
        if kind is SERVICE:
            self._refuse_invalid(kind, new, allocate(self.store, new, old, options.dry_run))
        self._refuse_invalid(kind, new, validation.check_update(kind, new, old))
        options.warnings += validation.warnings_of(kind, new)
        options.warnings += pod_security.warnings(self.store, kind, namespace, new)
        new = without_empty(new, schema_of(kind))
        metadata = new["metadata"]
        with_generation(kind, new, old)
        record_write(kind, new, old, options.writer)
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        if options.dry_run:
            return new
        stored = self.store.update(kind, new)
        deletion.finish_if_released(self.store, kind, stored)
        return stored

    def delete(self, kind: Kind, obj: Object, delete_options: Object, dry_run: bool = False) -> Object:
        """Returns what the API answers: the object, or a Status that names it."""
        _check_preconditions(kind, obj, delete_options.get("preconditions") or {})
        propagation = delete_options.get("propagationPolicy") or "Background"
        if propagation not in ("Background", "Foreground", "Orphan"):
            cause = Cause.unsupported(
                "propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil")
            )
            raise errors.invalid_options("DeleteOptions", cause)
        left = obj
        if not dry_run:
            left = deletion.delete(
                self.store, kind, obj, propagation, delete_options.get("gracePeriodSeconds")
            )
        if kind.answers_deleted_object or left["metadata"].get("finalizers"):
            return left
        details = {
            "name": name_of(obj), "group": kind.group, "kind": kind.plural, "uid": obj["metadata"]["uid"],
        }  # fmt: skip
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {key: value for key, value in details.items() if value},
        }

    def _decode(self, kind: Kind, body: Any, options: Options) -> Object:
        self._check_type(kind, body)
        obj, unknown = decode(kind, body)
        problems = [f'unknown field "{path}"' for path in unknown]
        if problems and options.field_validation == "Strict":
            raise errors.cannot_decode(kind, f"strict decoding error: {', '.join(problems)}")
        if options.field_validation == "Warn":
            options.warnings += problems
        obj["kind"], obj["apiVersion"] = kind.name, kind.api_version
        obj.setdefault("metadata", {})
        return obj

    @staticmethod
    def _check_type(kind: Kind, body: Any) -> None:
        if not isinstance(body, dict):
            raise errors.cannot_decode(
                kind, "json: cannot unmarshal into Go value of type map[string]interface {}"
            )
        name, api_version = body.get("kind") or kind.name, body.get("apiVersion") or kind.api_version
        version = api_version.rpartition("/")[2]
        if name == kind.name and api_version in _OTHER_VERSIONS.get(name, ()):
            raise errors.bad_request(
                f"the API version in the data ({api_version}) does not match the expected API version "
                f"({kind.api_version})"
            )
        if name != kind.name:
            raise errors.bad_request(
                f'{name} in version "{version}" cannot be handled as a {kind.name}: converting '
                f"(v1.{name}) to ({kind.group or 'core'}.{kind.name}): unknown conversion"
            )
        if api_version != kind.api_version:
            raise errors.bad_request(
                f'{name} in version "{version}" cannot be handled as a {kind.name}: no kind "{name}" is registered '
                f'for version "{api_version}" in scheme "pkg/api/legacyscheme/scheme.go:30"'
            )

    def _check_namespace(self, kind: Kind, namespace: str, obj: Object) -> None:
        if not kind.namespaced:
            return
        if obj["metadata"].setdefault("namespace", namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        found = self.store.get(NAMESPACE, "", namespace)
        if found is None:
            raise errors.not_found(NAMESPACE, namespace)
        if is_terminating(found):
            raise errors.namespace_terminating(kind, obj["metadata"].get("name", ""), namespace)

    @staticmethod
    def _check_matches(kind: Kind, new: Object, old: Object) -> None:
        """Name, namespace, uid and version of what is to replace a stored object."""
        metadata, name = new["metadata"], name_of(old)
        if metadata.setdefault("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        if kind.namespaced and metadata.setdefault("namespace", namespace_of(old)) != namespace_of(old):
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        version = old["metadata"]["resourceVersion"]
        if metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise _uid_mismatch(
                kind, namespace_of(old), name, version, metadata["uid"], old["metadata"]["uid"]
            )
        if metadata.get("resourceVersion", version) not in ("", version):
            raise errors.conflict(kind, name)

    @staticmethod
    def _refuse_invalid(kind: Kind, obj: Object, causes: list[Cause]) -> None:
        if causes:
            raise errors.invalid(kind, obj["metadata"].get("name", ""), causes)

    def _check_admitted(self, namespace: str, pod: Object) -> None:
        if why := pod_security.refusal(self.store, namespace, pod):
            raise errors.not_admitted(POD, name_of(pod), why)
        if why := exceeded_quota(self.store, pod):
            raise errors.not_admitted(POD, name_of(pod), f"exceeded quota: {why}")


def _status_metadata(new: Object, old: Object) -> Object:
    """A write to status may also change labels, annotations and finalizers' bookkeeping, as controllers do."""
    metadata: Object = clone(old["metadata"])
    for key in ("labels", "annotations", "managedFields"):
        metadata.pop(key, None)
        if key in new["metadata"]:
            metadata[key] = new["metadata"][key]
    return metadata


def _check_preconditions(kind: Kind, obj: Object, preconditions: Object) -> None:
    name, metadata = name_of(obj), obj["metadata"]
    uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
    if uid and uid != metadata["uid"]:
        raise errors.precondition_failed(
            kind, name,
            f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated",
        )  # fmt: skip
    if version and version != metadata["resourceVersion"]:
        raise errors.precondition_failed(
            kind, name,
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({metadata['resourceVersion']}). The object might have been modified",
        )  # fmt: skip


def _uid_mismatch(kind: Kind, namespace: str, name: str, version: str, wanted: str, found: str) -> ApiError:
    return errors.conflict(
        kind,
        name,
        f"StorageError: invalid object, Code: 4, Key: /registry/{kind.plural}/{namespace}/{name}, "
        f"ResourceVersion: {version}, AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, "
        f"UID in object meta: {found}",
    )
