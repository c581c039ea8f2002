# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of the role knows what its own tasks have returned from what an earlier run left."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.filter.returned_since import returned_since

OLD = {"changed": True, "at": 1000.001}


@pytest.mark.parametrize(
    ("now", "before", "own"),
    [
        pytest.param(OLD, {}, OLD, id="new"),
        pytest.param(OLD, {"lock": OLD}, {}, id="left-by-an-earlier-run"),
        pytest.param(OLD | {"at": 1000.002}, {"lock": OLD}, OLD | {"at": 1000.002}, id="the-same-again"),
        pytest.param({"skipped": True}, {"lock": OLD}, {}, id="skipped"),
        pytest.param({}, {}, {}, id="never"),
    ],
)
def test_what_a_run_has_returned(now: dict[str, Any], before: dict[str, Any], own: dict[str, Any]) -> None:
    assert returned_since({"lock": now}, before) == {"lock": own}
