# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.capacity import (
    Autoscaler,
    Capacity,
    allowed,
    autoscaler_of,
    check_capacity,
    needed,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Workload


def live(ready: int, wanted: int = 9) -> Workload:
    return Workload(None, "", False, wanted, ready, "", (), ())


@pytest.mark.parametrize(
    ("workload", "percent", "pods", "words"),
    [
        (live(4), 100, 4, "4 pods, as live has"),
        (live(1), 100, 1, "1 pod, as live has"),
        (live(3), 50, 2, "2 pods, 50 % of the 3 that live has"),
        (live(7), 1, 1, "1 pod, 1 % of the 7 that live has"),
        (live(4), 150, 6, "6 pods, 150 % of the 4 that live has"),
    ],
)
def test_a_share_of_lives_ready_pods_rounded_up(
    workload: Workload, percent: int, pods: int, words: str
) -> None:
    found = needed(workload, percent)
    assert found is not None
    assert (found.pods, found.words) == (pods, words)


@pytest.mark.parametrize(("workload", "percent"), [(None, 100), (live(0), 100), (live(4), 0)])
def test_no_number(workload: Workload | None, percent: int) -> None:
    assert needed(workload, percent) is None


def test_a_share_below_nothing_is_refused() -> None:
    check_capacity(0)
    with pytest.raises(InputError, match="bluegreen_capacity is -1"):
        check_capacity(-1)


def scaler(name: str, target: str, most: int, kind: str = "Deployment") -> dict[str, Any]:
    spec = {"scaleTargetRef": {"kind": kind, "name": target}, "maxReplicas": most}
    return {"kind": "HorizontalPodAutoscaler", "metadata": {"name": name}, "spec": spec}


def test_the_autoscaler_that_counts_is_the_deployments_own() -> None:
    others = [
        {"kind": "Deployment", "metadata": {"name": "shop-green"}},
        scaler("other-color", "shop-blue", 1),
        scaler("other-kind", "shop-green", 1, "StatefulSet"),
    ]
    assert autoscaler_of(others, "shop-green") is None
    own = [scaler("wide", "shop-green", 9), scaler("narrow", "shop-green", 5)]
    assert autoscaler_of([*others, *own], "shop-green") == Autoscaler("narrow", 5)


SIX = Capacity(6, 6, 100)


@pytest.mark.parametrize("way_back", [False, True])
@pytest.mark.parametrize("autoscaler", [None, Autoscaler("wide", 6), Autoscaler("wide", 20)])
def test_an_autoscaler_that_allows_it_changes_nothing(autoscaler: Autoscaler | None, way_back: bool) -> None:
    assert allowed(SIX, autoscaler, "green", way_back) == SIX


def test_an_autoscaler_that_allows_less_is_named() -> None:
    with pytest.raises(InputError) as raised:
        allowed(SIX, Autoscaler("shop-green", 4), "green", way_back=False)
    assert raised.value.message == (
        "green needs 6 pods, as live has, but HorizontalPodAutoscaler shop-green allows 4: raise its maxReplicas, "
        "or be content with fewer pods, with -e bluegreen_capacity=66."
    )
    content = needed(live(6), 66)
    assert content is not None
    assert allowed(content, Autoscaler("shop-green", 4), "green", way_back=False).pods == 4


def test_a_way_back_is_content_with_what_it_allows() -> None:
    found = allowed(SIX, Autoscaler("shop-green", 4), "green", way_back=True)
    assert (found.pods, found.words) == (
        4,
        "4 pods, as many as HorizontalPodAutoscaler shop-green allows; live has 6",
    )
