"""The main job as a story: one application under traffic, from its first release to a rollback."""

from __future__ import annotations

import pytest
from shop import Shop, color_of

from sandbox.traffic import Traffic


@pytest.mark.as_a_user
@pytest.mark.measures
def test_first_light(shop: Shop) -> None:
    shop.deployed("0000001")
    assert shop.who() == "blue"

    with Traffic(shop.url(), rate=50, who=color_of) as traffic:
        start = traffic.mark()
        second = shop.deploy("0000002")
        swapped = traffic.mark()
        assert (second.code, second.outcome) == (0, "deployed"), second.output
        assert second.result["previous_commit"] == "0000001"
        assert second.result["rollback"] == {
            "color": "blue",
            "to": "0000001",
            "reason": "",
            "redeploy": False,
            "service": None,
        }

        live = shop.objects(), shop.balancer.description
        again = shop.deploy("0000002")
        assert (again.code, again.outcome, again.changed) == (0, "unchanged", 0), again.output
        assert "0000002 serves on green already, nothing to do" in again.output
        assert (shop.objects(), shop.balancer.description) == live

        failed = shop.deploy("0000003", bluegreen_image=shop.settings.bad_image)
        assert (failed.code, failed.outcome) == (2, "stage_failed"), failed.output
        assert shop.bad_image("0000003") in failed.reason
        assert "blue: put back to 0000001" in failed.output
        assert shop.objects() == live[0] | {name: shop.objects()[name] for name in ("Deployment/shop-blue",)}

        # With the three in which Ansible says that there is no inventory it is 60 and 80.
        for told, lines in ((second, 57), (failed, 77)):
            play = told.output[told.output.index("PLAY [") :]
            screen = play.partition("\nCUSTOM STATS")[0].strip().splitlines()
            assert len(screen) <= lines, told.output
            assert sum(line.startswith("TASK [") for line in screen) <= 16, told.output

        undone = traffic.mark()
        back = shop.rollback(bluegreen_image="shop:{{ commit }}")
        assert (back.code, back.outcome) == (0, "rolled_back"), back.output

    assert shop.who() == "blue"
    during, quiet, after = (
        traffic.result(*marks) for marks in ((start, swapped), (swapped, undone), (undone, traffic.mark()))
    )
    assert during.answered.keys() == after.answered.keys() == {"blue", "green"}
    assert (quiet.answered.keys(), quiet.lost) == ({"green"}, {})
    for finished, seen in ((second, during), (back, after)):
        # What the run says of the gap is what clients saw of it, to two intervals of the traffic.
        assert abs(seen.gap_ms - max(finished.result["gap_ms"].values())) < 60, (seen, finished.result)
        assert seen.lost.keys() <= {"refused", "reset"}
        assert sum(seen.lost.values()) <= 50 * (seen.gap_ms / 1000) + 2
