from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import (
    UnreadableError,
    read,
)

MANY = "\n".join(f"  k{level}: &k{level} [{', '.join([f'*k{level - 1}'] * 9)}]" for level in range(1, 9))


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("{404: a, default: b}", [{"404": "a", "default": "b"}]),
        ("at: 2027-03-25T13:37:11Z", [{"at": "2027-03-25T13:37:11Z"}]),
        ("at: 22:30", [{"at": "22:30"}]),
        ("=: =", [{"=": "="}]),
        ("a: 1\n---\n\ufeffb: 2\n--- # c\n\ufeff# nothing\n---\n", [{"a": 1}, {"b": 2}]),
        ("\ufeffa: 1", [{"a": 1}]),
        ('{\n\t"a": "\\ud83d\\ude00",\n\t"b": 1.0\n}\n---\n{"c": [18446744073709551615]}',
         [{"a": "😀", "b": 1}, {"c": [18446744073709551615.0]}]),
        ("{a: yes, b: 0o17}", [{"a": True, "b": 15}]),
        ("a: &x 1\nb: &x 2\nc: *x", [{"a": 1, "b": 2, "c": 2}]),
        ("# nothing", []),
    ],
)  # fmt: skip
def test_what_a_text_is_read_as(text: str, documents: list[Any]) -> None:
    assert repr(read(text)) == repr(documents)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a:\n  env: 1\n  b: 2\n  env: 3", 4, "the key env stands twice in one mapping"),
        ("404: 1\n'404': 2", 2, "the key 404 stands twice in one mapping"),
        ('{\n "env": 1,\n "env": 2\n}', 3, "the key env stands twice in one mapping"),
        ('{\n\t"env": 1,\n\t"env": 2\n}', 3, "the key env stands twice in one mapping"),
        ("a: 1\n? [b]\n: 2", 2, "a key is no scalar"),
        ("a: &x [*x]", 1, "an anchor holds itself"),
        ("a:\n  k0: &k0 x\n" + MANY, None, "its aliases make it too large"),
        ("a: 1\nb: *hunter2", 2, "found undefined alias"),
        ("a: 1\nb: .inf", 2, "a number that is infinite or none cannot be sent"),
        ("a: 1\nb: \x00", 2, "it holds a character that YAML does not allow"),
        ("a: 1\nb: caf\udce9", 2, "it is not UTF-8"),
        ("[" * 5000, None, "it is nested too deeply"),
        ('a: "\\U99999999"', None, "it holds an escape that means no character"),
    ],
)
def test_why_a_text_cannot_be_read(text: str, line: int | None, why: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        read(text)
    assert raised.value.why == why
    assert line in (None, raised.value.line)
    assert "hunter2" not in str(raised.value)
