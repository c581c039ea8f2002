# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is asked of a swap, and what is refused before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import Colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.health_check import HealthCheckWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import LoadBalancer
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import (
    REPAIR,
    SWAP,
    SWAP_TO_IDLE,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Wish


@dataclass(frozen=True)
class ListenerWish(Wish):
    """What is asked of a swap of listeners, beside what any router is asked for."""

    listeners: tuple[ListenerSpec, ...] = ()
    listener_ports: tuple[int, ...] = ()
    health_check: HealthCheckWish | None = None
    preview_port: int | None = None

    def described_ports(self) -> tuple[int, ...]:
        return tuple(spec.port for spec in self.listeners)

    def spec(self, port: int) -> ListenerSpec | None:
        return next((spec for spec in self.listeners if spec.port == port), None)


def check_whole(router: LoadBalancer, colors: Colors, wish: ListenerWish) -> None:
    """Refuse a router that has drifted in what the swap does not mend; raises InputError."""
    mends = {SWAP, SWAP_TO_IDLE} if wish.color == colors.idle else {SWAP}
    for drift in colors.drift:
        if mends & {*drift.mended_by}:
            continue
        hint = " (repair mends it)" if REPAIR in drift.mended_by else ""
        raise InputError(
            f"load balancer {router.name} has drifted, {drift.code}: {drift.message}{hint}",
            drift=list(colors.codes()),
        )
    stray = sorted(set(colors.of_listener) - set(wish.listener_ports)) if wish.listener_ports else []
    stray = [port for port in stray if wish.spec(port) is None]
    if stray:
        raise InputError(
            f"listener {stray[0]} of {router.name} points at {colors.of_listener[stray[0]]} but is not in "
            f"listener_ports {list(wish.listener_ports)}: add it, or the router would end on both colors"
        )
