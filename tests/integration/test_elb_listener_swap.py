# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swap as AWS sees it: what is kept, which calls are made, and in which order."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from balancers import (
    CHECK,
    TAGS,
    add_negotiation_policy,
    add_stickiness,
    facts,
    listener,
    make,
    swap,
)

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    Move,
    encode_intent,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    InputError,
    RouterError,
)


@pytest.fixture
def shop(elb, zones, certificate):
    """Four protocols on blue, with every kind of policy, beside a listener that is not ours."""
    balancer = make(
        elb,
        [
            listener(80, 30081),
            listener(443, 30081, "HTTPS", "HTTP", certificate),
            listener(9000, 31000, "TCP", "TCP"),
        ],
        zones,
        tags={**TAGS, "team": "web"},
    )
    add_stickiness(balancer, 80)
    elb.create_app_cookie_stickiness_policy(
        LoadBalancerName=balancer.name, PolicyName="app", CookieName="session"
    )
    add_negotiation_policy(balancer, 443, "app")
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
def plain(elb, zones):
    """One HTTP listener on blue."""
    balancer = make(elb, [listener(80, 30081)], zones)
    yield balancer
    balancer.delete()


def test_everything_is_kept_but_the_node_port(shop):
    before, check = shop.listeners, shop.check
    result = swap(shop, "green", expect_live="blue")
    assert result["changed"]
    expected = {
        port: {**entry, "InstancePort": 30082 if entry["InstancePort"] == 30081 else entry["InstancePort"]}
        for port, entry in before.items()
    }
    assert shop.listeners == expected
    assert shop.check == {**check, "Target": "HTTP:30082/healthz"}
    assert shop.backend_policies[30082] == ["proxy"]
    assert shop.tags == {**TAGS, "team": "web"}

    swap(shop, "blue")
    assert shop.listeners == before
    assert shop.check == check


def test_it_reports_what_is_there_then(shop):
    result = swap(shop, "green")
    assert (result["before"]["live"], result["after"]["live"]) == ("blue", "green")
    assert result["after"]["fingerprint"] == facts(shop.name)[shop.name]["fingerprint"]
    assert set(result["gap_ms"]) == {"80", "443"}
    assert (result["restored"], result["open"]) == (False, [])


def test_again_changes_nothing(shop, writes):
    swap(shop, "green")
    with writes() as seen:
        result = swap(shop, "green")
    assert not result["changed"]
    assert result["diff"]["before"] == result["diff"]["after"]
    assert seen == []


def test_check_mode_writes_nothing_and_foretells_everything(shop, writes):
    with writes() as seen:
        foretold = swap(shop, "green", check_mode=True)
    assert seen == []
    assert foretold["changed"]
    assert swap(shop, "green")["diff"]["after"] == foretold["diff"]["after"]


@pytest.mark.sandbox
def test_nothing_comes_between_the_delete_and_the_create(shop, calls):
    with calls() as seen:
        swap(shop, "green")
    actions = [call["action"] for call in seen]
    gone = actions.index("DeleteLoadBalancerListeners")
    assert actions.count("DeleteLoadBalancerListeners") == 1
    assert actions[gone + 1] == "CreateLoadBalancerListeners"
    assert actions.count("CreateLoadBalancerListeners") == 2
    assert seen[gone]["connection"] == seen[gone + 1]["connection"]
    # All that can be proven is proven, and the intent written, before the delete.
    assert {"AddTags", "CreateLoadBalancerListeners", "SetLoadBalancerPoliciesOfListener"} <= set(
        actions[:gone]
    )


def test_ports_per_listener(elb, zones, certificate):
    tags = {"blue": "80=30081 443=30083", "green": "80=30082 443=30084"}
    balancer = make(
        elb, [listener(80, 30081), listener(443, 30083, "HTTPS", "HTTP", certificate)], zones, tags
    )
    add_negotiation_policy(balancer, 443)
    swap(balancer, "green")
    assert balancer.node_ports == {80: 30082, 443: 30084}
    balancer.delete()


def test_a_health_check_on_no_color_is_left_alone(elb, zones):
    check = {
        "Target": "TCP:10256",
        "Interval": 6,
        "Timeout": 3,
        "HealthyThreshold": 3,
        "UnhealthyThreshold": 4,
    }
    balancer = make(elb, [listener(80, 30081)], zones, check=check)
    swap(balancer, "green")
    assert balancer.check == check
    balancer.delete()


def test_first_listeners_are_made(elb, zones, certificate):
    balancer = make(elb, [listener(9000, 31000, "TCP", "TCP")], zones)
    elb.create_load_balancer_policy(
        LoadBalancerName=balancer.name,
        PolicyName="tls-1-2",
        PolicyTypeName="SSLNegotiationPolicyType",
        PolicyAttributes=[
            {
                "AttributeName": "Reference-Security-Policy",
                "AttributeValue": "ELBSecurityPolicy-TLS-1-2-2017-01",
            }
        ],
    )
    swap(
        balancer,
        "blue",
        listeners=[
            {"port": 80, "protocol": "HTTP"},
            {"port": 443, "protocol": "HTTPS", "certificate": certificate, "policies": ["tls-1-2"]},
        ],
        health_check={"path": "/healthz", "interval": 7, "timeout": 3},
        claim="shop/uid",
    )
    assert balancer.node_ports == {80: 30081, 443: 30081, 9000: 31000}
    assert balancer.listeners[443]["policies"] == ["tls-1-2"]
    assert (balancer.check["Target"], balancer.check["Interval"]) == ("HTTP:30081/healthz", 7)
    assert balancer.tags == {**TAGS, "octoblu.bluegreen/app": "shop/uid"}
    balancer.delete()


def test_the_preview_listener_goes_along_to_the_idle_color(elb, zones):
    tags = {**TAGS, "octoblu.bluegreen/preview": "8080"}
    balancer = make(elb, [listener(80, 30081), listener(8080, 30082)], zones, tags)
    swap(balancer, "green")
    assert balancer.node_ports == {80: 30082, 8080: 30081}
    balancer.delete()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"name": "no-such-balancer"}, "no-such-balancer", id="unknown"),
        pytest.param({"name": "shop_1"}, "shop_1", id="name"),
        pytest.param({"name": "x" * 33}, "x" * 33, id="long-name"),
        pytest.param({"expect_live": "green"}, "green was expected", id="expect-live"),
        pytest.param({"expect_fingerprint": "0"}, "not as it was seen", id="expect-fingerprint"),
        pytest.param({"listener_ports": [80, 443]}, "port 443", id="no-listener"),
        pytest.param({"listener_ports": [0]}, "0 is not a listener port", id="port"),
        pytest.param({"listeners": [{"port": 70000, "protocol": "HTTP"}]}, "70000", id="spec-port"),
        pytest.param(
            {"listeners": [{"port": 443, "protocol": "HTTPS"}]}, "needs a certificate", id="no-certificate"
        ),
        pytest.param(
            {"listeners": [{"port": 81, "protocol": "HTTP", "certificate": "arn:x"}]},
            "arn:x",
            id="certificate-on-http",
        ),
        pytest.param(
            {"listeners": [{"port": 81, "protocol": "TCP", "instance_protocol": "HTTP"}]},
            "TCP to HTTP",
            id="layers",
        ),
        pytest.param(
            {"listeners": [{"port": 81, "protocol": "HTTP"}, {"port": 81, "protocol": "TCP"}]},
            "81 twice",
            id="twice",
        ),
        pytest.param({"health_check": {"path": "healthz"}}, "healthz", id="check-path"),
        pytest.param({"health_check": {"interval": 2}}, "interval 2", id="check-interval"),
    ],
)
def test_bad_input_is_refused_before_any_write(plain, writes, given, said):
    with writes() as seen, pytest.raises(InputError, match=said):
        swap(plain, "green", **given)
    assert seen == []


def test_an_unknown_certificate_leaves_nothing_behind(plain):
    unknown = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    before = plain.description["ListenerDescriptions"]
    with pytest.raises(RouterError, match="CertificateNotFound"):
        swap(plain, "green", listeners=[{"port": 443, "protocol": "HTTPS", "certificate": unknown}])
    assert (plain.description["ListenerDescriptions"], plain.tags, plain.left) == (before, TAGS, {})


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"blue": "30081"}, "no tag 'green'"),
        ({"blue": "30081", "green": "30081"}, "30081"),
        ({"blue": "30081", "green": "eighty"}, "eighty"),
        ({"blue": "30081", "green": "8080"}, "8080"),
        ({**TAGS, "kubernetes.io/service-name": "web/shop"}, "belongs to Kubernetes"),
        ({**TAGS, "octoblu.bluegreen/app": "till/1"}, "claimed by till/1, not shop/1"),
    ],
)
def test_a_router_that_must_not_be_touched(elb, zones, writes, tags, said):
    balancer = make(elb, [listener(80, 30081)], zones, tags)
    with writes() as seen, pytest.raises(InputError, match=said):
        swap(balancer, "green", claim="shop/1")
    assert seen == []
    balancer.delete()


def test_another_claim_is_taken_over_when_asked(plain):
    plain.tag({"octoblu.bluegreen/app": "till/1"})
    swap(plain, "green", claim="shop/1", take_over=True)
    assert plain.tags["octoblu.bluegreen/app"] == "shop/1"


@pytest.mark.sandbox
def test_what_tags_held_is_given_back_when_nothing_was_swapped(plain, aws):
    swap(plain, "green")
    swap(plain, "blue", claim="till/1")
    before, left = plain.tags, plain.left
    aws.fault("error", "DeleteLoadBalancerListeners", code="AccessDenied", status=403)
    with pytest.raises(RouterError, match="the listeners are as they were"):
        swap(plain, "green", claim="shop/1", take_over=True)
    assert (plain.tags, plain.left) == (before, left)
    assert left[80].instance_port == 30081


@pytest.mark.sandbox
def test_an_intent_goes_also_where_the_claim_cannot_be_given_back(plain, aws):
    plain.tag({"octoblu.bluegreen/app": "till/1"})
    aws.fault("error", "DeleteLoadBalancerListeners", code="AccessDenied", status=403)
    aws.fault("error", "AddTags", nth=2, code="AccessDenied", status=403)
    with pytest.raises(RouterError, match="may be there still"):
        swap(plain, "green", claim="shop/1", take_over=True)
    assert not any(key.startswith("octoblu.bluegreen/swap.") for key in plain.tags)


def _intent(color, pid, host, time, *moves):
    return encode_intent(Intent("0badcafe", "ada", host, pid, time, color, moves))


def test_a_living_swap_of_somebody_else_is_refused_and_named(plain, aws_time):
    plain.tag(_intent("green", 1, "elsewhere", aws_time(), Move(80, "HTTP", "HTTP", 30081, 30082)))
    with pytest.raises(RouterError, match="ada@elsewhere") as refused:
        swap(plain, "green", wait_for_swap=0)
    assert refused.value.details["intent"]["run"] == "0badcafe"
    assert plain.node_ports == {80: 30081}


def test_a_living_swap_is_waited_for(plain, aws_time, elb):
    tags = _intent("green", 1, "elsewhere", aws_time(), Move(80, "HTTP", "HTTP", 30081, 30082))
    plain.tag(tags)
    ended = threading.Timer(
        0.5,
        elb.remove_tags,
        kwargs={"LoadBalancerNames": [plain.name], "Tags": [{"Key": key} for key in tags]},
    )
    ended.start()
    assert swap(plain, "green")["changed"]
    ended.join()
    assert plain.node_ports == {80: 30082}


@pytest.mark.parametrize("color", ["blue", "green"])
@pytest.mark.parametrize("how", ["dead process", "old"])
def test_a_cut_off_swap_is_resolved_from_its_intent_alone(elb, zones, certificate, aws_time, color, how):
    balancer = make(elb, [listener(80, 30081), listener(443, 30081, "HTTPS", "HTTP", certificate)], zones)
    add_negotiation_policy(balancer, 443)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    pid, host, time = (ended.pid, os.uname().nodename, aws_time())
    if how == "old":
        pid, host, time = 1, "elsewhere", aws_time() - 121
    moves = (
        Move(80, "HTTP", "HTTP", 30081, 30082),
        Move(443, "HTTPS", "HTTP", 30081, 30082, certificate, ("tls-1-2",)),
    )
    balancer.tag(_intent("green", pid, host, time, *moves))
    elb.delete_load_balancer_listeners(LoadBalancerName=balancer.name, LoadBalancerPorts=[80, 443])

    found = facts(balancer.name)[balancer.name]
    assert {drift["code"] for drift in found["drift"]} == {"swap_interrupted", "listener_missing"}
    assert swap(balancer, color, settle=0)["changed"]
    node_port = {"blue": 30081, "green": 30082}[color]
    assert balancer.node_ports == {80: node_port, 443: node_port}
    assert balancer.listeners[443]["policies"] == ["tls-1-2"]
    assert balancer.listeners[443]["SSLCertificateId"] == certificate
    assert balancer.tags == TAGS
    balancer.delete()


@pytest.mark.sandbox
def test_two_hundred_names_cost_eleven_calls(elb, zones, calls):
    balancers = [make(elb, [listener(80, 30081)], zones) for _each in range(200)]
    with calls() as seen:
        found = facts(*(balancer.name for balancer in balancers))
    assert {name: router["live"] for name, router in found.items()} == {
        each.name: "blue" for each in balancers
    }
    assert len(seen) <= 11
    names = [balancer.name for balancer in balancers]
    with pytest.raises(InputError, match="'not-there-1', 'not-there-2'"):
        facts(*names[:100], "not-there-1", *names[100:], "not-there-2")
    for balancer in balancers:
        balancer.delete()


@pytest.mark.parametrize(
    ("color", "node_port"), [pytest.param("blue", 30081, id="blue"), pytest.param("green", 30082, id="green")]
)
@pytest.mark.parametrize(
    ("listeners", "tags", "check", "code"),
    [
        pytest.param({80: 30081, 81: 30082}, TAGS, "TCP:10256", "mixed", id="mixed"),
        pytest.param(
            {80: 30081, 81: 31000},
            {"blue": "80=30081 81=30081", "green": "80=30082 81=30082"},
            "TCP:10256",
            "unknown_port",
            id="unknown-port",
        ),
        pytest.param({80: 30082, 81: 30082}, TAGS, "HTTP:30081/healthz", "health_check_on_idle", id="check"),
    ],
)
def test_repair_brings_a_drifted_router_onto_one_color(
    elb, zones, writes, listeners, tags, check, code, color, node_port
):
    described = [listener(port, target) for port, target in listeners.items()]
    balancer = make(elb, described, zones, tags, {**CHECK, "Target": check})
    assert [drift["code"] for drift in facts(balancer.name)[balancer.name]["drift"]] == [code]
    # A swap to the idle color sets the health check right by itself.
    if (code, color) != ("health_check_on_idle", "blue"):
        with writes() as seen, pytest.raises(InputError, match=code):
            swap(balancer, color)
        assert seen == []
    swap(balancer, color, repair=(code, color) != ("health_check_on_idle", "blue"))
    assert balancer.node_ports == {80: node_port, 81: node_port}
    assert facts(balancer.name)[balancer.name]["drift"] == []
    balancer.delete()


def test_repair_makes_a_missing_listener_and_a_missing_policy(elb, zones, certificate):
    tags = {"blue": "80=30081 443=30081", "green": "80=30082 443=30082"}
    balancer = make(elb, [listener(443, 30081, "HTTPS", "HTTP", certificate)], zones, tags)
    add_negotiation_policy(balancer, 443)
    elb.set_load_balancer_policies_of_listener(
        LoadBalancerName=balancer.name, LoadBalancerPort=443, PolicyNames=[]
    )
    codes = {drift["code"] for drift in facts(balancer.name)[balancer.name]["drift"]}
    assert codes == {"listener_missing", "policy_missing"}
    described = [
        {"port": 80, "protocol": "HTTP"},
        {"port": 443, "protocol": "HTTPS", "certificate": certificate, "policies": ["tls-1-2"]},
    ]
    swap(balancer, "blue", repair=True, listeners=described)
    assert balancer.node_ports == {80: 30081, 443: 30081}
    assert balancer.listeners[443]["policies"] == ["tls-1-2"]
    balancer.delete()


@pytest.mark.sandbox
def test_more_tags_than_fit_are_refused_and_nothing_stays(plain, aws):
    plain.tag({f"team-{number}": "web" for number in range(8)})
    before = plain.tags
    aws.set(tag_limit=10)
    try:
        with pytest.raises(RouterError, match="TooManyTags"):
            swap(plain, "green")
    finally:
        aws.set(tag_limit=50)
    assert (plain.tags, plain.left, plain.node_ports) == (before, {}, {80: 30081})


@pytest.mark.sandbox
@pytest.mark.parametrize("room", [1, 0], ids=["the-intents-place", "none"])
def test_what_a_swap_leaves_is_written_where_there_is_room_and_told_where_not(plain, aws, room):
    """The intent takes one tag until the swap is over."""
    plain.tag({f"team-{number}": "web" for number in range(7)})
    aws.set(tag_limit=10)
    aws.fault("hold", "AddTags", nth=3)
    try:
        with ThreadPoolExecutor(1) as pool:
            swapping = pool.submit(swap, plain, "green")
            aws.wait_held()
            aws.set(tag_limit=9 + room)
            aws.release()
            result = swapping.result()
    finally:
        aws.set(tag_limit=50)
    assert plain.node_ports == {80: 30082}
    assert {port: each.instance_port for port, each in plain.left.items()} == ({80: 30082} if room else {})
    assert [("could not be given the tags" in text) for text in result["warnings"]] == [True] * (not room)
    assert result["after"]["fingerprint"] == facts(plain.name)[plain.name]["fingerprint"]


def test_a_listener_that_the_last_swap_left_is_brought_back_by_repair(shop):
    """One that was led elsewhere by hand, and one that was deleted: as AWS keeps them, without their policies."""
    swap(shop, "green")
    before = shop.listeners
    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[80, 443])
    shop.elb.create_load_balancer_listeners(LoadBalancerName=shop.name, Listeners=[listener(80, 30999)])
    with pytest.raises(InputError, match="port 443, where the last swap left one"):
        swap(shop, "green")
    swap(shop, "green", repair=True)
    assert shop.listeners == before
    assert facts(shop.name)[shop.name]["drift"] == []

    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[443])
    [drift] = facts(shop.name)[shop.name]["drift"]
    # As a person types it.
    command = shlex.split(drift["message"].partition("up with: ")[2])
    subprocess.run([Path(sys.executable).with_name(command[0]), *command[1:]], check=True)
    assert facts(shop.name)[shop.name]["drift"] == []
    swap(shop, "blue")
    assert shop.left.keys() == {80}


@pytest.mark.sandbox
def test_a_certificate_that_is_gone_is_found_out_before_the_delete(shop, aws, calls):
    aws.fault("error", "CreateLoadBalancerListeners", code="CertificateNotFound", message="gone", times=None)
    before = shop.listeners
    with calls() as seen, pytest.raises(RouterError, match="CertificateNotFound"):
        swap(shop, "green")
    assert "DeleteLoadBalancerListeners" not in {call["action"] for call in seen}
    assert (shop.listeners, shop.tags) == (before, {**TAGS, "team": "web"})


@pytest.mark.sandbox
def test_a_certificate_that_goes_in_the_gap_puts_the_old_listeners_back(shop, aws):
    """It is made again as it was until AWS, which has it still, takes it."""
    before = shop.listeners
    aws.fault("error", "CreateLoadBalancerListeners", nth=2, code="InvalidConfigurationRequest")
    with pytest.raises(RouterError, match="the old listeners were put back") as failed:
        swap(shop, "green")
    assert failed.value.details["restored"]
    assert set(failed.value.details["gap_ms"]) == {"80", "443"}
    assert shop.listeners == before


@pytest.mark.sandbox
def test_a_policy_object_that_is_gone_is_made_again(shop, aws):
    """Once only: the listener is gone, so is its use of the policy, and somebody deletes that."""
    aws.fault("hold", "SetLoadBalancerPoliciesOfListener", nth=3)
    aws.fault("hold", "SetLoadBalancerPoliciesOfListener", nth=4)
    before = shop.listeners
    swapping = threading.Thread(target=swap, args=(shop, "green"))
    swapping.start()
    aws.wait_held(2)
    shop.elb.set_load_balancer_policies_of_listener(
        LoadBalancerName=shop.name, LoadBalancerPort=443, PolicyNames=[]
    )
    shop.elb.delete_load_balancer_policy(LoadBalancerName=shop.name, PolicyName="tls-1-2")
    aws.release()
    swapping.join()
    assert shop.listeners[443]["policies"] == before[443]["policies"]


@pytest.mark.sandbox
def test_a_policy_object_that_two_listeners_share_is_made_again_once(shop, aws, certificate, calls):
    shop.elb.create_load_balancer_listeners(
        LoadBalancerName=shop.name, Listeners=[listener(8443, 30081, "HTTPS", "HTTP", certificate)]
    )
    shop.elb.set_load_balancer_policies_of_listener(
        LoadBalancerName=shop.name, LoadBalancerPort=8443, PolicyNames=["tls-1-2"]
    )
    before = {port: entry["policies"] for port, entry in shop.listeners.items()}
    for nth in (4, 5, 6):
        aws.fault("hold", "SetLoadBalancerPoliciesOfListener", nth=nth)
    with calls() as seen:
        swapping = threading.Thread(target=swap, args=(shop, "green"))
        swapping.start()
        aws.wait_held(3)
        for port in (443, 8443):
            shop.elb.set_load_balancer_policies_of_listener(
                LoadBalancerName=shop.name, LoadBalancerPort=port, PolicyNames=[]
            )
        shop.elb.delete_load_balancer_policy(LoadBalancerName=shop.name, PolicyName="tls-1-2")
        aws.release()
        swapping.join()
    assert {port: entry["policies"] for port, entry in shop.listeners.items()} == before
    assert not any(key.startswith("octoblu.bluegreen/swap.") for key in shop.tags)
    assert "CreateLoadBalancerPolicy" in {call["action"] for call in seen}
