"""The Pod Security Standard "restricted", as far as it is about what a pod has to say of itself.

Words and order are those of https://github.com/kubernetes/pod-security-admission (policy/check_*.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.cluster.kinds import NAMESPACE, Kind
from sandbox.cluster.objects import Object, dig
from sandbox.cluster.store import Store

_LABEL = "pod-security.kubernetes.io"
_PROFILES = ("RuntimeDefault", "Localhost")


def refusal(store: Store, namespace: str, pod: Object) -> str:
    """Why a namespace does not take a pod, empty when it does."""
    return _violation(store, namespace, pod["spec"], "enforce")


def warnings(store: Store, kind: Kind, namespace: str, obj: Object) -> list[str]:
    """What is said of a workload, which is taken whatever its pods are like.

    Without a label of its own that is judged by the level that is enforced (`PolicyToEvaluate`).
    """
    spec = dig(obj, "spec", "template", "spec")
    if kind.name == "Pod" or not spec:
        return []
    labels = _labels(store, namespace)
    why = _violation(store, namespace, spec, "warn" if f"{_LABEL}/warn" in labels else "enforce")
    return [f"would {why.replace('violates', 'violate', 1)}"] if why else []


def _violation(store: Store, namespace: str, spec: Object, mode: str) -> str:
    level = _labels(store, namespace).get(f"{_LABEL}/{mode}")
    found = _restricted(spec) if level == "restricted" else []
    return f'violates PodSecurity "{level}:latest": {", ".join(found)}' if found else ""


def _labels(store: Store, namespace: str) -> Object:
    found = store.get(NAMESPACE, "", namespace)
    return dig(found, "metadata", "labels") or {} if found else {}


def _restricted(spec: Object) -> list[str]:
    def lacking(good: Callable[[Any], bool], *path: str, of_pod: bool = False) -> str:
        """The containers that are not as they have to be; what the pod says holds where they say nothing."""
        default = dig(spec, "securityContext", *path) if of_pod else None
        names = [
            f'"{each["name"]}"'
            for each in (*(spec.get("initContainers") or ()), *spec["containers"])
            if not good(default if (own := dig(each, "securityContext", *path)) is None else own)
        ]
        return f"container{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""

    found = []
    if names := lacking(lambda value: value is False, "allowPrivilegeEscalation"):
        must = "securityContext.allowPrivilegeEscalation=false"
        found.append(f"allowPrivilegeEscalation != false ({names} must set {must})")
    if names := lacking(lambda value: "ALL" in (value or ()), "capabilities", "drop"):
        must = 'securityContext.capabilities.drop=["ALL"]'
        found.append(f"unrestricted capabilities ({names} must set {must})")
    if names := lacking(lambda value: value is True, "runAsNonRoot", of_pod=True):
        found.append(f"runAsNonRoot != true (pod or {names} must set securityContext.runAsNonRoot=true)")
    if names := lacking(lambda value: value in _PROFILES, "seccompProfile", "type", of_pod=True):
        must = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        found.append(f"seccompProfile (pod or {names} must set {must})")
    return found
