"""The kinds that the API server knows, as a table; everything that is true of one kind only stands here."""

from __future__ import annotations

from dataclasses import dataclass, field

_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of object and how the API treats it.

    `fields` are the field selectors that it knows besides metadata.name and metadata.namespace, each with its
    path in the object.
    """

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    verbs: tuple[str, ...] = _ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    has_generation: bool = False
    answers_deleted_object: bool = False
    update_creates: bool = False
    update_needs_version: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified_plural(self) -> str:
        """As messages name it: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_name(self) -> str:
        """As validation messages name it: `Deployment.apps`, `Pod`."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

NAMESPACE = Kind(
    "", "v1", "Namespace", "namespaces",
    namespaced=False,
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    short_names=("ns",), subresources=("status",), answers_deleted_object=True,
    fields={"status.phase": ("status", "phase")},
)  # fmt: skip
NODE = Kind(
    "", "v1", "Node", "nodes",
    namespaced=False, short_names=("no",), subresources=("status",),
    fields={"spec.unschedulable": ("spec", "unschedulable")},
)  # fmt: skip
POD = Kind(
    "", "v1", "Pod", "pods",
    short_names=("po",), categories=("all",), subresources=("log", "proxy", "status"),
    answers_deleted_object=True,
    fields={
        "status.phase": ("status", "phase"),
        "status.podIP": ("status", "podIP"),
        "spec.nodeName": ("spec", "nodeName"),
        "spec.restartPolicy": ("spec", "restartPolicy"),
        "spec.schedulerName": ("spec", "schedulerName"),
        "spec.serviceAccountName": ("spec", "serviceAccountName"),
    },
)  # fmt: skip
SERVICE = Kind(
    "", "v1", "Service", "services",
    short_names=("svc",), categories=("all",), subresources=("proxy", "status"),
    answers_deleted_object=True, update_creates=True,
    fields={"spec.clusterIP": ("spec", "clusterIP"), "spec.type": ("spec", "type")},
)  # fmt: skip
ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints", short_names=("ep",), update_creates=True)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",))
SECRET = Kind("", "v1", "Secret", "secrets", fields={"type": ("type",)})
SERVICE_ACCOUNT = Kind(
    "", "v1", "ServiceAccount", "serviceaccounts",
    short_names=("sa",), subresources=("token",), answers_deleted_object=True,
)  # fmt: skip
EVENT = Kind(
    "", "v1", "Event", "events",
    short_names=("ev",),
    fields={
        **{f"involvedObject.{name}": ("involvedObject", name) for name in _INVOLVED},
        "reason": ("reason",),
        "reportingComponent": ("reportingComponent",),
        "type": ("type",),
    },
)  # fmt: skip
RESOURCE_QUOTA = Kind(
    "", "v1", "ResourceQuota", "resourcequotas",
    short_names=("quota",), subresources=("status",), answers_deleted_object=True,
)  # fmt: skip
DEPLOYMENT = Kind(
    "apps", "v1", "Deployment", "deployments",
    short_names=("deploy",), categories=("all",), subresources=("scale", "status"), has_generation=True,
)  # fmt: skip
REPLICA_SET = Kind(
    "apps", "v1", "ReplicaSet", "replicasets",
    short_names=("rs",), categories=("all",), subresources=("scale", "status"), has_generation=True,
)  # fmt: skip
STATEFUL_SET = Kind(
    "apps", "v1", "StatefulSet", "statefulsets",
    short_names=("sts",), categories=("all",), subresources=("scale", "status"), has_generation=True,
)  # fmt: skip
DAEMON_SET = Kind(
    "apps", "v1", "DaemonSet", "daemonsets",
    short_names=("ds",), categories=("all",), subresources=("status",), has_generation=True,
)  # fmt: skip
JOB = Kind(
    "batch", "v1", "Job", "jobs",
    categories=("all",), subresources=("status",), has_generation=True,
    fields={"status.successful": ("status", "succeeded")},
)  # fmt: skip
AUTOSCALER = Kind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
    short_names=("hpa",), categories=("all",), subresources=("status",),
)  # fmt: skip
DISRUPTION_BUDGET = Kind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets",
    short_names=("pdb",), subresources=("status",), has_generation=True,
)  # fmt: skip
LEASE = Kind(
    "coordination.k8s.io", "v1", "Lease", "leases",
    update_creates=True, update_needs_version=True,
)  # fmt: skip
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", has_generation=True)

KINDS: tuple[Kind, ...] = (
    NAMESPACE, NODE, POD, SERVICE, ENDPOINTS, CONFIG_MAP, SECRET, SERVICE_ACCOUNT, EVENT, RESOURCE_QUOTA,
    DEPLOYMENT, REPLICA_SET, STATEFUL_SET, DAEMON_SET, AUTOSCALER, JOB, LEASE, DISRUPTION_BUDGET, ENDPOINT_SLICE,
    ROLE, ROLE_BINDING,
)  # fmt: skip

BY_RESOURCE: dict[tuple[str, str, str], Kind] = {
    (kind.group, kind.version, kind.plural): kind for kind in KINDS
}
BY_NAME: dict[str, Kind] = {kind.name: kind for kind in KINDS}
GROUP_VERSIONS: dict[tuple[str, str], list[Kind]] = {}
for _kind in KINDS:
    GROUP_VERSIONS.setdefault((_kind.group, _kind.version), []).append(_kind)
