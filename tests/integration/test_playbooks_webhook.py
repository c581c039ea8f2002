# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A webhook starts a deploy: of what was pushed to one branch, whose image may not be there yet."""

from __future__ import annotations

from shop import Shop

PUSHED = {"ref": "refs/heads/main", "after": "6dcb09b5b57875f334f61aebed695e2e4193db5e", "deleted": False}


def test_a_push_that_is_not_for_us_changes_nothing(shop: Shop) -> None:
    topic = PUSHED | {"ref": "refs/heads/topic"}
    # Nobody is asked for anything: there is no such load balancer.
    finished = shop.play("webhook", awx_webhook_payload=topic, bluegreen_load_balancer="nowhere")
    assert (finished.code, finished.outcome, finished.changed) == (0, "unchanged", 0), finished.output
    assert "shop: refs/heads/topic was pushed, not refs/heads/main, nothing to do" in finished.output


def test_a_push_is_deployed_and_its_image_waited_for(shop: Shop) -> None:
    commit = PUSHED["after"]
    late = shop.play(
        "webhook",
        awx_webhook_payload=PUSHED,
        bluegreen_image=shop.settings.bad_image,
        bluegreen_image_wait=8,
    )
    assert late.outcome == "stage_failed", late.output
    assert late.result["seconds"]["total"] > 8
    deployed = shop.play("webhook", awx_webhook_payload=PUSHED, bluegreen_branch="main")
    assert (deployed.outcome, shop.commit()) == ("deployed", commit), deployed.output
    by_hand = shop.play("webhook")
    assert (by_hand.code, by_hand.outcome) == (2, "refused"), by_hand.output
    assert "awx_webhook_payload" in by_hand.reason
