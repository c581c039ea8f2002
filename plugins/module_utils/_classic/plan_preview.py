# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The listener that shows the idle color: in a swap it goes the other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import Colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import Move, move_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import SECURE
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import LoadBalancer
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    ColorPorts,
    color_of,
    counterpart,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import PREVIEW_TAG


def check_preview(router: LoadBalancer, colors: Colors, port: int) -> None:
    """Refuse a preview on a port that is not its own."""
    if colors.preview not in (None, port):
        raise InputError(
            f"preview_port is {port}, but tag {PREVIEW_TAG} of {router.name} names {colors.preview}: use that, or free "
            f"it with: aws elb delete-load-balancer-listeners --load-balancer-name {router.name} "
            f"--load-balancer-ports {colors.preview} && aws elb remove-tags --load-balancer-names {router.name} "
            f"--tags {PREVIEW_TAG}"
        )
    intended = {move.port for move in colors.intent.moves} if colors.intent else set()
    if port in {*colors.of_listener, *colors.named, *(intended - {colors.preview})}:
        color = colors.of_listener.get(port)
        where = (
            f"a listener of the application, on {color}" if color else "named as one of the application's own"
        )
        raise InputError(f"preview_port {port} of {router.name} is {where}: use another port for the preview")
    listener = router.listener(port)
    if listener is None or colors.blue is None or colors.green is None:
        return
    if color_of(port, listener.instance_port, colors.blue, colors.green) is None:
        raise InputError(
            f"preview_port {port} of {router.name} has a listener already, which points at {listener.instance_port}, "
            "neither blue nor green: use another port for the preview, or delete that listener"
        )


def preview_move(
    router: LoadBalancer,
    colors: Colors,
    wanted: int | None,
    own: Sequence[Move],
    mine: ColorPorts,
    others: ColorPorts,
) -> Move | None:
    """The preview shows the idle color, so it goes the other way."""
    port = wanted or colors.preview
    if port is None:
        return None
    listener = router.listener(port)
    if listener is not None:
        target = _idle_port(listener.instance_port, mine, others)
        if target is None and listener.instance_port in mine.node_ports:
            target = _first_idle_port(own, mine, others)
        if target is None or target == listener.instance_port:
            return None
        return move_of(listener, target, listener.policies)
    intended = next((m for m in colors.intent.moves if m.port == port), None) if colors.intent else None
    if intended is not None:
        target = _idle_port(intended.new, mine, others) or _idle_port(intended.old, mine, others)
        return replace(intended, old=None, new=target) if target else None
    return _new_preview(router, wanted, own, mine, others)


def _new_preview(
    router: LoadBalancer, port: int | None, own: Sequence[Move], mine: ColorPorts, others: ColorPorts
) -> Move | None:
    """What makes the preview: our first listener in plain, on the other color."""
    if port is None:
        return None
    target = _first_idle_port(own, mine, others)
    if target is None:
        raise InputError(
            f"preview_port {port} of {router.name} has no listener of the application to follow: "
            "describe one in listeners to have it made"
        )
    protocol = "HTTP" if own[0].instance_protocol == "HTTP" else "TCP"
    return Move(port, protocol, protocol, None, target)


def check_made_early(router: LoadBalancer, preview: Move) -> None:
    """Refuse what AWS would: the preview is made while our listeners are still where they were."""
    for listener in router.listeners:
        if listener.instance_port == preview.new and listener.instance_protocol in SECURE:
            raise InputError(
                f"preview_port {preview.port} of {router.name} cannot be made in this swap, because listener "
                f"{listener.port} still speaks {listener.instance_protocol} to instance port {preview.new} until it "
                "is over: make the preview first, with the live color as color"
            )


def _first_idle_port(own: Sequence[Move], mine: ColorPorts, others: ColorPorts) -> int | None:
    """The other color's node port of our first listener."""
    return counterpart(own[0].port, own[0].new, mine, others) if own else None


def _idle_port(node_port: int | None, mine: ColorPorts, others: ColorPorts) -> int | None:
    if node_port is None:
        return None
    return node_port if node_port in others.node_ports else counterpart(0, node_port, mine, others)
