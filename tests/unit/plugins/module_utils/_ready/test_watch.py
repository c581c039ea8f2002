from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready import watch as _watching
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import (
    Changed,
    Listed,
    Lost,
    Stream,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.watch import Feed, News, Refused

from ..api import DEPLOYMENTS, Api, cut, deployment, gone, hang, listing, names, refuse, stream

SHOP = Stream("apps/v1", "Deployment", "demo", "app=shop")
PODS = Stream("v1", "Pod", "demo", related=True)
POD_PATH = "/api/v1/namespaces/demo/pods"


def both(lists: list[Any], watches: list[Any]) -> Callable[[Any], None]:
    """Answers lists and watches of one path, each with the next of its own scripts."""

    def script(handler: Any) -> None:
        scripts = watches if "watch=true" in handler.path else lists
        (scripts.pop(0) if len(scripts) > 1 else scripts[0])(handler)

    return script


@pytest.fixture
def feed(cluster: Cluster) -> Iterator[Feed]:
    feed = Feed(cluster)
    yield feed
    feed.close()


def until(feed: Feed, enough: Callable[[list[News]], bool]) -> list[News]:
    news: list[News] = []
    deadline = time.monotonic() + 10
    while not enough(news):
        assert time.monotonic() < deadline, f"only {news}"
        news += feed.next(deadline)
    return news


def told(news: list[News]) -> list[tuple[str, list[str]]]:
    """Listed, Changed and Gone with the names of their objects; Lost and Refused without."""
    shown = []
    for each in news:
        if isinstance(each, Listed):
            shown.append(("Listed", names(each.things)))
        elif isinstance(each, Changed):
            shown.append(("Gone" if each.gone else "Changed", names([each.thing])))
        else:
            shown.append((type(each).__name__, []))
    return shown


def test_a_list_and_then_what_changes_after_it(api: Api, feed: Feed) -> None:
    changes = stream(
        ("MODIFIED", deployment("a")), ("BOOKMARK", deployment("")), ("DELETED", deployment("a")), then="hang"
    )
    api.answers(DEPLOYMENTS, both([listing(deployment("a"), version="7")], [changes]))
    feed.follow([SHOP])
    assert told(until(feed, lambda news: len(news) == 3)) == [
        ("Listed", ["a"]),
        ("Changed", ["a"]),
        ("Gone", ["a"]),
    ]
    first, second = api.seen(DEPLOYMENTS)
    assert first == {"labelSelector": "app=shop"}
    assert (second["resourceVersion"], second["labelSelector"]) == ("7", "app=shop")


def test_a_stream_that_ends_is_taken_up_where_it_ended(api: Api, feed: Feed) -> None:
    ends = [stream(("ADDED", deployment("b", "8")), ("BOOKMARK", deployment("", "9"))), stream(then="hang")]
    api.answers(DEPLOYMENTS, both([listing(version="7")], ends))
    feed.follow([SHOP])
    api.wait_for(DEPLOYMENTS, 3)
    assert [query.get("resourceVersion") for query in api.seen(DEPLOYMENTS)] == [None, "7", "9"]


@pytest.mark.parametrize(
    ("trouble", "lost"),
    [
        (stream(gone()), False),
        (stream(then="cut"), True),
        (cut, True),
        (refuse(429), True),
        (refuse(500), True),
    ],
)
def test_a_stream_that_breaks_is_listed_anew(api: Api, feed: Feed, trouble: Any, lost: bool) -> None:
    lists = [listing(deployment("a"), version="7"), listing(deployment("b"), version="20")]
    api.answers(DEPLOYMENTS, both(lists, [trouble, stream(("ADDED", deployment("c")), then="hang")]))
    feed.follow([SHOP])
    news = told(until(feed, lambda news: ("Changed", ["c"]) in told(news)))
    assert [each for each in news if each[0] != "Lost"] == [
        ("Listed", ["a"]),
        ("Listed", ["b"]),
        ("Changed", ["c"]),
    ]
    assert (("Lost", []) in news) is lost
    assert [query.get("resourceVersion") for query in api.seen(DEPLOYMENTS)] == [None, "7", None, "20"]


def test_a_server_that_is_down_for_long_is_asked_less_and_less_often(
    api: Api, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watching, "_SHORTEST_PAUSE", 0.05)
    # The watch is cut, and then each list is tried three times before it is given up for a while.
    lists = [listing(), *[refuse(503)] * 9, listing(deployment("a"))]
    api.answers(DEPLOYMENTS, both(lists, [cut, stream(then="hang")]))
    feed.follow([SHOP])
    started = time.monotonic()
    news = until(feed, lambda news: ("Listed", ["a"]) in told(news))
    assert sum(isinstance(each, Lost) for each in news) == 4
    assert time.monotonic() - started >= 0.05 + 0.1 + 0.2 + 0.4


def test_a_server_that_ends_every_stream_at_once_is_not_hammered(
    api: Api, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watching, "_SHORTEST_PAUSE", 0.1)
    api.answers(DEPLOYMENTS, both([listing()], [stream()]))
    feed.follow([SHOP])
    deadline = time.monotonic() + 0.6
    while time.monotonic() < deadline:
        feed.next(deadline)
    assert 2 <= len(api.seen(DEPLOYMENTS)) <= 8


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_list_that_is_refused_from_the_start_is_told_at_once(api: Api, feed: Feed, status: int) -> None:
    api.answers(DEPLOYMENTS, refuse(status))
    feed.follow([SHOP])
    (refused,) = until(feed, lambda news: len(news) == 1)
    assert isinstance(refused, Refused)
    assert str(status) in str(refused.error)


def test_a_kind_that_the_cluster_does_not_know_is_told_at_once(feed: Feed) -> None:
    feed.follow([Stream("apps/v1", "Widget", "demo")])
    (refused,) = until(feed, lambda news: len(news) == 1)
    assert isinstance(refused, Refused)
    assert "Widget" in str(refused.error)


def test_a_server_that_is_overloaded_at_the_start_is_waited_for(api: Api, feed: Feed) -> None:
    api.answers(DEPLOYMENTS, both([refuse(429)] * 4 + [listing(deployment("a"))], [stream(then="hang")]))
    feed.follow([SHOP])
    assert told(until(feed, lambda news: ("Listed", ["a"]) in told(news)))[0] == ("Lost", [])


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_watch_that_was_never_allowed_is_refused_at_once(api: Api, feed: Feed, status: int) -> None:
    """A role may grant list and not watch."""
    api.answers(DEPLOYMENTS, both([listing(deployment("a"), version="7")], [refuse(status)]))
    feed.follow([SHOP])
    news = until(feed, lambda news: len(news) == 2)
    assert isinstance(news[1], Refused)
    assert str(status) in str(news[1].error)


def test_permission_that_is_lost_on_the_way_may_come_back(api: Api, feed: Feed) -> None:
    """An API server that has just restarted can refuse for a moment what it allows."""
    lists = [listing(), refuse(403), listing(deployment("a"))]
    api.answers(DEPLOYMENTS, both(lists, [cut, stream(then="hang")]))
    feed.follow([SHOP])
    assert ("Listed", ["a"]) in told(until(feed, lambda news: ("Listed", ["a"]) in told(news)))


def test_several_streams_bring_their_news_together(api: Api, feed: Feed) -> None:
    api.answers(DEPLOYMENTS, both([listing(deployment("a"))], [stream(then="hang")]))
    api.answers(POD_PATH, both([listing(deployment("p"))], [stream(then="hang")]))
    assert feed.follow([SHOP, PODS]) == []
    news = until(feed, lambda news: len(news) == 2)
    assert {each.stream for each in news} == {SHOP, PODS}


def test_a_stream_that_is_given_up_says_nothing_more_not_even_what_it_had_to_say(
    api: Api, feed: Feed
) -> None:
    for path in (DEPLOYMENTS, POD_PATH):
        api.answers(path, both([listing(deployment("a"))], [stream(then="hang")]))
    feed.follow([SHOP, PODS])
    for path in (DEPLOYMENTS, POD_PATH):
        # Who watches has told what it has listed.
        api.wait_for(path, 2)
    assert feed.follow([PODS]) == [SHOP]
    assert [each.stream for each in feed.next(time.monotonic() + 0.1)] == [PODS]
    assert feed.next(time.monotonic() + 0.1) == []


def test_without_watch_everything_is_listed_once(api: Api, cluster: Cluster) -> None:
    api.answers(DEPLOYMENTS, listing(deployment("a")))
    feed = Feed(cluster, watch=False)
    feed.follow([SHOP])
    assert told(until(feed, lambda news: len(news) == 1)) == [("Listed", ["a"])]
    assert feed.next(time.monotonic() + 0.2) == []
    assert len(api.seen(DEPLOYMENTS)) == 1


@pytest.mark.parametrize("state", [stream(then="hang"), hang])
def test_closing_does_not_wait_for_anything(api: Api, cluster: Cluster, state: Any) -> None:
    api.answers(DEPLOYMENTS, both([listing()], [state]))
    feed = Feed(cluster)
    feed.follow([SHOP])
    api.wait_for(DEPLOYMENTS, 2)
    started = time.monotonic()
    feed.close()
    assert time.monotonic() - started < 1
