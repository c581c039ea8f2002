# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kind of router that is nothing but a note of where traffic goes: no AWS, no listeners, no node ports, no gap.

A router is a file in the folder that MEMORY_ROUTERS names. As a callback plugin this makes the kind known to an
ansible-playbook; the processes that Ansible forks for tasks have it from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from ansible.plugins.callback import CallbackBase

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import KINDS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import (
    Look,
    Plan,
    Step,
    Swapped,
    Wish,
    check_expected,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    Abilities,
    Route,
    Router,
    Target,
)

NAME = "memory"
_OTHER = {"blue": "green", "green": "blue"}


def make(folder: Path, name: str, live: str | None = "green") -> None:
    """A router that leads to what ``<name>-blue`` and ``<name>-green`` are called."""
    (folder / name).write_text(json.dumps({"leads_to": live, "claim": None}))


def leads_to(folder: Path, name: str) -> str:
    return str(json.loads((folder / name).read_text())["leads_to"])


@dataclass(frozen=True)
class Memory:
    changing: ClassVar[tuple[str, ...]] = ("leads_to",)

    def connect(self, params: Mapping[str, Any], writes: bool) -> Path:
        return Path(os.environ["MEMORY_ROUTERS"])

    def read(self, client: Path, names: Sequence[str], look: Look) -> list[Router]:
        missing = [name for name in names if not (client / name).exists()]
        if missing:
            raise InputError(f"there is no router {', '.join(missing)}")
        return [_router(name, json.loads((client / name).read_text())) for name in names]

    def facts(self, router: Router) -> dict[str, Any]:
        return {"leads_to": router.routes[0].target}

    def wish(self, params: Mapping[str, Any]) -> Wish:
        named = ("color", "expect_live", "expect_fingerprint", "repair", "claim", "take_over")
        return Wish(**{name: params[name] for name in named})

    def look(self, wish: Wish) -> Look:
        return Look()

    def check(self, router: Router, wish: Wish) -> None:
        check_expected(router, wish)

    def plan(self, router: Router, wish: Wish, began_as: Router) -> Plan:
        if router.drift and not wish.repair:
            raise InputError(f"{router.drift[0].message} (repair mends it)")
        if router.live == wish.color:
            return Plan(router, ())
        claim = wish.claim or router.claim
        after = _router(router.name, {"leads_to": wish.color, "claim": claim})
        return Plan(after, (Step("write", f"lead to {wish.color}", f"lead to {router.live}"),))

    def swap(self, client: Path, router: Router, plan: Plan, done: Swapped) -> Router:
        written = {"leads_to": plan.after.live, "claim": plan.after.claim}
        aside = client / f".{router.name}"
        aside.write_text(json.dumps(written))
        aside.rename(client / router.name)
        return self.read(client, [router.name], Look())[0]

    def settle(self, client: Path, began_as: Router, after: Router, show: Callable[[str], None]) -> Router:
        return after


def _router(name: str, written: Mapping[str, Any]) -> Router:
    leads_to = written["leads_to"]
    live = leads_to if leads_to in _OTHER else None
    router = Router(
        name=name,
        type=NAME,
        dns_name="nowhere.example",
        live=live,
        idle=_OTHER.get(leads_to),
        targets={color: Target((), f"Service {name}-{color}") for color in _OTHER},
        routes=(Route("all", live, str(leads_to), "http", "nowhere.example"),),
        fingerprint=hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16],
        claim=written["claim"],
        backends_are="pods",
        abilities=Abilities(gapless=True, local_traffic=True),
    )
    astray = Drift("astray", f"{name} leads to {leads_to}, which is no color: repair it onto one", (REPAIR,))
    return router if live or leads_to is None else replace(router, drift=(astray,))


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "memory"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self) -> None:
        super().__init__()
        KINDS[NAME] = Memory()
