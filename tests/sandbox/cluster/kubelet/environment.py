"""The environment of a container, and the configuration that it needs and may miss."""

from __future__ import annotations

import base64
import math
import re

from sandbox.cluster.kinds import CONFIG_MAP, SECRET, Kind
from sandbox.cluster.objects import Object, dig, name_of, namespace_of
from sandbox.cluster.quantities import amount
from sandbox.cluster.store import Store

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ConfigMissing(Exception):
    """A container cannot be made because of what it refers to."""


class Environment:
    """Resolves the references of one pod's containers."""

    def __init__(self, store: Store, pod: Object) -> None:
        self._store = store
        self._pod = pod

    def of(self, container: Object) -> dict[str, str]:
        variables = {"PATH": _PATH, "HOSTNAME": name_of(self._pod)}
        for source in container.get("envFrom") or ():
            prefix = source.get("prefix", "")
            for kind, key in ((CONFIG_MAP, "configMapRef"), (SECRET, "secretRef")):
                if key in source:
                    values = self._data(kind, source[key]) or {}
                    variables.update({prefix + name: value for name, value in values.items()})
        for variable in container.get("env") or ():
            value = self._value(container, variable)
            if value is not None:
                variables[variable["name"]] = expand(value, variables)
        return variables

    def missing_volume(self) -> str | None:
        """The first volume whose source is not there, as the kubelet says it."""
        for volume in self._pod["spec"].get("volumes") or ():
            for kind, key, field in ((CONFIG_MAP, "configMap", "name"), (SECRET, "secret", "secretName")):
                source = volume.get(key)
                if source is None or source.get("optional"):
                    continue
                if self._store.get(kind, namespace_of(self._pod), source.get(field, "")) is None:
                    missing = f'{kind.name.lower()} "{source.get(field)}" not found'
                    return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {missing}'
        return None

    def _value(self, container: Object, variable: Object) -> str | None:
        source = variable.get("valueFrom")
        if source is None:
            return str(variable.get("value", ""))
        for kind, key in ((CONFIG_MAP, "configMapKeyRef"), (SECRET, "secretKeyRef")):
            if key in source:
                return self._key(kind, source[key])
        if "fieldRef" in source:
            return self._field(source["fieldRef"]["fieldPath"])
        return _resource(container, source.get("resourceFieldRef") or {})

    def _key(self, kind: Kind, reference: Object) -> str | None:
        data = self._data(kind, reference)
        if data is not None and reference["key"] in data:
            return data[reference["key"]]
        if reference.get("optional"):
            return None
        owner = f"{namespace_of(self._pod)}/{reference['name']}"
        what = "ConfigMap" if kind is CONFIG_MAP else "Secret"
        raise ConfigMissing(f"couldn't find key {reference['key']} in {what} {owner}")

    def _data(self, kind: Kind, reference: Object) -> dict[str, str] | None:
        found = self._store.get(kind, namespace_of(self._pod), reference.get("name", ""))
        if found is None:
            if reference.get("optional"):
                return None
            raise ConfigMissing(f'{kind.name.lower()} "{reference.get("name")}" not found')
        data = found.get("data") or {}
        if kind is CONFIG_MAP:
            return dict(data)
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}

    def _field(self, path: str) -> str:
        matched = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
        if matched:
            return str(dig(self._pod, "metadata", matched[1], matched[2]) or "")
        return str(dig(self._pod, *path.split(".")) or "")


def expand(text: str, variables: dict[str, str]) -> str:
    """`$(NAME)` becomes the variable's value; `$$(NAME)` and unknown names stay."""

    def replace(matched: re.Match[str]) -> str:
        if matched[0].startswith("$$"):
            return matched[0][1:]
        return variables.get(matched[1], matched[0])

    return re.sub(r"\$?\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)", replace, text)


def _resource(container: Object, reference: Object) -> str:
    where, _separator, resource = reference.get("resource", "").partition(".")
    quantity = dig(container, "resources", where, resource) or "0"
    return str(math.ceil(amount(quantity) / amount(reference.get("divisor") or "1")))
