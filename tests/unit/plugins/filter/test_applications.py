# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.octoblu.bluegreen.plugins.filter.applications import applications

SHOPS = {"all": ["shop", "cart", "bag"], "ungrouped": ["bag"], "eu": ["shop", "cart"]}


@pytest.mark.parametrize(
    ("groups", "asked", "hosts"),
    [
        ({"all": [], "ungrouped": []}, "", ["localhost"]),
        ({}, None, ["localhost"]),
        (SHOPS, "", ["shop", "cart", "bag"]),
        (SHOPS, "cart", ["cart"]),
        (SHOPS, "eu, bag,", ["shop", "cart", "bag"]),
        (SHOPS, "cart,eu", ["cart", "shop"]),
        (SHOPS, "all", ["shop", "cart", "bag"]),
        ({"all": ["7"]}, 7, ["7"]),
    ],
)
def test_the_hosts_that_are_meant(groups: dict[str, list[str]], asked: Any, hosts: list[str]) -> None:
    assert applications(groups, asked) == hosts


@pytest.mark.parametrize(
    ("groups", "asked", "told"),
    [
        (SHOPS, "shpo", "no application shpo in the inventory; the nearest is shop"),
        (SHOPS, "cart,warehouse", "no application warehouse in the inventory: it has shop, cart, bag"),
        ({"all": []}, "shop", "application is shop, but there is no inventory"),
    ],
)
def test_one_that_there_is_not_is_refused(groups: dict[str, list[str]], asked: str, told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=told):
        applications(groups, asked)
