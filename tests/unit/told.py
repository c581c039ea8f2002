# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection's sources can say when something is wrong, read without running them."""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GAP = "\N{HORIZONTAL ELLIPSIS}"
"""Stands for what is known only when it is said."""

_MOST_WAYS = 64
_HANDED_ON = ("message", "told", "cause", "why")
# What gives back the words that it is given.
_PASSED_ON = ("join", "list", "mask_error", "str")

# Methods of many things, so that a call by these names says nothing of whose it is.
_OF_MANY = ("create", "delete", "get", "list", "patch", "replace", "write", "read", "__init__")

# Which argument is the text that a person reads, by the name of what holds it.
_TEXT_OF = {"Drift": 1, "Failure": 0, "Cause": 3, "WayBack": 2, "Verdict": 1}
_CODE_OF = {"Drift": 0, "Cause": 2}


@dataclass(frozen=True)
class Told:
    """A text that can be said; ``text`` has a GAP for each value. ``where`` is the file that says it."""

    text: str
    where: str


@dataclass(frozen=True)
class _Scope:
    """A function, or a file where there is none, in its file."""

    file: str
    tree: ast.Module
    function: ast.FunctionDef | None


class Sources:
    """Python files by their names, to be asked what they say."""

    def __init__(self, files: dict[str, str]) -> None:
        self._trees = {name: ast.parse(text) for name, text in files.items()}
        self._functions: dict[str, list[_Scope]] = defaultdict(list)
        self._calls: dict[str, list[tuple[ast.Call, _Scope]]] = defaultdict(list)
        self._tables: list[tuple[ast.Dict, _Scope]] = []
        self._errors = {"BluegreenError", "AnsibleFilterError", "AnsibleError", "AnsibleActionFail"}
        for name, tree in self._trees.items():
            self._index(tree, _Scope(name, tree, None), None)
        self._text_of = _TEXT_OF | dict.fromkeys(self._errors, 0)

    @classmethod
    def below(cls, *folders: Path) -> Sources:
        found = sorted(file for folder in folders for file in folder.rglob("*.py"))
        return cls({str(file): file.read_text(encoding="utf-8") for file in found})

    def texts(self) -> set[Told]:
        """Every text of an error, a drift, or a cause that something is not ready."""
        said = set()
        for name, at in self._text_of.items():
            for call, scope in self._calls[name]:
                for text in self._argument(call, scope, at, "message", ()):
                    said.add(Told(text, scope.file))
        for table, scope in self._tables:
            values = _by_key(table)
            for mark, text_key in (("code", "message"), ("failed", "msg")):
                if mark in values and text_key in values:
                    said |= {Told(text, scope.file) for text in self._ways(values[text_key], scope, ())}
        return {each for each in said if len(re.findall(r"[A-Za-z]+", each.text)) > 1}

    def codes(self) -> set[Told]:
        """Every word by which a program tells a drift or a cause from another."""
        said = set()
        for name, at in _CODE_OF.items():
            for call, scope in self._calls[name]:
                said |= {Told(text, scope.file) for text in self._argument(call, scope, at, "code", ())}
        for table, scope in self._tables:
            values = _by_key(table)
            if "code" in values and "message" in values:
                said |= {Told(text, scope.file) for text in self._ways(values["code"], scope, ())}
        return {each for each in said if each.text not in ("", GAP)}

    def _index(self, node: ast.AST, scope: _Scope, owner: str | None) -> None:
        for child in ast.iter_child_nodes(node):
            inner, within = scope, owner
            if isinstance(child, ast.FunctionDef):
                inner = _Scope(scope.file, scope.tree, child)
                self._functions[child.name].append(inner)
            elif isinstance(child, ast.ClassDef):
                within = child.name
                if any(_name(base) in self._errors for base in child.bases):
                    self._errors.add(child.name)
            elif isinstance(child, ast.Call):
                name = _name(child.func)
                if name == "__init__" and owner:
                    name = owner
                self._calls[name].append((child, scope))
            elif isinstance(child, ast.Dict):
                self._tables.append((child, scope))
            self._index(child, inner, within)

    def _argument(
        self, call: ast.Call, scope: _Scope, at: int, name: str, seen: tuple[ast.AST, ...]
    ) -> set[str]:
        given = call.args[at] if len(call.args) > at else _keyword(call, name)
        return self._ways(given, scope, seen) if given is not None else set()

    def _ways(self, node: ast.AST, scope: _Scope, seen: tuple[ast.AST, ...]) -> set[str]:
        """All that an expression can be, as far as the sources tell."""
        if node in seen:
            return {GAP}
        seen = (*seen, node)
        if isinstance(node, ast.Constant):
            return {node.value} if isinstance(node.value, str) else {GAP}
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._part(part, at, scope, seen) for at, part in enumerate(node.values)])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([self._ways(part, scope, seen) for part in (node.left, node.right)])
        if isinstance(node, ast.IfExp):
            return self._ways(node.body, scope, seen) | self._ways(node.orelse, scope, seen)
        if isinstance(node, ast.BoolOp):
            return set().union(*(self._ways(part, scope, seen) for part in node.values))
        if isinstance(node, ast.FormattedValue | ast.Subscript | ast.YieldFrom | ast.Yield):
            return self._ways(node.value, scope, seen) if node.value else {GAP}
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self._ways(node.elt, scope, seen)
        if isinstance(node, ast.Attribute) and node.attr in _HANDED_ON:
            # Another error's words, which are found where that is made.
            return {""}
        if isinstance(node, ast.Name):
            return self._named(node.id, scope, seen)
        if isinstance(node, ast.Call):
            return self._called(node, scope, seen)
        return {GAP}

    def _part(self, part: ast.expr, at: int, scope: _Scope, seen: tuple[ast.AST, ...]) -> set[str]:
        """A value at the beginning of a text may bring the words that it is known by; any other is a GAP."""
        if isinstance(part, ast.Constant):
            return self._ways(part, scope, seen)
        ways = self._ways(part, scope, seen) if at == 0 else {GAP}
        return {way if _has_words(way) else GAP for way in ways} or {GAP}

    def _joined(self, parts: Sequence[set[str]]) -> set[str]:
        ways = itertools.islice(itertools.product(*(sorted(part) for part in parts)), _MOST_WAYS)
        return {"".join(way) for way in ways} if parts else {""}

    def _named(self, name: str, scope: _Scope, seen: tuple[ast.AST, ...]) -> set[str]:
        """A variable: what it is set to, or what the function's callers give."""
        function = scope.function
        found = set()
        for node in ast.walk(function or scope.tree):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if isinstance(node, ast.NamedExpr) and node.target.id == name:
                found |= self._ways(node.value, scope, seen)
            for target in targets:
                if isinstance(target, ast.Name) and target.id == name:
                    found |= self._ways(node.value, scope, seen)
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for one, value in zip(target.elts, node.value.elts, strict=False):
                        if isinstance(one, ast.Name) and one.id == name:
                            found |= self._ways(value, scope, seen)
        if found or function is None:
            return (found - {GAP}) or {GAP}
        names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        if name in names:
            at = names.index(name) - (names[:1] in (["self"], ["cls"]))
            for call, caller in () if function.name in _OF_MANY else self._calls[function.name]:
                found |= self._argument(call, caller, at, name, seen)
            return found or {GAP}
        return self._named(name, _Scope(scope.file, scope.tree, None), seen)

    def _called(self, call: ast.Call, scope: _Scope, seen: tuple[ast.AST, ...]) -> set[str]:
        found = set()
        if _name(call.func) in _PASSED_ON and call.args:
            return self._ways(call.args[0], scope, seen)
        candidates = self._functions[_name(call.func)]
        for callee in [each for each in candidates if each.file == scope.file] or candidates:
            for node in ast.walk(callee.function) if callee.function else ():
                if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
                    found |= self._ways(node.value, callee, seen)
        return found or {GAP}


def _has_words(text: str) -> bool:
    """Whether it is more than a name."""
    return " " in text and re.search(r"[a-z]{4}", text) is not None


def collapse(text: str) -> str:
    """One line, each run of GAPs one GAP."""
    return re.sub(rf"{GAP}(?:[\s]*{GAP})*", GAP, " ".join(text.split()))


def _by_key(table: ast.Dict) -> dict[str, ast.expr]:
    return {
        key.value: value
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
