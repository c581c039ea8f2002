# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The kinds of routers by name: nothing else above them knows one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import Classic
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import facts_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Kind

SomeKind = Kind[Any, Any, Any, Any]

KINDS: dict[str, SomeKind] = {"classic": Classic()}


def connect_to_read(params: Mapping[str, Any]) -> Any:
    return KINDS[params["type"]].connect(params, writes=False)


def connect(params: Mapping[str, Any]) -> Any:
    return KINDS[params["type"]].connect(params, writes=True)


def described(kind: SomeKind, router: Any) -> dict[str, Any]:
    """A router in plain values, as users see it."""
    told = {"registered": router.registered, "unserved": router.unserved}
    return {**facts_of(router), **told, **kind.facts(router)}
