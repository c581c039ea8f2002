# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person meets who runs a playbook when a swap is interrupted or refused in the gap."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from balancers import TAGS, add_stickiness, listener, make

pytestmark = pytest.mark.sandbox

BIN = Path(sys.executable).parent
PLAY = """- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: Swap
      octoblu.bluegreen.elb_listener_swap:
        name: "{{ name }}"
        color: "{{ color }}"
        settle: 0
      timeout: "{{ seconds | default(0) | int }}"
"""
# The create of the new listeners; the first one is the proof.
CREATE = {"action": "CreateLoadBalancerListeners", "nth": 2}


@pytest.fixture
def shop(elb, zones):
    balancer = make(elb, [listener(80, 30081)], zones)
    add_stickiness(balancer, 80)
    yield balancer
    balancer.delete()


@pytest.fixture
def start(tmp_path, shop):
    """Start a playbook that swaps, in a session of its own."""

    def started(color: str, **variables: object) -> subprocess.Popen[str]:
        (tmp_path / "swap.yml").write_text(PLAY)
        given = {"name": shop.name, "color": color, **variables}
        words = [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
        return subprocess.Popen(
            [BIN / "ansible-playbook", tmp_path / "swap.yml", *words],
            env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "ansible"), "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return started


def _finish(process):
    output, _nothing = process.communicate()
    return process.returncode, output


def _wait_until_open(shop):
    """A play may end before the process that is in the gap has left it."""
    deadline = time.monotonic() + 20
    while not shop.node_ports:
        assert time.monotonic() < deadline, "the port stayed closed"


def _whole_on(shop, node_port):
    return (shop.node_ports, shop.listeners[80]["policies"], shop.tags) == ({80: node_port}, ["sticky"], TAGS)


@pytest.mark.both_doors
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_in_the_gap_leaves_the_port_open(start, shop, aws, number):
    aws.fault("hold", **CREATE)
    process = start("green")
    aws.wait_held()
    os.killpg(process.pid, number)
    aws.release()
    code, output = _finish(process)
    assert code != 0, output
    _wait_until_open(shop)
    assert shop.node_ports == {80: 30082}
    assert _finish(start("green"))[0] == 0
    assert _whole_on(shop, 30082)


@pytest.mark.both_doors
def test_a_timeout_in_the_gap_leaves_the_port_open(start, shop, aws):
    # How long a run takes to get there is the machine's affair.
    mark, said = aws.mark(), ""
    for seconds in (2, 6, 18):
        aws.fault("delay", seconds=seconds + 1, **CREATE)
        code, output = _finish(start("green", seconds=seconds))
        said += output.lower()
        # A process that the play does not wait for any more may only get there now.
        if any(call["action"] == "DeleteLoadBalancerListeners" for call in aws.calls(mark)):
            break
        assert code != 0, output
        aws.clear()
    assert "timed" in said or "timeout" in said
    _wait_until_open(shop)
    assert shop.node_ports == {80: 30082}


@pytest.mark.parametrize(("color", "node_port"), [("green", 30082), ("blue", 30081)])
def test_killed_in_the_gap_and_run_again(start, shop, aws, color, node_port):
    aws.fault("hold", **CREATE)
    process = start("green")
    aws.wait_held()
    os.killpg(process.pid, signal.SIGKILL)
    aws.release("drop")
    process.communicate()
    assert shop.node_ports == {}
    code, output = _finish(start(color))
    assert code == 0, output
    assert _whole_on(shop, node_port)


def test_a_refused_create_puts_the_old_listeners_back_and_says_so(start, shop, aws):
    aws.fault("error", code="AccessDenied", status=403, **CREATE)
    code, output = _finish(start("green"))
    assert code == 2
    assert "AccessDenied" in output
    assert "the old listeners were put back" in output
    assert _whole_on(shop, 30081)


def test_a_port_left_closed_is_told_with_the_command_that_opens_it(start, shop, aws):
    aws.fault("error", code="AccessDenied", status=403, times=None, **CREATE)
    code, output = _finish(start("green"))
    assert code == 2
    assert f"port 80 of {shop.name} IS CLOSED" in output
    assert shop.node_ports == {}
    aws.clear()
    command = output[output.index("aws elb create-load-balancer-listeners") :].splitlines()[0]
    subprocess.run([BIN / "aws", *shlex.split(command)[1:]], check=True, stdout=subprocess.DEVNULL)
    assert shop.node_ports == {80: 30081}
    assert _finish(start("blue"))[0] == 0
    assert _whole_on(shop, 30081)


def test_a_throttled_create_is_tried_again_within_a_tenth_of_a_second(start, shop, aws):
    aws.fault("throttle", **CREATE)
    code, output = _finish(start("green"))
    assert code == 0, output
    first, second = [call for call in aws.calls() if call["action"] == "CreateLoadBalancerListeners"][-2:]
    assert second["time"] - (first["time"] + first["duration"]) < 0.1
    assert _whole_on(shop, 30082)


@pytest.mark.parametrize("code", ["DuplicateListener", "CertificateNotFound"])
def test_what_aws_answers_for_a_while_after_a_delete_is_waited_out(start, shop, aws, code):
    aws.fault(
        "error",
        "CreateLoadBalancerListeners",
        code=code,
        after="DeleteLoadBalancerListeners",
        within=1,
        times=None,
    )
    ended, output = _finish(start("green"))
    assert ended == 0, output
    assert _whole_on(shop, 30082)
