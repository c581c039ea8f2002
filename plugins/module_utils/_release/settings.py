# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is wrong with the role's variables, in sentences for whoever typed them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.case import RENDERING
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.push import why_not_deployed
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import read_commit

Spec = Mapping[str, Mapping[str, Any]]

PREFIX = "bluegreen_"
# What the role itself hands to templates, hooks and the tasks after it.
GIVEN_BY_THE_ROLE = ("bluegreen_color", "bluegreen_hook", "bluegreen_result")

_KINDS = {
    "bool": "yes or no",
    "dict": "a dictionary",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}
# A value of these can hold no secret.
_SHOWN = ("bool", "int")
_SHOWN_LENGTH = 40
_TOLD = 3


def check_settings(spec: Spec, names: Collection[str], values: Mapping[str, Any]) -> None:
    """Raise InputError for what cannot be meant.

    ``names`` are those of all variables that begin with the role's prefix, ``values`` what could be made of them.
    """
    problems = list(_problems(spec, names, values))
    if problems:
        more = len(problems) - _TOLD
        raise InputError(" ".join(problems[:_TOLD]) + (f" And {more} more like it." if more > 0 else ""))


def unfilled(values: Mapping[str, Any]) -> list[str]:
    """The variables that were given empty, as AWX sends each answer of a survey that nobody has filled in."""
    return [name for name, value in values.items() if value in (None, "")]


def why_nothing(values: Mapping[str, Any]) -> str:
    """Why a run that a push has started has nothing to do; empty for any other run."""
    try:
        push = check_type_dict(values.get("bluegreen_push") or {})
    except TypeError:
        # It is refused for what it is.
        return ""
    return why_not_deployed(push, str(values.get("bluegreen_branch"))) if push else ""


def _problems(spec: Spec, names: Collection[str], values: Mapping[str, Any]) -> Iterator[str]:
    unknown = sorted(set(names) - set(spec) - set(GIVEN_BY_THE_ROLE))
    for name in unknown:
        yield _unknown(name, spec)
    missing = [
        name
        for name, option in spec.items()
        if option.get("required") and name not in unknown and values.get(name) in (None, "", {})
    ]
    # Whoever wrote a name wrongly has given its value.
    missing = [name for name in missing if not any(_near(each, [name]) for each in unknown)]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        yield (
            f"{_joined(missing)} {are} not given: set {'it' if len(missing) == 1 else 'them'} for the host in the inventory, "
            "or in a file that you give with -e @file.yml."
        )
    for name, value in values.items():
        if name in spec and value not in (None, ""):
            yield from _wrong(name, spec[name], value)
    limit = str(values.get("bluegreen_list_limit") or 0)
    if limit.startswith("-"):
        yield f"bluegreen_list_limit is {limit}; it is how many runs are shown, 0 for all."
    needs_commit = values.get("bluegreen_action") in RENDERING and not why_nothing(values)
    if not missing and not unknown and needs_commit:
        try:
            read_commit(values.get("bluegreen_commit"))
        except InputError as error:
            yield error.message


def _unknown(name: str, spec: Spec) -> str:
    nearest = _near(name, spec)
    if nearest:
        return f"The role has no variable {name}; the nearest is {nearest}."
    return f"The role has no variable {name}: `ansible-doc -t role octoblu.bluegreen.bluegreen` shows those it has."


def _wrong(name: str, option: Mapping[str, Any], value: Any) -> Iterator[str]:
    found = ArgumentSpecValidator({name: dict(option)}).validate(
        {name: value}, validate_role_argument_spec=True
    )
    if not found.error_messages:
        return
    choices = option.get("choices")
    shown = f"'{value}'" if choices or option["type"] in _SHOWN else _what(value)
    shown = shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}...'"
    if choices and isinstance(value, str):
        nearest = _near(value, choices)
        hint = f"; the nearest is {nearest}" if nearest else ""
        yield f"{name} is {shown}, and has to be one of {', '.join(filter(None, choices))}{hint}."
    else:
        elements = f" of which each is {_KINDS[option['elements']]}" if "elements" in option else ""
        yield f"{name} has to be {_KINDS[option['type']]}{elements}, and is {shown}."


def _what(value: Any) -> str:
    kinds = (
        (bool, "bool"),
        (str, "str"),
        (int, "int"),
        (float, "int"),
        (Mapping, "dict"),
        (Sequence, "list"),
    )
    return next(
        (_KINDS[kind] for of, kind in kinds if isinstance(value, of)), f"of type {type(value).__name__}"
    )


def _near(name: str, known: Collection[str]) -> str:
    """The nearest of them, where one is near; what all begin with says nothing."""
    short = {each.removeprefix(PREFIX): each for each in known}
    found = difflib.get_close_matches(name.removeprefix(PREFIX), short, n=1)
    return short[found[0]] if found else ""


def _joined(names: Collection[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
