# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.plan import plan_line

from ..some_router import route, some_router

FIRST = {
    "action": "stage",
    "live": None,
    "color": "blue",
    "commit": "2b2b2b2",
    "releases": {},
    "objects": ["a", "b"],
    "steps": [{"do": "swap"}],
    "rollback": {"to": None, "reason": "nothing served before"},
}


def test_a_first_deploy_moves_no_listener_of_anybody_else() -> None:
    router = some_router(None, routes=(route(9000, None),))
    assert plan_line(FIRST, "shop", router) == (
        "Plan: shop nothing -> 2b2b2b2 on blue; 2 objects; back: not possible, nothing served before"
    )
