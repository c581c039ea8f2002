# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a swap writes onto the router before it deletes anything, as text that fits tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from itertools import islice

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Listener

# A swap writes nothing later than this many seconds after its intent.
LIFETIME = 120

_PREFIX = "octoblu.bluegreen/swap."
_VERSION = "1"

# AWS limits a tag's value to 256 characters, and to letters, digits, spaces and _.:/=+-@:
# https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_Tag.html
_PIECE = 256
_SEPARATOR = "+"
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@-]")


class IntentError(ValueError):
    """The tags hold no intent that this version can read."""


class SwapState(Enum):
    """What has become of a swap whose intent is on the router."""

    LIVING = "living"
    CUT_OFF = "cut off"


@dataclass(frozen=True)
class Move:
    """What a swap does to one listener; ``old`` is None where the port had no listener.

    Ports are instance ports but for ``port``, the listener's own. Everything else of the listener
    stays: protocols, certificate and the names of its policies.
    """

    port: int
    protocol: str
    instance_protocol: str
    old: int | None
    new: int
    certificate: str | None = None
    policies: tuple[str, ...] = ()

    def before(self) -> Listener | None:
        return None if self.old is None else self._listener(self.old)

    def after(self) -> Listener:
        return self._listener(self.new)

    def _listener(self, instance_port: int) -> Listener:
        return Listener(
            self.port, self.protocol, instance_port, self.instance_protocol, self.certificate, self.policies
        )


def move_of(listener: Listener, new: int, policies: tuple[str, ...]) -> Move:
    """The move of a listener that is there."""
    return Move(
        listener.port,
        listener.protocol,
        listener.instance_protocol,
        listener.instance_port,
        new,
        listener.certificate,
        policies,
    )


@dataclass(frozen=True)
class Intent:
    """Who wants which color since when (``time``, seconds since the epoch), and every move."""

    run: str
    user: str
    host: str
    pid: int
    time: int
    color: str
    moves: tuple[Move, ...]

    @property
    def writer(self) -> str:
        return f"{self.user}@{self.host}"

    @property
    def since(self) -> str:
        return datetime.fromtimestamp(self.time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_intent_tag(key: str) -> bool:
    return key.startswith(_PREFIX)


def swap_state(intent: Intent, now: int, writer_gone: bool) -> SwapState:
    """Whether a swap may still be at work; ``writer_gone`` means its process is known to be dead."""
    if writer_gone or now - intent.time > LIFETIME:
        return SwapState.CUT_OFF
    return SwapState.LIVING


def encode_intent(intent: Intent) -> dict[str, str]:
    """The tags that hold an intent, in pieces of at most 256 characters."""
    certificates = sorted({move.certificate for move in intent.moves if move.certificate})
    policies = sorted({name for move in intent.moves for name in move.policies})
    fields = [intent.run, intent.user, intent.host, str(intent.pid), str(intent.time), intent.color]
    fields += [str(len(certificates)), *certificates, str(len(policies)), *policies, str(len(intent.moves))]
    for move in intent.moves:
        fields += [
            str(move.port),
            move.protocol,
            move.instance_protocol,
            "" if move.old is None else str(move.old),
            str(move.new),
            "" if move.certificate is None else str(certificates.index(move.certificate)),
            ".".join(str(policies.index(name)) for name in move.policies),
        ]
    body = _SEPARATOR.join(_escape(text) for text in fields)
    # The length tells a piece that is missing, and what a longer intent before this one left behind.
    text = f"{_VERSION}{_SEPARATOR}{len(body)}{_SEPARATOR}{body}"
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return {f"{_PREFIX}{index}": piece for index, piece in enumerate(pieces)}


def decode_intent(tags: Mapping[str, str]) -> Intent | None:
    """The intent among a load balancer's tags, None when there is none; raises IntentError."""
    pieces = {key[len(_PREFIX) :]: value for key, value in tags.items() if is_intent_tag(key)}
    if not pieces:
        return None
    if not all(index.isdecimal() for index in pieces):
        raise IntentError(
            f"tag {_PREFIX}{next(index for index in pieces if not index.isdecimal())} is unknown"
        )
    text = "".join(pieces[index] for index in sorted(pieces, key=int))
    version, _first, rest = text.partition(_SEPARATOR)
    length, _second, body = rest.partition(_SEPARATOR)
    if version != _VERSION:
        raise IntentError(f"its version is '{version}', not {_VERSION}")
    if not length.isdecimal() or len(body) < int(length):
        raise IntentError(f"{len(body)} of {length} characters are there")
    try:
        return _parse(iter([_unescape(text) for text in body[: int(length)].split(_SEPARATOR)]))
    except (StopIteration, IndexError, ValueError) as error:
        raise IntentError(f"it is damaged: {error!r}") from error


def _parse(fields: Iterator[str]) -> Intent:
    run, user, host, pid, time, color = islice(fields, 6)
    certificates = [next(fields) for _certificate in range(int(next(fields)))]
    policies = [next(fields) for _policy in range(int(next(fields)))]
    moves = tuple(_parse_move(fields, certificates, policies) for _move in range(int(next(fields))))
    return Intent(run, user, host, int(pid), int(time), color, moves)


def _parse_move(fields: Iterator[str], certificates: list[str], policies: list[str]) -> Move:
    port, protocol, instance_protocol, old, new, certificate, names = islice(fields, 7)
    return Move(
        port=int(port),
        protocol=protocol,
        instance_protocol=instance_protocol,
        old=int(old) if old else None,
        new=int(new),
        certificate=certificates[int(certificate)] if certificate else None,
        policies=tuple(policies[int(index)] for index in names.split(".") if index),
    )


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
        raise IntentError(f"'{text}' is no text") from error
