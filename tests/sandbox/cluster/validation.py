"""What the API server refuses with 422 although it could read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.cluster.errors import Cause
from sandbox.cluster.kinds import Kind
from sandbox.cluster.names import CONFIG_KEY, DNS_LABEL, ENVIRONMENT_NAME, check_labels, check_metadata
from sandbox.cluster.objects import Object, dig
from sandbox.cluster.quantities import amount
from sandbox.cluster.selectors import selects

_DATA_LIMIT = 1 << 20


def check_create(kind: Kind, obj: Object) -> list[Cause]:
    """What is wrong with a new object that has its defaults."""
    return [*check_metadata(kind, obj), *_spec(kind, obj)]


def check_update(kind: Kind, new: Object, old: Object) -> list[Cause]:
    """What is wrong with an object that is to replace another."""
    check = _UPDATE_CHECKS.get(kind.name)
    return [*check_metadata(kind, new), *_spec(kind, new), *(check(new, old) if check else ())]


def _spec(kind: Kind, obj: Object) -> list[Cause]:
    check = _CHECKS.get(kind.name)
    return check(obj) if check else []


def _not_negative(spec: Object, *fields: str) -> list[Cause]:
    return [
        Cause.invalid(f"spec.{field}", str(spec[field]), "must be greater than or equal to 0")
        for field in fields
        if (spec.get(field) or 0) < 0
    ]


def _workload(obj: Object, selector_required: bool = True) -> list[Cause]:
    """Selector, template and pod spec of whatever makes pods."""
    spec = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = dig(template, "metadata", "labels")
    causes = []
    if selector_required and not selector:
        causes.append(Cause.required("spec.selector"))
    if selector_required and (not selector or not selects(selector, labels or {})):
        causes.append(
            Cause.invalid(
                "spec.template.metadata.labels",
                _go_map(labels),
                "`selector` does not match template `labels`",
            )
        )
    causes += check_labels("spec.template.metadata.labels", labels)
    causes += _pod_spec(template.get("spec") or {}, "spec.template.spec")
    return causes


def _deployment(deployment: Object) -> list[Cause]:
    spec = deployment.get("spec") or {}
    fields = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    causes = [*_not_negative(spec, *fields), *_workload(deployment)]
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        why = "may not be specified when strategy `type` is 'Recreate'"
        causes.append(Cause.forbidden("spec.strategy.rollingUpdate", why))
    elif strategy.get("type") not in ("Recreate", "RollingUpdate"):
        causes.append(
            Cause.unsupported("spec.strategy.type", strategy.get("type", ""), ("Recreate", "RollingUpdate"))
        )
    elif rolling and _is_zero(rolling.get("maxSurge")) and _is_zero(rolling.get("maxUnavailable")):
        causes.append(
            Cause.invalid(
                "spec.strategy.rollingUpdate.maxUnavailable",
                _go_int_or_string(rolling["maxUnavailable"]),
                "may not be 0 when `maxSurge` is 0",
            )
        )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        why = "must be greater than minReadySeconds"
        causes.append(Cause.invalid("spec.progressDeadlineSeconds", str(deadline), why))
    return causes


def _pod(pod: Object) -> list[Cause]:
    return _pod_spec(pod.get("spec") or {}, "spec")


def _pod_spec(spec: Object, path: str) -> list[Cause]:
    if not spec.get("containers"):
        return [Cause.required(f"{path}.containers")]
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    causes, names = [], set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            here = f"{path}.{field}[{index}]"
            name = container.get("name")
            if name in names:
                causes.append(Cause(f"{here}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate"))
            names.add(name)
            causes += _container(container, here, volumes)
    return causes


def _container(container: Object, path: str, volumes: set[str | None]) -> list[Cause]:
    causes = []
    for field in ("name", "image"):
        if not container.get(field):
            causes.append(Cause.required(f"{path}.{field}"))
    if container.get("name"):
        causes += DNS_LABEL.check(f"{path}.name", container["name"])
    for index, port in enumerate(container.get("ports") or ()):
        causes += _container_port(port, f"{path}.ports[{index}]")
    for index, variable in enumerate(container.get("env") or ()):
        name = variable.get("name")
        if not name:
            causes.append(Cause.required(f"{path}.env[{index}].name"))
        else:
            causes += ENVIRONMENT_NAME.check(f"{path}.env[{index}].name", name)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            field, text = f"{path}.volumeMounts[{index}].name", f'Not found: "{mount.get("name")}"'
            causes.append(Cause(field, text, "FieldValueNotFound"))
    return causes + _resources(container.get("resources") or {}, path)


def _container_port(port: Object, path: str) -> list[Cause]:
    name, number = port.get("name"), port.get("containerPort")
    causes = []
    if name is not None and len(name) > 15:
        causes.append(Cause.invalid(f"{path}.name", f'"{name}"', "must be no more than 15 characters"))
    if not number:
        causes.append(Cause.required(f"{path}.containerPort"))
    elif not 1 <= number <= 65535:
        why = "must be between 1 and 65535, inclusive"
        causes.append(Cause.invalid(f"{path}.containerPort", str(number), why))
    return causes


def _resources(resources: Object, path: str) -> list[Cause]:
    limits = resources.get("limits") or {}
    return [
        Cause.invalid(
            f"{path}.resources.requests",
            f'"{request}"',
            f"must be less than or equal to {resource} limit of {limits[resource]}",
        )
        for resource, request in (resources.get("requests") or {}).items()
        if resource in limits and amount(request) > amount(limits[resource])
    ]


def _service(service: Object) -> list[Cause]:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or ()
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        return [Cause.required("spec.ports")]
    causes = []
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        if len(ports) > 1 and not port.get("name"):
            causes.append(Cause.required(f"{path}.name"))
        for field in ("port", "targetPort"):
            number = port.get(field)
            if isinstance(number, int) and not 1 <= number <= 65535:
                why = "must be between 1 and 65535, inclusive"
                causes.append(Cause.invalid(f"{path}.{field}", str(number), why))
        if "port" not in port:
            causes.append(Cause.invalid(f"{path}.port", "0", "must be between 1 and 65535, inclusive"))
        if port.get("nodePort") and spec.get("type") == "ClusterIP":
            causes.append(Cause.forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'"))
    return causes + _service_policies(spec)


def _service_policies(spec: Object) -> list[Cause]:
    types, policies = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"), ("Cluster", "Local")
    causes = []
    if spec.get("type") not in types:
        causes.append(Cause.unsupported("spec.type", spec.get("type", ""), types))
    policy = spec.get("externalTrafficPolicy")
    if policy is not None and policy not in policies:
        causes.append(Cause.unsupported("spec.externalTrafficPolicy", policy, policies))
    return causes


def _config_map(config_map: Object) -> list[Cause]:
    return _data_keys(config_map, "data", "binaryData")


def _secret(secret: Object) -> list[Cause]:
    return _data_keys(secret, "data")


def _data_keys(obj: Object, *fields: str) -> list[Cause]:
    causes, size = [], 0
    for field in fields:
        for key, value in (obj.get(field) or {}).items():
            size += len(value)
            causes += CONFIG_KEY.check(f"{field}[{key}]", key)
    if size > _DATA_LIMIT:
        why = f"Too long: may not be more than {_DATA_LIMIT} bytes"
        causes.append(Cause("[]" if obj["kind"] == "ConfigMap" else "data", why, "FieldValueTooLong"))
    return causes


def _lease(lease: Object) -> list[Cause]:
    spec = lease.get("spec") or {}
    causes = []
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        causes.append(Cause.invalid("spec.leaseDurationSeconds", str(duration), "must be greater than 0"))
    if transitions is not None and transitions < 0:
        why = "must be greater than or equal to 0"
        causes.append(Cause.invalid("spec.leaseTransitions", str(transitions), why))
    return causes


def _job(job: Object) -> list[Cause]:
    causes = _not_negative(job.get("spec") or {}, "completions", "parallelism", "backoffLimit")
    policy = dig(job, "spec", "template", "spec", "restartPolicy")
    if policy == "Always":
        field = "spec.template.spec.restartPolicy"
        causes.append(Cause.unsupported(field, policy, ("OnFailure", "Never")))
    return causes + _workload(job, selector_required=False)


def _replicated(obj: Object) -> list[Cause]:
    return [*_not_negative(obj.get("spec") or {}, "replicas", "minReadySeconds"), *_workload(obj)]


def _selector_immutable(new: Object, old: Object) -> list[Cause]:
    selector = new["spec"].get("selector")
    if selector == old["spec"].get("selector"):
        return []
    expressions = (selector or {}).get("matchExpressions")
    text = (
        f"v1.LabelSelector{{MatchLabels:{_go_map((selector or {}).get('matchLabels'))}, "
        f"MatchExpressions:[]v1.LabelSelectorRequirement({'nil' if expressions is None else expressions})}}"
    )
    return [Cause.invalid("spec.selector", text, "field is immutable")]


def _job_update(new: Object, old: Object) -> list[Cause]:
    """https://kubernetes.io/docs/concepts/workloads/controllers/job/: what a Job is made of stays."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    return [
        Cause.invalid(f"spec.{field}", "core.PodTemplateSpec{...}", "field is immutable")
        for field in ("completions", "selector", "template")
        if before.get(field) != after.get(field)
    ]


def _service_update(new: Object, old: Object) -> list[Cause]:
    was, wanted = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if was and wanted != was and new["spec"].get("type") != "ExternalName":
        return [
            Cause.invalid("spec.clusterIPs[0]", f'[]string{{"{wanted or ""}"}}', "may not change once set")
        ]
    return []


def _data_immutable(new: Object, old: Object) -> list[Cause]:
    causes = []
    if old.get("type") != new.get("type"):
        causes.append(Cause.invalid("type", f'"{new.get("type", "")}"', "field is immutable"))
    if old.get("immutable"):
        why = "field is immutable when `immutable` is set"
        changed = [field for field in ("data", "binaryData") if new.get(field) != old.get(field)]
        if not new.get("immutable"):
            changed.insert(0, "immutable")
        causes += [Cause.forbidden(field, why) for field in changed]
    return causes


def _pod_update(new: Object, old: Object) -> list[Cause]:
    mutable = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName")
    specs = []
    for spec in (new["spec"], old["spec"]):
        fixed = {key: value for key, value in spec.items() if key not in mutable}
        for field in ("containers", "initContainers"):
            if field in fixed:
                fixed[field] = [{**container, "image": None} for container in fixed[field]]
        specs.append(fixed)
    if specs[0] == specs[1]:
        return []
    why = (
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [Cause.forbidden("spec", why)]


def _is_zero(value: Any) -> bool:
    return value in (0, "0", "0%")


def _go_map(labels: dict[str, str] | None) -> str:
    if labels is None:
        return "map[string]string(nil)"
    pairs = ", ".join(f'"{key}":"{value}"' for key, value in sorted(labels.items()))
    return f"map[string]string{{{pairs}}}"


def _go_int_or_string(value: Any) -> str:
    if isinstance(value, str):
        return f'intstr.IntOrString{{Type:1, IntVal:0, StrVal:"{value}"}}'
    return f'intstr.IntOrString{{Type:0, IntVal:{value}, StrVal:""}}'


_CHECKS: dict[str, Callable[[Object], list[Cause]]] = {
    "ConfigMap": _config_map,
    "DaemonSet": _replicated,
    "Deployment": _deployment,
    "Job": _job,
    "Lease": _lease,
    "Pod": _pod,
    "ReplicaSet": _replicated,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _replicated,
}
_UPDATE_CHECKS: dict[str, Callable[[Object, Object], list[Cause]]] = {
    "ConfigMap": _data_immutable,
    "DaemonSet": _selector_immutable,
    "Job": _job_update,
    "Deployment": _selector_immutable,
    "Pod": _pod_update,
    "ReplicaSet": _selector_immutable,
    "Secret": _data_immutable,
    "Service": _service_update,
    "StatefulSet": _selector_immutable,
}
