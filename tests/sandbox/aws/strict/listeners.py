"""What AWS accepts as listeners, and what a create adds to those that are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.strict.errors import ElbError, duplicate_listener, invalid, refused

APPLICATION, TRANSPORT = "application", "transport"
LAYERS = {"HTTP": APPLICATION, "HTTPS": APPLICATION, "TCP": TRANSPORT, "SSL": TRANSPORT}
SECURE = frozenset({"HTTPS", "SSL"})
# What AWS takes for an InstanceProtocol that is not given.
PLAIN = {APPLICATION: "HTTP", TRANSPORT: "TCP"}
MAX_LISTENERS = 100


@dataclass(frozen=True)
class ListenerSpec:
    port: int
    protocol: str
    instance_port: int
    instance_protocol: str
    certificate: str | None

    @property
    def secure(self) -> bool:
        return self.protocol in SECURE

    @property
    def layer(self) -> str:
        return LAYERS[self.protocol]


def parse_listeners(specs: Iterable[Mapping[str, Any]]) -> list[ListenerSpec]:
    """The Listeners parameter of a request, each checked by itself."""
    listeners = [_parse_listener(spec) for spec in specs]
    if not listeners:
        raise invalid("Listeners cannot be empty")
    return listeners


def added_listeners(
    name: str, existing: Iterable[ListenerSpec], wanted: Iterable[ListenerSpec]
) -> list[ListenerSpec]:
    """Those of `wanted` that are not there yet; one that contradicts `existing` refuses them all."""
    by_port = {listener.port: listener for listener in existing}
    added = []
    for listener in wanted:
        if listener.port not in by_port:
            added.append(listener)
            by_port[listener.port] = listener
        elif by_port[listener.port] != listener:
            raise duplicate_listener(name, listener.port)
    _check_together(by_port.values())
    return added


def _parse_listener(spec: Mapping[str, Any]) -> ListenerSpec:
    protocol = _protocol(spec["Protocol"])
    instance_protocol = _protocol(spec.get("InstanceProtocol") or PLAIN[LAYERS[protocol]])
    if LAYERS[protocol] != LAYERS[instance_protocol]:
        raise invalid(
            f"Protocol {protocol} and InstanceProtocol {instance_protocol} are not of the same layer"
        )
    certificate = spec.get("SSLCertificateId") or None
    if protocol in SECURE and certificate is None:
        raise invalid("Secure Listeners need to specify a SSLCertificateId")
    if protocol not in SECURE and certificate is not None:
        raise invalid(f"A {protocol} listener takes no SSLCertificateId")
    return ListenerSpec(
        port=_port("LoadBalancerPort", spec["LoadBalancerPort"]),
        protocol=protocol,
        instance_port=_port("InstancePort", spec["InstancePort"]),
        instance_protocol=instance_protocol,
        certificate=certificate,
    )


def _protocol(given: str) -> str:
    if given.upper() not in LAYERS:
        raise ElbError("UnsupportedProtocol", f"The protocol {given} is not one of {', '.join(LAYERS)}")
    return given.upper()


def _port(name: str, given: Any) -> int:
    port = int(given)
    if not 1 <= port <= 65535:
        raise invalid(f"{name} must be from 1 to 65535, not {port}")
    return port


def _check_together(listeners: Iterable[ListenerSpec]) -> None:
    by_instance_port: dict[int, ListenerSpec] = {}
    listeners = list(listeners)
    for listener in listeners:
        first = by_instance_port.setdefault(listener.instance_port, listener)
        if (first.instance_protocol in SECURE) != (listener.instance_protocol in SECURE):
            raise refused(
                f"Listeners {first.port} and {listener.port} share InstancePort {listener.instance_port}, "
                f"but {first.instance_protocol} and {listener.instance_protocol} are not both secure or both plain"
            )
    if len(listeners) > MAX_LISTENERS:
        raise refused(f"A load balancer can have {MAX_LISTENERS} listeners")
