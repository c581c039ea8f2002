# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Label selectors, as the API and kubectl write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

_KEY = r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_COMMA_OUTSIDE = re.compile(r",(?![^(]*\))")
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*({_VALUE}(?:\s*,\s*{_VALUE})*)\s*\)")
_EXISTENCE = re.compile(rf"(!?)\s*({_KEY})")


@dataclass(frozen=True)
class Requirement:
    """``values`` are those allowed, or with ``negated`` those forbidden; None stands for any value."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def accepts(self, labels: Mapping[str, str]) -> bool:
        if self.values is None:
            return (self.key in labels) is not self.negated
        return (labels.get(self.key) in self.values) is not self.negated


@cache
def parse_selector(text: str) -> tuple[Requirement, ...]:
    """Read a selector; a ValueError names the part that is none."""
    return tuple(_requirement(part.strip()) for part in _COMMA_OUTSIDE.split(text))


def accepts(selector: Sequence[Requirement], labels: Mapping[str, str]) -> bool:
    return all(requirement.accepts(labels) for requirement in selector)


def _requirement(part: str) -> Requirement:
    if match := _EQUALITY.fullmatch(part):
        return Requirement(match[1], frozenset({match[3]}), match[2] == "!=")
    if match := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in match[3].split(","))
        return Requirement(match[1], values, match[2] == "notin")
    if match := _EXISTENCE.fullmatch(part):
        return Requirement(match[2], None, bool(match[1]))
    raise ValueError(f'"{part}" is no label selector such as app=shop, app!=shop, app in (a, b), app or !app')
