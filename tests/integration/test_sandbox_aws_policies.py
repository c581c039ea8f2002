"""Policies of the sandbox's Classic ELB: where they may be set, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from balancers import Balancer, add_negotiation_policy, add_stickiness, listener, make
from botocore.exceptions import ClientError

from sandbox.aws import Aws

pytestmark = pytest.mark.sandbox

DEFAULT = "ELBSecurityPolicy-2016-08"


@pytest.fixture
def shop(aws: Aws, elb: Any, zones: list[str], certificate: str) -> Iterator[Balancer]:
    """Every kind of listener, and a policy of every kind that none of them has yet."""
    balancer = make(
        elb,
        [
            listener(80, 30081),
            listener(443, 30081, "HTTPS", "HTTP", certificate),
            listener(9000, 31000, "TCP", "TCP"),
            listener(9443, 31000, "SSL", "TCP", certificate),
        ],
        zones,
    )
    name = balancer.name
    elb.create_lb_cookie_stickiness_policy(LoadBalancerName=name, PolicyName="lb", CookieExpirationPeriod=60)
    elb.create_app_cookie_stickiness_policy(LoadBalancerName=name, PolicyName="app", CookieName="session")
    for policy, type_name, attribute, value in (
        ("tls", "SSLNegotiationPolicyType", "Reference-Security-Policy", "ELBSecurityPolicy-TLS-1-2-2017-01"),
        ("proxy", "ProxyProtocolPolicyType", "ProxyProtocol", "true"),
        ("key", "PublicKeyPolicyType", "PublicKey", "MIIB"),
        ("auth", "BackendServerAuthenticationPolicyType", "PublicKeyPolicyName", "key"),
    ):
        elb.create_load_balancer_policy(
            LoadBalancerName=name,
            PolicyName=policy,
            PolicyTypeName=type_name,
            PolicyAttributes=[{"AttributeName": attribute, "AttributeValue": value}],
        )
    yield balancer
    balancer.delete()


def set_on_listener(balancer: Balancer, port: int, *names: str) -> None:
    balancer.elb.set_load_balancer_policies_of_listener(
        LoadBalancerName=balancer.name, LoadBalancerPort=port, PolicyNames=list(names)
    )


def set_on_instances(balancer: Balancer, port: int, *names: str) -> None:
    balancer.elb.set_load_balancer_policies_for_backend_server(
        LoadBalancerName=balancer.name, InstancePort=port, PolicyNames=list(names)
    )


@pytest.mark.parametrize(
    ("port", "names"),
    [(80, ["lb"]), (80, ["app"]), (443, ["lb", "tls"]), (443, ["app", DEFAULT]), (9443, ["tls"]), (443, [])],
)
def test_policies_that_fit_are_set_as_a_whole(shop: Balancer, port: int, names: list[str]) -> None:
    set_on_listener(shop, port, *names)
    assert shop.listeners[port]["policies"] == sorted(names)


@pytest.mark.parametrize(
    ("port", "names"),
    [
        (9000, ["lb"]),
        (9443, ["app"]),
        (80, ["tls"]),
        (9000, ["tls"]),
        (80, ["proxy"]),
        (443, ["lb", "app"]),
        (443, ["tls", DEFAULT]),
    ],
)
def test_policies_that_do_not_fit_are_refused(shop: Balancer, port: int, names: list[str]) -> None:
    before = shop.listeners
    with pytest.raises(ClientError, match=r"\(InvalidConfigurationRequest\)"):
        set_on_listener(shop, port, *names)
    assert shop.listeners == before


@pytest.mark.parametrize("name", ["lb", "tls", "key"])
def test_only_policies_of_instances_are_set_on_instances(shop: Balancer, name: str) -> None:
    with pytest.raises(ClientError, match=r"\(InvalidConfigurationRequest\)"):
        set_on_instances(shop, 30081, name)


def test_a_secure_listener_without_policy_gets_the_default_one(shop: Balancer) -> None:
    assert shop.listeners[443]["policies"] == shop.listeners[9443]["policies"] == [DEFAULT]
    assert shop.listeners[80]["policies"] == []
    assert DEFAULT in shop.description["Policies"]["OtherPolicies"]


def test_a_listener_that_is_made_again_has_lost_its_policies_but_they_are_still_there(
    shop: Balancer, certificate: str
) -> None:
    set_on_listener(shop, 443, "lb", "tls")
    before = shop.description["Policies"]
    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[443])
    assert shop.description["Policies"] == before
    shop.elb.create_load_balancer_listeners(
        LoadBalancerName=shop.name, Listeners=[listener(443, 30082, "HTTPS", "HTTP", certificate)]
    )
    assert shop.listeners[443]["policies"] == [DEFAULT]


def test_policies_of_instances_stay_without_a_listener_and_come_before_it(shop: Balancer) -> None:
    set_on_instances(shop, 31000, "proxy")
    set_on_instances(shop, 32000, "proxy", "auth")
    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[9000, 9443])
    assert shop.backend_policies == {31000: ["proxy"], 32000: ["auth", "proxy"]}
    set_on_instances(shop, 31000)
    assert shop.backend_policies == {32000: ["auth", "proxy"]}


@pytest.mark.parametrize(
    ("manner", "there"), [("kept", {31000: ["proxy"], 32000: ["proxy"]}), ("forgotten", {31000: ["proxy"]})]
)
def test_policies_of_instances_that_come_before_a_listener_may_be_forgotten(
    shop: Balancer, aws: Aws, manner: str, there: dict[int, list[str]]
) -> None:
    aws.set(early_backend_policies=manner)
    try:
        set_on_instances(shop, 31000, "proxy")
        set_on_instances(shop, 32000, "proxy")
        shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[9000, 9443])
        assert shop.backend_policies == there
    finally:
        aws.set(early_backend_policies="kept")


def test_policies_of_instances_that_come_before_a_listener_may_be_refused(shop: Balancer, aws: Aws) -> None:
    aws.set(early_backend_policies="refused")
    try:
        set_on_instances(shop, 31000, "proxy")
        with pytest.raises(ClientError, match="InvalidConfigurationRequest"):
            set_on_instances(shop, 32000, "proxy")
    finally:
        aws.set(early_backend_policies="kept")


def test_descriptions_are_told_as_they_were_given(shop: Balancer) -> None:
    told = shop.elb.describe_load_balancer_policies(
        LoadBalancerName=shop.name, PolicyNames=["lb", "app", "tls"]
    )["PolicyDescriptions"]
    assert {
        each["PolicyName"]: (
            each["PolicyTypeName"],
            {pair["AttributeName"]: pair["AttributeValue"] for pair in each["PolicyAttributeDescriptions"]},
        )
        for each in told
    } == {
        "lb": ("LBCookieStickinessPolicyType", {"CookieExpirationPeriod": "60"}),
        "app": ("AppCookieStickinessPolicyType", {"CookieName": "session"}),
        "tls": (
            "SSLNegotiationPolicyType",
            {"Reference-Security-Policy": "ELBSecurityPolicy-TLS-1-2-2017-01"},
        ),
    }
    kinds = shop.description["Policies"]
    assert kinds["LBCookieStickinessPolicies"] == [{"PolicyName": "lb", "CookieExpirationPeriod": 60}]
    assert kinds["AppCookieStickinessPolicies"] == [{"PolicyName": "app", "CookieName": "session"}]
    assert sorted(kinds["OtherPolicies"]) == sorted([DEFAULT, "auth", "key", "proxy", "tls"])


def test_a_policy_name_is_given_once(shop: Balancer) -> None:
    for again in (
        lambda: add_stickiness(shop, 80, "tls"),
        lambda: add_negotiation_policy(shop, 443) or add_negotiation_policy(shop, 443),
    ):
        with pytest.raises(ClientError, match=r"\(DuplicatePolicyName\)"):
            again()


def test_a_policy_in_use_is_not_deleted(shop: Balancer) -> None:
    set_on_listener(shop, 443, "tls")
    set_on_instances(shop, 30081, "proxy")
    for name in ("tls", "proxy"):
        with pytest.raises(ClientError, match=r"\(InvalidConfigurationRequest\)"):
            shop.elb.delete_load_balancer_policy(LoadBalancerName=shop.name, PolicyName=name)
    set_on_listener(shop, 443)
    for name in ("tls", "nosuch"):
        shop.elb.delete_load_balancer_policy(LoadBalancerName=shop.name, PolicyName=name)
    assert "tls" not in shop.description["Policies"]["OtherPolicies"]
