"""The reader of manifests beside kubectl's own; needs no cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import (
    UnreadableError,
    read,
)

KUBECTL = Path(sys.executable).with_name("kubectl")
REFUSED = "refused"

PLAIN = [
    "y",
    "Y",
    "yes",
    "Yes",
    "YES",
    "yEs",
    "n",
    "N",
    "no",
    "No",
    "NO",
    "on",
    "On",
    "ON",
    "oN",
    "off",
    "Off",
    "OFF",
    "true",
    "True",
    "TRUE",
    "tRue",
    "false",
    "False",
    "FALSE",
    "null",
    "Null",
    "NULL",
    "nUll",
    "~",
    "~a",
    "0",
    "-0",
    "+0",
    "1",
    "-1",
    "+1",
    "007",
    "010",
    "-010",
    "+010",
    "08",
    "09",
    "0o17",
    "0o8",
    "-0o17",
    "+0o17",
    "0O17",
    "0x1F",
    "0X1F",
    "-0x1F",
    "0xG",
    "0b101",
    "0B101",
    "-0b101",
    "+0b11",
    "-0b",
    "0b2",
    "0x",
    "0o",
    "0b",
    "1_000",
    "_1",
    "1_",
    "1__0",
    "0x_1",
    "0b1_0",
    "0o1_7",
    "01_7",
    "1_000.5",
    "0b-1",
    "0b+1",
    "0_x1",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1.5",
    "1.",
    ".5",
    "-.5",
    "+.5",
    ".",
    "..",
    "._5",
    ".e3",
    "1.e3",
    "1.5e",
    "1e",
    "1e1000",
    "-1e400",
    "1e-400",
    "12e03",
    "1e21",
    "1e20",
    "-_1",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "0xFFFFFFFFFFFFFFFF",
    "0xFFFFFFFFFFFFFFFFF",
    "0777777777777777777777777",
    "1234567890123456789.0",
    "9007199254740993.0",
    "1.7976931348623159e308",
    "4.9e-324",
    ".5e1_0",
    ".5_",
    ".5_0",
    ".5e1000",
    "1e_5",
    "1._5",
    "00",
    "0.",
    "-0.0",
    "0.0",
    "1.0",
    "1.10",
    ".inf",
    ".Inf",
    ".INF",
    "-.inf",
    "+.inf",
    ".nan",
    ".NaN",
    ".NAN",
    ".Nan",
    "inf",
    "nan",
    "NaN",
    "Infinity",
    "0x1p3",
    "685_230.15",
    "190:20:30",
    "22:30",
    "-1:30",
    "2027-03-25T13:37:11Z",
    "2027-03-25",
    "2001-12-14t21:59:43.10-05:00",
    "=",
    "<<",
    "<<<",
    "*",
    "&",
    "-",
    "--",
    "-a",
    ":a",
    "a:b",
    "+",
    "-+1",
    "1,000",
    "v1.0",
    "5m",
    "100Mi",
    "0-1",
    "a#b",
    "@a",
    "%a",
    "[]",
    "{}",
    '"y"',
    "'1'",
    '"\\u00e9\\x41"',
    '"<&>"',
    "!!str",
    "!foo",
    "!!x",
]
OTHER = [
    "!!str 1", '!!int "12"', "!!int 1.5", "!!float 1", "!!float x", "!!bool yes", "!!null x", '!!null ""', "! 12",
    "!!binary aGVsbG8=", '!!binary "/w=="', '!!binary "%%"', "!!timestamp 2020-01-01", "!!timestamp x", "!foo {a: 1}",
    "!!set {a, b}", "!!omap [a: 1]", "!!str {a: 1}", "!!python/object:os.system x", "!!float 18446744073709551615",
    "|\n    a\n    b\n", ">-\n    a\n    b\n", "[1, 2, ]", "{a, b: }", "[a, [b, {c: d}]]", "&x [*x]", "&x {a: *x}",
    "{a: &a 1, b: *a}", "{x: &a 1, y: &a 2, z: *a}", "*nowhere", "{<<: {a: 1}, b: 2}", "{a: 9, <<: {a: 1}}",
    "{<<: [{a: 1}, {a: 2, c: 3}], a: 9}", "{<<: 3}", "{<<: [3]}", "{<<: null}", '{"<<": {a: 1}}',
    "{<<: {a: 1}, <<: {b: 2}}", "{<<: {<<: {z: 1}, a: 1}}", "{!!merge <<: {a: 1}}", "{? [a] : b}", "{? {a: 1} : b}",
    "{404: a, default: b}", "{true: 1, off: 2}", "{~: 1}", "{: a}", "{1.5: a}", "{1.0: a}", "{1e3: a}", "{1e21: a}",
    "{.inf: a}", "{-.inf: a}", "{.nan: a}", "{3.5e38: a}", "{0x1F: a}", "{010: a}", "{2027-03-25: a}", "{22:30: a}",
    "{=: a}", '{"": a}', "{-0: a}", "{!!binary aGk= : a}", "{18446744073709551615: a}", "{123456789.125: a}",
    "{100000.0: a}", "{1000000.0: a}", "{1e-5: a}", "{0.0001: a}", "{-0.0: a}", "{16777217.0: a}", "a # b", "\ta",
    "a\t# b", "[a,\tb]", '{"a":1}', "[a:b]", '"\\ud83d"', '"\\x00"', "`a", "a: b", '{a: "b"c}', "[.inf]", "\ufeffa",
]  # fmt: skip


def document(number: int, value: str) -> str:
    return f"apiVersion: example.com/v1\nkind: W\nmetadata: {{name: n{number}}}\nspec:\n  v: {value}\n"


def by_kubectl(texts: Sequence[str], folder: Path) -> list[Any]:
    """What kubectl reads each file's object's spec as, in one process; each file has an object named n<number>."""
    folder.mkdir()
    files = [folder / f"{number}.yaml" for number, _text in enumerate(texts)]
    for file, text in zip(files, texts, strict=True):
        file.write_bytes(text.encode())
    arguments = [argument for file in files for argument in ("-f", str(file))]
    command = [KUBECTL, "annotate", "--local", "-o", "json", *arguments, "a=b"]
    printed = subprocess.run(command, capture_output=True, check=False).stdout.decode()
    found: dict[str, Any] = {}
    while printed := printed.lstrip():
        entry, end = json.JSONDecoder().raw_decode(printed)
        found[entry["metadata"]["name"]] = entry["spec"]
        printed = printed[end:]
    assert found, "kubectl read nothing"
    return [found.get(f"n{number}", REFUSED) for number, _text in enumerate(texts)]


def by_us(text: str) -> Any:
    try:
        [entry] = read(text)
    except UnreadableError:
        return REFUSED
    return entry["spec"]


def exact(value: Any) -> str:
    """A value with its types, as JSON tells them; kubectl prints some floats without a point."""
    if isinstance(value, dict):
        return str(sorted((key, exact(each)) for key, each in value.items()))
    if isinstance(value, list):
        return str([exact(each) for each in value])
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        value = float(value)
    return repr(value)


def compare(texts: Sequence[str], folder: Path) -> None:
    theirs = by_kubectl(texts, folder)
    differ = [
        f"{text!r}: kubectl {their}, we {ours}"
        for text, their, ours in zip(texts, theirs, map(by_us, texts), strict=True)
        if exact(their) != exact(ours)
    ]
    assert not differ, "\n".join(differ)


def test_every_scalar_and_key_is_what_kubectl_reads(tmp_path: Path) -> None:
    compare([document(number, value) for number, value in enumerate([*PLAIN, *OTHER])], tmp_path / "files")


def test_generated_documents_are_what_kubectl_reads(tmp_path: Path) -> None:
    digits = st.text("0123456789+-._:eExob aZT", min_size=1, max_size=9).map(str.strip)
    # What is no plain scalar at all is the parsers' business, not that of their types.
    scalars = digits.filter(lambda text: text and text[0] not in ":" and not text.endswith(":")).filter(
        lambda text: ": " not in text and text not in ("-", "---", "...") and not text.startswith("- ")
    )
    words = scalars | st.sampled_from([word for word in PLAIN if word[0] not in "*&@%[{!\"'-"])
    values = st.recursive(
        words,
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
            | st.lists(inner, max_size=3).map(
                lambda each: (
                    "{" + ", ".join(f"{'abc'[number]}: {value}" for number, value in enumerate(each)) + "}"
                )
            )
            | words.map(lambda key: f"{{? {key} : x}}")
        ),
        max_leaves=6,
    )
    made: list[str] = []

    @seed(10)
    @settings(max_examples=300, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(values)
    def make(value: str) -> None:
        made.append(value)

    make()
    compare([document(number, value) for number, value in enumerate(made)], tmp_path / "files")
