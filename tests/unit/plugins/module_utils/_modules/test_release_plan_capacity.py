# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the other color is raised to before it gets the traffic, and by which write."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError

from ..some_router import cut_off, facts, facts_of, mended, open_swap
from .plans import Cluster, deployment, manifests, plan, service


def ready(color: str, pods: int, commit: str = "0012345", **changes: Any) -> dict[str, Any]:
    """A color's Deployment whose pods are all ready."""
    found = deployment(color, commit, replicas=pods, **changes)
    found["status"] |= dict.fromkeys(
        ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), pods
    )
    return found


def scaler(color: str, most: int) -> dict[str, Any]:
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": f"shop-{color}"}, "maxReplicas": most}
    metadata = {"name": f"scaler-{color}", "namespace": "store"}
    return {"kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


LIVE = ready("blue", 6), service("blue")
OPEN = {color: text.replace("  replicas: 2\n", "") for color, text in manifests().items()}


def raised(found: dict[str, Any]) -> tuple[Any, list[dict[str, Any]], Any]:
    """What the applied Deployment says of replicas, what is scaled, and what is waited for."""
    said = found["objects"][0]["spec"].get("replicas") if found["objects"] else None
    return said, found["scale"], found["workloads"][0].get("replicas")


TO_SIX = [{"name": "shop-green", "replicas": 6}]


@pytest.mark.parametrize(
    ("there", "changes", "expected"),
    [
        pytest.param([], {}, (6, [], 6), id="the manifests say fewer"),
        pytest.param([], {"capacity": 0}, (2, [], None), id="as the manifests say"),
        pytest.param([], {"capacity": 20}, (2, [], 2), id="never lowered"),
        pytest.param([], {"capacity": 50}, (3, [], 3), id="half"),
        pytest.param([], {"manifests": OPEN}, (None, TO_SIX, 6), id="they leave it open"),
        pytest.param([], {"manifests": OPEN, "capacity": 0}, (None, [], None), id="open, and as it is"),
        pytest.param([ready("green", 8)], {"manifests": OPEN}, (None, [], 6), id="has more already"),
        pytest.param([ready("green", 0)], {"manifests": OPEN}, (9, [], 6), id="retired"),
    ],
)
def test_a_color_that_is_staged(
    there: list[dict[str, Any]], changes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    live = (ready("blue", 6), service("blue"))
    if expected[0] == 9:
        # Live is just being scaled up.
        live[0]["spec"]["replicas"] = 9
    found = plan(*live, *there, **changes)
    assert found["action"] == "stage"
    assert raised(found) == expected
    assert found["manifest"] == plan(*live, **changes | {"capacity": 0})["manifest"]


def test_what_is_kept_in_the_ledger_and_nothing_to_do_know_no_raise() -> None:
    assert plan(*LIVE)["keep"] == plan(*LIVE, capacity=0)["keep"]
    live = ready("blue", 6, "00abcde"), service("blue"), ready("green", 1), service("green")
    found = plan(*live)
    assert (found["action"], found["capacity"], found["scale"]) == ("unchanged", None, [])


GOALS: list[dict[str, Any]] = [
    {},
    {"goal": "switch", "commit": "00abcde", "manifests": None},
    {"goal": "rollback", "commit": "00abcde", "manifests": None},
]


@pytest.mark.parametrize("changes", GOALS)
def test_a_color_that_only_has_to_be_swapped_to(changes: dict[str, Any]) -> None:
    worker = ready("green", 1, "00abcde", name="shop-worker-green")
    there = ready("green", 2, "00abcde"), worker, service("green")
    found = plan(*LIVE, *there, **changes)
    assert (found["action"], found["scale"]) == ("scale", TO_SIX)
    assert [step["do"] for step in found["steps"] if step["do"] != "announce"][:2] == ["scale_up", "check"]
    assert found["workloads"] == [
        {"kind": "Deployment", "name": "shop-green", "replicas": 6},
        {"kind": "Deployment", "name": "shop-worker-green"},
    ]
    assert found["capacity"] == {
        "pods": 6, "live": 6, "percent": 100, "limit": "", "raises": True, "words": "6 pods, as live has",
    }  # fmt: skip
    assert found["takes"]["phase"] == "stage"

    enough = plan(*LIVE, ready("green", 7, "00abcde"), service("green"), **changes)
    assert (enough["action"], enough["scale"]) == ("swap", [])
    assert (enough["capacity"]["raises"], enough["workloads"][0]["replicas"]) == (False, 6)


def test_the_number_is_of_what_is_ready_on_live() -> None:
    sick = deployment("blue", replicas=6)
    sick["status"]["readyReplicas"] = 0
    there = ready("green", 1, "00abcde"), service("green")
    back = {"goal": "rollback", "commit": "00abcde", "manifests": None}
    assert plan(sick, service("blue"), *there, **back)["action"] == "swap"


def test_where_live_is_not_ours_there_is_no_number() -> None:
    assert plan(service("blue", "legacy", "old-web"))["capacity"] is None
    assert plan(ready("blue", 6), service("blue", "legacy", "old-web"))["capacity"] is None


def test_a_swap_that_was_cut_off_waits_for_no_pods() -> None:
    there = ready("green", 1, "00abcde"), service("green")
    # Blue still has the traffic, or nobody has.
    begun = facts(open_swap=open_swap(), drift=mended("swap_interrupted", "repair"))
    for router in (begun, facts_of(cut_off("green"))):
        assert plan(*LIVE, *there, router=router)["action"] == "swap"


def test_a_repair_scales_nothing() -> None:
    there = ready("green", 1), service("green")
    found = plan(*LIVE, *there, goal="repair", color="green", commit=None, manifests=None)
    assert (found["action"], found["capacity"]) == ("swap", None)


def test_an_autoscaler_that_allows_fewer() -> None:
    there = *LIVE, scaler("blue", 1), scaler("green", 4)
    with pytest.raises(InputError, match="HorizontalPodAutoscaler scaler-green allows 4"):
        plan(*there)
    assert plan(*there, capacity=66)["objects"][0]["spec"]["replicas"] == 4
    idle = ready("green", 2, "00abcde"), service("green")
    back = plan(*there, *idle, goal="rollback", commit="00abcde", manifests=None)
    assert (back["scale"], back["capacity"]["limit"]) == (
        [{"name": "shop-green", "replicas": 4}],
        "scaler-green",
    )


def test_the_autoscaler_of_the_manifests_comes_before_that_of_the_cluster() -> None:
    own = (
        "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaler-COLOR}\n"
        "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop-COLOR}, maxReplicas: 8}\n"
    )
    texts = {color: text + own.replace("COLOR", color) for color, text in OPEN.items()}
    found = plan(*LIVE, scaler("green", 4), manifests=texts)
    assert (found["scale"], found["objects"][2]["spec"]["maxReplicas"]) == (TO_SIX, 8)


@pytest.mark.parametrize(
    "refusal", [ClusterError("No.", status=403), InputError("knows no kind HorizontalPodAutoscaler")]
)
def test_autoscalers_that_cannot_be_seen_bound_nothing(refusal: Exception) -> None:
    class Blind(Cluster):
        def list(self, api_version: str, kind: str, namespace: str | None = None) -> Any:
            if kind == "HorizontalPodAutoscaler":
                raise refusal
            return super().list(api_version, kind, namespace)

    assert plan(cluster=Blind(*LIVE, scaler("green", 4)))["objects"][0]["spec"]["replicas"] == 6


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="bluegreen_capacity is -5"):
        plan(*LIVE, capacity=-5)
