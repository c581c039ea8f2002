# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The secrets that a run knows, and texts without them."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

_MASK = "********"
# As Ansible calls the value of an option that is no_log.
_WHOLE = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# A shorter one would mask parts of every other word.
_SHORTEST = 4
# A line of a key is told alone by who reads it line by line.
_SHORTEST_LINE = 16
_SHORTEST_INSIDE = 8

_NAMED = re.compile(r"token|password|passwd|secret|key|authorization|auth\b", re.IGNORECASE)
_NOT_SECRET = re.compile(r"(_file|_id|-id|expiry-key|token-key|_url|_path|_dir)$", re.IGNORECASE)
_FLAG = re.compile(r"--?([\w-]+)(?:=(.*))?", re.DOTALL)
_ENVIRONMENT = re.compile(r"(AWS|EC2|K8S_AUTH)_")
_URL_USER = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
_BEARER = re.compile(r"(?<=Bearer )[^\s'\"]{16,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")


def spellings(secret: str) -> set[str]:
    """The secret as libraries write it into their texts; empty where it is too short to be masked."""
    lines = [line.strip() for line in secret.splitlines()]
    found = {line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----")}
    for text in (secret, secret.strip(), " ".join(secret.split())):
        if len(text.strip()) < _SHORTEST:
            continue
        coded = [text.encode("utf-8", "surrogateescape")]
        with suppress(UnicodeEncodeError):
            coded.append(text.encode("latin-1"))
        # A repr is written with the one quote or the other, by what is in the text.
        found |= {text, repr(text)[1:-1], repr("'" + text)[2:-1], repr("'\"" + text)[4:-1], ascii(text)[1:-1]}
        found |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        for data in coded:
            found |= {repr(data)[2:-1], repr(b"'" + data)[3:-1], repr(b"'\"" + data)[5:-1]}
            found |= {quote(data), quote(data, safe=""), quote_plus(data)}
            for code in (b64encode(data), urlsafe_b64encode(data)):
                found |= {code.decode(), code.decode().rstrip("=")}
            # Within a longer text that is encoded, as after "user:", only its whole sextets are always the same.
            for before in range(3) if len(data) >= _SHORTEST_INSIDE else ():
                code, bits = b64encode(b"x" * before + data), 8 * (before + len(data))
                found.add(code[-(-8 * before // 6) : bits // 6].decode())
    return {each for each in found if len(each.strip()) >= _SHORTEST}


def decoded(secret: str) -> Iterator[str]:
    """What is in a secret that is written in base64, as a kubeconfig's keys are; nothing where it is not."""
    try:
        yield b64decode(secret, validate=True).decode()
    except ValueError:
        return


class Secrets:
    """What is known so far. Threads may learn and mask at the same time."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._spellings: frozenset[str] = frozenset()
        self._longest_first: tuple[str, ...] = ()

    def learn(self, *secrets: Any) -> None:
        """Anything but a text is passed over."""
        new = {secret for secret in secrets if isinstance(secret, str)} - self._known
        if not new:
            return
        self._known |= new
        self._spellings = self._spellings.union(*(spellings(secret) for secret in new))
        self._longest_first = tuple(sorted(self._spellings, key=len, reverse=True))

    def forget(self) -> None:
        self._known, self._spellings, self._longest_first = set(), frozenset(), ()

    def spellings(self) -> frozenset[str]:
        return self._spellings

    def mask(self, value: Any) -> Any:
        """The same value without the secrets in its texts; names of a mapping, numbers and the like are left."""
        if isinstance(value, str):
            if value in self._spellings:
                return _WHOLE
            for spelling in self._longest_first:
                if spelling in value:
                    value = value.replace(spelling, _MASK)
            return value
        if isinstance(value, bytes):
            return self.mask(value.decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {name: self.mask(below) for name, below in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.mask(below) for below in value]
        return value

    def mask_error(self, value: Any) -> Any:
        """``mask`` for what others say of a failure: also without what looks like a secret that nobody knows."""
        if isinstance(value, str):
            text = str(self.mask(value))
            for pattern in (_URL_USER, _BEARER, _JWT):
                text = pattern.sub(_MASK, text)
            return text
        if isinstance(value, Mapping):
            return {name: self.mask_error(below) for name, below in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask_error(below) for below in value]
        return self.mask(value)


# Of this process, which does one task: the errors of every layer mask what any of them has learnt.
KNOWN = Secrets()


def without_user(url: str) -> str:
    """An address without the name and password in it."""
    return _URL_USER.sub(_MASK, url)


def of_url(url: Any) -> Iterator[str]:
    """The password in an address, and what its query names a secret."""
    if not isinstance(url, str) or "://" not in url:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        _name, _colon, password = user.partition(":")
        yield password or user
        yield unquote(password or user)
    for name, value in parse_qsl(parts.query):
        if _NAMED.search(name):
            yield value


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """What the variables of AWS's SDK and of kubernetes.core hold, and the passwords in addresses."""
    for name, value in environ.items():
        if _ENVIRONMENT.match(name) and _is_secret(name):
            yield value
        if name.upper().endswith(("_PROXY", "_URL", "_HOST")) or name.upper().startswith("AWS_ENDPOINT_URL"):
            yield from of_url(value)


def of_structure(value: Any, key: str = "") -> Iterator[str]:
    """What is a secret by its name, in a kubeconfig's users or a credential plugin's answer."""
    if isinstance(value, Mapping):
        # An entry of exec.env says by its name what its value is.
        key = str(value["name"]) if value.keys() == {"name", "value"} else ""
        for name, below in value.items():
            yield from of_structure(below, key if name == "value" and key else str(name))
    elif isinstance(value, (list, tuple)):
        if key == "args":
            yield from _of_arguments(value)
        for below in value:
            yield from of_structure(below, key)
    elif isinstance(value, str) and value and _is_secret(key):
        yield value


def _of_arguments(arguments: Iterable[Any]) -> Iterator[str]:
    """--client-secret=x, and --client-secret x."""
    named = False
    for argument in arguments:
        flag = _FLAG.fullmatch(str(argument))
        if flag is None and named:
            yield str(argument)
        named = bool(flag and _is_secret(flag[1]))
        if flag and named and flag[2] and not flag[2].startswith("/"):
            yield flag[2]


def _is_secret(name: str) -> bool:
    return bool(_NAMED.search(name)) and not _NOT_SECRET.search(name) and name not in _PATHS


# Files whose contents are secrets, or are not.
_PATHS = frozenset({"tokenFile", "client-key", "key_file"})
