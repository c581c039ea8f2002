# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A release as its manifests were rendered for it."""

from __future__ import annotations

import json
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
    parse,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    Release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import (
    COLORS,
    other,
)


@dataclass(frozen=True)
class Rendered:
    """The release that was asked for, and the objects that make it, by color."""

    release: Release
    objects: Mapping[str, Sequence[Object]]


def read_rendered(
    manifests: Mapping[str, Any], places: Mapping[str, Place], commit: str, local_allowed: bool
) -> Rendered:
    """Texts by color, as release_plan is given them. Raises InputError where they cannot make a release."""
    objects = {color: parse(_templates(manifests, color), color) for color in COLORS}
    for color in COLORS:
        check(objects[color], objects[other(color)], places[color], commit, local_allowed)
    check_apart(objects["blue"], objects["green"])
    return Rendered(Release(commit, digest(parse(_templates(manifests, "neutral"), "no color"))), objects)


def _templates(manifests: Mapping[str, Any], rendering: str) -> list[tuple[str, str]]:
    names, texts = manifests["templates"], manifests[rendering]
    if len(names) != len(texts):
        raise InputError(
            f"There are {len(names)} templates, but {len(texts)} texts rendered from them for {rendering}: "
            "give one for each."
        )
    # Ansible makes an object of a text that looks like one.
    shown = [text if isinstance(text, str) else json.dumps(text) for text in texts]
    return list(zip(names, shown, strict=True))
