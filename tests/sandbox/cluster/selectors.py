"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sandbox.cluster.errors import ApiError, bad_request
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object, dig

Labels = dict[str, str]
Predicate = Callable[[Object], bool]

_SET_TERM = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^()]*)\)$")
_KEY = re.compile(r"^(?:[a-z0-9.-]+/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$")


def by_labels(selector: str) -> Predicate:
    """What a `labelSelector` parameter asks for; 400 when it does not parse."""
    terms = [_label_term(term.strip()) for term in _split_terms(selector)]
    return lambda obj: matches_all(terms, obj["metadata"].get("labels") or {})


def by_fields(kind: Kind, selector: str) -> Predicate:
    """What a `fieldSelector` parameter asks for; 400 for a field that the kind does not offer."""
    terms = [_field_term(kind, term.strip()) for term in selector.split(",") if term.strip()]
    return lambda obj: all(term(obj) for term in terms)


def selects(selector: dict[str, Any] | None, labels: Labels) -> bool:
    """Whether a LabelSelector object matches; an absent one matches nothing, an empty one everything."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_expression(term, labels) for term in selector.get("matchExpressions") or ())


def selector_text(selector: dict[str, Any] | None) -> str:
    """A LabelSelector as `kubectl` shows it and the scale subresource returns it."""
    terms = [f"{key}={value}" for key, value in sorted(((selector or {}).get("matchLabels") or {}).items())]
    for term in (selector or {}).get("matchExpressions") or ():
        values = f" ({','.join(term.get('values') or ())})"
        texts = {"In": f" in{values}", "NotIn": f" notin{values}", "Exists": ""}
        terms.append(
            f"!{term['key']}" if term["operator"] == "DoesNotExist" else term["key"] + texts[term["operator"]]
        )
    return ",".join(terms) or "<none>"


def matches_all(terms: list[Callable[[Labels], bool]], labels: Labels) -> bool:
    return all(term(labels) for term in terms)


def _expression(term: dict[str, Any], labels: Labels) -> bool:
    key, values = term["key"], term.get("values") or ()
    operator = term["operator"]
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return bool((key in labels) == (operator == "Exists"))


def _split_terms(selector: str) -> list[str]:
    return [term for term in re.split(r",(?![^()]*\))", selector) if term.strip()]


def _label_term(term: str) -> Callable[[Labels], bool]:
    matched = _SET_TERM.match(term)
    if matched:
        key, operator, listed = matched.groups()
        values = {value.strip() for value in listed.split(",")}
        _check_key(key)
        if operator == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: labels.get(key) not in values
    for sign, wanted in (("!=", False), ("==", True), ("=", True)):
        key, found, value = (part.strip() for part in term.partition(sign))
        if found:
            _check_key(key)
            return lambda labels: (labels.get(key) == value) == wanted
    if term.startswith("!"):
        absent = term[1:].strip()
        _check_key(absent)
        return lambda labels: absent not in labels
    _check_key(term)
    return lambda labels: term in labels


def _check_key(key: str) -> None:
    if not _KEY.match(key):
        raise _unparsable(key)


def _unparsable(text: str) -> ApiError:
    return bad_request(
        f'unable to parse requirement: <nil>: Invalid value: "{text}": name part must consist of alphanumeric '
        "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
        "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    )


def _field_term(kind: Kind, term: str) -> Predicate:
    for sign, wanted in (("!=", False), ("==", True), ("=", True)):
        label, found, value = term.partition(sign)
        if found:
            path = _field_path(kind, label)
            return lambda obj: (_text(dig(obj, *path)) == value) == wanted
    raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")


def _field_path(kind: Kind, label: str) -> tuple[str, ...]:
    if label == "metadata.name" or (label == "metadata.namespace" and kind.namespaced):
        return tuple(label.split("."))
    if label not in kind.fields:
        raise bad_request(f"field label not supported: {label}")
    return kind.fields[label]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
