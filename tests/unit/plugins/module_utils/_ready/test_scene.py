from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import (
    Ask,
    Changed,
    Listed,
    Lost,
    Scene,
    Stream,
)

from .objects import Object, complete, endpoints_of, pod, running, terminated, workload


def ask(name: str = "", kind: str = "Deployment", **more: Any) -> Ask:
    api_version = "v1" if kind == "Service" else "apps/v1"
    return Ask(api_version, kind, "demo", name, **more)


def deployments(**more: Any) -> Stream:
    return Stream("apps/v1", "Deployment", "demo", **more)


def pods(label_selector: str) -> Stream:
    return Stream("v1", "Pod", "demo", label_selector, related=True)


def shop(name: str = "shop", **labels: str) -> Object:
    selector = {"selector": {"matchLabels": {"app": "shop", "name": name}}}
    return workload(spec=selector, status=complete(), name=name, uid=f"uid-{name}", labels=labels)


@pytest.mark.parametrize(
    ("asks", "streams"),
    [
        ([ask("a")], {deployments(field_selector="metadata.name=a")}),
        ([ask("a"), ask("b")], {deployments()}),
        ([ask(selector="app=shop")], {deployments(label_selector="app=shop")}),
        ([ask(selector="app=shop"), ask(selector="app=shop")], {deployments(label_selector="app=shop")}),
        ([ask(selector="app=shop"), ask("a")], {deployments()}),
        ([ask(selector="app=shop"), ask(selector="app=web")], {deployments()}),
    ],
)
def test_a_kind_and_namespace_is_watched_once_and_as_narrowly_as_all_asks_allow(
    asks: list[Ask], streams: set[Stream]
) -> None:
    assert Scene(asks, 10).streams() == streams


def test_pods_are_watched_by_the_labels_that_all_workloads_share() -> None:
    scene = Scene([ask("a"), ask("b")], 10)
    scene.apply(Listed(deployments(), [shop("a")]))
    assert pods("app=shop,name=a") in scene.streams()
    scene.apply(Changed(deployments(), shop("b")))
    assert pods("app=shop") in scene.streams()
    assert len(scene.streams()) == 2


def test_pods_are_watched_without_selector_when_workloads_share_no_label() -> None:
    scene = Scene([ask("a"), ask("b")], 10)
    other = workload(spec={"selector": {"matchLabels": {"app": "web"}}}, name="b", uid="uid-b")
    scene.apply(Listed(deployments(), [shop("a"), other]))
    assert pods("") in scene.streams()


def test_a_service_is_watched_by_its_endpoints_and_its_pods() -> None:
    scene = Scene([ask("shop", "Service")], 10)
    (stream,) = scene.streams()
    scene.apply(Listed(stream, [workload("Service", {"selector": {"app": "shop"}})]))
    label = "kubernetes.io/service-name=shop"
    slices = Stream("discovery.k8s.io/v1", "EndpointSlice", "demo", label, related=True)
    assert scene.streams() == {stream, slices, pods("app=shop")}
    scene.apply(Listed(slices, [endpoints_of("shop")]))
    scene.apply(Listed(pods("app=shop"), []))
    assert [verdict.ready for verdict in scene.verdicts()] == [True]


def test_it_is_complete_when_everything_has_been_seen_once() -> None:
    scene = Scene([ask("shop")], 10)
    stream = deployments(field_selector="metadata.name=shop")
    assert not scene.complete
    scene.apply(Listed(stream, [shop()]))
    assert not scene.complete
    scene.apply(Listed(pods("app=shop,name=shop"), []))
    assert scene.complete
    scene.look_at_events()
    assert not scene.complete
    scene.hide("Event", "Could not list Event objects: 403.")
    assert scene.complete
    assert scene.hidden == ["Could not list Event objects: 403."]


def test_what_nobody_answers_to_is_absent() -> None:
    scene = Scene([ask("shop"), ask(selector="app=web")], 10)
    scene.apply(Listed(deployments(), []))
    assert [(verdict.name, verdict.causes[0].code) for verdict in scene.verdicts()] == [
        ("shop", "NotFound"),
        ("app=web", "NotFound"),
    ]


def test_a_selector_stands_for_all_that_matches_it_and_each_is_judged_once() -> None:
    scene = Scene([ask(selector="app=shop"), ask("shop-a")], 10)
    things = [shop("shop-a", app="shop"), shop("shop-b", app="shop"), shop("web", app="web")]
    scene.apply(Listed(deployments(), things))
    assert sorted(verdict.name for verdict in scene.verdicts()) == ["shop-a", "shop-b"]


def test_what_is_gone_is_absent_again() -> None:
    scene = Scene([ask("shop")], 10)
    stream = deployments(field_selector="metadata.name=shop")
    scene.apply(Listed(stream, [shop()]))
    assert scene.verdicts()[0].ready
    scene.apply(Changed(stream, shop(), gone=True))
    assert scene.verdicts()[0].causes[0].code == "NotFound"


def job(complete: bool, **spec: Any) -> Object:
    done = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1} if complete else {}
    return workload("Job", spec=spec, status=done, name="migrate")


@pytest.mark.parametrize("listed_anew", [False, True])
@pytest.mark.parametrize(
    ("thing", "stays"),
    [
        (job(True, ttlSecondsAfterFinished=0), True),
        (job(False, ttlSecondsAfterFinished=0), False),
        (job(True), False),
    ],
)
def test_a_job_that_cleans_itself_up_stays_done(thing: Object, stays: bool, listed_anew: bool) -> None:
    asked = Ask("batch/v1", "Job", "demo", "migrate")
    scene = Scene([asked], 10)
    [stream] = scene.streams()
    scene.apply(Listed(stream, [job(False)]))
    scene.apply(Changed(stream, thing))
    # The controller deletes it in the foreground.
    going = {**thing, "metadata": {**thing["metadata"], "deletionTimestamp": "2026-11-23T08:02:00Z"}}
    scene.apply(Changed(stream, going))
    scene.apply(Listed(stream, []) if listed_anew else Changed(stream, going, gone=True))
    [verdict] = scene.verdicts()
    assert verdict.ready == stays


def test_a_list_replaces_all_that_was_known() -> None:
    scene = Scene([ask(selector="app=shop")], 10)
    stream = deployments(label_selector="app=shop")
    scene.apply(Listed(stream, [shop("a", app="shop"), shop("b", app="shop")]))
    scene.apply(Listed(stream, [shop("b", app="shop")]))
    assert [verdict.name for verdict in scene.verdicts()] == ["b"]


def test_a_view_is_lost_until_the_stream_shows_something_again() -> None:
    scene = Scene([ask("shop")], 10)
    stream = deployments(field_selector="metadata.name=shop")
    scene.apply(Listed(stream, []))
    scene.apply(Lost(stream, "connection refused"))
    assert scene.lost == ["connection refused"]
    scene.apply(Listed(stream, []))
    assert scene.lost == []


def test_a_stream_that_is_no_longer_watched_shows_nothing() -> None:
    scene = Scene([ask("a"), ask("b")], 10)
    scene.apply(Listed(deployments(), [shop("a")]))
    scene.apply(
        Listed(
            pods("app=shop,name=a"), [pod("a-1-x", running(ready=False), owner=("ReplicaSet", "a-1", "1"))]
        )
    )
    assert not scene.verdicts()[0].ready
    scene.forget(pods("app=shop,name=a"))
    assert scene.verdicts()[0].ready


def test_a_condition_is_asked_of_the_object_itself_even_when_it_is_a_pod() -> None:
    crashed = Ask("v1", "Pod", "demo", "shop-a", condition="x", holds=lambda thing: "status" in thing)
    scene = Scene([crashed], 10)
    (stream,) = scene.streams()
    scene.apply(Listed(stream, [pod("shop-a", terminated())]))
    assert scene.streams() == {stream}
    assert scene.verdicts()[0].ready
