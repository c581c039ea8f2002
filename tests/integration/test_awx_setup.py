# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What awx_setup.yml makes, with the modules of awx.awx, of a server that is as strict as AWX."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from awx_server import PASSWORD, TOKEN, USER, Awx
from runs import ForkServer
from settings import Settings
from shop import BIN, CHECKOUT, Finished, Running

AWS_SECRET, KUBERNETES_TOKEN, SLACK_TOKEN = "aws-4c1e9b", "kubernetes-9a7d02", "slack-77b0f3"
SHOP = {"bluegreen_app": "shop", "bluegreen_image": "registry.example.com/shop:{{ bluegreen_commit }}"}
SETTINGS = f"""
awx_setup_applications:
  shop: {{bluegreen_app: shop, bluegreen_image: !unsafe "{SHOP["bluegreen_image"]}"}}
awx_setup_region: eu-west-1
awx_setup_aws_access_key: AKIAOFATEST
awx_setup_aws_secret_key: {AWS_SECRET}
awx_setup_kubernetes_host: https://kubernetes.example.com
awx_setup_kubernetes_token: {KUBERNETES_TOKEN}
awx_setup_webhook_service: github
awx_setup_notifications:
  - name: chat
    type: mattermost
    configuration: {{mattermost_url: "https://chat.example.com/hook"}}
    events: [success, approval]
  - name: slack
    type: slack
    configuration: {{token: {SLACK_TOKEN}, channels: ["#deploys"]}}
    events: [failure]
"""
Setup = Callable[..., Finished]


@pytest.fixture
def awx() -> Iterator[Awx]:
    with Awx({str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob("playbooks/*.yml")}) as awx:
        yield awx


@pytest.fixture
def play(settings: Settings, forks: ForkServer, home: Path, tmp_path: Path) -> Setup:
    """Run a playbook with an environment that names an AWX."""

    def played(playbook: Path | str, environment: Mapping[str, str], *arguments: str) -> Finished:
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("CONTROLLER", "TOWER"))
        }
        # A home without a file of AWX's command line.
        ansible = {"ANSIBLE_HOME": str(home / "ansible"), "ANSIBLE_NOCOLOR": "1", "HOME": str(home)}
        command = [Path(settings.ansible or BIN) / "ansible-playbook", playbook, *arguments]
        process = forks([str(word) for word in command], tmp_path, {**plain, **ansible, **environment})
        return Running(process, settings.patience).finish()

    return played


def _changed(run: Finished) -> list[tuple[str, str]]:
    """What a run has changed: each task, with its item."""
    found, task = [], ""
    for line in run.output.splitlines():
        if begun := re.match(r"TASK \[.* : (.*)\] \*", line):
            task = begun[1]
        elif line.startswith("changed:"):
            item = re.search(r"\(item=(.*?)\)", line)
            found.append((task, item[1] if item else ""))
    return found


class Seen:
    """What the API shows, by names instead of numbers."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str) -> Any:
        request = urllib.request.Request(
            f"{self._url}/api/v2/{path}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def all(self, path: str, by: str = "name") -> dict[str, dict[str, Any]]:
        return {each[by]: each for each in self.get(path)["results"]}

    def survey(self, kind: str, number: int) -> dict[str, dict[str, Any]]:
        return {each["variable"]: each for each in self.get(f"{kind}/{number}/survey_spec/").get("spec", [])}

    def ways(self) -> dict[str, dict[str, list[str]]]:
        """What follows each node of the workflow when it went well and when it failed."""
        return {
            node["identifier"]: {
                way: list(self.all(f"workflow_job_template_nodes/{node['id']}/{way}_nodes/", "identifier"))
                for way in ("success", "failure")
            }
            for node in self.get("workflow_job_template_nodes/")["results"]
        }


def test_an_empty_awx_is_set_up_and_stays_so(awx: Awx, play: Setup, tmp_path: Path) -> None:
    (tmp_path / "awx.yml").write_text(SETTINGS)
    setup = CHECKOUT / "playbooks" / "awx_setup.yml"
    arguments = ("-e", f"@{tmp_path / 'awx.yml'}", "-vvv")
    first = play(setup, {"CONTROLLER_HOST": awx.url, "CONTROLLER_OAUTH_TOKEN": TOKEN}, *arguments)
    assert first.code == 0, first.output
    seen = Seen(awx.url)
    _see_what_was_made(seen)
    _see_the_workflow(seen)

    # The same by a user's password, of a server that can show approvers something, with one thing that is to change.
    awx.ascender = True
    user = {"CONTROLLER_HOST": awx.url, "CONTROLLER_USERNAME": USER, "CONTROLLER_PASSWORD": PASSWORD}
    again = play(setup, user, *arguments, "-e", "awx_setup_region=eu-central-1")
    assert again.code == 0, again.output
    assert _changed(again) == [
        ("Make the inventory Bluegreen", ""),
        ("Show approvers the plan, where the server can", ""),
    ]
    assert json.loads(seen.all("inventories/")["Bluegreen"]["variables"]) == {
        "bluegreen_aws": {"region": "eu-central-1"}
    }
    [approval] = (
        node
        for node in seen.get("workflow_job_template_nodes/")["results"]
        if node["identifier"] == "approval"
    )
    shown = seen.get(f"workflow_approval_templates/{approval['unified_job_template']}/")
    assert "bluegreen_plan" in shown["context_template"]
    assert (shown["required_approvals"], shown["on_timeout"]) == (1, "deny")
    told = first.output + again.output
    assert [
        secret for secret in (AWS_SECRET, KUBERNETES_TOKEN, SLACK_TOKEN, TOKEN, PASSWORD) if secret in told
    ] == []


def _see_what_was_made(seen: Seen) -> None:
    templates = seen.all("job_templates/")
    asked = {name: list(seen.survey("job_templates", each["id"])) for name, each in templates.items()}
    assert asked == {
        "Bluegreen Deploy": ["application", "commit", "dry_run"],
        "Bluegreen Stage": ["application", "commit"],
        "Bluegreen Switch": ["application", "commit"],
        "Bluegreen Rollback": ["application", "commit"],
        "Bluegreen Status": ["application"],
        "Bluegreen List": ["application"],
        "Bluegreen Repair": ["application"],
        "Bluegreen Unlock": ["application"],
        "Bluegreen Deploy what was pushed": [],
    }
    for template in templates.values():
        assert (template["allow_simultaneous"], template["job_slice_count"]) == (False, 1)
        assert list(seen.all(f"job_templates/{template['id']}/credentials/")) == [
            "Bluegreen AWS",
            "Bluegreen Kubernetes",
        ]
    pushed = templates["Bluegreen Deploy what was pushed"]
    assert pushed["webhook_service"] == "github"
    assert json.loads(pushed["extra_vars"]) == {"application": "shop", "bluegreen_branch": "main"}
    deploy = seen.survey("job_templates", templates["Bluegreen Deploy"]["id"])
    assert (deploy["application"]["choices"], deploy["application"]["default"]) == (["shop"], "shop")
    assert (deploy["commit"]["required"], deploy["commit"]["min"], deploy["commit"]["max"]) == (True, 1, 63)
    assert deploy["dry_run"]["default"] == "no"
    assert json.loads(seen.all("hosts/")["shop"]["variables"]) == SHOP
    assert json.loads(seen.all("inventories/")["Bluegreen"]["variables"]) == {
        "bluegreen_aws": {"region": "eu-west-1"}
    }
    made = seen.all("credentials/")
    assert made["Bluegreen AWS"]["inputs"] == {"username": "AKIAOFATEST", "password": "$encrypted$"}
    assert made["Bluegreen Kubernetes"]["inputs"] == {
        "host": "https://kubernetes.example.com",
        "bearer_token": "$encrypted$",
        "verify_ssl": True,
    }


def _see_the_workflow(seen: Seen) -> None:
    [workflow] = seen.get("workflow_job_templates/")["results"]
    assert list(seen.survey("workflow_job_templates", workflow["id"])) == ["application", "commit"]
    assert workflow["allow_simultaneous"] is False
    told = {
        event: list(seen.all(f"workflow_job_templates/{workflow['id']}/notification_templates_{event}/"))
        for event in ("started", "success", "error", "approvals")
    }
    assert told == {
        "started": [],
        "success": ["Bluegreen chat"],
        "error": ["Bluegreen slack"],
        "approvals": ["Bluegreen chat"],
    }
    assert seen.ways() == {
        "plan": {"success": ["stage"], "failure": []},
        "stage": {"success": ["approval"], "failure": ["status"]},
        "approval": {"success": ["switch"], "failure": ["status"]},
        "switch": {"success": [], "failure": ["status"]},
        "status": {"success": [], "failure": []},
    }
    names = {each["id"]: each["name"] for each in seen.get("unified_job_templates/")["results"]}
    nodes = seen.all("workflow_job_template_nodes/", "identifier")
    assert {name: names[node["unified_job_template"]] for name, node in nodes.items()} == {
        "plan": "Bluegreen Deploy",
        "stage": "Bluegreen Stage",
        "approval": "Bluegreen approval",
        "switch": "Bluegreen Switch",
        "status": "Bluegreen Status",
    }
    assert nodes["plan"]["extra_data"] == {"dry_run": "yes"}


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "CONTROLLER_HOST is not set, so it is not known which AWX is meant"),
        (
            {"CONTROLLER_OAUTH_TOKEN": "of-somebody-else"},
            "(HTTP 401). Set CONTROLLER_OAUTH_TOKEN to a token that is valid",
        ),
        (
            {"CONTROLLER_USERNAME": USER, "CONTROLLER_PASSWORD": "wrong"},
            "HTTP Error 401: Unauthorized Set CONTROLLER_USERNAME and CONTROLLER_PASSWORD",
        ),
    ],
    ids=["no address", "wrong token", "wrong password"],
)
def test_a_server_that_does_not_take_it_is_told(
    awx: Awx, play: Setup, environment: dict[str, str], told: str
) -> None:
    given = {"CONTROLLER_HOST": awx.url, **environment} if environment else {}
    refused = play(CHECKOUT / "playbooks" / "awx_setup.yml", given)
    assert refused.code == 2
    assert told in refused.output
    assert "wrong" not in refused.output
    assert awx.written == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"awx_setup_organisation": "Web"}, "There is no awx_setup_organisation: `ansible-doc -t role"),
        (
            {"awx_setup_webhook_service": "github", "awx_setup_applications": {"shop": {}, "blog": {}}},
            'awx_setup_webhook_application is \\"\\": name the application that a push is to deploy, one of shop, blog.',
        ),
        (
            {
                "awx_setup_notifications": [
                    {"name": "a", "type": "slack", "configuration": {}, "events": ["end"]}
                ]
            },
            "events, which are some of started, success, failure and approval",
        ),
    ],
    ids=["misspelt", "a webhook for no application", "an event that there is not"],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_made(
    play: Setup, given: dict[str, Any], told: str
) -> None:
    refused = play(CHECKOUT / "playbooks" / "awx_setup.yml", {}, "-e", json.dumps(given))
    assert refused.code == 2
    assert told in refused.output
    assert "CONTROLLER_HOST" not in refused.output


EITHER = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - octoblu.bluegreen.awx_object: {kind: only_here, spec: {name: one}}
      register: made
    - ansible.builtin.debug: {msg: "made by {{ made.collection }}"}
    - octoblu.bluegreen.awx_object: {kind: in_neither, spec: {name: another}}
"""


def test_either_collection_will_do_and_one_is_needed(play: Setup, tmp_path: Path) -> None:
    modules = tmp_path / "ansible_collections" / "ansible" / "controller" / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "only_here.py").write_text("""#!/usr/bin/python\nprint('{"changed": false}')\n""")
    (tmp_path / "either.yml").write_text(EITHER)
    environment = {"CONTROLLER_HOST": "https://awx.example.com", "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    run = play(tmp_path / "either.yml", environment)
    assert "made by ansible.controller" in run.output
    assert run.code == 2
    assert (
        "Neither awx.awx nor ansible.controller is installed, whose module in_neither is needed: install one, with "
        "`ansible-galaxy collection install awx.awx`."
    ) in run.output
