# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.wire import warnings


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (None, []),
        (r'299 - "unknown field \"spec.replcas\""', ['unknown field "spec.replcas"']),
        (r'299 - "a back\\slash", 299 apiserver "and, 299 - more"', ["a back\\slash", "and, 299 - more"]),
        ('110 anderson "Response is stale"', []),
    ],
)
def test_what_the_api_server_warns_of(header: str | None, told: list[str]) -> None:
    assert warnings({} if header is None else {"Warning": header}) == told
