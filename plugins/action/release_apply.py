# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._door import Door, find_module


class ActionModule(Door):
    module = find_module("release_apply", "kubernetes")

    def _hides(self, arguments: Mapping[str, Any]) -> bool:
        objects = arguments.get("objects")
        return isinstance(objects, list) and any(
            isinstance(entry, dict) and entry.get("kind") == "Secret" for entry in objects
        )
