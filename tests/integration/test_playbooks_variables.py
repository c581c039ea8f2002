# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role is given: texts that mean something else, and less than the whole of its tasks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shop import CHECKOUT, Shop

LATE = {"sleep": {"seconds": 1}}


def test_what_comes_as_texts_is_what_they_mean(shop: Shop, tmp_path: Path) -> None:
    """As ``-e name=value`` and the survey of a job template give it."""
    hook, template = tmp_path / "hook.yml", tmp_path / "own.yml.j2"
    hook.write_text("- ansible.builtin.debug: {msg: 'hook of {{ bluegreen_hook.event }}'}\n")
    roles = CHECKOUT / "roles/bluegreen/templates"
    template.write_text(
        "\n---\n".join((roles / name).read_text() for name in ("deployment.yml.j2", "service.yml.j2"))
    )
    settings = {"name": f"{shop.name}-settings", "optional": True}
    given: dict[str, Any] = {
        "bluegreen_env": {"MODE": "fast", "DEEP": "{1: 2}"},
        "bluegreen_env_from": [{"configMapRef": settings}],
        "bluegreen_pod": {"terminationGracePeriodSeconds": 3, "hostname": None},
        "bluegreen_container": {"resources": {"requests": {"cpu": "20m"}}, "lifecycle": {"preStop": LATE}},
        "bluegreen_hooks": {"before_swap": [str(hook)]},
        "bluegreen_manifests": [str(template)],
        "bluegreen_replace": False,
        "bluegreen_preview_port": 0,
        "bluegreen_lock_wait": 5,
    }
    shop.deployed("0012345", **given)
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in shop.variables().items()
    }
    texts |= {name: json.dumps(value) for name, value in given.items() if name != "bluegreen_env_from"}
    again = shop.deploy("0012345", bluegreen_env_from=given["bluegreen_env_from"], **texts)
    assert again.outcome == "unchanged", again.output

    texts["bluegreen_manifests"] = str(template)
    other = shop.deploy("0000002", bluegreen_env_from=given["bluegreen_env_from"], **texts)
    assert other.outcome == "deployed", other.output
    assert "hook of before_swap" in other.output
    [container] = shop.deployment("green")["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {"requests": {"cpu": "20m", "memory": "64Mi"}}
    assert container["lifecycle"] == {"preStop": LATE}
    pod = shop.deployment("green")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 3
    assert container["env"] == [{"name": "DEEP", "value": "{1: 2}"}, {"name": "MODE", "value": "fast"}]


@pytest.mark.parametrize(
    "words",
    [["--tags", "other"], ["--skip-tags", "untagged"], ["--start-at-task", "Plan what has to be done"]],
    ids=" ".join,
)
def test_a_run_that_leaves_out_the_beginning_says_what_it_did_not_do(shop: Shop, words: list[str]) -> None:
    before = shop.balancer.description
    left = shop.deploy("0012345", *words)
    assert left.code == 2, left.output
    assert f"Nothing was done for {shop.name}" in left.output
    assert words[0] in left.output
    assert (shop.objects(), shop.balancer.description) == ({}, before)


def test_a_play_with_more_than_the_role_may_leave_it_out(shop: Shop, tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    site.write_text(
        "- {hosts: localhost, gather_facts: false, connection: local, roles: [octoblu.bluegreen.bluegreen]}\n"
    )
    left = shop.play(str(site), "--tags", "database")
    assert left.code == 0, left.output
    assert f"Nothing was done for {shop.name}: this run left out" in left.output
