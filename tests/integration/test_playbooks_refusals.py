"""Bad input ends in one sentence that names the value, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from balancers import listener, make
from conftest import Recording
from shop import Finished, Shop

from sandbox.aws import Aws
from sandbox.cluster import Cluster


def refused(shop: Shop, said: str, finished: Finished) -> None:
    assert finished.code == 2, finished.output
    assert finished.outcome in ("refused", None)
    assert said in finished.reason, finished.output
    assert shop.objects() == {}
    assert shop.balancer.node_ports == {shop.settings.http_port: shop.node_ports["green"]}


VARIABLES: dict[str, tuple[dict[str, Any], str]] = {
    "number": ({"commit": 5349}, "The commit 5349 is a number"),
    "label": ({"commit": "-x"}, "The commit '-x' cannot be a label"),
    "no-commit": ({"commit": None}, "No commit was given"),
    "no-namespace": ({"bluegreen_namespace": None}, "bluegreen_namespace is not given: set it for the host"),
    "app": ({"bluegreen_app": "Shop_1"}, "The application name 'Shop_1'"),
    "namespace": ({"bluegreen_namespace": "nowhere"}, "There is no namespace nowhere at http"),
    "balancer": ({"bluegreen_load_balancer": "not-there"}, "'not-there'"),
    "balancers": ({"bluegreen_load_balancer": ["a", "b"]}, "cannot be the name of a Classic ELB"),
    "no-balancer": ({"bluegreen_load_balancer": {"nam": "x"}}, "'' cannot be the name of a Classic ELB"),
    "kind": ({"bluegreen_load_balancer": {"name": "x", "type": "gateway"}}, "gateway"),
    "smoke": ({"bluegreen_smoke": "maybe"}, "The smoke request 'maybe'"),
    "replicas": (
        {"bluegreen_replicas": "many"},
        "bluegreen_replicas has to be a whole number, and is 'many'",
    ),
    "misspelt": (
        {"bluegreen_replica": 3},
        "has no variable bluegreen_replica; the nearest is bluegreen_replicas",
    ),
    "aws-option": ({"bluegreen_aws": {"regoin": "x"}}, "regoin"),
    "hook-file": (
        {"bluegreen_hooks": {"after_swap": ["/no/such.yml"]}},
        "The hook /no/such.yml is not the absolute",
    ),
    "hook-path": (
        {"bluegreen_hooks": {"on_failure": ["such.yml"]}},
        "The hook such.yml is not the absolute path",
    ),
    "no-time": ({"bluegreen_ready_timeout": 0}, "The pods cannot become ready within 0 s"),
    "no-grace": ({"bluegreen_unschedulable_grace": -1}, "A pod cannot be without a node for -1 s"),
    "hook": ({"bluegreen_hooks": {"before_swaps": ["/x.yml"]}}, "There is no moment before_swaps"),
    "hooks": ({"bluegreen_hooks": True}, "bluegreen_hooks has to be a dictionary, and is yes or no"),
    "hooks-of-texts": (
        {"bluegreen_hooks": "/x.yml"},
        "bluegreen_hooks has to be a dictionary, and is a text",
    ),
    "no-template": ({"bluegreen_manifests": ["nowhere.yml.j2"]}, "nowhere.yml.j2"),
}
TAGS: dict[str, tuple[dict[str, str], str]] = {
    "tags-missing": ({"team": "web"}, "(tags_missing)"),
    "tags-equal": ({"blue": "30081", "green": "30081"}, "(tags_equal)"),
    "tags-text": ({"blue": "30081", "green": "web"}, "green='web'"),
    "tags-range": ({"blue": "80", "green": "30082"}, "80 is outside the node ports 30000 to 32767"),
    "kubernetes": (
        {"blue": "30081", "green": "30082", "kubernetes.io/service-name": "store/web"},
        "(owned_by_kubernetes)",
    ),
    "claimed": (
        {"blue": "30081", "green": "30082", "octoblu.bluegreen/app": "cart/0000"},
        "is claimed by 'cart/0000', and this is 'shop/",
    ),
    "mixed": ({"blue": "80=30081 81=30083", "green": "80=30084 81=30082"}, "(mixed)"),
}
TEMPLATES: dict[str, tuple[dict[str, str], str]] = {
    "undefined": ({"IMAGE": "{{ no_such_variable }}"}, "undefined.yml.j2): 'no_such_variable' is undefined"),
    "syntax": ({"IMAGE": "{{ nothing"}, "expected token 'end of print statement'"),
    "wrong-color": (
        {"COLOR": "green"},
        "The manifests of blue have no Deployment shop-blue, only shop-green",
    ),
    "node-port": ({"NODEPORT": "30099"}, "Service shop-blue has node port 30099, but blue is"),
    "no-yaml": ({"IMAGE": '"web:{{ bluegreen_commit }}'}, "no-yaml.yml.j2, line "),
    "latin-1": ({"IMAGE": "caf\udce9"}, "latin-1.yml.j2): line 9 is not UTF-8"),
    "twice": (
        {"NODEPORT": "{{ bluegreen_node_port }}, port: 81"},
        "the key port stands twice in one mapping",
    ),
}


@pytest.fixture
def balancers(shop: Shop) -> Iterator[dict[str, str]]:
    """A load balancer for each of TAGS: its name, by that of the case."""
    made = {
        case: make(
            shop.balancer.elb,
            [listener(80, 30081), listener(81, 30082)] if case == "mixed" else [listener(80, 30081)],
            shop.zones,
            tags,
        )
        for case, (tags, _said) in TAGS.items()
    }
    yield {case: balancer.name for case, balancer in made.items()}
    for balancer in made.values():
        balancer.delete()


def test_each_bad_input_is_named(shop: Shop, balancers: Mapping[str, str], tmp_path: Path) -> None:
    """Each case is a host of one inventory, so that one run tells of all of them."""
    cases = {
        **{case: variables for case, (variables, _said) in VARIABLES.items()},
        **{case: {"bluegreen_load_balancer": name} for case, name in balancers.items()},
        **{
            case: {"bluegreen_manifests": [template(tmp_path / f"{case}.yml.j2", **changes)]}
            for case, (changes, _said) in TEMPLATES.items()
        },
    }
    hosts = {
        case: {
            name: value
            for name, value in (shop.variables() | {"commit": "0012345"} | given).items()
            if value is not None
        }
        for case, given in cases.items()
    }
    inventory = tmp_path / "shops.json"
    # Whatever an inventory says of reaching hosts, these playbooks run here.
    everywhere = {"hosts": hosts, "vars": {"ansible_connection": "ssh"}}
    inventory.write_text(json.dumps({"all": everywhere}))
    before = shop.balancer.description
    finished = shop.play("deploy", "-i", str(inventory), **dict.fromkeys(shop.variables()))
    assert finished.code == 2, finished.output
    expected = {case: said for case, (_given, said) in (VARIABLES | TAGS | TEMPLATES).items()}
    told = {case: finished.reason_on(case) for case in cases}
    assert {case: text for case, text in told.items() if expected[case] not in text} == {}
    assert "octoblu.bluegreen.repair -e color=<color> mends it" in told["mixed"]
    assert finished.changed == 0
    assert shop.objects() == {}
    assert shop.balancer.description == before


def test_a_claim_is_taken_over_when_asked_to(shop: Shop) -> None:
    shop.balancer.tag({"octoblu.bluegreen/app": "cart/0000"})
    shop.deployed("0012345", bluegreen_claim=True)
    assert shop.balancer.tags["octoblu.bluegreen/app"].startswith("shop/")


def test_a_node_port_that_somebody_else_holds(shop: Shop) -> None:
    shop.apply(shop.service("old-web", shop.node_ports["blue"]))
    finished = shop.deploy("0012345")
    assert finished.outcome == "refused"
    assert f"Node port {shop.node_ports['blue']} of blue is held by Service old-web" in finished.reason
    assert shop.get("deployment", "shop-blue") is None


TEMPLATE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ bluegreen_app }}-COLOR"}
spec:
  selector: {matchLabels: {app: shop, color: "{{ bluegreen_color }}"}}
  template:
    metadata: {labels: {app: shop, color: "{{ bluegreen_color }}"}}
    spec: {containers: [{name: app, image: "IMAGE"}]}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ bluegreen_app }}-{{ bluegreen_color }}"}
spec:
  type: NodePort
  selector: {app: shop, color: "{{ bluegreen_color }}"}
  ports: [{port: 80, targetPort: 8080, nodePort: NODEPORT}]
"""


def template(path: Path, **changes: str) -> str:
    words = {"COLOR": "{{ bluegreen_color }}", "IMAGE": "web:1", "NODEPORT": "{{ bluegreen_node_port }}"}
    text = TEMPLATE
    for word, value in (words | changes).items():
        text = text.replace(word, value)
    path.write_text(text, errors="surrogateescape")
    return str(path)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"AWS_DEFAULT_REGION": None}, "set region (in the role bluegreen_aws: {region: ...})"),
        (
            {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"},
            "credentials",
        ),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "127.0.0.1:1"),
        (
            {"KUBECONFIG": None, "KUBERNETES_SERVICE_HOST": "10.96.0.1"},
            "the account of the pod that this runs in",
        ),
        ({"K8S_AUTH_HOST": "https://127.0.0.1:1", "K8S_AUTH_API_KEY": "hunter2"}, "127.0.0.1:1"),
    ],
)
def test_nowhere_to_go(shop: Shop, environment: dict[str, str | None], said: str) -> None:
    finished = shop.deploy_with(environment, "0012345")
    refused(shop, said, finished)
    assert "hunter2" not in finished.output


def _expired(aws: Aws, cluster: Cluster) -> None:
    aws.fault(
        kind="error",
        code="ExpiredToken",
        message="The security token included in the request is expired",
        status=403,
        times=1000,
    )


def _no_rights_on_aws(aws: Aws, cluster: Cluster) -> None:
    aws.fault(
        kind="error", code="AccessDenied", message="not authorized to perform this", status=403, times=1000
    )


def _no_rights_in_the_cluster(aws: Aws, cluster: Cluster) -> None:
    cluster.forbid("list", "deployments")


def _no_namespace_to_see(aws: Aws, cluster: Cluster) -> None:
    cluster.forbid("get", "namespaces")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (_expired, "ExpiredToken"),
        (_no_rights_on_aws, "AccessDenied"),
        (_no_rights_in_the_cluster, "403 Forbidden: deployments.apps is forbidden"),
        (_no_namespace_to_see, "403 Forbidden: namespaces"),
    ],
)
def test_no_rights(
    shop: Shop, aws: Aws, cluster: Cluster, trouble: Callable[[Aws, Cluster], None], said: str
) -> None:
    trouble(aws, cluster)
    finished = shop.deploy("0012345")
    aws.clear()
    cluster.clear()
    refused(shop, said, finished)


@pytest.mark.sandbox
def test_a_token_that_the_cluster_does_not_know(shop: Shop, cluster: Cluster) -> None:
    options = {"host": cluster.url, "api_key": "hunter2", "ca_cert": str(cluster.folder / "ca.crt")}
    finished = shop.deploy("0012345", "-vvv", bluegreen_kubernetes=options)
    refused(shop, "401", finished)
    assert "hunter2" not in finished.output


def test_nothing_is_written_before_a_refusal(shop: Shop, writes: Recording, cluster: Cluster) -> None:
    shop.balancer.tag({"octoblu.bluegreen/app": "cart/0000"})
    with writes() as seen:
        cluster.forget_requests()
        finished = shop.deploy("0012345")
        requests = cluster.requests()
    assert finished.outcome == "refused"
    assert seen == []
    assert {request["method"] for request in requests} == {"GET"}


def test_a_number_is_told_from_a_string_on_the_command_line_and_in_a_file(shop: Shop, tmp_path: Path) -> None:
    number = tmp_path / "number.yml"
    number.write_text("commit: 0012345\n")
    refused(shop, "The commit 5349 is a number", shop.play("deploy", "-e", f"@{number}"))
    planned = shop.play("deploy", "--check", "-e", "commit=0012345")
    assert planned.code == 0, planned.output
    assert "-> 0012345 on blue; " in planned.output
