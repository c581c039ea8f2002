# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What stands in the cluster for an application, read in one round of parallel requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Seen
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import judge
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    Ledger,
    name_of_ledger,
    read_ledger,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import name_of_lock
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
    node_ports,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Side,
    find_adopted,
    find_holder,
    read_workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import together


@dataclass(frozen=True)
class ClusterState:
    """``services`` are the colors' own; ``claim`` is ours on the router.

    ``lease`` is the Lease of the lock, None where there is none; ``lock_seen`` whether it could be
    read at all. ``warnings`` tell what could not be read and can be done without.
    """

    claim: str
    sides: Mapping[str, Side]
    services: Mapping[str, Object | None]
    deployments: Sequence[Object]
    ledger: Ledger
    lease: Object | None
    lock_seen: bool
    warnings: tuple[str, ...]


def read_cluster_state(
    client: Cluster, app: str, namespace: str, places: Mapping[str, Place]
) -> ClusterState:
    """Raises InputError where there is no such namespace, ClusterError where the API refuses or is silent."""
    warnings: list[str] = []
    found, services, (deployments, _version), ledger, lease = together(
        [
            partial(client.get, "v1", "Namespace", namespace),
            partial(_list_services, client, namespace),
            partial(client.list, "apps/v1", "Deployment", namespace),
            partial(_unless_forbidden, client, "v1", "ConfigMap", name_of_ledger(app), namespace),
            partial(
                _unless_forbidden, client, "coordination.k8s.io/v1", "Lease", name_of_lock(app), namespace
            ),
        ]
    )
    if found is None:
        raise InputError(
            f"There is no namespace {namespace} at {client.host}: create it with "
            f"'kubectl create namespace {namespace}', or check that this is the cluster you mean."
        )
    if isinstance(ledger, ClusterError):
        warnings.append(f"The history of {app} is not known: {ledger.message}")
    history = Ledger() if isinstance(ledger, ClusterError) else read_ledger(ledger)
    if history.damaged:
        warnings.append(f"{history.damaged} entries of ConfigMap {name_of_ledger(app)} cannot be read.")
    own = {color: _named(services, place) for color, place in places.items()}
    sides = {}
    for color, place in places.items():
        deployment, service = _named(deployments, place), own[color]
        side = Side(
            color,
            place.node_ports,
            read_workload(deployment) if deployment else None,
            node_ports(service) if service else None,
            find_holder(services, place.node_ports, namespace, place.name),
        )
        sides[color] = replace(side, adopted=_adopted(client, services, side, place))
    seen = not isinstance(lease, ClusterError)
    return ClusterState(
        f"{app}/{found['metadata']['uid']}",
        sides,
        own,
        deployments,
        history,
        lease if seen else None,
        seen,
        tuple(warnings),
    )


def _list_services(client: Cluster, namespace: str) -> Sequence[Object]:
    """All Services of the cluster, because node ports are the cluster's; else what we may see."""
    try:
        return client.list("v1", "Service")[0]
    except ClusterError as error:
        if error.details.get("status") != 403:
            raise
        return client.list("v1", "Service", namespace)[0]


def _adopted(client: Cluster, services: Sequence[Object], side: Side, place: Place) -> str | None:
    """The Service that serves on a color by other means than a deploy; somebody else's of which nothing may be seen, too."""
    service = find_adopted(services, side, place.namespace, place.name)
    if service is None:
        return None
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    try:
        selector = f"kubernetes.io/service-name={name}"
        slices, _version = client.list("discovery.k8s.io/v1", "EndpointSlice", namespace, selector)
    except ClusterError as error:
        if error.details.get("status") != 403:
            raise
        return side.holder
    serves = judge({**service, "kind": "Service"}, Seen(slices=slices)).ready
    return f"{namespace}/{name}" if serves else None


def _unless_forbidden(client: Cluster, api_version: str, kind: str, name: str, namespace: str) -> Any:
    """The object or None; the refusal itself where this user may not see it."""
    try:
        return client.get(api_version, kind, name, namespace)
    except ClusterError as error:
        if error.details.get("status") != 403:
            raise
        return error


def _named(objects: Sequence[Object], place: Place) -> Object | None:
    wanted = (place.namespace, place.name)
    return next((o for o in objects if (o["metadata"]["namespace"], o["metadata"]["name"]) == wanted), None)
