from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import (
    Hold,
    freed,
    held,
    version_to_expect,
)

NOW = 1_760_000_000.0
LEASE = {"metadata": {"resourceVersion": "7"}, "spec": {}}


@pytest.mark.parametrize(
    ("held_ago", "looked_ago", "version"),
    [(60, 0.5, "7"), (4, 0.5, "7"), (1, 0.5, "0"), (3.5, 3, "0"), (4.5, 3, "7"), (60, 90, "0")],
)
def test_a_lock_that_was_held_since_one_looked_is_not_as_it_was(
    held_ago: float, looked_ago: float, version: str
) -> None:
    assert version_to_expect(freed(LEASE, "shop-lock", NOW - held_ago), NOW, looked_ago) == version
    hold = Hold("mine", "ada@laptop", "", "", "", "", NOW - 300, NOW - held_ago, 600)
    assert version_to_expect(held(LEASE, hold, "shop-lock"), NOW, looked_ago) == version


def test_a_lock_that_nobody_ever_had_has_the_version_it_has() -> None:
    assert version_to_expect(None, NOW, 1) == ""
    assert version_to_expect(LEASE, NOW, 1) == "7"
