# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Where a rollback goes, or why nowhere: what is told of it and what it then does are one decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.decision import (
    Decision,
    check_claim,
    check_router,
    joined,
    move_written,
    moves,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    ROLLED_BACK,
    STAGED,
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
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
    Side,
    Workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS, other
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router


@dataclass(frozen=True)
class Standing:
    """All that a way back hangs on.

    ``claim`` is ours on the router, ``take_over`` whether it may carry another's.
    """

    router: Router
    sides: Mapping[str, Side]
    ledger: Ledger
    claim: str
    take_over: bool = False

    @property
    def serving(self) -> Release | None:
        return self.sides[self.router.live].release if self.router.live else None


@dataclass(frozen=True)
class WayBack:
    """The color and release that a rollback would go to, and how; or in ``reason`` why there is none.

    ``service`` is the Service of no deploy, ``<namespace>/<name>``, where that is what it goes to.
    """

    color: str | None
    release: Release | None
    reason: str
    action: str = ""
    service: str | None = None

    @property
    def to(self) -> str | None:
        return self.release.commit if self.release else None


class _NowhereError(InputError):
    """There is nothing to go back to, for a ``reason`` that completes that sentence."""

    def __init__(self, router: Router, reason: str) -> None:
        super().__init__(
            f"There is nothing to roll back to on load balancer {router.name}: {reason}.", nowhere=True
        )
        self.reason = reason


def plan_rollback(standing: Standing, commit: str | None = None, leaving: Release | None = None) -> Decision:
    """Back to the last good release before the one that is live, or to ``commit``.

    ``leaving`` is what was live when the rollback was asked for: when that is live no more, somebody
    else has gone back already. To undo a swap that was cut off is to go back from where it was going.
    Raises InputError when there is nothing to go back to, or when the router cannot be swapped.
    """
    router, sides, ledger, live = standing.router, standing.sides, standing.ledger, standing.serving
    check_router(router, to_idle=True)
    check_claim(router, standing.claim, standing.take_over)
    if router.cut_off:
        back = _found(router, _back_from(sides, router.cut_off, Ledger()))
        return _to(back)
    if leaving is not None and live != leaving:
        return Decision("unchanged", router.live or COLORS[0], live, _moved(ledger, leaving, live))
    if commit is not None and live and live.commit == commit:
        return Decision("unchanged", router.live or COLORS[0], live, f"{commit} is live already")
    cut_off = unfinished_rollback(ledger.events, live)
    if commit is None and router.live and cut_off:
        return Decision("complete", router.live, live, service=cut_off.service)
    back = _back_from(sides, router.live, ledger) if commit is None else _way_to(standing, commit)
    back = _found(router, back)
    return _to(_found(router, back))


def way_back(standing: Standing) -> WayBack:
    """What a rollback would do now; what it would be refused for is the reason."""
    try:
        decision = plan_rollback(standing)
    except InputError as error:
        return WayBack(None, None, as_reason(error))
    return WayBack(decision.color, decision.release, "", decision.action, decision.service)


def as_reason(error: BluegreenError) -> str:
    """What a rollback was refused for, to stand behind a comma."""
    if isinstance(error, _NowhereError):
        return error.reason
    text = error.message.removesuffix(".")
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _back_from(sides: Mapping[str, Side], live: str | None, ledger: Ledger) -> WayBack:
    """What can be gone back to from what ``live`` runs.

    Where that took over from what is of no deploy, it is the way back for as long as it serves. Else the ledger
    chooses; where it does not know what is live, the other color's release is taken if it is proven and no rollback
    has left it.
    """
    if live is None:
        return WayBack(None, None, "no color is live")
    side = sides[other(live)]
    leaving = sides[live].release
    if side.adopted and leaving is not None and _took_over(ledger, leaving):
        return WayBack(side.color, None, "", "swap", side.adopted)
    if side.holder:
        return WayBack(None, None, f"node port of {side.color} is held by Service {side.holder}")
    if leaving is None or leaving not in releases_served(ledger.events):
        reason = _not_to_go_back_to(side, ledger, leaving)
        return WayBack(None, None, reason) if reason else _reach(side, side.release, ledger)
    left_before = side.release if side.workload and side.workload.rejected else None
    good = [release for release in good_before(ledger.events, leaving) if release != left_before]
    if not good:
        there = _not_to_go_back_to(side, ledger, leaving)
        there = there or (f"{side.color} runs {side.release.commit}" if side.release else "")
        return WayBack(None, None, f"no good release served before {leaving.commit}; {there}")
    return _reach(side, good[0], ledger)


def left_by(standing: Standing, decision: Decision) -> Release | None:
    """The release that serves no more once a decision is carried out."""
    if decision.action == "complete":
        cut_off = unfinished_rollback(standing.ledger.events, decision.release)
        return cut_off.left if cut_off else None
    return standing.sides[standing.router.live or other(decision.color)].release


def afterwards(
    standing: Standing,
    goal: str,
    decision: Decision,
    services: Mapping[str, tuple[int, ...]],
) -> Standing:
    """How it stands once a decision is carried out, for what a rollback would do then.

    ``services`` are the node ports, by color, of the Services that come with it.
    """
    router, color, release = standing.router, decision.color, decision.release
    sides = {
        each: replace(side, service_ports=services.get(each, side.service_ports))
        for each, side in standing.sides.items()
    }
    side = sides[color]
    adopted = side.adopted if decision.action != "stage" else None
    sides[color] = replace(side, workload=_carried_out(side.workload, decision), adopted=adopted)
    written = []
    if decision.action == "stage" and release:
        written.append(Event(STAGED, "", "", release, color))
    event, left = move_written(goal, decision, router.live), left_by(standing, decision)
    if event:
        written.append(Event(event, "", "", release, color, left, service=decision.service))
    beside = sides[other(color)]
    if event == ROLLED_BACK and beside.workload and beside.release == left:
        sides[other(color)] = replace(beside, workload=replace(beside.workload, rejected=True))
    ledger = replace(standing.ledger, events=(*standing.ledger.events, *written))
    if moves(goal, decision):
        router = turned(router, color, standing.claim)
    return replace(standing, router=router, sides=sides, ledger=ledger)


def turned(router: Router, color: str, claim: str) -> Router:
    """A router that a swap has brought wholly onto a color."""
    routes = tuple(
        replace(route, color=(other(color) if route.preview else color) if route.color else None)
        for route in router.routes
    )
    return replace(
        router, live=color, idle=other(color), routes=routes, drift=(), open_swap=None, claim=claim
    )


def _carried_out(work: Workload | None, decision: Decision) -> Workload | None:
    """What stands on a decision's color then."""
    if decision.action == "retire" and work:
        return replace(work, replicas=0, ready_replicas=0, lack="it wants no replicas")
    if decision.action == "stage":
        return Workload(decision.release, "then", False, 1, 1, "", (), ())
    return work


def _took_over(ledger: Ledger, leaving: Release) -> bool:
    """Whether a release went live over what is of no deploy; so it did for all that the ledger knows, where that is nothing."""
    moves = (event for event in reversed(ledger.events) if event.event in (SWAPPED, ROLLED_BACK))
    return next((event.left is None for event in moves if event.release == leaving), True)


def _to(back: WayBack) -> Decision:
    return Decision(back.action, back.color or COLORS[0], back.release, service=back.service)


def _found(router: Router, back: WayBack) -> WayBack:
    if back.color is None:
        raise _NowhereError(router, back.reason)
    return back


def _way_to(standing: Standing, commit: str) -> WayBack:
    """The way to a commit that somebody chose, good or not."""
    router, ledger = standing.router, standing.ledger
    if router.live is None:
        return WayBack(None, None, "no color is live")
    side = standing.sides[other(router.live)]
    if side.holder:
        back = ", which a rollback goes to that is given no commit" if side.adopted else ""
        return WayBack(None, None, f"node port of {side.color} is held by Service {side.holder}{back}")
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
            lack = f"whose Service does not have node port {joined(side.node_ports)}"
            return WayBack(None, None, f"{side.color} runs {target.commit}, {lack}")
        return WayBack(side.color, target, "", "scale" if work.replicas == 0 else "swap")
    if kept:
        return WayBack(side.color, target, "", "stage")
    there = f"{side.color} runs {side.release.commit}" if side.release else f"{side.color} does not run it"
    return WayBack(None, None, f"it would be {target.commit}, whose manifests are not kept, and {there}")


def _not_to_go_back_to(side: Side, ledger: Ledger, leaving: Release | None) -> str:
    """Why what stands on a color is nothing to go back to; empty when it is."""
    events = ledger.events
    work = side.workload
    if work is None:
        return f"{side.color} has no Deployment"
    if work.release is None:
        return f"what {side.color} runs was not put there by a deploy"
    name = f"{side.color} runs {work.release.commit}"
    if work.rejected or (work.release in bad(events, leaving) and work.proven):
        return f"{name}, which a rollback has left before"
    if not work.proven:
        return f"{name}, which was never proven"
    staged = any((event.event, event.release) == (STAGED, work.release) for event in events)
    if staged and work.release not in releases_served(events):
        return f"{name}, which was staged and has never served"
    return ""


def _moved(ledger: Ledger, leaving: Release, live: Release | None) -> str:
    now = f"{live.commit} is live" if live else "what is live is of no deploy"
    move = last_move(ledger.events)
    if move and move.left and (move.left.commit, move.release) == (leaving.commit, live):
        how = "rolled back from" if move.event != SWAPPED else "deployed over"
        return f"{now}: {who(move.by)} has {how} {leaving.commit} at {move.at}"
    return f"{now}, not {leaving.commit} any more"
