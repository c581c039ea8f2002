# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a swap has to do: facts and a wish in, a plan out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._color import (
    CLAIM_TAG,
    PREVIEW_TAG,
    Colors,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._health_check import (
    HealthCheckWish,
    moved_health_check,
    wished_health_check,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._intent import Move, is_intent_tag
from ansible_collections.octoblu.bluegreen.plugins.module_utils._listener import (
    SECURE,
    ListenerSpec,
    check_shared_ports,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ports import (
    ColorPorts,
    color_of,
    counterpart,
    other,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.base import (
    HealthCheck,
    Listener,
    LoadBalancer,
)

# What `repair` can mend by itself; the other codes need a person.
REPAIRABLE = frozenset(
    {
        "mixed",
        "listener_missing",
        "unknown_port",
        "health_check_on_idle",
        "policy_missing",
        "swap_interrupted",
    }
)


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

    def named_ports(self) -> tuple[int, ...]:
        """The listener ports that must be ours: those listed and those described."""
        return tuple(sorted({*self.listener_ports, *(spec.port for spec in self.listeners)}))

    def spec(self, port: int) -> ListenerSpec | None:
        return next((spec for spec in self.listeners if spec.port == port), None)


@dataclass(frozen=True)
class SwapPlan:
    """All that a swap writes.

    ``replaced`` are deleted and created again, ``created`` have no listener yet, ``kept`` stay where
    they are and get their policies. ``backend_policies`` are (instance port, names). None of
    ``health_check`` means that it stays. ``tags`` are (key, value), written with the intent.
    ``clear_intent`` says that an old intent is on the router.
    """

    name: str
    color: str
    replaced: tuple[Move, ...] = ()
    created: tuple[Move, ...] = ()
    kept: tuple[Move, ...] = ()
    backend_policies: tuple[tuple[int, tuple[str, ...]], ...] = ()
    health_check: HealthCheck | None = None
    tags: tuple[tuple[str, str], ...] = ()
    clear_intent: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(
            self.replaced
            or self.created
            or self.kept
            or self.backend_policies
            or self.health_check
            or self.clear_intent
        )

    @property
    def moves(self) -> tuple[Move, ...]:
        return (*self.replaced, *self.created, *self.kept)

    @property
    def policies(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """The policies to set, as (listener port, names)."""
        return tuple((move.port, move.policies) for move in self.moves if move.policies)


@dataclass(frozen=True)
class Step:
    """One call of a plan and how it is taken back; ``undo`` is None where nothing has to be."""

    call: str
    what: str
    undo: str | None = None


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
        _check_preview(router, colors, wish.preview_port)


def plan_swap(router: LoadBalancer, colors: Colors, wish: Wish) -> SwapPlan:
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
        _refuse_unrepaired(router, colors, wish)

    moves = [*_own_moves(router, colors, wish, mine, others)]
    warnings = tuple(_kept_listeners(router, wish))
    preview = _preview_move(router, colors, wish, moves, mine, others)
    follows = {move.new: move.old for move in moves if move.old is not None}
    if preview and preview.old is None and moves and moves[0].old is not None:
        # What shows the idle color must speak to it as our listeners speak to the live one.
        follows.setdefault(preview.new, moves[0].old)
    backend_policies = {
        new: router.backend_policies.get(old, ())
        for new, old in follows.items()
        if router.backend_policies.get(old, ()) != router.backend_policies.get(new, ())
    }
    everything = [*moves, *([preview] if preview else [])]
    plan = SwapPlan(
        name=router.name,
        color=wish.color,
        replaced=tuple(move for move in everything if move.old not in (None, move.new)),
        created=tuple(move for move in everything if move.old is None),
        kept=tuple(move for move in everything if _lacks_policies(router, move)),
        backend_policies=tuple(sorted(backend_policies.items())),
        health_check=_health_check(router, colors, wish, mine, others),
        tags=tuple(_tags(router, wish)),
        clear_intent=any(is_intent_tag(key) for key in router.tags),
        warnings=warnings,
    )
    if plan.created:
        check_shared_ports(router.name, predict(router, plan).listeners)
    if preview and preview in plan.created:
        _check_made_early(router, preview)
    return plan


def predict(router: LoadBalancer, plan: SwapPlan) -> LoadBalancer:
    """The router as it will be after the plan."""
    listeners = {listener.port: listener for listener in router.listeners}
    listeners |= {move.port: move.after() for move in plan.moves}
    tags = {key: value for key, value in router.tags.items() if not is_intent_tag(key)}
    return replace(
        router,
        listeners=tuple(listener for _port, listener in sorted(listeners.items())),
        health_check=plan.health_check or router.health_check,
        backend_policies={**router.backend_policies, **dict(plan.backend_policies)},
        tags={**tags, **dict(plan.tags)},
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
            found.append(f"listener {port} is {_listener_text(seen)}, not {_listener_text(wanted)}")
    if plan.health_check and actual.health_check != expected.health_check:
        found.append(f"the health check is {actual.health_check.target}, not {expected.health_check.target}")
    for port, names in plan.backend_policies:
        if actual.backend_policies.get(port, ()) != names:
            seen_names = ", ".join(actual.backend_policies.get(port, ())) or "none"
            found.append(f"backend policies of {port} are {seen_names}, not {', '.join(names) or 'none'}")
    for key, value in plan.tags:
        if actual.tags.get(key) != value:
            found.append(f"tag {key} is {actual.tags.get(key, 'absent')}, not {value}")
    return found


def steps(plan: SwapPlan) -> tuple[Step, ...]:
    """The plan in words, in the order of its calls, each with its way back."""
    return tuple(_steps(plan))


def _steps(plan: SwapPlan) -> Iterator[Step]:
    if not plan.changes:
        return
    ports = ", ".join(str(move.port) for move in plan.replaced)
    if plan.replaced:
        yield Step(
            "CreateLoadBalancerListeners",
            f"prove that listeners {ports} can be made, by making them exactly as they are",
        )
    written = "".join(f", and tag {key}={value}" for key, value in plan.tags)
    removed = "".join(f" and {key}" for key, _value in plan.tags)
    yield Step("AddTags", f"record the intent: {plan.color}{written}", f"RemoveTags the intent{removed}")
    for port, names in plan.backend_policies:
        yield Step(
            "SetLoadBalancerPoliciesForBackendServer",
            f"set backend policies of {port} to {', '.join(names) or 'none'}",
        )
    for move in plan.created:
        yield Step(
            "CreateLoadBalancerListeners",
            f"create listener {_listener_text(move.after())}",
            f"delete {move.port}",
        )
    if plan.replaced:
        yield Step("DeleteLoadBalancerListeners", f"delete listeners {ports}", "create them as they were")
        for move in plan.replaced:
            yield Step(
                "CreateLoadBalancerListeners",
                f"create listener {_listener_text(move.after())} (was {move.old})",
                f"create it on {move.old}",
            )
    for port, names in plan.policies:
        yield Step(
            "SetLoadBalancerPoliciesOfListener", f"set policies of listener {port} to {', '.join(names)}"
        )
    if plan.health_check:
        yield Step("ConfigureHealthCheck", f"check {plan.health_check.target}")
    yield Step("RemoveTags", "remove the intent")


def _refuse_drift(colors: Colors, code: str) -> None:
    drift = next(drift for drift in colors.drift if drift.code == code)
    raise InputError(drift.message, drift=[drift.code])


def _check_preview(router: LoadBalancer, colors: Colors, port: int) -> None:
    """Refuse a preview on a port that is not its own."""
    if colors.preview not in (None, port):
        raise InputError(
            f"preview_port is {port}, but tag {PREVIEW_TAG} of {router.name} names {colors.preview}: use that, or free "
            f"it with: aws elb delete-load-balancer-listeners --load-balancer-name {router.name} "
            f"--load-balancer-ports {colors.preview} && aws elb remove-tags --load-balancer-names {router.name} "
            f"--tags Key={PREVIEW_TAG}"
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


def _tags(router: LoadBalancer, wish: Wish) -> Iterator[tuple[str, str]]:
    """What is written beside the intent, where it is not there yet."""
    wanted = {
        CLAIM_TAG: wish.claim,
        PREVIEW_TAG: str(wish.preview_port) if wish.preview_port else None,
    }
    for key, value in wanted.items():
        if value and router.tags.get(key) != value:
            yield key, value


def _refuse_unrepaired(router: LoadBalancer, colors: Colors, wish: Wish) -> None:
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


def _own_moves(
    router: LoadBalancer, colors: Colors, wish: Wish, mine: ColorPorts, others: ColorPorts
) -> Iterator[Move]:
    intended = {move.port: move for move in colors.intent.moves} if colors.intent else {}
    ports = {*colors.of_listener, *colors.named, *intended} - {colors.preview}
    for port in sorted(ports):
        listener = router.listener(port)
        spec, intent_move = wish.spec(port), intended.get(port)
        target = _target_port(listener, port, colors, wish.color, mine, others)
        if target is None:
            raise InputError(
                f"the tags of {router.name} do not say the {wish.color} port of listener {port}: "
                "name the listener in both tags"
            )
        policies = intent_move.policies if intent_move else spec.policies if spec and wish.repair else None
        if listener is not None:
            yield _move(listener, listener.instance_port, target, policies or listener.policies)
        elif intent_move is not None:
            yield replace(intent_move, old=None, new=target)
        elif spec is not None:
            yield Move(
                port, spec.protocol, spec.instance_protocol, None, target, spec.certificate, spec.policies
            )
        else:
            raise InputError(
                f"load balancer {router.name} has no listener on port {port}: "
                "describe it in listeners to have it made",
                drift=["listener_missing"],
            )


def _move(listener: Listener, old: int | None, new: int, policies: tuple[str, ...]) -> Move:
    return Move(
        listener.port, listener.protocol, listener.instance_protocol, old, new, listener.certificate, policies
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
        return mine.at(port)
    if current == color:
        return listener.instance_port
    return counterpart(port, listener.instance_port, others, mine)


def _preview_move(
    router: LoadBalancer,
    colors: Colors,
    wish: Wish,
    own: Sequence[Move],
    mine: ColorPorts,
    others: ColorPorts,
) -> Move | None:
    """The preview shows the idle color, so it goes the other way."""
    port = wish.preview_port or colors.preview
    if port is None:
        return None
    listener = router.listener(port)
    if listener is not None:
        target = _idle_port(listener.instance_port, mine, others)
        if target is None and listener.instance_port in mine.node_ports:
            target = _first_idle_port(own, mine, others)
        if target is None or target == listener.instance_port:
            return None
        return _move(listener, listener.instance_port, target, listener.policies)
    intended = next((m for m in colors.intent.moves if m.port == port), None) if colors.intent else None
    if intended is not None:
        target = _idle_port(intended.new, mine, others) or _idle_port(intended.old, mine, others)
        return replace(intended, old=None, new=target) if target else None
    return _new_preview(router, wish, own, mine, others)


def _new_preview(
    router: LoadBalancer, wish: Wish, own: Sequence[Move], mine: ColorPorts, others: ColorPorts
) -> Move | None:
    """What makes the preview: our first listener in plain, on the other color."""
    if wish.preview_port is None:
        return None
    target = _first_idle_port(own, mine, others)
    if target is None:
        raise InputError(
            f"preview_port {wish.preview_port} of {router.name} has no listener of the application to follow: "
            "describe one in listeners to have it made"
        )
    protocol = "HTTP" if own[0].instance_protocol == "HTTP" else "TCP"
    return Move(wish.preview_port, protocol, protocol, None, target)


def _check_made_early(router: LoadBalancer, preview: Move) -> None:
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


def _lacks_policies(router: LoadBalancer, move: Move) -> bool:
    listener = router.listener(move.port)
    return listener is not None and move.old == move.new and listener.policies != move.policies


def _health_check(
    router: LoadBalancer, colors: Colors, wish: Wish, mine: ColorPorts, others: ColorPorts
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


def _kept_listeners(router: LoadBalancer, wish: Wish) -> Iterator[str]:
    for spec in wish.listeners:
        listener = router.listener(spec.port)
        if listener and (listener.protocol, listener.instance_protocol, listener.certificate) != (
            spec.protocol,
            spec.instance_protocol,
            spec.certificate,
        ):
            yield (
                f"listener {_listener_text(listener)} of {router.name} is not as described "
                f"({spec.protocol} to {spec.instance_protocol}, certificate {spec.certificate or 'none'}) "
                "and stays as it is"
            )


def _listener_text(listener: Listener | None) -> str:
    if listener is None:
        return "absent"
    text = f"{listener.port} {listener.protocol} to {listener.instance_port} {listener.instance_protocol}"
    if listener.certificate:
        text += f", certificate {listener.certificate}"
    return f"{text}, policies {', '.join(listener.policies)}" if listener.policies else text
