# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Which color is live: tags and listeners in, colors and drift out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.drift import (
    health_check_drift,
    listener_drift,
    ownership_drift,
    policy_drift,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    SwapState,
    decode_intent,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import (
    decode_known,
    give_up_command,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    Listener,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.tag_text import TagTextError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.touched import Touched, touched_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    COLORS,
    ColorPorts,
    color_of,
    other,
    parse_ports,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, PREVIEW_TAG


@dataclass(frozen=True)
class Colors:
    """What the router says: ``live`` and ``idle`` are None when it does not say one color.

    ``of_listener`` maps a listener port to its color, for our listeners only; ``blue`` and
    ``green`` are None where their tag cannot be read. ``named`` are the listener ports that
    must be ours, whatever they point at; ``known`` those of them that the last swap left, as it left them.
    """

    live: str | None
    idle: str | None
    blue: ColorPorts | None
    green: ColorPorts | None
    of_listener: Mapping[int, str]
    named: tuple[int, ...]
    known: Mapping[int, Listener]
    preview: int | None
    drift: tuple[Drift, ...]
    intent: Intent | None
    swap_state: SwapState
    claim: str | None
    touched: Touched

    def ports(self, color: str) -> ColorPorts | None:
        return self.blue if color == "blue" else self.green

    @property
    def fingerprint(self) -> str:
        return self.touched.fingerprint

    def codes(self) -> tuple[str, ...]:
        return tuple(drift.code for drift in self.drift)


def read_colors(
    router: LoadBalancer,
    listener_ports: Iterable[int] = (),
    swap_state: SwapState = SwapState.CUT_OFF,
    described: Iterable[int] = (),
) -> Colors:
    """Say which color each listener points at and name every drift.

    ``listener_ports`` are ports that must be ours beside those that the tags name, and so are those that a
    user has ``described``; these change no fingerprint, because who only reads does not know of them. Those that
    the last swap left must be, too, unless ``listener_ports`` are given: these say which stay.
    ``swap_state`` says of an intent on the router whether its writer may still be at work.
    """
    drift = ownership_drift(router)
    tags = _read_tags(router, drift)
    intent = _read_intent(router, swap_state, drift)
    preview = _read_preview(router, drift)
    blue, green = tags if tags else (None, None)
    told = {*listener_ports, *(blue.named if blue else ())}
    stay = {*told, *described}
    known = {
        port: listener
        for port, listener in _read_known(router, drift).items()
        if port != preview and (port in stay or not listener_ports)
    }
    named = tuple(sorted({*stay, *known}))

    of_listener: dict[int, str] = {}
    live: str | None = None
    if blue and green:
        of_listener = {
            listener.port: color
            for listener in router.listeners
            if listener.port != preview
            and (color := color_of(listener.port, listener.instance_port, blue, green))
        }
        shown = set(of_listener.values())
        live = shown.pop() if len(shown) == 1 else None
        drift += listener_drift(router, of_listener, told, described, known, preview, intent, blue, green)
        drift += policy_drift(router, of_listener, known, intent)
        if live:
            drift += health_check_drift(router, live, blue, green)
    return Colors(
        live=live,
        idle=other(live) if live else None,
        blue=blue,
        green=green,
        of_listener=of_listener,
        named=named,
        known=known,
        preview=preview,
        drift=tuple(drift),
        intent=intent,
        swap_state=swap_state,
        claim=router.tags.get(CLAIM_TAG),
        touched=touched_of(router, {*of_listener, *told, *known, preview}),
    )


def _read_tags(router: LoadBalancer, drift: list[Drift]) -> tuple[ColorPorts, ColorPorts] | None:
    missing = [color for color in COLORS if color not in router.tags]
    if missing:
        names = " and ".join(f"'{color}'" for color in missing)
        drift.append(
            Drift(
                "tags_missing",
                f"load balancer {router.name} has no tag {names}: each must hold its color's node port, "
                "such as 30081, or a port per listener, such as '80=30081 443=30083'",
                next=_tagging(router, *missing),
            )
        )
        return None
    parsed: dict[str, ColorPorts] = {}
    for color in COLORS:
        try:
            parsed[color] = parse_ports(router.tags[color])
        except ValueError as error:
            drift.append(
                Drift(
                    "tags_invalid",
                    f"tag {color}='{router.tags[color]}' of {router.name} is wrong: {error}",
                    next=_tagging(router, color),
                )
            )
    if len(parsed) < 2:
        return None
    blue, green = parsed["blue"], parsed["green"]
    if blue.named != green.named:
        drift.append(
            Drift(
                "tags_invalid",
                f"tags blue='{router.tags['blue']}' and green='{router.tags['green']}' of {router.name} "
                "name different listener ports: name the same ones in both",
                next=_tagging(router, *COLORS),
            )
        )
        return None
    shared = sorted(set(blue.node_ports) & set(green.node_ports))
    if shared:
        drift.append(
            Drift(
                "tags_equal",
                f"tags blue and green of {router.name} both hold node port {shared[0]}: "
                "give each color a node port of its own",
                next=_tagging(router, *COLORS),
            )
        )
        return None
    return blue, green


def _tagging(router: LoadBalancer, *colors: str) -> tuple[str, ...]:
    """The command that writes the colors' tags."""
    tags = (f"Key={color},Value={{{color}}}" for color in colors)
    return ("aws", "elb", "add-tags", "--load-balancer-names", router.name, "--tags", *tags)


def _read_preview(router: LoadBalancer, drift: list[Drift]) -> int | None:
    value = router.tags.get(PREVIEW_TAG)
    if value is None:
        return None
    if not value.isdecimal():
        drift.append(
            Drift("tags_invalid", f"tag {PREVIEW_TAG}='{value}' of {router.name} is not a listener port")
        )
        return None
    return int(value)


def _read_known(router: LoadBalancer, drift: list[Drift]) -> dict[int, Listener]:
    try:
        return decode_known(router.tags)
    except TagTextError as error:
        drift.append(
            Drift(
                "tags_invalid",
                f"what the last swap of {router.name} left cannot be read ({error}): remove it with: "
                f"{give_up_command(router.name, router.tags)}",
            )
        )
        return {}


def _read_intent(router: LoadBalancer, swap_state: SwapState, drift: list[Drift]) -> Intent | None:
    try:
        intent = decode_intent(router.tags)
    except TagTextError as error:
        drift.append(
            Drift(
                "swap_interrupted",
                f"the intent on {router.name} cannot be read ({error}): look at its listeners, "
                "then remove the tags octoblu.bluegreen/swap.*",
            )
        )
        return None
    if intent is None:
        return None
    if swap_state is SwapState.LIVING:
        message = f"a swap of {router.name} to {intent.color} by {intent.writer} has been under way since {intent.since}: wait for it"
    else:
        message = (
            f"a swap of {router.name} to {intent.color} by {intent.writer}, begun {intent.since}, was cut off: "
            "run the deploy again or repair to finish it, rollback to undo it"
        )
    drift.append(Drift("swap_interrupted", message, (REPAIR,)))
    return intent
