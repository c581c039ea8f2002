# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a hold, of a freeze, and of pods that are raised to what live has."""

from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import outcome
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import Commands
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.standing import standing
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.verdict import verdict

from ..runs import PLAN, SWAP, run


@pytest.mark.parametrize(("raises", "told"), [(True, ["green: 4 pods, as live has"]), (False, [])])
def test_a_color_that_is_raised_to_what_live_has_is_told(raises: bool, told: list[str]) -> None:
    capacity = {"words": "4 pods, as live has", "raises": raises}
    done = run(plan=PLAN | {"capacity": capacity}, swap=SWAP)
    assert [line for line in verdict(done, Commands()).texts if "pods" in line] == told
    planned = run(plan=PLAN | {"capacity": capacity}, check_mode=True, swap=SWAP)
    assert ("4 pods, as live has" in verdict(planned, Commands()).head) is raises


def test_a_hold_and_a_freeze_are_seen_and_a_release_of_it_is_told() -> None:
    hold = {"by": "ada@laptop", "at": "2026-11-30T03:00:00+00:00", "from": "00abcde", "to": "0012345"}
    seen = standing(run("status", plan=PLAN | {"hold": hold, "frozen": "the sale"}), Commands())
    told = "ada@laptop went back from 00abcde to 0012345 at 2026-11-30T03:00:00+00:00"
    assert f"deploys: on hold, {told}; frozen, the sale" in seen.texts
    assert "deploys:" not in " ".join(standing(run("status"), Commands()).texts)
    released = run("release", plan=PLAN | {"action": "release"})
    assert (outcome(released), verdict(released, Commands()).head) == (
        "released", "shop: the hold is released, deploys go on",
    )  # fmt: skip
    nothing = run("release", plan=PLAN | {"action": "unchanged", "reason": "nothing is on hold"})
    assert verdict(nothing, Commands()).head == "shop: nothing is on hold, nothing to do"
