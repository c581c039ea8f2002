# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a deploy changes: the objects of the live color beside those that would serve, colors and node ports taken out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
)

Facts = dict[str, Any]

# What the API server or a controller fills in, for each object its own.
_FILLED_IN = {
    "clusterIP",
    "clusterIPs",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "deployment.kubernetes.io/revision",
}
_OURS = "octoblu.bluegreen/"
_COLOR = re.compile("bluegreen|blue|green")


def difference(
    live: Mapping[str, Object], then: Mapping[str, Object], live_place: Place, then_place: Place
) -> list[Facts]:
    """For ``--diff``: objects as they are written, by what they are called without their color.

    What stands on one side alone is new, or gone.
    """
    told = []
    for name in {**then, **live}:
        before, after = hidden(
            without_color(live.get(name, {}), live_place), without_color(then.get(name, {}), then_place)
        )
        if before != after:
            told.append(
                {"before_header": f"{name}, live", "after_header": name, "before": before, "after": after}
            )
    return told


def called(entry: Mapping[str, Any], place: Place) -> str:
    """An object's kind and name, whatever its color: ``Deployment shop-<color>``."""
    return f"{entry['kind']} {without_color(entry['metadata']['name'], place)}"


def without_color(value: Any, place: Place) -> Any:
    """A value of an object of one color, as it is for both."""
    if isinstance(value, Mapping):
        return {
            without_color(key, place): without_color(each, place)
            for key, each in value.items()
            if key not in _FILLED_IN and not str(key).startswith(_OURS)
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_color(each, place) for each in value]
    if isinstance(value, str):
        return _COLOR.sub(lambda found: "<color>" if found[0] == place.color else found[0], value)
    if isinstance(value, int) and not isinstance(value, bool) and value in place.node_ports:
        return f"<node port {place.node_ports.index(value) + 1}>"
    return value


def hidden(before: Object, after: Object) -> tuple[Object, Object]:
    """Both without the values of a Secret, of which only the names and whether they change are shown."""
    if "Secret" not in (before.get("kind"), after.get("kind")):
        return before, after
    old, new = before.get("data") or {}, after.get("data") or {}
    told = {
        key: "hidden" if old.get(key) == value else "hidden, and other than before"
        for key, value in new.items()
    }
    shown = {**before, "data": dict.fromkeys(old, "hidden")} if before else before
    return shown, {**after, "data": told} if after else after
