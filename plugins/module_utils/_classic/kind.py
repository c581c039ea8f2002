# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The Classic ELB as a kind of router."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from ansible_collections.octoblu.bluegreen.plugins.module_utils._aws import connect, connect_to_read
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.api import Api, read_all
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.calls import Patience, now
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import Colors, read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.health_check import HealthCheckWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    LIFETIME,
    SwapState,
    decode_intent,
    swap_state,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent_writer import (
    write_intent,
    writer_gone,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import (
    check_ports,
    parse_specs,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    Listener,
    LoadBalancer,
    Policy,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import (
    SwapPlan,
    plan_swap,
    predict,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_preview import check_preview
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_steps import steps
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import ListenerWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.settle import (
    in_service,
    longest_watch,
    watch_instances,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.swap import ClassicSwap
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.tag_text import TagTextError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.touched import kept
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import (
    Look,
    Params,
    Plan,
    Swapped,
    check_expected,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS, color_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    Abilities,
    Backend,
    OpenSwap,
    Route,
    Router,
    Target,
)

Facts = dict[str, Any]

# A health check asks a node port, which every node answers while one pod of the color does: with
# externalTrafficPolicy Local the nodes without one would fall out of service.
_ABILITIES = Abilities(gapless=False, local_traffic=False)


@dataclass(frozen=True, kw_only=True)
class ClassicRouter(Router):
    """``read_began`` is when the read began, by ``now``; ``look`` how it was read."""

    load_balancer: LoadBalancer
    colors: Colors
    look: Look
    read_began: float


@dataclass(frozen=True, kw_only=True)
class ClassicPlan(Plan):
    swap: SwapPlan


@dataclass(frozen=True)
class Classic:
    """As ``_router.kind.Kind`` says."""

    changing: ClassVar[tuple[str, ...]] = ("listeners", "health_check", "backend_policies", "tags")

    patience: Patience = field(default_factory=Patience)

    def connect(self, params: Params, writes: bool) -> Api:
        return connect(params) if writes else connect_to_read(params)

    def read(self, client: Api, names: Sequence[str], look: Look) -> list[ClassicRouter]:
        check_ports([*look.listener_ports, *look.described_ports])
        began = now()
        found = read_all(client, names, policies=look.closely, instance_health=look.health)
        return [judged(load_balancer, look, began) for load_balancer in found]

    def facts(self, router: ClassicRouter) -> Facts:
        load_balancer, colors = router.load_balancer, router.colors
        return {
            "colors": {color: _color_facts(colors, color) for color in COLORS},
            "listeners": [
                {
                    **asdict(listener),
                    "policies": list(listener.policies),
                    "color": colors.of_listener.get(listener.port),
                }
                for listener in load_balancer.listeners
            ],
            "health_check": asdict(load_balancer.health_check),
            "backend_policies": {
                str(port): list(names) for port, names in sorted(load_balancer.backend_policies.items())
            },
            "policies": None
            if load_balancer.policies is None
            else [_policy_facts(policy) for policy in load_balancer.policies],
            "preview_port": colors.preview,
            "instances": [{"id": each.name, "state": each.state} for each in router.backends],
            "tags": dict(load_balancer.tags),
        }

    def wish(self, params: Params) -> ListenerWish:
        preview_port = params["preview_port"]
        check_ports([*params["listener_ports"], *([] if preview_port is None else [preview_port])])
        check = params["health_check"]
        return ListenerWish(
            color=params["color"],
            listeners=parse_specs(params["listeners"]),
            listener_ports=tuple(params["listener_ports"]),
            health_check=HealthCheckWish(**check) if check else None,
            expect_live=params["expect_live"],
            expect_fingerprint=params["expect_fingerprint"],
            repair=params["repair"],
            claim=params["claim"],
            take_over=params["take_over"],
            preview_port=preview_port,
        )

    def look(self, wish: ListenerWish) -> Look:
        return Look(wish.listener_ports, wish.described_ports(), closely=True, health=True)

    def check(self, router: ClassicRouter, wish: ListenerWish) -> None:
        if wish.preview_port is not None:
            check_preview(router.load_balancer, router.colors, wish.preview_port)
        check_expected(router, wish)

    def plan(self, router: ClassicRouter, wish: ListenerWish, began_as: ClassicRouter) -> ClassicPlan:
        intent = router.colors.intent or began_as.colors.intent
        swap = plan_swap(router.load_balancer, replace(router.colors, intent=intent), wish)
        after = predict(router.load_balancer, swap) if swap.changes else router.load_balancer
        return ClassicPlan(
            judged(after, router.look, router.read_began), steps(swap), swap.warnings, swap=swap
        )

    def swap(self, client: Api, router: ClassicRouter, plan: ClassicPlan, done: Swapped) -> ClassicRouter:
        load_balancer = router.load_balancer
        intent = write_intent(plan.swap.color, plan.swap.moves, load_balancer.read_at)
        swap = ClassicSwap(client, load_balancer, plan.swap, intent, self.patience, router.read_began)
        after = swap.run()
        for port, gap in swap.report.gap_ms.items():
            done.gap_ms[port] = max(gap, done.gap_ms.get(port, 0))
        done.request_ids += swap.report.request_ids
        done.warnings += swap.report.warnings
        # A swap moves no instance, and what its health check finds shows later.
        after = replace(after, instance_health=load_balancer.instance_health)
        return judged(after, router.look, router.read_began)

    def settle(
        self, client: Api, began_as: ClassicRouter, after: ClassicRouter, show: Callable[[str], None]
    ) -> ClassicRouter:
        found = watch_instances(
            client, began_as.load_balancer, after.load_balancer.health_check, after.live, show
        )
        seen = replace(after.load_balancer, instances=found.instances, instance_health=found.instance_health)
        return judged(seen, after.look, after.read_began)


def judged(load_balancer: LoadBalancer, look: Look, read_began: float) -> ClassicRouter:
    """The router, with a swap's intent judged by whether its writer still runs."""
    try:
        intent = decode_intent(load_balancer.tags)
    except TagTextError:
        intent = None
    state = swap_state(intent, load_balancer.read_at, writer_gone(intent)) if intent else SwapState.CUT_OFF
    colors = read_colors(load_balancer, look.listener_ports, state, look.described_ports)
    return ClassicRouter(
        name=load_balancer.name,
        type=load_balancer.type,
        dns_name=load_balancer.dns_name,
        live=colors.live,
        idle=colors.idle,
        targets={color: _target(colors, color) for color in COLORS},
        routes=tuple(_route(load_balancer, colors, listener) for listener in load_balancer.listeners),
        fingerprint=colors.fingerprint,
        drift=colors.drift,
        open_swap=_open_swap(colors),
        claim=colors.claim,
        backends=tuple(_backends(load_balancer)),
        backends_are="instances",
        in_service=in_service(load_balancer),
        watch_seconds=longest_watch(load_balancer.health_check),
        notes=(f"health check {load_balancer.health_check.target}",),
        touched=colors.touched.words,
        node_ports_in="the load balancer's tags",
        abilities=_ABILITIES,
        load_balancer=load_balancer,
        colors=colors,
        look=look,
        read_began=read_began,
    )


def _target(colors: Colors, color: str) -> Target:
    ports = colors.ports(color)
    node_ports = ports.node_ports if ports else ()
    return Target(node_ports, f"node port {', '.join(str(port) for port in node_ports) or 'unknown'}")


def _route(load_balancer: LoadBalancer, colors: Colors, listener: Listener) -> Route:
    preview = listener.port == colors.preview
    color = colors.of_listener.get(listener.port)
    if preview and colors.blue and colors.green:
        color = color_of(listener.port, listener.instance_port, colors.blue, colors.green)
    return Route(
        name=str(listener.port),
        color=color,
        target=str(listener.instance_port),
        scheme="https" if listener.protocol == "HTTPS" else "http",
        address=f"{load_balancer.dns_name}:{listener.port}",
        preview=preview,
        keeps=kept(listener),
    )


def _backends(load_balancer: LoadBalancer) -> Iterable[Backend]:
    for instance in load_balancer.instances:
        yield Backend(instance, (load_balancer.instance_health or {}).get(instance))


def _open_swap(colors: Colors) -> OpenSwap | None:
    intent = colors.intent
    if intent is None:
        return None
    living = colors.swap_state is SwapState.LIVING
    ports = tuple(str(move.port) for move in intent.moves)
    return OpenSwap(
        intent.color, intent.writer, intent.pid, intent.since, LIFETIME, intent.run, living, ports
    )


def _color_facts(colors: Colors, color: str) -> Facts | None:
    ports = colors.ports(color)
    if ports is None:
        return None
    listener_ports = sorted({*ports.named, *colors.named, *colors.of_listener})
    return {
        "ports": {str(port): node_port for port in listener_ports if (node_port := ports.at(port))},
        "node_ports": list(ports.node_ports),
    }


def _policy_facts(policy: Policy) -> Facts:
    return {"name": policy.name, "type": policy.type, "attributes": dict(policy.attributes)}
