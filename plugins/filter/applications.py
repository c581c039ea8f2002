# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: applications
short_description: The hosts of an inventory that a play is for
version_added: 0.2.0
description:
  - One application is one host. An inventory without any stands for an application that is described by C(-e @file.yml), on
    C(localhost).
  - Made for the playbooks of this collection, because a play for a host that there is not ends well, without a word.
positional: application
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: The variable C(groups).
    type: dict
    required: true
  application:
    description: Hosts or groups, separated by commas; all hosts by default. One that the inventory does not have is refused.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Deploy the application that was named
  hosts: "{{ groups | octoblu.bluegreen.applications(application | default('')) }}"
  roles:
    - octoblu.bluegreen.bluegreen
"""

RETURN = r"""
_value:
  description: Names of hosts.
  type: list
  elements: str
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def applications(groups: Mapping[str, Sequence[str]], application: Any = "") -> list[str]:
    hosts = list(groups.get("all") or ())
    names = [name.strip() for name in str(application or "").split(",") if name.strip()]
    if not names:
        return hosts or ["localhost"]
    if not hosts:
        raise AnsibleFilterError(
            f"application is {application}, but there is no inventory: give one with -i, or leave application out and describe "
            "it with -e @file.yml."
        )
    found: list[str] = []
    for name in names:
        if name not in hosts and name not in groups:
            nearest = difflib.get_close_matches(name, [*hosts, *groups], n=1)
            raise AnsibleFilterError(
                f"There is no application {name} in the inventory"
                + (f"; the nearest is {nearest[0]}." if nearest else f": it has {', '.join(hosts)}.")
            )
        found += [name] if name in hosts else groups[name]
    return list(dict.fromkeys(found))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"applications": applications}
