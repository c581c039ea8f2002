"""The values that the API server fills in."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable

from sandbox.cluster.kinds import ROLE_BINDING, Kind
from sandbox.cluster.objects import Object, dig


def apply_defaults(kind: Kind, obj: Object) -> None:
    """Fills in, in place, what the server would."""
    default = _DEFAULTS.get(kind.name)
    if default:
        default(obj)


def complete(kind: Kind, obj: Object) -> None:
    """Fills in, in place, what the server makes up once, for a new object."""
    if kind.name == "Job":
        _job_selector(obj)


def _pod_spec(spec: Object) -> None:
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        _container(container)
    for volume in spec.get("volumes") or ():
        if volume.keys() <= {"name"}:
            volume["emptyDir"] = {}
        for source in ("configMap", "secret", "downwardAPI", "projected"):
            if source in volume:
                volume[source].setdefault("defaultMode", 420)
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")
        for source in dig(volume, "projected", "sources") or ():
            if "serviceAccountToken" in source:
                source["serviceAccountToken"].setdefault("expirationSeconds", 3600)
            _field_references(dig(source, "downwardAPI", "items") or ())
        _field_references(dig(volume, "downwardAPI", "items") or ())
        claim = dig(volume, "ephemeral", "volumeClaimTemplate", "spec")
        if claim:
            claim.setdefault("volumeMode", "Filesystem")
    # The older name of the same field, which keeps it when the newer one goes.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def _container(container: Object) -> None:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    _field_references([variable.get("valueFrom") or {} for variable in container.get("env") or ()])
    for handler in (container.get("lifecycle") or {}).values():
        _http_get(handler)
    container.setdefault("resources", {})
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    always = "@" not in image and tag in ("", "latest")
    container.setdefault("imagePullPolicy", "Always" if always else "IfNotPresent")


def _field_references(holders: Iterable[Object]) -> None:
    for holder in holders:
        if "fieldRef" in holder:
            holder["fieldRef"].setdefault("apiVersion", "v1")
        if "resourceFieldRef" in holder:
            holder["resourceFieldRef"].setdefault("divisor", "0")


def _http_get(handler: Object) -> None:
    if "httpGet" in handler:
        _unless_zero(handler["httpGet"], path="/", scheme="HTTP")


def _probe(probe: Object) -> None:
    _http_get(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")
    _unless_zero(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)


def _unless_zero(obj: Object, **defaults: int | str) -> None:
    """Where the server cannot tell a zero from nothing."""
    for field, value in defaults.items():
        obj[field] = obj.get(field) or value


def _template(obj: Object) -> None:
    _pod_spec(obj["spec"].setdefault("template", {}).setdefault("spec", {}))


def _pod(pod: Object) -> None:
    spec = pod.setdefault("spec", {})
    if not spec.get("serviceAccount"):
        spec.setdefault("serviceAccountName", "default")
    _pod_spec(spec)
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        resources = container["resources"]
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault(
        "tolerations",
        [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
    )


def _deployment(deployment: Object) -> None:
    spec = deployment.setdefault("spec", {})
    _template(deployment)
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _replica_set(replica_set: Object) -> None:
    replica_set.setdefault("spec", {}).setdefault("replicas", 1)
    _template(replica_set)


def _stateful_set(stateful_set: Object) -> None:
    spec = stateful_set.setdefault("spec", {})
    _template(stateful_set)
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.update({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}})
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _daemon_set(daemon_set: Object) -> None:
    spec = daemon_set.setdefault("spec", {})
    _template(daemon_set)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


def _job_selector(job: Object) -> None:
    spec = job.setdefault("spec", {})
    if spec.get("manualSelector"):
        return
    uid, name = job["metadata"]["uid"], job["metadata"].get("name", "")
    own = {"batch.kubernetes.io/controller-uid": uid}
    spec["selector"] = {"matchLabels": own}
    labels = spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {})
    labels.update({**own, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name})


def _job(job: Object) -> None:
    spec = job.setdefault("spec", {})
    _template(job)
    spec.setdefault("completions", 1)
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")


def _service(service: Object) -> None:
    spec = service.setdefault("spec", {})
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if "port" in port:
            _unless_zero(port, targetPort=port["port"])
    spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", 10800)
    elif spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] != "ExternalName":
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec.setdefault("internalTrafficPolicy", "Cluster")


def _autoscaler(autoscaler: Object) -> None:
    spec = autoscaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if "behavior" in spec:
        up = spec["behavior"].setdefault("scaleUp", {})
        up.setdefault("stabilizationWindowSeconds", 0)
        pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        _scaling_rules(up, [pods, percent])
        _scaling_rules(spec["behavior"].setdefault("scaleDown", {}), [dict(percent)])


def _scaling_rules(rules: Object, policies: list[Object]) -> None:
    rules.setdefault("selectPolicy", "Max")
    if not rules.get("policies"):
        rules["policies"] = policies


def _secret(secret: Object) -> None:
    secret.setdefault("type", "Opaque")
    for key, text in (secret.pop("stringData", None) or {}).items():
        secret.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()


def _endpoints(endpoints: Object) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _namespace(namespace: Object) -> None:
    namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    namespace["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = namespace["metadata"][
        "name"
    ]


def _role_binding(binding: Object) -> None:
    reference = binding.setdefault("roleRef", {})
    _unless_zero(reference, apiGroup=ROLE_BINDING.group, kind="", name="")
    for subject in binding.get("subjects") or ():
        _unless_zero(subject, kind="", name="")
        if subject["kind"] in ("User", "Group"):
            _unless_zero(subject, apiGroup=ROLE_BINDING.group)


_DEFAULTS: dict[str, Callable[[Object], None]] = {
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Endpoints": _endpoints,
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "Namespace": _namespace,
    "Pod": _pod,
    "ReplicaSet": _replica_set,
    "RoleBinding": _role_binding,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
