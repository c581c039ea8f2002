# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a color runs and what is known of it: the router's facts and the cluster's objects in, values out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import judge
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ownership import owns

NAME = "app.kubernetes.io/name"
VERSION = "app.kubernetes.io/version"
COLOR = "octoblu.bluegreen/color"
MANIFEST = "octoblu.bluegreen/manifest"
PROVEN = "octoblu.bluegreen/proven"
REJECTED = "octoblu.bluegreen/rejected"
MARKS = (PROVEN, REJECTED)
ORDER = "octoblu.bluegreen/order"

MOMENTS = ("before_stage", "after_stage", "before_swap", "after_swap", "after_rollback", "on_failure")

_COMMIT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
# A Service's name may have 63 characters, and "-green" is six of them.
_APP = re.compile(r"[a-z]([a-z0-9-]{0,55}[a-z0-9])?")


@dataclass(frozen=True)
class Release:
    """What a color runs. ``manifest`` is the hash of the manifests, whatever their color."""

    commit: str
    manifest: str

    def mark(self, when: str) -> str:
        """The text of a mark that speaks of this release and of no other."""
        return f"{self.commit} {self.manifest} {when}"

    def marked_at(self, text: str | None) -> str:
        """When a mark of this release was made; empty where the text speaks of another or there is none."""
        commit, manifest, when = (*(text or "").split(), "", "", "")[:3]
        return when if (commit, manifest) == (self.commit, self.manifest) else ""


@dataclass(frozen=True)
class Workload:
    """A color's Deployment as it stands.

    ``release`` is None when the Deployment was not staged by a deploy. ``proven_at`` is when it was
    proven (ISO 8601), empty when it was not. ``lack`` says what it lacks to be ready now, empty when
    it is. ``replicas`` are the wanted ones; ``marks`` the annotations of ours that speak of a release,
    whichever; ``holds_replicas`` whether it was applied with a number of replicas; ``order`` the one that
    the release was deployed with, empty where it had none.
    """

    release: Release | None
    proven_at: str
    rejected: bool
    replicas: int
    ready_replicas: int
    lack: str
    images: tuple[str, ...]
    marks: tuple[str, ...]
    holds_replicas: bool = False
    order: str = ""

    @property
    def proven(self) -> bool:
        return bool(self.proven_at)

    @property
    def ready(self) -> bool:
        return not self.lack


@dataclass(frozen=True)
class Side:
    """A color in the cluster: its node ports, what stands there, and who else holds one of the ports.

    ``service_ports`` are the node ports of its own Service, None when there is none; ``holder`` is
    ``<namespace>/<name>`` of somebody else's Service. ``adopted`` is the same of the Service that serves there by other
    means than a deploy, one of that name or another.
    """

    color: str
    node_ports: tuple[int, ...]
    workload: Workload | None = None
    service_ports: tuple[int, ...] | None = None
    holder: str | None = None
    adopted: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether its own Service has every node port that the router points at."""
        return self.service_ports is not None and set(self.node_ports) <= set(self.service_ports)

    @property
    def release(self) -> Release | None:
        return self.workload.release if self.workload else None


def read_commit(value: Any) -> str:
    """The commit that was asked for. Raises InputError when it is no string of the allowed form."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == "":
        raise InputError("No commit was given: say which with -e commit=<commit>.")
    if not isinstance(value, str):
        raise InputError(
            f"The commit {value!r} is {_type_name(value)}, not a string: quote it where it is written "
            '(commit: "0012345"), because YAML reads 0012345 as 5349; in the survey of an AWX job, where quotes do not '
            "help, give more of the commit, up to a letter."
        )
    if not _COMMIT.fullmatch(value):
        raise InputError(
            f"The commit '{value}' cannot be a label: it needs 1 to 63 of A-Z a-z 0-9 . _ -, "
            "with a letter or digit first and last."
        )
    return value


def check_app(app: str) -> None:
    if not _APP.fullmatch(app):
        raise InputError(
            f"The application name '{app}' cannot name Services: it needs 1 to 57 of a-z 0-9 -, "
            "with a letter first and no dash last."
        )


def check_smoke(smoke: str) -> None:
    if smoke not in ("proxy", "preview", "none") and not smoke.startswith(("http://", "https://")):
        raise InputError(
            f"The smoke request '{smoke}' is none of proxy, preview, none, or an http:// or https:// address."
        )


def check_patience(params: Mapping[str, Any]) -> None:
    """Refuse seconds that the wait would refuse when objects have been applied; ``params`` are release_plan's."""
    ready_timeout, grace, image_wait = (
        params[name] for name in ("ready_timeout", "unschedulable_grace", "image_wait")
    )
    if ready_timeout < 1:
        raise InputError(
            f"The pods cannot become ready within {ready_timeout} s: give them 1 second or more."
        )
    if grace < 0:
        raise InputError(f"A pod cannot be without a node for {grace} s: give it 0 seconds or more.")
    if image_wait < 0:
        raise InputError(f"An image cannot be waited for {image_wait} s: give it 0 seconds or more.")


def check_hooks(hooks: Mapping[str, Any], is_file: Callable[[str], bool]) -> None:
    """``hooks`` are task files by the moment that they are for, one or a list of them."""
    for moment, given in hooks.items():
        if moment not in MOMENTS:
            raise InputError(f"There is no moment {moment} for a hook: give one of {', '.join(MOMENTS)}.")
        for file in given if isinstance(given, list) else [given] if given else []:
            if not (isinstance(file, str) and file.startswith("/") and is_file(file)):
                raise InputError(
                    f"The hook {file} is not the absolute path of a file on the controller: "
                    "write it there, or name another."
                )


def read_release(deployment: Mapping[str, Any]) -> Release | None:
    """The release that a deploy put into a Deployment; None when it was no deploy."""
    commit = (deployment["metadata"].get("labels") or {}).get(VERSION)
    manifest = (deployment["metadata"].get("annotations") or {}).get(MANIFEST)
    return Release(commit, manifest) if commit and manifest else None


def images_of(deployment: Mapping[str, Any]) -> tuple[str, ...]:
    pod = ((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}
    return tuple(container.get("image", "") for container in pod.get("containers") or ())


def read_workload(deployment: Mapping[str, Any]) -> Workload:
    notes = deployment["metadata"].get("annotations") or {}
    spec = deployment.get("spec") or {}
    status = deployment.get("status") or {}
    release = read_release(deployment)
    verdict = judge({"kind": "Deployment", **deployment})
    return Workload(
        release=release,
        proven_at=release.marked_at(notes.get(PROVEN)) if release else "",
        rejected=bool(release and release.marked_at(notes.get(REJECTED))),
        replicas=spec.get("replicas", 1),
        ready_replicas=status.get("readyReplicas", 0),
        lack="" if verdict.ready else verdict.reason,
        images=images_of(deployment),
        marks=tuple(mark for mark in MARKS if notes.get(mark)),
        holds_replicas=owns(deployment, "spec", "replicas"),
        order=notes.get(ORDER, ""),
    )


def find_holder(
    services: Iterable[Mapping[str, Any]], node_ports: Sequence[int], namespace: str, own: str
) -> str | None:
    """``<namespace>/<name>`` of a Service that holds one of the node ports and is not ``own``."""
    for service in services:
        metadata = service["metadata"]
        if (metadata["namespace"], metadata["name"]) == (namespace, own):
            continue
        ports = (service.get("spec") or {}).get("ports") or ()
        if any(port.get("nodePort") in node_ports for port in ports):
            return _full_name(service)
    return None


def find_adopted(
    services: Iterable[Mapping[str, Any]], side: Side, namespace: str, own: str
) -> Mapping[str, Any] | None:
    """The Service that may serve on a color that no deploy was made to: it has all of the color's node ports."""
    if side.release is not None:
        return None
    wanted = side.holder or (f"{namespace}/{own}" if side.reachable else None)
    for service in services:
        ports = {port.get("nodePort") for port in (service.get("spec") or {}).get("ports") or ()}
        if _full_name(service) == wanted and ports >= {*side.node_ports}:
            return service
    return None


def companions(deployments: Iterable[Mapping[str, Any]], color: str, release: Release) -> tuple[str, ...]:
    """The Deployments that were staged with a release on one color, by name."""
    return tuple(
        sorted(
            deployment["metadata"]["name"]
            for deployment in deployments
            if (deployment["metadata"].get("labels") or {}).get(COLOR) == color
            and read_release(deployment) == release
        )
    )


def _full_name(thing: Mapping[str, Any]) -> str:
    return f"{thing['metadata']['namespace']}/{thing['metadata']['name']}"


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return f"of type {type(value).__name__}"
