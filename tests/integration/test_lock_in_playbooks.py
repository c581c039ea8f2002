# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs on one application: one waits or is refused, and says who holds the lock."""

from __future__ import annotations

import http.server
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from balancers import arguments
from forked import Child
from shop import Running, Shop

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.calls import Patience
from ansible_collections.octoblu.bluegreen.plugins.modules import elb_listener_swap
from sandbox.aws import Aws
from sandbox.cluster import Cluster


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@pytest.fixture
def held(shop: Shop, gate: Path) -> Running:
    """0000001 is live, and a deploy of 0000002 stands still in a hook after it was staged."""
    shop.deployed("0000001")
    return shop.start_held("after_stage", gate, "0000002")


def test_a_second_deploy_is_refused_or_waits(shop: Shop, gate: Path, held: Running) -> None:
    refused = shop.deploy("0000003")
    assert (refused.code, refused.outcome, refused.changed) == (2, "locked", 0), refused.output
    assert "(deploy of 0000002, phase hook)" in refused.reason
    assert "unlock.yml" in refused.reason
    status = shop.status()
    assert "lock: held by" in status.output
    checked = shop.deploy("0000003", "--check")
    assert checked.code == 0, checked.output
    waiting = shop.start("deploy", commit="0000003", bluegreen_lock_wait=60)
    gate.touch()
    assert held.finish().outcome == "deployed"
    third = waiting.finish()
    assert (third.outcome, third.result["previous_commit"]) == ("deployed", "0000002"), third.output
    assert shop.commit() == "0000003"


def in_stage(shop: Shop, gate: Path) -> Running:
    """Its pods never get ready."""
    running = shop.start("deploy", commit="0000003", bluegreen_readiness_path=shop.settings.bad_path)
    shop.wait_for_lock("stage")
    return running


def in_checks(shop: Shop, gate: Path) -> Running:
    """Its smoke request is answered when somebody opens the gate."""

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while not gate.exists():
                time.sleep(0.05)
            self.send_response(200)
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    running = shop.start("deploy", commit="0000003", bluegreen_smoke=address)
    shop.wait_for_lock("checks")
    return running


def in_hook(shop: Shop, gate: Path) -> Running:
    return shop.start_held("before_swap", gate, "0000003")


@pytest.mark.parametrize("phase", [in_stage, in_checks, in_hook])
def test_a_rollback_breaks_into_a_deploy_that_then_stops(
    shop: Shop, gate: Path, phase: Callable[[Shop, Path], Running]
) -> None:
    shop.deployed("0000001", "0000002")
    deploy = phase(shop, gate)
    breaking_in = shop.start("rollback")
    shop.wait_for_lock(purpose="rollback")
    gate.touch()
    stopped = deploy.finish()
    back = breaking_in.finish()
    assert (back.outcome, back.result["commit"]) == ("rolled_back", "0000001"), back.output
    assert (stopped.code, stopped.outcome) == (2, "locked"), stopped.output
    assert "no longer this run's" in stopped.reason
    assert shop.commit() == "0000001"


def test_a_deploy_that_was_broken_into_still_runs_its_hooks_for_a_failure(shop: Shop, gate: Path) -> None:
    hook, told = gate.with_suffix(".yml"), gate.with_suffix(".told")
    hook.write_text(f"- ansible.builtin.file: {{path: {told}, state: touch, mode: '0600'}}\n")
    shop.deployed("0000001", "0000002")
    deploy = shop.start(
        "deploy",
        commit="0000003",
        bluegreen_readiness_path=shop.settings.bad_path,
        bluegreen_ready_timeout=20,
        bluegreen_hooks={"on_failure": [str(hook)]},
    )
    while (shop.deployment("blue")["metadata"]["labels"]["app.kubernetes.io/version"]) != "0000003":
        time.sleep(0.05)
    assert shop.play("unlock").outcome == "unlocked"
    stopped = deploy.finish()
    assert (stopped.code, stopped.outcome) == (2, "stage_failed"), stopped.output
    assert "could not be put back" in stopped.output
    assert told.exists(), stopped.output


@pytest.mark.sandbox
def test_a_plan_that_is_refused_behind_the_lock_still_runs_its_hooks_for_a_failure(
    shop: Shop, gate: Path, held: Running, aws: Aws
) -> None:
    hook, told = gate.with_suffix(".yml"), gate.with_suffix(".told")
    what = "{{ bluegreen_hook.app }} {{ bluegreen_hook.event }} {{ bluegreen_hook.reason }}"
    hook.write_text(f"- ansible.builtin.copy: {{dest: {told}, content: '{what}', mode: '0600'}}\n")
    mark = aws.mark()
    hooks = {"on_failure": [str(hook)]}
    waiting = shop.start("deploy", commit="0000003", bluegreen_lock_wait=60, bluegreen_hooks=hooks)
    while not any(call["action"] == "DescribeTags" for call in aws.calls(mark)):
        time.sleep(0.05)
    shop.balancer.tag({"green": str(shop.node_ports["blue"])})
    gate.touch()
    held.finish()
    stopped = waiting.finish()
    assert (stopped.code, stopped.outcome) == (2, "refused"), stopped.output
    assert told.read_text().startswith(f"{shop.name} on_failure "), stopped.output
    assert "tags_equal" in told.read_text()


@pytest.mark.sandbox
def test_a_rollback_waits_for_a_swap_and_then_leaves_it_alone(shop: Shop, aws: Aws) -> None:
    shop.deployed("0000001", "0000002")
    aws.fault("hold", "CreateLoadBalancerListeners", times=None)
    deploy = shop.start("deploy", commit="0000003")
    aws.wait_held()
    mark = aws.mark()
    back = shop.start("rollback")
    while not any(call["action"] == "DescribeTags" for call in aws.calls(mark)):
        time.sleep(0.05)
    aws.clear()
    assert deploy.finish().outcome == "deployed"
    left = back.finish()
    assert (left.outcome, left.changed) == ("unchanged", 0), left.output
    assert "0000003 is live" in left.output
    assert shop.commit() == "0000003"


@pytest.mark.sandbox
def test_nobody_breaks_into_a_retirement(shop: Shop, cluster: Cluster) -> None:
    shop.deployed("0000001", "0000002")
    cluster.delay_next(1, 4, "PATCH", "deployments/shop-blue")
    retire = shop.start("retire")
    shop.wait_for_lock("swap")
    back = shop.start("rollback")
    assert retire.finish().outcome == "retired"
    done = back.finish()
    assert (done.outcome, shop.commit()) == ("rolled_back", "0000001"), done.output


@pytest.mark.sandbox
def test_a_deploy_during_a_swap_that_takes_no_lock_is_refused(shop: Shop, aws: Aws) -> None:
    shop.deployed("0000001", "0000002")
    aws.fault("hold", "DeleteLoadBalancerListeners")
    module = elb_listener_swap.MODULE
    api = module.connect(arguments(module, {"name": shop.balancer.name, "color": "blue"}))
    swap = Child(api, shop.balancer.name, "blue", Patience())
    aws.wait_held()
    # Its time-outs would end the call that is held, however slow the deploy is here.
    os.kill(swap.pid, signal.SIGSTOP)
    try:
        deploy = shop.deploy("0000003")
    finally:
        aws.release()
        os.kill(swap.pid, signal.SIGCONT)
    assert swap.wait().error == ""
    assert (deploy.code, deploy.outcome) == (2, "refused"), deploy.output
    assert "under way since" in deploy.reason
    assert shop.commit() == "0000001"


@pytest.mark.as_a_user
def test_a_dead_deploys_lock_is_nobodys(shop: Shop, gate: Path, held: Running) -> None:
    held.kill()
    status = shop.status()
    assert "lock: free" in status.output
    again = shop.deploy("0000002")
    assert (again.outcome, shop.commit()) == ("deployed", "0000002"), again.output


def test_a_lock_is_freed_by_hand_and_its_run_stops(shop: Shop, gate: Path, held: Running) -> None:
    freed = shop.play("unlock")
    assert (freed.code, freed.outcome, freed.changed) == (0, "unlocked", 1), freed.output
    assert "for deploy of 0000002" in freed.output
    again = shop.play("unlock")
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output
    gate.touch()
    stopped = held.finish()
    assert (stopped.code, stopped.outcome) == (2, "locked"), stopped.output
    assert shop.commit() == "0000001"
    assert shop.deploy("0000002").outcome == "deployed"
