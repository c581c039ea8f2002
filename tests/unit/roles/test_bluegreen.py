from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, StrictUndefined

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.manifest import (
    Object,
    Place,
    check,
    check_apart,
    parse,
)

ROLE = Path(__file__).parents[3] / "roles" / "bluegreen"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["bluegreen"][
    "options"
]


def test_every_option_is_documented_and_has_its_default() -> None:
    optional = {name for name, option in OPTIONS.items() if not option.get("required")}
    assert optional == set(DEFAULTS)
    assert all(option.get("description") for option in OPTIONS.values())


@pytest.mark.parametrize("name", [name for name, default in DEFAULTS.items() if "{{" not in str(default)])
def test_the_documented_default_is_the_default(name: str) -> None:
    assert OPTIONS[name]["default"] == DEFAULTS[name]


def test_every_variable_carries_the_roles_name() -> None:
    assert all(name.startswith("bluegreen_") for name in DEFAULTS)
    internal = [name for file in ROLE.glob("vars/main/*.yml") for name in yaml.safe_load(file.read_text())]
    assert all(name.startswith("__bluegreen_") for name in internal)
    assert len(internal) == len(set(internal))


def render(color: str, node_ports: list[int], **changes: Any) -> tuple[Object, ...]:
    environment = Environment(undefined=StrictUndefined, trim_blocks=True)
    environment.filters["to_json"] = json.dumps
    values = DEFAULTS | {
        "bluegreen_app": "shop",
        "bluegreen_commit": "0012345",
        "bluegreen_image": "shop:0012345",
        "bluegreen_color": color,
        "bluegreen_node_ports": node_ports,
    }
    texts = [
        (name, environment.from_string((ROLE / "templates" / name).read_text()).render(values | changes))
        for name in ("deployment.yml.j2", "service.yml.j2")
    ]
    return parse(texts, color)


@pytest.mark.parametrize(
    ("blue_ports", "green_ports"), [([30081], [30082]), ([30081, 30083], [30082, 30084])]
)
def test_the_roles_own_manifests_pass_the_plans_checks(blue_ports: list[int], green_ports: list[int]) -> None:
    blue, green = render("blue", blue_ports), render("green", green_ports)
    place = Place("shop", "store", "blue", tuple(blue_ports))
    check(blue, green, place, "0012345", local_allowed=False)
    check_apart(blue, green)


def test_values_are_quoted_whatever_they_look_like() -> None:
    deployment = render(
        "blue",
        [30081],
        bluegreen_image='shop:"1"',
        bluegreen_env={
            "DAY": datetime.date(2026, 11, 30),
            "LIST": ["a", 1],
            "NOTHING": None,
            "NUMBER": 1,
            "ON": True,
            "TEXT": "a: #b",
        },
        bluegreen_env_from=[{"secretRef": {"name": "keys"}}],
        bluegreen_readiness_path="/a b?c=#d",
    )[0]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == 'shop:"1"'
    assert container["env"] == [
        {"name": "DAY", "value": "2026-11-30"},
        {"name": "LIST", "value": '["a", 1]'},
        {"name": "NOTHING", "value": ""},
        {"name": "NUMBER", "value": "1"},
        {"name": "ON", "value": "true"},
        {"name": "TEXT", "value": "a: #b"},
    ]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert container["readinessProbe"]["httpGet"]["path"] == "/a b?c=#d"
