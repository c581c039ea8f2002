"""Which fields a kind has, of what type and with which owners, as the API's own OpenAPI document has it."""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
import sys
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.cluster.errors import cannot_decode
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object
from sandbox.cluster.quantities import canonical

_DOCUMENT = Path(sys.prefix) / "kubernetes-schema.json"


@dataclass(frozen=True)
class Scalar:
    """A value without parts; `go` is the type's name in a refusal."""

    go: str


@dataclass(frozen=True)
class ListOf:
    """`keys` tell the elements apart that have owners of their own, `is_set` those that are their own key.

    `merge_key` is what a strategic merge patch goes by, "" for a list of plain values that it adds to,
    None for a list that it replaces.
    """

    item: Type
    keys: tuple[str, ...] = ()
    is_set: bool = False
    merge_key: str | None = None


@dataclass(frozen=True)
class MapOf:
    item: Type
    atomic: bool = False


@dataclass(frozen=True)
class Struct:
    """`name` as in `io.k8s.api.core.v1.Container`; what is atomic has one owner as a whole.

    A strategic merge patch puts its own in the place of what is `replaced`.
    """

    name: str
    atomic: bool = False
    replaced: bool = False

    @property
    def go(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def go_qualified(self) -> str:
        return ".".join(self.name.split(".")[-2:])

    @property
    def fields(self) -> dict[str, Type]:
        return _fields_of(self.name)

    @property
    def required(self) -> frozenset[str]:
        return _required_of(self.name)


Type = Scalar | ListOf | MapOf | Struct

ANYTHING = Scalar("any")
_TEXT = Scalar("string")
_NAMED: dict[str, Type] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": Scalar("resource.Quantity"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": ANYTHING,
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": Scalar("v1.MicroTime"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": Scalar("v1.Time"),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ANYTHING,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": Scalar("intstr.IntOrString"),
}

_QUANTITY_FORM = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
_JSON_NAMES = ((bool, "bool"), ((int, float), "number"), (str, "string"), (list, "array"), (dict, "object"))
_ACCEPTED: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "float64": (int, float),
    "intstr.IntOrString": (int, str),
    "[]uint8": (str,),
    "v1.Time": (str,),
    "v1.MicroTime": (str,),
    "resource.Quantity": (int, float, str),
}


@functools.cache
def schema_of(kind: Kind) -> Struct:
    wanted = {"group": kind.group, "kind": kind.name, "version": kind.version}
    for name, found in _definitions().items():
        if wanted in found.get("x-kubernetes-group-version-kind", ()):
            return Struct(name)
    raise KeyError(f"{kind.name} is not in {_DOCUMENT}")


def decode(kind: Kind, obj: Object) -> tuple[Object, list[str]]:
    """The object without nulls and unknown fields, and the paths of the unknown ones.

    Raises 400 with the decoder's words when a value has the wrong type.
    """
    decoder = _Decoder()
    try:
        decoded = decoder.value(obj, schema_of(kind), (), "", "")
    except _Undecodable as error:
        raise cannot_decode(kind, str(error)) from None
    return decoded, decoder.unknown


def without_empty(value: Any, wanted: Type) -> Any:
    """A copy less the lists and maps that hold nothing, as the server writes it; but what is required stays."""
    if isinstance(wanted, ListOf) and isinstance(value, list):
        return [without_empty(item, wanted.item) for item in value]
    if not isinstance(wanted, Struct | MapOf) or not isinstance(value, dict):
        return value
    required = wanted.required if isinstance(wanted, Struct) else value.keys()
    return {
        key: without_empty(item, field_type(wanted, key))
        for key, item in value.items()
        if item not in ([], {}) or key in required or not isinstance(field_type(wanted, key), ListOf | MapOf)
    }


def field_type(wanted: Type, key: str) -> Type:
    """The type of what lies below a key; anything where the schema does not say."""
    if isinstance(wanted, Struct):
        return wanted.fields.get(key, ANYTHING)
    return wanted.item if isinstance(wanted, MapOf) else ANYTHING


class _Undecodable(Exception):
    pass


class _Decoder:
    def __init__(self) -> None:
        self.unknown: list[str] = []

    def value(self, value: Any, wanted: Type, path: tuple[str, ...], owner: str, shown: str) -> Any:
        """`path` has no list indices, as in Go's messages; `shown` has them, as in those about fields."""
        if isinstance(wanted, Struct):
            self._expect(value, dict, wanted.go_qualified, path, owner)
            return self._struct(value, wanted, path, shown)
        if isinstance(wanted, ListOf):
            self._expect(value, list, "[]" + _go_name(wanted.item), path, owner)
            return [
                self.value(item, wanted.item, path, owner, f"{shown}[{index}]")
                for index, item in enumerate(value)
            ]
        if isinstance(wanted, MapOf):
            self._expect(value, dict, "map[string]" + _go_name(wanted.item), path, owner)
            return {
                key: self.value(
                    "" if item is None and wanted.item == _TEXT else item,
                    wanted.item, path, owner, f"{shown}.{key}",
                )
                for key, item in value.items()
                if item is not None or wanted.item in (ANYTHING, _TEXT)
            }  # fmt: skip
        return self._scalar(value, wanted, path, owner)

    def _struct(self, value: Object, wanted: Struct, path: tuple[str, ...], shown: str) -> Object:
        result = {}
        for key, item in value.items():
            below = f"{shown}.{key}" if shown else key
            if key not in wanted.fields:
                self.unknown.append(below)
            elif item is not None:
                result[key] = self.value(item, wanted.fields[key], (*path, key), wanted.go, below)
        return result

    def _scalar(self, value: Any, wanted: Scalar, path: tuple[str, ...], owner: str) -> Any:
        if wanted is ANYTHING:
            return value
        accepted = _ACCEPTED.get(wanted.go, (int,))
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            self._refuse(value, wanted.go, path, owner)
        if wanted.go == "resource.Quantity":
            return _quantity(value)
        if wanted.go == "[]uint8":
            _check_base64(str(value))
        elif wanted.go in ("v1.Time", "v1.MicroTime"):
            _check_time(str(value), micro=wanted.go == "v1.MicroTime")
        return value

    def _expect(self, value: Any, accepted: type, go: str, path: tuple[str, ...], owner: str) -> None:
        if not isinstance(value, accepted):
            self._refuse(value, go, path, owner)

    def _refuse(self, value: Any, go: str, path: tuple[str, ...], owner: str) -> typing.NoReturn:
        found = next((name for types_, name in _JSON_NAMES if isinstance(value, types_)), "null")
        raise _Undecodable(
            f"json: cannot unmarshal {found} into Go struct field {owner}.{'.'.join(path)} of type {go}"
        )


def _go_name(wanted: Type) -> str:
    if isinstance(wanted, Struct):
        return wanted.go_qualified
    return wanted.go if isinstance(wanted, Scalar) else "any"


def _quantity(value: Any) -> str:
    text = str(value)
    if not _QUANTITY_FORM.match(text):
        raise _Undecodable(f"quantities must match the regular expression '{_QUANTITY_FORM.pattern}'")
    try:
        return canonical(text)
    except (KeyError, ValueError):
        raise _Undecodable("unable to parse quantity's suffix") from None


def _check_base64(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        good = re.match(r"[A-Za-z0-9+/]*", text)
        position = good.end() if good else 0
        raise _Undecodable(f"illegal base64 data at input byte {position}") from None


def _check_time(text: str, micro: bool) -> None:
    layout = "2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00"
    fraction = r"\.\d{6}" if micro else r"(?:\.\d+)?"
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d" + fraction + r"(?:Z|[+-]\d\d:\d\d)", text):
        return
    start = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text)
    rest, expected = (text[start.end() :], ".000000" if micro else "Z07:00") if start else (text, "2006")
    raise _Undecodable(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{expected}"')


@functools.cache
def _definitions() -> dict[str, Any]:
    try:
        definitions: dict[str, Any] = json.loads(_DOCUMENT.read_bytes())["$defs"]
    except FileNotFoundError:
        raise RuntimeError(f"{_DOCUMENT} is not there: `make venv` lays it out.") from None
    return definitions


@functools.cache
def _fields_of(name: str) -> dict[str, Type]:
    properties = _definitions()[name]["properties"]
    return {field: _type_of(schema) for field, schema in properties.items()}


@functools.cache
def _required_of(name: str) -> frozenset[str]:
    return frozenset(_definitions()[name].get("required") or ())


def _type_of(schema: Object) -> Type:
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        definition = _definitions()[name]
        if name in _NAMED or "properties" not in definition:
            return _NAMED.get(name, ANYTHING)
        atomic = atomic or definition.get("x-kubernetes-map-type") == "atomic"
        return Struct(name, atomic, schema.get("x-kubernetes-patch-strategy") == "replace")
    types = schema.get("type", ())
    kind = types if isinstance(types, str) else types[0] if types else ""
    if kind == "array":
        return _list_of(schema)
    if kind == "object":
        below = schema.get("additionalProperties")
        return MapOf(_type_of(below) if below else ANYTHING, atomic)
    if kind == "string":
        return Scalar("[]uint8" if schema.get("format") == "byte" else "string")
    names = {"boolean": "bool", "integer": schema.get("format", "int64"), "number": "float64"}
    return Scalar(names[kind]) if kind in names else ANYTHING


def _list_of(schema: Object) -> ListOf:
    sort = schema.get("x-kubernetes-list-type", "atomic")
    merge_key = None
    if "merge" in schema.get("x-kubernetes-patch-strategy", "").split(","):
        merge_key = schema.get("x-kubernetes-patch-merge-key", "")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ())) if sort == "map" else ()
    return ListOf(_type_of(schema["items"]), keys, sort == "set", merge_key)
