"""What a deploy does, asked of the load balancer, the cluster and whoever answers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from balancers import add_negotiation_policy, add_stickiness, listener
from conftest import Recording
from shop import Shop

from sandbox.cluster import Cluster

PROVEN, REJECTED = "octoblu.bluegreen/proven", "octoblu.bluegreen/rejected"


def notes(shop: Shop, color: str) -> dict[str, str]:
    found: dict[str, str] = shop.deployment(color)["metadata"]["annotations"]
    return found


def of(objects: dict[str, Any], color: str) -> dict[str, Any]:
    return {name: thing for name, thing in objects.items() if color in name}


def test_the_first_deploy_ever_makes_what_is_missing(shop: Shop) -> None:
    port, name = shop.settings.http_port, shop.balancer.name
    shop.balancer.elb.create_load_balancer_listeners(
        LoadBalancerName=name, Listeners=[listener(9000, 31999, "TCP", "TCP")]
    )
    shop.balancer.elb.delete_load_balancer_listeners(LoadBalancerName=name, LoadBalancerPorts=[port])
    refused = shop.deploy("0012345")
    assert refused.outcome == "refused"
    assert "listener_missing" in refused.reason

    shop.deployed(
        "0012345",
        bluegreen_listeners=[{"port": port, "protocol": "HTTP"}],
        bluegreen_health_check_path=shop.settings.who_path,
    )
    assert shop.who() == "blue"
    assert shop.balancer.node_ports == {port: shop.node_ports["blue"], 9000: 31999}
    assert shop.balancer.check["Target"] == f"HTTP:{shop.node_ports['blue']}{shop.settings.who_path}"
    namespace = shop.get("namespace", shop.namespace)
    assert namespace is not None
    assert shop.balancer.tags["octoblu.bluegreen/app"] == f"shop/{namespace['metadata']['uid']}"
    for color, node_port in shop.node_ports.items():
        service = shop.get("service", f"shop-{color}")
        assert service is not None
        assert [each["nodePort"] for each in service["spec"]["ports"]] == [node_port]
        assert service["spec"]["externalTrafficPolicy"] == "Cluster"
    assert shop.deployment("blue")["metadata"]["labels"]["app.kubernetes.io/version"] == "0012345"
    assert shop.get("deployment", "shop-green") is None

    back = shop.rollback()
    assert back.outcome == "refused"
    assert "There is nothing to roll back to" in back.reason
    assert "green has no Deployment" in back.reason
    assert back.result["next"].startswith("name the commit to go back to, ")


def test_listeners_keep_everything_but_their_node_port(shop: Shop, certificate: str) -> None:
    https, blue, green = shop.settings.https_port, shop.node_ports["blue"], shop.node_ports["green"]
    shop.balancer.elb.create_load_balancer_listeners(
        LoadBalancerName=shop.balancer.name, Listeners=[listener(https, green, "HTTPS", "HTTP", certificate)]
    )
    add_stickiness(shop.balancer, shop.settings.http_port)
    add_negotiation_policy(shop.balancer, https)
    before, check = shop.balancer.listeners, shop.balancer.check
    shop.deployed("0012345")
    assert shop.balancer.listeners == {port: entry | {"InstancePort": blue} for port, entry in before.items()}
    assert shop.balancer.check == check | {"Target": check["Target"].replace(str(green), str(blue))}


def test_a_release_is_its_commit_and_its_manifests(shop: Shop) -> None:
    env = {"OLD": "1", "BOTH": "1"}
    shop.deployed("0012345", bluegreen_env=env)
    assert shop.deploy("0012345", bluegreen_env={"BOTH": "2"}).outcome == "deployed"
    assert shop.who() == "green"

    before = shop.objects()
    again = shop.deploy("0012345", bluegreen_env=env)
    assert again.outcome == "deployed"
    assert shop.who() == "blue"
    # Blue ran it already: nothing was staged.
    assert shop.objects() == before
    assert again.result["rollback"] == {
        "color": "green",
        "to": "0012345",
        "reason": "",
        "redeploy": False,
        "service": None,
    }

    shop.deployed("0000003")
    [container] = shop.deployment("green")["spec"]["template"]["spec"]["containers"]
    assert "env" not in container


@pytest.mark.sandbox
def test_the_live_colors_objects_are_not_written(shop: Shop, cluster: Cluster) -> None:
    shop.deployed("0000001")
    before = shop.objects()
    cluster.forget_requests()
    shop.deployed("0000002")
    written = [
        request["path"]
        for request in cluster.requests()
        if request["method"] != "GET" and request["agent"].startswith("OpenAPI-Generator")
    ]
    assert [path for path in written if path.endswith("shop-green")]
    assert not [path for path in written if path.endswith("shop-blue")]
    assert of(shop.objects(), "blue") == of(before, "blue")

    shop.kubectl("delete", "service", "shop-green", "-n", shop.namespace)
    shop.deployed("0000003")
    assert shop.get("service", "shop-green") is not None


def test_marks_speak_of_one_release_and_go_with_it(shop: Shop) -> None:
    shop.deployed("0000001")
    assert notes(shop, "blue")[PROVEN].startswith("0000001 ")
    shop.deployed("0000002")
    assert shop.rollback().outcome == "rolled_back"
    assert notes(shop, "green")[REJECTED].startswith("0000002 ")

    failed = shop.deploy("0000003", bluegreen_image=shop.settings.bad_image)
    assert failed.outcome == "stage_failed"
    assert not {PROVEN, REJECTED} & notes(shop, "green").keys()
    shop.deployed("0000002")
    assert notes(shop, "green")[PROVEN].startswith("0000002 ")
    assert REJECTED not in notes(shop, "green")


def test_a_smoke_request_decides(shop: Shop) -> None:
    bad = shop.settings.bad_path
    finished = shop.deploy("0000001", bluegreen_smoke="none", bluegreen_health_check_path=bad)
    assert finished.outcome == "deployed"
    shop.balancer.elb.configure_health_check(
        LoadBalancerName=shop.balancer.name,
        HealthCheck=shop.balancer.check
        | {"Target": f"HTTP:{shop.node_ports['blue']}{shop.settings.who_path}"},
    )
    assert shop.who() == "blue"

    refused = shop.deploy("0000002", bluegreen_health_check_path=bad)
    assert (refused.code, refused.outcome) == (2, "check_failed")
    assert f"path {bad}" in refused.reason
    assert "answered 404" in refused.reason
    # The live color answers there.
    refused = shop.deploy("0000002", bluegreen_smoke=shop.url(), bluegreen_smoke_expect="shop-green")
    assert refused.outcome == "check_failed"
    assert f"{shop.url()} answered 200 with 'shop-green'" in refused.reason
    assert ": shop-blue-" in refused.reason
    assert shop.who() == "blue"
    assert PROVEN not in notes(shop, "green")


@pytest.mark.sandbox
def test_pods_that_the_api_server_cannot_reach_are_a_warning(shop: Shop, cluster: Cluster) -> None:
    cluster.forbid("get", "services/proxy")
    cluster.forbid("get", "pods/proxy")
    finished = shop.deploy("0000001")
    assert finished.outcome == "deployed"
    assert "nothing was learnt about the application" in finished.output
    assert shop.who() == "blue"


def test_check_mode_writes_to_nobody(shop: Shop, writes: Recording, cluster: Cluster) -> None:
    with writes() as seen:
        cluster.forget_requests()
        planned = shop.deploy("0000001", "--check", "--diff")
        requests = cluster.requests()
    assert planned.code == 0, planned.output
    assert seen == []
    assert requests
    for request in requests:
        assert request["method"] == "GET" or request["query"].get("dryRun") == "All", request


def test_an_adopted_live_color_is_left_alone(shop: Shop) -> None:
    shop.apply(shop.service("old-web", shop.node_ports["green"]))
    before = shop.get("service", "old-web")
    first = shop.deploy("0000001")
    assert first.outcome == "deployed"
    assert shop.who() == "blue"
    assert shop.get("service", "old-web") == before
    assert shop.get("service", "shop-green") is None

    second = shop.deploy("0000002")
    assert second.outcome == "refused"
    assert f"held by Service old-web in namespace {shop.namespace}" in second.reason
    assert f"kubectl -n {shop.namespace} delete service old-web" in second.reason
    status = shop.status()
    assert (
        f"node port {shop.node_ports['green']} is held by Service {shop.namespace}/old-web" in status.output
    )
    assert shop.who() == "blue"


@pytest.mark.sandbox
@pytest.mark.parametrize("door", ["", "module"])
def test_credentials_can_be_variables(shop: Shop, cluster: Cluster, door: str) -> None:
    given = shop.environment
    by_token = {"host": cluster.url, "api_key": cluster.token, "ca_cert": str(cluster.folder / "ca.crt")}
    finished = shop.play(
        "deploy",
        "-vvv",
        environment={
            **dict.fromkeys(name for name in given if name.startswith("AWS_") or name == "KUBECONFIG"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "BLUEGREEN_DOOR": door,
        },
        commit="0000001",
        bluegreen_aws={
            "endpoint_url": given["AWS_ENDPOINT_URL"],
            "region": given["AWS_DEFAULT_REGION"],
            "access_key": given["AWS_ACCESS_KEY_ID"],
            "secret_key": "hunter2",
        },
        bluegreen_kubernetes=by_token if door else {"kubeconfig": given["KUBECONFIG"]},
    )
    assert finished.outcome == "deployed", finished.output
    assert "hunter2" not in finished.output
    assert cluster.token not in finished.output


@pytest.mark.sandbox
@pytest.mark.parametrize("door", ["", "module"])
def test_a_kubeconfig_can_be_a_variable(shop: Shop, cluster: Cluster, door: str) -> None:
    """It has words, such as v1 and the namespace, that are in every plan; only its keys are hidden."""
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text())
    [context] = kubeconfig["contexts"]
    context["context"]["namespace"] = shop.namespace
    [user] = kubeconfig["users"]
    finished = shop.play(
        "deploy",
        "-vvv",
        environment={"KUBECONFIG": None, "BLUEGREEN_DOOR": door},
        commit="0000001",
        bluegreen_kubernetes={"kubeconfig": kubeconfig},
    )
    assert finished.outcome == "deployed", finished.output
    assert shop.commit() == "0000001"
    hidden = [value for key, value in user["user"].items() if key in ("token", "client-key-data")]
    assert hidden
    assert not any(value in finished.output for value in hidden)
