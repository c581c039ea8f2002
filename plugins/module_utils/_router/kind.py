# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What each kind of router does in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, Router

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """How closely routers are read.

    ``listener_ports`` have to lead to a color, and so have those that were ``described_ports``, which a swap makes.
    ``closely`` reads what only a swap has to know, ``health`` the state of what stands behind the router.
    """

    listener_ports: tuple[int, ...] = ()
    described_ports: tuple[int, ...] = ()
    closely: bool = False
    health: bool = False


@dataclass(frozen=True)
class Wish:
    """What is asked of a swap; a kind may add to it."""

    color: str
    expect_live: str | None = None
    expect_fingerprint: str | None = None
    repair: bool = False
    claim: str | None = None
    take_over: bool = False


@dataclass(frozen=True)
class Step:
    """One call of a plan and how it is taken back; ``undo`` is None where nothing has to be."""

    call: str
    what: str
    undo: str | None = None


@dataclass(frozen=True)
class Plan:
    """What brings a router onto a color: nothing without ``steps``. ``after`` is the router as it will be."""

    after: Router
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()


@dataclass
class Swapped:
    """What a swap did.

    ``gap_ms`` maps a route to the milliseconds for which it was closed as seen from here. ``open`` are listener
    ports left without a listener, ``restored`` whether the router was put back as it was.
    """

    gap_ms: dict[int, int] = field(default_factory=dict)
    request_ids: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    restored: bool = False
    open: list[int] = field(default_factory=list)


Client = TypeVar("Client")
SomeRouter = TypeVar("SomeRouter", bound=Router)
SomeWish = TypeVar("SomeWish", bound=Wish)
SomePlan = TypeVar("SomePlan", bound=Plan)


class Kind(Protocol[Client, SomeRouter, SomeWish, SomePlan]):
    """One kind of router. All raise BluegreenErrors: InputError before anything is written, RouterError afterwards."""

    # Those of its own facts that a swap may change.
    changing: ClassVar[tuple[str, ...]]

    def connect(self, params: Params, writes: bool) -> Client:
        """The client for everything else here."""

    def read(self, client: Client, names: Sequence[str], look: Look) -> list[SomeRouter]:
        """The routers in the order of their names; InputError names those that do not exist."""

    def facts(self, router: SomeRouter) -> dict[str, Any]:
        """What is told of it beside what holds for every kind."""

    def wish(self, params: Params) -> SomeWish:
        """What a swap's options ask for; InputError where they cannot be meant."""

    def look(self, wish: SomeWish) -> Look:
        """How a swap with that wish has to read the router."""

    def check(self, router: SomeRouter, wish: SomeWish) -> None:
        """Refuse what must not be begun on this router."""

    def plan(self, router: SomeRouter, wish: SomeWish, began_as: SomeRouter) -> SomePlan:
        """What brings it wholly onto the color. ``began_as`` is the router as it was when the run began: a swap that was
        cut off is resolved by what its record on that one says."""

    def swap(self, client: Client, router: SomeRouter, plan: SomePlan, done: Swapped) -> SomeRouter:
        """Carry the plan out and return the router as read back; what was done is added to ``done``."""

    def settle(
        self, client: Client, began_as: SomeRouter, after: SomeRouter, show: Callable[[str], None]
    ) -> SomeRouter:
        """Watch for as long as a swap that was none would take to show, and return the router with what is in service then;
        RouterError says what fell out of service, or that nothing is in it."""


def check_expected(router: Router, wish: Wish) -> None:
    """Refuse what no swap may touch, and a router that is not as the wish expects it; InputError names the value."""
    for drift in router.drift:
        if not drift.mended_by:
            raise InputError(drift.message, drift=[drift.code])
    if wish.claim and router.claim and router.claim != wish.claim and not wish.take_over:
        raise InputError(
            f"load balancer {router.name} is claimed by {router.claim}, not {wish.claim} (tag {CLAIM_TAG}): "
            "use the load balancer of this application, or take it over explicitly",
            claim=router.claim,
        )
    if wish.expect_live and router.live != wish.expect_live:
        raise InputError(
            f"{wish.expect_live} was expected to be live on {router.name}, but {router.live or 'no one color'} "
            "is: look at its status and decide anew",
            live=router.live,
        )
    if wish.expect_fingerprint and router.fingerprint != wish.expect_fingerprint:
        raise InputError(
            f"load balancer {router.name} is not as it was seen (fingerprint {router.fingerprint}, expected "
            f"{wish.expect_fingerprint}): look at the plan again",
            fingerprint=router.fingerprint,
        )
