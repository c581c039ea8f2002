from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import (
    MANIFEST,
    PROVEN,
    REJECTED,
    VERSION,
    read_workload,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms import release_record


class Cluster:
    """One Deployment; ``meanwhile`` is what somebody else makes of its commit before the patch."""

    def __init__(self, commit: str | None = "0012345", meanwhile: str | None = None) -> None:
        self.deployment: dict[str, Any] = {
            "metadata": {
                "name": "shop-green",
                "labels": {VERSION: commit} if commit else {},
                "annotations": {MANIFEST: "f00d"},
            }
        }
        self.meanwhile = meanwhile
        self.patches = 0

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Any:
        assert (api_version, kind, namespace) == ("apps/v1", "Deployment", "store")
        return self.deployment if name == "shop-green" else None

    def patch(self, api_version: str, kind: str, name: str, namespace: str, body: dict[str, Any]) -> Any:
        self.patches += 1
        if self.meanwhile:
            self.deployment["metadata"]["labels"][VERSION] = self.meanwhile
        self.deployment["metadata"]["annotations"] |= body["metadata"]["annotations"]
        return self.deployment


def record(cluster: Cluster, check_mode: bool = False, **changes: str) -> dict[str, Any]:
    params = {
        "app": "shop",
        "namespace": "store",
        "color": "green",
        "commit": "0012345",
        "manifest": "f00d",
        "event": "staged",
    }
    return release_record.run(params | changes, check_mode, cluster, lambda line: None)


@pytest.mark.parametrize(("event", "mark"), [("staged", PROVEN), ("rolled_back", REJECTED)])
def test_a_mark_is_written_once(event: str, mark: str) -> None:
    cluster = Cluster()
    assert record(cluster, event=event)["changed"]
    assert not record(cluster, event=event)["changed"]
    assert cluster.patches == 1
    seen = read_workload(cluster.deployment)
    assert (seen.proven, seen.rejected) == (mark == PROVEN, mark == REJECTED)


def test_check_mode_writes_nothing() -> None:
    cluster = Cluster()
    assert not record(cluster, check_mode=True)["changed"]
    assert cluster.patches == 0


@pytest.mark.parametrize(
    ("cluster", "changes", "said"),
    [
        (Cluster("0099999"), {}, "runs 0099999 (manifests f00d) instead of 0012345 (manifests f00d)"),
        (Cluster(None), {}, "runs nothing that a deploy staged instead of 0012345"),
        (Cluster(), {"manifest": "beef"}, "instead of 0012345 (manifests beef)"),
        (Cluster(), {"color": "blue"}, "Deployment shop-blue in namespace store is gone"),
    ],
)
def test_another_release_is_not_marked(cluster: Cluster, changes: dict[str, str], said: str) -> None:
    with pytest.raises(ClusterError) as raised:
        record(cluster, **changes)
    assert said in raised.value.message
    assert cluster.patches == 0


def test_a_release_that_was_replaced_meanwhile_fails() -> None:
    cluster = Cluster(meanwhile="0099999")
    with pytest.raises(ClusterError, match="runs 0099999"):
        record(cluster)
    assert not read_workload(cluster.deployment).proven
