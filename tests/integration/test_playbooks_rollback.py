"""What a rollback does, and what it refuses to go back to."""

from __future__ import annotations

import pytest
from shop import Shop


@pytest.fixture
def twice(shop: Shop) -> Shop:
    """0000001 on blue, then 0000002 on green, which is live."""
    shop.deployed("0000001")
    shop.deployed("0000002")
    return shop


@pytest.mark.both_doors
def test_back_and_no_further(twice: Shop) -> None:
    before, router = twice.objects(), twice.balancer.description
    refused = twice.rollback(commit="0000009")
    assert refused.outcome == "refused"
    assert "goes to 0000001 on blue, not to 0000009" in refused.reason
    planned = twice.rollback("--check", "--diff")
    assert planned.code == 0, planned.output
    assert "would roll back to 0000001 on blue" in planned.output
    assert (twice.objects(), twice.balancer.description) == (before, router)

    back = twice.rollback(commit="0000001")
    assert (back.code, back.outcome) == (0, "rolled_back"), back.output
    assert twice.who() == "blue"
    assert (back.result["commit"], back.result["previous_commit"]) == ("0000001", "0000002")
    assert back.result["rollback"]["reason"] == "green runs 0000002, which a rollback has left before"
    after = twice.objects()
    untouched = before.keys() - {"Deployment/shop-green"}
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}

    again = twice.rollback()
    assert again.outcome == "refused"
    assert "green runs 0000002, which a rollback has left before" in again.reason
    assert twice.who() == "blue"


def test_what_is_no_release_to_go_back_to(twice: Shop) -> None:
    """One thing after the other is taken from what the idle color has, and given back."""
    blue = twice.deployment("blue")

    def refused(said: str, outcome: str = "refused") -> None:
        finished = twice.rollback()
        assert (finished.code, finished.outcome) == (2, outcome), finished.output
        assert said in finished.reason
        assert twice.who() == "green"

    def kubectl(*words: str) -> None:
        twice.kubectl(*words, "-n", twice.namespace)

    kubectl("scale", "deployment/shop-blue", "--replicas=0")
    refused("blue runs 0000001, scaled to zero")
    kubectl("scale", "deployment/shop-blue", f"--replicas={blue['spec']['replicas']}")

    kubectl("annotate", "deployment/shop-blue", "octoblu.bluegreen/proven-")
    refused("blue runs 0000001, which was never proven")
    proven = blue["metadata"]["annotations"]["octoblu.bluegreen/proven"]
    kubectl("annotate", "deployment/shop-blue", f"octoblu.bluegreen/proven={proven}")

    kubectl("set", "image", "deployment/shop-blue", f"*={twice.bad_image('0000001')}")
    refused("shop-blue", "check_failed")
    assert "octoblu.bluegreen/rejected" not in twice.deployment("green")["metadata"]["annotations"]

    kubectl("delete", "service/shop-blue")
    refused("blue runs 0000001, whose Service does not have node port")
    kubectl("delete", "deployment/shop-blue")
    refused("blue has no Deployment")
