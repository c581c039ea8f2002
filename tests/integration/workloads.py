"""Workloads to wait for, in a namespace of a test's own."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

from settings import Settings

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster, connect
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import k8s_wait_ready

Object = dict[str, Any]

_DEFAULTS = {
    "kind": "Deployment",
    "timeout": 60,
    "stable_for": 0,
    "steady": None,
    "fail_fast": True,
    "image_wait": 0,
    "unschedulable_grace": 10,
    "log_lines": 20,
    "details": True,
}


@dataclass(frozen=True)
class Waited:
    """How a wait ended: its result, or the error's details; ``at`` is when, by the monotonic clock."""

    ready: bool
    message: str
    result: Mapping[str, Any]
    lines: Sequence[str]
    seconds: float
    at: float

    @property
    def cause(self) -> str:
        return self.message.partition("\n")[0]


class Demo:
    """A namespace, what is made in it, and waits for that."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.namespace = f"wait-{uuid.uuid4().hex[:8]}"
        self.api: Cluster = connect({})

    def __enter__(self) -> Self:
        self.api.create("v1", "Namespace", None, {"metadata": {"name": self.namespace}})
        return self

    def __exit__(self, *_unused: object) -> None:
        self.api.delete("v1", "Namespace", self.namespace)

    def make(self, thing: Object) -> Object:
        return self.api.create(thing["apiVersion"], thing["kind"], self.namespace, thing)

    def wait(
        self,
        name: str | None = None,
        client: Cluster | None = None,
        check_mode: bool = False,
        show: Callable[[str], None] = lambda line: None,
        **params: Any,
    ) -> Waited:
        lines: list[str] = []

        def hear(line: str) -> None:
            lines.append(line)
            show(line)

        asked = {**_DEFAULTS, "namespace": self.namespace, "name": name, **params}
        started = time.monotonic()
        try:
            result = k8s_wait_ready.run(asked, check_mode, client or connect({}), hear)
        except BluegreenError as error:
            now = time.monotonic()
            return Waited(False, error.message, error.details, lines, now - started, now)
        now = time.monotonic()
        return Waited(result["ready"], "", result, lines, now - started, now)

    def waits(self, asked: Mapping[str, Mapping[str, Any]]) -> dict[str, Waited]:
        """Waits for each, all at the same time."""
        with ThreadPoolExecutor(len(asked)) as pool:
            waiting = {key: pool.submit(self.wait, **params) for key, params in asked.items()}
            return {key: each.result() for key, each in waiting.items()}

    def counters(self, name: str) -> Object:
        found = self.api.get("apps/v1", "Deployment", name, self.namespace)
        assert found is not None
        return dict(found["status"])

    def image(self, commit: str, known: bool = True) -> str:
        image = self.settings.image if known else self.settings.bad_image
        return image.replace("{{ bluegreen_commit }}", commit)

    # What there is to make.

    def pod(self, *, env: Mapping[str, str] | None = None, probe: bool = True, **more: Any) -> Object:
        """The specification of a pod; ``more`` is of its container, but for ``volumes`` and the like."""
        of_pod = {key: more.pop(key) for key in ("volumes", "initContainers", "restartPolicy") if key in more}
        container: Object = {
            "name": "app",
            "image": self.image("v1"),
            "ports": [{"name": "http", "containerPort": self.settings.container_port}],
            "env": [{"name": name, "value": value} for name, value in (env or {}).items()],
            **more,
        }
        if probe:
            check = {"path": "/healthz", "port": self.settings.container_port}
            container["readinessProbe"] = {"httpGet": check, "periodSeconds": 1}
        return {"containers": [container], "terminationGracePeriodSeconds": 1, **of_pod}

    def deployment(self, name: str, pod: Object | None = None, **spec: Any) -> Object:
        return self._workload("apps/v1", "Deployment", name, pod, spec)

    def stateful_set(self, name: str, pod: Object | None = None, **spec: Any) -> Object:
        return self._workload("apps/v1", "StatefulSet", name, pod, {"serviceName": name, **spec})

    def daemon_set(self, name: str, pod: Object | None = None) -> Object:
        return self._workload("apps/v1", "DaemonSet", name, pod, {})

    def job(
        self, name: str, *command: str, image: str = "", restartPolicy: str = "Never", **spec: Any
    ) -> Object:
        image = image or self.image("v1")
        pod = self.pod(probe=False, command=list(command), image=image, restartPolicy=restartPolicy)
        thing = self._workload("batch/v1", "Job", name, pod, spec)
        del thing["spec"]["selector"]
        return thing

    def service(self, name: str) -> Object:
        spec = {
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": self.settings.container_port}],
        }
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}

    def _workload(self, api_version: str, kind: str, name: str, pod: Object | None, spec: Object) -> Object:
        labels = {"app": name, "part-of": "demo"}
        template = {"metadata": {"labels": labels}, "spec": pod or self.pod()}
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "labels": labels},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
        }


class Seen:
    """When a Deployment was ready by its own status, as somebody else sees it who watches as well."""

    def __init__(self, demo: Demo, name: str) -> None:
        self.at = 0.0
        self._thread = threading.Thread(target=self._look, args=(demo, name), daemon=True)
        self._thread.start()

    def _look(self, demo: Demo, name: str) -> None:
        selector = f"metadata.name={name}"
        _things, version = demo.api.list("apps/v1", "Deployment", demo.namespace, field_selector=selector)
        for _kind, thing in demo.api.watch(
            "apps/v1", "Deployment", demo.namespace, field_selector=selector, resource_version=version
        ):
            now, status, wanted = time.monotonic(), thing["status"], thing["spec"]["replicas"]
            counters = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
            if counters == {wanted} and status["observedGeneration"] >= thing["metadata"]["generation"]:
                self.at = now
                return

    def wait(self) -> float:
        self._thread.join(60)
        return self.at
