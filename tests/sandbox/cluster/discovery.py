"""What the server tells about itself: version, groups, resources, and as much OpenAPI as kubectl needs."""

from __future__ import annotations

import re
from typing import Any

from sandbox.cluster.kinds import GROUP_VERSIONS, Kind

Document = dict[str, Any]

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.0",
    "gitCommit": "70d3cc986aa8221cd1dfb1121852688902d3bf53",
    "gitTreeState": "clean",
    "buildDate": "2024-12-11T17:59:15Z",
    "goVersion": "go1.23.3",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_REVIEWS = ("authorization.k8s.io", "v1")
_SUBRESOURCES: dict[str, Document] = {
    "log": {"verbs": ["get"]},
    "proxy": {"verbs": ["create", "delete", "get", "patch", "update"]},
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]},
    "token": {
        "group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest", "verbs": ["create"],
    },
    "status": {"verbs": ["get", "patch", "update"]},
}  # fmt: skip


def document(path: str) -> Document | None:
    """The discovery document at a path, None when there is none."""
    path = path.rstrip("/")
    if path == "/version":
        return dict(VERSION)
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()}
    if path == "/openapi/v3":
        return {
            "paths": {
                root.strip("/"): {"serverRelativeURL": f"/openapi/v3{root}?hash=1"} for root in _roots()
            }
        }
    if path.startswith("/openapi/v3/"):
        return _openapi(path.removeprefix("/openapi/v3"))
    matched = re.fullmatch(r"/apis/([^/]+)(?:/([^/]+))?", path)
    if path == "/api/v1":
        return _resource_list("", "v1")
    if not matched:
        return None
    group, version = matched.groups()
    if version is None:
        return next(
            (
                {"kind": "APIGroup", "apiVersion": "v1", **found}
                for found in _groups()
                if found["name"] == group
            ),
            None,
        )
    return _resource_list(group, version)


def _groups() -> list[Document]:
    groups = []
    for group, version in (*GROUP_VERSIONS, _REVIEWS):
        if group:
            entry = {"groupVersion": f"{group}/{version}", "version": version}
            groups.append({"name": group, "versions": [entry], "preferredVersion": entry})
    return groups


def _roots() -> list[str]:
    return [kinds[0].root for kinds in GROUP_VERSIONS.values()]


def _resource_list(group: str, version: str) -> Document | None:
    if (group, version) == _REVIEWS:
        resources = [
            {
                "name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": False,
                "kind": "SelfSubjectAccessReview", "verbs": ["create"],
            }
        ]  # fmt: skip
    elif (group, version) in GROUP_VERSIONS:
        resources = [entry for kind in GROUP_VERSIONS[group, version] for entry in _entries(kind)]
    else:
        return None
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _entries(kind: Kind) -> list[Document]:
    entry: Document = {
        "name": kind.plural,
        "singularName": kind.plural if kind.name == "Endpoints" else kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    below = [
        {
            "name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced, "kind": kind.name,
            **_SUBRESOURCES[name],
        }
        for name in kind.subresources
    ]  # fmt: skip
    return [entry, *below]


def _openapi(root: str) -> Document | None:
    """One patch per kind with the parameter that tells kubectl to leave validation to the server."""
    kinds = next((kinds for kinds in GROUP_VERSIONS.values() if kinds[0].root == root), None)
    if kinds is None:
        return None
    paths = {}
    for kind in kinds:
        scope = "/namespaces/{namespace}" if kind.namespaced else ""
        paths[f"{root}{scope}/{kind.plural}/{{name}}"] = {
            "patch": {
                "x-kubernetes-group-version-kind": {
                    "group": kind.group, "version": kind.version, "kind": kind.name,
                },
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "responses": {},
            }
        }  # fmt: skip
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": paths,
    }
