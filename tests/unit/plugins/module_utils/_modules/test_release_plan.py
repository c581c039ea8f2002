from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    MANIFEST,
    PROVEN,
    VERSION,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Target

from ..some_router import facts, route
from .plans import HASHES, PORTS, ROUTER, TO_BE_MADE, deployment, manifests, names, plan, service


def test_first_ever_stages_blue_and_makes_both_services() -> None:
    found = plan(router=TO_BE_MADE)
    assert (found["action"], found["color"], found["live"], found["commit"]) == (
        "stage",
        "blue",
        None,
        "00abcde",
    )
    assert names(found) == ["Deployment/shop-blue", "Service/shop-blue", "Service/shop-green"]
    assert found["claim"] == "shop/8c1e"
    assert found["smoke"] == {"service": "shop-blue", "port": "http"}
    assert found["workloads"] == [{"kind": "Deployment", "name": "shop-blue"}]
    assert found["rollback"] == {
        "color": None,
        "to": None,
        "service": None,
        "reason": "no good release served before 00abcde; green has no Deployment",
        "redeploy": False,
    }
    assert found["changed"] is False


def test_objects_with_a_secret_are_told_as_such() -> None:
    assert plan()["secret"] is False
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys-COLOR}\n---"
    hidden = {color: text.replace("COLOR", color) + body for color, body in manifests().items()}
    assert plan(manifests=hidden)["secret"] is True


def test_the_live_color_is_not_among_the_objects() -> None:
    found = plan(deployment("blue"), service("blue"))
    assert names(found) == ["Deployment/shop-green", "Service/shop-green"]
    assert found["rollback"] == {
        "color": "blue",
        "to": "0012345",
        "service": None,
        "reason": "",
        "redeploy": False,
    }


def test_a_lost_service_of_the_live_color_is_made_again() -> None:
    found = plan(deployment("blue"))
    assert names(found) == ["Deployment/shop-green", "Service/shop-green", "Service/shop-blue"]
    assert VERSION not in found["objects"][2]["metadata"]["labels"]


def test_an_adopted_live_color_is_left_alone() -> None:
    found = plan(service("blue", "legacy", "old-web"))
    assert names(found) == ["Deployment/shop-green", "Service/shop-green"]
    assert found["releases"]["blue"]["holder"] == "legacy/old-web"
    assert found["rollback"]["reason"] == "node port of blue is held by Service legacy/old-web"


def test_marks_of_the_release_before_go_with_the_same_write() -> None:
    found = plan(deployment("blue"), service("blue"), deployment("green"), service("green"))
    notes = found["objects"][0]["metadata"]["annotations"]
    assert notes == {MANIFEST: HASHES["00abcde"], PROVEN: ""}


APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def applied(thing: dict[str, Any], text: str) -> dict[str, Any]:
    thing["metadata"].setdefault("annotations", {})[APPLIED] = text
    return thing


def test_a_color_to_roll_back_to_is_put_back_when_staging_over_it_fails() -> None:
    green = applied(deployment("green"), '{"kind": "Deployment", "metadata": {"annotations": {"mine": "1"}}}')
    found = plan(deployment("blue", "00abcde"), service("blue"), green, applied(service("green"), "{}"),
                 commit="0099999", manifests=manifests("0099999"))  # fmt: skip
    assert found["undo"] == [
        {
            "kind": "Deployment",
            "metadata": {"annotations": {"mine": "1", PROVEN: green["metadata"]["annotations"][PROVEN]}},
        },
        {},
    ]


@pytest.mark.parametrize(
    "there",
    [
        pytest.param([], id="nothing"),
        pytest.param(
            [applied(deployment("green", proven=False), "{}"), applied(service("green"), "{}")], id="unproven"
        ),
        pytest.param([applied(deployment("green"), "{}"), service("green")], id="made by other means"),
    ],
)
def test_what_is_no_way_back_is_left_to_be_looked_at(there: list[dict[str, Any]]) -> None:
    assert plan(deployment("blue"), service("blue"), *there)["undo"] == []


def test_nothing_to_do() -> None:
    found = plan(deployment("blue", "00abcde"), service("blue"))
    assert (found["action"], found["color"], found["objects"]) == ("unchanged", "blue", [])
    assert found["warnings"] == []


def test_nothing_to_do_says_when_live_is_down() -> None:
    down = deployment("blue", "00abcde", replicas=3)
    assert plan(down, service("blue"))["warnings"] == [
        "blue is live with 00abcde, but is not ready: 2 of 3 replicas are of the newest release."
    ]


def test_what_idle_runs_already_is_only_swapped_to() -> None:
    worker = deployment("green", "00abcde", "shop-worker-green")
    found = plan(
        deployment("blue"), service("blue"), deployment("green", "00abcde"), worker, service("green")
    )
    assert (found["action"], found["color"], found["objects"]) == ("swap", "green", [])
    assert [each["name"] for each in found["workloads"]] == ["shop-green", "shop-worker-green"]
    assert found["smoke"] == {"service": "shop-green", "port": "http"}


@pytest.mark.parametrize(
    ("smoke", "expected"),
    [("none", None), ("https://preview/x", {"url": "https://preview/x"})],
)
def test_whom_the_smoke_request_asks(smoke: str, expected: dict[str, str] | None) -> None:
    assert plan(smoke=smoke)["smoke"] == expected


def test_a_retired_color_gets_pods_again_whatever_its_manifests_leave_open() -> None:
    texts = {color: text.replace("  replicas: 2\n", "") for color, text in manifests().items()}
    found = plan(
        deployment("blue", replicas=3), service("blue"), deployment("green", replicas=0), manifests=texts
    )
    assert found["objects"][0]["spec"]["replicas"] == 3


def test_retiring_scales_all_of_the_idle_color() -> None:
    there = [
        deployment("blue", "00abcde"),
        deployment("green"),
        deployment("green", name="shop-worker-green"),
    ]
    found = plan(*there, goal="retire", commit=None, manifests=None)
    assert found["action"] == "retire"
    assert found["scale"] == [
        {"name": "shop-green", "replicas": 0},
        {"name": "shop-worker-green", "replicas": 0},
    ]


def test_the_smoke_request_goes_through_the_preview() -> None:
    there = deployment("blue"), service("blue")
    shows = facts(routes=(route(80, "blue"), route(8081, "green", preview=True)))
    found = plan(*there, smoke="preview", preview_router=shows)
    assert found["smoke"] == {"url": "http://shop.example.com:8081/healthz"}
    with pytest.raises(
        InputError, match=r"nothing shows green there \(node port 30082\): run preview.yml first"
    ):
        plan(*there, smoke="preview", preview_router=ROUTER)


def test_the_plan_says_how_it_is_carried_out() -> None:
    follows = ROUTER | {"name": "shop-preview"}
    hooks = {"after_swap": [__file__], "before_swap": []}
    found = plan(
        deployment("blue"),
        service("blue"),
        hooks=hooks,
        preview_router=follows,
        ready_timeout=50,
        image_wait=10,
        smoke="none",
    )
    done = ["bring_up", "settle", "mark", "swap", "record", "follow", "hook", "free"]
    assert [step["do"] for step in found["steps"]] == done
    assert found["takes"] == {"phase": "stage", "seconds": 180, "take_from": [], "wait": 0}
    assert found["lock_seconds"] == {"stage": 180, "checks": 120, "swap": 120}
    assert [each["kind"] for each in found["lasting"]] == ["Deployment", "Service"]
    assert (found["leaves"]["commit"], found["hook"]["previous_commit"]) == ("0012345", "0012345")
    assert (found["hook"]["color"], found["hook"]["previous_color"]) == ("green", "blue")


def test_a_router_without_node_ports_asks_for_none() -> None:
    by_name = {color: Target((), f"Service shop-{color}") for color in ("blue", "green")}
    texts = {
        color: text.replace("type: NodePort", "type: ClusterIP").replace(
            f", nodePort: {PORTS.get(color, 0)}", ""
        )
        for color, text in manifests().items()
    }
    assert "nodePort" not in texts["blue"] + texts["green"]
    found = plan(manifests=texts, router=facts(targets=by_name, routes=(route(80, "blue", "shop-blue"),)))
    assert found["smoke"] == {"service": "shop-green", "port": "http"}
    assert found["releases"]["green"]["target"] == "Service shop-green"
    with pytest.raises(InputError, match="must be NodePort"):
        plan(manifests=texts)


def test_a_preview_on_the_same_router_moves_with_the_swap_and_is_not_followed() -> None:
    found = plan(deployment("blue"), service("blue"), preview_router=ROUTER)
    assert "follow" not in [step["do"] for step in found["steps"]]


def test_a_job_does_not_last() -> None:
    job = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate-COLOR}\nspec: {template: {spec: {}}}\n---"
    )
    found = plan(manifests={color: job.replace("COLOR", color) + body for color, body in manifests().items()})
    assert "Job" in {each["kind"] for each in found["workloads"]}
    assert [each["kind"] for each in found["lasting"]] == ["Deployment", "Service"]


def test_the_first_release_ever_leaves_none() -> None:
    found = plan(router=TO_BE_MADE)
    assert (found["leaves"], found["hook"]["previous_commit"]) == (None, None)


def test_templates_may_look_things_up_by_color_and_the_plan_says_where() -> None:
    texts = manifests()
    hosts = {"blue": "b.example.com", "green": "g.example.com"}
    looked_up = {
        color: text.replace("replicas: 2", f"replicas: 2\n  # {hosts[color]}")
        for color, text in texts.items()
    }
    assert plan(manifests=texts)["apart"] == []
    found = plan(manifests=looked_up)
    assert found["apart"] == [
        f"shop.yml.j2, line {looked_up['blue'].splitlines().index('  # b.example.com') + 1}"
    ]
    # A comment is nothing that is deployed.
    assert found["manifest"] == plan(manifests=texts)["manifest"]


@pytest.mark.parametrize("waits", [True, False])
def test_the_lock_is_held_for_as_long_as_instances_are_watched(waits: bool) -> None:
    found = plan(
        deployment("blue"), service("blue"), router=ROUTER | {"watch_seconds": 95}, wait_in_service=waits
    )
    assert found["lock_seconds"]["swap"] == (215 if waits else 120)


I1: dict[str, Any] = {"name": "i-1", "state": "OutOfService"}


@pytest.mark.parametrize(
    ("router", "goal", "said"),
    [
        (ROUTER | {"in_service": 1, "backends": [I1]}, "deploy", ""),
        (ROUTER | {"in_service": None}, "deploy", ""),
        (
            ROUTER | {"in_service": 0, "backends": [I1], "backends_are": "instances"},
            "deploy",
            "No instance of load balancer shop-lb is in service (0 of 1): clients get 503, whichever color is live.",
        ),
        (
            TO_BE_MADE | {"in_service": 0, "backends_are": "instances"},
            "deploy",
            "Nothing is registered or in service yet with load balancer shop-lb (0 of 0 instances): clients get 503 until",
        ),
        (ROUTER | {"in_service": 0}, "status", ""),
    ],
)
def test_a_router_that_serves_nobody_is_warned_of_and_deployed_to(
    router: dict[str, Any], goal: str, said: str
) -> None:
    found = plan(deployment("blue"), service("blue"), router=router, goal=goal)
    assert (found["in_service"], found["registered"]) == (router["in_service"], len(router["backends"]))
    warned = [text for text in found.get("warnings", ()) if "503" in text]
    assert len(warned) == bool(said)
    assert all(text.startswith(said) for text in warned)
