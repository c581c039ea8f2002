"""What a rollback does to the cluster and the router, and what it leaves alone."""

from __future__ import annotations

import pytest
from shop import Shop

# That each module refuses, and only plans, through either door is what test_doors_of_modules.py asks.
QUICK = {"BLUEGREEN_DOOR": None}


@pytest.fixture
def twice(shop: Shop) -> Shop:
    """0000001 on blue, then 0000002 on green, which is live."""
    shop.deployed("0000001", "0000002")
    return shop


@pytest.mark.both_doors
def test_back_and_no_further(twice: Shop) -> None:
    # The swap back sets the health check right, which somebody has put on the idle color.
    on_idle = {**twice.balancer.check, "Target": f"HTTP:{twice.node_ports['blue']}{twice.settings.who_path}"}
    twice.balancer.elb.configure_health_check(LoadBalancerName=twice.balancer.name, HealthCheck=on_idle)
    before, router = twice.objects(), twice.balancer.description
    refused = twice.rollback(commit="0000009", environment=QUICK)
    assert refused.outcome == "refused"
    assert "0000009 is not known; blue runs 0000001" in refused.reason
    planned = twice.rollback("--check", "--diff", environment=QUICK)
    assert planned.code == 0, planned.output
    assert "Plan: shop 0000002 (live) -> 0000001 on blue; listeners " in planned.output
    assert (twice.objects(), twice.balancer.description) == (before, router)

    back = twice.rollback(commit="0000001")
    assert (back.code, back.outcome) == (0, "rolled_back"), back.output
    assert (twice.who(), twice.balancer.check) == ("blue", on_idle)
    assert (back.result["commit"], back.result["previous_commit"]) == ("0000001", "0000002")
    assert back.result["rollback"]["reason"] == (
        "no good release served before 0000001; green runs 0000002, which a rollback has left before"
    )
    after = twice.objects()
    untouched = before.keys() - {"Deployment/shop-green"}
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}

    again = twice.rollback(environment=QUICK)
    assert again.outcome == "refused"
    assert "green runs 0000002, which a rollback has left before" in again.reason
    assert twice.who() == "blue"


def test_back_to_what_was_there_before_the_first_deploy(shop: Shop) -> None:
    """It was made by other means, and only somebody who deletes its Service takes the way back."""
    port, labels = shop.settings.container_port, {"app": "legacy"}
    image = shop.settings.image.replace("{{ bluegreen_commit }}", "0000000")
    probe = {"periodSeconds": 1, "httpGet": {"path": shop.settings.who_path, "port": port}}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": image, "readinessProbe": probe}]},
    }
    shop.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "legacy", "namespace": shop.namespace},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )
    service = shop.service("legacy", shop.node_ports["green"])
    service["spec"]["ports"][0]["targetPort"] = port
    shop.apply(service)
    shop.kubectl("rollout", "status", "deployment/legacy", "-n", shop.namespace, "--timeout=60s")

    deployed = shop.deploy("0000001")
    assert (deployed.outcome, shop.who()) == ("deployed", "blue"), deployed.output
    where = f"Service {shop.namespace}/legacy"
    assert f"before: {where} on green, kept ready" in deployed.output
    status = shop.status(environment=QUICK)
    assert status.result["rollback"] == deployed.result["rollback"]
    back = shop.rollback()
    assert (back.outcome, back.result["commit"], back.result["color"]) == ("rolled_back", None, "green"), (
        back.output
    )
    assert f"shop: {where} serves on green again" in back.output
    assert shop.who().startswith("legacy-")
    event = shop.events()[-1]
    assert (event["event"], event["service"], event.get("commit")) == (
        "rolled_back",
        f"{shop.namespace}/legacy",
        None,
    )
    assert back.result["rollback"]["reason"] == "blue runs 0000001, which a rollback has left before"
    again = shop.rollback(commit="0000001", environment=QUICK)
    assert (again.outcome, shop.who()) == ("rolled_back", "blue"), again.output
