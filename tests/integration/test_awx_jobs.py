# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks as job templates of AWX, in the published execution environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from awx import HOME, Awx, Environment
from conftest import Once
from shop import Shop

from sandbox.aws import Aws

# A survey's questions that nobody has answered.
UNANSWERED = dict.fromkeys(
    (
        "application",
        "dry_run",
        "bluegreen_capacity",
        "bluegreen_lock_wait",
        "bluegreen_manifests",
        "bluegreen_on_failure",
        "bluegreen_ready_timeout",
        "bluegreen_smoke",
        "bluegreen_wait_in_service",
    ),
    "",
)
HOOK = "- ansible.builtin.command: {argv: [id, -u]}\n  changed_when: false\n"


@pytest.fixture
def awx(shop: Shop, once: Once, tmp_path_factory: pytest.TempPathFactory) -> Awx:
    made = once("execution-environment", lambda: Environment.make(tmp_path_factory.mktemp("ee")))
    return Awx(made, shop)


def test_every_template_in_jobs(awx: Awx, shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=HOME):
        (Path(HOME) / "ansible").mkdir()

    first = awx.run(["stage", "switch"], user="ada", commit="c000001", **UNANSWERED)
    assert (first.status, first.outcomes) == ("successful", {"shop": "deployed"}), first.stdout
    assert shop.commit() == "c000001"

    hook = tmp_path / "hook.yml"
    hook.write_text(HOOK)
    unverified = {**awx.kubernetes, "K8S_AUTH_VERIFY_SSL": "False"}
    del unverified["K8S_AUTH_SSL_CA_CERT"]
    hooks = {"bluegreen_hooks": {"before_swap": [str(hook)]}}
    second = awx.run("deploy", kubernetes=unverified, host=hooks, commit="c000002", **UNANSWERED)
    assert (second.status, second.outcomes) == ("successful", {"shop": "deployed"}), second.stdout
    assert shop.commit() == "c000002"
    assert second.stdout.count("is not verified") == 1, second.stdout
    assert "is not verified" not in first.stdout

    looks = ["rollback", "status", "list", "repair", "unlock"]
    third = awx.run(looks, user="ada", commit="", color="", **UNANSWERED)
    assert third.status == "successful", third.stdout
    assert shop.commit() == "c000001"

    assert [(each["event"], each["by"].get("awx_user"), each["by"]["awx_job"]) for each in shop.events()] == [
        ("staged", "ada", "41"),
        ("swapped", "ada", "41"),
        ("staged", None, "42"),
        ("swapped", None, "42"),
        ("rollback", "ada", "43"),
        ("rolled_back", "ada", "43"),
    ]
    kept = [text for job in (first, second, third) for text in job.texts()]
    assert [secret for secret in awx.secrets for text in kept if secret in text] == []


@pytest.mark.sandbox
def test_a_job_that_is_canceled_in_the_gap(awx: Awx, shop: Shop, aws: Aws) -> None:
    """ansible-runner kills it with no warning, and the container ends with what is left of it."""
    shop.deployed("c000001")
    # The create of the new listeners; the first one is the proof.
    aws.fault("hold", action="CreateLoadBalancerListeners", nth=2)
    holders: list[str] = []

    def cancel() -> bool:
        try:
            aws.wait_held(timeout=0)
        except TimeoutError:
            return False
        lease = shop.get("lease", "shop-lock")
        assert lease is not None
        holders.append(lease["spec"]["holderIdentity"])
        return True

    canceled = awx.run("deploy", user="ada", cancel=cancel, commit="c000002")
    awx.end_container()
    aws.release("drop")
    assert canceled.status == "canceled"
    assert shop.balancer.node_ports == {}
    assert holders[0] == "ada (AWX job 41)"

    again = shop.deploy("c000002")
    assert again.outcome == "deployed", again.output
    assert shop.who() == "green"
