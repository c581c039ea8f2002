from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.diagnosis import diagnose
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

from .._ready.objects import event, pod, running, terminated, waiting
from ..api import Api, listing, refuse, reply

EVENTS = "/api/v1/namespaces/demo/events"


def verdict(*pods: dict[str, Any], ready: bool = False) -> Verdict:
    read = tuple(read_pod(each) for each in pods)
    return Verdict("Deployment", "shop", "demo", "uid-shop", ready, "a reason", pods=read)


def log_of(name: str) -> str:
    return f"/api/v1/namespaces/demo/pods/{name}/log"


def test_the_newest_warnings_about_the_workload_its_pods_and_their_owner(api: Api, cluster: Cluster) -> None:
    about = ["uid-shop", "uid-shop-a", "rs-1", "uid-other"]
    api.answers(EVENTS, listing(*[event(uid, f"R{number}", at=number) for number, uid in enumerate(about)]))
    diagnosis = diagnose(cluster, [verdict(pod("shop-a", running(ready=False)))], log_lines=0)
    assert [each.reason for each in diagnosis.events] == ["R2", "R1", "R0"]
    assert api.seen(EVENTS) == [{"fieldSelector": "type=Warning"}]


def test_no_more_than_ten_warnings(api: Api, cluster: Cluster) -> None:
    api.answers(EVENTS, listing(*[event("uid-shop", "Unhealthy", at=number) for number in range(50)]))
    assert len(diagnose(cluster, [verdict()], log_lines=0).events) == 10


def test_the_last_lines_of_the_current_run_and_of_the_one_before(api: Api, cluster: Cluster) -> None:
    api.answers(EVENTS, listing())
    api.answers(log_of("shop-a"), reply("starting\nno database\n"), reply("first run\n"))
    diagnosis = diagnose(cluster, [verdict(pod("shop-a", terminated(restarts=1)))], log_lines=5)
    assert list(diagnosis.logs) == [
        {"pod": "shop-a", "container": "app", "previous": False, "lines": ["starting", "no database"]},
        {"pod": "shop-a", "container": "app", "previous": True, "lines": ["first run"]},
    ]
    assert api.seen(log_of("shop-a")) == [
        {"container": "app", "tailLines": "5"},
        {"container": "app", "tailLines": "5", "previous": "true"},
    ]


@pytest.mark.parametrize(
    ("containers", "asked"),
    [
        ([running(ready=False)], ["app"]),
        ([waiting("CrashLoopBackOff", restarts=1)], ["app", "app"]),
        ([waiting("ErrImagePull")], []),
        ([waiting("ContainerCreating")], []),
        ([running(name="well"), terminated()], ["app"]),
    ],
)
def test_only_containers_that_have_run_and_are_not_well_are_asked(
    api: Api, cluster: Cluster, containers: list[Any], asked: list[str]
) -> None:
    api.answers(EVENTS, listing())
    api.answers(log_of("shop-a"), reply("a line"))
    diagnose(cluster, [verdict(pod("shop-a", *containers))], log_lines=5)
    assert [query["container"] for query in api.seen(log_of("shop-a"))] == asked


def test_logs_are_cut_to_a_sane_size_and_need_not_be_utf8(api: Api, cluster: Cluster) -> None:
    def noisy(handler: Any) -> None:
        body = b"x" * 5000 + b"\n" + b"\xff\xfe\n" * 300
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    api.answers(EVENTS, listing())
    api.answers(log_of("shop-a"), noisy)
    (log,) = diagnose(cluster, [verdict(pod("shop-a", running(ready=False)))], log_lines=301).logs
    assert len(log["lines"]) == 301
    assert len(log["lines"][0]) == 500
    (log,) = diagnose(cluster, [verdict(pod("shop-a", running(ready=False)))], log_lines=3).logs
    assert log["lines"] == ["��"] * 3


def test_only_a_few_pods_are_asked_first_those_with_a_cause(api: Api, cluster: Cluster) -> None:
    api.answers(EVENTS, listing())
    pods = [pod(f"shop-{number}", running(ready=False)) for number in range(9)]
    pods.append(pod("shop-crashed", terminated(restarts=1)))
    diagnose(cluster, [verdict(*pods)], log_lines=5)
    asked = {path for _method, path, *_rest in api.requests if path.endswith("/log")}
    assert len(asked) == 3
    assert log_of("shop-crashed") in asked


def test_a_log_that_is_gone_is_left_out(api: Api, cluster: Cluster) -> None:
    api.answers(EVENTS, listing())
    message = 'previous terminated container "app" in pod "shop-a" not found'
    api.answers(log_of("shop-a"), reply("now"), refuse(400, "BadRequest", message))
    diagnosis = diagnose(cluster, [verdict(pod("shop-a", terminated(restarts=1)))], log_lines=5)
    assert [log["previous"] for log in diagnosis.logs] == [False]
    assert diagnosis.hidden == ()


def test_what_may_not_be_seen_is_told_and_is_no_failure(api: Api, cluster: Cluster) -> None:
    api.answers(EVENTS, refuse(403, "Forbidden", "events is forbidden"))
    api.answers(log_of("shop-a"), refuse(403, "Forbidden", 'pods "shop-a" is forbidden'))
    diagnosis = diagnose(cluster, [verdict(pod("shop-a", running(ready=False)))], log_lines=5)
    assert (diagnosis.events, diagnosis.logs) == ((), ())
    first, second = diagnosis.hidden
    assert 'Could not list Event objects in namespace "demo"' in first
    assert "Could not read the log of pod shop-a" in second


def test_no_log_is_read_when_none_is_wanted_and_nothing_of_what_is_ready(api: Api, cluster: Cluster) -> None:
    api.answers(EVENTS, listing())
    broken = pod("shop-a", terminated(restarts=1))
    diagnose(cluster, [verdict(broken)], log_lines=0)
    assert len(api.seen(EVENTS)) == 1
    diagnose(cluster, [verdict(broken, ready=True)], log_lines=5)
    assert len(api.seen(EVENTS)) == 1
    assert api.seen(log_of("shop-a")) == []
