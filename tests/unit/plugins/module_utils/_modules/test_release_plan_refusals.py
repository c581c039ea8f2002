from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import facts_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Abilities, Router

from ..some_router import LACKING, MADE, REPAIRABLE, cut_off, facts, mended, some_router
from .plans import NOBODY, Cluster, deployment, manifests, plan, service


def test_status_describes_what_a_deploy_would_refuse() -> None:
    odd = facts(None, drift=REPAIRABLE, claim="cart/1")
    found = plan(service("green", "legacy"), goal="status", router=odd, commit=None, manifests=None)
    assert "action" not in found
    assert (
        found["releases"]["green"] | {"holder": "legacy/shop-green", "commit": None}
        == found["releases"]["green"]
    )
    assert found["rollback"]["reason"] == "the router is odd (mixed)"


def test_services_elsewhere_need_not_be_visible() -> None:
    cluster = Cluster(service("green", "legacy"), forbids_all_services=True)
    assert plan(cluster=cluster)["action"] == "stage"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app": "Shop"}, "'Shop'"),
        ({"smoke": "maybe"}, "'maybe'"),
        ({"unschedulable_grace": -1}, "without a node for -1 s"),
        ({"image_wait": -1}, "An image cannot be waited for -1 s"),
        ({"commit": 5349}, "5349 is a number"),
        ({"commit": ""}, "No commit was given"),
        ({"router": facts(drift=mended("tags_equal"))}, "The router is odd (tags_equal)"),
        ({"router": NOBODY}, "listener_missing"),
        ({"namespace": "nowhere"}, "There is no namespace nowhere at https://cluster.example"),
        ({"router": facts(claim="cart/77")}, "claimed by 'cart/77', and this is 'shop/8c1e'"),
        (
            {"manifests": manifests() | {"blue": "{"}},
            "shop.yml.j2, line 1, as rendered for blue, is not YAML",
        ),
        (
            {"manifests": manifests() | {"green": "{"}},
            "shop.yml.j2, line 1, as rendered for green, is not YAML",
        ),
        ({"goal": "preview"}, "Nobody said where to show the idle color"),
        (
            {"goal": "preview", "preview_port": 8081, "router": facts(None)},
            "does not say which color is idle",
        ),
        ({"manifests": manifests() | {"green": manifests()["blue"]}}, "green have no Deployment shop-green"),
        ({"commit": "0099999", "goal": "rollback"}, "nothing to roll back to"),
    ],
)
def test_refusals(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        plan(**changes)
    assert said in raised.value.message


def test_local_traffic_is_refused_where_the_router_cannot_have_it() -> None:
    local = {
        color: text.replace("type: NodePort", "type: NodePort\n  externalTrafficPolicy: Local")
        for color, text in manifests().items()
    }
    with pytest.raises(InputError, match="externalTrafficPolicy Local"):
        plan(manifests=local)
    able = facts(abilities=Abilities(local_traffic=True))
    assert plan(manifests=local, router=able)["action"] == "stage"
    assert plan(manifests=local, allow_local=True)["action"] == "stage"


def test_a_claim_can_be_taken_over() -> None:
    assert plan(router=facts(claim="cart/77"), claim=True)["action"] == "stage"


def test_a_refusal_other_than_of_services_elsewhere_is_told() -> None:
    class Broken(Cluster):
        def list(self, *args: Any) -> Any:
            raise ClusterError("No route.", status=None)

    with pytest.raises(ClusterError, match="No route"):
        plan(cluster=Broken())


def test_a_preview_that_could_not_follow_is_refused_before_anything_moves() -> None:
    with pytest.raises(InputError, match=r"The router is odd \(listener_missing\)"):
        plan(preview_router=facts(None, name="shop-preview", drift=LACKING))
    assert plan(preview_router=facts(None, name="shop-preview", drift=MADE))["action"] == "stage"


@pytest.mark.parametrize(
    "half_done", [cut_off(), cut_off(living=True), some_router(None, drift=REPAIRABLE)], ids=lambda _: ""
)
def test_a_preview_that_is_half_done_is_mended_when_it_follows(half_done: Router) -> None:
    assert plan(preview_router=facts_of(half_done) | {"name": "shop-preview"})["action"] == "stage"


def test_a_hook_that_is_missing_keeps_nobody_from_looking() -> None:
    absent = {"hooks": {"after_swap": ["/no/such.yml"]}, "ready_timeout": 0}
    with pytest.raises(InputError, match="cannot become ready within 0 s"):
        plan(**absent)
    with pytest.raises(InputError, match=r"The hook /no/such\.yml is not"):
        plan(**absent | {"ready_timeout": 1})
    assert "action" not in plan(**absent, goal="status", commit=None, manifests=None)


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        ({"before_swaps": []}, "There is no moment before_swaps for a hook: give one of before_stage, "),
        ({"after_swap": "such.yml"}, r"The hook such\.yml is not the absolute path"),
        ({"after_swap": [7]}, "The hook 7 is not"),
        ({"after_swap": {"file": "/x"}}, r"The hook \{'file': '/x'\} is not"),
    ],
)
def test_hooks_that_are_none_are_named(hooks: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan(hooks=hooks)


@pytest.mark.parametrize(
    "hooks", [{"after_swap": __file__}, {"after_swap": [__file__]}, {"on_failure": None}]
)
def test_hooks_are_one_file_or_a_list(hooks: dict[str, Any]) -> None:
    assert plan(hooks=hooks)["action"] == "stage"


@pytest.mark.parametrize("hooks", [{"after_rolback": [__file__]}, {"after_rollback": ["/no/such.yml"]}])
def test_a_way_back_is_warned_of_its_hooks_and_not_kept_by_them(hooks: dict[str, Any]) -> None:
    found = plan(deployment("blue"), service("blue"), goal="retire", commit=None, manifests=None, hooks=hooks)
    assert any("hook" in warning for warning in found["warnings"])


@pytest.mark.parametrize("goal", ["deploy", "stage", "switch"])
def test_what_is_held_to_a_plan_is_refused_without_one_of_its_own(goal: str) -> None:
    rendered = {} if goal != "switch" else {"commit": "", "manifests": None}
    with pytest.raises(InputError, match="bluegreen_plan is of cart, not of shop"):
        plan(deployment("green", "00abcde"), goal=goal, approved={"cart": {}}, **rendered)


@pytest.mark.parametrize("goal", ["rollback", "repair", "retire", "release", "status"])
def test_nothing_else_is_held_to_a_plan(goal: str) -> None:
    there = (deployment("blue", "0012345"), service("blue"), deployment("green", "00abcde"), service("green"))
    plan(*there, goal=goal, approved={"cart": {}}, commit="", manifests=None)


def test_what_has_changed_is_told_before_what_could_not_be_switched_to() -> None:
    there = (deployment("blue", "0012345"), service("blue"), deployment("green", "00abcde"), service("green"))
    switch: dict[str, Any] = {"goal": "switch", "manifests": None}
    approved = plan(*there, **switch, commit="00abcde")["approval"]
    assert plan(*there, **switch, commit="00abcde", approved={"shop": approved})["action"] == "swap"
    gone = (deployment("blue", "00abcde"), service("blue"), deployment("green", "0012345"), service("green"))
    other = facts(fingerprint="f2", touched={"health check": "TCP:1"})
    with pytest.raises(InputError, match="green holds 0012345, not 0099999"):
        plan(*there[:2], *gone[2:], **switch, commit="0099999")
    with pytest.raises(InputError, match="health check was not there, and is TCP:1"):
        plan(*there[:2], *gone[2:], router=other, **switch, commit="0099999", approved={"shop": approved})
