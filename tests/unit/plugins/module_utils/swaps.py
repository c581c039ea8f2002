# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of swaps for the tables of the pure core."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.color import read_colors
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    Move,
    encode_intent,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import Classic, judged
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import encode_known
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Listener, LoadBalancer
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import (
    SwapPlan,
    plan_swap,
    predict,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import ListenerWish

from .routers import http, https

TWO = (http(80, 30081, policies=("sticky",)), https(443, 30081))


def plan(lb: LoadBalancer, color: str, **wish: Any) -> SwapPlan:
    asked = ListenerWish(color=color, **wish)
    return plan_swap(lb, read_colors(lb, asked.listener_ports, described=asked.described_ports()), asked)


def begin(lb: LoadBalancer, color: str, **wish: Any) -> None:
    """Raise what the swap of it would refuse before it plans."""
    asked = ListenerWish(color=color, **wish)
    kind = Classic()
    kind.check(judged(lb, kind.look(asked), read_began=0.0), asked)


def after(lb: LoadBalancer, color: str, **wish: Any) -> LoadBalancer:
    return predict(lb, plan(lb, color, **wish))


def intent(color: str, *moves: Move) -> dict[str, str]:
    """The tags of an intent that somebody else has written."""
    return encode_intent(Intent("1a2b3c4d", "ada", "laptop", 42, 1_700_000_000, color, moves))


def known(*listeners: Listener) -> dict[str, str]:
    """The tags of a swap that has left these listeners."""
    return encode_known(listeners)
