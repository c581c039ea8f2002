# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published policies grant what they say, and what was asked for is read as what had to be granted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from privileges import Right, asked_rights, is_granted, policy_grants, role_rights

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _call(action: str, *keys: str, name: str = "shop") -> dict[str, Any]:
    """As the sandbox's AWS logs one."""
    if action.endswith("Tags"):
        return {
            "action": action,
            "params": {"LoadBalancerNames": [name], "Tags": [{"Key": key} for key in keys]},
        }
    return {"action": action, "params": {"LoadBalancerName": name}}


def _policy(name: str) -> dict[str, Any]:
    text = (DOCS / "iam" / f"{name}.json").read_text()
    return dict(json.loads(text.replace("<name>", "shop")))


OURS = [
    "octoblu.bluegreen/app", "octoblu.bluegreen/preview", "octoblu.bluegreen/swap.12", "octoblu.bluegreen/listeners.0",
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "call", "granted"),
    [
        ("status", _call("DescribeLoadBalancers"), True),
        ("status", {"action": "DescribeLoadBalancers", "params": {}}, True),
        ("status", _call("DescribeLoadBalancerPolicies"), False),
        ("status", _call("AddTags", *OURS), False),
        ("deploy", _call("DescribeTags", name="other"), True),
        ("deploy", _call("CreateLoadBalancerListeners"), True),
        ("deploy", _call("CreateLoadBalancerListeners", name="shop-2"), False),
        ("deploy", _call("CreateLoadBalancer"), False),
        ("deploy", _call("DeleteLoadBalancer"), False),
        ("deploy", _call("RegisterInstancesWithLoadBalancer"), False),
        ("deploy", _call("AddTags", *OURS), True),
        ("deploy", _call("RemoveTags", *OURS), True),
        ("deploy", _call("AddTags", *OURS, name="other"), False),
        ("deploy", _call("AddTags", "blue"), False),
        ("deploy", _call("RemoveTags", *OURS, "green"), False),
        ("deploy", _call("AddTags", "octoblu.bluegreen/apps"), False),
        ("deploy", _call("AddTags", "octoblu.bluegreen/swap"), False),
        ("deploy", _call("AddTags", "Octoblu.bluegreen/app"), False),
        ("deploy", _call("AddTags"), False),
    ],
)
def test_a_policy_grants_this_and_not_that(policy: str, call: dict[str, Any], granted: bool) -> None:
    assert is_granted(call, list(policy_grants(_policy(policy)))) == granted


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"NotAction": []},
        {"Condition": {"ForAllValues:StringLike": {"aws:TagKeys": ["a"]}}},
        {"Condition": {"ForAllValues:StringLike": {"aws:TagKeys": ["a"]}, "Null": {"aws:TagKeys": "true"}}},
        {"Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": ["a"]}, "Null": {"aws:TagKeys": "false"}}},
        {"Condition": {"ForAllValues:StringLike": {"aws:Region": ["a"]}, "Null": {"aws:TagKeys": "false"}}},
    ],
)
def test_a_statement_that_means_more_is_not_taken_for_one_that_means_less(change: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Action": ["elasticloadbalancing:AddTags"], "Resource": "*", **change}
    with pytest.raises(ValueError, match="is not read"):
        list(policy_grants({"Statement": [statement]}))


@pytest.mark.parametrize("account", ["viewer", "deployer"])
def test_a_published_role_grants_nothing_beyond_its_namespace_and_no_secrets(account: str) -> None:
    kinds = {}
    for published in yaml.safe_load((DOCS / "rbac" / f"{account}.yaml").read_text())["items"]:
        kinds[published["kind"]] = published
        assert published["metadata"] == {"name": f"bluegreen-{account}"}
    assert kinds.keys() == {"ServiceAccount", "Role", "RoleBinding"}
    rights = role_rights(kinds["Role"])
    assert [each for each in rights if "*" in (each.verb, each.group, each.resource)] == []
    assert {each.resource for each in rights}.isdisjoint({"secrets", "pods/exec", "roles", "rolebindings"})
    if account == "viewer":
        assert {each.verb for each in rights} == {"get", "list"}


def _seen(request: str, status: int = 200, **query: str) -> dict[str, Any]:
    method, path = request.split()
    return {"method": method, "path": path, "query": query, "status": status}


WEB, APPS = "/api/v1/namespaces/web", "/apis/apps/v1/namespaces/web"


@pytest.mark.parametrize(
    ("seen", "got", "refused"),
    [
        (_seen(f"GET {WEB}/pods"), {Right("list", "", "pods")}, set()),
        (_seen(f"GET {WEB}/pods", watch="true"), {Right("watch", "", "pods")}, set()),
        (_seen(f"GET {WEB}/pods/a", 404), {Right("get", "", "pods")}, set()),
        (_seen(f"GET {WEB}/pods/a/log"), {Right("get", "", "pods/log")}, set()),
        (_seen(f"GET {WEB}"), {Right("get", "", "namespaces")}, set()),
        (_seen("GET /api/v1/namespaces/other"), {Right("get", "", "namespaces", elsewhere=True)}, set()),
        (_seen("GET /api/v1/services", 403), set(), {Right("list", "", "services", elsewhere=True)}),
        (_seen(f"PATCH {APPS}/deployments/a"), {Right("patch", "apps", "deployments")}, set()),
        (
            _seen(f"PATCH {APPS}/deployments/a", 201),
            {Right("patch", "apps", "deployments"), Right("create", "apps", "deployments")}, set(),
        ),
        (_seen(f"POST {APPS}/deployments", 409), {Right("create", "apps", "deployments")}, set()),
        (_seen("GET /apis/apps/v1"), set(), set()),
        (_seen("GET /api/v1"), set(), set()),
        (_seen("GET /version"), set(), set()),
    ],
)  # fmt: skip
def test_what_a_request_needs(seen: dict[str, Any], got: set[Right], refused: set[Right]) -> None:
    assert asked_rights([seen], "web") == (got, refused)
