from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError

from .plans import NOBODY, ROUTER, Cluster, deployment, manifests, plan, service


def test_status_describes_what_a_deploy_would_refuse() -> None:
    odd = {"drift": [{"code": "mixed", "message": "both"}], "live": None, "idle": None, "claim": "cart/1"}
    found = plan(service("green", "legacy"), goal="status", router=odd, commit=None, manifests=None)
    assert "action" not in found
    assert (
        found["releases"]["green"] | {"holder": "legacy/shop-green", "commit": None}
        == found["releases"]["green"]
    )
    assert found["rollback"]["reason"] == "no color is live"


def test_services_elsewhere_need_not_be_visible() -> None:
    cluster = Cluster(service("green", "legacy"), forbids_all_services=True)
    assert plan(cluster=cluster)["action"] == "stage"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app": "Shop"}, "'Shop'"),
        ({"smoke": "maybe"}, "'maybe'"),
        ({"unschedulable_grace": -1}, "without a node for -1 s"),
        ({"commit": 5349}, "5349 is a number"),
        ({"commit": ""}, "No commit was given"),
        ({"router": {"drift": [{"code": "tags_equal", "message": "both 30081"}]}}, "Both 30081 (tags_equal)"),
        ({"router": NOBODY}, "listener_missing"),
        ({"namespace": "nowhere"}, "There is no namespace nowhere at https://cluster.example"),
        ({"router": {"claim": "cart/77"}}, "claimed by 'cart/77', and this is 'shop/8c1e'"),
        (
            {"manifests": manifests() | {"blue": "{"}},
            "shop.yml.j2, line 1, as rendered for blue, is not YAML",
        ),
        (
            {"manifests": manifests() | {"neutral": "{"}},
            "shop.yml.j2, line 1, as rendered for no color, is not YAML",
        ),
        ({"manifests": manifests() | {"green": manifests()["blue"]}}, "green have no Deployment shop-green"),
        ({"commit": "0099999", "goal": "rollback"}, "nothing to roll back to"),
    ],
)
def test_refusals(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        plan(**changes)
    assert said in raised.value.message


def test_local_traffic_is_refused_for_classic_and_network_alone() -> None:
    local = {
        color: text.replace("type: NodePort", "type: NodePort\n  externalTrafficPolicy: Local")
        for color, text in manifests().items()
    }
    for kind in ("classic", "network"):
        with pytest.raises(InputError, match="externalTrafficPolicy Local"):
            plan(manifests=local, router={"type": kind})
    assert plan(manifests=local, router={"type": "application"})["action"] == "stage"
    assert plan(manifests=local, allow_local=True)["action"] == "stage"


def test_a_claim_can_be_taken_over() -> None:
    assert plan(router={"claim": "cart/77"}, claim=True)["action"] == "stage"


def test_a_refusal_other_than_of_services_elsewhere_is_told() -> None:
    class Broken(Cluster):
        def list(self, *args: Any) -> Any:
            raise ClusterError("No route.", status=None)

    with pytest.raises(ClusterError, match="No route"):
        plan(cluster=Broken())


def test_a_preview_that_could_not_follow_is_refused_before_anything_moves() -> None:
    bare = {"preview_router": ROUTER | NOBODY | {"name": "shop-preview"}}
    with pytest.raises(
        InputError, match=r"shop-preview is to show the idle color and has no listener for it"
    ):
        plan(**bare)
    assert plan(**bare, creates_listeners=True)["action"] == "stage"


@pytest.mark.parametrize(
    "state",
    [
        {"intent": {"color": "green", "living": False}},
        {"intent": {"color": "green", "living": True}},
        {"drift": [{"code": "unknown_port", "message": "80 leads elsewhere"}]},
    ],
)
def test_a_preview_that_is_half_done_is_mended_when_it_follows(state: dict[str, Any]) -> None:
    assert plan(preview_router=ROUTER | NOBODY | {"name": "shop-preview"} | state)["action"] == "stage"


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
