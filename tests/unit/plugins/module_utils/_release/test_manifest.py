from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import manifest as _manifest
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import Object, Place
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    COLOR,
    MANIFEST,
    NAME,
    PROVEN,
    VERSION,
    Release,
)

BLUE = Place("shop", "store", "blue", (30081,))
GREEN = Place("shop", "store", "green", (30082,))
RELEASE = Release("0012345", "f00d")

TEXT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop-{color}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: shop, color: {color}}}
  template:
    metadata:
      labels: {{app: shop, color: {color}}}
    spec:
      containers: [{{name: shop, image: "shop:0012345"}}]
---
apiVersion: v1
kind: Service
metadata:
  name: shop-{color}
spec:
  type: NodePort
  selector: {{app: shop, color: {color}}}
  ports: [{{name: http, port: 80, targetPort: 8080, nodePort: {node_port}}}]
"""


def parse(text: str, color: str) -> tuple[Object, ...]:
    return _manifest.parse([("shop.yml.j2", text)], color)


def rendered(color: str = "blue", node_port: int = 30081) -> tuple[Object, ...]:
    return parse(TEXT.format(color=color, node_port=node_port), color)


def check(blue: tuple[Object, ...], green: tuple[Object, ...] | None = None, **options: Any) -> None:
    values = {"place": BLUE, "commit": "0012345", "local_allowed": False}
    _manifest.check(blue, rendered("green", 30082) if green is None else green, **values | options)


Change = Callable[[Object, Object], Any]


def changed(change: Change) -> tuple[Object, ...]:
    deployment, service = copy.deepcopy(rendered())
    change(deployment, service)
    return deployment, service


def test_documents_are_parsed_and_lists_taken_apart() -> None:
    one, two = rendered()
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [one, two]})
    assert parse(f"---\n---\n{text}", "blue") == (one, two)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "shop.yml.j2, line 1, as rendered for blue, is not YAML"),
        ("a: 1\n b: 2\n", "line 2, as rendered for blue, is not YAML"),
        ("a: \x00", "not YAML"),
        ("", "The manifests of blue are empty"),
        ("---\n# nothing\n", "The manifests of blue are empty"),
        ("just text", "no Kubernetes object"),
        ("[1, 2]", "no Kubernetes object"),
        ("kind: Service\nmetadata: {name: x}", "no Kubernetes object"),
        ("apiVersion: v1\nkind: Service\nmetadata: {}", "no Kubernetes object"),
        ("apiVersion: v1\nkind: List\nitems: [null]", "no Kubernetes object"),
    ],
)
def test_a_text_that_is_no_manifest(text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(text, "blue")
    assert said in raised.value.message


def test_a_text_that_is_no_yaml_is_not_quoted() -> None:
    with pytest.raises(InputError) as raised:
        parse("password: {hunter2\nx: ]", "blue")
    assert "hunter2" not in f"{raised.value.message} {raised.value.__cause__} {raised.value.details}"


def digest(*objects: dict[str, Any]) -> str:
    return _manifest.digest({"blue": objects}, {"blue": BLUE})


def test_the_hash_knows_both_colors_and_not_the_numbers_of_their_node_ports() -> None:
    def both(blue: int, green: int, host: str = "g.example.com") -> str:
        ports, hosts = {"blue": blue, "green": green}, {"blue": "b.example.com", "green": host}
        places = {color: Place("shop", "store", color, (port,)) for color, port in ports.items()}
        objects = {
            color: [
                {"kind": "Service", "spec": {"ports": [{"nodePort": port}]}},
                {"kind": "ConfigMap", "data": {"host": hosts[color]}},
            ]
            for color, port in ports.items()
        }
        return _manifest.digest(objects, places)

    assert both(30081, 30082) == both(31001, 31002)
    assert both(30081, 30082) != both(30081, 30082, host="other.example.com")


@pytest.mark.parametrize(
    ("blue", "green", "lines"),
    [
        ("name: shop-blue\nport: 30081\n", "name: shop-green\nport: 30082\n", []),
        ('octoblu.bluegreen/color: "blue"\n', 'octoblu.bluegreen/color: "green"\n', []),
        ("a: 1\nhost: b.example.com\n", "a: 1\nhost: g.example.com\n", [2]),
        ("port: 300811\n", "port: 300821\n", [1]),
        ("a: 1\n", "a: 1\nb: 2\n", [2]),
        ("a: 1\nb: 2\nc: 3\n", "x: 1\n", [1, 2]),
    ],
)
def test_the_lines_in_which_the_colors_differ_in_more_than_color_and_node_port(
    blue: str, green: str, lines: list[int]
) -> None:
    places = {
        "blue": Place("shop", "store", "blue", (30081,)),
        "green": Place("shop", "store", "green", (30082,)),
    }
    assert _manifest.lines_apart(blue, green, places) == lines


def test_the_hash_knows_no_order_and_no_comments() -> None:
    one, two = rendered()
    assert digest(one, two) == digest(two, dict(reversed(one.items())))
    assert digest(*parse("# why\n" + yaml.safe_dump(one), "blue")) == digest(one)


@pytest.mark.parametrize(
    "change",
    [
        lambda d, s: d["spec"].update(replicas=3),
        lambda d, s: d["spec"]["template"]["spec"]["containers"][0].update(image="shop:2"),
        lambda d, s: s["spec"]["ports"][0].update(targetPort=8081),
    ],
)
def test_the_hash_knows_every_value(change: Change) -> None:
    assert digest(*changed(change)) != digest(*rendered())


def test_manifests_of_the_color_pass() -> None:
    check(rendered())


def test_manifests_may_say_what_a_stamp_would() -> None:
    def labelled(deployment: Object, service: Object) -> None:
        for labels in (deployment["metadata"], deployment["spec"]["template"]["metadata"]):
            labels["labels"] = {**labels.get("labels", {}), VERSION: "0012345", COLOR: "blue", NAME: "else"}
        service["metadata"] |= {"namespace": "store", "labels": {COLOR: "blue", VERSION: "any"}}

    check(changed(labelled))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda d, s: d["metadata"].update(name="shop-green"),
            "The manifests of blue have no Deployment shop-blue, only shop-green",
        ),
        (
            lambda d, s: d.update(kind="StatefulSet"),
            "The manifests of blue have no Deployment shop-blue: name it",
        ),
        (lambda d, s: s["metadata"].update(name="shop"), "have no Service shop-blue, only shop"),
        (
            lambda d, s: d["metadata"].update(namespace="other"),
            "is in namespace other, but bluegreen_namespace is store",
        ),
        (
            lambda d, s: d["metadata"].update(labels={COLOR: "green"}),
            f"Deployment shop-blue of blue has the label {COLOR}: 'green' instead of 'blue'",
        ),
        (
            lambda d, s: s["metadata"].update(labels={COLOR: "green"}),
            "Service shop-blue of blue has the label",
        ),
        (
            lambda d, s: d["spec"]["template"]["metadata"]["labels"].update({VERSION: 5349}),
            f"{VERSION}: 5349 instead of '0012345': write it as \"{{{{ bluegreen_commit }}}}\"",
        ),
        (lambda d, s: s["spec"].update(type="ClusterIP"), "Service shop-blue is of type ClusterIP"),
        (lambda d, s: s["spec"].pop("type"), "Service shop-blue is of type ClusterIP"),
        (
            lambda d, s: s["spec"]["ports"][0].update(nodePort=30082),
            "Service shop-blue has node port 30082, but blue is 30081",
        ),
        (lambda d, s: s["spec"]["ports"][0].pop("nodePort"), "has node port none, but blue is 30081"),
        (lambda d, s: s["spec"].pop("ports"), "has node port none"),
        (
            lambda d, s: s["spec"]["ports"].append({"port": 81, "nodePort": 30099}),
            "has node port 30081, 30099, but blue is 30081",
        ),
        (lambda d, s: s["spec"].update(externalTrafficPolicy="Local"), "externalTrafficPolicy Local"),
        (
            lambda d, s: s["spec"].update(selector={"app": "other"}),
            "selector app=other of Service shop-blue does not",
        ),
        (lambda d, s: s["spec"].pop("selector"), "selector (empty) of Service shop-blue does not match"),
        (
            lambda d, s: s["spec"].update(selector={"app": "shop"}),
            "selector app=shop of Service shop-blue also matches",
        ),
        (
            lambda d, s: d["spec"]["selector"].update(matchLabels={"app": "shop"}),
            "selector app=shop of Deployment shop-blue also matches the pods of green",
        ),
        (lambda d, s: d["spec"].pop("selector"), "selector (empty) of Deployment shop-blue does not match"),
        (
            lambda d, s: d["spec"]["template"].update(metadata=None),
            "selector app=shop,color=blue of Service shop-blue does not match",
        ),
        (lambda d, s: d["spec"].pop("template"), "does not match the pods of its Deployment"),
    ],
)
def test_manifests_that_are_refused(change: Change, said: str) -> None:
    with pytest.raises(InputError) as raised:
        check(changed(change))
    assert said in raised.value.message


def test_what_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="Service shop-blue more than once"):
        check((*rendered(), rendered()[1]))


def test_local_traffic_can_be_allowed() -> None:
    check(changed(lambda d, s: s["spec"].update(externalTrafficPolicy="Local")), local_allowed=True)


def test_a_stamped_color_makes_a_selector_specific() -> None:
    def by_stamp(deployment: Object, service: Object) -> None:
        service["spec"]["selector"] = {"app": "shop", COLOR: "blue"}

    check(changed(by_stamp))


def test_an_object_of_both_colors_is_refused() -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-settings"}}
    with pytest.raises(InputError, match="ConfigMap shop-settings is the same object"):
        _manifest.check_apart([*rendered(), settings], [*rendered("green"), settings])
    own = [{**settings, "metadata": {"name": f"shop-settings-{color}"}} for color in ("blue", "green")]
    _manifest.check_apart([*rendered(), own[0]], [*rendered("green"), own[1]])


def test_a_stamp_says_of_whom_an_object_is() -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-blue", "labels": None}}
    before = (*rendered(), settings)
    untouched = copy.deepcopy(before)
    deployment, service, settings = _manifest.stamp(before, BLUE, RELEASE)
    assert before == untouched
    assert deployment["metadata"] == {
        "name": "shop-blue",
        "labels": {NAME: "shop", COLOR: "blue", VERSION: "0012345"},
        "annotations": {MANIFEST: "f00d"},
    }
    assert deployment["spec"]["template"]["metadata"]["labels"] == {
        "app": "shop",
        "color": "blue",
        NAME: "shop",
        COLOR: "blue",
        VERSION: "0012345",
    }
    assert deployment["spec"]["selector"] == rendered()[0]["spec"]["selector"]
    assert (
        service["metadata"]
        == settings["metadata"]
        == {"name": "shop-blue", "labels": {NAME: "shop", COLOR: "blue"}}
    )


def test_a_name_of_the_users_own_stays() -> None:
    mine = changed(lambda d, s: d["metadata"].update(labels={NAME: "storefront"}))
    assert _manifest.stamp(mine, BLUE, RELEASE)[0]["metadata"]["labels"][NAME] == "storefront"


def test_old_marks_go_with_the_write_that_changes_what_they_spoke_of() -> None:
    worker = changed(lambda d, s: d["metadata"].update(name="shop-worker-blue"))[0]
    stamped = _manifest.stamp([*rendered(), worker], BLUE, RELEASE, [PROVEN])
    notes = [entry["metadata"].get("annotations") for entry in stamped]
    assert notes == [{MANIFEST: "f00d", PROVEN: ""}, None, {MANIFEST: "f00d"}]


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([{"name": "http", "port": 80, "nodePort": 30081}], "http"),
        ([{"port": 8000, "nodePort": 30081}], "8000"),
        ([{"name": "metrics", "port": 9090}, {"name": "web", "port": 80, "nodePort": 30081}], "web"),
    ],
)
def test_what_the_service_proxy_calls_the_port(ports: list[Object], expected: str) -> None:
    assert _manifest.proxy_port({"spec": {"ports": ports}}, BLUE) == expected


def test_the_green_side_is_checked_alike() -> None:
    green = rendered("green", 30082)
    _manifest.check(green, rendered(), GREEN, "0012345", False)
    with pytest.raises(InputError, match="Service shop-green has node port 30082, but green is 30083"):
        _manifest.check(green, rendered(), Place("shop", "store", "green", (30083,)), "0012345", False)
