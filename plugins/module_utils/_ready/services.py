# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Judge a Service: by its EndpointSlices, and by where its node ports lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import (
    Object,
    Seen,
    Verdict,
    cause_of,
    verdict_on,
)

# For how long somebody's change of the Service may be under way, in seconds.
_SETTLES = 3.0


def service(thing: Object, seen: Seen) -> Verdict:
    """A Service is ready when one of its endpoints is; it fails by nothing but time."""
    spec = thing.get("spec") or {}
    endpoints = [endpoint for piece in _slices(thing, seen) for endpoint in piece.get("endpoints") or ()]
    ready = sum(_is_ready(each) for each in endpoints)
    selector = spec.get("selector") or {}
    pods = [pod for pod in seen.pods if selector and selector.items() <= pod.labels.items() and pod.counts]
    reason = f"{ready} of {len(endpoints)} endpoints are ready"
    if spec.get("type") == "ExternalName":
        reason = "it is an ExternalName and has no endpoints"
    elif not endpoints:
        reason = "its selector matches no pod" if selector and not pods else "it has no endpoints"
    wanted = max(len(endpoints), 1)
    return verdict_on(thing, ready > 0, reason, wanted=wanted, available=ready, pods=tuple(pods))


def leads_from_node_ports(
    thing: Object, seen: Seen, node_ports: Sequence[int], pod_labels: Mapping[str, str]
) -> Verdict:
    """A Service that a load balancer sends to is ready when each of the node ports leads to all of its pods.

    Its pods are those with ``pod_labels``, all that its selector matches where none are given: a
    selector that leads elsewhere, or to some of them, is not ready, whatever answers there.
    """
    spec = thing.get("spec") or {}
    selector = spec.get("selector") or {}
    chosen = [pod for pod in seen.pods if selector and selector.items() <= pod.labels.items() and pod.counts]
    strays = [pod.name for pod in chosen if not pod_labels.items() <= pod.labels.items()]
    own = [pod for pod in seen.pods if pod_labels.items() <= pod.labels.items() and pod.counts]
    own = own if pod_labels else chosen
    names = _names(spec)
    missing = [str(port) for port in node_ports if port not in names]
    led = {port: _pods_behind(thing, seen, names[port]) for port in node_ports if port in names}
    reached = {port: sum(pod.name in behind for pod in own) for port, behind in led.items()}
    wrong = f"has no node port {', '.join(missing)}" if missing else ""
    wrong = wrong or (f"leads to {strays[0]}, a pod without {_text(pod_labels)}" if strays else "")
    if wrong:
        reason = f"it {wrong}"
    elif not own:
        reason = "its selector matches no pod"
    else:
        reason = ", ".join(
            f"node port {port} leads to {count} of {len(own)} pods"
            for port, count in reached.items()
            if count < len(own)
        )
    available = min(reached.values(), default=0)
    told = reason or f"{available} of {len(own)} endpoints are ready"
    # A selector or a port changes by somebody's hand alone; endpoints follow their pods.
    causes = [cause_of(thing, "way", "LeadsElsewhere", f"the Service {wrong}", _SETTLES)] if wrong else []
    return verdict_on(
        thing,
        not reason,
        told,
        wanted=max(len(own), 1),
        available=available,
        pods=tuple(own),
        causes=tuple(causes),
    )


def _names(spec: Mapping[str, object]) -> dict[int, str]:
    """What the Service calls its ports, by their node ports; a single port may be without a name."""
    ports = spec.get("ports")
    listed = ports if isinstance(ports, list) else []
    return {port["nodePort"]: port.get("name") or "" for port in listed if port.get("nodePort")}


def _pods_behind(thing: Object, seen: Seen, port_name: str) -> set[str]:
    """The pods that a port of the Service leads to now."""
    return {
        str((endpoint.get("targetRef") or {}).get("name"))
        for piece in _slices(thing, seen)
        if any((port.get("name") or "") == port_name for port in piece.get("ports") or ())
        for endpoint in piece.get("endpoints") or ()
        if _is_ready(endpoint)
    }


def _slices(thing: Object, seen: Seen) -> Iterator[Object]:
    name = thing["metadata"]["name"]
    for piece in seen.slices:
        if (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name:
            yield piece


def _is_ready(endpoint: Mapping[str, object]) -> bool:
    """An endpoint that says nothing of being ready is."""
    conditions = endpoint.get("conditions")
    return not (isinstance(conditions, Mapping) and conditions.get("ready") is False)


def _text(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
