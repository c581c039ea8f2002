# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The listeners that the last swap left, kept in tags: what it left is ours until its tags are removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import Listener
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.tag_text import (
    TagTextError,
    of_tags,
    read_table,
    table,
    to_tags,
)

_PREFIX = "octoblu.bluegreen/listeners."
_VERSION = "1"


def is_known_tag(key: str) -> bool:
    return key.startswith(_PREFIX)


def encode_known(listeners: Iterable[Listener]) -> dict[str, str]:
    """The tags that hold listeners whole, in pieces of at most 256 characters."""
    listeners = sorted(listeners, key=lambda listener: listener.port)
    certificates = sorted({each.certificate for each in listeners if each.certificate})
    policies = sorted({name for each in listeners for name in each.policies})
    fields = [*table(certificates), *table(policies), str(len(listeners))]
    for each in listeners:
        fields += [
            str(each.port),
            each.protocol,
            str(each.instance_port),
            each.instance_protocol,
            "" if each.certificate is None else str(certificates.index(each.certificate)),
            ".".join(str(policies.index(name)) for name in each.policies),
        ]
    return to_tags(_PREFIX, _VERSION, fields)


def decode_known(tags: Mapping[str, str]) -> dict[int, Listener]:
    """The listeners by their ports, none where no swap has left any; raises TagTextError."""
    try:
        fields = of_tags(_PREFIX, _VERSION, tags)
        return {} if fields is None else {each.port: each for each in _parse(iter(fields))}
    except TagTextError:
        raise
    except (StopIteration, IndexError, ValueError) as error:
        raise TagTextError(f"it is damaged: {error!r}") from error


def give_up_command(name: str, tags: Mapping[str, str]) -> str:
    """What a person types for the load balancer to be known as it is from the next swap on.

    The shorthand of remove-tags is the bare key: https://docs.aws.amazon.com/cli/latest/reference/elb/remove-tags.html
    """
    keys = " ".join(key for key in sorted(tags) if is_known_tag(key))
    return f"aws elb remove-tags --load-balancer-names {name} --tags {keys}"


def _parse(fields: Iterator[str]) -> list[Listener]:
    certificates, policies = read_table(fields), read_table(fields)
    found = []
    for _listener in range(int(next(fields))):
        port, protocol, instance_port, instance_protocol, certificate, names = islice(fields, 6)
        found.append(
            Listener(
                port=int(port),
                protocol=protocol,
                instance_port=int(instance_port),
                instance_protocol=instance_protocol,
                certificate=certificates[int(certificate)] if certificate else None,
                policies=tuple(policies[int(index)] for index in names.split(".") if index),
            )
        )
    return found
