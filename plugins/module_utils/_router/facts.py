# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A router in plain values, as tasks hand it on: what users see of it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import (
    Abilities,
    Backend,
    OpenSwap,
    Route,
    Router,
    Target,
)

Facts = dict[str, Any]

# The open swap goes by the name that its record on the router has.
_RENAMED = {"open_swap": "intent"}


def facts_of(router: Router) -> Facts:
    """What holds for every kind; a kind adds what it has beside it."""
    told = {name: getattr(router, name) for name in Router.__dataclass_fields__}
    return {_RENAMED.get(name, name): _plain(value) for name, value in told.items()}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value


def router_of(facts: Mapping[str, Any]) -> Router:
    """One entry of ``load_balancers`` as elb_color_facts returns it; raises InputError where it is none."""
    try:
        intent = facts["intent"]
        return Router(
            **{
                name: facts[name]
                for name in ("name", "type", "dns_name", "live", "idle", "fingerprint", "claim")
            },
            **{
                name: facts[name] for name in ("backends_are", "in_service", "watch_seconds", "node_ports_in")
            },
            targets={
                color: Target(tuple(target["node_ports"]), target["words"])
                for color, target in facts["targets"].items()
            },
            routes=tuple(Route(**route) for route in facts["routes"]),
            drift=tuple(
                Drift(each["code"], each["message"], tuple(each["mended_by"]), tuple(each["next"]))
                for each in facts["drift"]
            ),
            open_swap=OpenSwap(**{**intent, "routes": tuple(intent["routes"])}) if intent else None,
            backends=tuple(Backend(**backend) for backend in facts["backends"]),
            notes=tuple(facts["notes"]),
            touched=dict(facts["touched"]),
            abilities=Abilities(**facts["abilities"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"router is not an entry of elb_color_facts' load_balancers ({type(error).__name__}: {error})."
        ) from error
