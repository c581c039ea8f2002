# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.push import why_not_deployed

SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
GITHUB = {"ref": "refs/heads/main", "before": "0" * 40, "after": SHA, "created": True, "deleted": False}
GITLAB = {"object_kind": "push", "ref": "refs/heads/main", "after": SHA, "checkout_sha": SHA}


@pytest.mark.parametrize(
    ("payload", "branch", "why"),
    [
        (GITHUB, "main", ""),
        (GITLAB, "main", ""),
        (GITHUB | {"ref": "refs/heads/release/2.x"}, "release/2.x", ""),
        (GITHUB | {"after": "0" * 39 + "1"}, "main", ""),
        (GITHUB, "production", "refs/heads/main was pushed, not refs/heads/production"),
        (GITHUB | {"ref": "refs/heads/main-2"}, "main", "refs/heads/main-2 was pushed, not refs/heads/main"),
        (GITHUB | {"ref": "refs/tags/main"}, "main", "refs/tags/main was pushed, not refs/heads/main"),
        (GITHUB | {"after": "0" * 40, "deleted": True}, "main", "refs/heads/main was deleted"),
        (GITLAB | {"after": "0" * 40, "checkout_sha": None}, "main", "refs/heads/main was deleted"),
        (
            {"action": "opened", "pull_request": {"head": {"sha": SHA}}},
            "main",
            "the webhook tells of no push",
        ),
        ({"zen": "Design for failure.", "hook_id": 1}, "main", "the webhook tells of no push"),
        ({"object_kind": "merge_request", "ref": None}, "main", "the webhook tells of no push"),
    ],
)
def test_only_a_push_to_the_branch_is_deployed(payload: dict[str, Any], branch: str, why: str) -> None:
    assert why_not_deployed(payload, branch) == why
