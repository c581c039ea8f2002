"""Server-side apply in the sandbox: what a list is keyed by, who owns what, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.cluster import managed_fields
from sandbox.cluster.apply import apply_patch
from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import BY_NAME, NAMESPACE
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.objects import clone
from sandbox.cluster.patch import json_patch, merge_patch, strategic_merge_patch
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.schema import schema_of
from sandbox.cluster.store import Store
from sandbox.cluster.targets import Target

Object = dict[str, Any]

_LABELS = {"app": "shop"}


@pytest.fixture
def resources() -> Resources:
    resources = Resources(Store())
    resources.create(NAMESPACE, "", {"metadata": {"name": "web"}}, Options(Writer("test")))
    return resources


def _apply(
    resources: Resources, body: Object, manager: str = "us", force: bool = False, dry_run: bool = False
) -> Object:
    kind = BY_NAME[body["kind"]]
    target = Target("patch", kind, "web", body["metadata"]["name"])
    options = Options(Writer(manager, "Apply"), dry_run=dry_run, field_validation="Strict")
    return apply_patch(resources, target, clone(body), options, force)[0]


def _change(
    resources: Resources, kind: str, change: Callable[[Object], Object], manager: str = "them"
) -> Object:
    return resources.change(
        BY_NAME[kind], "web", "shop", lambda old: change(clone(old)), Options(Writer(manager))
    )


def _create(resources: Resources, body: Object) -> Object:
    return resources.create(BY_NAME[body["kind"]], "web", clone(body), Options(Writer("them")))


def _refused(resources: Resources, body: Object, manager: str = "us") -> Object:
    with pytest.raises(ApiError) as caught:
        _apply(resources, body, manager)
    return caught.value.body


def _container(**fields: Any) -> Object:
    return {"name": "app", "image": "shop:1", **fields}


def _deployment(*containers: Object, pod: Object | None = None, **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {**_LABELS, "color": "blue"}},
        "spec": {"containers": list(containers) or [_container()], **(pod or {})},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"selector": {"matchLabels": dict(_LABELS)}, "template": template, **spec},
    }


def _service(*ports: Object, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"selector": dict(_LABELS), "ports": list(ports), **spec},
    }


def _job(image: str, **spec: Any) -> Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "m", "image": image}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "shop"},
        "spec": {"template": {"spec": pod}, **spec},
    }


def _autoscaler(*utilizations: int) -> Object:
    targets = [{"type": "Utilization", "averageUtilization": number} for number in utilizations]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "maxReplicas": 3,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": each}} for each in targets
            ],
        },
    }


def _config(**data: str | None) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}, "data": data}


def _pod(deployment: Object) -> Object:
    spec: Object = deployment["spec"]["template"]["spec"]
    return spec


def _managers(obj: Object) -> set[tuple[str, str]]:
    return {(entry["manager"], entry["operation"]) for entry in obj["metadata"].get("managedFields", ())}


_HTTPS = {"name": "https", "port": 443, "targetPort": "http", "protocol": "TCP"}
_HTTP3 = {"name": "http3", "port": 443, "targetPort": 8443, "protocol": "UDP"}


def test_ports_of_one_number_and_two_protocols_stay_two(resources: Resources) -> None:
    body = _service({**_HTTPS, "nodePort": 30081}, {**_HTTP3, "nodePort": 30081}, type="NodePort")
    assert [_apply(resources, body)["spec"]["ports"] for _again in range(3)] == [body["spec"]["ports"]] * 3


def test_a_port_that_names_no_protocol_is_one_of_tcp(resources: Resources) -> None:
    _apply(resources, _service({"name": "https", "port": 443}))
    body = _service({"name": "https", "port": 443, "targetPort": 9}, _HTTP3)
    assert [port["targetPort"] for port in _apply(resources, body)["spec"]["ports"]] == [9, 8443]


_SPREAD = {
    "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1,
    "labelSelector": {"matchLabels": _LABELS},
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "theirs", "ours"),
    [
        ("volumes", {"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}),
        ("hostAliases", {"ip": "10.0.0.1", "hostnames": ["a"]}, {"ip": "10.0.0.2", "hostnames": ["b"]}),
        ("imagePullSecrets", {"name": "a"}, {"name": "b"}),
        ("initContainers", {"name": "a", "image": "a"}, {"name": "b", "image": "b"}),
        ("topologySpreadConstraints", _SPREAD, {**_SPREAD, "topologyKey": "b"}),
        ("topologySpreadConstraints", _SPREAD, {**_SPREAD, "whenUnsatisfiable": "ScheduleAnyway"}),
    ],
)
def test_elements_of_a_keyed_list_have_owners_of_their_own(
    resources: Resources, field: str, theirs: Object, ours: Object
) -> None:
    def given(deployment: Object) -> list[Object]:
        return [{key: item[key] for key in theirs} for item in _pod(deployment)[field]]

    _create(resources, _deployment(pod={field: [theirs]}))
    assert given(_apply(resources, _deployment(pod={field: [ours]}))) == [theirs, ours]
    assert given(_apply(resources, _deployment())) == [theirs]


_APP = '.spec.template.spec.containers[name="app"]'


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (
            _deployment(pod={"tolerations": [{"key": "a", "operator": "Exists"}]}),
            _deployment(pod={"tolerations": [{"key": "b", "operator": "Exists"}]}),
            ".spec.template.spec.tolerations",
        ),
        (
            _deployment(pod={"nodeSelector": {"a": "b"}}),
            _deployment(pod={"nodeSelector": {"c": "d"}}),
            ".spec.template.spec.nodeSelector",
        ),
        (
            _deployment(_container(envFrom=[{"configMapRef": {"name": "a"}}])),
            _deployment(_container(envFrom=[{"configMapRef": {"name": "b"}}])),
            f"{_APP}.envFrom",
        ),
        (_deployment(_container(command=["a"])), _deployment(_container(command=["b"])), f"{_APP}.command"),
        (_service(_HTTPS), _service(_HTTPS, selector={"c": "d"}), ".spec.selector"),
        (_deployment(), _deployment(selector={"matchLabels": {"color": "blue"}}), ".spec.selector"),
        (_autoscaler(50), _autoscaler(50, 60), ".spec.metrics"),
    ],
)
def test_what_is_atomic_has_one_owner(resources: Resources, before: Object, after: Object, path: str) -> None:
    _create(resources, before)
    wanted = f'Apply failed with 1 conflict: conflict with "them" using {before["apiVersion"]}: {path}'
    assert _refused(resources, after)["message"] == wanted


_ENTRY = ".spec.template.spec.containers: element 0: associative list with keys"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (
            _deployment(_container(env=[{"name": "OPTS"}, {"name": "OPTS", "value": "$(OPTS) b"}])),
            f'{_APP}.env: duplicate entries for key [name="OPTS"]',
        ),
        (
            _deployment(_container(ports=[{"containerPort": 53}, {"containerPort": 53, "protocol": "TCP"}])),
            f'{_APP}.ports: duplicate entries for key [containerPort=53,protocol="TCP"]',
        ),
        (_deployment(replica=1), ".spec.replica: field not declared in schema"),
        (_deployment(replicas="1"), ".spec.replicas: expected numeric (int or float), got string"),
        (_deployment(paused="no"), ".spec.paused: expected boolean, got string"),
        (
            _deployment(_container(env=[{"name": "A", "value": 1}])),
            f'{_APP}.env[name="A"].value: expected string, got &value.valueUnstructured{{Value:1}}',
        ),
        (
            _deployment({"image": "a"}),
            f'{_ENTRY} has an element that omits key field "name" (and doesn\'t have default value)',
        ),
        (_deployment(None), f"{_ENTRY} may not have null elements"),
        (
            _deployment(replica=1, paused="no"),
            "errors:\n  .spec.replica: field not declared in schema\n  .spec.paused: expected boolean, got string",
        ),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_a_text_that_does_not_follow_the_schema_is_refused(
    resources: Resources, body: Object, complaint: str, exists: bool
) -> None:
    """With 500 and no reason, as a real server does: the error is none that the API has a status for.

    https://github.com/kubernetes/kubernetes/pull/121575 has these words in a server's log, and
    https://github.com/fabric8io/kubernetes-client/issues/6927 the code.
    """
    if exists:
        _apply(resources, _deployment())
    answer = _refused(resources, body)
    failed = "failed to create typed patch object (web/shop; apps/v1, Kind=Deployment): "
    assert (answer["code"], "reason" in answer, answer["message"]) == (500, False, failed + complaint)


def test_one_name_twice_in_what_is_live_stays_until_it_is_applied(resources: Resources) -> None:
    twice = [{"name": "OPTS", "value": "a"}, {"name": "OPTS", "value": "b"}]
    _create(resources, _deployment(_container(env=twice)))
    assert _pod(_apply(resources, _deployment()))["containers"][0]["env"] == twice
    once = [{"name": "OPTS", "value": "c"}]
    assert _refused(resources, _deployment(_container(env=once)))["message"].endswith(
        f'{_APP}.env[name="OPTS"]'
    )
    forced = _apply(resources, _deployment(_container(env=once)), force=True)
    assert _pod(forced)["containers"][0]["env"] == once


def test_one_value_may_have_two_owners_and_stays_until_both_let_go(resources: Resources) -> None:
    _create(resources, _config(a="1", b="1"))
    assert _managers(_apply(resources, _config(a="1"))) == {("them", "Update"), ("us", "Apply")}
    assert _apply(resources, _config())["data"] == {"a": "1", "b": "1"}


def test_force_takes_the_field_from_everybody_else(resources: Resources) -> None:
    _create(resources, _config(a="1"))
    _apply(resources, _config(a="1"), manager="others")
    assert len(_refused(resources, _config(a="2"))["details"]["causes"]) == 2
    assert _managers(_apply(resources, _config(a="2"), force=True)) == {("us", "Apply")}


def test_what_an_update_wrote_is_no_longer_the_appliers(resources: Resources) -> None:
    _apply(resources, _config(a="1", b="1"))
    _change(resources, "ConfigMap", lambda old: merge_patch(old, {"data": {"a": "2"}}))
    assert _refused(resources, _config(a="1", b="1"))["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "them" using v1', "field": ".data.a"}
    ]
    assert _apply(resources, _config(b="1"))["data"] == {"a": "2", "b": "1"}


def test_an_element_goes_although_somebody_changed_it(resources: Resources) -> None:
    _apply(resources, _deployment(_container(), {"name": "sidecar", "image": "s:1"}))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "s:2"}]}}}}
    schema = schema_of(BY_NAME["Deployment"])
    _change(resources, "Deployment", lambda old: strategic_merge_patch(old, patch, schema))
    after = _apply(resources, _deployment())
    assert [container["name"] for container in _pod(after)["containers"]] == ["app"]
    assert _managers(after) == {("us", "Apply")}


def test_elements_stand_in_the_order_of_the_text(resources: Resources) -> None:
    def variables(names: str) -> Object:
        return _deployment(_container(env=[{"name": name, "value": "1"} for name in names]))

    _create(resources, variables("axb"))
    after = _apply(resources, variables("nba"))
    assert [item["name"] for item in _pod(after)["containers"][0]["env"]] == ["x", "n", "b", "a"]


@pytest.mark.parametrize(
    "body",
    [
        _deployment(pod={"tolerations": None, "volumes": None}, replicas=None, strategy=None),
        _deployment(_container(env=[], resources={}, command=[])),
        _service({**_HTTPS, "nodePort": None}, type="NodePort"),
        _config(a="1", b=None),
        _autoscaler(50),
        _job("m:1"),
    ],
)
def test_applying_again_keeps_the_version(
    resources: Resources, body: Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = itertools.count()
    monkeypatch.setattr(managed_fields, "timestamp", lambda: f"2026-11-27T00:00:{next(moments):02}Z")
    first = _apply(resources, body)
    assert _apply(resources, body) == first
    assert _apply(resources, body, dry_run=True) == first


def test_null_lets_the_server_choose(resources: Resources) -> None:
    _apply(resources, _deployment(replicas=3))
    assert _apply(resources, _deployment(replicas=None))["spec"]["replicas"] == 1
    _apply(resources, _config(a="1", b="1"))
    # A map of texts has no place for nothing.
    assert _apply(resources, _config(a="1", b=None))["data"] == {"a": "1", "b": ""}


def test_a_dry_run_changes_nothing(resources: Resources) -> None:
    stored = _apply(resources, _config(a="1"))
    assert _apply(resources, _config(a="2"), dry_run=True)["data"] == {"a": "2"}
    assert resources.get(BY_NAME["ConfigMap"], "web", "shop") == stored


def test_what_the_server_filled_in_outlives_what_it_was_filled_in_for(resources: Resources) -> None:
    """A default has no owner, so an apply that never had it does not remove it."""
    _apply(resources, _deployment())
    causes = _refused(resources, _deployment(strategy={"type": "Recreate"}))["details"]["causes"]
    assert [(cause["field"], cause["message"]) for cause in causes] == [
        (
            "spec.strategy.rollingUpdate",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
        )
    ]


def test_what_was_applied_goes_with_what_was_filled_in_beside_it(resources: Resources) -> None:
    _apply(resources, _deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}))
    changed = _apply(resources, _deployment(strategy={"type": "Recreate"}))
    assert changed["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("written", [[], None])
def test_owners_stay_when_a_client_writes_none(resources: Resources, written: Any) -> None:
    before = _apply(resources, _config(a="1"))
    patch = {"metadata": {"managedFields": written}}
    assert _change(resources, "ConfigMap", lambda old: merge_patch(old, patch)) == before


def test_owners_are_forgotten_on_request_and_counted_anew_by_an_apply(resources: Resources) -> None:
    _apply(resources, _config(a="1"))
    for patch in ({"metadata": {"managedFields": [{}]}}, {"data": {"b": "2"}}):
        changed = _change(resources, "ConfigMap", lambda old, patch=patch: merge_patch(old, patch))
        assert _managers(changed) == set()
    assert _refused(resources, _config(a="2"))["message"].endswith('"before-first-apply" using v1: .data.a')
    assert _managers(_apply(resources, _config(a="1"))) == {("before-first-apply", "Update"), ("us", "Apply")}


def test_owners_are_not_to_be_applied(resources: Resources) -> None:
    body = _config(a="1")
    body["metadata"]["managedFields"] = [{"manager": "us"}]
    answer = _refused(resources, body)
    assert (answer["code"], answer["message"]) == (400, "metadata.managedFields must be nil")


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        (_job("m:1"), _job("m:2"), "spec.template"),
        (_job("m:1"), _job("m:1", completions=2), "spec.completions"),
        (_job("m:1"), _job("m:1", selector={"matchLabels": {"job-name": "shop"}}), "spec.selector"),
        (_deployment(), _deployment(selector={"matchLabels": {"color": "blue"}}), "spec.selector"),
        (_service(_HTTPS), _service(_HTTPS, clusterIP="10.96.1.1"), "spec.clusterIPs[0]"),
    ],
)
@pytest.mark.parametrize("how", ["apply", "merge", "strategic", "json", "put"])
def test_what_is_immutable_is_so_whichever_way_it_is_written(
    resources: Resources, before: Object, after: Object, field: str, how: str
) -> None:
    kind, stored = BY_NAME[before["kind"]], _create(resources, before)
    whole = strategic_merge_patch(clone(stored), after, schema_of(kind))
    writes: dict[str, Callable[[], object]] = {
        "apply": lambda: _apply(resources, after, force=True),
        "merge": lambda: _change(resources, kind.name, lambda old: merge_patch(old, after)),
        "strategic": lambda: _change(
            resources, kind.name, lambda old: strategic_merge_patch(old, after, schema_of(kind))
        ),
        "json": lambda: _change(
            resources,
            kind.name,
            lambda old: json_patch(old, [{"op": "replace", "path": "/spec", "value": whole["spec"]}]),
        ),
        "put": lambda: resources.replace(kind, "web", "shop", whole, Options(Writer("them"))),
    }
    with pytest.raises(ApiError) as caught:
        writes[how]()
    fields = [cause["field"] for cause in caught.value.body["details"]["causes"]]
    assert (caught.value.code, field in fields) == (422, True)


@pytest.mark.parametrize(
    ("field", "before", "patch", "after"),
    [
        ("tolerations", [{"key": "a"}], [{"key": "b"}], [{"key": "b"}]),
        # What is new goes first, unless the patch says in which order.
        ("volumes", [{"name": "a"}], [{"name": "b"}], [{"name": "b"}, {"name": "a"}]),
        ("volumes", [{"name": "a"}, {"name": "b"}], [{"name": "a", "$patch": "delete"}], [{"name": "b"}]),
        ("readinessGates", [{"conditionType": "a"}], [{"conditionType": "b"}], [{"conditionType": "b"}]),
    ],
)
def test_a_strategic_patch_merges_the_lists_that_the_schema_says(
    field: str, before: list[Object], patch: list[Object], after: list[Object]
) -> None:
    def wrapped(items: list[Object]) -> Object:
        return {"spec": {"template": {"spec": {field: items}}}}

    schema = schema_of(BY_NAME["Deployment"])
    assert strategic_merge_patch(wrapped(before), wrapped(patch), schema) == wrapped(after)
