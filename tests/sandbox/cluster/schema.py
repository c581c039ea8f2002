"""Which fields a kind has and of what type, as the official Python client describes them."""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import importlib
import re
import types
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sandbox.cluster.errors import cannot_decode
from sandbox.cluster.kinds import Kind
from sandbox.cluster.objects import Object


@dataclass(frozen=True)
class Scalar:
    """A value without parts; `go` is the type's name in a refusal."""

    go: str


@dataclass(frozen=True)
class ListOf:
    item: Type


@dataclass(frozen=True)
class MapOf:
    item: Type


@dataclass(frozen=True)
class Struct:
    model: type[BaseModel]

    @property
    def go(self) -> str:
        return re.sub(r"^(?:Core)?V\d(?=[A-Z])", "", self.model.__name__)

    @functools.cached_property
    def fields(self) -> dict[str, Type]:
        return _fields_of(self.model)


Type = Scalar | ListOf | MapOf | Struct

ANYTHING = Scalar("any")
_QUANTITY = Scalar("resource.Quantity")
_QUANTITY_MAPS = {"limits", "requests", "capacity", "allocatable", "hard", "used"}
_LONG_INTEGERS = {
    "activeDeadlineSeconds", "deletionGracePeriodSeconds", "fsGroup", "generation", "observedGeneration",
    "runAsGroup", "runAsUser", "terminationGracePeriodSeconds", "tolerationSeconds",
}  # fmt: skip
_MICRO_TIMES = {"acquireTime", "renewTime", "eventTime", "lastObservedTime"}

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
    module = importlib.import_module(f"kubernetes.client.models.{kind.model}")
    return Struct(getattr(module, "".join(part.capitalize() for part in kind.model.split("_"))))


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


class _Undecodable(Exception):
    pass


class _Decoder:
    def __init__(self) -> None:
        self.unknown: list[str] = []

    def value(self, value: Any, wanted: Type, path: tuple[str, ...], owner: str, shown: str) -> Any:
        """`path` has no list indices, as in Go's messages; `shown` has them, as in those about fields."""
        if isinstance(wanted, Struct):
            self._expect(value, dict, f"v1.{wanted.go}", path, owner)
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
                key: self.value(item, wanted.item, path, owner, f"{shown}.{key}")
                for key, item in value.items()
                if item is not None or wanted.item is ANYTHING
            }
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
        return f"v1.{wanted.go}"
    return wanted.go if isinstance(wanted, Scalar) else "any"


def _quantity(value: Any) -> str:
    text = str(value)
    if not _QUANTITY_FORM.match(text):
        raise _Undecodable(f"quantities must match the regular expression '{_QUANTITY_FORM.pattern}'")
    return text


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
def _fields_of(model: type[BaseModel]) -> dict[str, Type]:
    fields = {}
    for python_name, info in model.model_fields.items():
        name = info.serialization_alias or python_name
        fields[name] = _special(name) or _type_of(info.annotation, name)
    return fields


def _special(name: str) -> Type | None:
    if name in _QUANTITY_MAPS:
        return MapOf(_QUANTITY)
    return Scalar("v1.MicroTime") if name in _MICRO_TIMES else None


def _type_of(annotation: Any, name: str) -> Type:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type_of(arguments[0], name)
    if origin in (typing.Union, types.UnionType):
        members = [member for member in arguments if member is not types.NoneType]
        return _type_of(members[0], name) if len(members) == 1 else _union(members)
    if origin is list:
        return ListOf(_type_of(arguments[0], name))
    if origin is dict:
        return MapOf(_type_of(arguments[1], name))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Struct(annotation)
    names = {str: "string", bool: "bool", float: "float64", datetime.datetime: "v1.Time"}
    if annotation is int:
        return Scalar("int64" if name in _LONG_INTEGERS else "int32")
    return Scalar(names[annotation]) if annotation in names else ANYTHING


def _union(members: list[Any]) -> Type:
    plain = {typing.get_args(member)[0] if typing.get_args(member) else member for member in members}
    if plain == {int, str}:
        return Scalar("intstr.IntOrString")
    return Scalar("[]uint8") if plain == {bytes, str} else ANYTHING
