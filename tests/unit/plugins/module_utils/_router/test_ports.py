# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import parse_ports


@pytest.mark.parametrize(
    ("tag", "node_ports"),
    [
        ("30081", (30081,)),
        ("80=30081 443=30083", (30081, 30083)),
        ("443=30081 80=30083", (30083, 30081)),
        ("443=30081 80=30083 8080=30083", (30083, 30081)),
    ],
)
def test_the_node_ports_of_a_color_are_in_the_order_of_the_listeners(
    tag: str, node_ports: tuple[int, ...]
) -> None:
    assert parse_ports(tag).node_ports == node_ports
