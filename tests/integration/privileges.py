# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rights as data: what the published policies and roles grant, and what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.cluster.errors import ApiError
from sandbox.cluster.targets import PageNotFound, parse

Call = Mapping[str, Any]

_TAG_KEYS = "aws:TagKeys"
_READ = {"Sid", "Effect", "Action", "Resource", "Condition"}


@dataclass(frozen=True, order=True)
class Right:
    """A verb on a resource of the Kubernetes API (`pods`, `pods/log`), in one namespace or `elsewhere`."""

    verb: str
    group: str
    resource: str
    elsewhere: bool = False


def role_rights(role: Mapping[str, Any]) -> set[Right]:
    return {
        Right(verb, group, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def asked_rights(requests: Iterable[Mapping[str, Any]], namespace: str) -> tuple[set[Right], set[Right]]:
    """What requests (as the sandbox's cluster has logged them) asked for and got, and what they were refused.

    Who makes an object by a request that could have changed it needs both verbs.
    """
    got: set[Right] = set()
    refused: set[Right] = set()
    for seen in requests:
        try:
            target = parse(seen["method"], seen["path"], seen["query"].get("watch") in ("true", "1"))
        except (ApiError, PageNotFound):
            # Discovery, which is open to everybody.
            continue
        verbs = {target.verb, "create"} if seen["status"] == 201 else {target.verb}
        (refused if seen["status"] == 403 else got).update(
            Right(verb, target.kind.group, target.resource, target.scope != namespace) for verb in verbs
        )
    return got, refused


@dataclass(frozen=True, order=True)
class Grant:
    """An action on the load balancers whose names are like `name`; where it is one on tags, with a key like `key`."""

    action: str
    name: str
    key: str | None = None

    def is_of(self, call: Call) -> bool:
        return self.action.endswith(f":{call['action']}") and all(
            fnmatchcase(name, self.name) for name in _names(call)
        )

    def is_used_by(self, call: Call) -> bool:
        return self.is_of(call) and (
            self.key is None or any(fnmatchcase(key, self.key) for key in _keys(call))
        )


def policy_grants(policy: Mapping[str, Any]) -> Iterator[Grant]:
    """Raises ValueError for a statement that means more than is read here."""
    for statement in policy["Statement"]:
        if statement["Effect"] != "Allow" or statement.keys() - _READ:
            raise ValueError(f"{statement} is not read")
        for action in statement["Action"]:
            for key in _conditions(statement):
                yield Grant(action, statement["Resource"].rpartition(":loadbalancer/")[2], key)


def _conditions(statement: Mapping[str, Any]) -> Sequence[str | None]:
    condition = statement.get("Condition")
    if condition is None:
        return [None]
    # Without the second one, a request that names no key would be granted: it has none that is unlike the patterns.
    if condition.keys() != {"ForAllValues:StringLike", "Null"} or condition["Null"] != {_TAG_KEYS: "false"}:
        raise ValueError(f"{condition} is not read")
    [(name, keys)] = condition["ForAllValues:StringLike"].items()
    if name != _TAG_KEYS:
        raise ValueError(f"{condition} is not read")
    return list(keys)


def is_granted(call: Call, grants: Iterable[Grant]) -> bool:
    """Whether a call, as the sandbox's AWS has logged it, is allowed."""
    fitting = [each for each in grants if each.is_of(call)]
    patterns = [each.key for each in fitting if each.key is not None]
    if any(each.key is None for each in fitting) or not patterns:
        return bool(fitting)
    keys = _keys(call)
    return bool(keys) and all(any(fnmatchcase(key, pattern) for pattern in patterns) for key in keys)


def _names(call: Call) -> Sequence[str]:
    params = call["params"]
    return params.get("LoadBalancerNames") or [params.get("LoadBalancerName", "")]


def _keys(call: Call) -> Sequence[str]:
    return [tag["Key"] for tag in call["params"].get("Tags", ())]
