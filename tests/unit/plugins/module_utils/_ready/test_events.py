from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import read_event

AT = 1795418781.0  # 2026-11-23T07:26:21Z


@pytest.mark.parametrize(
    ("times", "when", "count"),
    [
        ({"lastTimestamp": "2026-11-23T07:26:21Z", "count": 7, "eventTime": None}, AT, 7),
        ({"lastTimestamp": None, "eventTime": "2026-11-23T07:26:21.500000Z"}, AT + 0.5, 1),
        (
            {"series": {"count": 3, "lastObservedTime": "2026-11-23T07:26:21.000000Z"}, "eventTime": "x"},
            AT,
            3,
        ),
        ({}, 0.0, 1),
    ],
)
def test_the_time_and_count_of_an_event_are_found_wherever_they_stand(
    times: dict[str, Any], when: float, count: int
) -> None:
    read = read_event({"metadata": {"name": "x"}, "type": "Warning", "reason": "Failed", **times})
    assert (read.when, read.count, read.warning) == (when, count, True)
