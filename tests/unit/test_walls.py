# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which wing of plugins/module_utils may import which, as CONTRIBUTING.md shows it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "plugins" / "module_utils"
PACKAGE = "ansible_collections.octoblu.bluegreen.plugins.module_utils."

# Every kind of router is a wing of its own, and none knows another.
KINDS = ("_classic",)
GROUND = {"_errors", "_masking", "_process", "_module", "_threads"}
MAY_IMPORT: dict[str, set[str]] = {
    "_masking": set(),
    "_threads": set(),
    "_process": set(),
    "_errors": {"_masking"},
    "_module": {"_errors", "_masking"},
    "_aws": {"_aws_refusals", *GROUND},
    "_aws_refusals": {"_masking"},
    "_router": {"_errors"},
    **{kind: {"_aws", "_router", *GROUND} for kind in KINDS},
    "_cluster": set(GROUND),
    "_ready": {"_cluster", *GROUND},
    "_release": {"_cluster", "_ready", "_router", *GROUND},
    "_screens": {"_release", "_router"},
    "_modules": {"_aws", "_cluster", "_ready", "_release", "_router", *KINDS, *GROUND},
}
# Two libraries have one door each.
ONLY_IN = {"boto3": "_aws.py", "botocore": "_aws.py", "kubernetes": "_cluster"}


def _wing(file: Path) -> str:
    return file.relative_to(HOUSE).parts[0].removesuffix(".py")


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


FILES = sorted(HOUSE.rglob("*.py"))


def test_every_wing_has_its_walls() -> None:
    assert {_wing(file) for file in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("wing", MAY_IMPORT)
def test_a_wing_imports_what_is_below_it(wing: str) -> None:
    ways = defaultdict(set)
    for file in FILES:
        if _wing(file) == wing:
            for name in _imported(file):
                if name.startswith(PACKAGE):
                    ways[name.removeprefix(PACKAGE).split(".")[0]].add(file.name)
    ways.pop(wing, None)
    assert {to: names for to, names in ways.items() if to not in MAY_IMPORT[wing]} == {}


def test_a_kind_of_router_is_known_in_one_place() -> None:
    knowing = {
        str(file.relative_to(HOUSE))
        for file in FILES
        if _wing(file) not in KINDS
        and any(name.startswith(tuple(f"{PACKAGE}{kind}." for kind in KINDS)) for name in _imported(file))
    }
    assert knowing == {"_modules/kinds.py"}


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_in_one_place(library: str) -> None:
    importing = {
        file.relative_to(HOUSE).parts[0]
        for file in FILES
        if any(name.split(".")[0] == library for name in _imported(file))
    }
    assert importing <= {ONLY_IN[library]}


def test_no_way_runs_back() -> None:
    below: dict[str, set[str]] = {}
    while open_ones := set(MAY_IMPORT) - set(below):
        ready = {wing for wing in open_ones if MAY_IMPORT[wing] <= set(below)}
        assert ready, f"These import one another: {sorted(open_ones)}"
        below |= {wing: MAY_IMPORT[wing] for wing in ready}
