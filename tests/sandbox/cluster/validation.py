"""What the API server refuses with 422 although it could read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.cluster.errors import Cause
from sandbox.cluster.kinds import Kind
from sandbox.cluster.names import (
    CONFIG_KEY,
    DNS_LABEL,
    check_labels,
    check_metadata,
    is_percent,
    not_a_percent,
)
from sandbox.cluster.objects import Object, dig
from sandbox.cluster.pod_validation import (
    PROTOCOLS,
    check_not_negative,
    check_pod_spec,
    check_port,
    pod_warnings,
)
from sandbox.cluster.selectors import selects

_RBAC = "rbac.authorization.k8s.io"
_DATA_LIMIT = 1 << 20
_IMMUTABLE = "field is immutable"
_TEMPLATE = "spec.template"
_MATCHES_NOTHING = {"matchExpressions": [{"key": "x", "operator": "In", "values": []}]}
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_GO_PORT = (
    'core.ServicePort{{Name:"", Protocol:"{protocol}", AppProtocol:(*string)(nil), Port:{port}, '
    'TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:""}}, NodePort:0}}'
)
# The sorts of an autoscaler's metrics, and where each is described.
_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def check_create(kind: Kind, obj: Object) -> list[Cause]:
    """What is wrong with a new object that has its defaults."""
    return [*check_metadata(kind, obj), *_spec(kind, obj)]


def check_update(kind: Kind, new: Object, old: Object) -> list[Cause]:
    """What is wrong with an object that is to replace another."""
    check = _UPDATE_CHECKS.get(kind.name)
    return [*check_metadata(kind, new), *_spec(kind, new), *(check(new, old) if check else ())]


def warnings_of(kind: Kind, obj: Object) -> list[str]:
    """What the server says of an object that it takes."""
    if kind.name == "Pod":
        return pod_warnings(obj.get("spec") or {}, "spec")
    template = dig(obj, "spec", "template", "spec")
    return pod_warnings(template, f"{_TEMPLATE}.spec") if template else []


def _spec(kind: Kind, obj: Object) -> list[Cause]:
    check = _CHECKS.get(kind.name)
    return check(obj) if check else []


def _pod_template(obj: Object, selector: Object | None) -> list[Cause]:
    """The template of whatever makes pods; None for a selector that is not looked at."""
    template = dig(obj, "spec", "template") or {}
    labels = dig(template, "metadata", "labels")
    causes = []
    if selector is not None and not selects(selector, labels or {}):
        causes.append(
            Cause.invalid(
                f"{_TEMPLATE}.metadata.labels", _go_map(labels), "`selector` does not match template `labels`"
            )
        )
    causes += check_labels(f"{_TEMPLATE}.metadata.labels", labels)
    return causes + check_pod_spec(template.get("spec") or {}, f"{_TEMPLATE}.spec")


def _workload(obj: Object) -> list[Cause]:
    """Selector and template of what keeps pods running."""
    selector = dig(obj, "spec", "selector")
    causes = []
    if not selector:
        causes.append(Cause.required("spec.selector"))
    causes += _pod_template(obj, selector or _MATCHES_NOTHING)
    policy = dig(obj, "spec", "template", "spec", "restartPolicy")
    if policy != "Always":
        causes.append(Cause.unsupported(f"{_TEMPLATE}.spec.restartPolicy", policy or "", ("Always",)))
    return causes


def _deployment(deployment: Object) -> list[Cause]:
    spec = deployment.get("spec") or {}
    causes = [*check_not_negative(spec, "spec", "replicas"), *_workload(deployment)]
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        why = "may not be specified when strategy `type` is 'Recreate'"
        causes.append(Cause.forbidden("spec.strategy.rollingUpdate", why))
    elif strategy.get("type") not in ("Recreate", "RollingUpdate"):
        causes.append(
            Cause.unsupported("spec.strategy.type", strategy.get("type", ""), ("Recreate", "RollingUpdate"))
        )
    elif rolling:
        causes += _rolling_update(rolling, "spec.strategy.rollingUpdate")
    causes += check_not_negative(
        spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        why = "must be greater than minReadySeconds"
        causes.append(Cause.invalid("spec.progressDeadlineSeconds", str(deadline), why))
    return causes


def _rolling_update(rolling: Object, path: str) -> list[Cause]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    causes = _int_or_percent(unavailable, f"{path}.maxUnavailable") + _int_or_percent(
        surge, f"{path}.maxSurge"
    )
    if _is_zero(surge) and _is_zero(unavailable):
        why = "may not be 0 when `maxSurge` is 0"
        causes.append(Cause.invalid(f"{path}.maxUnavailable", _go_int_or_string(unavailable), why))
    return causes + _at_most_all(unavailable, f"{path}.maxUnavailable")


def _int_or_percent(value: int | str | None, field: str) -> list[Cause]:
    if isinstance(value, str) and not is_percent(value):
        return [Cause.invalid(field, _go_int_or_string(value), not_a_percent())]
    if isinstance(value, int) and value < 0:
        return [Cause.invalid(field, str(value), "must be greater than or equal to 0")]
    return []


def _at_most_all(value: int | str | None, field: str) -> list[Cause]:
    if isinstance(value, str) and is_percent(value) and int(value.removesuffix("%")) > 100:
        return [Cause.invalid(field, _go_int_or_string(value), "must not be greater than 100%")]
    return []


def _pod(pod: Object) -> list[Cause]:
    return check_pod_spec(pod.get("spec") or {}, "spec")


def _service(service: Object) -> list[Cause]:
    spec = service.get("spec") or {}
    ports, sort, headless = spec.get("ports") or (), spec.get("type"), spec.get("clusterIP") == "None"
    causes = []
    if not ports and sort != "ExternalName" and not headless:
        causes.append(Cause.required("spec.ports"))
    if headless and sort in ("NodePort", "LoadBalancer"):
        why = f"may not be set to 'None' for {sort} services"
        causes.append(Cause.invalid("spec.clusterIPs[0]", '"None"', why))
    names: set[str] = set()
    for index, port in enumerate(ports):
        causes += _service_port(port, f"spec.ports[{index}]", len(ports) > 1, names)
    causes += check_labels("spec.selector", spec.get("selector"))
    affinities = ("ClientIP", "None")
    if spec.get("sessionAffinity") not in affinities:
        causes.append(Cause.unsupported("spec.sessionAffinity", spec.get("sessionAffinity", ""), affinities))
    if sort not in _SERVICE_TYPES:
        causes.append(Cause.unsupported("spec.type", sort or "", _SERVICE_TYPES))
    for index, port in enumerate(ports):
        if port.get("nodePort") and sort == "ClusterIP":
            why = "may not be used when `type` is 'ClusterIP'"
            causes.append(Cause.forbidden(f"spec.ports[{index}].nodePort", why))
    return causes + _same_ports(ports) + _service_policies(spec)


def _service_port(port: Object, path: str, name_required: bool, names: set[str]) -> list[Cause]:
    name, causes = port.get("name"), []
    if name:
        causes += DNS_LABEL.check(f"{path}.name", name)
        if name in names:
            causes.append(Cause.duplicate(f"{path}.name", f'"{name}"'))
        names.add(name)
    elif name_required:
        causes.append(Cause.required(f"{path}.name"))
    causes += check_port(f"{path}.port", port.get("port", 0))
    if port.get("protocol") not in PROTOCOLS:
        causes.append(Cause.unsupported(f"{path}.protocol", port.get("protocol", ""), PROTOCOLS))
    return causes + check_port(f"{path}.targetPort", port.get("targetPort", 0))


def _same_ports(ports: Any) -> list[Cause]:
    """What two ports of one protocol cannot share."""
    causes = []
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("nodePort") or 0)
        if key[1] and key in seen:
            causes.append(Cause.duplicate(f"spec.ports[{index}].nodePort", str(key[1])))
        seen.add(key)
    seen = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("port", 0))
        if key in seen:
            causes.append(
                Cause.duplicate(f"spec.ports[{index}]", _GO_PORT.format(protocol=key[0], port=key[1]))
            )
        seen.add(key)
    return causes


def _service_policies(spec: Object) -> list[Cause]:
    field, policy, policies = (
        "spec.externalTrafficPolicy",
        spec.get("externalTrafficPolicy"),
        ("Cluster", "Local"),
    )
    if policy is None:
        return []
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        why = "may only be set for externally-accessible services"
        return [Cause.invalid(field, f'"{policy}"', why)]
    return [] if policy in policies else [Cause.unsupported(field, policy, policies)]


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
    spec = job.get("spec") or {}
    causes = check_not_negative(spec, "spec", "parallelism", "completions", "backoffLimit")
    causes += _pod_template(job, None)
    if dig(spec, "template", "spec", "restartPolicy") not in ("OnFailure", "Never"):
        why = 'valid values: "OnFailure", "Never"'
        causes.append(Cause.required(f"{_TEMPLATE}.spec.restartPolicy", why))
    if spec.get("selector") is None:
        causes.append(Cause.required("spec.selector"))
    labels = dig(spec, "template", "metadata", "labels")
    if not selects(spec.get("selector"), labels or {}):
        why = "`selector` does not match template `labels`"
        causes.append(Cause.invalid(f"{_TEMPLATE}.metadata.labels", _go_map(labels), why))
    return causes


def _replicated(obj: Object) -> list[Cause]:
    return [
        *check_not_negative(obj.get("spec") or {}, "spec", "replicas", "minReadySeconds"),
        *_workload(obj),
    ]


def _stateful_set(stateful_set: Object) -> list[Cause]:
    """Its template is not looked at, because it may use volumes that are only made with the pods."""
    spec = stateful_set.get("spec") or {}
    labels, selector = dig(spec, "template", "metadata", "labels"), spec.get("selector")
    causes = check_not_negative(spec, "spec", "replicas", "minReadySeconds")
    if not selector:
        causes.append(Cause.required("spec.selector"))
    elif not selects(selector, labels or {}):
        why = "`selector` does not match template `labels`"
        causes.append(Cause.invalid(f"{_TEMPLATE}.metadata.labels", _go_map(labels), why))
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete" and "rollingUpdate" in strategy:
        why = "only allowed for updateStrategy 'RollingUpdate'"
        causes.append(Cause.invalid("spec.updateStrategy.rollingUpdate", "{...}", why))
    return causes + check_labels(f"{_TEMPLATE}.metadata.labels", labels)


def _autoscaler(autoscaler: Object) -> list[Cause]:
    spec = autoscaler.get("spec") or {}
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    causes = []
    if least < 1:
        causes.append(Cause.invalid("spec.minReplicas", str(least), "must be greater than or equal to 1"))
    if most < 1:
        causes.append(Cause.invalid("spec.maxReplicas", str(most), "must be greater than 0"))
    if most < least:
        why = "must be greater than or equal to `minReplicas`"
        causes.append(Cause.invalid("spec.maxReplicas", str(most), why))
    for field in ("kind", "name"):
        if not dig(spec, "scaleTargetRef", field):
            causes.append(Cause.required(f"spec.scaleTargetRef.{field}"))
    metrics = spec.get("metrics") or ()
    for index, metric in enumerate(metrics):
        causes += _metric(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        causes.append(Cause.forbidden("spec.metrics", why))
    return causes


def _metric(metric: Object, path: str) -> list[Cause]:
    if not metric.get("type"):
        return [Cause.required(f"{path}.type", "must specify a metric source type")]
    if metric["type"] not in _METRICS:
        return [Cause.unsupported(f"{path}.type", metric["type"], tuple(sorted(_METRICS)))]
    source = _METRICS[metric["type"]]
    if source not in metric:
        why = "must populate information for the given metric source"
        return [Cause.required(f"{path}.{source}", why)]
    target, here = metric[source].get("target") or {}, f"{path}.{source}.target"
    causes = []
    if source.lower().endswith("resource") and not metric[source].get("name"):
        causes.append(Cause.required(f"{path}.{source}.name", "must specify a resource name"))
    sort = target.get("type", "")
    if not sort:
        causes.append(Cause.required(f"{here}.type", "must specify a metric target type"))
    if sort not in ("Utilization", "Value", "AverageValue"):
        why = "must be either Utilization, Value, or AverageValue"
        causes.append(Cause.invalid(f"{here}.type", f'"{sort}"', why))
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        causes.append(Cause.invalid(f"{here}.averageUtilization", str(utilization), "must be greater than 0"))
    if source.lower().endswith("resource"):
        causes += _resource_target(target, here)
    return causes


def _resource_target(target: Object, path: str) -> list[Cause]:
    given = [field for field in ("averageUtilization", "averageValue") if target.get(field) is not None]
    if not given:
        why = "must set either a target raw value or a target utilization"
        return [Cause.required(f"{path}.averageUtilization", why)]
    if len(given) > 1:
        why = "may not set both a target raw value and a target utilization"
        return [Cause.forbidden(f"{path}.averageValue", why)]
    return []


def _disruption_budget(budget: Object) -> list[Cause]:
    spec = budget.get("spec") or {}
    fields = ("minAvailable", "maxUnavailable")
    causes = []
    if all(spec.get(field) is not None for field in fields):
        why = "minAvailable and maxUnavailable cannot be both set"
        causes.append(Cause.invalid("spec", "policy.PodDisruptionBudgetSpec{...}", why))
    for field in fields:
        causes += _int_or_percent(spec.get(field), f"spec.{field}")
        causes += _at_most_all(spec.get(field), f"spec.{field}")
    policy, policies = spec.get("unhealthyPodEvictionPolicy"), ("AlwaysAllow", "IfHealthyBudget")
    if policy is not None and policy not in policies:
        causes.append(Cause.unsupported("spec.unhealthyPodEvictionPolicy", policy, policies))
    return causes


def _selector_immutable(new: Object, old: Object) -> list[Cause]:
    selector = new["spec"].get("selector")
    if selector == old["spec"].get("selector"):
        return []
    expressions = (selector or {}).get("matchExpressions")
    text = (
        f"v1.LabelSelector{{MatchLabels:{_go_map((selector or {}).get('matchLabels'))}, "
        f"MatchExpressions:[]v1.LabelSelectorRequirement({'nil' if expressions is None else expressions})}}"
    )
    return [Cause.invalid("spec.selector", text, _IMMUTABLE)]


def _job_update(new: Object, old: Object) -> list[Cause]:
    spec, was = new["spec"], old["spec"]
    causes = []
    if spec.get("completions") != was.get("completions"):
        causes.append(Cause.invalid("spec.completions", str(spec.get("completions")), _IMMUTABLE))
    causes += _selector_immutable(new, old)
    if spec.get("template") != was.get("template"):
        causes.append(Cause.invalid("spec.template", "core.PodTemplateSpec{...}", _IMMUTABLE))
    if spec.get("completionMode") != was.get("completionMode"):
        causes.append(Cause.invalid("spec.completionMode", f'"{spec.get("completionMode")}"', _IMMUTABLE))
    return causes


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
        causes.append(Cause.invalid("type", f'"{new.get("type", "")}"', _IMMUTABLE))
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


def _role(role: Object) -> list[Cause]:
    words = {
        "verbs": "verbs must contain at least one value",
        "apiGroups": "resource rules must supply at least one api group",
        "resources": "resource rules must supply at least one resource",
    }
    causes = []
    for index, rule in enumerate(role.get("rules") or ()):
        field = f"rules[{index}]"
        paths = rule.get("nonResourceURLs")
        if paths:
            quoted = " ".join(f'"{path}"' for path in paths)
            why = "namespaced rules cannot apply to non-resource URLs"
            causes.append(Cause.invalid(f"{field}.nonResourceURLs", f"[{quoted}]", why))
        needed = ("verbs",) if paths else words
        causes += [Cause.required(f"{field}.{key}", words[key]) for key in needed if not rule.get(key)]
    return causes


def _role_binding(binding: Object) -> list[Cause]:
    reference, causes = binding["roleRef"], []
    if reference["apiGroup"] != _RBAC:
        causes.append(Cause.unsupported("roleRef.apiGroup", reference["apiGroup"], (_RBAC,)))
    if reference["kind"] not in ("Role", "ClusterRole"):
        causes.append(Cause.unsupported("roleRef.kind", reference["kind"], ("Role", "ClusterRole")))
    if not reference["name"]:
        causes.append(Cause.required("roleRef.name"))
    for index, subject in enumerate(binding.get("subjects") or ()):
        field, group = f"subjects[{index}]", subject.get("apiGroup", "")
        groups = {"ServiceAccount": "", "User": _RBAC, "Group": _RBAC}
        if not subject["name"]:
            causes.append(Cause.required(f"{field}.name"))
        if subject["kind"] not in groups:
            causes.append(Cause.unsupported(f"{field}.kind", subject["kind"], tuple(groups)))
        elif group != groups[subject["kind"]]:
            causes.append(Cause.unsupported(f"{field}.apiGroup", group, (groups[subject["kind"]],)))
    return causes


def _role_binding_update(new: Object, old: Object) -> list[Cause]:
    if new["roleRef"] == old["roleRef"]:
        return []
    reference = new["roleRef"]
    given = ", ".join(
        f'{go}:"{reference[key]}"'
        for go, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
    )
    return [Cause.invalid("roleRef", f"rbac.RoleRef{{{given}}}", "cannot change roleRef")]


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
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "Lease": _lease,
    "Pod": _pod,
    "PodDisruptionBudget": _disruption_budget,
    "ReplicaSet": _replicated,
    "Role": _role,
    "RoleBinding": _role_binding,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
_UPDATE_CHECKS: dict[str, Callable[[Object, Object], list[Cause]]] = {
    "ConfigMap": _data_immutable,
    "DaemonSet": _selector_immutable,
    "Deployment": _selector_immutable,
    "Job": _job_update,
    "Pod": _pod_update,
    "ReplicaSet": _selector_immutable,
    "RoleBinding": _role_binding_update,
    "Secret": _data_immutable,
    "Service": _service_update,
    "StatefulSet": _selector_immutable,
}
