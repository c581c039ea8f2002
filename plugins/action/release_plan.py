# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, stamped
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _cores
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._door import Door, find_module


class ActionModule(Door):
    """Renders the templates of the manifests, where they are not given as texts."""

    module = find_module("release_plan", "kubernetes")

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        variables = task_vars or {}
        manifests, router = (self._task.args.get(name) for name in ("manifests", "router"))
        if isinstance(manifests, dict) and isinstance(router, dict) and not set(COLORS) & set(manifests):
            templates = manifests.get("templates") or []
            texts: dict[str, list[str]] = {color: [] for color in COLORS}
            for template in templates if isinstance(templates, list) else [templates]:
                try:
                    for color in COLORS:
                        given = _given(router, color) | (manifests.get("template_vars") or {})
                        texts[color].append(_cores.rendered(self, str(template), variables, given))
                except AnsibleError as error:
                    told = f"The manifests do not render ({template}): {_cores.template_error(error)}"
                    return stamped({"failed": True, "changed": False, "msg": told})
            self._task.args["manifests"] = {**manifests, **texts}
        return super().run(tmp, task_vars)

    def _hides(self, arguments: Mapping[str, Any]) -> bool:
        manifests = arguments.get("manifests") or {}
        texts = manifests.get("blue") if isinstance(manifests, dict) else None
        return any(re.search(r"\bkind\W+Secret\b", str(text)) for text in texts or ())


def _given(router: Mapping[str, Any], color: str) -> dict[str, Any]:
    node_ports = list(((router.get("targets") or {}).get(color) or {}).get("node_ports") or ())
    return {
        "bluegreen_color": color,
        "bluegreen_node_ports": node_ports,
        "bluegreen_node_port": node_ports[0] if node_ports else 0,
    }
