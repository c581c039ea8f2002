# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every situation that a way back may be asked for in: routers as a Classic ELB is read, colors, ledgers."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Move
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import ClassicRouter, judged
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import LoadBalancer
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, Ledger, contents
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    PROVEN,
    REJECTED,
    Release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Look
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, PREVIEW_TAG

from ..routers import PER_LISTENER, SINGLE, check, http, https
from ..routers import router as balancer
from ..swaps import intent
from .plans import HASHES, deployment, endpoints, manifests, plan, service

Objects = tuple[dict[str, Any], ...]

ON_GREEN = check("HTTP:30082/healthz")
TO_GREEN = intent("green", Move(80, "HTTP", "HTTP", 30081, 30082, policies=("sticky",)))
CUT_OFF_AT = 1_700_000_000 + 121


def begun(*listeners: Any, read_at: int = CUT_OFF_AT, **more: Any) -> LoadBalancer:
    """With a swap from blue to green recorded on it, which was cut off unless it is read at once."""
    tags = {**SINGLE, **TO_GREEN, **more.pop("tags", {})}
    return balancer(*listeners, tags=tags, read_at=read_at, **more)


# All but the last few lead to blue, as far as they lead anywhere.
BALANCERS: dict[str, LoadBalancer] = {
    "whole": balancer(http(80, 30081)),
    "ours": balancer(http(80, 30081), tags={**SINGLE, CLAIM_TAG: "shop/8c1e"}),
    "anothers": balancer(http(80, 30081), tags={**SINGLE, CLAIM_TAG: "cart/8c1e"}),
    "two-ports": balancer(http(80, 30081), https(443, 30083), tags=PER_LISTENER),
    "preview": balancer(http(80, 30081), http(8081, 30082), tags={**SINGLE, PREVIEW_TAG: "8081"}),
    "health-check-on-idle": balancer(http(80, 30081), health_check=ON_GREEN),
    "mixed": balancer(http(80, 30081), http(81, 30082)),
    "listener-missing": balancer(http(80, 30081), tags=PER_LISTENER),
    "no-listener": balancer(),
    "unknown-port": balancer(http(80, 30081), https(443, 31000), tags=PER_LISTENER),
    "policy-missing": balancer(https(443, 30081, policies=())),
    "policy-missing-and-check": balancer(https(443, 30081, policies=()), health_check=ON_GREEN),
    "tags-missing": balancer(http(80, 30081), tags={}),
    "tag-missing": balancer(http(80, 30081), tags={"green": "30082"}),
    "tags-equal": balancer(http(80, 30081), tags={"blue": "30081", "green": "30081"}),
    "tags-invalid": balancer(http(80, 30081), tags={"blue": "30081", "green": "web"}),
    "preview-tag-invalid": balancer(http(80, 30081), tags={**SINGLE, PREVIEW_TAG: "next"}),
    "owned-by-kubernetes": balancer(http(80, 30081), tags={**SINGLE, "kubernetes.io/service-name": "a/b"}),
    "unreadable": balancer(http(80, 30081), tags={**SINGLE, "octoblu.bluegreen/swap.0": "9+4"}),
    "cut-off-before-delete": begun(http(80, 30081)),
    "cut-off-closed": begun(),
    "cut-off-without-policies": begun(http(80, 30082)),
    "cut-off-before-the-check": begun(http(80, 30082, policies=("sticky",))),
    "cut-off-with-the-check": begun(http(80, 30082, policies=("sticky",)), health_check=ON_GREEN),
    "cut-off-anothers": begun(tags={CLAIM_TAG: "cart/8c1e"}),
    "under-way": begun(read_at=1_700_000_001),
    "on-green": balancer(http(80, 30082), health_check=ON_GREEN),
    "on-green-with-check-on-blue": balancer(http(80, 30082)),
}
# Those in which a run may have something to do, and not the same.
WORKABLE = (
    "whole", "two-ports", "preview", "health-check-on-idle", "mixed", "unknown-port", "policy-missing",
    "cut-off-before-delete", "cut-off-closed", "cut-off-with-the-check", "on-green",
)  # fmt: skip


def front(name: str, *described: int) -> ClassicRouter:
    return judged(BALANCERS[name], Look(described_ports=described), read_began=0.0)


OLDEST, OLD, NEW = "0000001", "0012345", "00abcde"
HASHES[OLDEST] = plan(commit=OLDEST, manifests=manifests(OLDEST))["manifest"]


def release(commit: str) -> Release:
    return Release(commit, HASHES[commit])


def rejected(thing: dict[str, Any], commit: str) -> dict[str, Any]:
    thing["metadata"]["annotations"][REJECTED] = release(commit).mark("later")
    return thing


def foreign(color: str) -> dict[str, Any]:
    """A Deployment by its name alone."""
    thing = deployment(color, OLD)
    thing["metadata"] |= {"labels": {}, "annotations": {}}
    return thing


def waiting(color: str, commit: str) -> dict[str, Any]:
    thing = deployment(color, commit)
    thing["status"] |= {"availableReplicas": 1}
    return thing


def proven_at(thing: dict[str, Any], commit: str, when: str) -> dict[str, Any]:
    thing["metadata"]["annotations"][PROVEN] = release(commit).mark(when)
    return thing


def colors(color: str, commit: str) -> dict[str, Objects]:
    """What may stand on one color."""
    own = service(color)
    elsewhere = service(color) | {"spec": {"ports": [{"name": "http", "port": 80, "nodePort": 30099}]}}
    legacy = service(color, "legacy", f"web-{color}")
    return {
        "nothing": (),
        "service-alone": (own,),
        "good": (deployment(color, commit), own),
        "unproven": (deployment(color, commit, proven=False), own),
        "rejected": (rejected(deployment(color, commit), commit), own),
        "not-ready": (waiting(color, commit), own),
        "retired": (deployment(color, commit, replicas=0), own),
        "no-service": (deployment(color, commit),),
        "other-port": (deployment(color, commit), elsewhere),
        "not-ours": (foreign(color), own),
        "held": (legacy,),
        "adopted": (legacy, endpoints(legacy)),
        "adopted-and-down": (legacy, endpoints(legacy, ready=False)),
        "adopted-by-its-name": (foreign(color), own, endpoints(own)),
        "held-before-a-deployment": (deployment(color, commit), legacy),
    }


def moved(name: str, commit: str, left: str | None = None, **details: Any) -> Event:
    was = release(left) if left else None
    run = f"{name}-{commit}-{left}"
    return Event(name, "2026-01-02T03:04:05+00:00", run, release(commit), "blue", was, {}, details)


HISTORY = (moved("swapped", OLDEST), moved("swapped", OLD, OLDEST), moved("swapped", NEW, OLD))
LEDGERS: dict[str, tuple[Event, ...]] = {
    "empty": (),
    "three": HISTORY,
    "adopted": (moved("swapped", NEW),),
    "staged-since": (*HISTORY, moved("staged", OLD)),
    "failed-since": (*HISTORY, moved("failed", OLD, bad=True)),
    "rolled-back": (*HISTORY, moved("rolled_back", OLD, NEW)),
    "rolled-back-twice": (*HISTORY, moved("rolled_back", OLD, NEW), moved("rolled_back", OLDEST, OLD)),
    "back-to-a-service": (
        moved("swapped", NEW),
        replace(moved("rolled_back", NEW, NEW), release=None, service="legacy/web-blue"),
    ),
    "announced-to-a-service": (
        moved("swapped", NEW),
        replace(moved("rollback", NEW, NEW), release=None, service="legacy/web-blue"),
    ),
    "announced": (*HISTORY, moved("rollback", OLD, NEW)),
}
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys-COLOR}\n---"


def _kept(commit: str, secret: bool = False) -> bytes:
    texts = manifests(commit)
    if secret:
        texts = {color: SECRET.replace("COLOR", color) + text for color, text in texts.items()}
    return base64.b64decode(plan(commit=commit, manifests=texts)["keep"])


KEPT: dict[str, dict[Release, bytes]] = {
    "nothing": {},
    "all": {release(commit): _kept(commit) for commit in (OLDEST, OLD, NEW)},
    "damaged": {release(commit): b"x" for commit in (OLDEST, OLD, NEW)},
    "with-a-secret": {release(OLD): _kept(OLD, secret=True)},
}


def history(events: str, kept: str) -> dict[str, Any]:
    body = contents(Ledger(LEDGERS[events], KEPT[kept]))
    return {"kind": "ConfigMap", "metadata": {"name": "shop-releases", "namespace": "store"}, **body}


Pasts = Iterable[tuple[str, str]]

# What may stand in the cluster: as much as tells routers apart, as decisions apart, and everything.
FEW: tuple[Pasts, tuple[str, ...], tuple[str, ...]] = (
    [("empty", "nothing"), ("three", "all")],
    ("good", "adopted"),
    ("good", "retired", "nothing", "adopted"),
)
SOME: tuple[Pasts, tuple[str, ...], tuple[str, ...]] = (
    [
        *FEW[0],
        ("three", "nothing"),
        ("announced", "all"),
        ("announced-to-a-service", "all"),
    ],
    ("good", "unproven", "adopted"),
    ("nothing", "good", "retired", "no-service", "adopted-by-its-name"),
)
ALL: tuple[Pasts, tuple[str, ...], tuple[str, ...]] = (
    [*product(LEDGERS, ("all",)), ("three", "nothing"), ("three", "damaged"), ("three", "with-a-secret")],
    ("good", "not-ready", "held", "adopted", "not-ours"),
    tuple(colors("green", OLD)),
)


def clusters(which: tuple[Pasts, tuple[str, ...], tuple[str, ...]]) -> Iterator[tuple[str, Objects]]:
    """Each with its name."""
    for (events, kept), blue, green in product(*which):
        there = (*colors("blue", NEW)[blue], *colors("green", OLD)[green], history(events, kept))
        yield f"{events}, {kept} kept, blue {blue}, green {green}", there
