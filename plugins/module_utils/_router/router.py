# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a router says, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import Drift

# The application and cluster that a router belongs to, and what shows its idle color, as tags.
CLAIM_TAG = "octoblu.bluegreen/app"
PREVIEW_TAG = "octoblu.bluegreen/preview"


@dataclass(frozen=True)
class Abilities:
    """What a kind of router can do.

    ``gapless``: nothing is refused while a swap is carried out. ``local_traffic``: Services with externalTrafficPolicy
    Local can stand behind it.
    """

    gapless: bool = False
    local_traffic: bool = False


@dataclass(frozen=True)
class Target:
    """What leads to a color: its node ports, where the kind has any, and the same in words."""

    node_ports: tuple[int, ...]
    words: str


@dataclass(frozen=True)
class Route:
    """A way through the router: a listener or a rule.

    ``name`` is what people call it, such as its port; ``color`` is None where what stands behind it, ``target``, is no
    color's. ``address`` has host and port. A ``preview`` shows the idle color. ``keeps`` says in words what a swap
    leaves as it is, such as its policies.
    """

    name: str
    color: str | None
    target: str
    scheme: str
    address: str
    preview: bool = False
    keeps: str = ""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"


@dataclass(frozen=True)
class Backend:
    """One of those that the router sends traffic to. ``state`` is the kind's own word, None where it was not asked for."""

    name: str
    state: str | None = None


@dataclass(frozen=True)
class OpenSwap:
    """A swap that is recorded on the router: under way while it is ``living``, cut off otherwise.

    ``since`` is ISO 8601; one that is under way has ended ``lifetime`` seconds after it. ``routes`` are the names of
    those that it moves.
    """

    color: str
    by: str
    pid: int
    since: str
    lifetime: int
    run: str
    living: bool
    routes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Router:
    """One router as it was read.

    ``live`` and ``idle`` are None where it does not say one color. ``targets`` has both colors, ``node_ports_in`` says
    where their node ports are written down. ``backends_are`` is what the backends are called, with an s at the end;
    ``in_service`` is how many of them traffic is sent to, None where it was not asked for or the kind cannot know.
    A swap that waits for them takes ``watch_seconds`` at most for that. ``notes`` are what else
    a person is told of it. The ``fingerprint`` is another one when anything that a swap touches is, and ``touched``
    says all of that in words, each by what it is called.
    """

    name: str
    type: str
    dns_name: str
    live: str | None
    idle: str | None
    targets: Mapping[str, Target]
    routes: tuple[Route, ...]
    fingerprint: str
    drift: tuple[Drift, ...] = ()
    open_swap: OpenSwap | None = None
    claim: str | None = None
    backends: tuple[Backend, ...] = ()
    backends_are: str = "backends"
    in_service: int | None = None
    watch_seconds: int = 0
    notes: tuple[str, ...] = ()
    touched: Mapping[str, str] = field(default_factory=dict)
    node_ports_in: str = "the router"
    abilities: Abilities = field(default_factory=Abilities)

    @property
    def serves(self) -> bool:
        """Whether anything of the application's leads to a color."""
        return any(route.color and not route.preview for route in self.routes)

    @property
    def registered(self) -> int:
        return len(self.backends)

    @property
    def unserved(self) -> str | None:
        """Why nobody is served, whichever color is live; None where somebody is, or where that is not known."""
        if self.in_service != 0:
            return None
        one = self.backends_are.removesuffix("s")
        if not self.backends:
            return f"no {one} is registered with load balancer {self.name}: clients get 503"
        return (
            f"no {one} of load balancer {self.name} is in service (0 of {self.registered}): clients get 503"
        )

    @property
    def living(self) -> str | None:
        """The color that somebody's swap is going to at this moment."""
        return self.open_swap.color if self.open_swap and self.open_swap.living else None

    @property
    def cut_off(self) -> str | None:
        """The color that a dead run's swap was going to."""
        return self.open_swap.color if self.open_swap and not self.open_swap.living else None

    def shown_at(self, color: str) -> str | None:
        """The URL at which a color is shown apart; on a router that has no preview, at which it is shown at all."""
        apart = [route for route in self.routes if route.preview] or self.routes
        return next((route.url for route in apart if route.color == color), None)

    def preview_addresses(self) -> list[str]:
        """Where its preview is; of a router that is nothing but one, where it leads to a color."""
        previews = [route.address for route in self.routes if route.preview and route.color]
        return previews or [route.address for route in self.routes if route.color]

    def message(self, code: str) -> str:
        return next(drift.message for drift in self.drift if drift.code == code)
