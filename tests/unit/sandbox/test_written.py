# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which form the sandbox's API server writes what it was given, and how strategic patches put lists in order."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import BY_NAME, NAMESPACE
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.patch import strategic_merge_patch
from sandbox.cluster.quantities import canonical
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.schema import schema_of
from sandbox.cluster.store import Store

Object = dict[str, Any]

_UDP = {"name": "dns", "port": 53, "protocol": "UDP"}
_TCP = {"name": "dns-tcp", "port": 53, "protocol": "TCP"}
_HTTP = {"name": "http", "port": 80}


@pytest.fixture
def resources() -> Resources:
    resources = Resources(Store())
    resources.create(NAMESPACE, "", {"metadata": {"name": "web"}}, Options(Writer("test")))
    return resources


def create(resources: Resources, kind: str, **body: Any) -> Object:
    return resources.create(
        BY_NAME[kind], "web", {"metadata": {"name": "shop"}, **body}, Options(Writer("test"))
    )


def workload(pod: Object, **spec: Any) -> Object:
    labels = {"app": "shop"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": "a:1"}], **pod},
    }
    return {"selector": {"matchLabels": labels}, "template": template, **spec}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("0.5", "500m"), ("500m", "500m"), ("1000m", "1"), ("1500m", "1500m"), ("2.50", "2500m"), ("1.500", "1.500"),
        ("1000000", "1M"), ("128974848", "128974848"), ("2G", "2G"), ("1k", "1k"), ("0.001", "1m"), ("0Gi", "0"),
        ("1024Mi", "1Gi"), ("1536Mi", "1536Mi"), ("0.5Gi", "512Mi"), ("1.5Gi", "1536Mi"), ("100Ki", "100Ki"),
        ("1e-1", "100e-3"), ("12e6", "12e6"), ("1E", "1E"),
    ],
)  # fmt: skip
def test_a_quantity_is_written_in_its_canonical_form(given: str, written: str) -> None:
    assert canonical(given) == written


@pytest.mark.parametrize(
    ("before", "patch", "order", "after"),
    [
        # The first of one number is changed, and none of them is lost.
        ([_UDP, _TCP], [{"port": 53, "name": "x"}], [53, 53], [{**_UDP, "name": "x"}, _TCP]),
        ([_UDP, _TCP, _HTTP], [{"port": 53, "$patch": "delete"}], [80], [_HTTP]),
        # An order alone is a change.
        ([_HTTP, _UDP], None, [53, 80], [_UDP, _HTTP]),
        ([_HTTP, _UDP], [{"port": 1}], [1, 80], [{"port": 1}, _HTTP, _UDP]),
        ([_UDP, _HTTP], [{"port": 1}], [1, 80], [{"port": 1}, _UDP, _HTTP]),
        ([_HTTP], [_UDP], None, [_UDP, _HTTP]),
    ],
)
def test_a_strategic_patch_keeps_and_orders(
    before: list[Object], patch: list[Object] | None, order: list[int] | None, after: list[Object]
) -> None:
    spec: Object = {"ports": patch} if patch else {}
    if order:
        spec["$setElementOrder/ports"] = [{"port": number} for number in order]
    patched = strategic_merge_patch(
        {"spec": {"ports": before}}, {"spec": spec}, schema_of(BY_NAME["Service"])
    )
    assert patched == {"spec": {"ports": after}}


def test_a_strategic_patch_replaces_the_selector_of_a_budget() -> None:
    before, after = {"matchLabels": {"app": "shop", "old": "x"}}, {"matchLabels": {"app": "shop"}}
    schema = schema_of(BY_NAME["PodDisruptionBudget"])
    patch = {"spec": {"selector": after}}
    assert strategic_merge_patch({"spec": {"selector": before}}, patch, schema) == patch


def test_nothing_is_an_empty_text_in_a_map_of_texts(resources: Resources) -> None:
    made = create(resources, "ConfigMap", data={"a": None, "b": "x"}, binaryData={})
    assert (made["data"], "binaryData" in made) == ({"a": "", "b": "x"}, False)


def test_what_is_empty_is_not_written_but_where_it_is_required(resources: Resources) -> None:
    pod = {"volumes": [{"name": "a", "emptyDir": {}}], "tolerations": [], "nodeSelector": {}, "affinity": {}}
    made = create(resources, "Deployment", spec=workload(pod))["spec"]["template"]["spec"]
    assert (made["volumes"], made["affinity"]) == ([{"name": "a", "emptyDir": {}}], {})
    assert made.keys().isdisjoint({"tolerations", "nodeSelector"})


def test_only_a_pod_asks_for_what_it_is_limited_to(resources: Resources) -> None:
    limited = {"containers": [{"name": "app", "image": "a:1", "resources": {"limits": {"memory": "1Gi"}}}]}
    made = create(resources, "Deployment", spec=workload(limited))["spec"]["template"]["spec"]
    assert made["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}
    pod = create(resources, "Pod", spec=limited)["spec"]
    assert pod["containers"][0]["resources"]["requests"] == {"memory": "1Gi"}


def test_a_service_account_stays_by_its_older_name(resources: Resources) -> None:
    create(resources, "Deployment", spec=workload({"serviceAccountName": "ci"}))

    def without(old: Object) -> Object:
        pod = dict(workload({})["template"]["spec"])
        pod["serviceAccount"] = old["spec"]["template"]["spec"]["serviceAccount"]
        return {**old, "spec": workload(pod)}

    left = resources.change(BY_NAME["Deployment"], "web", "shop", without, Options(Writer("test")))
    assert left["spec"]["template"]["spec"]["serviceAccountName"] == "ci"


def test_a_stateful_set_may_use_volumes_that_come_with_its_pods(resources: Resources) -> None:
    mounted = {
        "containers": [{"name": "a", "image": "a:1", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}]
    }
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    spec = workload(mounted, serviceName="shop", volumeClaimTemplates=[claim])
    made = create(resources, "StatefulSet", spec=spec)["spec"]["volumeClaimTemplates"][0]
    assert (made["kind"], made["spec"]["volumeMode"]) == ("PersistentVolumeClaim", "Filesystem")
    strategy = {"type": "OnDelete", "rollingUpdate": {"partition": 1}}
    with pytest.raises(ApiError, match="only allowed for updateStrategy 'RollingUpdate'"):
        create(resources, "StatefulSet", spec={**spec, "updateStrategy": strategy})


def test_a_service_that_is_not_sticky_forgets_for_how_long(resources: Resources) -> None:
    spec = {"ports": [{"port": 80}], "sessionAffinity": "ClientIP"}
    assert "sessionAffinityConfig" in create(resources, "Service", spec=spec)["spec"]

    def forget(old: Object) -> Object:
        return {**old, "spec": {key: value for key, value in old["spec"].items() if key != "sessionAffinity"}}

    left = resources.change(BY_NAME["Service"], "web", "shop", forget, Options(Writer("test")))
    assert "sessionAffinityConfig" not in left["spec"]
