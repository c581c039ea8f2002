"""The HTTP face of the API server."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import time
from collections.abc import Callable
from typing import Any

import yaml
from aiohttp import web

from sandbox.cluster import discovery, errors, listing, patch, protobuf, tables
from sandbox.cluster.access import Access
from sandbox.cluster.apply import apply_patch
from sandbox.cluster.errors import ApiError, Cause
from sandbox.cluster.faults import Faults, Seen
from sandbox.cluster.kinds import KINDS, POD, Kind
from sandbox.cluster.kubelet.logs import Logs
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.objects import Object, clone, timestamp
from sandbox.cluster.proxy import Proxy
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.scale import scale_of, scaled
from sandbox.cluster.schema import ANYTHING, Type, schema_of
from sandbox.cluster.store import Store
from sandbox.cluster.targets import PageNotFound, Target, parse
from sandbox.cluster.watch import Watch, encode, too_old, watch_version

_JSON_TYPES = ("", "application/json")
_YAML_TYPES = ("application/yaml", "application/apply-patch+yaml")
_PATCHES: dict[str, Callable[[Object, Any], Object]] = {
    "application/json-patch+json": patch.json_patch,
    "application/merge-patch+json": patch.merge_patch,
}
_STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_AUDIENCE = "https://kubernetes.default.svc.cluster.local"
_TOKEN_SECONDS, _SHORTEST_TOKEN_SECONDS = 3600, 600
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _YamlLoader(yaml.SafeLoader):
    """Leaves times as text, as JSON would have them."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Api:
    """Answers requests; one method a verb."""

    def __init__(self, store: Store, access: Access, faults: Faults, logs: Logs, proxy: Proxy) -> None:
        self._store = store
        self._resources = Resources(store)
        self._access = access
        self._faults = faults
        self._logs = logs
        self._proxy = proxy
        self._watching: set[asyncio.Transport] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(
            request.method, request.path, dict(request.query), agent=request.headers.get("User-Agent", "")
        )
        self._faults.log(seen)
        try:
            response = await self._answer(request, seen)
        except ApiError as error:
            response = web.json_response(error.body, status=error.code, headers=error.headers)
        except PageNotFound:
            response = web.Response(status=404, text="404 page not found\n")
        seen.status = response.status
        return response

    def cut_watches(self) -> None:
        """Breaks every open watch off, without the end of its stream."""
        for transport in tuple(self._watching):
            transport.abort()

    async def _answer(self, request: web.BaseRequest, seen: Seen) -> web.StreamResponse:
        fault = self._faults.next_for(request.method, request.path)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.drop and request.transport is not None:
                request.transport.abort()
            if fault.status:
                raise fault.error()
        seen.user = self._access.user(request.headers.get("Authorization", ""))
        path = request.path
        if path == _REVIEWS and request.method == "POST":
            return await self._review(request, seen.user)
        if path in ("/healthz", "/livez", "/readyz"):
            return web.Response(text="ok")
        if path == "/openapi/v2":
            # Where kubectl looks when it validates a List. It takes nothing for a document that knows no kind.
            return web.Response(body=b"", content_type=_OPENAPI_V2)
        if not path.startswith(("/api/", "/apis/")):
            self._access.check_path(seen.user, request.method, path)
        document = discovery.document(path) if request.method == "GET" else None
        if document is not None:
            return web.json_response(document)
        if not path.startswith(("/api/", "/apis/")):
            raise PageNotFound
        target = parse(
            request.method, request.rel_url.raw_path, request.query.get("watch") in ("true", "1"),
            request.query.get("fieldSelector", ""),
        )  # fmt: skip
        self._access.check(seen.user, target)
        if target.subresource == "proxy":
            return await self._proxy.forward(request, target)
        if target.subresource == "token":
            return await self._token(request, target)
        if target.subresource == "log":
            return await self._logs.answer(request, target)
        self._check_accept(request)
        if target.subresource == "scale":
            return await self._scale(request, target)
        request["check_create"] = functools.partial(self._access.check_create, seen.user, target)
        answer: Callable[[web.BaseRequest, Target], Any] = getattr(self, f"_{target.verb}")
        response: web.StreamResponse = await answer(request, target)
        return response

    async def _get(self, request: web.BaseRequest, target: Target) -> web.Response:
        obj = self._resources.get(target.kind, target.namespace, target.name)
        return _respond(tables.table(target.kind, [obj], request.query) if _wants_table(request) else obj)

    async def _list(self, request: web.BaseRequest, target: Target) -> web.Response:
        found = await listing.list_objects(self._store, target.kind, target.namespace, request.query)
        if _wants_table(request):
            return _respond(tables.table(target.kind, found["items"], request.query, found["metadata"]))
        bare = [{key: obj[key] for key in obj if key not in ("kind", "apiVersion")} for obj in found["items"]]
        return _respond({**found, "items": bare})

    async def _watch(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        render: Callable[[Object], Object] = lambda obj: obj
        if _wants_table(request):
            render = tables.Stream(target.kind, request.query)
        selected = listing.selection(target.kind, request.query)
        watch = Watch(self._store, target.kind, target.namespace, selected, request.query, render)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        transport = request.transport
        assert transport is not None
        self._watching.add(transport)
        try:
            if self._faults.expire_watches:
                self._faults.expire_watches -= 1
                await response.write(encode(too_old(watch_version(request.query), self._store.oldest)))
                return response
            async for event in watch.events():
                await response.write(encode(event))
        except ConnectionError:
            # The client went while an event was on its way; so will this watch.
            return response
        finally:
            self._watching.discard(transport)
        return response

    async def _create(self, request: web.BaseRequest, target: Target) -> web.Response:
        if target.name:
            raise errors.method_not_allowed()
        options = _options(request)
        body = await _read_body(request, target.kind)
        return _respond(self._resources.create(target.kind, target.namespace, body, options), 201, options)

    async def _update(self, request: web.BaseRequest, target: Target) -> web.Response:
        options, body = _options(request), await _read_body(request, target.kind)
        if target.subresource:
            changed = self._resources.change(
                target.kind, target.namespace, target.name, lambda old: body, options, target.subresource
            )
            return _respond(changed, 200, options)
        stored, created = self._resources.replace(target.kind, target.namespace, target.name, body, options)
        return _respond(stored, 201 if created else 200, options)

    async def _patch(self, request: web.BaseRequest, target: Target) -> web.Response:
        options = _options(request)
        if _content_type(request) == _APPLY:
            body = await _read_body(request, target.kind)
            force = request.query.get("force") == "true"
            applied, created = apply_patch(self._resources, target, body, options, force)
            return _respond(applied, 201 if created else 200, options)
        change = await _patch_function(request, schema_of(target.kind))
        changed = self._resources.change(
            target.kind, target.namespace, target.name, change, options, target.subresource
        )
        return _respond(changed, 200, options)

    async def _delete(self, request: web.BaseRequest, target: Target) -> web.Response:
        delete_options = await _delete_options(request)
        obj = self._resources.get(target.kind, target.namespace, target.name)
        return _respond(self._resources.delete(target.kind, obj, delete_options, _is_dry_run(request)))

    async def _deletecollection(self, request: web.BaseRequest, target: Target) -> web.Response:
        if "deletecollection" not in target.kind.verbs:
            raise errors.method_not_allowed()
        delete_options = await _delete_options(request)
        found = await listing.list_objects(self._store, target.kind, target.namespace, request.query)
        for obj in found["items"]:
            self._resources.delete(target.kind, obj, delete_options, _is_dry_run(request))
        return _respond(found)

    async def _scale(self, request: web.BaseRequest, target: Target) -> web.Response:
        kind = target.kind
        obj = self._resources.get(kind, target.namespace, target.name)
        if target.verb == "get":
            return _respond(scale_of(obj))
        if target.verb == "update":
            wanted = await _read_body(request, kind)
        elif target.verb == "patch":
            wanted = (await _patch_function(request, ANYTHING))(scale_of(obj))
        else:
            raise errors.method_not_allowed()
        options = _options(request, "scale")
        changed = self._resources.change(
            kind, target.namespace, target.name, lambda old: scaled(kind, old, wanted), options
        )
        return _respond(scale_of(changed))

    async def _token(self, request: web.BaseRequest, target: Target) -> web.Response:
        if target.verb != "create":
            raise errors.method_not_allowed()
        account = self._resources.get(target.kind, target.namespace, target.name)
        if _content_type(request) == protobuf.CONTENT_TYPE:
            asked = protobuf.token_request(await request.read())
        else:
            asked = await _read_body(request, target.kind)
        spec = asked.get("spec") or {}
        seconds = spec.get("expirationSeconds") or _TOKEN_SECONDS
        if seconds < _SHORTEST_TOKEN_SECONDS:
            raise errors.token_too_short(seconds)
        ends = timestamp(time.time() + seconds)
        answer = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": target.name, "namespace": target.namespace, "creationTimestamp": timestamp()},
            "spec": {
                "audiences": [_AUDIENCE], "expirationSeconds": seconds, "boundObjectRef": None,
            },
            "status": {"token": self._access.issue(account, seconds), "expirationTimestamp": ends},
        }  # fmt: skip
        return _respond(answer, 201)

    async def _review(self, request: web.BaseRequest, user: str) -> web.Response:
        review = await _read_body(request, POD)
        asked = (review.get("spec") or {}).get("resourceAttributes") or {}
        wanted = (asked.get("group", ""), asked.get("resource"))
        kind = next((kind for kind in KINDS if (kind.group, kind.plural) == wanted), None)
        allowed = kind is not None and self._access.allows(
            user,
            Target(
                asked.get("verb", ""), kind, asked.get("namespace", ""), asked.get("name", ""),
                asked.get("subresource", ""),
            ),
        )[0]  # fmt: skip
        metadata = {"creationTimestamp": None}
        return _respond({**review, "metadata": metadata, "status": {"allowed": allowed}}, 201)

    @staticmethod
    def _check_accept(request: web.BaseRequest) -> None:
        accepted = request.headers.get("Accept", "*/*")
        if not re.search(r"application/json|application/yaml|application/\*|\*/\*", accepted):
            raise errors.not_acceptable()


def _anybody() -> None:
    """Refuses nobody."""


def _wants_table(request: web.BaseRequest) -> bool:
    return "as=Table" in request.headers.get("Accept", "")


def _content_type(request: web.BaseRequest) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip()


def _is_dry_run(request: web.BaseRequest) -> bool:
    return request.query.get("dryRun") == "All"


def _options(request: web.BaseRequest, subresource: str = "") -> Options:
    manager = request.query.get("fieldManager") or request.headers.get("User-Agent", "").partition("/")[0]
    operation = "Apply" if _content_type(request) == _APPLY else "Update"
    if operation == "Apply" and not request.query.get("fieldManager"):
        raise errors.invalid_options(
            "PatchOptions", Cause.required("fieldManager", "is required for apply patch")
        )
    return Options(
        Writer(manager, operation, subresource),
        _is_dry_run(request),
        request.query.get("fieldValidation") or "Warn",
        check_create=request.get("check_create", _anybody),
    )


async def _read_body(request: web.BaseRequest, kind: Kind) -> Any:
    content_type, raw = _content_type(request), await request.read()
    if content_type in _YAML_TYPES:
        try:
            return yaml.load(raw, _YamlLoader)
        except yaml.YAMLError as error:
            raise errors.bad_request(f"error converting YAML to JSON: {error}") from None
    if content_type not in _JSON_TYPES and content_type not in (_APPLY, _STRATEGIC, *_PATCHES):
        raise errors.unsupported_body()
    try:
        return json.loads(raw)
    except ValueError as error:
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {kind.name}): couldn't get version/kind; "
            f"json parse error: {error} ({raw[:50].decode(errors='replace')})"
        ) from None


async def _patch_function(request: web.BaseRequest, wanted: Type) -> Callable[[Object], Object]:
    """What the patch of a request makes of an object of that type."""
    content_type = _content_type(request)
    if content_type not in (_STRATEGIC, *_PATCHES):
        raise errors.unsupported_patch()
    try:
        body = json.loads(await request.read())
    except ValueError as error:
        raise errors.bad_request(f"error decoding patch: {error}") from None
    if content_type != "application/json-patch+json" and not isinstance(body, dict):
        raise errors.bad_request("json: cannot unmarshal into Go value of type map[string]interface {}")
    if content_type == _STRATEGIC:
        return lambda obj: patch.strategic_merge_patch(clone(obj), body, wanted)
    apply = _PATCHES[content_type]
    return lambda obj: apply(clone(obj), body)


async def _delete_options(request: web.BaseRequest) -> Object:
    raw = await request.read()
    if not raw:
        options: Object = {}
    else:
        try:
            options = json.loads(raw)
        except ValueError as error:
            raise errors.bad_request(f"error decoding delete options: {error}") from None
    for key in ("propagationPolicy", "gracePeriodSeconds"):
        if key in request.query:
            value = request.query[key]
            options[key] = int(value) if key == "gracePeriodSeconds" else value
    return options


def _respond(body: Object, code: int = 200, options: Options | None = None) -> web.Response:
    response = web.Response(
        body=json.dumps(body, separators=(",", ":")).encode(), status=code, content_type="application/json"
    )
    for warning in options.warnings if options else ():
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response
