# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is asked of a swap, and what is refused before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import CLAIM_TAG, Colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.health_check import HealthCheckWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import LoadBalancer
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_preview import check_preview
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIRABLE


@dataclass(frozen=True)
class Wish:
    """What is asked of a swap, beside the facts."""

    color: str
    listeners: tuple[ListenerSpec, ...] = ()
    listener_ports: tuple[int, ...] = ()
    health_check: HealthCheckWish | None = None
    expect_live: str | None = None
    expect_fingerprint: str | None = None
    repair: bool = False
    claim: str | None = None
    take_over: bool = False
    preview_port: int | None = None

    def described_ports(self) -> tuple[int, ...]:
        return tuple(spec.port for spec in self.listeners)

    def spec(self, port: int) -> ListenerSpec | None:
        return next((spec for spec in self.listeners if spec.port == port), None)


def check_wish(router: LoadBalancer, colors: Colors, wish: Wish) -> None:
    """Refuse what must not be begun on this router; raises InputError naming the value."""
    codes = colors.codes()
    for code in ("owned_by_kubernetes", "tags_missing", "tags_invalid", "tags_equal"):
        if code in codes:
            _refuse_drift(colors, code)
    if "swap_interrupted" in codes and colors.intent is None:
        _refuse_drift(colors, "swap_interrupted")
    if wish.claim and colors.claim and colors.claim != wish.claim and not wish.take_over:
        raise InputError(
            f"load balancer {router.name} is claimed by {colors.claim}, not {wish.claim} (tag {CLAIM_TAG}): "
            "use the load balancer of this application, or take it over explicitly",
            claim=colors.claim,
        )
    if wish.expect_live and colors.live != wish.expect_live:
        raise InputError(
            f"{wish.expect_live} was expected to be live on {router.name}, but {colors.live or 'no one color'} "
            "is: look at its status and decide anew",
            live=colors.live,
        )
    if wish.expect_fingerprint and colors.fingerprint != wish.expect_fingerprint:
        raise InputError(
            f"load balancer {router.name} is not as it was seen (fingerprint {colors.fingerprint}, expected "
            f"{wish.expect_fingerprint}): look at the plan again",
            fingerprint=colors.fingerprint,
        )
    if wish.preview_port is not None:
        check_preview(router, colors, wish.preview_port)


def check_whole(router: LoadBalancer, colors: Colors, wish: Wish) -> None:
    """Refuse a router that has drifted, but for listeners that the wish describes; raises InputError."""
    present = {listener.port for listener in router.listeners}
    described = {spec.port for spec in wish.listeners}
    missing = set(colors.named) - present
    for drift in colors.drift:
        covered = described and missing <= described and (missing or not colors.of_listener)
        if drift.code == "listener_missing" and covered:
            continue
        hint = " (repair mends it)" if drift.code in REPAIRABLE else ""
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


def _refuse_drift(colors: Colors, code: str) -> None:
    drift = next(drift for drift in colors.drift if drift.code == code)
    raise InputError(drift.message, drift=[drift.code])
