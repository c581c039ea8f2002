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
    SWAPPED,
    Event,
    Ledger,
    bad,
    good_before,
    last_move,
    releases_served,
    unfinished_rollback,
    who,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release, Side
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, SWAP
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
    """

    action: str
    color: str
    release: Release | None = None
    reason: str = ""


@dataclass(frozen=True)
class WayBack:
    """The color and release that a rollback would go to, and how; or in ``reason`` why there is none."""

    color: str | None
    release: Release | None
    reason: str
    action: str = ""

    @property
    def to(self) -> str | None:
        return self.release.commit if self.release else None


def check_claim(router: Router, claim: str, take_over: bool) -> None:
    if router.claim is not None and router.claim != claim and not take_over:
        raise InputError(
            f"Load balancer {router.name} is claimed by '{router.claim}', and this is '{claim}' "
            "(<application>/<uid of its namespace>): deploy through a load balancer of its own, "
            "or take this one over with bluegreen_claim: true.",
            claim=claim,
            claimed_by=router.claim,
        )


def check_router(router: Router, repairs: bool = False) -> None:
    """Refuse what a swap would refuse, before a release is staged for it.

    ``repairs`` is whether drift is what the run is about.
    """
    resolves = repairs or router.cut_off is not None
    for drift in router.drift:
        if (REPAIR if resolves else SWAP) not in drift.mended_by:
            raise InputError(_drifted(drift.message, drift.code), drift=drift.code)
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
            f"{_drifted(router.message('swap_interrupted'), 'swap_interrupted')} Finish or undo it first, with repair.yml."
        )
    if router.live is None or router.idle is None:
        raise InputError(
            f"No color is live on load balancer {router.name} yet: deploy first, switch.yml only switches."
        )
    live, idle = sides[router.live], sides[router.idle]
    serving = live.release
    if commit is not None and serving and serving.commit == commit:
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


def plan_rollback(
    router: Router,
    sides: Mapping[str, Side],
    ledger: Ledger,
    commit: str | None = None,
    leaving: Release | None = None,
) -> Decision:
    """Back to the last good release before the one that is live, or to ``commit``.

    ``leaving`` is what was live when the rollback was asked for: when that is live no more, somebody
    else has gone back already. To undo a swap that was cut off is to go back from where it was going.
    Raises InputError when there is nothing to go back to.
    """
    if router.cut_off:
        back = way_back(sides, router.cut_off, Ledger())
        if back.color is None:
            raise InputError(
                f"There is nothing to roll back to on load balancer {router.name}: {back.reason}."
            )
        return Decision("swap", back.color, back.release)
    live = sides[router.live].release if router.live else None
    if leaving is not None and live != leaving:
        return Decision("unchanged", router.live or COLORS[0], live, _moved(ledger, leaving, live))
    if commit is not None and live and live.commit == commit:
        return Decision("unchanged", router.live or COLORS[0], live, f"{commit} is live already")
    if commit is None and router.live and unfinished_rollback(ledger.events, live):
        return Decision("complete", router.live, live)
    back = way_back(sides, router.live, ledger) if commit is None else _way_to(sides, router, ledger, commit)
    if back.color is None:
        raise InputError(f"There is nothing to roll back to on load balancer {router.name}: {back.reason}.")
    return Decision(back.action, back.color, back.release)


def way_back(
    sides: Mapping[str, Side], live: str | None, ledger: Ledger, leaving: Release | None = None
) -> WayBack:
    """What a rollback goes to while ``live`` serves ``leaving`` (default: what it runs).

    The ledger chooses; where it does not know what is live, the other color's release is taken if it
    is proven and no rollback has left it.
    """
    if live is None:
        return WayBack(None, None, "no color is live")
    side = sides[other(live)]
    leaving = leaving or sides[live].release
    if side.holder:
        return WayBack(None, None, f"node port of {side.color} is held by Service {side.holder}")
    if leaving is None or leaving not in releases_served(ledger.events):
        reason = _not_to_go_back_to(side, bad(ledger.events, leaving))
        return WayBack(None, None, reason) if reason else _reach(side, side.release, ledger)
    left_before = side.release if side.workload and side.workload.rejected else None
    good = [release for release in good_before(ledger.events, leaving) if release != left_before]
    if not good:
        there = _not_to_go_back_to(side, bad(ledger.events, leaving))
        there = there or (f"{side.color} runs {side.release.commit}" if side.release else "")
        return WayBack(None, None, f"no good release served before {leaving.commit}; {there}")
    return _reach(side, good[0], ledger)


def after_move(ledger: Ledger, sides: Mapping[str, Side], decision: Decision, live: str | None) -> Ledger:
    """The ledger as it will be once a decision has moved the traffic, for what a rollback would do then."""
    left = sides[live].release if live else None
    if decision.release is None or decision.release == left:
        return ledger
    moved = Event(SWAPPED, "", "", decision.release, decision.color, left)
    return ledger.with_event(moved)


def left_by_rollback(side: Side) -> Side:
    """The color as it stands once a rollback has left it."""
    return replace(side, workload=replace(side.workload, rejected=True)) if side.workload else side


def wants_service(side: Side, live: str | None) -> bool:
    """Whether a deploy creates the Service of the color that it does not deploy to.

    Never where the live color's workload is not ours: whatever answers on its node port by other
    means would be cut off by a Service without pods.
    """
    if side.service_ports is not None or side.holder:
        return False
    return side.color != live or side.workload is not None


def _way_to(sides: Mapping[str, Side], router: Router, ledger: Ledger, commit: str) -> WayBack:
    """The way to a commit that somebody chose, good or not."""
    if router.live is None:
        return WayBack(None, None, "no color is live")
    side = sides[other(router.live)]
    if side.holder:
        return WayBack(None, None, f"node port of {side.color} is held by Service {side.holder}")
    if side.release and side.release.commit == commit:
        return _reach(side, side.release, ledger)
    told = [each for event in reversed(ledger.events) for each in (event.release, event.left) if each]
    kept = [each for each in told if each.commit == commit and each in ledger.kept]
    if kept:
        return _reach(side, kept[0], ledger)
    commits = sorted({release.commit for release in ledger.kept})
    there = (
        f"{side.color} runs {side.release.commit}" if side.release else f"{side.color} runs nothing of ours"
    )
    return WayBack(
        None, None, f"{commit} is not known; {there}, and the ledger keeps {', '.join(commits) or 'nothing'}"
    )


def _reach(side: Side, target: Release | None, ledger: Ledger) -> WayBack:
    """How the idle color comes to serve a release: as it stands, or staged again from what is kept."""
    if target is None:
        return WayBack(None, None, f"{side.color} runs nothing of ours")
    work = side.workload
    kept = target in ledger.kept
    if work is not None and work.release == target:
        if work.ready and work.proven and side.reachable:
            return WayBack(side.color, target, "", "swap")
        if kept:
            return WayBack(side.color, target, "", "stage")
        if not work.proven:
            return WayBack(None, None, f"{side.color} runs {target.commit}, which was never proven")
        if not side.reachable:
            lack = f"whose Service does not have node port {_join(side.node_ports)}"
            return WayBack(None, None, f"{side.color} runs {target.commit}, {lack}")
        return WayBack(side.color, target, "", "scale" if work.replicas == 0 else "swap")
    if kept:
        return WayBack(side.color, target, "", "stage")
    there = f"{side.color} runs {side.release.commit}" if side.release else f"{side.color} does not run it"
    return WayBack(None, None, f"it would be {target.commit}, whose manifests are not kept, and {there}")


def _not_to_go_back_to(side: Side, excluded: Iterable[Release]) -> str:
    """Why what stands on a color is nothing to go back to; empty when it is."""
    work = side.workload
    if work is None:
        return f"{side.color} has no Deployment"
    if work.release is None:
        return f"what {side.color} runs was not put there by a deploy"
    name = f"{side.color} runs {work.release.commit}"
    if work.rejected or (work.release in set(excluded) and work.proven):
        return f"{name}, which a rollback has left before"
    if not work.proven:
        return f"{name}, which was never proven"
    return ""


def _moved(ledger: Ledger, leaving: Release, live: Release | None) -> str:
    now = f"{live.commit} is live" if live else "what is live is of no deploy"
    move = last_move(ledger.events)
    if move and move.left and (move.left.commit, move.release) == (leaving.commit, live):
        how = "rolled back from" if move.event != SWAPPED else "deployed over"
        return f"{now}: {who(move.by)} has {how} {leaving.commit} at {move.at}"
    return f"{now}, not {leaving.commit} any more"


def _resolution(router: Router, sides: Mapping[str, Side]) -> str:
    """Where a cut-off swap is taken: back to where it came from, else on to where it was going."""
    going = router.cut_off or COLORS[0]
    for color in (other(going), going):
        if _serves(sides[color]):
            return color
    raise InputError(
        f"{_drifted(router.message('swap_interrupted'), 'swap_interrupted')} Neither color can serve: "
        f"{other(going)}: {_why_not(sides[other(going)])}; {going}: {_why_not(sides[going])}."
    )


def _serves(side: Side) -> bool:
    """Whether a color can serve now; what somebody else's Service does is not ours to judge."""
    return side.holder is not None or (side.workload is not None and side.workload.ready and side.reachable)


def _why_not(side: Side) -> str:
    if side.workload is None:
        return f"{side.color} has no Deployment"
    if not side.reachable:
        return f"its Service does not have node port {_join(side.node_ports)}"
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


def _drifted(message: str, code: str) -> str:
    return f"{message[:1].upper()}{message[1:]} ({code})."


def _held(router: Router, side: Side, holder: str) -> str:
    namespace, name = holder.split("/")
    return (
        f"Node port {_join(side.node_ports)} of {side.color} is held by Service {name} in namespace {namespace}: free it with "
        f"'kubectl -n {namespace} delete service {name}' once nothing needs it, or give {side.color} another "
        f"node port in {router.node_ports_in}."
    )


def _join(ports: Iterable[int]) -> str:
    return ", ".join(str(port) for port in ports)
