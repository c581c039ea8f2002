from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.request import read_asks

DEPLOYMENT = {"kind": "Deployment", "name": "shop", "namespace": "demo"}


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        (DEPLOYMENT, [("apps/v1", "Deployment", "demo", "shop", "")]),
        ({**DEPLOYMENT, "api_version": "apps/v1beta2"}, [("apps/v1beta2", "Deployment", "demo", "shop", "")]),
        ({**DEPLOYMENT, "kind": "Job"}, [("batch/v1", "Job", "demo", "shop", "")]),
        (
            {
                "kind": "Service",
                "namespace": "demo",
                "label_selectors": ["app=shop", "color in (blue, green)"],
            },
            [("v1", "Service", "demo", "", "app=shop,color in (blue, green)")],
        ),
        (
            {
                "namespace": "demo",
                "workloads": [
                    DEPLOYMENT,
                    {"kind": "Job", "name": "migrate"},
                    {**DEPLOYMENT, "namespace": "other"},
                ],
            },
            [
                ("apps/v1", "Deployment", "demo", "shop", ""),
                ("batch/v1", "Job", "demo", "migrate", ""),
                ("apps/v1", "Deployment", "other", "shop", ""),
            ],
        ),
        (
            {"kind": "Node", "api_version": "v1", "name": "a", "condition": "status"},
            [("v1", "Node", "", "a", "")],
        ),
    ],
)
def test_what_is_asked_for(params: dict[str, Any], asked: list[tuple[str, ...]]) -> None:
    asks = read_asks(params)
    assert [(ask.api_version, ask.kind, ask.namespace, ask.name, ask.selector) for ask in asks] == asked


@pytest.mark.parametrize(
    ("params", "told"),
    [
        (
            {**DEPLOYMENT, "kind": "DaemonSet", "replicas": 2},
            "replicas is for Deployment or StatefulSet; a DaemonSet has no number to be told.",
        ),
        (
            {"kind": "Deployment", "namespace": "demo"},
            "asked for by name or by label_selectors; neither was given.",
        ),
        (
            {**DEPLOYMENT, "label_selectors": ["app=shop"]},
            'both name "shop" and label_selectors "app=shop" were given.',
        ),
        (
            {"kind": "Deployment", "name": "shop"},
            'Deployment "shop" lives in a namespace; name it with namespace.',
        ),
        (
            {**DEPLOYMENT, "kind": "deployment"},
            'For kind "deployment" nobody but you can say what ready means',
        ),
        (
            {**DEPLOYMENT, "kind": "Widget", "condition": "a"},
            'For kind "Widget" give its api_version as well',
        ),
        (
            {**DEPLOYMENT, "name": None, "label_selectors": ["app=shop", "color=" * 2]},
            'label_selectors: "color=color=" is no label selector',
        ),
        ({**DEPLOYMENT, "condition": "status.[?"}, 'condition "status.[?" is no JMESPath expression: '),
        ({"namespace": "demo", "workloads": []}, "workloads is an empty list; name at least one."),
        ({"workloads": [{"kind": "Job", "name": "migrate"}]}, 'Job "migrate" lives in a namespace'),
    ],
)
def test_bad_input_is_one_sentence_naming_the_value(params: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)) as caught:
        read_asks(params)
    assert "\n" not in caught.value.message


READY = "status.conditions[?type=='Ready'].status | [0] == 'True'"


@pytest.mark.parametrize(
    ("condition", "thing", "holds"),
    [
        (READY, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, True),
        (READY, {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False),
        (READY, {}, False),
        ("status.phase", {"status": {"phase": "Bound"}}, True),
        ("status.phase", {"status": {"phase": ""}}, False),
        ("length(status.items) > `1`", {"status": {"items": [1, 2]}}, True),
        ("length(status.items) > `1`", {}, False),
    ],
)
def test_a_condition_is_a_question_to_the_object(condition: str, thing: dict[str, Any], holds: bool) -> None:
    (ask,) = read_asks({**DEPLOYMENT, "condition": condition})
    assert ask.holds is not None
    assert ask.holds(thing) is holds
