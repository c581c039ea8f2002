# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of README.md and docs/, typed as they stand there.

Only the names of the reader's own things are replaced: load balancer, node ports, security groups.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from balancers import Balancer, listener, make
from settings import Settings
from shop import BIN, CHECKOUT, Shop

DOCUMENTS = (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md")))

# How commands begin that no test types, and why.
NOT_TYPED = {
    "make try": "it is a sandbox of its own",
    "make test": "it is what runs this",
    "ansible-galaxy collection install git+https:": "it fetches; the gate `package` installs what is built here",
    "pip install -r ": "it fetches, into the environment of the tests",
    "ansible-builder build ": "it makes an image; test_execution_environment.py checks what of",
    "podman push ": "there is no registry",
    "ansible-galaxy collection install awx.awx": "it fetches",
    "ansible-playbook octoblu.bluegreen.awx_setup ": "test_awx_setup.py runs it",
    "curl -fsS ": "there is no AWX that runs jobs",
    "ln -s ": "the collection is not installed in the tests' home; `oops` is on their path all the same",
}


def _commands(text: str) -> Iterator[str]:
    """What stands behind the prompts of a document, an ``export`` with each command after it."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exports = ""
        for command in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE):
            if command.startswith("export "):
                exports += f"{command}\n"
                continue
            yield exports + command
            if command.startswith("make "):
                # What it prints has prompts, too.
                break


def _block(document: str, language: str, mark: str) -> Any:
    """The first block of a document that has a text in it, read."""
    text = (CHECKOUT / document).read_text()
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(next(each for each in blocks if mark in each))


@dataclass(frozen=True)
class Keyboard:
    """A shell in a folder. ``ours`` has what stands for the names in the documents."""

    settings: Settings
    folder: Path
    environment: Mapping[str, str]
    ours: Mapping[str, str]

    def type(self, command: str) -> str:
        """Returns what is shown; a test fails when the command does."""
        names = "|".join(map(re.escape, self.ours))
        path = [self.settings.ansible, str(self.folder / "bin"), str(BIN), self.environment["PATH"]]
        process = subprocess.run(
            ["bash", "-ec", re.sub(names, lambda found: self.ours[found[0]], command)],
            check=False,
            cwd=self.folder,
            env={**self.environment, "PATH": os.pathsep.join(filter(None, path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self.settings.patience,
        )
        assert process.returncode == 0, f"{command}\n{process.stdout}"
        return process.stdout


# The quickstart, pipelines and oops: one application


def _tags_name_the_node_ports(shop: Shop, _shown: str) -> None:
    assert shop.balancer.tags == {color: str(port) for color, port in shop.node_ports.items()}


def _nothing_but_a_plan(shop: Shop, shown: str) -> None:
    assert f"Plan: {shop.name} nothing -> 4f2a91c on blue; 3 objects" in shown
    assert "+++ after" in shown
    assert shop.objects() == {}
    assert shop.balancer.listeners == {}


def _nothing_is_there(shop: Shop, _shown: str) -> None:
    assert shop.objects() == {}


def _serves(commit: str) -> Callable[[Shop, str], None]:
    def shown(shop: Shop, _shown: str) -> None:
        assert shop.commit() == commit

    return shown


def _tells_who_is_live(shop: Shop, shown: str) -> None:
    assert f"{shop.settings.http_port} -> blue" in shown
    assert "4f2a91c" in shown


def _the_brief_screen(shop: Shop, shown: str) -> None:
    assert "PLAY [" not in shown
    assert f"{shop.name}: 4f2a91c serves on blue already, nothing to do" in shown


def _shows(*words: str) -> Callable[[Shop, str], None]:
    def shown(shop: Shop, shown: str) -> None:
        expected = [{"load balancer": shop.balancer.name}.get(word, word) for word in words]
        assert [word for word in expected if word not in shown] == []

    return shown


def _serves_with_an_order(order: str) -> Callable[[Shop, str], None]:
    def shown(shop: Shop, _shown: str) -> None:
        assert shop.commit() == "8b03d77"
        annotations = shop.deployment(shop.who())["metadata"]["annotations"]
        assert re.fullmatch(order, annotations["octoblu.bluegreen/order"])

    return shown


DEPLOY = "ansible-playbook octoblu.bluegreen.deploy -e @app.yml -e commit="
LOOK = "aws elb describe-load-balancers"
APPLICATION: dict[str, Callable[[Shop, str], None]] = {
    "aws elb add-tags --load-balancer-names shop-elb --tags Key=blue,Value=30081 Key=green,Value=30082": (
        _tags_name_the_node_ports
    ),
    f"{DEPLOY}4f2a91c --check --diff": _nothing_but_a_plan,
    f"{DEPLOY}4f2a91c --check -e bluegreen_result_file=checked.json": _nothing_is_there,
    f'{DEPLOY}4f2a91c -e "{{\\"bluegreen_plan\\": $(cat checked.json)}}"': _serves("4f2a91c"),
    f"{DEPLOY}4f2a91c": _serves("4f2a91c"),
    "ansible-playbook octoblu.bluegreen.status -e @app.yml": _tells_who_is_live,
    f"{DEPLOY}$CI_COMMIT_SHORT_SHA -e bluegreen_order=$CI_PIPELINE_ID": _serves_with_an_order("1201"),
    "ansible-playbook octoblu.bluegreen.rollback -e @app.yml": _serves("4f2a91c"),
    f"{DEPLOY}8b03d77 -e bluegreen_order=$(git log -1 --format=%cI 8b03d77)": (
        _serves_with_an_order(r"\d{4}-\d\d-\d\dT.*")
    ),
    "oops rollback": _serves("4f2a91c"),
    f"export ANSIBLE_STDOUT_CALLBACK=octoblu.bluegreen.brief\n{DEPLOY}4f2a91c": _the_brief_screen,
    # Where a person looks whose run has failed.
    "oops status": _shows("4f2a91c serves on blue", "drift:"),
    "oops list": _shows("4f2a91c", "8b03d77"),
    "oops deploy 4f2a91c --check": _shows("4f2a91c serves on blue already"),
    "aws sts get-caller-identity": _shows("Account"),
    f"{LOOK} --load-balancer-names shop-elb": _shows("load balancer"),
    f"{LOOK} --query 'LoadBalancerDescriptions[].LoadBalancerName'": _shows("load balancer"),
    "aws elbv2 describe-load-balancers --query 'LoadBalancers[].LoadBalancerName'": _shows("["),
    f"{LOOK} --load-balancer-names shop-elb --query 'LoadBalancerDescriptions[].ListenerDescriptions'": (
        _shows("InstancePort")
    ),
    f"{LOOK} --load-balancer-names shop-elb --query 'LoadBalancerDescriptions[].[HealthCheck,SecurityGroups]'": (
        _shows("UnhealthyThreshold")
    ),
    "aws elb describe-tags --load-balancer-names shop-elb": _shows("blue", "green", "octoblu.bluegreen/app"),
    "aws elb describe-instance-health --load-balancer-name shop-elb": _shows("InstanceStates"),
    "kubectl -n web get services shop-blue shop-green": _shows("shop-blue", "shop-green", "NodePort"),
    "kubectl -n web get pods -l app.kubernetes.io/name=shop,octoblu.bluegreen/color=green": _shows(
        "shop-green-"
    ),
}


def test_an_application(shop: Shop) -> None:
    _as_before_the_quickstart(shop)
    keyboard = Keyboard(
        shop.settings,
        shop.folder,
        {**shop.environment, "CI_COMMIT_SHORT_SHA": "8b03d77", "CI_PIPELINE_ID": "1201"},
        {"shop-elb": shop.balancer.name, "-n web": f"-n {shop.namespace}", **_node_ports(shop.settings)},
    )
    for command, effect in APPLICATION.items():
        effect(shop, keyboard.type(command))


def _as_before_the_quickstart(shop: Shop) -> None:
    """A load balancer without tags and listeners, the documents' files, and a commit in git."""
    names = [shop.balancer.name]
    shop.balancer.elb.remove_tags(LoadBalancerNames=names, Tags=[{"Key": key} for key in shop.balancer.tags])
    shop.balancer.elb.delete_load_balancer_listeners(
        LoadBalancerName=shop.balancer.name, LoadBalancerPorts=[shop.settings.http_port]
    )
    documented = _block("README.md", "yaml", "# app.yml")
    [first] = documented["bluegreen_listeners"]
    ours = {
        **shop.variables(),
        "bluegreen_listeners": [{**first, "port": shop.settings.http_port}],
        "bluegreen_health_check_path": shop.settings.who_path,
    }
    (shop.folder / "app.yml").write_text(json.dumps(documented | ours))
    four = {
        "application-name": ours.pop("bluegreen_app"),
        "elb-name": ours.pop("bluegreen_load_balancer"),
    }
    (shop.folder / ".oopsrc").write_text(
        json.dumps(_block("docs/oops.md", "json", "application-name") | ours | four)
    )
    (shop.folder / "bin").mkdir()
    (shop.folder / "bin" / "oops").symlink_to(CHECKOUT / "bin" / "oops")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "A"], ["tag", "8b03d77"]):
        subprocess.run([*git, *words], cwd=shop.folder, env=shop.environment, check=True)


def _node_ports(settings: Settings) -> dict[str, str]:
    return {"30081": str(settings.blue_port), "30082": str(settings.green_port)}


# A load balancer alone


def _blue_is_live(balancer: Balancer, settings: Settings) -> None:
    assert balancer.node_ports == {settings.http_port: settings.blue_port}
    assert list(balancer.left) == [settings.http_port]


def _nothing_is_kept(balancer: Balancer, _settings: Settings) -> None:
    assert balancer.left == {}


def _the_preview_shows_green(balancer: Balancer, settings: Settings) -> None:
    assert balancer.node_ports == {settings.http_port: settings.blue_port, 8081: settings.green_port}
    assert balancer.tags["octoblu.bluegreen/preview"] == "8081"


def _the_preview_is_closed(balancer: Balancer, settings: Settings) -> None:
    assert balancer.node_ports == {settings.http_port: settings.blue_port}


def _no_preview_is_wanted(balancer: Balancer, _settings: Settings) -> None:
    assert balancer.tags.keys() == {"blue", "green"}


SWAP = "ansible localhost -m octoblu.bluegreen.elb_listener_swap -a "
BALANCER: dict[str, Callable[[Balancer, Settings], None]] = {
    f"{SWAP}'name=shop-elb color=blue'": _blue_is_live,
    "aws elb remove-tags --load-balancer-names shop-elb --tags octoblu.bluegreen/listeners.0": _nothing_is_kept,
    f"{SWAP}'name=shop-elb color=blue expect_live=blue preview_port=8081'": _the_preview_shows_green,
    "aws elb delete-load-balancer-listeners --load-balancer-name shop-elb --load-balancer-ports 8081": (
        _the_preview_is_closed
    ),
    "aws elb remove-tags --load-balancer-names shop-elb --tags octoblu.bluegreen/preview": _no_preview_is_wanted,
}


def test_a_load_balancer(settings: Settings, elb: Any, zones: list[str], tmp_path: Path) -> None:
    tags = {"blue": str(settings.blue_port), "green": str(settings.green_port)}
    balancer = make(elb, [listener(settings.http_port, settings.green_port)], zones, tags)
    try:
        keyboard = Keyboard(settings, tmp_path, os.environ, {"shop-elb": balancer.name})
        for command, effect in BALANCER.items():
            keyboard.type(command)
            effect(balancer, settings)
    finally:
        balancer.delete()


# What the nodes let in

GROUPS = (
    "aws ec2 authorize-security-group-ingress --group-id sg-0nodes "
    "--source-group sg-0elb --protocol tcp --port 30081-30082"
)


@pytest.mark.sandbox
def test_security_groups(settings: Settings, tmp_path: Path) -> None:
    """Left out elsewhere: it would need groups of a network that nobody has named."""
    ec2 = boto3.client("ec2")
    ours = {
        name: ec2.create_security_group(GroupName=name, Description="of a test")["GroupId"]
        for name in ("sg-0nodes", "sg-0elb")
    }
    Keyboard(settings, tmp_path, os.environ, ours | _node_ports(settings)).type(GROUPS)
    [nodes] = ec2.describe_security_groups(GroupIds=[ours["sg-0nodes"]])["SecurityGroups"]
    [rule] = nodes["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"]) == (settings.blue_port, settings.green_port)
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [ours["sg-0elb"]]


# Rights

ACCOUNTS = {
    "kubectl -n web apply -f docs/rbac/viewer.yaml -f docs/rbac/deployer.yaml": (
        "rolebinding.rbac.authorization.k8s.io/bluegreen-deployer created"
    ),
    "kubectl -n web create token bluegreen-deployer --duration=8h": "",
}
POLICIES = {
    f"aws iam create-policy --policy-name bluegreen-{name} --policy-document file://docs/iam/{name}.json": (
        f":policy/bluegreen-{name}"
    )
    for name in ("status", "deploy")
}


def test_accounts(shop: Shop) -> None:
    """What they may do is in test_privileges.py."""
    (shop.folder / "docs").symlink_to(CHECKOUT / "docs")
    ours = {"-n web": f"-n {shop.namespace}"}
    for command, shown in ACCOUNTS.items():
        assert shown in Keyboard(shop.settings, shop.folder, shop.environment, ours).type(command)


@pytest.mark.sandbox
def test_policies(settings: Settings, tmp_path: Path) -> None:
    """Left out elsewhere: whoever runs it need not be allowed to make policies."""
    values = {"<region>": "us-east-1", "<account>": "123456789012", "<name>": "shop-elb"}
    for path in (CHECKOUT / "docs" / "iam").iterdir():
        text = re.sub("|".join(values), lambda found: values[found[0]], path.read_text())
        assert "<" not in text
        (tmp_path / path.name).write_text(text)
    for command, shown in POLICIES.items():
        assert shown in Keyboard(settings, tmp_path, os.environ, {"docs/iam": str(tmp_path)}).type(command)


# Each of them

TYPED = [*APPLICATION, *BALANCER, *ACCOUNTS, *POLICIES, GROUPS]


def _whichever_commit(commands: Iterable[str]) -> set[str]:
    """One deploy is like the other."""
    return {re.sub(r"\bcommit=[0-9a-f]{7}\b", "commit=...", each) for each in commands}


def _not_typed(commands: Iterable[str]) -> set[str]:
    return {each for each in commands if each.startswith(tuple(NOT_TYPED))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_command_is_typed_or_there_is_a_reason(document: Path) -> None:
    documented = set(_commands(document.read_text()))
    assert _whichever_commit(documented - _not_typed(documented)) - _whichever_commit(TYPED) == set()


def test_what_is_typed_is_documented() -> None:
    documented = {command for document in DOCUMENTS for command in _commands(document.read_text())}
    assert set(TYPED) - documented == set()
    assert [begin for begin in NOT_TYPED if not any(each.startswith(begin) for each in documented)] == []
