"""Names, labels and keys: what they may be made of, in the words of the API server."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.cluster.errors import Cause
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object


@dataclass(frozen=True)
class Rule:
    """`words` is what is said of a text that breaks it, up to the regular expression."""

    form: str
    words: str
    limit: int | None = None

    def check(self, field: str, text: str) -> list[Cause]:
        causes = []
        if self.limit is not None and len(text) > self.limit:
            causes.append(Cause.invalid(field, f'"{text}"', f"must be no more than {self.limit} characters"))
        if not re.fullmatch(self.form, text):
            why = f"{self.words} regex used for validation is '{self.form}')"
            causes.append(Cause.invalid(field, f'"{text}"', why))
        return causes


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
ENVIRONMENT_NAME = Rule(
    r"[-._a-zA-Z][-._a-zA-Z0-9]*",
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
    "must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1',",
)
_LABEL_VALUE = Rule(
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345',",
    63,
)
_KEY_NAME = Rule(
    r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc',",
    63,
)
_ANNOTATIONS_LIMIT = 256 << 10


def check_metadata(kind: Kind, obj: Object) -> list[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if not name:
        return [Cause.required("metadata.name", "name or generateName is required")]
    rule = {"Service": SERVICE_NAME, "Namespace": DNS_LABEL}.get(kind.name, SUBDOMAIN)
    annotations = metadata.get("annotations") or {}
    causes = rule.check("metadata.name", name) + check_labels("metadata.labels", metadata.get("labels"))
    causes += [cause for key in annotations for cause in _check_key("metadata.annotations", key)]
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        why = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        causes.append(Cause("metadata.annotations", why, "FieldValueTooLong"))
    return causes


def check_labels(field: str, labels: dict[str, str] | None) -> list[Cause]:
    causes = []
    for key, value in (labels or {}).items():
        causes += _check_key(field, key) + _LABEL_VALUE.check(field, value)
    return causes


def name_warning(kind: Kind, name: str) -> str | None:
    """What the server warns of although it takes the name."""
    if kind.name in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Pod") and len(name) > 63:
        return (
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
            "a DNS label is recommended: [must be no more than 63 characters]"
        )
    return None


def _check_key(field: str, key: str) -> list[Cause]:
    """`name` or `domain/name`."""
    prefix, slash, name = key.rpartition("/")
    return (SUBDOMAIN.check(field, prefix) if slash else []) + _KEY_NAME.check(field, name)
