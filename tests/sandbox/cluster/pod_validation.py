"""What the API server refuses, and what it warns of, in the spec of a pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sandbox.cluster.errors import Cause
from sandbox.cluster.names import DNS_LABEL, check_environment_name, check_key, check_port_name
from sandbox.cluster.objects import Object
from sandbox.cluster.quantities import amount

PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESOURCES = {"cpu", "memory", "ephemeral-storage"}
# What a quota may count beside what a container may ask for.
_STANDARD_RESOURCES = _RESOURCES | {
    "configmaps", "limits.cpu", "limits.ephemeral-storage", "limits.memory", "persistentvolumeclaims", "pods",
    "replicationcontrollers", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
    "requests.storage", "resourcequotas", "secrets", "services", "services.loadbalancers",
    "services.nodeports", "storage",
}  # fmt: skip
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = (
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
)  # fmt: skip
_NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"
_VALUE_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")


def check_pod_spec(spec: Object, path: str) -> list[Cause]:
    causes = _volumes(spec.get("volumes") or (), f"{path}.volumes")
    if not spec.get("containers"):
        causes.append(Cause.required(f"{path}.containers"))
    names: set[str | None] = set()
    for index, container in enumerate(spec.get("containers") or ()):
        here = f"{path}.containers[{index}]"
        causes += _container(container, here, spec)
        causes += _unique_name(container, here, names)
        causes += _running(container, here, spec)
        if "restartPolicy" in container:
            why = "may not be set for non-init containers"
            causes.append(Cause.forbidden(f"{here}.restartPolicy", why))
    for index, container in enumerate(spec.get("initContainers") or ()):
        here = f"{path}.initContainers[{index}]"
        causes += _container(container, here, spec)
        causes += _init_container(container, here, spec, names)
    if spec.get("hostNetwork"):
        causes += _host_ports(spec, path)
    policy = spec.get("restartPolicy")
    if policy not in ("Always", "Never", "OnFailure"):
        causes.append(
            Cause.unsupported(f"{path}.restartPolicy", policy or "", ("Always", "Never", "OnFailure"))
        )
    return causes + _topology(spec.get("topologySpreadConstraints") or (), path)


def pod_warnings(spec: Object, path: str) -> list[str]:
    """What the server says of a pod spec that it takes."""
    warnings = []
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        if constraint.get("labelSelector") is None:
            field = f"{path}.topologySpreadConstraints[{index}].labelSelector"
            warnings.append(f"{field}: a null labelSelector results in matching no pod")
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            warnings += _hidden_variables(container, f"{path}.{field}[{index}].env")
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        warnings.append(f"{path}.terminationGracePeriodSeconds: {why}")
    return warnings


def check_port(field: str, port: Any) -> list[Cause]:
    """A port's number or name."""
    if isinstance(port, str):
        return check_port_name(field, port)
    if 1 <= port <= 65535:
        return []
    return [Cause.invalid(field, str(port), "must be between 1 and 65535, inclusive")]


def check_not_negative(obj: Object, path: str, *fields: str) -> list[Cause]:
    return [
        Cause.invalid(f"{path}.{field}", str(obj[field]), "must be greater than or equal to 0")
        for field in fields
        if (obj.get(field) or 0) < 0
    ]


def _volumes(volumes: Any, path: str) -> list[Cause]:
    causes = []
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        name, here = volume.get("name", ""), f"{path}[{index}]"
        sources = [key for key in volume if key != "name"]
        for extra in sources[1:]:
            causes.append(Cause.forbidden(f"{here}.{extra}", "may not specify more than 1 volume type"))
        if not name:
            causes.append(Cause.required(f"{here}.name"))
        elif name in names:
            causes.append(Cause.duplicate(f"{here}.name", f'"{name}"'))
        else:
            causes += DNS_LABEL.check(f"{here}.name", name)
        names.add(name)
    return causes


def _container(container: Object, path: str, spec: Object) -> list[Cause]:
    """What holds for containers of every kind."""
    causes = []
    name = container.get("name")
    causes += DNS_LABEL.check(f"{path}.name", name) if name else [Cause.required(f"{path}.name")]
    if not container.get("image"):
        causes.append(Cause.required(f"{path}.image"))
    causes += _container_ports(container.get("ports") or (), f"{path}.ports")
    causes += _environment(container.get("env") or (), f"{path}.env")
    causes += _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", spec)
    policies = ("Always", "IfNotPresent", "Never")
    if container.get("imagePullPolicy") not in policies:
        causes.append(
            Cause.unsupported(f"{path}.imagePullPolicy", container.get("imagePullPolicy", ""), policies)
        )
    return causes + _resources(container.get("resources") or {}, f"{path}.resources")


def _unique_name(container: Object, path: str, names: set[str | None]) -> list[Cause]:
    name = container.get("name")
    causes = [Cause.duplicate(f"{path}.name", f'"{name}"')] if name in names else []
    names.add(name)
    return causes


def _init_container(container: Object, path: str, spec: Object, names: set[str | None]) -> list[Cause]:
    policy, causes = container.get("restartPolicy"), []
    if policy not in (None, "Always"):
        causes.append(Cause.unsupported(f"{path}.restartPolicy", policy, ("Always",)))
    causes += _unique_name(container, path, names)
    if policy == "Always":
        return causes + _running(container, path, spec)
    unwanted = [field for field in ("lifecycle", *_PROBES) if field in container]
    return causes + [Cause.forbidden(f"{path}.{field}", _NOT_FOR_INIT) for field in unwanted]


def _running(container: Object, path: str, spec: Object) -> list[Cause]:
    """Lifecycle and probes of a container that runs along."""
    causes = []
    for event, handler in (container.get("lifecycle") or {}).items():
        causes += _handler(handler, f"{path}.lifecycle.{event}", spec)
    for name in _PROBES:
        if name in container:
            probe, here = container[name], f"{path}.{name}"
            causes += _handler(probe, here, spec) + check_not_negative(probe, here, *_PROBE_NUMBERS)
            if name != "readinessProbe" and probe.get("successThreshold") != 1:
                number = str(probe.get("successThreshold"))
                causes.append(Cause.invalid(f"{here}.successThreshold", number, "must be 1"))
    return causes


def _handler(handler: Object, path: str, spec: Object) -> list[Cause]:
    found = [name for name in _HANDLERS if name in handler]
    if not found:
        return [Cause.required(path, "must specify a handler type")]
    extra = [
        Cause.forbidden(f"{path}.{name}", "may not specify more than 1 handler type") for name in found[1:]
    ]
    return _HANDLERS[found[0]](handler[found[0]], f"{path}.{found[0]}", spec) + extra


def _command(handler: Object, path: str, _spec: Object) -> list[Cause]:
    return [] if handler.get("command") else [Cause.required(f"{path}.command")]


def _http_get(handler: Object, path: str, _spec: Object) -> list[Cause]:
    causes = [] if handler.get("path") else [Cause.required(f"{path}.path")]
    causes += check_port(f"{path}.port", handler.get("port", 0))
    if handler.get("scheme") not in ("HTTP", "HTTPS"):
        causes.append(Cause.unsupported(f"{path}.scheme", handler.get("scheme", ""), ("HTTP", "HTTPS")))
    return causes


def _socket(handler: Object, path: str, _spec: Object) -> list[Cause]:
    return check_port(f"{path}.port", handler.get("port", 0))


def _sleep(handler: Object, path: str, spec: Object) -> list[Cause]:
    grace, seconds = spec.get("terminationGracePeriodSeconds", 30), handler.get("seconds", 0)
    if 0 < seconds <= grace:
        return []
    why = (
        f"must be greater than 0 and less than terminationGracePeriodSeconds ({grace}). "
        "Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep."
    )
    return [Cause.invalid(path, str(seconds), why)]


# In the order in which the server looks for them.
_HANDLERS: dict[str, Callable[[Object, str, Object], list[Cause]]] = {
    "exec": _command,
    "httpGet": _http_get,
    "tcpSocket": _socket,
    "grpc": _socket,
    "sleep": _sleep,
}


def _container_ports(ports: Any, path: str) -> list[Cause]:
    causes = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        here, name, number = f"{path}[{index}]", port.get("name"), port.get("containerPort")
        if name:
            wrong = check_port_name(f"{here}.name", name)
            if not wrong and name in names:
                wrong = [Cause.duplicate(f"{here}.name", f'"{name}"')]
            names.add(name)
            causes += wrong
        causes += (
            check_port(f"{here}.containerPort", number)
            if number
            else [Cause.required(f"{here}.containerPort")]
        )
        if port.get("hostPort"):
            causes += check_port(f"{here}.hostPort", port["hostPort"])
        if port.get("protocol") not in PROTOCOLS:
            causes.append(Cause.unsupported(f"{here}.protocol", port.get("protocol", ""), PROTOCOLS))
    return causes


def _host_ports(spec: Object, path: str) -> list[Cause]:
    return [
        Cause.invalid(
            f"{path}.containers[{index}].ports[{place}].hostPort",
            str(port["hostPort"]),
            "must match `containerPort` when `hostNetwork` is true",
        )
        for index, container in enumerate(spec.get("containers") or ())
        for place, port in enumerate(container.get("ports") or ())
        if port.get("hostPort") not in (None, port.get("containerPort"))
    ]


def _environment(variables: Any, path: str) -> list[Cause]:
    causes = []
    for index, variable in enumerate(variables):
        here, name = f"{path}[{index}]", variable.get("name")
        causes += check_environment_name(f"{here}.name", name) if name else [Cause.required(f"{here}.name")]
        if "valueFrom" in variable:
            why = _wrong_sources(variable)
            causes += [Cause.invalid(f"{here}.valueFrom", '""', why)] if why else []
            for source in ("configMapKeyRef", "secretKeyRef"):
                if source in variable["valueFrom"] and not variable["valueFrom"][source].get("key"):
                    causes.append(Cause.required(f"{here}.valueFrom.{source}.key"))
    return causes


def _wrong_sources(variable: Object) -> str:
    sources = [source for source in _VALUE_SOURCES if source in variable["valueFrom"]]
    if not sources:
        return "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
    if variable.get("value"):
        return "may not be specified when `value` is not empty"
    return "may not have more than one field specified at a time" if len(sources) > 1 else ""


def _hidden_variables(container: Object, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name = variable["name"]
        if name in seen and f"$({name})" not in variable.get("value", ""):
            yield (
                f'{path}[{index}]: hides previous definition of "{name}", which may be dropped when using apply'
            )
        seen.add(name)


def _mounts(mounts: Any, path: str, spec: Object) -> list[Cause]:
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    causes = []
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        here, place = f"{path}[{index}]", mount.get("mountPath", "")
        if not mount.get("name"):
            causes.append(Cause.required(f"{here}.name"))
        if mount.get("name") not in volumes:
            causes.append(Cause.not_found(f"{here}.name", mount.get("name", "")))
        if not place:
            causes.append(Cause.required(f"{here}.mountPath"))
        if place in places:
            causes.append(Cause.invalid(f"{here}.mountPath", f'"{place}"', "must be unique"))
        places.add(place)
    return causes


def _resources(resources: Object, path: str) -> list[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    causes = [cause for name in limits for cause in _resource_name(name, f"{path}.limits[{name}]")]
    for name, request in requests.items():
        causes += _resource_name(name, f"{path}.requests[{name}]")
        if name not in limits:
            if _is_extended(name):
                why = "Limit must be set for non overcommitable resources"
                causes.append(Cause.required(f"{path}.limits", why))
            continue
        wrong = ""
        if _is_extended(name) and amount(request) != amount(limits[name]):
            wrong = "equal to"
        elif amount(request) > amount(limits[name]):
            wrong = "less than or equal to"
        if wrong:
            why = f"must be {wrong} {name} limit of {limits[name]}"
            causes.append(Cause.invalid(f"{path}.requests", f'"{request}"', why))
    return causes


def _is_extended(resource: str) -> bool:
    """A device's, which cannot be promised twice."""
    return "/" in resource and "kubernetes.io/" not in resource


def _resource_name(name: str, field: str) -> list[Cause]:
    causes = check_key(field, name)
    if "/" in name or name.startswith("hugepages-"):
        return causes
    if name not in _STANDARD_RESOURCES:
        causes.append(Cause.invalid(field, name, "must be a standard resource type or fully qualified"))
    if name not in _RESOURCES:
        causes.append(Cause.invalid(field, name, "must be a standard resource for containers"))
    return causes


def _topology(constraints: Any, path: str) -> list[Cause]:
    causes = []
    actions = ("DoNotSchedule", "ScheduleAnyway")
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        here = f"{path}.topologySpreadConstraints[{index}]"
        skew, key = constraint.get("maxSkew", 0), constraint.get("topologyKey", "")
        action = constraint.get("whenUnsatisfiable", "")
        if skew <= 0:
            causes.append(Cause.invalid(f"{here}.maxSkew", str(skew), "must be greater than zero"))
        if not key:
            causes.append(Cause.required(f"{here}.topologyKey", "can not be empty"))
        if action not in actions:
            causes.append(Cause.unsupported(f"{here}.whenUnsatisfiable", action, actions))
        if (key, action) in seen:
            causes.append(
                Cause.duplicate(f"{here}.{{topologyKey, whenUnsatisfiable}}", f'"{{{key}, {action}}}"')
            )
        seen.add((key, action))
    return causes
