# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a playbook may do: its tasks, its AWS calls and its requests to Kubernetes.

The bounds are what it takes today. A change that needs less lowers them here, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest
from shop import Finished, Shop

from sandbox.aws import Aws
from sandbox.cluster import Cluster

pytestmark = pytest.mark.sandbox


@dataclass(frozen=True)
class Work:
    """Tasks that do work (that are not Ansible's own), all that are not skipped, AWS calls, Kubernetes requests."""

    working: int
    tasks: int
    calls: int
    requests: int


DEPLOY = Work(13, 13, 16, 44)
UNCHANGED = Work(5, 5, 3, 5)
STATUS = Work(5, 5, 3, 6)
ROLLBACK = Work(11, 11, 16, 29)


@pytest.fixture
def work(shop: Shop, aws: Aws, cluster: Cluster) -> Callable[[Callable[[], Finished], str], Work]:
    """What a playbook does that ends with an outcome."""
    actions = Path(shop.folder) / "actions"
    plugins = Path(__file__).parent / "callbacks"
    shop.environment |= {"ANSIBLE_CALLBACK_PLUGINS": str(plugins), "ACTIONS_FILE": str(actions)}

    def done(play: Callable[[], Finished], outcome: str) -> Work:
        actions.unlink(missing_ok=True)
        if shop.get("lease", "shop-lock"):
            # Where somebody has just had the lock more is read.
            past = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
            shop.kubectl(
                "patch", "lease", "shop-lock", "-n", shop.namespace, "--type=merge", "-p", json.dumps(past)
            )
        cluster.forget_requests()
        mark = aws.mark()
        finished = play()
        assert finished.outcome == outcome, finished.output
        calls = [call["action"] for call in aws.calls(mark)]
        requests = [f"{each['method']} {each['path']} {each['query']}" for each in cluster.requests()]
        tasks = [line for line in actions.read_text().splitlines() if "include" not in line]
        # What a failed test shows.
        print(outcome, *tasks, *calls, *requests, sep="\n")
        working = [task for task in tasks if not task.startswith("ansible.builtin.")]
        return Work(len(working), len(tasks), len(calls), len(requests))

    return done


def test_what_each_playbook_takes(shop: Shop, work: Callable[[Callable[[], Finished], str], Work]) -> None:
    # This one finds out what the cluster offers, too, which is kept.
    shop.deployed("0000001")
    for play, outcome, bound in (
        (lambda: shop.deploy("0000002"), "deployed", DEPLOY),
        (lambda: shop.deploy("0000002"), "unchanged", UNCHANGED),
        (shop.status, "unchanged", STATUS),
        (shop.rollback, "rolled_back", ROLLBACK),
    ):
        took = work(play, outcome)
        assert all(map(int.__le__, astuple(took), astuple(bound))), (took, bound)
