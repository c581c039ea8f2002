# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests as people have them, applied, changed and changed back: what we leave is what kubectl leaves."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from settings import Settings

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster, connect
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import release_apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import parse

Object = dict[str, Any]

KUBECTL = Path(sys.executable).with_name("kubectl")
# YAML by another name, because ansible-test allows one document a file.
MANIFESTS = Path(__file__).with_name("manifests")
FILES = tuple(sorted(path.stem for path in (MANIFESTS / "before").iterdir()))
# What is applied one after the other, each way in a namespace of its own.
ROUNDS = ("before", "after", "before again")
OURS, CLIENT, SERVER = "ours", "client-side", "server-side"
# The node ports that the manifests name; others are the cluster's choice.
NODE_PORTS = (30081, 30082)

# Annotations that kubectl or a controller writes.
_NOTES = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
)
_SERVERS_OWN = ("creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "uid")
_JOBS_OWN = ("batch.kubernetes.io/controller-uid", "controller-uid")
_ADDRESSES = ("clusterIP", "clusterIPs", "healthCheckNodePort")
# It puts the only one that is refused otherwise.
_INVALID = re.compile(
    r'^(?:The|Error from server \(Invalid\):|for: ".*:) (\w+)(?:\.\S+)? "(\S+)" is invalid: (.*)$',
    re.MULTILINE,
)
_UNTYPED = re.compile(r"^Error from server: .*\(\S+/(\S+); \S+, Kind=(\w+)\): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Left:
    """What an applied folder has left: objects by kind and name, and what was said of those that were refused."""

    objects: Mapping[str, Object]
    refused: Mapping[str, str]


@dataclass(frozen=True)
class Differs:
    """Where kubectl leaves something else than we do; ``there`` is what."""

    way: str
    round: str
    thing: str
    field: str
    there: Any


@dataclass(frozen=True)
class Refused:
    way: str
    round: str
    thing: str
    because: str


_TWICE = 'env: duplicate entries for key [name="JAVA_OPTS"]'
_IMMUTABLE = "spec.template: Invalid value"
REFUSED: dict[str, list[Refused]] = {
    # It knows ports by their number alone, and writes both of 53 into the first.
    "dns": [
        Refused(CLIENT, "after", "Deployment/resolver", 'ports[1].name: Duplicate value: "dns-tcp"'),
        Refused(CLIENT, "after", "Service/resolver", 'ports[1].name: Duplicate value: "dns-tcp"'),
    ],
    # A name is a key, so it cannot stand twice.
    "env-twice": [
        Refused(way, name, "Deployment/twice", _TWICE) for way in (OURS, SERVER) for name in ROUNDS
    ],
    # It finds port 30000 twice among what was applied last, and writes one without a name in its place.
    "game-server": [
        Refused(CLIENT, "before again", "Service/minetest", "spec.ports[0].name: Required value"),
    ],
    # We delete a Job and make it anew.
    "job-once": [Refused(way, "after", "Job/migrate", _IMMUTABLE) for way in (CLIENT, SERVER)],
    # The defaults of another strategy belong to nobody, and stay in the way; we take them out.
    "recreate": [
        Refused(SERVER, "after", "Deployment/scheduler", "spec.strategy.rollingUpdate: Forbidden"),
    ],
}
_PORTS = ".spec.template.spec.containers[0].ports"
_SPREAD = ".spec.template.spec.topologySpreadConstraints"
_ZONE = {
    "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "search"}},
}  # fmt: skip
_HOST = {
    "maxSkew": 2, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app": "search"}},
}  # fmt: skip
DIFFERS: dict[str, list[Differs]] = {
    # Server-side, nothing becomes a text; client-side it is absent, as it is for us.
    "annotations": [Differs(SERVER, "after", "Deployment/odd", ".metadata.labels.track", "")],
    "configmaps": [Differs(SERVER, "after", "ConfigMap/grafana-extra", ".data.unset", "")],
    # What OnDelete has no use for: we take it out, because other kinds than this one refuse it.
    "daemonset": [
        Differs(
            way, "after", "DaemonSet/kured", ".spec.updateStrategy.rollingUpdate",
            {"maxSurge": 0, "maxUnavailable": 1},
        )
        for way in (CLIENT, SERVER)
    ],
    "env-twice": [Differs(CLIENT, name, "Deployment/twice", "", "it") for name in ROUNDS],
    # Client-side, ports are known by their number alone: one goes with the other of its number, or comes into it.
    "game-server": [
        Differs(
            CLIENT, "after", "Deployment/minetest", _PORTS,
            [{"containerPort": 30000, "protocol": "UDP"}, {"containerPort": 30001, "protocol": "TCP"}],
        ),
        Differs(
            CLIENT, "after", "Service/minetest", ".spec.ports",
            [{"name": "game", "port": 30000, "protocol": "UDP", "targetPort": 30001}],
        ),
        Differs(
            CLIENT, "before again", "Deployment/minetest", _PORTS,
            [{"containerPort": 30000, "protocol": "UDP"}, {"containerPort": 27015, "protocol": "TCP"}],
        ),
    ],
    "http3": [
        Differs(
            CLIENT, "before again", "Deployment/caddy", _PORTS,
            [
                {"containerPort": 80, "name": "http", "protocol": "TCP"},
                {"containerPort": 443, "name": "https", "protocol": "UDP"},
            ],
        ),
        Differs(
            CLIENT, "before again", "Service/caddy", ".spec.ports",
            [
                {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": "allocated"},
                {
                    "name": "https", "port": 443, "protocol": "UDP", "targetPort": "https", "nodePort": 30082,
                    "appProtocol": "https",
                },
            ],
        ),
    ],
    # Client-side, these are known by their topologyKey alone.
    "placement": [
        Differs(
            CLIENT, "after", "Deployment/search", _SPREAD,
            [{**_ZONE, "minDomains": 2, "nodeTaintsPolicy": "Honor"}],
        ),
        Differs(
            CLIENT, "before again", "Deployment/search", _SPREAD,
            [{**_ZONE, "matchLabelKeys": ["pod-template-hash"]}, _HOST],
        ),
    ],
}  # fmt: skip


def names(wanted: Mapping[str, Any]) -> str:
    return f"{wanted['kind']}/{wanted['metadata']['name']}"


def read(path: Path) -> tuple[Object, ...]:
    return parse([(path.name, path.read_text())], "blue")


def by_us(client: Cluster, folder: Path, namespace: str) -> dict[str, str]:
    """Apply a folder as release_apply does; what was refused, and why."""
    refused = {}
    given = {"namespace": namespace, "lock": None, "strict": True, "replace": False, "scale": []}
    for path in sorted(folder.iterdir()):
        for wanted in read(path):
            try:
                release_apply.run({**given, "objects": [wanted]}, False, client, lambda _line: None)
            except BluegreenError as error:
                refused[names(wanted)] = error.message
    return refused


def by_kubectl(folder: Path, namespace: str, *arguments: str) -> dict[str, str]:
    """The same with kubectl, in one process."""
    command: list[str | Path] = [
        KUBECTL,
        f"--cache-dir={folder.parent}/cache",
        "apply",
        "-n",
        namespace,
        "-f",
        folder,
        *arguments,
    ]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = finished.stderr
    refused = {f"{kind}/{name}": why for kind, name, why in _INVALID.findall(said)}
    refused |= {f"{kind}/{name}": why for name, kind, why in _UNTYPED.findall(said)}
    assert len(re.findall("^(?:error|Error|The) ", said, re.MULTILINE)) == len(refused), said
    assert (finished.returncode != 0) == bool(refused), said
    return refused


@pytest.fixture(scope="module")
def left(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Left]:
    """What each way has left after each round. A node port is there once, so they go one after the other."""
    client = connect({})
    folder = tmp_path_factory.mktemp("manifests")
    wanted = {names(each): each for path in render(settings, folder) for each in read(path)}
    kinds = sorted({(each["apiVersion"], each["kind"]) for each in wanted.values()})
    result = {}
    for way in (OURS, CLIENT, SERVER):
        with a_namespace(client) as namespace:
            for name in ROUNDS:
                applied = folder / name.split()[0]
                if way == OURS:
                    refused = by_us(client, applied, namespace)
                else:
                    refused = by_kubectl(applied, namespace, f"--server-side={str(way == SERVER).lower()}")
                found = [each for kind in kinds for each in client.list(*kind, namespace)[0]]
                result[way, name] = Left({names(each): each for each in found}, refused)
    return result


@contextmanager
def a_namespace(client: Cluster) -> Iterator[str]:
    """One whose node ports are free again afterwards."""
    namespace = f"manifests-{uuid.uuid4().hex[:8]}"
    client.create("v1", "Namespace", None, {"metadata": {"name": namespace}})
    try:
        yield namespace
    finally:
        for service in client.list("v1", "Service", namespace)[0]:
            client.delete("v1", "Service", service["metadata"]["name"], namespace)
        client.delete("v1", "Namespace", namespace)


def render(settings: Settings, folder: Path) -> Iterator[Path]:
    """Copies of the manifests with node ports that are free in the cluster."""
    for path in MANIFESTS.glob("*/*.manifest"):
        text = path.read_text()
        for port, free in zip(NODE_PORTS, (settings.blue_port, settings.green_port), strict=True):
            text = text.replace(f"nodePort: {port}", f"nodePort: {free}")
        copied = folder / path.parent.name / f"{path.stem}.yaml"
        copied.parent.mkdir(exist_ok=True)
        copied.write_text(text)
        yield copied


def comparable(settings: Settings, found: Object) -> Object:
    """An object without what is different in each namespace, and what a controller writes."""
    thing = copy.deepcopy(found)
    thing.pop("status", None)
    metadata, spec = thing["metadata"], thing.get("spec") or {}
    for field in _SERVERS_OWN:
        metadata.pop(field, None)
    for note in _NOTES:
        metadata.get("annotations", {}).pop(note, None)
    if not metadata.get("annotations"):
        metadata.pop("annotations", None)
    if thing["kind"] == "Service":
        for field in _ADDRESSES:
            if spec.get(field) not in ("None", ["None"]):
                spec.pop(field, None)
        named = dict(zip((settings.blue_port, settings.green_port), NODE_PORTS, strict=True))
        for port in spec.get("ports") or ():
            if "nodePort" in port:
                port["nodePort"] = named.get(port["nodePort"], "allocated")
    if thing["kind"] == "Job":
        spec.pop("selector", None)
        for label in _JOBS_OWN:
            spec["template"]["metadata"]["labels"].pop(label, None)
    return thing


def differences(ours: Any, theirs: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """Each field that is not the same, and what is there; lists of other lengths are one."""
    if None in (ours, theirs) and ours != theirs and not field:
        yield field, "it" if theirs else None
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from differences(ours.get(key), theirs.get(key), f"{field}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{field}[{place}]")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield field, theirs


def test_every_name_is_there_once() -> None:
    assert len(FILES) >= 30
    for folder in ("before", "after"):
        count = Counter(names(each) for path in (MANIFESTS / folder).iterdir() for each in read(path))
        assert count.most_common(1)[0][1] == 1, count


@pytest.mark.parametrize("file", FILES)
def test_what_is_left(file: str, left: dict[tuple[str, str], Left], settings: Settings) -> None:
    things = {
        names(each)
        for folder in ("before", "after")
        for each in read(MANIFESTS / folder / f"{file}.manifest")
    }
    known = REFUSED.get(file, [])
    refused = [
        (way, name, thing)
        for (way, name), each in left.items()
        for thing in sorted(things & each.refused.keys())
    ]
    expected = [(each.way, each.round, each.thing) for each in known]
    assert sorted(refused) == sorted(expected), "\n".join(map(str, refused))
    for each in known:
        assert each.because in left[each.way, each.round].refused[each.thing]

    def at(way: str, name: str, thing: str) -> Object | None:
        found = left[way, name].objects.get(thing)
        return comparable(settings, found) if found else None

    differing = [
        Differs(way, name, thing, field, there)
        for way in (CLIENT, SERVER)
        for name in ROUNDS
        for thing in sorted(things)
        if (way, name, thing) not in refused
        for field, there in differences(at(OURS, name, thing), at(way, name, thing))
    ]
    assert differing == DIFFERS.get(file, []), "\n".join(map(str, differing))
    for way, name, thing in refused:
        before = ROUNDS[ROUNDS.index(name) - 1] if name != ROUNDS[0] else name
        assert at(way, name, thing) == at(way, before, thing)
    for thing in things:
        assert at(OURS, "before", thing) == at(OURS, "before again", thing)
