"""What a request is about: the verb and the object that its method and path name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from sandbox.cluster import errors
from sandbox.cluster.kinds import BY_RESOURCE, GROUP_VERSIONS, NAMESPACE, Kind


@dataclass(frozen=True)
class Target:
    """`name` and `subresource` are "" where the path has none; `tail` is what follows a `proxy`, None without slash.

    `selected` is the one name that a list or watch asks for with a field selector.
    """

    verb: str
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tail: str | None = None
    selected: str = ""

    @property
    def resource(self) -> str:
        """As rules name it: `pods`, `pods/log`."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    @property
    def scope(self) -> str:
        """The namespace whose rules hold: a Namespace is in itself."""
        return self.name if self.kind is NAMESPACE else self.namespace

    @property
    def named(self) -> str:
        """The name that rules see."""
        return self.name or self.selected

    def with_verb(self, verb: str) -> Target:
        return replace(self, verb=verb)


class PageNotFound(Exception):
    """No such API group or path: answered in plain text, unlike every other refusal."""


def parse(method: str, raw_path: str, watching: bool, field_selector: str = "") -> Target:
    """The target of a path below /api or /apis."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    depth = 3 if parts[0] == "apis" else 2
    group, version = (
        (parts[1], parts[2]) if parts[0] == "apis" and len(parts) > 2 else ("", "".join(parts[1:2]))
    )
    if (group, version) not in GROUP_VERSIONS:
        raise PageNotFound
    rest, namespace = parts[depth:], ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in NAMESPACE.subresources:
        namespace, rest = rest[1], rest[2:]
    if not rest:
        raise PageNotFound
    kind = BY_RESOURCE.get((group, version, rest[0]))
    if kind is None or (namespace and not kind.namespaced):
        raise errors.no_such_resource()
    name, subresource = [*rest[1:], "", ""][:2]
    if subresource and subresource not in kind.subresources:
        raise errors.no_such_resource()
    if kind.namespaced and name and not namespace:
        raise errors.no_such_resource()
    tail = "/".join(rest[3:]) if len(rest) > 3 or raw_path.endswith("/") else None
    verb = _verb(method, bool(name), watching)
    exact = (
        re.search(r"(?:^|,)metadata\.name==?([^,]+)", field_selector) if verb in ("list", "watch") else None
    )
    return Target(verb, kind, namespace, name, subresource, tail, exact[1] if exact else "")


def _verb(method: str, named: bool, watching: bool) -> str:
    verbs = {
        "GET": "get" if named else "watch" if watching else "list",
        "HEAD": "get" if named else "list",
        "POST": "create",
        "PUT": "update" if named else "",
        "PATCH": "patch" if named else "",
        "DELETE": "delete" if named else "deletecollection",
    }
    if not verbs.get(method):
        raise errors.method_not_allowed()
    return verbs[method]
