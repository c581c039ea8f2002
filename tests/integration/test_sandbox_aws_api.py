"""The sandbox's Classic ELB keeps what AWS keeps, and does again what AWS does again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from balancers import Balancer, listener, make
from botocore.exceptions import ClientError
from certificates import self_signed
from elb_requests import GONE, listeners, refusal, tags

from sandbox.aws import Aws

pytestmark = pytest.mark.sandbox


@pytest.fixture
def shop(aws: Aws, elb: Any, zones: list[str], certificate: str) -> Iterator[Balancer]:
    balancer = make(
        elb,
        [
            listener(80, 30081),
            listener(443, 30081, "HTTPS", "HTTP", certificate),
            listener(9000, 31000, "TCP", "TCP"),
        ],
        zones,
    )
    yield balancer
    balancer.delete()


@pytest.fixture
def instance(aws: Aws) -> str:
    [made] = boto3.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
    return str(made["InstanceId"])


# Load balancers


@pytest.mark.parametrize("name", ["a" * 33, "under_score", "shop!", "-shop", "shop-"])
def test_a_bad_name_is_refused(aws: Aws, elb: Any, zones: list[str], name: str) -> None:
    given = {"AvailabilityZones": zones, **listeners(listener(80, 30081))}
    assert refusal(elb, "create_load_balancer", LoadBalancerName=name, **given) == ("ValidationError", 400)


def test_creating_the_same_load_balancer_again_changes_nothing(aws: Aws, elb: Any, zones: list[str]) -> None:
    given = {"LoadBalancerName": "twice", "AvailabilityZones": zones, **listeners(listener(80, 30081))}
    address = elb.create_load_balancer(**given)["DNSName"]
    assert elb.create_load_balancer(**given)["DNSName"] == address
    other = given | listeners(listener(80, 30082))
    assert refusal(elb, "create_load_balancer", **other) == ("DuplicateLoadBalancerName", 400)
    elb.delete_load_balancer(LoadBalancerName="twice")
    elb.delete_load_balancer(LoadBalancerName="twice")


def test_a_new_load_balancer_has_the_default_health_check(aws: Aws, elb: Any, zones: list[str]) -> None:
    elb.create_load_balancer(
        LoadBalancerName="fresh", AvailabilityZones=zones, **listeners(listener(80, 30081))
    )
    assert Balancer(elb, "fresh").check == {
        "Target": "TCP:30081",
        "Interval": 30,
        "Timeout": 5,
        "UnhealthyThreshold": 2,
        "HealthyThreshold": 10,
    }
    elb.delete_load_balancer(LoadBalancerName="fresh")


def test_pages_and_markers(aws: Aws, elb: Any, zones: list[str]) -> None:
    names = [f"page-{number}" for number in range(3)]
    for name in names:
        elb.create_load_balancer(
            LoadBalancerName=name, AvailabilityZones=zones, **listeners(listener(80, 30081))
        )
    pages = list(elb.get_paginator("describe_load_balancers").paginate(PageSize=2))
    assert all(len(page["LoadBalancerDescriptions"]) <= 2 for page in pages)
    told = [each["LoadBalancerName"] for page in pages for each in page["LoadBalancerDescriptions"]]
    assert sorted(told) == sorted(set(told))
    assert set(names) <= set(told)
    twice = elb.describe_load_balancers(LoadBalancerNames=[names[0], names[0]])["LoadBalancerDescriptions"]
    assert len(twice) == 1
    assert refusal(elb, "describe_load_balancers", Marker="nosuch") == ("ValidationError", 400)
    for name in names:
        elb.delete_load_balancer(LoadBalancerName=name)


def test_the_clock_and_the_request_are_told(aws: Aws, elb: Any) -> None:
    headers = elb.describe_load_balancers()["ResponseMetadata"]["HTTPHeaders"]
    assert headers["date"].endswith("GMT")
    assert headers["x-amzn-requestid"] == aws.calls()[-1]["request_id"]


# Listeners


def test_the_instance_protocol_is_kept(shop: Balancer) -> None:
    assert (shop.listeners[443]["Protocol"], shop.listeners[443]["InstanceProtocol"]) == ("HTTPS", "HTTP")


@pytest.mark.parametrize(("protocol", "expected"), [("HTTPS", "HTTP"), ("SSL", "TCP")])
def test_the_instance_protocol_is_plain_by_default(
    shop: Balancer, certificate: str, protocol: str, expected: str
) -> None:
    spec = listener(8443, 31000, protocol, "", certificate)
    del spec["InstanceProtocol"]
    shop.elb.create_load_balancer_listeners(LoadBalancerName=shop.name, Listeners=[spec])
    assert shop.listeners[8443]["InstanceProtocol"] == expected


def test_an_identical_listener_is_no_change(shop: Balancer, certificate: str) -> None:
    before = shop.description
    shop.elb.create_load_balancer_listeners(
        LoadBalancerName=shop.name,
        Listeners=[listener(80, 30081), listener(443, 30081, "HTTPS", "HTTP", certificate)],
    )
    assert shop.description == before


def test_one_bad_listener_refuses_all(shop: Balancer) -> None:
    for bad in (listener(80, 30082), listener(8443, 30081, "HTTPS", "HTTP", GONE)):
        refusal(
            shop.elb,
            "create_load_balancer_listeners",
            LoadBalancerName=shop.name,
            Listeners=[listener(81, 30081), bad],
        )
        assert sorted(shop.listeners) == [80, 443, 9000]


def test_several_ports_are_deleted_at_once_and_absent_ones_do_not_matter(shop: Balancer) -> None:
    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[80, 443, 555])
    assert list(shop.listeners) == [9000]
    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[80, 443])
    assert list(shop.listeners) == [9000]


def test_a_certificate_that_vanished_is_not_found_even_for_an_identical_listener(
    shop: Balancer, aws: Aws
) -> None:
    body, key = self_signed("vanishing.example.com")
    acm = boto3.client("acm")
    arn = acm.import_certificate(Certificate=body, PrivateKey=key)["CertificateArn"]
    spec = listener(8443, 30081, "HTTPS", "HTTP", arn)
    shop.elb.create_load_balancer_listeners(LoadBalancerName=shop.name, Listeners=[spec])
    acm.delete_certificate(CertificateArn=arn)
    assert (
        refusal(shop.elb, "create_load_balancer_listeners", LoadBalancerName=shop.name, Listeners=[spec])[0]
        == "CertificateNotFound"
    )
    assert shop.listeners[8443]["SSLCertificateId"] == arn


def test_an_iam_certificate_is_found(shop: Balancer, aws: Aws) -> None:
    body, key = self_signed("iam.example.com")
    uploaded = boto3.client("iam").upload_server_certificate(
        ServerCertificateName="iam", CertificateBody=body.decode(), PrivateKey=key.decode()
    )
    arn = uploaded["ServerCertificateMetadata"]["Arn"]
    shop.elb.create_load_balancer_listeners(
        LoadBalancerName=shop.name, Listeners=[listener(8443, 30081, "HTTPS", "HTTP", arn)]
    )
    shop.elb.set_load_balancer_listener_ssl_certificate(
        LoadBalancerName=shop.name, LoadBalancerPort=443, SSLCertificateId=arn
    )
    assert shop.listeners[443]["SSLCertificateId"] == shop.listeners[8443]["SSLCertificateId"] == arn


# Tags


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (tags(**{f"tag{number}": "x" for number in range(50)}), "TooManyTags"),
        (tags(a="b") + tags(a="c"), "DuplicateTagKeys"),
        (tags(**{"aws:a": "b"}), "ValidationError"),
        (tags(**{"a;b": "c"}), "ValidationError"),
        (tags(a='{"b": 1}'), "ValidationError"),
        (tags(**{"a" * 129: "b"}), "ValidationError"),
        (tags(a="b" * 257), "ValidationError"),
    ],
)
def test_bad_tags_are_refused_with_nothing_stored(
    shop: Balancer, given: list[dict[str, str]], code: str
) -> None:
    before = shop.tags
    refused = refusal(
        shop.elb, "add_tags", LoadBalancerNames=[shop.name], Tags=[*tags(first="stored"), *given]
    )
    assert refused == (code, 400)
    assert shop.tags == before


def test_tags_may_be_replaced_at_the_limit_and_hold_what_the_pattern_says(shop: Balancer) -> None:
    shop.tag({f"tag{number}": "x" for number in range(48)})
    assert len(shop.tags) == 50
    text = "Grün 80=30081 443=30083 _.:/=+-@"
    shop.tag({"tag0": text})
    assert shop.tags["tag0"] == text


def test_tags_of_many(shop: Balancer) -> None:
    refused = refusal(shop.elb, "describe_tags", LoadBalancerNames=[shop.name] * 21)
    assert refused == ("ValidationError", 400)


# Instances


def test_an_instance_is_registered_once(shop: Balancer, instance: str) -> None:
    given = {"LoadBalancerName": shop.name, "Instances": [{"InstanceId": instance}]}
    for _round in range(2):
        told = shop.elb.register_instances_with_load_balancer(**given)["Instances"]
        assert told == [{"InstanceId": instance}]
    assert shop.description["Instances"] == [{"InstanceId": instance}]
    assert shop.elb.deregister_instances_from_load_balancer(**given)["Instances"] == []


def test_a_terminated_instance_is_forgotten(shop: Balancer, instance: str) -> None:
    shop.elb.register_instances_with_load_balancer(
        LoadBalancerName=shop.name, Instances=[{"InstanceId": instance}]
    )
    boto3.client("ec2").terminate_instances(InstanceIds=[instance])
    assert shop.elb.describe_instance_health(LoadBalancerName=shop.name)["InstanceStates"] == []


def test_attributes_stay_when_others_are_changed(shop: Balancer) -> None:
    for timeout in (120, 90):
        shop.elb.modify_load_balancer_attributes(
            LoadBalancerName=shop.name,
            LoadBalancerAttributes={"ConnectionSettings": {"IdleTimeout": timeout}},
        )
    told = shop.elb.describe_load_balancer_attributes(LoadBalancerName=shop.name)["LoadBalancerAttributes"]
    assert told["ConnectionSettings"] == {"IdleTimeout": 90}
    assert told.get("AdditionalAttributes", []) == []


def test_what_moto_cannot_do_is_an_error_that_names_it(aws: Aws, elb: Any) -> None:
    with pytest.raises(ClientError, match=r"\(InternalFailure\).*DescribeAccountLimits"):
        elb.describe_account_limits()
