# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has been ready, and is so no longer when its turn comes, is not swapped to."""

from __future__ import annotations

from pathlib import Path

import pytest
from shop import Shop, color_of

from sandbox.traffic import Traffic

MOMENTS = {"after_stage": "stage_failed", "before_swap": "check_failed"}
START_SECONDS = 5


@pytest.mark.sandbox
@pytest.mark.parametrize("moment", MOMENTS)
def test_pods_that_are_replaced_before_the_swap_are_waited_for(
    shop: Shop, tmp_path: Path, moment: str
) -> None:
    shop.deployed("0000001")
    slow = {
        "bluegreen_env": {"APP_START_DELAY": str(START_SECONDS)},
        "bluegreen_readiness_path": "/healthz",
    }
    deploy = shop.start_held(moment, tmp_path / "gate", "0000002", **slow)
    selector = "-l=app.kubernetes.io/version=0000002"
    with Traffic(shop.url(), rate=50, who=color_of) as traffic:
        shop.kubectl("delete", "pods", "-n", shop.namespace, selector, "--grace-period=1", "--wait=false")
        (tmp_path / "gate").touch()
        done = deploy.finish()
        shop.kubectl("rollout", "status", "deployment/shop-green", "-n", shop.namespace)
    assert (done.outcome, shop.commit()) == ("deployed", "0000002"), done.output
    assert set(traffic.result().answered) == {"blue", "green"}
    assert traffic.result().gap_ms < START_SECONDS * 1000 / 2


@pytest.mark.parametrize(("moment", "outcome"), MOMENTS.items())
def test_a_color_that_is_gone_before_the_swap_is_not_swapped_to(
    shop: Shop, tmp_path: Path, moment: str, outcome: str
) -> None:
    shop.deployed("0000001")
    deploy = shop.start_held(moment, tmp_path / "gate", "0000002")
    shop.kubectl("delete", "deployment", "-n", shop.namespace, "-l=app.kubernetes.io/version=0000002")
    (tmp_path / "gate").touch()
    failed = deploy.finish()
    assert (failed.code, failed.outcome) == (2, outcome), failed.output
    assert "there is no Deployment" in failed.reason
    assert shop.commit() == "0000001"
