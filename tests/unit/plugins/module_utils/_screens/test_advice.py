# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do next, by what a run has ended with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import Run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.advice import next_step
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import Commands

from ..runs import FRONT, run
from ..some_router import facts

MIXED = Drift("mixed", "the listeners of shop-lb point at both colors: repair it onto one", (REPAIR,))


def refused(
    live: str | None = "blue", action: str = "deploy", commit: str = "00abcde", **failure: Any
) -> Run:
    ended = run(
        action,
        router=facts(live, **FRONT, drift=(MIXED,)),
        plan={},
        failure={"failed": True, "msg": "no", **failure},
    )
    return replace(ended, asked=replace(ended.asked, commit=commit))


@pytest.mark.parametrize(
    ("given", "step"),
    [
        (refused(drift=["mixed"]), "oops repair mends it"),
        (refused(live=None, drift=["mixed"]), "oops repair <color> mends it"),
        (refused(), "mend that, then oops deploy 00abcde"),
        (refused(drift=["other"]), "mend that, then oops deploy 00abcde"),
        (
            refused(action="rollback", commit="", nowhere=True),
            "name the commit to go back to, oops rollback <commit>; oops list shows them",
        ),
        (
            refused(action="rollback", nowhere=True),
            "oops deploy 00abcde brings it up anew; oops list shows what can be gone back to",
        ),
        (refused(action="rollback", commit=""), "mend that, then oops rollback"),
    ],
)
def test_of_a_refusal(given: Run, step: str) -> None:
    assert next_step(given, Commands(oops=True)) == step
