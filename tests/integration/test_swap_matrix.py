# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every call of a swap goes wrong in every way; the next run ends wholly on one color.

Each case runs the module in a forked child through the real boto3 client. The first run meets
the fault, or is killed in it; what it leaves must be told. The second run meets none, wants either
color, and must end on it with every policy, whatever the first one left.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from balancers import (
    TAGS,
    add_negotiation_policy,
    add_stickiness,
    arguments,
    listener,
    make,
    swap,
)
from forked import SHORT, Child

from ansible_collections.octoblu.bluegreen.plugins.modules.elb_listener_swap import MODULE

pytestmark = pytest.mark.sandbox

# The calls of one swap of two listeners with policies, and how often each is made.
CALLS = {
    "DescribeLoadBalancers": 2,
    "DescribeTags": 2,
    "DescribeLoadBalancerPolicies": 2,
    "DescribeInstanceHealth": 1,
    "AddTags": 1,
    "SetLoadBalancerPoliciesForBackendServer": 1,
    "CreateLoadBalancerListeners": 2,
    "DeleteLoadBalancerListeners": 1,
    "SetLoadBalancerPoliciesOfListener": 4,
    "ConfigureHealthCheck": 1,
    "RemoveTags": 1,
}

# What AWS does with backend policies for a node port that no listener uses yet, which nobody has tried, and the
# calls of the same swap then.
MANNERS: dict[str, dict[str, int]] = {
    "kept": CALLS,
    "refused": CALLS | {"SetLoadBalancerPoliciesForBackendServer": 2},
    "forgotten": CALLS
    | {"SetLoadBalancerPoliciesForBackendServer": 2}
    | {action: times + 1 for action, times in CALLS.items() if action.startswith("Describe") and times > 1},
}

FAULTS: dict[str, dict[str, Any]] = {
    "throttled once": {"kind": "throttle"},
    "throttled for good": {"kind": "throttle", "times": None},
    "500 once": {"kind": "error", "status": 500},
    "500 for good": {"kind": "error", "status": 500, "times": None},
    "access denied": {"kind": "error", "code": "AccessDenied", "status": 403, "times": None},
    "reset before": {"kind": "drop_before"},
    "reset after": {"kind": "drop_after"},
    "reset before for good": {"kind": "drop_before", "times": None},
    "reset after for good": {"kind": "drop_after", "times": None},
    "a proxy's 502": {"kind": "page", "status": 502},
    "a proxy's 200, after": {"kind": "page_after", "status": 200},
    "slow": {"kind": "delay", "seconds": 0.3},
}

# The signal, what it finds held, and what becomes of that then.
KILLS = {
    "killed before": (signal.SIGKILL, "hold", "drop"),
    "killed after": (signal.SIGKILL, "hold_after", "drop"),
    "terminated": (signal.SIGTERM, "hold", "apply"),
    "interrupted": (signal.SIGINT, "hold", "apply"),
}

# What is in service is read beside the rest of the first read, and ends it as that does.
PLACES = [
    ("kept", action, nth)
    for action, times in CALLS.items()
    for nth in range(1, times + 1)
    if action != "DescribeInstanceHealth"
]
# Where another manner makes other calls, and the faults that end differently there.
OTHER_PLACES = [
    ("refused", "SetLoadBalancerPoliciesForBackendServer", 1),
    ("refused", "SetLoadBalancerPoliciesForBackendServer", 2),
    ("refused", "DescribeLoadBalancers", 2),
    ("forgotten", "CreateLoadBalancerListeners", 2),
    ("forgotten", "SetLoadBalancerPoliciesForBackendServer", 2),
    ("forgotten", "DescribeLoadBalancers", 2),
    ("forgotten", "DescribeLoadBalancers", 3),
    ("forgotten", "RemoveTags", 1),
]
OTHER_FAULTS = ("throttled once", "500 for good", "reset after for good")
OTHER_KILLS = ("killed after",)


@pytest.fixture
def shop(elb, zones, certificate):
    balancer = make(elb, [listener(80, 30081), listener(443, 30081, "HTTPS", "HTTP", certificate)], zones)
    add_stickiness(balancer, 80)
    add_negotiation_policy(balancer, 443)
    elb.create_load_balancer_policy(
        LoadBalancerName=balancer.name,
        PolicyName="proxy",
        PolicyTypeName="ProxyProtocolPolicyType",
        PolicyAttributes=[{"AttributeName": "ProxyProtocol", "AttributeValue": "true"}],
    )
    elb.set_load_balancer_policies_for_backend_server(
        LoadBalancerName=balancer.name, InstancePort=30081, PolicyNames=["proxy"]
    )
    yield balancer
    balancer.delete()


@pytest.fixture
def manner(request, aws):
    name = getattr(request, "param", "kept")
    aws.set(early_backend_policies=name)
    yield name
    aws.set(early_backend_policies="kept")


@pytest.fixture(scope="module")
def api(elb):
    """Real clients, made once and never used here: each child opens connections of its own."""
    return MODULE.connect(arguments(MODULE, {"name": "unused", "color": "blue"}))


def _assert_wholly_on(balancer, color, certificate):
    node_port = int(TAGS[color])
    listeners = balancer.listeners
    assert {port: entry["InstancePort"] for port, entry in listeners.items()} == {
        80: node_port,
        443: node_port,
    }
    assert listeners[80]["policies"] == ["sticky"]
    assert listeners[443]["policies"] == ["tls-1-2"]
    assert (listeners[443]["SSLCertificateId"], listeners[443]["InstanceProtocol"]) == (certificate, "HTTP")
    assert balancer.check["Target"] == f"HTTP:{node_port}/healthz"
    assert balancer.backend_policies[node_port] == ["proxy"]
    assert balancer.tags == TAGS
    left = {port: each.instance_port for port, each in balancer.left.items()}
    # Nothing was ever swapped where the first run has failed and the second has nothing to do.
    assert left in ({}, balancer.node_ports)


def _assert_told(balancer, ended):
    """A run that returned has left no port closed without saying so, and no success half done."""
    closed = sorted({80, 443} - balancer.listeners.keys())
    if ended.result is not None:
        assert closed == []
        assert set(balancer.node_ports.values()) == {30082}
    else:
        assert closed == (ended.details or {}).get("open", [])
        assert balancer.name in ended.error


@pytest.mark.parametrize("manner", MANNERS, indirect=True)
def test_the_calls_are_those_of_the_matrix(shop, certificate, manner, calls):
    with calls() as seen:
        swapped = swap(shop, "green")
    made = [call["action"] for call in seen]
    assert {action: made.count(action) for action in dict.fromkeys(made)} == MANNERS[manner]
    _assert_wholly_on(shop, "green", certificate)
    said = {
        "kept": [],
        "refused": ["AWS takes no backend policies for port 30082 before a listener uses it"],
        "forgotten": ["backend policies of 30082 are none, not proxy. That was set once more"],
    }
    for text, warning in zip(said[manner], swapped["warnings"], strict=True):
        assert text in warning


@pytest.mark.parametrize("color", ["green", "blue"])
@pytest.mark.parametrize(
    ("manner", "action", "nth", "fault"),
    [(*place, fault) for place in PLACES for fault in FAULTS]
    + [(*place, fault) for place in OTHER_PLACES for fault in OTHER_FAULTS],
    indirect=["manner"],
)
def test_a_fault_is_mended_by_the_next_run(shop, aws, api, certificate, manner, action, nth, fault, color):
    aws.fault(action=action, nth=nth, **FAULTS[fault])
    ended = Child(api, shop.name, "green").wait()
    aws.clear()
    _assert_told(shop, ended)
    again = Child(api, shop.name, color).wait()
    assert again.error == ""
    _assert_wholly_on(shop, color, certificate)


@pytest.mark.parametrize("color", ["green", "blue"])
@pytest.mark.parametrize(
    ("manner", "action", "nth", "kill"),
    [(*place, kill) for place in PLACES for kill in KILLS]
    + [(*place, kill) for place in OTHER_PLACES for kill in OTHER_KILLS],
    indirect=["manner"],
)
def test_a_killed_run_is_finished_or_undone(shop, aws, api, certificate, manner, action, nth, kill, color):
    number, held, fate = KILLS[kill]
    aws.fault(held, action=action, nth=nth)
    child = Child(api, shop.name, "green")
    _kill_held(aws, child, number)
    aws.release(fate)
    assert child.wait().signal == number
    aws.clear()
    if number != signal.SIGKILL:
        # It waits until the ports are open again.
        assert shop.listeners.keys() == {80, 443}
    again = Child(api, shop.name, color).wait()
    assert again.error == ""
    _assert_wholly_on(shop, color, certificate)


@pytest.mark.parametrize(("action", "nth"), [("AddTags", 1), ("DescribeTags", 2)])
def test_a_run_that_stood_still_beyond_its_intent_writes_nothing_more(shop, aws, api, action, nth):
    """As after SIGSTOP, or on a laptop that slept: another run may take its intent for cut off by then."""
    aws.fault("hold_after", action, nth=nth)
    patience = replace(SHORT, last_call=0.5)
    child = Child(api, shop.name, "green", patience)
    aws.wait_held()
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(patience.all_in_all + patience.last_call)
    stood_until = aws.mark()
    aws.release()
    os.kill(child.pid, signal.SIGCONT)
    ended = child.wait()
    assert "has stood still" in ended.error
    # Its calls of the same round were on their way already.
    later = {call["action"] for call in aws.calls(stood_until)}
    assert not later & {"DeleteLoadBalancerListeners", "ConfigureHealthCheck", "RemoveTags"}
    assert any(key.startswith("octoblu.bluegreen/swap.") for key in shop.tags)


@pytest.fixture
def cut_off(shop, aws, api):
    """A load balancer with the intent of a run that was killed when it was about to delete."""
    aws.fault("hold", "DeleteLoadBalancerListeners")
    child = Child(api, shop.name, "green")
    _kill_held(aws, child, signal.SIGKILL)
    aws.release("drop")
    child.wait()
    aws.clear()
    return shop


def test_a_router_that_somebody_else_turns_back_is_no_success(cut_off, elb, aws, api):
    aws.fault("hold_after", "RemoveTags", times=None)
    child = Child(api, cut_off.name, "green", settle=0)
    for _time in range(3):
        aws.wait_held()
        elb.delete_load_balancer_listeners(LoadBalancerName=cut_off.name, LoadBalancerPorts=[80])
        elb.create_load_balancer_listeners(LoadBalancerName=cut_off.name, Listeners=[listener(80, 30081)])
        aws.release()
    ended = child.wait()
    assert ended.result is None
    assert "somebody else writes to it" in ended.error


def test_whoever_swaps_right_after_a_swap_was_resolved_has_the_last_word(cut_off, aws, api):
    aws.fault("hold_after", "RemoveTags")
    resolving = Child(api, cut_off.name, "green", settle=4)
    aws.wait_held()
    aws.fault("hold", "DeleteLoadBalancerListeners")
    aws.release()
    later = Child(api, cut_off.name, "blue")
    aws.wait_held()
    resolved = resolving.wait()
    aws.release()
    assert later.wait().error == ""
    assert (resolved.error, set(cut_off.node_ports.values())) == ("", {30081})
    assert "right after this run" in resolved.result["warnings"][0]


@pytest.mark.parametrize("color", ["green", "blue"])
def test_a_delete_that_arrives_after_its_run_gave_it_up_is_mended(shop, aws, api, certificate, color):
    aws.fault("hold", "DeleteLoadBalancerListeners", times=2)
    ended = Child(api, shop.name, "green").wait()
    assert "the intent stays on it, because the delete may still arrive" in ended.error
    assert shop.listeners.keys() == {80, 443}
    aws.release()
    assert shop.listeners.keys() == set()
    again = Child(api, shop.name, color).wait()
    assert again.error == ""
    _assert_wholly_on(shop, color, certificate)


def test_a_delete_that_arrives_behind_the_create_closes_no_port_for_good(shop, aws, api, certificate):
    ended = _delete_twice(shop, aws, api, read=2)
    assert ended.error == ""
    assert "was closed a second time" in ended.result["warnings"][0]
    _assert_wholly_on(shop, "green", certificate)


def test_a_delete_that_arrives_later_still_is_told(shop, aws, api, certificate):
    ended = _delete_twice(shop, aws, api, read=3)
    assert "port 80, 443" in ended.error
    assert "IS CLOSED" in ended.error
    _assert_told(shop, ended)
    assert Child(api, shop.name, "green").wait().error == ""
    _assert_wholly_on(shop, "green", certificate)


def _delete_twice(balancer, aws, api, read):
    """A swap whose first delete has its effect only when this read of its run has been answered."""
    aws.fault("hold", "DeleteLoadBalancerListeners")
    aws.fault("hold_after", "DescribeLoadBalancers", nth=read)
    child = Child(api, balancer.name, "green", replace(SHORT, create=5, all_in_all=20))
    aws.wait_held(2)
    aws.release()
    return child.wait()


def test_an_intent_ends_by_the_read_that_gave_it_its_time(shop, aws, api):
    patience = replace(SHORT, all_in_all=0.5, last_call=0.5)
    aws.fault("delay", "DescribeTags", seconds=1.5)
    mark = aws.mark()
    ended = Child(api, shop.name, "green", patience).wait()
    assert "has stood still" in ended.error
    assert {call["action"] for call in aws.calls(mark)} <= {
        "DescribeLoadBalancers",
        "DescribeTags",
        "DescribeLoadBalancerPolicies",
        "DescribeInstanceHealth",
    }


@pytest.fixture
def closed(shop, aws, api):
    """A load balancer whose ports a run that was killed in the gap has left closed."""
    aws.fault("hold", action="CreateLoadBalancerListeners", nth=2)
    child = Child(api, shop.name, "green")
    _kill_held(aws, child, signal.SIGKILL)
    aws.release("drop")
    child.wait()
    aws.clear()
    assert shop.listeners == {}
    return shop


@pytest.mark.parametrize("color", ["green", "blue"])
def test_a_closed_port_is_opened_as_patiently_as_in_a_swap(closed, aws, api, certificate, color):
    aws.fault("error", "CreateLoadBalancerListeners", code="DuplicateListener", times=3)
    again = Child(api, closed.name, color).wait()
    assert again.error == ""
    _assert_wholly_on(closed, color, certificate)


@pytest.mark.parametrize("color", ["green", "blue"])
def test_a_port_that_stays_closed_is_told_and_keeps_no_other_closed(closed, aws, api, certificate, color):
    aws.fault("error", "CreateLoadBalancerListeners", nth=2, code="CertificateNotFound", times=None)
    ended = Child(api, closed.name, color).wait()
    aws.clear()
    assert closed.listeners.keys() == {80}
    assert (ended.details or {})["open"] == [443]
    assert "port 443" in ended.error
    assert "aws elb create-load-balancer-listeners" in ended.error
    again = Child(api, closed.name, "green").wait()
    assert again.error == ""
    _assert_wholly_on(closed, "green", certificate)


@pytest.mark.parametrize("color", ["green", "blue"])
@pytest.mark.parametrize(
    ("action", "nth"), [("DeleteLoadBalancerListeners", 1), ("CreateLoadBalancerListeners", 2)]
)
def test_a_dead_runs_request_that_arrives_late_is_mended(shop, aws, api, certificate, action, nth, color):
    aws.fault("hold", action=action, nth=nth)
    child = Child(api, shop.name, "green")
    _kill_held(aws, child, signal.SIGKILL)
    child.wait()
    mark = aws.mark()

    def release_late() -> None:
        while not any(call["action"] == "RemoveTags" for call in aws.calls(mark)):
            time.sleep(0.05)
        aws.release()

    late = threading.Thread(target=release_late)
    late.start()
    swap(shop, color, settle=2)
    late.join()
    _assert_wholly_on(shop, color, certificate)


def test_a_dead_runs_request_that_arrives_during_the_proof_is_told(cut_off, elb, aws, api, certificate):
    aws.fault("hold", "SetLoadBalancerPoliciesOfListener")
    mark = aws.mark()
    child = Child(api, cut_off.name, "green")
    aws.wait_held()
    # A create behind the request would put right again what it did.
    while not any(
        call["action"] == "CreateLoadBalancerListeners" and call["duration"] is not None
        for call in aws.calls(mark)
    ):
        time.sleep(0.01)
    elb.delete_load_balancer_listeners(LoadBalancerName=cut_off.name, LoadBalancerPorts=[80, 443])
    aws.release()
    ended = child.wait()
    assert "IS CLOSED" in ended.error
    _assert_told(cut_off, ended)
    assert Child(api, cut_off.name, "green").wait().error == ""
    _assert_wholly_on(cut_off, "green", certificate)


def _kill_held(aws, child, number):
    aws.wait_held()
    os.kill(child.pid, number)
