"""The refusals of the API, each with the words of a real server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.cluster.kinds import Kind


class ApiError(Exception):
    """A refusal; `body` is the Status object that the client gets."""

    def __init__(
        self,
        code: int,
        message: str,
        reason: str = "",
        details: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.headers = headers or {}
        self.body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata or {},
            "status": "Failure",
            "message": message,
        }
        if reason:
            self.body["reason"] = reason
        if details is not None:
            self.body["details"] = details
        self.body["code"] = code


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with a field."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    @classmethod
    def invalid(cls, field: str, value: str, why: str) -> Cause:
        """`value` as Go would print it."""
        return cls(field, f"Invalid value: {value}: {why}")

    @classmethod
    def required(cls, field: str, why: str = "") -> Cause:
        return cls(field, f"Required value: {why}" if why else "Required value", "FieldValueRequired")

    @classmethod
    def forbidden(cls, field: str, why: str) -> Cause:
        return cls(field, f"Forbidden: {why}", "FieldValueForbidden")

    @classmethod
    def duplicate(cls, field: str, value: str) -> Cause:
        """`value` as Go would print it."""
        return cls(field, f"Duplicate value: {value}", "FieldValueDuplicate")

    @classmethod
    def not_found(cls, field: str, value: str) -> Cause:
        return cls(field, f'Not found: "{value}"', "FieldValueNotFound")

    @classmethod
    def unsupported(cls, field: str, value: str, allowed: tuple[str, ...]) -> Cause:
        choices = ", ".join(f'"{choice}"' for choice in allowed)
        return cls(
            field, f'Unsupported value: "{value}": supported values: {choices}', "FieldValueNotSupported"
        )


def _details(kind: Kind, name: str = "") -> dict[str, Any]:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in details.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, f'{kind.qualified_plural} "{name}" not found', "NotFound", _details(kind, name))


def no_such_resource() -> ApiError:
    return ApiError(404, "the server could not find the requested resource", "NotFound", {})


def already_exists(kind: Kind, name: str) -> ApiError:
    message = f'{kind.qualified_plural} "{name}" already exists'
    return ApiError(409, message, "AlreadyExists", _details(kind, name))


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {kind.qualified_plural} "{name}": {why}'
    return ApiError(409, message, "Conflict", _details(kind, name))


def precondition_failed(kind: Kind, name: str, why: str) -> ApiError:
    details = {**_details(kind, name), "kind": kind.name}
    message = f'Operation cannot be fulfilled on {kind.qualified_name} "{name}": {why}'
    return ApiError(409, message, "Conflict", details)


def invalid(kind: Kind, name: str, causes: list[Cause]) -> ApiError:
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {
        **_details(kind, name),
        "kind": kind.name,
        "causes": [
            {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes
        ],
    }
    return ApiError(422, f'{kind.qualified_name} "{name}" is invalid: {joined}', "Invalid", details)


def invalid_options(options: str, cause: Cause) -> ApiError:
    """A query parameter that does not hold; `options` is `PatchOptions`, `ListOptions` …"""
    details = {
        "group": "meta.k8s.io",
        "kind": options,
        "causes": [{"reason": cause.reason, "message": cause.message, "field": cause.field}],
    }
    message = f'{options}.meta.k8s.io "" is invalid: {cause.field}: {cause.message}'
    return ApiError(422, message, "Invalid", details)


def token_too_short(seconds: int) -> ApiError:
    cause = Cause.invalid(
        "spec.expirationSeconds", str(seconds), "may not specify a duration less than 10 minutes"
    )
    details = {
        "group": "authentication.k8s.io",
        "kind": "TokenRequest",
        "causes": [{"reason": cause.reason, "message": cause.message, "field": cause.field}],
    }
    message = f'TokenRequest.authentication.k8s.io "" is invalid: {cause.field}: {cause.message}'
    return ApiError(422, message, "Invalid", details)


def version_required(kind: Kind, name: str) -> ApiError:
    cause = Cause.invalid("metadata.resourceVersion", "0x0", "must be specified for an update")
    error = invalid(kind, name, [cause])
    error.body["message"] = f'{kind.qualified_plural} "{name}" is invalid: {cause.field}: {cause.message}'
    error.body["details"]["kind"] = kind.plural
    return error


def bad_request(message: str) -> ApiError:
    return ApiError(400, message, "BadRequest")


def cannot_decode(kind: Kind, why: str) -> ApiError:
    return bad_request(f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {why}')


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(
    user: str, verb: str, kind: Kind, subresource: str, namespace: str, name: str, why: str = ""
) -> ApiError:
    what = f'{kind.qualified_plural} "{name}"' if name else kind.qualified_plural
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{what} is forbidden: User "{user}" cannot {verb} resource "{resource}" '
        f'in API group "{kind.group}" {where}'
    )
    if why:
        message += f": {why}"
    return ApiError(403, message, "Forbidden", _details(kind, name))


def forbidden_path(user: str, method: str, path: str) -> ApiError:
    message = f'forbidden: User "{user}" cannot {method.lower()} path "{path}"'
    return ApiError(403, message, "Forbidden", {})


def not_admitted(kind: Kind, name: str, why: str) -> ApiError:
    message = f'{kind.qualified_plural} "{name}" is forbidden: {why}'
    return ApiError(403, message, "Forbidden", _details(kind, name))


def namespace_terminating(kind: Kind, name: str, namespace: str) -> ApiError:
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    message = (
        f'{kind.qualified_plural} "{name}" is forbidden: unable to create new content in namespace '
        f"{namespace} because it is being terminated"
    )
    return ApiError(403, message, "Forbidden", {**_details(kind, name), "causes": [cause]})


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, message, "MethodNotAllowed", {})


def not_acceptable() -> ApiError:
    message = (
        "406: Not Acceptable\n\n"
        "Available representations: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
    return ApiError(406, message, "NotAcceptable", {})


def unsupported_body() -> ApiError:
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )
    return ApiError(415, message, "UnsupportedMediaType")


def unsupported_patch() -> ApiError:
    return ApiError(415, "415: Unsupported Media Type", "UnsupportedMediaType", {})


def unprocessable_patch() -> ApiError:
    return ApiError(422, "the server rejected our request due to an error in our request", "Invalid", {})


def expired(message: str, metadata: dict[str, Any] | None = None) -> ApiError:
    return ApiError(410, message, "Expired", metadata=metadata)


def unavailable(message: str) -> ApiError:
    return ApiError(503, message, "ServiceUnavailable")


def internal(message: str) -> ApiError:
    return ApiError(500, message)
