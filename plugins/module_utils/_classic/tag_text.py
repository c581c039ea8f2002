# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Fields as one text that fits tags, in as many pieces as it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

# AWS limits a tag's value to 256 characters, and to letters, digits, spaces and _.:/=+-@:
# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_Tag.html
_PIECE = 256
_SEPARATOR = "+"
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@-]")


class TagTextError(ValueError):
    """The tags hold nothing that this version can read."""


def to_tags(prefix: str, version: str, fields: Iterable[str]) -> dict[str, str]:
    """The tags ``<prefix>0``, ``<prefix>1``, ... that hold the fields, each at most 256 characters long."""
    body = _SEPARATOR.join(_escape(text) for text in fields)
    # The length tells a piece that is missing, and what a longer text before this one left behind.
    text = f"{version}{_SEPARATOR}{len(body)}{_SEPARATOR}{body}"
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return {f"{prefix}{index}": piece for index, piece in enumerate(pieces)}


def of_tags(prefix: str, version: str, tags: Mapping[str, str]) -> list[str] | None:
    """The fields that a load balancer's tags hold, None where there is no such tag; raises TagTextError."""
    pieces = {key[len(prefix) :]: value for key, value in tags.items() if key.startswith(prefix)}
    if not pieces:
        return None
    unknown = next((index for index in pieces if not index.isdecimal()), None)
    if unknown is not None:
        raise TagTextError(f"tag {prefix}{unknown} is unknown")
    text = "".join(pieces[index] for index in sorted(pieces, key=int))
    found, _first, rest = text.partition(_SEPARATOR)
    length, _second, body = rest.partition(_SEPARATOR)
    if found != version:
        raise TagTextError(f"its version is '{found}', not {version}")
    if not length.isdecimal() or len(body) < int(length):
        raise TagTextError(f"{len(body)} of {length} characters are there")
    return [_unescape(text) for text in body[: int(length)].split(_SEPARATOR)]


def table(names: Sequence[str]) -> list[str]:
    """Names as fields, which others refer to by their index."""
    return [str(len(names)), *names]


def read_table(fields: Iterator[str]) -> list[str]:
    return [next(fields) for _name in range(int(next(fields)))]


def _escape(text: str) -> str:
    return "".join(
        character if _PLAIN.fullmatch(character) else "".join(f"={byte:02X}" for byte in character.encode())
        for character in text
    )


def _unescape(text: str) -> str:
    head, *escaped = text.split("=")
    try:
        data = head.encode() + b"".join(bytes.fromhex(part[:2]) + part[2:].encode() for part in escaped)
        return data.decode()
    except UnicodeDecodeError as error:
        raise TagTextError(f"'{text}' is no text") from error
