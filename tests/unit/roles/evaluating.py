# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates templates with Ansible's own engine, in a process of its own: its plugin loader replaces Python's imports.

Reads ``{"variables": {..}, "cases": [{"given": {..}, "names": [..]}, ..]}`` and writes, for each case, what each of its
names comes to when the given variables are set, or the error in its place.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible import template
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader

# Before core 2.19 every text is a template.
_trust = getattr(template, "trust_as_template", lambda text: text)


def _templates(tree: Any) -> Any:
    """The same tree, whose texts are templates, as those of a role's files are."""
    if isinstance(tree, dict):
        return {key: _templates(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_templates(value) for value in tree]
    return _trust(tree) if isinstance(tree, str) else tree


def _evaluated(variables: dict[str, Any], names: list[str]) -> dict[str, Any]:
    templar = template.Templar(loader=DataLoader(), variables=variables)
    found = {}
    for name in names:
        try:
            found[name] = templar.template(variables[name])
        except AnsibleError as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def main() -> None:
    init_plugin_loader()
    asked = json.load(sys.stdin)
    variables = _templates(asked["variables"])
    cases = [_evaluated({**variables, **case["given"]}, case["names"]) for case in asked["cases"]]
    json.dump(cases, sys.stdout)


main()
