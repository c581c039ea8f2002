# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError, LockedError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import release_apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import Hold, held

MINE = Hold("mine", "ada@laptop", "deploy of 1", "stage", "laptop", "", 0, 1_760_000_000, 300)


class Cluster:
    """What stands there, by name; applying replaces its ``data``."""

    def __init__(self, there: dict[str, Any] | None = None) -> None:
        self.there = there or {}
        self.asked: list[tuple[str, bool, bool]] = []
        self.managers: list[tuple[str, bool]] = []

    def now(self) -> float:
        return 1_760_000_000.0

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Any:
        return held(None, MINE, name) if kind == "Lease" else self.there.get(name)

    def apply(
        self,
        wanted: dict[str, Any],
        namespace: str,
        dry_run: bool,
        strict: bool,
        force: bool,
        manager: str = "octoblu.bluegreen",
        hear: Any = None,
    ) -> Any:
        self.managers.append((manager, force))
        name = wanted["metadata"]["name"]
        self.asked.append((name, dry_run, strict))
        noise = {"resourceVersion": str(len(self.asked)), "managedFields": [], "uid": "1", "generation": 2}
        after = {**wanted, "metadata": {**wanted["metadata"], **noise}, "status": {"at": len(self.asked)}}
        return after


def thing(name: str, value: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}}


def apply(
    cluster: Cluster,
    *objects: dict[str, Any],
    check_mode: bool = False,
    token: str = "",
    strict: bool = True,
    scale: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    lock = {"name": "shop-lock", "token": token} if token else None
    params = {
        "namespace": "store",
        "objects": list(objects),
        "lock": lock,
        "strict": strict,
        "replace": False,
        "scale": scale,
        "difference": None,
    }
    return release_apply.run(params, check_mode, cluster, lambda line: None)


def test_only_what_somebody_wrote_is_a_change() -> None:
    cluster = Cluster({"same": thing("same", "1"), "other": thing("other", "1")})
    result = apply(cluster, thing("same", "1"), thing("other", "2"), thing("new", "3"))
    assert [(each["name"], each["changed"]) for each in result["applied"]] == [
        ("same", False), ("other", True), ("new", True),
    ]  # fmt: skip
    assert result["changed"]
    assert [(each["before"].get("data"), each["after"]["data"]) for each in result["diff"]] == [
        ({"a": "1"}, {"a": "2"}),
        (None, {"a": "3"}),
    ]
    assert "resourceVersion" not in str(result["diff"])


def test_scaling_comes_last_under_a_name_apart_and_takes_what_others_have_set() -> None:
    foreign = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 2}}
    entry = {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    foreign["metadata"] = {"name": "a", "managedFields": [entry]}
    cluster = Cluster({"a": foreign})
    found = apply(cluster, thing("new", "1"), scale=[{"name": "a", "replicas": 0}])
    assert found["applied"] == [
        {"kind": "ConfigMap", "name": "new", "changed": True},
        {"kind": "Deployment", "name": "a", "changed": True},
    ]
    assert cluster.managers == [("octoblu.bluegreen", True), ("octoblu.bluegreen.scale", True)]


def test_what_is_only_to_be_made_is_not_asked_for_its_scale() -> None:
    cluster = Cluster()
    assert apply(cluster, check_mode=True, scale=[{"name": "a", "replicas": 3}])["changed"]
    assert cluster.asked == []


def test_of_a_secret_only_the_names_are_shown() -> None:
    def secret(**data: str) -> dict[str, Any]:
        return {**thing("keys", ""), "kind": "Secret", "data": data}

    result = apply(Cluster({"keys": secret(a="b25l", b="dHdv")}), secret(a="b25l", b="Mg==", c="Mw=="))
    [shown] = result["diff"]
    assert shown["before"]["data"] == {"a": "hidden", "b": "hidden"}
    changed = "hidden, and other than before"
    assert shown["after"]["data"] == {"a": "hidden", "b": changed, "c": changed}
    [made] = apply(Cluster(), secret(a="b25l"))["diff"]
    assert (made["before"], made["after"]["data"]) == ({}, {"a": changed})


@pytest.mark.parametrize(
    ("odd", "lacks"),
    [
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "kind"),
        ({"kind": "ConfigMap", "metadata": {"name": "a"}}, "apiVersion"),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "metadata.name"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}}, "metadata.name"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": "a"}, "metadata.name"),
    ],
)
def test_what_is_no_object_is_refused_before_anything_is_applied(odd: dict[str, Any], lacks: str) -> None:
    cluster = Cluster()
    with pytest.raises(InputError, match=f"Object 2 of objects has no {lacks}"):
        apply(cluster, thing("new", "1"), odd)
    assert cluster.asked == []


def test_nothing_changed() -> None:
    result = apply(Cluster({"same": thing("same", "1")}), thing("same", "1"))
    assert (result["changed"], result["diff"]) == (False, [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_is_a_dry_run(check_mode: bool) -> None:
    cluster = Cluster()
    apply(cluster, thing("new", "1"), check_mode=check_mode)
    assert cluster.asked == [("new", check_mode, True)]


def test_what_has_served_before_is_taken_as_it_is() -> None:
    cluster = Cluster()
    apply(cluster, thing("new", "1"), strict=False)
    assert cluster.asked == [("new", False, False)]


def test_nothing_is_written_under_a_lock_that_was_lost() -> None:
    cluster = Cluster()
    with pytest.raises(LockedError, match="no longer this run's: ada@laptop"):
        apply(cluster, thing("new", "1"), token="yours")
    assert cluster.asked == []
    assert apply(cluster, thing("new", "1"), token="mine")["changed"]
