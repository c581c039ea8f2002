# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a swap has to do: facts and a wish in, a plan out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import Colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.drift import lacks_negotiation
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.health_check import (
    moved_health_check,
    wished_health_check,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Move,
    is_intent_tag,
    move_of,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import (
    encode_known,
    is_known_tag,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import (
    ListenerSpec,
    check_shared_ports,
    listener_text,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    Listener,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_preview import (
    check_made_early,
    preview_move,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import (
    ListenerWish,
    check_whole,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    ColorPorts,
    counterpart,
    other,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, PREVIEW_TAG


@dataclass(frozen=True)
class SwapPlan:
    """All that a swap writes.

    ``reopened`` were left without a listener by a swap that was cut off, ``replaced`` are deleted and
    created again, ``created`` have no listener yet, ``kept`` stay where
    they are and get their policies. ``backend_policies`` are (instance port, names). None of
    ``health_check`` means that it stays. ``tags`` are (key, value), written with the intent, and so are those of
    ``known``, which tell what the swap leaves; ``outdated`` are keys of what an earlier one left.
    ``clear_intent`` says that an old intent is on the router.
    """

    name: str
    color: str
    replaced: tuple[Move, ...] = ()
    created: tuple[Move, ...] = ()
    reopened: tuple[Move, ...] = ()
    kept: tuple[Move, ...] = ()
    backend_policies: tuple[tuple[int, tuple[str, ...]], ...] = ()
    health_check: HealthCheck | None = None
    tags: tuple[tuple[str, str], ...] = ()
    known: tuple[tuple[str, str], ...] = ()
    outdated: tuple[str, ...] = ()
    clear_intent: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(
            self.replaced
            or self.created
            or self.reopened
            or self.kept
            or self.backend_policies
            or self.health_check
            or self.clear_intent
        )

    @property
    def moves(self) -> tuple[Move, ...]:
        return (*self.replaced, *self.created, *self.reopened, *self.kept)

    @property
    def policies(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """The policies to set, as (listener port, names)."""
        return tuple((move.port, move.policies) for move in self.moves if move.policies)


def plan_swap(router: LoadBalancer, colors: Colors, wish: ListenerWish) -> SwapPlan:
    """What brings the router wholly onto ``wish.color``; raises InputError where it must not be tried.

    A cut-off swap is part of it: with two colors, finishing it where its color is the wanted one and
    undoing it otherwise are the same plan.
    """
    mine = colors.ports(wish.color)
    others = colors.ports(other(wish.color))
    if mine is None or others is None:
        raise InputError(colors.drift[0].message, drift=list(colors.codes()))
    repair = wish.repair or colors.intent is not None
    if not repair:
        check_whole(router, colors, wish)

    moves = [*_own_moves(router, colors, wish, mine, others)]
    warnings = tuple(_kept_listeners(router, colors, wish))
    preview = preview_move(router, colors, wish.preview_port, moves, mine, others)
    if not moves:
        raise InputError(
            f"load balancer {router.name} has no listener of the application: describe one in listeners to have it made",
            drift=["listener_missing"],
        )
    everything = [*moves, *([preview] if preview else [])]
    known = encode_known(move.after() for move in moves)
    plan = SwapPlan(
        name=router.name,
        color=wish.color,
        replaced=tuple(
            move for move in everything if move.old not in (None, move.new) and router.listener(move.port)
        ),
        created=tuple(move for move in everything if move.old is None),
        reopened=tuple(
            move for move in everything if move.old is not None and not router.listener(move.port)
        ),
        kept=tuple(move for move in everything if _lacks_policies(router, move)),
        backend_policies=tuple(sorted(_backend_policies(router, colors, moves, preview))),
        health_check=_health_check(router, colors, wish, mine, others),
        tags=tuple(_tags(router, wish)),
        known=tuple((key, value) for key, value in known.items() if router.tags.get(key) != value),
        outdated=tuple(sorted(key for key in router.tags if is_known_tag(key) and key not in known)),
        clear_intent=any(is_intent_tag(key) for key in router.tags),
        warnings=warnings,
    )
    check_shared_ports(router.name, predict(router, plan).listeners)
    if preview and preview in plan.created:
        check_made_early(router, preview)
    return plan


def predict(router: LoadBalancer, plan: SwapPlan) -> LoadBalancer:
    """The router as it will be after the plan."""
    listeners = {listener.port: listener for listener in router.listeners}
    listeners |= {move.port: move.after() for move in plan.moves}
    gone = {key for key in router.tags if is_intent_tag(key)} | set(plan.outdated)
    tags = {key: value for key, value in router.tags.items() if key not in gone}
    return replace(
        router,
        listeners=tuple(listener for _port, listener in sorted(listeners.items())),
        health_check=plan.health_check or router.health_check,
        backend_policies={**router.backend_policies, **dict(plan.backend_policies)},
        tags={**tags, **dict(plan.tags), **dict(plan.known)},
    )


def differences(plan: SwapPlan, expected: LoadBalancer, actual: LoadBalancer) -> list[str]:
    """How the router as read back differs from the plan, of all that the plan wrote.

    A listener made without policies may have the one that AWS gives every HTTPS and SSL listener:
    https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/ssl-config-update.html
    """
    found = []
    for port in sorted(move.port for move in plan.moves):
        wanted, seen = expected.listener(port), actual.listener(port)
        if wanted and seen and not wanted.policies:
            seen = replace(seen, policies=())
        if wanted != seen:
            found.append(f"listener {port} is {listener_text(seen)}, not {listener_text(wanted)}")
    if plan.health_check and actual.health_check != expected.health_check:
        found.append(
            f"the health check is {_check_text(actual.health_check)}, not {_check_text(expected.health_check)}"
        )
    for port, names in plan.backend_policies:
        if actual.backend_policies.get(port, ()) != names:
            seen_names = ", ".join(actual.backend_policies.get(port, ())) or "none"
            found.append(f"backend policies of {port} are {seen_names}, not {', '.join(names) or 'none'}")
    for key, value in plan.tags:
        if actual.tags.get(key) != value:
            found.append(f"tag {key} is {actual.tags.get(key, 'absent')}, not {value}")
    return found


def lacking(plan: SwapPlan, expected: LoadBalancer, actual: LoadBalancer) -> SwapPlan:
    """What of the plan is not there as read back and is set by one more call each, which touches no listener."""
    seen = {listener.port: listener for listener in actual.listeners}
    return SwapPlan(
        plan.name,
        plan.color,
        kept=tuple(
            move
            for move in plan.moves
            if move.policies
            and move.port in seen
            and seen[move.port] != expected.listener(move.port)
            and replace(seen[move.port], policies=move.policies) == expected.listener(move.port)
        ),
        backend_policies=tuple(
            (port, names)
            for port, names in plan.backend_policies
            if actual.backend_policies.get(port, ()) != names
        ),
        health_check=plan.health_check if actual.health_check != expected.health_check else None,
        tags=tuple((key, value) for key, value in plan.tags if actual.tags.get(key) != value),
    )


def _check_text(check: HealthCheck) -> str:
    return (
        f"{check.target} every {check.interval} s within {check.timeout} s, thresholds "
        f"{check.healthy_threshold} and {check.unhealthy_threshold}"
    )


def _backend_policies(
    router: LoadBalancer, colors: Colors, moves: list[Move], preview: Move | None
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The policies with which each instance port is spoken to as the one before it.

    They are taken away only from a port that nothing of ours uses yet, for one that still serves: of any
    other it is not known that they are not its own.
    """
    intended = {move.port: move for move in colors.intent.moves} if colors.intent else {}
    used = {listener.instance_port for listener in router.listeners if listener.port in colors.of_listener}
    of_colors = {port for ports in (colors.blue, colors.green) if ports for port in ports.node_ports}
    follows: dict[int, int] = {}
    for move in moves:
        before = intended.get(move.port, move).old
        if before not in of_colors and move.port in colors.known:
            before = colors.known[move.port].instance_port
        if before in of_colors and before != move.new:
            follows.setdefault(move.new, before)
    if preview and preview.old is None and moves[0].old is not None:
        # What shows the idle color must speak to it as our listeners speak to the live one.
        follows.setdefault(preview.new, moves[0].old)
    for new, old in follows.items():
        names = router.backend_policies.get(old, ())
        if names != router.backend_policies.get(new, ()) and (names or (old in used and new not in used)):
            yield new, names


def _tags(router: LoadBalancer, wish: ListenerWish) -> Iterator[tuple[str, str]]:
    """What is written beside the intent, where it is not there yet."""
    wanted = {
        CLAIM_TAG: wish.claim,
        PREVIEW_TAG: str(wish.preview_port) if wish.preview_port else None,
    }
    for key, value in wanted.items():
        if value and router.tags.get(key) != value:
            yield key, value


def _own_moves(
    router: LoadBalancer, colors: Colors, wish: ListenerWish, mine: ColorPorts, others: ColorPorts
) -> Iterator[Move]:
    intended = {move.port: move for move in colors.intent.moves} if colors.intent else {}
    ports = {*colors.of_listener, *colors.named, *intended} - {colors.preview}
    for port in sorted(ports):
        listener = router.listener(port)
        spec, intent_move = _spec(router, colors, wish, port), intended.get(port)
        target = (
            _target_port(listener, port, colors, wish.color, mine, others)
            if listener or not intent_move
            else _own_port(port, (intent_move.new, intent_move.old), mine, others)
        )
        if target is None:
            raise InputError(
                f"the tags of {router.name} do not say the {wish.color} port of listener {port}: "
                "name the listener in both tags"
            )
        if listener is not None:
            policies = intent_move.policies if intent_move else _lacking(router, listener, spec, wish.repair)
            yield move_of(listener, target, policies or listener.policies)
        elif intent_move is not None:
            yield replace(intent_move, new=target)
        elif spec is not None:
            _check_policies(router, spec)
            yield Move(
                port, spec.protocol, spec.instance_protocol, None, target, spec.certificate, spec.policies
            )
        else:
            raise InputError(
                f"load balancer {router.name} has no listener on port {port}: "
                "describe it in listeners to have it made",
                drift=["listener_missing"],
            )


def _spec(router: LoadBalancer, colors: Colors, wish: ListenerWish, port: int) -> ListenerSpec | None:
    """What a listener that is not as it should be is made of: as described, else as the last swap left it."""
    described, known, listener = wish.spec(port), colors.known.get(port), router.listener(port)
    if described or known is None:
        return described
    if listener and port in colors.of_listener and not lacks_negotiation(router, listener):
        return None
    if listener and listener.protocol != known.protocol:
        # Its policies may not fit what it is now.
        return None
    return ListenerSpec(port, known.protocol, known.instance_protocol, known.certificate, known.policies)


def _lacking(
    router: LoadBalancer, listener: Listener, spec: ListenerSpec | None, repairs: bool
) -> tuple[str, ...]:
    """The policies of a listener with those that it lacks; empty where it lacks none.

    AWS takes one policy of a type a listener, so that its own of another type, such as stickiness, stays.
    """
    if not repairs or spec is None or set(spec.policies) <= set(listener.policies):
        return ()
    _check_policies(router, spec)
    types = {policy.name: policy.type for policy in router.policies or ()}
    described = {types.get(name) for name in spec.policies}
    staying = [name for name in listener.policies if types.get(name) not in described]
    return tuple(sorted({*staying, *spec.policies}))


def _check_policies(router: LoadBalancer, spec: ListenerSpec) -> None:
    there = {policy.name for policy in router.policies or ()}
    unknown = sorted(set(spec.policies) - there) if router.policies is not None else []
    if unknown:
        raise InputError(
            f"listener {spec.port} of {router.name} is to have policy {unknown[0]}, which the load balancer does "
            f"not have; it has {', '.join(sorted(there)) or 'none'}: make it with aws elb create-load-balancer-policy, "
            "or name one of these for it in listeners"
        )


def _target_port(
    listener: Listener | None,
    port: int,
    colors: Colors,
    color: str,
    mine: ColorPorts,
    others: ColorPorts,
) -> int | None:
    current = colors.of_listener.get(port)
    if listener is None or current is None:
        known = colors.known.get(port)
        return _own_port(port, (known.instance_port,) if known else (), mine, others)
    if current == color:
        return listener.instance_port
    return counterpart(port, listener.instance_port, others, mine)


def _own_port(
    listener_port: int, was_at: Iterable[int | None], mine: ColorPorts, others: ColorPorts
) -> int | None:
    """The color's node port of a listener that is known by where it was alone, named in the tags or not."""
    ports = [port for port in was_at if port is not None]
    carried = (counterpart(listener_port, port, others, mine) for port in ports)
    own = (port for port in ports if port in mine.node_ports)
    return mine.at(listener_port) or next(own, None) or next((port for port in carried if port), None)


def _lacks_policies(router: LoadBalancer, move: Move) -> bool:
    listener = router.listener(move.port)
    return listener is not None and move.old == move.new and listener.policies != move.policies


def _health_check(
    router: LoadBalancer, colors: Colors, wish: ListenerWish, mine: ColorPorts, others: ColorPorts
) -> HealthCheck | None:
    if wish.health_check:
        listener_ports = sorted({*colors.named, *colors.of_listener})
        node_ports = [node_port for port in listener_ports if (node_port := mine.at(port))]
        wanted = wished_health_check(
            router.health_check, wish.health_check, (node_ports or mine.node_ports)[0]
        )
    else:
        wanted = moved_health_check(router.health_check, mine, others)
    return wanted if wanted != router.health_check else None


def _kept_listeners(router: LoadBalancer, colors: Colors, wish: ListenerWish) -> Iterator[str]:
    """Listeners that are not as somebody described them, or as the last swap left one that was led elsewhere since."""
    described: dict[int, tuple[ListenerSpec | Listener, str]] = {
        spec.port: (spec, "described") for spec in wish.listeners
    }
    strayed: dict[int, tuple[ListenerSpec | Listener, str]] = {
        port: (left, "the last swap left it")
        for port, left in colors.known.items()
        if port not in colors.of_listener
    }
    for port, (was, how) in sorted({**strayed, **described}.items()):
        listener = router.listener(port)
        if listener and (listener.protocol, listener.instance_protocol, listener.certificate) != (
            was.protocol,
            was.instance_protocol,
            was.certificate,
        ):
            yield (
                f"listener {listener_text(listener)} of {router.name} is not as {how} "
                f"({was.protocol} to {was.instance_protocol}, certificate {was.certificate or 'none'}) "
                "and stays as it is"
            )
