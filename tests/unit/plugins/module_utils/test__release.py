from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _release
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import (
    Decision,
    Release,
    Route,
    Side,
    WayBack,
    Workload,
)

OLD = Release("0012345", "aaaa")
NEW = Release("00abcde", "bbbb")

ROUTE = Route(
    name="shop-lb",
    type="classic",
    live="blue",
    idle="green",
    node_ports={"blue": (30081,), "green": (30082,)},
    serves=True,
    drift={},
    claim=None,
)
UNSERVED = replace(ROUTE, live=None, idle=None, serves=False, drift={"listener_missing": "no listener"})


def work(release: Release | None = OLD, **changes: Any) -> Workload:
    values = {
        "release": release,
        "proven": True,
        "rejected": False,
        "replicas": 2,
        "ready_replicas": 2,
        "lack": "",
        "images": ("web:1",),
        "marks": (),
    }
    return Workload(**values | changes)


def side(color: str, workload: Workload | None = None, **changes: Any) -> Side:
    port = 30081 if color == "blue" else 30082
    values = {"service_ports": (port,) if workload else None}
    return Side(color, (port,), workload, **values | changes)


def sides(
    blue: Workload | None = None, green: Workload | None = None, **green_changes: Any
) -> dict[str, Side]:
    return {"blue": side("blue", blue), "green": side("green", green, **green_changes)}


@pytest.mark.parametrize("value", ["0012345", "a", "1.2.3", "v1_0-rc.1", "x" * 63])
def test_a_commit_of_the_allowed_form(value: str) -> None:
    assert _release.read_commit(value) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5349, "The commit 5349 is a number, not a string: quote it"),
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
        _release.read_commit(value)
    assert said in raised.value.message


@pytest.mark.parametrize("app", ["web", "w", "web-2", "a" * 57])
def test_a_name_that_can_name_services(app: str) -> None:
    _release.check_app(app)


@pytest.mark.parametrize("app", ["", "Web", "2web", "web-", "web_1", "a" * 58])
def test_a_name_that_cannot(app: str) -> None:
    with pytest.raises(InputError, match=f"'{app}'"):
        _release.check_app(app)


@pytest.mark.parametrize("smoke", ["proxy", "none", "http://x", "https://x/y"])
def test_a_smoke_request(smoke: str) -> None:
    _release.check_smoke(smoke)


def test_a_smoke_request_that_is_none() -> None:
    with pytest.raises(InputError, match="'prox'"):
        _release.check_smoke("prox")


FACTS = {
    "name": "shop-lb",
    "type": "classic",
    "live": "blue",
    "idle": "green",
    "colors": {"blue": {"node_ports": [30081, 30083]}, "green": None},
    "listeners": [{"port": 80, "color": "blue"}, {"port": 9000, "color": None}],
    "drift": [{"code": "mixed", "message": "both"}],
    "claim": "shop/1",
    "intent": None,
}


def test_what_of_the_facts_decides() -> None:
    assert _release.read_route(FACTS) == Route(
        "shop-lb",
        "classic",
        "blue",
        "green",
        {"blue": (30081, 30083), "green": ()},
        True,
        {"mixed": "both"},
        "shop/1",
    )


@pytest.mark.parametrize(("living", "color"), [(True, None), (False, "green")])
def test_a_dead_runs_swap_is_told_from_a_living_one(living: bool, color: str | None) -> None:
    facts = FACTS | {"intent": {"color": "green", "living": living}}
    assert _release.read_route(facts).cut_off == color


def test_a_foreign_listener_does_not_serve() -> None:
    facts = FACTS | {"listeners": [{"port": 9000, "color": None}]}
    assert not _release.read_route(facts).serves


@pytest.mark.parametrize("facts", [{}, FACTS | {"drift": None}, FACTS | {"colors": None}])
def test_a_router_that_is_no_entry_of_the_facts(facts: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="elb_color_facts"):
        _release.read_route(facts)


def deployment(
    version: str | None = "0012345", manifest: str | None = "aaaa", **notes: str
) -> dict[str, Any]:
    keys = {"proven": _release.PROVEN, "rejected": _release.REJECTED}
    annotations = {keys[name]: text for name, text in notes.items()}
    if manifest:
        annotations[_release.MANIFEST] = manifest
    return {
        "metadata": {
            "name": "shop-blue",
            "generation": 3,
            "labels": {_release.VERSION: version} if version else {},
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
    assert _release.read_workload(deployment(proven=mark)).proven is counts
    assert _release.read_workload(deployment(rejected=mark)).rejected is counts


def test_marks_that_are_there_are_named_whatever_they_say() -> None:
    seen = _release.read_workload(deployment(proven="", rejected=NEW.mark("now")))
    assert seen.marks == (_release.PROVEN, _release.REJECTED)


@pytest.mark.parametrize("missing", [{"version": None}, {"manifest": None}])
def test_a_workload_of_no_deploy_has_no_release(missing: dict[str, None]) -> None:
    seen = _release.read_workload(deployment(**missing, proven=OLD.mark("now")))
    assert seen.release is None
    assert not seen.proven


def test_a_bare_deployment_is_read() -> None:
    seen = _release.read_workload({"metadata": {"name": "shop-blue"}, "spec": {}})
    assert seen == work(None, proven=False, replicas=1, ready_replicas=0, lack=seen.lack, images=())
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
    assert _release.read_workload(thing).lack == lack


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
    assert _release.find_holder(services, (30082,), "shop", "shop-green") == holder


@pytest.mark.parametrize(
    ("claim", "take_over", "passes"),
    [(None, False, True), ("shop/1", False, True), ("shop/2", False, False), ("shop/2", True, True)],
)
def test_the_claim_of_the_load_balancer(claim: str | None, take_over: bool, passes: bool) -> None:
    route = replace(ROUTE, claim=claim)
    if passes:
        _release.check_claim(route, "shop/1", take_over)
        return
    with pytest.raises(InputError) as raised:
        _release.check_claim(route, "shop/1", take_over)
    assert "'shop/2'" in raised.value.message
    assert "'shop/1'" in raised.value.message


@pytest.mark.parametrize(
    "code", ["mixed", "unknown_port", "tags_missing", "tags_equal", "tags_invalid", "owned_by_kubernetes"]
)
def test_drift_is_refused_with_its_name(code: str) -> None:
    with pytest.raises(InputError) as raised:
        _release.check_router(replace(ROUTE, drift={code: "the router is odd"}), creates_listeners=True)
    assert raised.value.message == f"The router is odd ({code})."
    assert raised.value.details == {"drift": code}


def test_a_missing_listener_can_be_made_where_it_was_described() -> None:
    _release.check_router(UNSERVED, creates_listeners=True)
    with pytest.raises(InputError, match="listener_missing"):
        _release.check_router(UNSERVED)


def test_a_router_that_serves_without_a_live_color_is_refused() -> None:
    with pytest.raises(InputError, match="which color is live"):
        _release.check_router(replace(ROUTE, live=None, idle=None))


@pytest.mark.parametrize(
    ("route", "sides", "expected"),
    [
        pytest.param(UNSERVED, sides(), Decision("stage", "blue"), id="first ever"),
        pytest.param(
            UNSERVED, sides(work(NEW)), Decision("swap", "blue"), id="first ever, cut off before the swap"
        ),
        pytest.param(ROUTE, sides(), Decision("stage", "green"), id="adopted: live is nobody's we know"),
        pytest.param(ROUTE, sides(work(OLD)), Decision("stage", "green"), id="second color, empty"),
        pytest.param(ROUTE, sides(work(OLD), work(OLD)), Decision("stage", "green"), id="another release"),
        pytest.param(ROUTE, sides(work(NEW)), Decision("unchanged", "blue"), id="live already"),
        pytest.param(
            ROUTE,
            sides(work(NEW, lack="down", proven=False)),
            Decision("unchanged", "blue"),
            id="live, but down",
        ),
        pytest.param(
            replace(ROUTE, drift={"listener_missing": "443"}),
            sides(work(NEW)),
            Decision("swap", "blue"),
            id="live, but a listener is to be made",
        ),
        pytest.param(
            ROUTE,
            sides(work(Release("00abcde", "aaaa"))),
            Decision("stage", "green"),
            id="live with other manifests",
        ),
        pytest.param(ROUTE, sides(work(OLD), work(NEW)), Decision("swap", "green"), id="idle has it, proven"),
        pytest.param(
            ROUTE, sides(work(OLD), work(NEW, proven=False)), Decision("stage", "green"), id="idle, unproven"
        ),
        pytest.param(
            ROUTE, sides(work(OLD), work(NEW, rejected=True)), Decision("stage", "green"), id="idle, rejected"
        ),
        pytest.param(
            ROUTE, sides(work(OLD), work(NEW, lack="x")), Decision("stage", "green"), id="idle, not ready"
        ),
        pytest.param(
            ROUTE,
            sides(work(OLD), work(NEW), service_ports=None),
            Decision("stage", "green"),
            id="idle, Service gone",
        ),
        pytest.param(
            ROUTE,
            sides(work(OLD), work(NEW), service_ports=(30099,)),
            Decision("stage", "green"),
            id="idle, Service on another node port",
        ),
        pytest.param(
            replace(ROUTE, live="green", idle="blue"),
            sides(work(OLD), work(OLD)),
            Decision("stage", "blue"),
            id="back",
        ),
    ],
)
def test_where_a_release_goes(route: Route, sides: dict[str, Side], expected: Decision) -> None:
    assert _release.plan_deploy(route, sides, NEW) == expected


CUT_OFF = replace(
    ROUTE,
    live=None,
    idle=None,
    serves=False,
    drift={"swap_interrupted": "a swap to green was cut off", "listener_missing": "no listener on port 80"},
    cut_off="green",
)


def test_a_swap_that_was_cut_off_is_finished_by_the_deploy_it_was_for() -> None:
    _release.check_router(CUT_OFF)
    assert _release.plan_deploy(CUT_OFF, sides(work(OLD), work(NEW)), NEW) == Decision("swap", "green")


@pytest.mark.parametrize("green", [work(OLD), work(NEW, proven=False), work(NEW, lack="1 of 2"), None])
def test_a_swap_that_was_cut_off_is_undone_before_another_release_is_staged(green: Workload | None) -> None:
    assert _release.plan_deploy(CUT_OFF, sides(work(OLD), green), NEW) == Decision("resolve", "blue")


def test_a_swap_that_was_cut_off_is_finished_where_the_way_back_is_not_ready() -> None:
    unready = sides(work(OLD, lack="0 of 2"), work(OLD))
    assert _release.plan_deploy(CUT_OFF, unready, NEW) == Decision("resolve", "green")


def test_a_swap_that_was_cut_off_between_two_broken_colors_is_refused() -> None:
    with pytest.raises(InputError, match=r"0 of 2.*green has no Deployment"):
        _release.plan_deploy(CUT_OFF, sides(work(OLD, lack="0 of 2")), NEW)


MIXED = replace(ROUTE, live=None, idle=None, drift={"mixed": "80 on blue, 81 on green"})


@pytest.mark.parametrize(
    ("route", "color", "expected"),
    [
        pytest.param(CUT_OFF, None, Decision("swap", "blue"), id="cut-off-undone"),
        pytest.param(CUT_OFF, "green", Decision("swap", "green"), id="cut-off-finished"),
        pytest.param(MIXED, "green", Decision("swap", "green"), id="mixed"),
        pytest.param(
            replace(ROUTE, drift={"health_check_on_idle": "x"}), None, Decision("swap", "blue"), id="on-live"
        ),
        pytest.param(ROUTE, None, Decision("unchanged", "blue"), id="whole"),
    ],
)
def test_repair_goes_to_the_named_color_or_to_the_one_that_is_told(
    route: Route, color: str | None, expected: Decision
) -> None:
    _release.check_router(route, repairs=True)
    assert _release.plan_repair(route, sides(work(OLD), work(NEW)), color) == expected


def test_repair_of_a_router_on_both_colors_wants_a_color() -> None:
    with pytest.raises(InputError, match="color=blue or green"):
        _release.plan_repair(MIXED, sides(work(OLD), work(NEW)), None)


@pytest.mark.parametrize("green", [None, work(NEW, lack="1 of 2 replicas")])
def test_repair_does_not_go_to_a_color_that_cannot_serve(green: Workload | None) -> None:
    with pytest.raises(InputError, match="green cannot serve"):
        _release.plan_repair(MIXED, sides(work(OLD), green), "green")


def test_repair_goes_to_what_somebody_elses_service_serves() -> None:
    adopted = sides(None, work(NEW)) | {"blue": side("blue", holder="legacy/web")}
    assert _release.plan_repair(MIXED, adopted, "blue") == Decision("swap", "blue")


def test_a_swap_that_was_cut_off_is_undone_by_a_rollback() -> None:
    assert _release.plan_rollback(CUT_OFF, sides(work(OLD), work(NEW)), None) == Decision("swap", "blue")


def test_what_a_cut_off_swap_did_not_cause_is_refused_all_the_same() -> None:
    with pytest.raises(InputError, match="tags_equal"):
        _release.check_router(replace(CUT_OFF, drift=CUT_OFF.drift | {"tags_equal": "both 30081"}))


def test_a_living_swap_is_refused() -> None:
    with pytest.raises(InputError, match="swap_interrupted"):
        _release.check_router(replace(ROUTE, drift={"swap_interrupted": "a swap is under way"}))


def test_a_color_whose_node_port_another_service_holds_is_refused() -> None:
    with pytest.raises(InputError) as raised:
        _release.plan_deploy(ROUTE, sides(work(OLD), holder="legacy/web"), NEW)
    assert "Node port 30082 of green is held by Service web in namespace legacy" in raised.value.message
    assert "kubectl -n legacy delete service web" in raised.value.message


def test_a_live_color_behind_a_foreign_service_is_left_alone() -> None:
    state = {"blue": side("blue", holder="legacy/web"), "green": side("green")}
    assert _release.plan_deploy(ROUTE, state, NEW) == Decision("stage", "green")


@pytest.mark.parametrize(
    ("sides", "live", "expected"),
    [
        (sides(work(OLD), work(NEW)), "green", WayBack("blue", "0012345", "")),
        (sides(work(OLD), work(NEW)), "blue", WayBack("green", "00abcde", "")),
        (sides(work(OLD, lack="1 of 2"), work(NEW)), "green", WayBack("blue", "0012345", "")),
        (sides(work(OLD), work(NEW)), None, WayBack(None, None, "no color is live")),
        (sides(None, work(NEW)), "green", WayBack(None, None, "blue has no Deployment")),
        (
            sides(work(None), work(NEW)),
            "green",
            WayBack(None, None, "what blue runs was not put there by a deploy"),
        ),
        (
            sides(work(OLD, rejected=True), work(NEW)),
            "green",
            WayBack(None, None, "blue runs 0012345, which a rollback has left before"),
        ),
        (
            sides(work(OLD, proven=False), work(NEW)),
            "green",
            WayBack(None, None, "blue runs 0012345, which was never proven"),
        ),
        (
            sides(work(OLD, replicas=0), work(NEW)),
            "green",
            WayBack(None, None, "blue runs 0012345, scaled to zero"),
        ),
        (
            sides(work(OLD), work(NEW), service_ports=(1,)),
            "blue",
            WayBack(None, None, "green runs 00abcde, whose Service does not have node port 30082"),
        ),
        (
            sides(work(OLD), holder="legacy/web"),
            "blue",
            WayBack(None, None, "node port of green is held by Service legacy/web"),
        ),
    ],
)
def test_the_way_back(sides: dict[str, Side], live: str | None, expected: WayBack) -> None:
    assert _release.way_back(sides, live) == expected


def test_a_rollback_goes_to_the_idle_color() -> None:
    assert _release.plan_rollback(ROUTE, sides(work(NEW), work(OLD)), None) == Decision("swap", "green")
    assert _release.plan_rollback(ROUTE, sides(work(NEW), work(OLD)), "0012345") == Decision("swap", "green")


def test_a_rollback_with_nowhere_to_go_is_refused() -> None:
    with pytest.raises(
        InputError, match="nothing to roll back to on load balancer shop-lb: green has no Deploy"
    ):
        _release.plan_rollback(ROUTE, sides(work(NEW)), None)


def test_a_rollback_to_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="goes to 0012345 on green, not to 0099999"):
        _release.plan_rollback(ROUTE, sides(work(NEW), work(OLD)), "0099999")


def test_once_left_by_a_rollback_a_color_is_no_way_back() -> None:
    state = sides(work(NEW), work(OLD))
    state["blue"] = _release.left_by_rollback(state["blue"])
    assert _release.way_back(state, "green").reason == "blue runs 00abcde, which a rollback has left before"


@pytest.mark.parametrize(
    ("seen", "live", "wanted"),
    [
        (side("blue"), None, True),
        (side("blue"), "green", True),
        (side("blue", work(), service_ports=None), "blue", True),
        (side("blue", work()), "blue", False),
        (side("blue"), "blue", False),
        (side("blue", holder="legacy/web"), None, False),
        (side("blue", work(), service_ports=(1,)), "blue", False),
    ],
)
def test_whether_the_other_colors_service_is_made(seen: Side, live: str | None, wanted: bool) -> None:
    assert _release.wants_service(seen, live) is wanted


def test_what_was_staged_together() -> None:
    def staged(name: str, color: str, version: str) -> dict[str, Any]:
        thing = deployment(version)
        thing["metadata"]["name"] = name
        thing["metadata"]["labels"][_release.COLOR] = color
        return thing

    there = [
        staged("shop-worker-blue", "blue", "0012345"),
        staged("shop-blue", "blue", "0012345"),
        staged("shop-green", "green", "0012345"),
        staged("cart-blue", "blue", "00abcde"),
        {"metadata": {"name": "bare"}},
    ]
    assert _release.companions(there, "blue", OLD) == ("shop-blue", "shop-worker-blue")
