# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import ownership as _ownership
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ownership import (
    LAST_APPLIED,
    Conflict,
)

SPEC = {
    "replicas": 2,
    "paused": True,
    "ports": [
        {"port": 53, "protocol": "TCP", "nodePort": 30081},
        {"port": 53, "protocol": "UDP", "nodePort": 30081},
    ],
}


def entry(manager: str, fields: Any, operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def found(*entries: dict[str, Any], spec: Any = None, notes: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": "shop", "resourceVersion": "7", "managedFields": list(entries)}
    if notes:
        metadata["annotations"] = notes
    return {"apiVersion": "v1", "kind": "Deployment", "metadata": metadata, "spec": spec or SPEC}


OURS = entry("octoblu.bluegreen", {"f:spec": {"f:replicas": {}}})
EDITED = entry("kubectl-edit", {"f:spec": {"f:paused": {}}}, "Update")
SCALED = entry("kube-controller-manager", {}, "Update", subresource="scale")
STATUS = entry("kube-controller-manager", {}, "Update", subresource="status")
NOTE = {"f:metadata": {"f:annotations": {f"f:{LAST_APPLIED}": {}, "f:mine": {}}}}
BEFORE = entry("OpenAPI-Generator", NOTE | {"f:spec": {"f:replicas": {}}}, "Update")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": None, "b": {"c": None, "d": 1}}, {"b": {"d": 1}}),
        ([{"a": None}, None], [{}, None]),
        ({"a": "", "b": 0, "c": False, "d": []}, {"a": "", "b": 0, "c": False, "d": []}),
    ],
)
def test_what_holds_nothing_is_absent(given: Any, expected: Any) -> None:
    assert _ownership.without_nulls(given) == expected


def test_an_annotation_that_holds_nothing_is_empty() -> None:
    given = {"metadata": {"annotations": {"a": None, "b": "x"}, "labels": {"a": None}}, "data": {"a": None}}
    notes = {"annotations": {"a": "", "b": "x"}, "labels": {}}
    assert _ownership.as_kubectl_reads(given) == {"metadata": notes, "data": {}}
    assert _ownership.as_kubectl_reads({"metadata": {"annotations": None}}) == {"metadata": {}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((), ()),
        ((OURS, STATUS), ()),
        ((OURS, entry("octoblu.bluegreen", {}, "Update"), entry("octoblu.bluegreen.scale", {})), ()),
        ((OURS, BEFORE), ()),
        ((OURS, EDITED, SCALED), ("kubectl-edit", "kube-controller-manager")),
    ],
)
def test_who_else_has_set_fields(entries: Any, expected: tuple[str, ...]) -> None:
    assert _ownership.others(found(*entries)) == expected


def conflict(message: str, field: str = ".spec.replicas") -> dict[str, str]:
    return {"reason": "FieldManagerConflict", "message": message, "field": field}


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        (
            [conflict('conflict with "kubectl-edit" using apps/v1')],
            (Conflict("spec.replicas", "kubectl-edit", False),),
        ),
        (
            [conflict('conflict with "hpa" with subresource "scale" using apps/v1')],
            (Conflict("spec.replicas", "hpa (scale)", False),),
        ),
        (
            [
                conflict('conflict with "octoblu.bluegreen.scale"'),
                conflict('conflict with "OpenAPI-Generator"'),
            ],
            (
                Conflict("spec.replicas", "octoblu.bluegreen.scale", True),
                Conflict("spec.replicas", "OpenAPI-Generator", True),
            ),
        ),
        ([{"reason": "FieldValueInvalid", "message": "no", "field": "a"}], ()),
        ([], ()),
    ],
)
def test_whose_field_an_apply_was_refused_for(causes: Any, expected: tuple[Conflict, ...]) -> None:
    assert _ownership.conflicts(causes, found(BEFORE)) == expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["Invalid value: ...: field is immutable"], ("spec.selector",)),
        (["field is immutable", "Required value"], ()),
        (["Required value"], ()),
        ([], ()),
    ],
)
def test_what_can_only_be_set_when_it_is_made(messages: list[str], expected: tuple[str, ...]) -> None:
    causes = [{"field": "spec.selector", "message": message} for message in messages]
    assert _ownership.immutable(causes) == expected


def test_what_we_have_applied_is_what_we_own() -> None:
    udp = 'k:{"port":53,"protocol":"UDP"}'
    fields = {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {"f:replicas": {}, "f:ports": {udp: {".": {}, "f:port": {}}}, "f:gone": {}},
    }
    thing = found(EDITED, entry("octoblu.bluegreen", fields))
    thing["metadata"]["labels"] = {"a": "1", "b": "2"}
    assert _ownership.applied(thing) == {
        "apiVersion": "v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "labels": {"a": "1"}},
        "spec": {"replicas": 2, "ports": [{"port": 53, "protocol": "UDP"}]},
    }


@pytest.mark.parametrize(
    ("fields", "value", "expected"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({".": {}}, {"a": 1}, {}),
        ({'v:"x"': {}}, ["x", "y"], ["x"]),
        ({"i:1": {}}, ["x", "y"], ["y"]),
    ],
)
def test_parts_of_maps_sets_and_places(fields: Any, value: Any, expected: Any) -> None:
    thing = found(entry("octoblu.bluegreen", {"f:spec": {"f:a": fields}}), spec={"a": value})
    applied = _ownership.applied(thing)
    assert applied is not None
    assert applied["spec"] == {"a": expected}


def test_what_was_applied_from_the_clients_side_is_read_from_its_note() -> None:
    last = {"kind": "Deployment", "spec": {"replicas": 1}}
    assert _ownership.applied(found(EDITED, notes={LAST_APPLIED: json.dumps(last)})) == last
    assert _ownership.applied(found(EDITED)) is None


def test_whether_a_field_is_there_because_we_have_applied_it() -> None:
    assert _ownership.owns(found(OURS), "spec", "replicas")
    assert not _ownership.owns(found(OURS), "spec", "paused")
    assert not _ownership.owns(found(), "spec", "replicas")


def test_what_was_applied_from_the_clients_side_becomes_ours() -> None:
    patch = _ownership.take_over(found(EDITED, BEFORE, STATUS, notes={LAST_APPLIED: "{}"}))
    assert patch is not None
    metadata = patch["metadata"]
    assert metadata["resourceVersion"] == "7"
    assert metadata["annotations"] == {LAST_APPLIED: None}
    *kept, ours = metadata["managedFields"]
    assert kept == [EDITED, STATUS]
    assert (ours["manager"], ours["operation"]) == ("octoblu.bluegreen", "Apply")
    assert ours["fieldsV1"] == {
        "f:metadata": {"f:annotations": {"f:mine": {}}},
        "f:spec": {"f:replicas": {}},
    }


def test_what_was_ours_already_stays_ours_when_the_rest_is_taken_over() -> None:
    before = entry("octoblu.bluegreen", {"f:spec": {"f:paused": {}}})
    patch = _ownership.take_over(found(before, BEFORE, notes={LAST_APPLIED: "{}"}))
    assert patch is not None
    (ours,) = patch["metadata"]["managedFields"]
    assert ours["fieldsV1"]["f:spec"] == {"f:paused": {}, "f:replicas": {}}


@pytest.mark.parametrize("notes", [None, {"else": "1"}])
def test_what_was_never_applied_from_the_clients_side_is_left(notes: dict[str, str] | None) -> None:
    assert _ownership.take_over(found(OURS, EDITED, notes=notes)) is None


ROLLING = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}}


@pytest.mark.parametrize(
    ("there", "wanted", "expected"),
    [
        (
            ROLLING,
            {"strategy": {"type": "Recreate"}},
            {"strategy": {"type": "Recreate", "rollingUpdate": None}},
        ),
        ({"strategy": {"type": "Recreate"}}, {"strategy": {"type": "Recreate"}}, None),
        (ROLLING, {"strategy": {"type": "RollingUpdate"}}, None),
        (ROLLING, {}, None),
        ({}, {"strategy": {"type": "Recreate"}}, None),
    ],
)
def test_what_stands_in_the_way_of_another_form(there: Any, wanted: Any, expected: Any) -> None:
    patch = _ownership.change_of_form(found(spec=there), {"kind": "Deployment", "spec": wanted})
    assert patch == ({"spec": expected} if expected else None)
    assert _ownership.change_of_form(found(spec=there), {"kind": "Service", "spec": wanted}) is None


def test_a_form_that_is_wanted_no_more_goes_where_it_is_ours() -> None:
    fields = {"f:spec": {"f:strategy": {"f:type": {}}}}
    there = {"strategy": {"type": "Recreate"}}
    wanted = {"kind": "Deployment", "spec": {}}
    ours = found(entry("octoblu.bluegreen", fields, "Update"), spec=there)
    assert _ownership.change_of_form(ours, wanted) == {"spec": {"strategy": None}}
    theirs = found(entry("kubectl-edit", fields, "Update"), spec=there)
    assert _ownership.change_of_form(theirs, wanted) is None
