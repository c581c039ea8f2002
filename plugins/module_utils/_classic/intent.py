# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a swap writes onto the router before it deletes anything, as text that fits tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from itertools import islice

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Listener
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.tag_text import (
    TagTextError,
    of_tags,
    read_table,
    table,
    to_tags,
)

# A swap writes nothing later than this many seconds after its intent.
LIFETIME = 120

_PREFIX = "octoblu.bluegreen/swap."
_VERSION = "1"


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
    fields += [*table(certificates), *table(policies), str(len(intent.moves))]
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
    return to_tags(_PREFIX, _VERSION, fields)


def decode_intent(tags: Mapping[str, str]) -> Intent | None:
    """The intent among a load balancer's tags, None when there is none; raises TagTextError."""
    try:
        fields = of_tags(_PREFIX, _VERSION, tags)
        return None if fields is None else _parse(iter(fields))
    except TagTextError:
        raise
    except (StopIteration, IndexError, ValueError) as error:
        raise TagTextError(f"it is damaged: {error!r}") from error


def _parse(fields: Iterator[str]) -> Intent:
    run, user, host, pid, time, color = islice(fields, 6)
    certificates, policies = read_table(fields), read_table(fields)
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
