from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.selectors import (
    accepts,
    parse_selector,
)

LABELS = {"app": "shop", "octoblu.bluegreen/color": "green", "empty": ""}


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("app=shop", True),
        ("app==shop", True),
        ("app = shop", True),
        ("app=web", False),
        ("app!=web", True),
        ("app!=shop", False),
        ("missing!=shop", True),
        ("missing=shop", False),
        ("empty=", True),
        ("app in (web, shop)", True),
        ("app in (web)", False),
        ("app notin (web,shop)", False),
        ("missing notin (a)", True),
        ("app", True),
        ("missing", False),
        ("!missing", True),
        ("!app", False),
        ("octoblu.bluegreen/color=green,app in (shop,web),!missing", True),
        ("octoblu.bluegreen/color=green,app=web", False),
    ],
)
def test_labels_are_accepted_as_the_api_does(text: str, accepted: bool) -> None:
    assert accepts(parse_selector(text), LABELS) is accepted


@pytest.mark.parametrize(
    "part", ["", "=", "app===x", "app=a b", "app in shop", "app in (a", "a/b/c=d", "app>1"]
)
def test_what_is_no_selector_is_named(part: str) -> None:
    with pytest.raises(ValueError, match="is no label selector") as caught:
        parse_selector(f"app=shop,{part}")
    assert f'"{part}"' in str(caught.value)
