"""What real clients make of the sandbox's cluster: kubectl and the Python dynamic client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kube import (
    create,
    deployment,
    get,
    node_address,
    pods_of,
    service,
    template,
    until,
    until_available,
    waiting_reason,
)
from kubernetes import config, dynamic
from kubernetes.client import ApiClient, CoreV1Api

from sandbox.cluster import Cluster

_KUBECTL = str(Path(sys.executable).with_name("kubectl"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    folder, address = tmp_path_factory.mktemp("cluster"), node_address(worker_id, 9)
    with Cluster(folder, node_address=address) as cluster:
        create(cluster, "services", service("web", 30081))
        create(
            cluster, "deployments", deployment("web", template("web", env={"APP_LOG": "hello"}), replicas=2)
        )
        until_available(cluster, "web", 2)
        yield cluster


def _kubectl(cluster: Cluster, *arguments: str, code: int = 0, manifest: Any = None) -> str:
    """What kubectl printed, errors included."""
    finished = subprocess.run(
        [_KUBECTL, f"--cache-dir={cluster.folder}/cache", *arguments],
        input=None if manifest is None else json.dumps(manifest),
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert finished.returncode == code, finished.stdout
    return finished.stdout


def test_get_shows_tables(cluster: Cluster) -> None:
    lines = _kubectl(cluster, "get", "deploy,svc,pods").splitlines()
    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:4] == ["deployment.apps/web", "2/2", "2", "2"]
    assert any(line.startswith("service/web") and "80:30081/TCP" in line for line in lines)
    assert sum("1/1     Running" in line for line in lines) == 2


def test_get_all_and_json(cluster: Cluster) -> None:
    assert "replicaset.apps/web-" in _kubectl(cluster, "get", "all")
    found = json.loads(_kubectl(cluster, "get", "deploy", "web", "-o", "json"))
    assert found["status"]["availableReplicas"] == 2
    assert _kubectl(cluster, "get", "svc", "web", "-o", "jsonpath={.spec.ports[0].nodePort}") == "30081"


def test_get_of_what_is_not_there_fails(cluster: Cluster) -> None:
    assert 'deployments.apps "absent" not found' in _kubectl(cluster, "get", "deploy", "absent", code=1)


def test_apply_creates_changes_and_leaves_alone(cluster: Cluster) -> None:
    manifest = deployment("applied", template("applied", env={"A": "1", "B": "2"}))
    assert "created" in _kubectl(cluster, "apply", "-f", "-", manifest=manifest)
    assert "unchanged" in _kubectl(cluster, "apply", "-f", "-", manifest=manifest)
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "B", "value": "3"}]
    assert "-        - name: A" in _kubectl(cluster, "diff", "-f", "-", code=1, manifest=manifest)
    assert "configured" in _kubectl(cluster, "apply", "-f", "-", manifest=manifest)
    assert _kubectl(cluster, "diff", "-f", "-", manifest=manifest) == ""
    containers = get(cluster, "deployments", "applied")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["env"] == [{"name": "B", "value": "3"}]


def test_apply_refuses_unknown_fields(cluster: Cluster) -> None:
    manifest = deployment("misspelt", replcas=2)
    output = _kubectl(cluster, "apply", "-f", "-", code=1, manifest=manifest)
    assert 'unknown field "spec.replcas"' in output


def test_server_side_apply_after_client_side(cluster: Cluster) -> None:
    manifest = deployment("served", template("served", env={"A": "1", "B": "2"}))
    _kubectl(cluster, "apply", "-f", "-", manifest=manifest)
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "B", "value": "3"}]
    assert "serverside-applied" in _kubectl(cluster, "apply", "--server-side", "-f", "-", manifest=manifest)
    containers = get(cluster, "deployments", "served")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["env"] == [{"name": "B", "value": "3"}]
    before = get(cluster, "deployments", "served")["metadata"]["generation"]
    _kubectl(cluster, "apply", "--server-side", "-f", "-", manifest=manifest)
    assert get(cluster, "deployments", "served")["metadata"]["generation"] == before


def test_server_side_apply_tells_conflicts(cluster: Cluster) -> None:
    manifest = deployment("fought", replicas=1)
    _kubectl(cluster, "apply", "--server-side", "--field-manager=one", "-f", "-", manifest=manifest)
    manifest["spec"]["replicas"] = 2
    arguments = ("apply", "--server-side", "--field-manager=two", "-f", "-")
    assert 'conflict with "one": .spec.replicas' in _kubectl(cluster, *arguments, code=1, manifest=manifest)
    _kubectl(cluster, *arguments, "--force-conflicts", manifest=manifest)
    assert get(cluster, "deployments", "fought")["spec"]["replicas"] == 2


def test_logs(cluster: Cluster) -> None:
    assert "hello\n" in _kubectl(cluster, "logs", "deploy/web")
    assert _kubectl(cluster, "logs", "-l", "app=web", "--tail=1").count("listening") == 2
    name = pods_of(cluster, "web")[0]["metadata"]["name"]
    assert "previous terminated container" in _kubectl(cluster, "logs", name, "--previous", code=1)


def test_rollout_waits_and_scale_scales(cluster: Cluster) -> None:
    create(cluster, "deployments", deployment("grown"))
    output = _kubectl(cluster, "rollout", "status", "deploy/grown", "--timeout=30s")
    assert 'deployment "grown" successfully rolled out' in output
    _kubectl(cluster, "scale", "deploy/grown", "--replicas=2", "--current-replicas=1")
    _kubectl(cluster, "wait", "deploy/grown", "--for=jsonpath={.status.availableReplicas}=2", "--timeout=30s")
    _kubectl(cluster, "wait", "deploy/grown", "--for=condition=Available", "--timeout=30s")


def test_rollout_restart_and_undo(cluster: Cluster) -> None:
    create(cluster, "deployments", deployment("turned"))
    until_available(cluster, "turned")
    _kubectl(cluster, "rollout", "restart", "deploy/turned")
    _kubectl(cluster, "rollout", "status", "deploy/turned", "--timeout=30s")
    assert get(cluster, "deployments", "turned")["metadata"]["annotations"] == {
        "deployment.kubernetes.io/revision": "2"
    }
    _kubectl(cluster, "rollout", "undo", "deploy/turned")
    until_available(cluster, "turned")
    assert get(cluster, "deployments", "turned")["metadata"]["annotations"] == {
        "deployment.kubernetes.io/revision": "3"
    }


def test_rollout_status_ends_at_the_deadline(cluster: Cluster) -> None:
    pod = template("late", env={"APP_NEVER_READY": "1"})
    create(cluster, "deployments", deployment("late", pod, progressDeadlineSeconds=2))
    output = _kubectl(cluster, "rollout", "status", "deploy/late", code=1)
    assert 'deployment "late" exceeded its progress deadline' in output


def test_describe_and_events(cluster: Cluster) -> None:
    create(cluster, "deployments", deployment("broken", template("broken", "sandbox/web:nosuch")))
    pod = until(
        cluster, "pods", "labelSelector=app%3Dbroken", lambda pod: waiting_reason(pod) == "ErrImagePull"
    )
    name = pod["metadata"]["name"]
    described = _kubectl(cluster, "describe", "pod", name)
    assert "ErrImagePull" in described
    assert 'Pulling image "sandbox/web:nosuch"' in described
    assert "NewReplicaSet:   broken-" in _kubectl(cluster, "describe", "deploy", "broken")
    assert "Endpoints:" in _kubectl(cluster, "describe", "svc", "web")
    assert f"pod/{name}" in _kubectl(cluster, "get", "events")
    assert "Failed" in _kubectl(cluster, "events", "--for", f"pod/{name}")


def test_watching_with_get(cluster: Cluster) -> None:
    command = [_KUBECTL, f"--cache-dir={cluster.folder}/cache", "get", "cm", "-w", "--output-watch-events"]
    with subprocess.Popen(
        command, env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().split() == ["EVENT", "NAME", "DATA", "AGE"]
        assert process.stdout.readline().split()[:2] == ["ADDED", "kube-root-ca.crt"]
        create(cluster, "configmaps", {"metadata": {"name": "watched"}, "data": {"a": "1"}})
        assert process.stdout.readline().split()[:3] == ["ADDED", "watched", "1"]
        process.terminate()


def test_delete_waits(cluster: Cluster) -> None:
    create(cluster, "deployments", deployment("doomed"))
    assert "deleted" in _kubectl(cluster, "delete", "deploy", "doomed")
    assert cluster.request("GET", "/apis/apps/v1/namespaces/default/deployments/doomed")[0] == 404
    _kubectl(cluster, "delete", "deploy", "doomed", "--ignore-not-found")


def test_a_token_that_is_not_known_is_refused(cluster: Cluster) -> None:
    output = _kubectl(cluster, "--token=wrong", "--user=", "get", "pods", code=1)
    assert "Unauthorized" in output or "must be logged in" in output


def test_rights(cluster: Cluster) -> None:
    cluster.add_token("viewer", "viewer")
    cluster.forbid("delete", "deployments", user="viewer")
    output = _kubectl(cluster, "--token=viewer", "--user=", "delete", "deploy", "web", code=1)
    assert 'User "viewer" cannot delete resource "deployments" in API group "apps"' in output
    cluster.clear()


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> ApiClient:
    return config.new_client_from_config(str(cluster.kubeconfig))


def test_the_dynamic_client(client: ApiClient, tmp_path: Path) -> None:
    found = dynamic.DynamicClient(client, cache_file=str(tmp_path / "cache"))
    deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
    assert deployments.get(name="web", namespace="default").status.availableReplicas == 2
    listed = deployments.get(namespace="default")
    events = deployments.watch(
        namespace="default", resource_version=listed.metadata.resourceVersion, timeout=2
    )
    body = {"metadata": {"labels": {"seen": "yes"}}}
    deployments.patch(name="web", namespace="default", body=body, content_type="application/merge-patch+json")
    assert next(iter(events))["object"].metadata.labels.seen == "yes"


def test_the_typed_client_accepts_every_answer(client: ApiClient) -> None:
    core = CoreV1Api(client)
    pods = core.list_namespaced_pod("default").items
    assert {pod.status.phase for pod in pods if pod.metadata.labels["app"] == "web"} == {"Running"}
    assert core.list_namespaced_event("default").items
    assert core.list_namespaced_service("default").items
    assert "hello" in core.read_namespaced_pod_log(_name_of_web(pods), "default")


def _name_of_web(pods: list[Any]) -> str:
    return next(str(pod.metadata.name) for pod in pods if pod.metadata.labels["app"] == "web")
