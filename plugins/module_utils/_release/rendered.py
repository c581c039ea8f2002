# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A release as its manifests were rendered for it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    InputError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
    check,
    check_apart,
    digest,
    lines_apart,
    parse,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    COLORS,
    other,
)

_SHOWN = 5


@dataclass(frozen=True)
class Rendered:
    """The release that was asked for, and the objects that make it, by color.

    ``apart`` names what differs between the colors in more than the color and its node ports: C(deployment.yml.j2,
    lines 3, 7).
    """

    release: Release
    objects: Mapping[str, Sequence[Object]]
    apart: Sequence[str] = ()


def read_rendered(
    manifests: Mapping[str, Any], places: Mapping[str, Place], commit: str, local_allowed: bool
) -> Rendered:
    """Texts by color, as release_plan is given them. Raises InputError where they cannot make a release."""
    texts = {color: _texts(manifests, color) for color in COLORS}
    objects = {color: parse(texts[color], color) for color in COLORS}
    for color in COLORS:
        check(objects[color], objects[other(color)], places[color], commit, local_allowed)
    check_apart(objects["blue"], objects["green"])
    both = zip(texts["blue"], texts["green"], strict=True)
    apart = [(name, lines_apart(blue, green, places)) for (name, blue), (_name, green) in both]
    return Rendered(
        Release(commit, digest(objects, places)),
        objects,
        [
            f"{os.path.basename(name)}, line{'s' if len(lines) > 1 else ''} {_some(lines)}"
            for name, lines in apart
            if lines
        ],
    )


def _texts(manifests: Mapping[str, Any], color: str) -> list[tuple[str, str]]:
    names, texts = manifests["templates"], manifests[color] or ()
    if len(names) != len(texts):
        raise InputError(
            f"There are {len(names)} templates, but {len(texts)} texts rendered from them for {color}: "
            "give one for each."
        )
    # Ansible makes an object of a text that looks like one.
    shown = [text if isinstance(text, str) else json.dumps(text) for text in texts]
    return list(zip(names, shown, strict=True))


def _some(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:_SHOWN])) + (" ..." if len(lines) > _SHOWN else "")
