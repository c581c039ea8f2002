# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a namespace's Pod Security Standard refuses, and what pods have to say to be taken.

The words are those of https://github.com/kubernetes/pod-security-admission (policy/check_*.go).
"""

from __future__ import annotations

import re
from typing import Any

_VIOLATION = re.compile(r'violates? PodSecurity "[^"]+": (.*)', re.DOTALL)
_DETAILS = re.compile(r" \(([^()]*)\)")
_POD, _CONTAINER = "bluegreen_pod", "bluegreen_container"
# By what it begins with: which variable may say it, where in it, and what.
_CURES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "allowPrivilegeEscalation != false": (
        _CONTAINER,
        ("securityContext", "allowPrivilegeEscalation"),
        "false",
    ),
    "unrestricted capabilities": (_CONTAINER, ("securityContext", "capabilities", "drop"), "[ALL]"),
    "runAsNonRoot != true": (_POD, ("securityContext", "runAsNonRoot"), "true"),
    "seccompProfile": (_POD, ("securityContext", "seccompProfile", "type"), "RuntimeDefault"),
}


def in_short(message: str) -> str:
    """A refusal or warning without the containers' names, and what to add; any other message as it is."""
    found = _VIOLATION.search(message)
    if found is None:
        return message
    short = message[: found.start(1)] + _DETAILS.sub("", found[1])
    cures = [f"{variable}: {_flow(fields)}" for variable, fields in _cures(found[1]).items()]
    return f"{short}; add {' and '.join(cures)}" if cures else short


def _cures(violations: str) -> dict[str, dict[str, Any]]:
    """What the variables are to hold. What is said wrongly, as opposed to not at all, has to go where it is said."""
    cures: dict[str, dict[str, Any]] = {}
    for start, (variable, path, value) in _CURES.items():
        details = re.search(rf"{re.escape(start)} \(([^()]*)\)", violations)
        if details is None or "must not" in details[1]:
            continue
        place = cures.setdefault(variable, {})
        for field in path[:-1]:
            place = place.setdefault(field, {})
        place[path[-1]] = value
    return dict(sorted(cures.items(), reverse=True))


def _flow(fields: Any) -> str:
    """YAML on one line, as it can be copied into a file of variables."""
    if not isinstance(fields, dict):
        return str(fields)
    return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in fields.items()) + "}"
