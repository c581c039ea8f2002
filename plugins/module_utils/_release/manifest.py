# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Rendered manifests: parse them, prove that they are one color's, stamp them, tell two apart."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import (
    UnreadableError,
    read,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ownership import (
    LAST_APPLIED,
    applied,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    COLOR,
    MANIFEST,
    MARKS,
    NAME,
    ORDER,
    VERSION,
    Release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import other

Object = dict[str, Any]

# What the API server writes into every object by itself.
_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


@dataclass(frozen=True)
class Place:
    """Where a color's objects go.

    ``node_ports`` are those that lead to the color, empty where the router leads to it by other means;
    ``node_ports_in`` says where they are written down.
    """

    app: str
    namespace: str
    color: str
    node_ports: tuple[int, ...]
    node_ports_in: str = "the router"

    @property
    def name(self) -> str:
        return f"{self.app}-{self.color}"


def parse(templates: Sequence[tuple[str, str]], color: str) -> tuple[Object, ...]:
    """The objects of templates rendered for a color, lists of objects taken apart.

    A template is its name and the text that it was rendered to.
    """
    objects: list[Object] = []
    for name, text in templates:
        objects.extend(_parse(name, text, color))
    if not objects:
        raise InputError(f"The manifests of {color} are empty.")
    return tuple(objects)


def _parse(name: str, text: str, color: str) -> list[Object]:
    try:
        documents = read(text)
    except UnreadableError as error:
        line = f", line {error.line}" if error.line else ""
        raise InputError(
            f"{name}{line}, as rendered for {color}, is not YAML to apply: {error.why}."
        ) from None
    objects: list[Object] = []
    for document in documents:
        items = document.get("items") if isinstance(document, dict) else None
        objects.extend(items if isinstance(items, list) and _is_list(document) else [document])
    for entry in objects:
        if not _is_object(entry):
            raise InputError(
                f"{name}, as rendered for {color}, holds something that is no Kubernetes object: "
                "each document needs apiVersion, kind and metadata.name."
            )
    return objects


def digest(objects: Mapping[str, Sequence[Object]], places: Mapping[str, Place]) -> str:
    """A short hash of both colors' manifests.

    Neither the order of documents and keys nor comments change it, nor other numbers for the node ports that lead to the
    colors.
    """
    documents = sorted(
        json.dumps(_without_node_ports(entry, places[color]), sort_keys=True, default=str)
        for color, entries in objects.items()
        for entry in entries
    )
    return hashlib.sha256("\n".join(documents).encode()).hexdigest()[:16]


def _without_node_ports(entry: Object, place: Place) -> Object:
    """A Service whose node ports are their places among the color's; anything else as it is."""
    if entry["kind"] != "Service":
        return entry
    bare = copy.deepcopy(entry)
    for port in _ports(bare):
        if isinstance(port, dict) and port.get("nodePort") in place.node_ports:
            port["nodePort"] = f"#{place.node_ports.index(port['nodePort'])}"
    return bare


def lines_apart(blue: str, green: str, places: Mapping[str, Place]) -> list[int]:
    """The lines of one template, from 1, that differ between the colors in more than the color and its node ports.

    Where one text has more lines than the other, the first of these is told.
    """
    numbers = zip(places["blue"].node_ports, places["green"].node_ports)  # noqa: B905
    ports = {str(ours): str(theirs) for ours, theirs in numbers}
    pattern = "|".join(["blue(?!green)", *(rf"(?<!\d){port}(?!\d)" for port in ports)])
    told = re.sub(pattern, lambda found: ports.get(found[0], "green"), blue).splitlines()
    other_side = green.splitlines()
    apart = [at for at, lines in enumerate(zip(told, other_side), 1) if lines[0] != lines[1]]  # noqa: B905
    longer = [min(len(told), len(other_side)) + 1] if len(told) != len(other_side) else []
    return apart + longer


def check_apart(blue: Sequence[Object], green: Sequence[Object]) -> None:
    """Refuse an object that both colors would write: a deploy to one would change the other."""
    shared = {_identity(entry) for entry in blue} & {_identity(entry) for entry in green}
    for kind, name in sorted((kind, name) for _group, kind, name in shared):
        raise InputError(
            f"{kind} {name} is the same object in the manifests of both colors, so a deploy would write what the "
            "live color uses: put {{ bluegreen_color }} into its name, or keep it out of bluegreen_manifests."
        )


def check(
    objects: Sequence[Object], opposite: Sequence[Object], place: Place, commit: str, local_allowed: bool
) -> None:
    """Refuse manifests that are not ``place``'s. ``opposite`` are the other color's."""
    deployment = _only(objects, "Deployment", place)
    service = _only(objects, "Service", place)
    for entry in objects:
        _check_object(entry, place, commit)
    _check_ports(service, place)
    _check_policy(service, local_allowed)
    theirs = _only(opposite, "Deployment", _opposite(place))
    _check_selectors(deployment, service, stamp_pod(theirs, _opposite(place), commit), place, commit)


def stamp(
    objects: Sequence[Object],
    place: Place,
    release: Release,
    old_marks: Sequence[str] = (),
    order: str = "",
) -> list[Object]:
    """Copies that say of whom they are: labels on all, the release on those that run pods.

    ``old_marks`` are annotations of the color's Deployment in the cluster that are emptied in the same
    write that changes what they spoke of: what others own can be set by it, but not removed. ``order``
    is the one that the release is deployed with, if any.
    """
    stamped = []
    for entry in objects:
        entry = stamp_pod(entry, place, release.commit)
        labels = _labels(entry)
        labels.setdefault(NAME, place.app)
        labels[COLOR] = place.color
        if _template(entry) is not None:
            labels[VERSION] = release.commit
            annotations = _child(entry["metadata"], "annotations")
            annotations[MANIFEST] = release.manifest
            if (entry["kind"], entry["metadata"]["name"]) == ("Deployment", place.name):
                annotations.update(dict.fromkeys(old_marks, ""))
                annotations.update({ORDER: order} if order else {})
        stamped.append(entry)
    return stamped


def keep_running(objects: Sequence[Object], replicas: int) -> list[Object]:
    """Copies with a number of replicas where the manifests leave it to the cluster, which has it at zero."""
    running = copy.deepcopy(list(objects))
    for entry in running:
        if entry["kind"] == "Deployment":
            entry["spec"].setdefault("replicas", replicas)
    return running


def with_replicas(objects: Sequence[Object], name: str, replicas: int) -> list[Object]:
    """Copies in which a Deployment that says how many replicas it has says at least so many."""
    raised = copy.deepcopy(list(objects))
    for entry in raised:
        if (entry["kind"], entry["metadata"]["name"]) == ("Deployment", name):
            given = entry["spec"].get("replicas")
            entry["spec"].update({} if given is None else {"replicas": max(given, replicas)})
    return raised


def applied_before(found: Mapping[str, Any]) -> Object | None:
    """An object of the cluster as it was last applied, with our marks as they stand; None if it never was."""
    before = applied(found)
    if before is None:
        return None
    notes = _at(found, "metadata", "annotations")
    marks = {mark: notes[mark] for mark in MARKS if mark in notes}
    if marks:
        _child(_child(before, "metadata"), "annotations").update(marks)
    return before


def as_written(found: Mapping[str, Any] | None) -> Object:
    """An object of the cluster without what nobody wrote; empty where there is none."""
    if found is None:
        return {}
    shown: Object = {key: copy.deepcopy(value) for key, value in found.items() if key != "status"}
    for key in _SERVERS_OWN:
        shown["metadata"].pop(key, None)
    _at(shown, "metadata", "annotations").pop(LAST_APPLIED, None)
    return shown


def stamp_pod(entry: Object, place: Place, commit: str) -> Object:
    """A copy whose pods, if it has any, carry application, commit and color."""
    entry = copy.deepcopy(entry)
    template = _template(entry)
    if template is not None:
        labels = _labels(template)
        labels.setdefault(NAME, place.app)
        labels[VERSION] = commit
        labels[COLOR] = place.color
    return entry


def deployment_of(objects: Sequence[Object], place: Place) -> Object:
    return _only(objects, "Deployment", place)


def service_of(objects: Sequence[Object], place: Place) -> Object:
    return _only(objects, "Service", place)


def pod_labels(deployment: Mapping[str, Any]) -> Object:
    """The labels by which a Deployment knows its pods."""
    return _at(deployment, "spec", "selector", "matchLabels")


def node_ports(service: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(port["nodePort"] for port in _ports(service) if port.get("nodePort"))


def proxy_port(service: Object, place: Place) -> str:
    """What the service proxy calls the first port that leads to the color: the port's name, else its number."""
    first = next(
        port for port in _ports(service) if not place.node_ports or port.get("nodePort") in place.node_ports
    )
    return str(first.get("name") or first["port"])


def _check_object(entry: Object, place: Place, commit: str) -> None:
    kind, name = entry["kind"], entry["metadata"]["name"]
    namespace = entry["metadata"].get("namespace")
    if namespace not in (None, place.namespace):
        raise InputError(
            f"{kind} {name} of {place.color} is in namespace {namespace}, but bluegreen_namespace is {place.namespace}."
        )
    wanted = {COLOR: (place.color, "")}
    if _template(entry) is not None:
        advice = ': write it as "{{ bluegreen_commit }}", with the quotes, or leave it out'
        wanted[VERSION] = (commit, advice)
    for labels in (_at(entry, "metadata", "labels"), _at(entry, "spec", "template", "metadata", "labels")):
        for key, (value, advice) in wanted.items():
            if key in labels and labels[key] != value:
                raise InputError(
                    f"{kind} {name} of {place.color} has the label {key}: {labels[key]!r} instead of '{value}'{advice}."
                )


def _check_ports(service: Object, place: Place) -> None:
    if not place.node_ports:
        return
    spec = service.get("spec") or {}
    if spec.get("type") != "NodePort":
        raise InputError(
            f"Service {place.name} is of type {spec.get('type', 'ClusterIP')}, but must be NodePort."
        )
    given = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    if given != set(place.node_ports):
        raise InputError(
            f"Service {place.name} has node port {_join(given)}, but {place.color} is {_join(place.node_ports)} "
            f"in {place.node_ports_in}: use {{{{ bluegreen_node_port }}}}."
        )


def _check_policy(service: Object, local_allowed: bool) -> None:
    if _at(service, "spec").get("externalTrafficPolicy") == "Local" and not local_allowed:
        raise InputError(
            f"Service {service['metadata']['name']} has externalTrafficPolicy Local, with which only nodes that run "
            "a pod of it answer: use Cluster, or say bluegreen_allow_local: true."
        )


def _check_selectors(deployment: Object, service: Object, theirs: Object, place: Place, commit: str) -> None:
    own_pod = _pod_labels(stamp_pod(deployment, place, commit))
    other_pod = _pod_labels(theirs)
    selectors = (
        ("Service", _at(service, "spec", "selector")),
        ("Deployment", _at(deployment, "spec", "selector", "matchLabels")),
    )
    for kind, selector in selectors:
        text = ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or "(empty)"
        if not selector or not selector.items() <= own_pod.items():
            raise InputError(
                f"The selector {text} of {kind} {place.name} does not match the pods of its Deployment."
            )
        if selector.items() <= other_pod.items():
            raise InputError(
                f"The selector {text} of {kind} {place.name} also matches the pods of {other(place.color)}: "
                f"add {COLOR}: {{{{ bluegreen_color }}}} to it."
            )


def _ports(service: Mapping[str, Any]) -> Sequence[Object]:
    ports = _at(service, "spec").get("ports")
    return [port for port in ports if isinstance(port, dict)] if isinstance(ports, list) else []


def _only(objects: Sequence[Object], kind: str, place: Place) -> Object:
    found = [entry for entry in objects if (entry["kind"], entry["metadata"]["name"]) == (kind, place.name)]
    if len(found) == 1:
        return found[0]
    names = [entry["metadata"]["name"] for entry in objects if entry["kind"] == kind]
    if found:
        raise InputError(f"The manifests of {place.color} have {kind} {place.name} more than once.")
    raise InputError(
        f"The manifests of {place.color} have no {kind} {place.name}"
        + (f", only {', '.join(names)}" if names else "")
        + ": name it {{ bluegreen_app }}-{{ bluegreen_color }}."
    )


def _opposite(place: Place) -> Place:
    return Place(place.app, place.namespace, other(place.color), ())


def _identity(entry: Object) -> tuple[str, str, str]:
    group = entry["apiVersion"].rpartition("/")[0]
    return group, entry["kind"], entry["metadata"]["name"]


def _is_list(document: Mapping[str, Any]) -> bool:
    return str(document.get("kind", "")).endswith("List")


def _is_object(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("apiVersion"), str)
        and isinstance(entry.get("kind"), str)
        and isinstance(entry.get("metadata"), dict)
        and isinstance(entry["metadata"].get("name"), str)
    )


def _template(entry: Object) -> Object | None:
    template = _at(entry, "spec", "template")
    return template if _at(template, "spec") else None


def _at(entry: Mapping[str, Any], *path: str) -> Object:
    """The mapping at a path; an empty one where there is none."""
    place: Any = entry
    for key in path:
        place = place.get(key) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else {}


def _child(parent: Object, key: str) -> Object:
    """The mapping below ``key``, made when there is none."""
    if not isinstance(parent.get(key), dict):
        parent[key] = {}
    child: Object = parent[key]
    return child


def _labels(holder: Object) -> Object:
    return _child(_child(holder, "metadata"), "labels")


def _pod_labels(deployment: Object) -> Object:
    template = _template(deployment)
    return _labels(template) if template is not None else {}


def _join(ports: Any) -> str:
    return ", ".join(str(port) for port in sorted(ports)) or "none"
