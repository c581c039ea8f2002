# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of the role knows what its own tasks have returned from what an earlier run left."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.filter.run_report import run_report
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import returned_since

OLD = {"changed": True, "at": 1000.001}
NEW = OLD | {"at": 1000.002}


@pytest.mark.parametrize(
    ("now", "before", "own"),
    [
        pytest.param(OLD, {}, OLD, id="new"),
        pytest.param(OLD, {"wait": OLD["at"]}, {}, id="left-by-an-earlier-run"),
        pytest.param(OLD, {"plan": OLD["at"]}, OLD, id="another-task-at-that-time"),
        pytest.param(NEW, {"wait": OLD["at"]}, NEW, id="the-same-again"),
        pytest.param({"skipped": True}, {"wait": OLD["at"]}, {}, id="skipped"),
        pytest.param({}, {}, {}, id="never"),
    ],
)
def test_what_a_run_has_returned(now: dict[str, Any], before: dict[str, Any], own: dict[str, Any]) -> None:
    assert returned_since(now, before, "wait") == own


def test_the_report_is_made_of_what_this_run_has_returned() -> None:
    failed = {"failed": True, "msg": "it broke", "at": 1000.001}
    asked = {
        "app": "shop",
        "namespace": "store",
        "action": "unlock",
        "commit": "",
        "load_balancer": "front",
        "check_mode": False,
        "started": 1000.0,
        "finished": 1001.0,
    }
    assert run_report({"failure": failed}, {}, asked)["reason"] == "it broke"
    assert run_report({"failure": failed}, {"failure": failed["at"]}, asked)["reason"] == ""
