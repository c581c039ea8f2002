# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/troubleshooting.md knows every message that the collection can fail with, and none that it cannot."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready import containers
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import run as run_module
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import outcome
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens import advice
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import Commands

from .plugins.module_utils.runs import FAILED, run
from .told import GAP, Sources, Told, collapse

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = Sources.below(ROOT / "plugins")

# These say all that there is to say. Those of modules are about options that the role gives by itself.
SAYS_ALL = (
    "timeout is <number>; it must",
    "seconds is <number>; a hold",
    "wait is <number>; it must",
    "settle is <number> s: use",
    "stable_for is <number>; it must",
    "<option> is <number>; it must be 0 or more",
    "url <url> is not an address to ask",
    "workloads is an empty list",
    "Unsupported parameters for",
    'watch <something> "<name>" lives in a namespace',
    "A <kind> is asked for by name or by label_selectors",
    'For kind "<kind>" ...',
    "condition ... JMESPath",
    "condition needs the Python package jmespath",
    "label_selectors: ...",
    "node_ports is for a Service",
    "replicas is for <kinds>; a",
    '<kind> "<name>" lives in a namespace',
    "Object <number> of objects has no",
    "router is not an entry of elb_color_facts",
    "There are <number> templates, but",
    "a value cannot be read as",
    "line <number> is not UTF-8",
    "health check ... must begin with /",
    "health check timeout <number> s must be less",
    "health check <field> is not possible",
    "a <protocol> health check has no path",
)
OF_ANSIBLE = ("Failed to import the required Python library ...",)
WRITTEN = " ".join(
    " ".join(file.read_text(encoding="utf-8").split())
    for folder in ("plugins", "roles")
    for file in sorted((ROOT / folder).rglob("*"))
    if file.suffix in (".py", ".yml")
)


@cache
def texts() -> frozenset[Told]:
    return frozenset(SOURCES.texts())


def leading(entry: str) -> str:
    """How a message begins that an entry is about: ``<name>`` is one value, ``...`` anything."""
    pieces = re.split(r"(<[^>]*>|\s*\.\.\.\s*)", entry)
    return "".join(
        GAP if piece.startswith("<") else ".*" if piece.strip() == "..." else re.escape(piece.lower())
        for piece in pieces
    )


def is_about(entry: str, message: str) -> bool:
    # A whole text of a message may have < and > of its own.
    return re.match(leading(entry) + r"(?!\w)", collapse(message).lower()) is not None


def longest_piece(entry: str) -> str:
    return max(re.split(r"<[^>]*>|\.\.\.", entry), key=len).strip(" :;,()")


def entries(page: str) -> list[str]:
    return re.findall(r"\*\*`([^`]+)`\*\*", " ".join(page.split()))


def sections(page: str) -> Iterator[str]:
    """Bold lines that stand together, with what is said to them; or a row of a table."""
    told = ""
    for block in re.split(r"\n\n(?!```)", page):
        rows = [row for row in block.splitlines() if row.startswith("| ")]
        if rows:
            yield from rows
        elif block.startswith(("**`", "#")):
            yield told
            told = block
        else:
            told += f"\n\n{block}"
    yield told


def section_of(word: str, page: str = PAGE) -> str:
    """What the page says to a code, an outcome or a reason."""
    told = re.compile(rf"^\| `{word}` \||\*\* \([^)]*`{word}`")
    return "\n".join(each for each in sections(page) if told.search(" ".join(each.split())))


def missing(texts: Iterable[Told], page: str) -> list[str]:
    known = [*entries(page), *SAYS_ALL]
    return sorted(
        {
            f"{collapse(each.text)} ({Path(each.where).name})"
            for each in texts
            if not any(is_about(entry, each.text) for entry in known)
        }
    )


def test_every_message_is_told() -> None:
    assert missing(texts(), PAGE) == []


def test_every_entry_is_of_a_message_that_there_is() -> None:
    known = [each.text for each in texts()]
    told = [
        entry for entry in [*entries(PAGE), *SAYS_ALL] if not any(is_about(entry, text) for text in known)
    ]
    # What is put together of pieces, or not by Python, is at least written somewhere.
    assert [entry for entry in told if longest_piece(entry) not in WRITTEN and entry not in OF_ANSIBLE] == []


def test_what_is_new_in_the_code_or_gone_from_the_page_is_found() -> None:
    new = Sources(
        {
            "new.py": 'class InputError(BluegreenError): ...\nraise InputError(f"{color} is too {hue} to serve: paint it anew.")'
        }
    ).texts()
    assert missing(new, PAGE) == [
        "\N{HORIZONTAL ELLIPSIS} is too \N{HORIZONTAL ELLIPSIS} to serve: paint it anew. (new.py)"
    ]
    claimed = "**`Load balancer <name> is claimed by '<claim>', and this is ...`**"
    assert len(missing(texts(), PAGE.replace(claimed, ""))) == 1


REASONS = (*containers._PULL, *containers._CRASH, *containers.NOT_STARTED, *advice._OF_REASONS)


@pytest.mark.parametrize("code", sorted({each.text for each in SOURCES.codes()} | {*REASONS}))
def test_every_code_is_told(code: str) -> None:
    assert section_of(code)


def returned(node: ast.AST | None, done: Iterable[str]) -> Iterator[str]:
    """The words that a function of ``_release/run.py`` may give back."""
    if isinstance(node, ast.Constant):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*returned(node.body, done), *returned(node.orelse, done))
    elif isinstance(node, ast.Subscript):
        yield from done


def outcomes() -> list[str]:
    tree = ast.parse(inspect.getsource(run_module))
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    judging = [each for each in functions if each.name in ("outcome", "_failed_outcome")]
    returns = [node for each in judging for node in ast.walk(each) if isinstance(node, ast.Return)]
    return sorted({word for each in returns for word in returned(each.value, run_module._DONE.values())})


@pytest.mark.parametrize("word", outcomes())
def test_every_outcome_is_told(word: str) -> None:
    assert f"`{word}`" in PAGE


FAILURES: dict[str, dict[str, Any]] = {
    "locked": {"failure": {"msg": "held", "locked": True}},
    "port_closed": {"swap": FAILED | {"open": [80]}},
    "restored": {"swap": FAILED | {"restored": True}},
    "check_failed": {"smoke": FAILED | {"answered": True}, "wait": {"elapsed": 1.0}},
}


def flat(text: str) -> str:
    return " ".join(text.replace("`", "").split())


@pytest.mark.parametrize("ended", FAILURES)
def test_the_page_says_of_an_outcome_what_the_run_says(ended: str) -> None:
    run_ = run(**FAILURES[ended])
    assert outcome(run_) == ended
    step = advice.next_step(run_, Commands(oops=True))
    commands = re.findall(r"oops [a-z]+|-e [a-z_]+=\w+", step)
    told = flat(
        {"locked": section_of_entry("The lock <name> cannot be"), "check_failed": PAGE}.get(
            ended, section_of(ended)
        )
    )
    assert [each for each in commands if each not in told] == []


def section_of_entry(beginning: str) -> str:
    return next(each for each in sections(PAGE) if f"**`{beginning}" in each)


@pytest.mark.parametrize("reason", advice._OF_REASONS)
def test_the_page_says_of_a_reason_what_the_run_says(reason: str) -> None:
    told = flat(section_of(reason)).lower()
    for piece in re.split(r",? or | and |, ", advice._OF_REASONS[reason].lower()):
        assert piece in told, (reason, piece)


def drift_calls() -> Iterator[tuple[str, set[str]]]:
    """The codes of drift, each with what may mend it as the code says."""
    mended: dict[str, set[str]] = {}
    for file in (ROOT / "plugins" / "module_utils" / "_classic").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Drift":
                code = node.args[0]
                assert isinstance(code, ast.Constant)
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                mended.setdefault(str(code.value), set()).update(names & {"REPAIR", "SWAP", "_tagging"})
    yield from mended.items()


@pytest.mark.parametrize(("code", "mended_by"), list(drift_calls()))
def test_the_page_says_of_a_drift_what_status_says(code: str, mended_by: set[str]) -> None:
    told = section_of(code)
    assert ("`oops repair" in told) == ("REPAIR" in mended_by)
    assert ("aws elb add-tags" in told) == ("_tagging" in mended_by)
