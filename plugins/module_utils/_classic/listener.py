# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Listener specifications of a Classic ELB, and the rules AWS has for them.

https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_Listener.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Listener
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError

SECURE = ("HTTPS", "SSL")
_LAYER = {"HTTP": "HTTP", "HTTPS": "HTTP", "TCP": "TCP", "SSL": "TCP"}


@dataclass(frozen=True)
class ListenerSpec:
    """A listener as a user describes it; its node port follows from the color."""

    port: int
    protocol: str
    instance_protocol: str
    certificate: str | None = None
    policies: tuple[str, ...] = ()


def parse_specs(given: Iterable[Mapping[str, Any]]) -> tuple[ListenerSpec, ...]:
    """Check listener specifications by AWS's rules; raises InputError naming the listener and the rule."""
    specs = tuple(_parse_spec(entry) for entry in given)
    seen: set[int] = set()
    for spec in specs:
        if spec.port in seen:
            raise InputError(f"listeners describes port {spec.port} twice: describe each port once")
        seen.add(spec.port)
    return specs


def check_ports(ports: Sequence[int]) -> None:
    """Refuse what cannot be a listener port."""
    for port in ports:
        if not 1 <= port <= 65535:
            raise InputError(f"{port} is not a listener port: use 1 to 65535")


def check_shared_ports(name: str, listeners: Iterable[Listener]) -> None:
    """AWS wants listeners that share an instance port to be all secure or all plain towards it."""
    secure: dict[int, tuple[bool, int]] = {}
    for listener in listeners:
        is_secure = listener.instance_protocol in SECURE
        first = secure.setdefault(listener.instance_port, (is_secure, listener.port))
        if first[0] != is_secure:
            raise InputError(
                f"listeners {first[1]} and {listener.port} of {name} would share instance port "
                f"{listener.instance_port}, one over TLS and one in plain: give them node ports of their own "
                "or the same kind of instance_protocol"
            )


def listener_text(listener: Listener | None) -> str:
    """A listener in one line for a person."""
    if listener is None:
        return "absent"
    text = f"{listener.port} {listener.protocol} to {listener.instance_port} {listener.instance_protocol}"
    if listener.certificate:
        text += f", certificate {listener.certificate}"
    return f"{text}, policies {', '.join(listener.policies)}" if listener.policies else text


def _parse_spec(entry: Mapping[str, Any]) -> ListenerSpec:
    port, protocol = int(entry["port"]), str(entry["protocol"]).upper()
    instance_protocol = str(entry.get("instance_protocol") or _LAYER[protocol]).upper()
    certificate = entry.get("certificate") or None
    check_ports([port])
    if _LAYER[protocol] != _LAYER[instance_protocol]:
        raise InputError(
            f"listener {port} cannot carry {protocol} to {instance_protocol}: "
            "HTTP and HTTPS go to HTTP or HTTPS, TCP and SSL to TCP or SSL"
        )
    if protocol in SECURE and certificate is None:
        raise InputError(f"{protocol} listener {port} needs a certificate: name the ARN of one")
    if protocol not in SECURE and certificate is not None:
        raise InputError(
            f"{protocol} listener {port} cannot have certificate {certificate}: use HTTPS or SSL"
        )
    return ListenerSpec(
        port, protocol, instance_protocol, certificate, tuple(sorted(entry.get("policies") or ()))
    )
