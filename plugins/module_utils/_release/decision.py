# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a run has to do: router, both colors and the ledger in, one decision out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    ROLLED_BACK,
    SWAPPED,
    Ledger,
    bad,
    last_move,
    releases_served,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release, Side
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import (
    REPAIR,
    SWAP,
    SWAP_TO_IDLE,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS, other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router


@dataclass(frozen=True)
class Decision:
    """``color`` is the one that serves, or that was staged, when it is done; ``release`` what it runs then.

    ``action`` is

    - unchanged: nothing, for ``reason``;
    - swap: the color runs it already, only the router has to change;
    - stage: it has to be brought up on the color first;
    - scale: the color runs it, but scaled to zero, with nothing kept to bring it up from, or with too few pods;
    - resolve: a swap that was cut off comes before anything else;
    - complete: a rollback has moved the traffic and was cut off before it wrote that down;
    - retire: the color is scaled to zero;
    - release: the hold that a rollback has put on deploys is ended;
    - preview: the other color is shown where only those see it who look for it;
    - wait: somebody's swap is under way, and only after it can be told what is to be done.

    ``service`` is the Service of no deploy, ``<namespace>/<name>``, that a rollback goes to instead of a release.
    """

    action: str
    color: str
    release: Release | None = None
    reason: str = ""
    service: str | None = None


def moves(goal: str, decision: Decision) -> bool:
    """Whether carrying a decision out swaps the router."""
    return goal != "stage" and decision.action in ("stage", "scale", "swap")


def move_written(goal: str, decision: Decision, live: str | None) -> str | None:
    """The event by which the ledger is told that another color serves; None where none does that can be named."""
    moved_on = decision.action == "complete" or (moves(goal, decision) and decision.color != live)
    if not moved_on or (decision.release is None and decision.service is None):
        return None
    return ROLLED_BACK if goal == "rollback" else SWAPPED


def check_claim(router: Router, claim: str, take_over: bool) -> None:
    if router.claim is not None and router.claim != claim and not take_over:
        raise InputError(
            f"Load balancer {router.name} is claimed by '{router.claim}', and this is '{claim}' "
            "(<application>/<uid of its namespace>): deploy through a load balancer of its own, "
            "or take this one over with bluegreen_claim: true.",
            claim=claim,
            claimed_by=router.claim,
        )


def check_router(router: Router, repairs: bool = False, to_idle: bool = False) -> None:
    """Refuse what a swap would refuse, before a release is staged for it.

    ``repairs`` is whether drift is what the run is about, ``to_idle`` whether it goes nowhere but to the idle color, and
    changes nothing there that still serves a purpose.
    """
    resolves = repairs or router.cut_off is not None
    mends = {REPAIR} if resolves else {SWAP, SWAP_TO_IDLE} if to_idle else {SWAP}
    for drift in router.drift:
        if not mends & {*drift.mended_by}:
            raise InputError(drifted(drift.message, drift.code), drift=drift.code)
    if router.live is None and router.serves and not resolves:
        raise InputError(f"Load balancer {router.name} does not say which color is live.")


def choose_release(router: Router, sides: Mapping[str, Side], ledger: Ledger, rendered: Release) -> Release:
    """The release that a deploy of a commit means: what the templates give today, or as it once served.

    An old commit comes back as it was, because today's templates may be made for newer ones. The
    commit that is live, one that never served, and one that turned out bad are deployed as rendered.
    """
    live = sides[router.live].release if router.live else None
    if live and live.commit == rendered.commit:
        return live if brought_back_for(ledger, live, rendered) else rendered
    excluded = bad(ledger.events, live)
    served = [each for each in reversed(releases_served(ledger.events)) if each.commit == rendered.commit]
    past = [each for each in served if each not in excluded and each in ledger.kept]
    return rendered if not past or rendered in served else past[0]


def brought_back_for(ledger: Ledger, live: Release | None, rendered: Release) -> bool:
    """Whether what is live was brought back as it once served, when these same manifests had been asked for."""
    move = last_move(ledger.events)
    if live is None or move is None or move.release != live or live.commit != rendered.commit:
        return False
    return move.details.get("rendered") == rendered.manifest


def plan_deploy(router: Router, sides: Mapping[str, Side], wanted: Release) -> Decision:
    """Where the wanted release goes. Raises InputError when the color cannot take it.

    A swap that was cut off is finished when it was going to the wanted release. Else it is resolved
    before anything is staged, which could last long, and meanwhile a port may be closed.
    """
    if router.cut_off:
        if _is_good(sides[router.cut_off], wanted):
            return Decision("swap", router.cut_off, wanted)
        return Decision("resolve", _resolution(router, sides))
    if router.live and sides[router.live].release == wanted:
        return Decision("swap" if router.drift else "unchanged", router.live, wanted)
    color = router.idle or COLORS[0]
    side = sides[color]
    if side.holder:
        raise InputError(_held(router, side, side.holder))
    return Decision("swap" if _is_good(side, wanted) else "stage", color, wanted)


def plan_stage(router: Router, sides: Mapping[str, Side], wanted: Release) -> Decision:
    """As for a deploy, but what only has to be switched to is done with."""
    decision = plan_deploy(router, sides, wanted)
    return replace(decision, action="unchanged") if decision.action == "swap" else decision


def plan_switch(router: Router, sides: Mapping[str, Side], commit: str | None) -> Decision:
    """To what was staged on the idle color. Raises InputError where it was not staged well, or is not ``commit``.

    Without a commit that is what was proven later than what is live, so that doing it again does not
    switch back.
    """
    if router.cut_off:
        raise InputError(
            f"{drifted(router.message('swap_interrupted'), 'swap_interrupted')} Finish or undo it first, with repair.yml."
        )
    if router.live is None or router.idle is None:
        raise InputError(
            f"No color is live on load balancer {router.name} yet: deploy first, switch.yml only switches."
        )
    live, idle = sides[router.live], sides[router.idle]
    serving = live.release
    if commit is not None and serving and serving.commit == commit:
        check_router(router)
        return Decision("swap" if router.drift else "unchanged", router.live, serving)
    staged = idle.workload
    if staged is None or staged.release is None:
        raise InputError(
            f"{router.idle} holds nothing that was staged: stage a commit first, with stage.yml -e commit=<commit>."
        )
    if commit is not None and staged.release.commit != commit:
        raise InputError(
            f"{router.idle} holds {staged.release.commit}, not {commit}: stage {commit} first, with "
            f"stage.yml -e commit={commit}."
        )
    if commit is None and live.workload and live.workload.proven_at >= staged.proven_at:
        check_router(router)
        reason = f"{router.idle} holds nothing newer than what is live: name a commit to go back to it"
        return Decision("unchanged", router.live, serving, reason)
    trouble = _not_good(idle)
    if trouble:
        raise InputError(
            f"{router.idle} cannot be switched to: {trouble}. Stage {staged.release.commit} again."
        )
    return Decision("swap", router.idle, staged.release)


def plan_repair(router: Router, sides: Mapping[str, Side], color: str | None) -> Decision:
    """Onto which color a drifted router is brought: the named one, or what a cut-off swap or its listeners tell.

    Raises InputError where none can be told, or where the color could not serve.
    """
    if color is None and router.cut_off:
        color = _resolution(router, sides)
    color = color or router.live
    if color is None:
        raise InputError(
            f"Load balancer {router.name} does not say which color is live: name the one to repair it onto "
            "with -e bluegreen_color=blue or green."
        )
    if not _serves(sides[color]):
        raise InputError(f"{color} cannot serve: {_why_not(sides[color])}.")
    action = "swap" if router.drift or router.live != color else "unchanged"
    return Decision(action, color, sides[color].release)


def plan_retire(router: Router, sides: Mapping[str, Side]) -> Decision:
    """Scale the idle color to zero. Raises InputError where no color is surely idle."""
    if router.live is None or router.idle is None:
        raise InputError(
            f"Load balancer {router.name} does not say which color is idle: only an idle color can be retired."
        )
    idle, live = sides[router.idle], sides[router.live]
    if idle.workload is None or idle.workload.replicas == 0:
        return Decision("unchanged", router.idle, idle.release, f"{router.idle} has no pods")
    if idle.release is None:
        raise InputError(
            f"What {router.idle} runs was not put there by a deploy, so it is not retired by one: scale it down yourself."
        )
    if live.workload is not None and not live.workload.ready:
        raise InputError(
            f"{router.idle} is not retired while {router.live}, which is live, is not ready: {live.workload.lack}."
        )
    return Decision("retire", router.idle, idle.release)


def plan_preview(router: Router, port: int, apart: bool) -> Decision:
    """Show the idle color on ``port`` of the router, or on a router that is ``apart``; live stays what it is."""
    if not port and not apart:
        raise InputError(
            "Nobody said where to show the idle color: give bluegreen_preview_port, a free port of the load balancer, or "
            "bluegreen_preview_load_balancer."
        )
    if router.live is None or router.idle is None:
        drifts = "; ".join(drift.message for drift in router.drift) or "no color is live"
        raise InputError(f"Load balancer {router.name} does not say which color is idle ({drifts}).")
    return Decision("preview", router.live)


def wants_service(side: Side, live: str | None) -> bool:
    """Whether a deploy creates the Service of the color that it does not deploy to.

    Never where the live color's workload is not ours: whatever answers on its node port by other
    means would be cut off by a Service without pods.
    """
    if side.service_ports is not None or side.holder:
        return False
    return side.color != live or side.workload is not None


def _resolution(router: Router, sides: Mapping[str, Side]) -> str:
    """Where a cut-off swap is taken: back to where it came from, else on to where it was going."""
    going = router.cut_off or COLORS[0]
    for color in (other(going), going):
        if _serves(sides[color]):
            return color
    raise InputError(
        f"{drifted(router.message('swap_interrupted'), 'swap_interrupted')} Neither color can serve: "
        f"{other(going)}: {_why_not(sides[other(going)])}; {going}: {_why_not(sides[going])}."
    )


def _serves(side: Side) -> bool:
    """Whether a color can serve now; what somebody else's Service does is not ours to judge."""
    return side.holder is not None or (side.workload is not None and side.workload.ready and side.reachable)


def _why_not(side: Side) -> str:
    if side.workload is None:
        return f"{side.color} has no Deployment"
    if not side.reachable:
        return f"its Service does not have node port {joined(side.node_ports)}"
    return side.workload.lack


def _is_good(side: Side, wanted: Release) -> bool:
    return side.release == wanted and not _not_good(side)


def _not_good(side: Side) -> str:
    """Why what stands on a color must not be switched to as it is; empty when it may be."""
    work = side.workload
    if work is None or work.release is None:
        return "nothing of a deploy stands there"
    if work.rejected:
        return f"a rollback has left {work.release.commit} before"
    if not work.proven:
        return f"{work.release.commit} was never proven"
    return "" if _serves(side) else _why_not(side)


def drifted(message: str, code: str) -> str:
    return f"{message[:1].upper()}{message[1:]} ({code})."


def _held(router: Router, side: Side, holder: str) -> str:
    namespace, name = holder.split("/")
    return (
        f"Node port {joined(side.node_ports)} of {side.color} is held by Service {name} in namespace {namespace}: free it with "
        f"'kubectl -n {namespace} delete service {name}' once nothing needs it, or give {side.color} another "
        f"node port in {router.node_ports_in}."
    )


def joined(ports: Iterable[int]) -> str:
    return ", ".join(str(port) for port in ports)
