"""The wait against a cluster that runs: what is there is asked of the cluster itself, not of the wait."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from settings import Settings
from workloads import Demo, Seen, Waited

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import connect
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.apply import How, apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.pod_settings import with_settings
from sandbox.cluster import Cluster


@pytest.fixture
def demo(settings: Settings, world: Any) -> Iterator[Demo]:
    with Demo(settings) as demo:
        yield demo


def test_all_replicas_are_there_when_it_says_so(demo: Demo) -> None:
    demo.make(demo.deployment("shop", replicas=3))
    waited = demo.wait("shop")
    assert waited.ready
    assert demo.counters("shop")["availableReplicas"] == 3
    assert [pod["ready"] for pod in waited.result["pods"]] == [True] * 3
    assert waited.result["changed"] is False


def test_an_update_is_through_when_it_says_so(demo: Demo) -> None:
    demo.make(demo.deployment("shop", replicas=3))
    assert demo.wait("shop").ready
    image = demo.image("v2")
    template = {"spec": {"containers": [{**demo.pod()["containers"][0], "image": image}]}}
    demo.api.patch("apps/v1", "Deployment", "shop", demo.namespace, {"spec": {"template": template}})
    assert demo.wait("shop").ready
    pods, _version = demo.api.list("v1", "Pod", demo.namespace, "app=shop")
    staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    assert [pod["spec"]["containers"][0]["image"] for pod in staying] == [image] * 3


def test_an_update_that_changes_nothing_is_ready_at_once_however_long_it_must_be_stable(demo: Demo) -> None:
    demo.make(demo.deployment("shop"))
    assert demo.wait("shop", stable_for=2).seconds >= 2
    time.sleep(1)
    assert demo.wait("shop", stable_for=2).seconds < 1


def test_what_is_done_between_two_waits_does_not_make_them_longer(demo: Demo) -> None:
    demo.make(demo.deployment("shop"))
    first = demo.wait("shop")
    time.sleep(1)
    second = demo.wait("shop", stable_for=3, steady=first.result["steady"])
    assert 2 < second.at - first.at < 3.5
    assert second.result["steady"] == pytest.approx(first.result["steady"], abs=0.01)


def test_a_pod_that_is_replaced_between_two_waits_starts_the_time_anew(demo: Demo) -> None:
    demo.make(demo.deployment("shop"))
    first = demo.wait("shop")
    demo.api.delete("v1", "Pod", first.result["pods"][0]["name"], demo.namespace)
    second = demo.wait("shop", stable_for=2, steady=first.result["steady"])
    assert second.result["steady"]["pods"] != first.result["steady"]["pods"]
    assert second.seconds >= 2


def test_workloads_of_every_kind_share_one_wait(demo: Demo) -> None:
    for thing in (
        demo.deployment("shop", replicas=2),
        demo.stateful_set("db", replicas=2),
        demo.daemon_set("agent"),
        demo.job("migrate", demo.settings.ends_well),
        demo.service("shop"),
    ):
        demo.make(thing)
    asked = [
        ("Deployment", "shop"),
        ("StatefulSet", "db"),
        ("DaemonSet", "agent"),
        ("Job", "migrate"),
        ("Service", "shop"),
    ]
    waited = demo.wait(name=None, workloads=[{"kind": kind, "name": name} for kind, name in asked])
    assert waited.ready, waited.message
    assert [(each["kind"], each["name"], each["ready"]) for each in waited.result["workloads"]] == [
        (kind, name, True) for kind, name in asked
    ]
    assert demo.counters("shop")["availableReplicas"] == 2
    job = demo.api.get("batch/v1", "Job", "migrate", demo.namespace)
    assert job is not None
    assert job["status"]["succeeded"] == 1


def test_a_selector_waits_for_everything_that_it_matches(demo: Demo) -> None:
    demo.make(demo.deployment("one"))
    demo.make(demo.deployment("two", replicas=2))
    waited = demo.wait(label_selectors=["part-of=demo", "app in (one, two)"])
    assert waited.ready, waited.message
    assert sorted(each["name"] for each in waited.result["workloads"]) == ["one", "two"]
    assert demo.counters("two")["availableReplicas"] == 2


def test_any_kind_is_waited_for_by_a_condition(demo: Demo) -> None:
    demo.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gate"}, "data": {"open": "no"}})
    asked = {"kind": "ConfigMap", "api_version": "v1", "condition": "data.open == 'yes'"}
    closed = demo.wait("gate", timeout=1, **asked)
    assert closed.cause == "gate: condition data.open == 'yes' does not hold (not ready after 1 s)"
    demo.api.patch("v1", "ConfigMap", "gate", demo.namespace, {"data": {"open": "yes"}})
    assert demo.wait("gate", **asked).ready


def test_what_appears_a_little_later_is_waited_for(demo: Demo) -> None:
    def make_it(line: str) -> None:
        if line == "shop not ready, 0 s":
            demo.make(demo.deployment("shop"))

    assert demo.wait("shop", show=make_it).ready


def test_what_does_not_appear_is_an_error_of_its_own(demo: Demo) -> None:
    waits = demo.waits(
        {
            "name": {"name": "shop"},
            "selector": {"label_selectors": ["app=nothing"]},
            "namespace": {"name": "shop", "namespace": "no-such-namespace"},
        }
    )
    where = f'in namespace "{demo.namespace}"'
    assert waits["name"].cause == f'shop: there is no Deployment "shop" {where}'
    assert waits["selector"].cause == f'app=nothing: no Deployment {where} matches "app=nothing"'
    assert waits["namespace"].cause.startswith('There is no namespace "no-such-namespace" at https://')
    assert all(10 <= waited.seconds < 15 for waited in waits.values())


def test_check_mode_says_how_it_is_and_never_waits(demo: Demo) -> None:
    absent = demo.wait("shop", check_mode=True)
    assert (absent.ready, absent.message, absent.result["changed"]) == (False, "", False)
    assert [each["reason"] for each in absent.result["workloads"]] == ["NotFound"]
    demo.make(demo.deployment("shop", replicas=2))
    early = demo.wait("shop", check_mode=True)
    assert (early.ready, early.message) == (False, "")
    assert demo.wait("shop").ready
    late = demo.wait("shop", check_mode=True, stable_for=30)
    assert late.ready
    assert max(absent.seconds, early.seconds, late.seconds) < 3
    assert [*absent.lines, *early.lines, *late.lines] == []


def test_progress_is_told_while_it_waits(demo: Demo) -> None:
    demo.make(demo.deployment("shop", replicas=2))
    waited = demo.wait("shop", stable_for=4)
    assert waited.lines
    assert all(re.match(r"shop (not ready|[012]/2 ready), \d+ s", line) for line in waited.lines)
    assert waited.lines[-1].startswith("shop 2/2 ready, ")


ABSENT = {"name": "later", "configMap": {"name": "no-such-config"}}
# What keeps each from being ready, and the line that is to tell it.
BROKEN: dict[str, tuple[Callable[[Demo], Any], str]] = {
    "image": (
        lambda demo: demo.deployment("image", demo.pod(image=demo.image("v9", known=False))),
        r'image-\S+: container app: image ".*:v9" not found \(ErrImagePull\)',
    ),
    "name": (
        lambda demo: demo.deployment("name", demo.pod(image="Not A Valid Image")),
        r'name-\S+: container app: image "Not A Valid Image" is no valid image name \(InvalidImageName\)',
    ),
    "command": (
        lambda demo: demo.deployment("command", demo.pod(command=["/no/such/binary"])),
        r"command-\S+: container app: cannot be started: .*/no/such/binary.* \(StartError, exit code 128\)",
    ),
    "job": (
        lambda demo: demo.job("job", "no-such-binary"),
        r'job-\S+: container app: cannot be started: exec: "no-such-binary": executable file not found in \$PATH',
    ),
    "again": (
        lambda demo: demo.job("again", "no-such-binary", restartPolicy="OnFailure"),
        r'again-\S+: container app: cannot be started: exec: "no-such-binary": executable file not found',
    ),
    "pulled": (
        lambda demo: demo.job("pulled", demo.settings.ends_well, image=demo.image("v9", known=False)),
        r'pulled-\S+: container app: image ".*:v9" not found \(ErrImagePull\)',
    ),
    "exits": (
        lambda demo: demo.deployment("exits", demo.pod(command=[demo.settings.ends_badly])),
        r"exits-\S+: container app: keeps crashing \(2 times so far\): exit code 1 \(Error\)",
    ),
    "ends": (
        lambda demo: demo.deployment("ends", demo.pod(probe=False, command=[demo.settings.ends_well])),
        r"ends-\S+: container app: keeps crashing \(2 times so far\): exit code 0 \(Completed\)",
    ),
    "init": (
        lambda demo: demo.deployment(
            "init",
            demo.pod(
                initContainers=[
                    {
                        **demo.pod(probe=False, command=[demo.settings.ends_badly])["containers"][0],
                        "name": "setup",
                    }
                ]
            ),
        ),
        r"init-\S+: init container setup: keeps crashing \(2 times so far\): exit code 1 \(Error\)",
    ),
    "node": (
        lambda demo: demo.deployment("node", demo.pod(resources={"requests": {"cpu": "900"}})),
        r"node-\S+: no node takes it: \d+/\d+ nodes are available: .*Insufficient cpu.* \(Unschedulable\)",
    ),
    "config": (
        lambda demo: demo.deployment(
            "config", demo.pod(envFrom=[{"configMapRef": {"name": "no-such-config"}}])
        ),
        r'config-\S+: container app: configmap "no-such-config" not found \(CreateContainerConfigError\)',
    ),
    "volume": (
        lambda demo: demo.deployment(
            "volume", demo.pod(volumes=[ABSENT], volumeMounts=[{"name": "later", "mountPath": "/later"}])
        ),
        r'volume-\S+: MountVolume.SetUp failed for volume "later" : configmap "no-such-config" not found',
    ),
    "probe": (
        lambda demo: demo.deployment(
            "probe",
            demo.pod(probe=False, readinessProbe={"tcpSocket": {"port": 1}, "periodSeconds": 1}),
            progressDeadlineSeconds=5,
        ),
        r"probe-\S+: container app: Readiness probe failed: .*; probe: no progress for 5 s \(ProgressDeadlineExceeded\)",
    ),
    "idle": (
        lambda demo: demo.deployment("idle", replicas=0),
        r"idle: it is scaled to zero \(spec.replicas\)",
    ),
    "paused": (
        lambda demo: demo.deployment("paused", paused=True),
        r"paused: it is paused \(spec.paused\)",
    ),
}


@pytest.fixture(scope="module")
def broken(settings: Settings, world: Any) -> Iterator[dict[str, Waited]]:
    """How the waits for all of BROKEN end, begun together."""
    with Demo(settings) as demo:
        kinds = {name: demo.make(make(demo))["kind"] for name, (make, _cause) in BROKEN.items()}
        yield demo.waits(
            {name: {"name": name, "kind": kind, "stable_for": 3} for name, kind in kinds.items()}
        )


@pytest.mark.parametrize("name", BROKEN)
def test_what_will_never_be_ready_is_told_with_its_cause_in_less_than_fifteen_seconds(
    broken: dict[str, Waited], name: str
) -> None:
    waited = broken[name]
    assert not waited.ready
    assert re.match(BROKEN[name][1], waited.cause), waited.cause
    assert waited.seconds < 15


def test_a_failure_names_each_pod_and_brings_its_events_and_logs(broken: dict[str, Waited]) -> None:
    exits = broken["exits"]
    (pod,) = exits.result["pods"]
    assert re.fullmatch(rf"{pod['name']}: Running, for \d+ s, 1 restart: .*", exits.message.splitlines()[1])
    assert (pod["reason"], pod["container"], pod["ready"]) == ("CrashLoopBackOff", "app", False)
    assert {event["name"] for event in exits.result["events"]} == {pod["name"]}
    assert {(log["pod"], log["container"]) for log in broken["probe"].result["logs"]} == {
        (broken["probe"].result["pods"][0]["name"], "app")
    }
    assert f"  {broken['probe'].result['logs'][0]['lines'][-1]}" in broken["probe"].message.splitlines()
    assert broken["image"].result["logs"] == []


def test_a_release_that_a_quota_refuses_is_told_with_the_quota(demo: Demo) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "one"},
        "spec": {"hard": {"pods": "1"}},
    }
    demo.make(quota)
    demo.make(demo.deployment("shop", replicas=2))
    waited = demo.wait("shop")
    assert re.match(r"shop: its pods are refused: exceeded quota: one, .* \(FailedCreate\)", waited.cause)
    assert waited.seconds < 15


def test_pods_that_pod_security_refuses_are_taken_with_what_is_told_to_add(demo: Demo) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    demo.api.patch("v1", "Namespace", demo.namespace, None, {"metadata": {"labels": label}})
    told = 'violates? PodSecurity "restricted:latest": .*; add bluegreen_pod: (.*) and bluegreen_container: (.*?)'
    shop = demo.deployment("shop")
    (warned,) = apply(demo.api, shop, demo.namespace, How(dry_run=True)).warnings
    assert re.fullmatch(rf"Deployment shop in namespace {demo.namespace}: would {told}\.", warned)

    demo.make(shop)
    waited = demo.wait("shop")
    found = re.fullmatch(rf"shop: its pods are refused: {told} \(FailedCreate\)", waited.cause)
    assert found, waited.cause
    assert waited.seconds < 15

    added = with_settings(json.dumps(shop), yaml.safe_load(found[1]), yaml.safe_load(found[2]))
    mended = apply(demo.api, yaml.safe_load(added), demo.namespace, How(dry_run=True, replace=True))
    assert mended.warnings == ()
    apply(demo.api, yaml.safe_load(added), demo.namespace, How(replace=True))
    assert demo.wait("shop").ready


def test_a_job_that_fails_is_told_at_once(demo: Demo) -> None:
    demo.make(demo.job("migrate", demo.settings.ends_badly, backoffLimit=0))
    waited = demo.wait("migrate", kind="Job")
    assert waited.cause.startswith("migrate: it has failed: Job has reached the specified backoff limit")
    assert waited.seconds < 15


def test_a_broken_release_over_a_healthy_one_is_told_although_the_old_pods_serve_on(demo: Demo) -> None:
    demo.make(demo.deployment("shop", replicas=2))
    assert demo.wait("shop").ready
    containers = [{**demo.pod()["containers"][0], "command": [demo.settings.ends_badly]}]
    template = {"spec": {"containers": containers}}
    demo.api.patch("apps/v1", "Deployment", "shop", demo.namespace, {"spec": {"template": template}})
    waited = demo.wait("shop")
    assert re.match(r"shop-\S+: container app: keeps crashing", waited.cause), waited.message
    assert waited.seconds < 15
    assert demo.counters("shop")["availableReplicas"] == 2


def test_a_good_release_over_a_broken_one_is_waited_for(demo: Demo) -> None:
    demo.make(demo.deployment("shop", demo.pod(command=[demo.settings.ends_badly]), replicas=2))
    assert not demo.wait("shop").ready
    containers = [{**demo.pod()["containers"][0], "command": None}]
    template = {"spec": {"containers": containers}}
    demo.api.patch("apps/v1", "Deployment", "shop", demo.namespace, {"spec": {"template": template}})
    waited = demo.wait("shop")
    assert waited.ready, waited.message
    assert demo.counters("shop")["updatedReplicas"] == 2


SLOW = {"APP_START_DELAY": "2.5"}
TROUBLES: dict[str, Callable[[Cluster], None]] = {
    "the API server restarts": lambda cluster: cluster.restart(1.0),
    "the watches are cut": lambda cluster: cluster.cut_watches(),
    "the watches are cut and refused": lambda cluster: (
        cluster.fail_next(4, 429, path="watch"),
        cluster.cut_watches(),
    )[1],
    "the watches are too old": lambda cluster: (cluster.expire_watches(3), cluster.cut_watches())[1],
    "the history is forgotten": lambda cluster: (cluster.forget_history(), cluster.cut_watches())[1],
    "lists fail for a while": lambda cluster: (
        cluster.fail_next(6, 503, "GET", "deployments|pods"),
        cluster.cut_watches(),
    )[1],
    "connections are reset for a while": lambda cluster: (
        cluster.drop_next(6, "GET", "deployments|pods"),
        cluster.cut_watches(),
    )[1],
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_with_the_api_on_the_way_is_survived(demo: Demo, cluster: Cluster, trouble: str) -> None:
    demo.make(demo.deployment("shop", demo.pod(env=SLOW), replicas=2))

    def make_trouble(line: str) -> None:
        if line.startswith("shop 0/2 ready, 0 s"):
            TROUBLES[trouble](cluster)

    waited = demo.wait("shop", show=make_trouble)
    assert waited.ready, waited.message
    assert waited.seconds >= 2
    assert demo.counters("shop")["availableReplicas"] == 2


def test_an_api_that_stays_away_is_told_when_the_time_is_over(demo: Demo, cluster: Cluster) -> None:
    demo.make(demo.deployment("shop", demo.pod(env={"APP_START_DELAY": "60"})))

    def take_away(line: str) -> None:
        cluster.fail_next(1000, 503, "GET", "deployments|pods")
        cluster.cut_watches()

    waited = demo.wait("shop", timeout=4, show=take_away)
    assert not waited.ready
    assert waited.seconds < 15
    assert any("503" in warning for warning in waited.result["warnings"])


def test_a_slow_start_with_one_restart_is_waited_out(demo: Demo, cluster: Cluster) -> None:
    """It crashes in the middle of its start, because of a setting that is corrected meanwhile."""
    behaviour = {"APP_START_DELAY": "4", "APP_CRASH_AFTER": "2"}
    demo.make({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}, "data": behaviour})
    demo.make(demo.deployment("shop", demo.pod(envFrom=[{"configMapRef": {"name": "shop"}}])))
    pod = {"kind": "Pod", "api_version": "v1", "label_selectors": ["app=shop"]}
    assert demo.wait(condition="status.phase == 'Running'", **pod).ready
    demo.api.patch("v1", "ConfigMap", "shop", demo.namespace, {"data": {"APP_CRASH_AFTER": None}})
    waited = demo.wait("shop", stable_for=2)
    assert waited.ready, waited.message
    assert [pod["restarts"] for pod in waited.result["pods"]] == [1]


def test_ready_between_two_crashes_is_not_believed(demo: Demo, cluster: Cluster) -> None:
    demo.make(demo.deployment("shop", demo.pod(env={"APP_CRASH_AFTER": "1", "APP_LOG": "no database"})))
    seen = Seen(demo, "shop")
    waited = demo.wait("shop", stable_for=3)
    assert "keeps crashing (2 times so far): exit code 1 (Error)" in waited.cause
    assert seen.wait(), "it has been ready for a moment"
    assert "no database" in waited.result["logs"][0]["lines"]
    assert [log["previous"] for log in waited.result["logs"]] == [False, True]


def test_out_of_memory_is_told_with_the_limit(demo: Demo, cluster: Cluster) -> None:
    pod = demo.pod(env={"APP_OOM": "0.2"}, resources={"limits": {"memory": "32Mi"}})
    demo.make(demo.deployment("shop", pod))
    waited = demo.wait("shop", stable_for=3)
    assert "killed at its memory limit of 32Mi (OOMKilled, exit code 137)" in waited.cause


@pytest.mark.parametrize(
    ("resource", "warning"),
    [("events", "Could not list Event objects"), ("pods/log", "Could not read the log of pod shop-")],
)
def test_without_permission_for_events_or_logs_the_verdict_stands_and_says_what_it_could_not_see(
    demo: Demo, cluster: Cluster, resource: str, warning: str
) -> None:
    cluster.forbid(resource=resource)
    demo.make(demo.deployment("shop", demo.pod(command=[demo.settings.ends_badly])))
    waited = demo.wait("shop")
    assert "keeps crashing" in waited.cause
    assert [told[: len(warning)] for told in waited.result["warnings"]] == [warning]


def test_without_permission_for_pods_it_says_what_to_grant(demo: Demo, cluster: Cluster) -> None:
    cluster.forbid(resource="pods")
    demo.make(demo.deployment("shop"))
    waited = demo.wait("shop")
    assert waited.cause.startswith("Could not list Pod objects in namespace")
    assert "give this user that verb on that resource" in waited.cause
    assert waited.seconds < 5


def test_a_token_that_is_not_accepted_is_told(demo: Demo, cluster: Cluster, tmp_path: Path) -> None:
    wrong = tmp_path / "kubeconfig"
    wrong.write_text(cluster.kubeconfig.read_text().replace(cluster.token, "wrong"))
    waited = demo.wait("shop", client=connect({"kubeconfig": str(wrong)}))
    assert "401 Unauthorized" in waited.cause
    assert "the cluster does not accept these credentials" in waited.cause
    assert waited.seconds < 5


def test_many_pods_cost_no_more_requests_than_one(demo: Demo, cluster: Cluster) -> None:
    client = connect({})
    demo.wait("shop", client=client, check_mode=True)
    for name, replicas in (("one", 1), ("many", 40)):
        demo.make(demo.deployment(name, _idle(demo), replicas=replicas))
    asked = {}
    for name in ("one", "many"):
        cluster.forget_requests()
        assert demo.wait(name, client=client).ready
        asked[name] = [seen for seen in cluster.requests() if demo.namespace in seen["path"]]
    # A list and a watch of the Deployment, and of its pods; no second watch where the lists told enough.
    assert all(len(seen) <= 4 for seen in asked.values()), asked


def _idle(demo: Demo) -> Any:
    """Pods without a process."""
    return demo.pod(probe=False, image="sandbox/pause:v1")


@pytest.mark.parametrize("replicas", [1, 50, 500])
def test_ready_is_seen_right_after_the_status_says_so(demo: Demo, cluster: Cluster, replicas: int) -> None:
    late = []
    for number in range(5 if replicas == 1 else 1):
        name = f"shop-{number}"
        demo.make(demo.deployment(name, _idle(demo), replicas=replicas))
        seen = Seen(demo, name)
        waited = demo.wait(name)
        assert waited.ready, waited.message
        late.append(waited.at - seen.wait())
    assert statistics.median(late) < 0.15
    assert max(late) < 0.5
