# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import read
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.pod_settings import with_settings

Object = dict[str, Any]

CONTAINER = {
    "name": "app",
    "image": "shop:1",
    "ports": [{"name": "http", "containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
}


def deployment(container: Object, **spec: Any) -> Object:
    pod = {"containers": [container], **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}}


def settled(
    pod: Object | None = None, container: Object | None = None, of: Object | None = None, **spec: Any
) -> Object:
    text = with_settings(json.dumps(deployment(of or CONTAINER, **spec)), pod or {}, container or {})
    (document,) = read(text)
    return dict(document["spec"]["template"]["spec"])


def test_manifests_stay_as_they_are_where_nothing_is_wanted() -> None:
    text = "# A comment.\nkind: Deployment\n"
    assert with_settings(text, {}, {}) is text


@pytest.mark.parametrize(
    ("pod", "made"),
    [
        ({"hostname": "a"}, {"hostname": "a"}),
        ({"terminationGracePeriodSeconds": 60}, {"terminationGracePeriodSeconds": 60}),
        ({"securityContext": {"fsGroup": 1}}, {"securityContext": {"runAsNonRoot": True, "fsGroup": 1}}),
        ({"securityContext": {"runAsNonRoot": False}}, {"securityContext": {"runAsNonRoot": False}}),
        ({"securityContext": None}, {}),
        ({"volumes": [{"name": "b"}]}, {"volumes": [{"name": "b"}]}),
    ],
)
def test_what_is_wanted_of_pods_goes_over_what_is_there(pod: Object, made: Object) -> None:
    there: Object = {"securityContext": {"runAsNonRoot": True}, "volumes": [{"name": "a", "emptyDir": {}}]}
    wanted = {**there, **made} if made else {"volumes": there["volumes"]}
    assert settled(pod, **there) == {"containers": [CONTAINER], **wanted}


@pytest.mark.parametrize(
    ("container", "field", "made"),
    [
        ({"resources": {"limits": {"memory": "1Gi"}}}, "resources",
         {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}),
        ({"resources": {"requests": {"cpu": None, "memory": "1Gi"}}}, "resources", {"requests": {"memory": "1Gi"}}),
        ({"resources": None}, "resources", None),
        ({"readinessProbe": {"httpGet": None, "tcpSocket": {"port": "http"}}}, "readinessProbe",
         {"periodSeconds": 1, "tcpSocket": {"port": "http"}}),
        ({"ports": [{"name": "http", "containerPort": 80}, {"name": "metrics", "containerPort": 9}]}, "ports",
         [{"name": "http", "containerPort": 80}, {"name": "metrics", "containerPort": 9}]),
        ({"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}, "env",
         [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]),
        ({"command": ["sh", "-c", "exec app"]}, "command", ["sh", "-c", "exec app"]),
    ],
)  # fmt: skip
def test_what_is_wanted_of_the_container_goes_over_what_is_there(
    container: Object, field: str, made: Any
) -> None:
    spec = settled(container=container)
    others = {key: value for key, value in CONTAINER.items() if key != field}
    assert spec == {"containers": [others if made is None else {**others, field: made}]}


def test_only_the_first_container_is_the_applications() -> None:
    text = json.dumps(deployment(CONTAINER))
    (document,) = read(text)
    document["spec"]["template"]["spec"]["containers"].append({"name": "other"})
    (made,) = read(with_settings(json.dumps(document), {}, {"tty": True}))
    assert made["spec"]["template"]["spec"]["containers"] == [{**CONTAINER, "tty": True}, {"name": "other"}]


def test_other_objects_of_a_template_are_left_alone() -> None:
    service = {
        "kind": "Service",
        "spec": {"ports": [{"port": 80}]},
        "metadata": {"annotations": {"a": "ä: #"}},
    }
    text = f"{json.dumps(deployment(CONTAINER))}\n---\n{json.dumps(service)}"
    first, second = read(with_settings(text, {"hostname": "a"}, {}))
    assert first == deployment(CONTAINER, hostname="a")
    assert second == service


@pytest.mark.parametrize(
    ("pod", "container", "told"),
    [
        ({"containers": []}, {}, "bluegreen_pod has containers: .* bluegreen_container, .* initContainers"),
        ({}, {"name": "web"}, "bluegreen_container has a name"),
        ({}, {"image": "shop:2"}, "bluegreen_container has an image: give it as bluegreen_image"),
        ({}, {"env": []}, "env of bluegreen_container .* bluegreen_env "),
        ({}, {"envFrom": None}, "envFrom of bluegreen_container .* bluegreen_env_from "),
        ({}, {"ports": [{"containerPort": 8080}]}, "ports of bluegreen_container have none named http"),
        ({}, {"ports": None}, "ports of bluegreen_container have none named http"),
    ],
)
def test_what_the_role_makes_itself_is_refused_by_name(pod: Object, container: Object, told: str) -> None:
    there = {**CONTAINER, "env": [{"name": "A", "value": "1"}], "envFrom": [{"secretRef": {"name": "keys"}}]}
    with pytest.raises(InputError, match=told):
        settled(pod, container, of=there)


def test_a_template_that_is_no_yaml_is_told() -> None:
    with pytest.raises(InputError, match="The template is not YAML to merge bluegreen_pod into"):
        with_settings("a: b: c", {"hostname": "a"}, {})
