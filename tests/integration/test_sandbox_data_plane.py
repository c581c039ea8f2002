"""The sandbox's load balancers as their clients meet them: what is forwarded, what is refused."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from balancers import Balancer, add_negotiation_policy, listener, make
from instances import EchoServer, WebServer, refuses, serving

from sandbox.aws import Aws

pytestmark = pytest.mark.sandbox

SECONDS = 20


@pytest.fixture
def web(aws: Aws) -> Iterator[WebServer]:
    with serving(WebServer(aws.node_address)) as server:
        yield server


@pytest.fixture
def echo(aws: Aws) -> Iterator[EchoServer]:
    with serving(EchoServer(aws.node_address)) as server:
        yield server


@pytest.fixture(scope="session")
def instance(elb: Any) -> str:
    [made] = boto3.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
    return str(made["InstanceId"])


@pytest.fixture
def balance(aws: Aws, elb: Any, zones: list[str], instance: str) -> Iterator[Callable[..., Balancer]]:
    """Makes a load balancer of the listeners, checked by TCP on the given port, with the instance in service."""
    made = []

    def of(checked_port: int, *listeners: dict[str, Any]) -> Balancer:
        check = {"Target": f"TCP:{checked_port}", "Interval": 5, "Timeout": 2}
        balancer = make(
            elb, listeners, zones, None, {**check, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
        )
        made.append(balancer)
        register(balancer, instance)
        until(lambda: health(balancer)[0] == "InService")
        return balancer

    yield of
    for balancer in made:
        balancer.delete()


def register(balancer: Balancer, instance: str) -> None:
    balancer.elb.register_instances_with_load_balancer(
        LoadBalancerName=balancer.name, Instances=[{"InstanceId": instance}]
    )


def health(balancer: Balancer) -> tuple[str, str, str]:
    [state] = balancer.elb.describe_instance_health(LoadBalancerName=balancer.name)["InstanceStates"]
    return state["State"], state["ReasonCode"], state["Description"]


def set_check(balancer: Balancer, target: str, healthy: int = 2, unhealthy: int = 2) -> None:
    balancer.elb.configure_health_check(
        LoadBalancerName=balancer.name,
        HealthCheck={
            "Target": target,
            "Interval": 5,
            "Timeout": 2,
            "UnhealthyThreshold": unhealthy,
            "HealthyThreshold": healthy,
        },
    )


def until(done: Callable[[], bool]) -> None:
    """AWS tells nobody of a change, so one has to ask; for at most so many seconds."""
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def get(address: str, path: str = "/", tls: ssl.SSLContext | None = None, **headers: str) -> tuple[int, Any]:
    host, _separator, port = address.partition(":")
    connection = (
        http.client.HTTPSConnection(host, int(port), timeout=10, context=tls)
        if tls
        else http.client.HTTPConnection(host, int(port), timeout=10)
    )
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def connect(address: str) -> socket.socket:
    host, _separator, port = address.partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def trusting(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl._create_unverified_context()
    if version is not None:
        # OpenSSL itself would refuse what is older than TLS 1.2.
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


# Forwarding


def test_http_is_forwarded_with_what_aws_adds(aws: Aws, web: WebServer, balance: Any) -> None:
    shop = balance(web.port, listener(80, web.port))
    status, told = get(aws.ports(shop.name)[80], "/a?b=c", **{"X-Forwarded-For": "192.0.2.7"})
    assert (status, told["path"]) == (200, "/a?b=c")
    headers = told["headers"]
    assert headers["x-forwarded-for"].replace(" ", "") == "192.0.2.7,127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", "80")
    assert [name for name in headers if "envoy" in name or name == "x-request-id"] == []


def test_https_presents_the_certificate(aws: Aws, web: WebServer, balance: Any, certificate: str) -> None:
    shop = balance(web.port, listener(443, web.port, "HTTPS", "HTTP", certificate))
    address = aws.ports(shop.name)[443]
    status, told = get(address, tls=trusting())
    assert (status, told["headers"]["x-forwarded-proto"]) == (200, "https")
    host, _separator, port = address.partition(":")
    presented = ssl.get_server_certificate((host, int(port)))
    stored = boto3.client("acm").get_certificate(CertificateArn=certificate)["Certificate"]
    assert presented.strip() == stored.strip()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_the_negotiation_policy_decides_the_version_of_tls(
    aws: Aws, web: WebServer, balance: Any, certificate: str
) -> None:
    shop = balance(web.port, listener(443, web.port, "HTTPS", "HTTP", certificate))
    address = aws.ports(shop.name)[443]
    assert get(address, tls=trusting(ssl.TLSVersion.TLSv1_1))[0] == 200
    add_negotiation_policy(shop, 443)
    assert get(address, tls=trusting(ssl.TLSVersion.TLSv1_2))[0] == 200
    for refused in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_3):
        with pytest.raises(ssl.SSLError):
            get(address, tls=trusting(refused))


def test_tcp_is_spliced(aws: Aws, echo: EchoServer, balance: Any) -> None:
    shop = balance(echo.port, listener(9000, echo.port, "TCP", "TCP"))
    with connect(aws.ports(shop.name)[9000]) as client:
        for text in (b"not HTTP\n", b"\x00\x01\x02"):
            client.sendall(text)
            assert client.recv(100) == text


def test_ssl_is_ended_at_the_load_balancer(
    aws: Aws, echo: EchoServer, balance: Any, certificate: str
) -> None:
    shop = balance(echo.port, listener(9443, echo.port, "SSL", "TCP", certificate))
    with trusting().wrap_socket(connect(aws.ports(shop.name)[9443])) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_a_secure_instance_protocol_is_spoken(aws: Aws, balance: Any, tmp_path: Path) -> None:
    with serving(WebServer(aws.node_address), certificate=tmp_path) as web:
        shop = balance(web.port, listener(80, web.port, "HTTP", "HTTPS"))
        assert get(aws.ports(shop.name)[80])[0] == 200


def test_the_proxy_protocol_is_that_of_the_instance_port(aws: Aws, echo: EchoServer, balance: Any) -> None:
    shop = balance(echo.port, listener(9000, echo.port, "TCP", "TCP"))
    shop.elb.create_load_balancer_policy(
        LoadBalancerName=shop.name,
        PolicyName="proxy",
        PolicyTypeName="ProxyProtocolPolicyType",
        PolicyAttributes=[{"AttributeName": "ProxyProtocol", "AttributeValue": "true"}],
    )
    for names, expected in ((["proxy"], b"PROXY TCP4 127.0.0.1 "), ([], b"hello")):
        shop.elb.set_load_balancer_policies_for_backend_server(
            LoadBalancerName=shop.name, InstancePort=echo.port, PolicyNames=names
        )
        with connect(aws.ports(shop.name)[9000]) as client:
            client.sendall(b"hello")
            assert client.recv(100).startswith(expected)


# Listeners that come and go


def test_a_port_is_closed_and_open_when_the_call_returns(aws: Aws, web: WebServer, balance: Any) -> None:
    shop = balance(web.port, listener(80, web.port), listener(81, web.port))
    address, other = aws.ports(shop.name)[80], aws.ports(shop.name)[81]
    for _round in range(10):
        shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[80])
        assert refuses(address)
        assert get(other)[0] == 200
        shop.elb.create_load_balancer_listeners(
            LoadBalancerName=shop.name, Listeners=[listener(80, web.port)]
        )
        assert get(address)[0] == 200


def test_a_request_under_way_is_answered_though_its_listener_goes(
    aws: Aws, web: WebServer, balance: Any
) -> None:
    shop = balance(web.port, listener(80, web.port))
    address = aws.ports(shop.name)[80]
    answers: list[int] = []
    client = threading.Thread(target=lambda: answers.append(get(address, "/slow")[0]))
    client.start()
    assert web.arrived.wait(SECONDS)
    shop.elb.delete_load_balancer_listeners(LoadBalancerName=shop.name, LoadBalancerPorts=[80])
    web.go_on.set()
    client.join()
    assert answers == [200]


def test_load_balancers_may_have_the_same_port(aws: Aws, web: WebServer, balance: Any) -> None:
    first, second = (balance(web.port, listener(80, web.port)) for _round in range(2))
    assert first.description["DNSName"] != second.description["DNSName"]
    assert get(aws.ports(first.name)[80])[0] == get(aws.ports(second.name)[80])[0] == 200


def test_a_deleted_load_balancer_answers_no_more(aws: Aws, web: WebServer, balance: Any) -> None:
    shop = balance(web.port, listener(80, web.port))
    address = aws.ports(shop.name)[80]
    shop.delete()
    assert refuses(address)


def test_a_port_that_something_else_holds_is_answered_elsewhere(
    aws: Aws, web: WebServer, balance: Any
) -> None:
    shop = balance(web.port, listener(80, web.port))
    address = shop.description["DNSName"]
    with socket.create_server((address, 8123)):
        shop.elb.create_load_balancer_listeners(
            LoadBalancerName=shop.name, Listeners=[listener(8123, web.port)]
        )
        assert aws.ports(shop.name)[8123] == f"{address}:18123"
        assert get(f"{address}:18123")[1]["headers"]["x-forwarded-port"] == "8123"


# Health


def test_health_goes_as_the_checks_do(
    aws: Aws, elb: Any, zones: list[str], web: WebServer, instance: str
) -> None:
    shop = make(elb, [listener(80, web.port), listener(81, web.port, "TCP", "TCP")], zones)
    set_check(shop, f"HTTP:{web.port}/healthz", unhealthy=4)
    http_address, tcp_address = aws.ports(shop.name)[80], aws.ports(shop.name)[81]
    assert get(http_address) == (503, None)
    web.status = 404
    register(shop, instance)
    assert health(shop) == ("OutOfService", "ELB", "Instance registration is still in progress.")
    until(lambda: health(shop)[1] == "Instance")
    failed = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."
    assert health(shop) == ("OutOfService", "Instance", failed)
    assert get(http_address) == (503, None)
    with connect(tcp_address) as client:
        assert client.recv(1) == b""
    web.status = 200
    until(lambda: health(shop) == ("InService", "N/A", "N/A"))
    until(lambda: get(http_address)[0] == 200)
    web.status = 204
    until(lambda: health(shop) == ("OutOfService", "Instance", failed))
    shop.delete()


def test_health_stays_when_the_target_changes_until_checks_have_failed(
    aws: Aws, web: WebServer, balance: Any
) -> None:
    shop = balance(web.port, listener(80, web.port))
    address = aws.ports(shop.name)[80]
    with socket.create_server((aws.node_address, 0)) as nobody:
        free = nobody.getsockname()[1]
    set_check(shop, f"TCP:{free}", unhealthy=10)
    assert health(shop)[0] == "InService"
    assert get(address)[0] == 200
    until(lambda: health(shop)[0] == "OutOfService")
    until(lambda: get(address)[0] == 503)


def test_an_instance_that_is_stopped_gets_no_traffic(
    aws: Aws, web: WebServer, balance: Any, instance: str
) -> None:
    shop = balance(web.port, listener(80, web.port))
    ec2 = boto3.client("ec2")
    ec2.stop_instances(InstanceIds=[instance])
    try:
        assert health(shop) == ("OutOfService", "Instance", "Instance is in stopped state.")
        assert get(aws.ports(shop.name)[80])[0] == 503
    finally:
        ec2.start_instances(InstanceIds=[instance])
    until(lambda: health(shop)[0] == "InService")


def test_an_instance_that_is_not_registered_is_unknown(
    aws: Aws, web: WebServer, balance: Any, instance: str
) -> None:
    shop = balance(web.port, listener(80, web.port))
    shop.elb.deregister_instances_from_load_balancer(
        LoadBalancerName=shop.name, Instances=[{"InstanceId": instance}]
    )
    assert get(aws.ports(shop.name)[80])[0] == 503
    [told] = shop.elb.describe_instance_health(
        LoadBalancerName=shop.name, Instances=[{"InstanceId": instance}]
    )["InstanceStates"]
    assert (told["State"], told["Description"]) == (
        "Unknown",
        "Instance is not currently registered with the LoadBalancer.",
    )
