"""Names, labels and keys: what they may be made of, in the words of the API server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from sandbox.cluster.errors import Cause
from sandbox.cluster.kinds import ROLE, ROLE_BINDING, Kind
from sandbox.cluster.objects import Object


@dataclass(frozen=True)
class Rule:
    """`words` is what is said of a text that breaks it, up to the regular expression."""

    form: str
    words: str
    limit: int | None = None

    def check(self, field: str, text: str) -> list[Cause]:
        return [Cause.invalid(field, f'"{text}"', why) for why in self.broken(text)]

    def broken(self, text: str) -> list[str]:
        """Why the text breaks the rule; nothing when it does not."""
        reasons = []
        if self.limit is not None and len(text) > self.limit:
            reasons.append(f"must be no more than {self.limit} characters")
        if not re.fullmatch(self.form, text):
            reasons.append(self.unlike())
        return reasons

    def unlike(self) -> str:
        return f"{self.words} regex used for validation is '{self.form}')"


SUBDOMAIN = Rule(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com',",
    253,
)
DNS_LABEL = Rule(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
    "end with an alphanumeric character (e.g. 'my-name',  or '123-abc',",
    63,
)
SERVICE_NAME = Rule(
    r"[a-z]([-a-z0-9]*[a-z0-9])?",
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123',",
    63,
)
CONFIG_KEY = Rule(
    r"[-._a-zA-Z0-9]+",
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name',",
    253,
)
_LABEL_VALUE = Rule(
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345',",
    63,
)
_KEY_NAME = Rule(
    r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc',",
    63,
)
_PERCENT = Rule(
    r"[0-9]+%",
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%',",
)
_ANNOTATIONS_LIMIT = 256 << 10


def check_metadata(kind: Kind, obj: Object) -> list[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if not name:
        return [Cause.required("metadata.name", "name or generateName is required")]
    rule = {"Service": SERVICE_NAME, "Namespace": DNS_LABEL}.get(kind.name, SUBDOMAIN)
    annotations = metadata.get("annotations") or {}
    own = _check_segment if kind in (ROLE, ROLE_BINDING) else rule.check
    causes = own("metadata.name", name) + check_labels("metadata.labels", metadata.get("labels"))
    causes += [cause for key in annotations for cause in check_key("metadata.annotations", key)]
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        why = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        causes.append(Cause("metadata.annotations", why, "FieldValueTooLong"))
    return causes


def _check_segment(field: str, text: str) -> list[Cause]:
    """Of what may be any part of a path."""
    reasons = [f"may not be '{text}'"] if text in (".", "..") else []
    reasons += [f"may not contain '{each}'" for each in "/%" if each in text]
    return [Cause.invalid(field, f'"{text}"', why) for why in reasons]


def check_labels(field: str, labels: dict[str, str] | None) -> list[Cause]:
    causes = []
    for key, value in (labels or {}).items():
        causes += check_key(field, key) + _LABEL_VALUE.check(field, value)
    return causes


def check_environment_name(field: str, name: str) -> list[Cause]:
    if name.isascii() and name.isprintable() and "=" not in name:
        return []
    why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
    return [Cause.invalid(field, json.dumps(name), why)]


def check_port_name(field: str, name: str) -> list[Cause]:
    rules = (
        (len(name) <= 15, "must be no more than 15 characters"),
        (
            re.fullmatch(r"[-a-z0-9]+", name),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (re.search(r"[a-z]", name), "must contain at least one letter (a-z)"),
        ("--" not in name, "must not contain consecutive hyphens"),
        (not name.startswith("-") and not name.endswith("-"), "must not begin or end with a hyphen"),
    )
    return [Cause.invalid(field, f'"{name}"', why) for holds, why in rules if not holds]


def is_percent(text: str) -> bool:
    return not _PERCENT.broken(text)


def not_a_percent() -> str:
    return _PERCENT.unlike()


def name_warning(kind: Kind, name: str) -> str | None:
    """What the server warns of although it takes the name."""
    reasons = []
    if len(name) > 63:
        reasons.append("must be no more than 63 characters")
    if "." in name:
        reasons.append("must not contain dots")
    if kind.name in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Pod") and reasons:
        return (
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
            f"a DNS label is recommended: [{', '.join(reasons)}]"
        )
    return None


def check_key(field: str, key: str) -> list[Cause]:
    """`name` or `domain/name`."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        words = f"a qualified name {_KEY_NAME.unlike()}"
        reasons = [f"{words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    else:
        reasons = [f"prefix part {why}" for why in _prefix_reasons(prefix)] if slash else []
        reasons += [f"name part {why}" for why in _KEY_NAME.broken(name)]
    return [Cause.invalid(field, f'"{key}"', why) for why in reasons]


def _prefix_reasons(prefix: str) -> list[str]:
    return SUBDOMAIN.broken(prefix) if prefix else ["must be non-empty"]
