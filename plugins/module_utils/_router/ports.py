# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The node ports of a color: what its tag holds, and what stands behind a listener."""

from __future__ import annotations

import re
from dataclasses import dataclass

COLORS = ("blue", "green")

# The range a NodePort Service may use unless the API server is told otherwise:
# https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
NODE_PORTS = range(30000, 32768)

_PAIR = re.compile(r"(\d+)=(\d+)")


def other(color: str) -> str:
    return "green" if color == "blue" else "blue"


@dataclass(frozen=True)
class ColorPorts:
    """The node ports of one color, as its tag tells them.

    ``single`` serves every listener; otherwise ``by_listener`` holds (listener port, node port).
    """

    single: int | None = None
    by_listener: tuple[tuple[int, int], ...] = ()

    @property
    def named(self) -> tuple[int, ...]:
        """The listener ports that the tag names."""
        return tuple(port for port, _node_port in self.by_listener)

    @property
    def node_ports(self) -> tuple[int, ...]:
        """Each once, in the order of the listener ports that they are behind."""
        if self.single is not None:
            return (self.single,)
        return tuple(dict.fromkeys(node_port for _port, node_port in self.by_listener))

    def at(self, listener_port: int) -> int | None:
        """The node port behind a listener port; None when the tag does not name it."""
        return self.single if self.single is not None else dict(self.by_listener).get(listener_port)


def parse_ports(value: str) -> ColorPorts:
    """Read a color's tag: ``30081``, or ``80=30081 443=30083``. Raises ValueError with the reason."""
    words = value.split()
    if not words:
        raise ValueError("it is empty")
    if len(words) == 1 and words[0].isdecimal():
        return ColorPorts(single=_node_port(words[0]))
    pairs: dict[int, int] = {}
    for word in words:
        match = _PAIR.fullmatch(word)
        if match is None:
            raise ValueError(f"'{word}' is neither a node port nor 'listener port=node port'")
        listener_port = int(match[1])
        if not 1 <= listener_port <= 65535:
            raise ValueError(f"{listener_port} is not a listener port (1 to 65535)")
        if listener_port in pairs:
            raise ValueError(f"it names listener port {listener_port} twice")
        pairs[listener_port] = _node_port(match[2])
    return ColorPorts(by_listener=tuple(sorted(pairs.items())))


def _node_port(text: str) -> int:
    port = int(text)
    if port not in NODE_PORTS:
        raise ValueError(f"{port} is outside the node ports {NODE_PORTS.start} to {NODE_PORTS.stop - 1}")
    return port


def counterpart(listener_port: int, node_port: int, mine: ColorPorts, others: ColorPorts) -> int | None:
    """The other color's node port where ``mine`` has ``node_port``.

    The listener's own entry decides; a node port behind a listener that the tags do not name is
    carried over when every entry that has it agrees. None when it cannot be told.
    """
    if mine.at(listener_port) == node_port:
        return others.at(listener_port)
    candidates = {others.at(port) for port, own in mine.by_listener if own == node_port}
    return candidates.pop() if len(candidates) == 1 else None


def check_target_port(target: str) -> int | None:
    """The port of a health check's target, ``HTTP:30081/healthz`` or ``TCP:30081``."""
    match = re.match(r"[A-Za-z]+:(\d+)", target)
    return int(match[1]) if match else None


def color_of(listener_port: int, node_port: int, blue: ColorPorts, green: ColorPorts) -> str | None:
    for color, ports in (("blue", blue), ("green", green)):
        own = ports.at(listener_port)
        if own == node_port or (own is None and node_port in ports.node_ports):
            return color
    return None
