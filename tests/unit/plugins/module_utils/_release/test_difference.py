# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a deploy changes is told by what serves now, not by what the idle color happens to hold."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.difference import called, difference
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import Place

BLUE, GREEN = Place("shop", "web", "blue", (30081,)), Place("shop", "web", "green", (30082,))


def objects(place: Place, image: str = "shop:1", **more: Any) -> dict[str, Any]:
    made = [
        {
            "kind": "Deployment",
            "metadata": {
                "name": place.name,
                "annotations": {
                    "octoblu.bluegreen/manifest": place.color * 4,
                    "deployment.kubernetes.io/revision": "7",
                },
            },
            "spec": {"image": image, "labels": {"octoblu.bluegreen/color": place.color}},
        },
        {
            "kind": "Service",
            "metadata": {"name": place.name},
            "spec": {
                "clusterIP": f"10.0.0.{place.node_ports[0] % 100}",
                "ports": [{"nodePort": place.node_ports[0]}],
            },
        },
        *more.get("others", []),
    ]
    return {called(each, place): each for each in made}


def secret(place: Place, value: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": f"{place.name}-keys"}, "data": {"key": value}}


def test_the_same_in_the_other_color_is_no_difference() -> None:
    assert difference(objects(BLUE), objects(GREEN), BLUE, GREEN) == []


def test_only_what_changes_is_told() -> None:
    [told] = difference(objects(BLUE), objects(GREEN, "shop:2"), BLUE, GREEN)
    assert told["after_header"] == "Deployment shop-<color>"
    assert (told["before"]["spec"]["image"], told["after"]["spec"]["image"]) == ("shop:1", "shop:2")


def test_what_is_new_and_what_is_gone() -> None:
    [new] = difference(objects(BLUE), objects(GREEN, others=[secret(GREEN, "x")]), BLUE, GREEN)
    assert (new["before"], new["after"]["data"]) == ({}, {"key": "hidden, and other than before"})
    [gone] = difference(objects(BLUE, others=[secret(BLUE, "x")]), objects(GREEN), BLUE, GREEN)
    assert (gone["before"]["data"], gone["after"]) == ({"key": "hidden"}, {})


def test_a_secret_is_not_shown() -> None:
    live, then = (
        objects(BLUE, others=[secret(BLUE, "hunter1")]),
        objects(GREEN, others=[secret(GREEN, "hunter2")]),
    )
    [told] = difference(live, then, BLUE, GREEN)
    assert "hunter" not in str(told)
    assert told["after"]["data"] == {"key": "hidden, and other than before"}
