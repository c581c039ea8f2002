from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    COLOR,
    MANIFEST,
    PROVEN,
    REJECTED,
    VERSION,
    Release,
    check_app,
    check_smoke,
    companions,
    find_holder,
    read_commit,
    read_workload,
)

from .states import NEW, OLD, work


@pytest.mark.parametrize("value", ["0012345", "a", "1.2.3", "v1_0-rc.1", "x" * 63])
def test_a_commit_of_the_allowed_form(value: str) -> None:
    assert read_commit(value) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5349, "The commit 5349 is a number, not a string: quote it"),
        (
            5349,
            "in the survey of an AWX job, where quotes do not help, give more of the commit, up to a letter.",
        ),
        ([5349], "The commit 5349 is a number"),
        (1e5, "The commit 100000.0 is a number"),
        (True, "The commit True is a boolean"),
        (date(2026, 1, 1), "of type date"),
        ("", "No commit was given"),
        (None, "No commit was given"),
        ("-abc", "The commit '-abc' cannot be a label"),
        ("abc.", "The commit 'abc.' cannot be a label"),
        ("a/b", "'a/b'"),
        ("a b", "'a b'"),
        ("x" * 64, "1 to 63"),
        ("abc\n", "cannot be a label"),
    ],
)
def test_a_commit_that_is_refused(value: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read_commit(value)
    assert said in raised.value.message


@pytest.mark.parametrize("app", ["web", "w", "web-2", "a" * 57])
def test_a_name_that_can_name_services(app: str) -> None:
    check_app(app)


@pytest.mark.parametrize("app", ["", "Web", "2web", "web-", "web_1", "a" * 58])
def test_a_name_that_cannot(app: str) -> None:
    with pytest.raises(InputError, match=f"'{app}'"):
        check_app(app)


@pytest.mark.parametrize("smoke", ["proxy", "none", "http://x", "https://x/y"])
def test_a_smoke_request(smoke: str) -> None:
    check_smoke(smoke)


def test_a_smoke_request_that_is_none() -> None:
    with pytest.raises(InputError, match="'prox'"):
        check_smoke("prox")


def deployment(
    version: str | None = "0012345", manifest: str | None = "aaaa", **notes: str
) -> dict[str, Any]:
    keys = {"proven": PROVEN, "rejected": REJECTED}
    annotations = {keys[name]: text for name, text in notes.items()}
    if manifest:
        annotations[MANIFEST] = manifest
    return {
        "metadata": {
            "name": "shop-blue",
            "generation": 3,
            "labels": {VERSION: version} if version else {},
            "annotations": annotations,
        },
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "a", "image": "shop:1"}]}}},
        "status": {
            "observedGeneration": 3,
            "replicas": 2,
            "updatedReplicas": 2,
            "availableReplicas": 2,
            "readyReplicas": 2,
        },
    }


@pytest.mark.parametrize(
    ("mark", "counts"),
    [
        (OLD.mark("2026-01-01T00:00:00+00:00"), True),
        (NEW.mark("2026-01-01T00:00:00+00:00"), False),
        (Release("0012345", "bbbb").mark("now"), False),
        (Release("00abcde", "aaaa").mark("now"), False),
        ("", False),
        ("true", False),
    ],
)
def test_a_mark_counts_for_its_own_release_alone(mark: str, counts: bool) -> None:
    assert read_workload(deployment(proven=mark)).proven is counts
    assert read_workload(deployment(rejected=mark)).rejected is counts


def test_marks_that_are_there_are_named_whatever_they_say() -> None:
    seen = read_workload(deployment(proven=OLD.mark("now"), rejected=NEW.mark("now")))
    assert seen.marks == (PROVEN, REJECTED)


def test_an_emptied_mark_is_none() -> None:
    assert read_workload(deployment(proven="", rejected=NEW.mark("now"))).marks == (REJECTED,)


@pytest.mark.parametrize("missing", [{"version": None}, {"manifest": None}])
def test_a_workload_of_no_deploy_has_no_release(missing: dict[str, None]) -> None:
    seen = read_workload(deployment(**missing, proven=OLD.mark("now")))
    assert seen.release is None
    assert not seen.proven


def test_a_bare_deployment_is_read() -> None:
    seen = read_workload({"metadata": {"name": "shop-blue"}, "spec": {}})
    assert seen == work(None, proven_at="", replicas=1, ready_replicas=0, lack=seen.lack, images=())
    assert not seen.ready


@pytest.mark.parametrize(
    ("spec", "status", "lack"),
    [
        ({}, {}, ""),
        ({"replicas": 0}, {}, "it wants no replicas"),
        ({}, {"observedGeneration": 2}, "its controller has not seen generation 3 yet"),
        ({}, {"availableReplicas": 1}, "1 of 2 replicas are available"),
        ({}, {"updatedReplicas": 1}, "1 of 2 replicas are of the newest release"),
        ({}, {"replicas": 3}, "1 old replicas are still there"),
    ],
)
def test_what_a_workload_lacks(spec: dict[str, Any], status: dict[str, Any], lack: str) -> None:
    thing = deployment()
    thing["spec"] |= spec
    thing["status"] |= status
    assert read_workload(thing).lack == lack


def service(namespace: str, name: str, *ports: int | None) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"ports": [{"port": 80, "nodePort": port} if port else {"port": 80} for port in ports]},
    }


@pytest.mark.parametrize(
    ("services", "holder"),
    [
        ([], None),
        ([service("shop", "shop-green", 30082)], None),
        ([service("shop", "other", 30099, None)], None),
        ([service("shop", "old-web", 30099, 30082)], "shop/old-web"),
        ([service("legacy", "shop-green", 30082)], "legacy/shop-green"),
    ],
)
def test_who_else_holds_a_node_port(services: list[dict[str, Any]], holder: str | None) -> None:
    assert find_holder(services, (30082,), "shop", "shop-green") == holder


def test_what_was_staged_together() -> None:
    def staged(name: str, color: str, version: str) -> dict[str, Any]:
        thing = deployment(version)
        thing["metadata"]["name"] = name
        thing["metadata"]["labels"][COLOR] = color
        return thing

    there = [
        staged("shop-worker-blue", "blue", "0012345"),
        staged("shop-blue", "blue", "0012345"),
        staged("shop-green", "green", "0012345"),
        staged("cart-blue", "blue", "00abcde"),
        {"metadata": {"name": "bare"}},
    ]
    assert companions(there, "blue", OLD) == ("shop-blue", "shop-worker-blue")
