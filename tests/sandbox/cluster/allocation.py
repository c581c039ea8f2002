"""Cluster addresses and node ports of Services."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sandbox.cluster.errors import Cause
from sandbox.cluster.kinds import SERVICE
from sandbox.cluster.objects import Object, dig
from sandbox.cluster.store import Store

NODE_PORTS = range(30000, 32768)
# Below it lies the band that is left to those who choose a port themselves.
_FIRST_DYNAMIC = 30086


def allocate(store: Store, service: Object, old: Object | None, dry_run: bool = False) -> list[Cause]:
    """Gives a Service its cluster address and node ports, in place; says which wanted ones it cannot have."""
    if old is not None:
        _keep(service, old)
    spec = service["spec"]
    if spec["type"] != "ExternalName" and not spec.get("clusterIP"):
        spec["clusterIP"] = _free_address(store)
    if spec.get("clusterIP"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] not in ("NodePort", "LoadBalancer"):
        return []
    return _node_ports(store, service, dry_run)


def _keep(service: Object, old: Object) -> None:
    """What an update leaves out stays as it was; what the new type has no use for goes."""
    spec, was = service["spec"], old["spec"]
    if spec["type"] != "ExternalName":
        spec.setdefault("clusterIP", was.get("clusterIP"))
    had = {(port["protocol"], port["port"]): port.get("nodePort") for port in was.get("ports") or ()}
    exposed = spec["type"] in ("NodePort", "LoadBalancer")
    for port in spec.get("ports") or ():
        before = had.get((port["protocol"], port.get("port")))
        if exposed and before and not port.get("nodePort"):
            port["nodePort"] = before
        elif not exposed and before and port.get("nodePort") == before:
            del port["nodePort"]
    if not exposed and spec.get("externalTrafficPolicy") == was.get("externalTrafficPolicy"):
        spec.pop("externalTrafficPolicy", None)


def _node_ports(store: Store, service: Object, dry_run: bool) -> list[Cause]:
    """A number belongs to one Service, whatever the protocol; ports of one number share theirs."""
    taken = {port for other in store.list(SERVICE) if not _same(other, service) for port in _ports_of(other)}
    ports = service["spec"].get("ports") or ()
    found: dict[Any, int] = {}
    for index, port in enumerate(ports):
        wanted, shared = port.get("nodePort"), found.get(port.get("port"))
        if shared and wanted in (None, 0, shared):
            port["nodePort"] = shared
            continue
        wanted = wanted or next(
            (p["nodePort"] for p in ports if p.get("port") == port.get("port") and p.get("nodePort")), None
        )
        if not wanted:
            free = [number for number in NODE_PORTS if number not in taken]
            wanted = random.choice([number for number in free if number >= _FIRST_DYNAMIC] or free)
        why = ""
        if wanted in taken:
            why = "provided port is already allocated"
        elif wanted not in NODE_PORTS and not dry_run:
            why = f"provided port is not in the valid range. The range of valid ports is {_RANGE}"
        if why:
            return [Cause.invalid(f"spec.ports[{index}].nodePort", str(wanted), why)]
        port["nodePort"] = wanted
        taken.add(wanted)
        found.setdefault(port.get("port"), wanted)
    return []


_RANGE = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"


def _ports_of(service: Object) -> Iterator[int]:
    for port in service["spec"].get("ports") or ():
        if port.get("nodePort"):
            yield port["nodePort"]


def _same(one: Object, other: Object) -> bool:
    keys = ("namespace", "name")
    return all(one["metadata"].get(key) == other["metadata"].get(key) for key in keys)


def _free_address(store: Store) -> str:
    taken = {dig(service, "spec", "clusterIP") for service in store.list(SERVICE)}
    while True:
        address = f"10.96.{random.randrange(256)}.{random.randrange(1, 255)}"
        if address not in taken:
            return address
