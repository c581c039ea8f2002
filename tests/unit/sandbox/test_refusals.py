"""The sandbox's API server refuses and completes what a real one refused and completed, object by object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.cluster import patch
from sandbox.cluster.errors import ApiError
from sandbox.cluster.kinds import BY_NAME, NAMESPACE, Kind
from sandbox.cluster.managed_fields import Writer
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.schema import schema_of
from sandbox.cluster.store import Store

Object = dict[str, Any]

_FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "kubernetes_api"
_NAMESPACE = "refusals"
_CASES: dict[str, Object] = {
    case["name"]: case for case in yaml.safe_load((_FIXTURES / "refusals.yaml").read_text())["cases"]
}
# What every server makes up anew.
_VOLATILE = {
    "uid", "creationTimestamp", "managedFields", "clusterIP", "clusterIPs",
    "batch.kubernetes.io/controller-uid", "controller-uid",
}  # fmt: skip
# Values that a real server shows as it holds them in memory, addresses and all.
_DUMPED = {"Job template is immutable", "budget with both"}
_CHANGED = {
    "selector is immutable": ("Deployment", "as it should be"),
    "Job template is immutable": ("Job", "Job as it should be"),
    "clusterIP is immutable": ("Service", "Service as it should be"),
    "Service type to ClusterIP drops node ports": ("Service", "Service as it should be"),
}
_TOO_LARGE = {
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-blue"}, "data": {"A": "x" * 1_100_000},
}  # fmt: skip


@pytest.mark.parametrize("name", _CASES)
def test_answers_as_a_real_server_did(name: str) -> None:
    case = _CASES[name]
    code, answer, warnings = _asked(name, case)
    assert code == case["code"], answer
    if code >= 400:
        assert _refusal(answer, name) == _refusal(case["answer"], name)
        return
    assert warnings == case.get("warnings", [])
    if case["answer"] != "accepted":
        for field, recorded in case["answer"].items():
            assert _steady(answer[field]) == _steady(recorded)


def _asked(name: str, case: Object) -> tuple[int, Any, list[str]]:
    resources = Resources(Store())
    resources.create(NAMESPACE, "", {"metadata": {"name": _NAMESPACE}}, Options(Writer("test")))
    if name == "node port held by another":
        held = _CASES["Service as it should be"]["object"]
        _created(resources, held)
        other = {**held, "metadata": {"name": "other"}}
        return _answer(resources, BY_NAME["Service"], lambda options: _create(resources, other, options), 201)
    if name not in _CHANGED:
        body = _TOO_LARGE if name == "ConfigMap too large" else case["object"]
        return _answer(
            resources, BY_NAME[body["kind"]], lambda options: _create(resources, body, options), 201
        )
    kind, before = _CHANGED[name]
    stored = _created(resources, _CASES[before]["object"])

    def change(options: Options) -> Object:
        return resources.change(
            BY_NAME[kind], _NAMESPACE, stored["metadata"]["name"],
            lambda old: patch.strategic_merge_patch(old, case["patch"], schema_of(BY_NAME[kind])), options,
        )  # fmt: skip

    return _answer(resources, BY_NAME[kind], change, 200)


def _created(resources: Resources, body: Object) -> Object:
    return resources.create(BY_NAME[body["kind"]], _NAMESPACE, body, Options(Writer("test")))


def _create(resources: Resources, body: Object, options: Options) -> Object:
    return resources.create(BY_NAME[body["kind"]], _NAMESPACE, body, options)


def _answer(resources: Resources, kind: Kind, ask: Any, code: int) -> tuple[int, Any, list[str]]:
    options = Options(Writer("test"), dry_run=True, field_validation="Strict")
    try:
        answer = ask(options)
    except ApiError as error:
        return error.code, error.body, []
    quoted = [json.dumps(warning, ensure_ascii=False) for warning in options.warnings]
    return code, answer, [f"299 - {warning}" for warning in quoted]


def _refusal(status: Object, name: str) -> Object:
    """What is compared of a refusal."""
    details = status.get("details") or {}
    causes = [
        {key: text for key, text in cause.items() if key != "message" or name not in _DUMPED}
        for cause in details.get("causes", ())
    ]
    return {
        "reason": status["reason"],
        "message": None if name in _DUMPED else status["message"],
        "details": {**details, "causes": causes},
    }


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _steady(item) for key, item in value.items() if key not in _VOLATILE}
    return [_steady(item) for item in value] if isinstance(value, list) else value
