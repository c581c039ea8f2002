# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""YAML and JSON as kubectl reads them: the scalars of go-yaml 2, keys that are strings, numbers of JSON.

Unlike kubectl it refuses a key that stands twice in one mapping, and reads a document after ``...``.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

try:
    import yaml
except ImportError:
    # The kubernetes library depends on it; _cluster/client.py says so when that is missing.
    pass

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")},
}
_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
# What go-yaml tries last, and which lets a sign stand after the prefix.
_BINARY = re.compile(r"0b([-+]?[01]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOTTED = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_TYPES = {"bool": bool, "int": int, "float": float, "null": type(None)}
# An editor's mark at the head of a file, which may be joined behind another document.
_MARK = re.compile(r"(\A|^---[ \t]*(?:#[^\n]*)?\r?\n)\ufeff", re.MULTILINE)
_SEPARATOR = re.compile(r"\s*(?:^---[ \t]*\n\s*)*", re.MULTILINE)
# What Ansible makes of bytes that it cannot decode.
_UNDECODED = re.compile("[\udc80-\udcff]")
_MOST_VALUES = 1_000_000


class UnreadableError(Exception):
    """Why a text cannot be read, and in which line if that is known; quotes nothing of it but keys."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.line = line


def undecoded_line(text: str) -> int | None:
    """The first line with a byte that was no UTF-8 when the text was read."""
    found = _UNDECODED.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def read(text: str) -> list[Any]:
    """The documents of a text, less those that are empty."""
    if line := undecoded_line(text):
        raise UnreadableError("it is not UTF-8", line)
    text = _MARK.sub(r"\1", text)
    try:
        documents = _read_json(text) if text.lstrip().startswith("{") else None
        if documents is None:
            documents = list(_read_yaml(text))
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    return [document for document in documents if document is not None]


def _read_json(text: str) -> list[Any] | None:
    """The documents of a JSON text, one after the other; None where it is no JSON."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_pairs, parse_int=lambda digits: _json_number(int(digits)), parse_float=_json_float
    )
    documents: list[Any] = []
    position = _past_separators(text, 0)
    while position < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except _TwiceError as error:
            raise _in_its_line(text, str(error)) from None
        except ValueError:
            return None
        documents.append(document)
        position = _past_separators(text, position)
    return documents


def _in_its_line(text: str, why: str) -> UnreadableError:
    """What is wrong with a JSON text, with the line where the same text as YAML tells it."""
    try:
        list(_read_yaml(text))
    except UnreadableError as error:
        if error.why == why:
            return error
    return UnreadableError(why)


def _past_separators(text: str, position: int) -> int:
    found = _SEPARATOR.match(text, position)
    return found.end() if found else position


class _TwiceError(Exception):
    """A key of a JSON object that stands there twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(_twice(key))
        found[key] = value
    return found


def _twice(key: str) -> str:
    return f"the key {key} stands twice in one mapping"


def _json_float(digits: str) -> int | float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(digits)
    return _json_number(value)


def _json_number(value: float) -> int | float:
    """A number as JSON hands it on: a whole one of 64 bits is an int, whatever it was written as."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        # The shortest digits that mean it, not all that it has.
        value = int(Decimal(repr(value)))
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def _read_yaml(text: str) -> Iterator[Any]:
    try:
        loader = _loader()(text)
        try:
            while loader.check_node():
                yield _Reader().value(loader.get_node())
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError("it holds a character that YAML does not allow", line) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # Names that a problem quotes may be part of a value.
        why = re.sub(
            r"^(found (?:undefined|duplicate) [a-z ]+) .*", r"\1", getattr(error, "problem", "") or ""
        )
        raise UnreadableError(why or "it cannot be read", mark.line + 1 if mark else None) from None
    except (ValueError, OverflowError):
        raise UnreadableError("it holds an escape that means no character") from None


def _loader() -> Any:
    """PyYAML's parser with go-yaml's white space and anchors."""

    class Loader(yaml.SafeLoader):
        def scan_to_next_token(self) -> None:
            super().scan_to_next_token()
            while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
                while self.peek() == "\t":
                    self.forward()
                super().scan_to_next_token()

        def compose_node(self, parent: Any, index: Any) -> Any:
            if not self.check_event(yaml.AliasEvent):
                event: Any = self.peek_event()  # type: ignore[no-untyped-call]
                self.anchors.pop(event.anchor, None)
                if isinstance(event, yaml.ScalarEvent) and event.tag == "!":
                    event.tag = _TAG + "str"
            return super().compose_node(parent, index)

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            """No tag for what is plain and has none, and a string's for what is quoted."""
            return "" if kind is yaml.ScalarNode and implicit[0] else _TAG + "str"

    return Loader


class _Reader:
    """Makes values of the nodes of one document."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._made = 0

    def value(self, node: Any) -> Any:
        self._made += 1
        self._seen.add(id(node))
        if self._made > min(10_000 + 100 * len(self._seen), _MOST_VALUES):
            raise _unreadable(node, "its aliases make it too large")
        if isinstance(node, yaml.ScalarNode):
            return self._number(node, _scalar(node))
        if id(node) in self._open:
            raise _unreadable(node, "an anchor holds itself")
        self._open.add(id(node))
        found: Any
        if isinstance(node, yaml.SequenceNode):
            found = [self.value(each) for each in node.value]
        else:
            found = self._mapping(node)
        self._open.remove(id(node))
        return found

    def _number(self, node: Any, value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            raise _unreadable(node, "a number that is infinite or none cannot be sent")
        return (
            value if isinstance(value, bool) or not isinstance(value, (int, float)) else _json_number(value)
        )

    def _mapping(self, node: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        written: set[str] = set()
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                found.update(self._merged(value_node))
                continue
            key = _key(key_node)
            if key in written:
                raise _unreadable(key_node, _twice(key))
            written.add(key)
            found[key] = self.value(value_node)
        return found

    def _merged(self, node: Any) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for each in reversed(nodes):
            if not isinstance(each, yaml.MappingNode):
                raise _unreadable(node, "<< takes a mapping or a list of mappings")
            merged.update(self.value(each))
        return merged


def _unreadable(node: Any, why: str) -> UnreadableError:
    return UnreadableError(why, node.start_mark.line + 1)


def _is_merge(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and node.tag in ("", _TAG + "merge")


def _scalar(node: Any) -> Any:
    text, tag = node.value, node.tag
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _unreadable(node, "it holds an escape that means no character")
    kind = tag.removeprefix(_TAG)
    if kind == "binary":
        return _decoded(node)
    if tag and kind not in (*_TYPES, "timestamp"):
        return text
    value = resolve(text)
    if kind == "timestamp":
        fits = isinstance(value, str) and _TIME.fullmatch(text) is not None
    elif kind == "float" and _is_a(value, int) and -(2**63) <= value < 2**63:
        fits = True
    else:
        fits = not kind or _is_a(value, _TYPES[kind])
    if not fits:
        raise _unreadable(node, f"a value is no !!{kind}")
    return value


def _is_a(value: object, kind: type) -> bool:
    """Whether a value is of just this type: a boolean is no number here."""
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


def _decoded(node: Any) -> str:
    try:
        data = base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable(node, "a value is no !!binary") from None
    return _UNDECODED.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def resolve(text: str) -> Any:
    """What a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _finite(text) if _DOTTED.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    plain = text.replace("_", "")
    whole = _int(plain)
    if whole is not None:
        return whole
    if _FLOAT.fullmatch(plain):
        value = _finite(plain)
        return text if isinstance(value, str) else value
    if found := _BINARY.fullmatch(plain):
        value = int(found[1], 2)
        return value if -(2**63) <= value < 2**64 else text
    return text


def _int(plain: str) -> int | None:
    found = _INT.fullmatch(plain)
    if not found:
        return None
    sign, *digits = found.groups()
    base, number = next((base, each) for base, each in zip((16, 2, 8, 10), digits, strict=True) if each)
    # Python refuses to read very long numbers, and none of these fits into 64 bits.
    if len(number) > 64:
        number = number.lstrip("0") or "0"
        if len(number) > 64:
            return None
    value = int(sign + number, base)
    highest = 2**63 if sign else 2**64
    return value if -(2**63) <= value < highest else None


def _finite(text: str) -> float | str:
    """A float; the text itself where it is larger than any."""
    value = float(text)
    return value if math.isfinite(value) else text


def _key(node: Any) -> str:
    """A key as JSON has it."""
    if not isinstance(node, yaml.ScalarNode):
        raise _unreadable(node, "a key is no scalar")
    value = _scalar(node)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_key(value)
    if value is None or (isinstance(value, int) and value >= 2**63):
        raise _unreadable(node, "a key is empty, null or too large a number")
    return str(value)


def _float_key(value: float) -> str:
    """The shortest digits of 32 bits, as kubectl writes such a key."""
    try:
        value = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        value = math.copysign(math.inf, value)
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    scientific = next(
        text
        for text in (f"{value:.{digits}e}" for digits in range(17))
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value
    )
    exponent = int(scientific.partition("e")[2])
    if value and not -4 <= exponent < 6:
        return scientific
    return f"{Decimal(scientific):f}"
