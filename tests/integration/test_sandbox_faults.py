"""Faults of the sandbox's AWS, as a client that does not retry meets them, and the record of calls."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from balancers import Balancer, listener, make
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.aws import Aws
from sandbox.aws.faults import Fault, FaultBook

pytestmark = pytest.mark.sandbox

CREATE, DELETE = "CreateLoadBalancerListeners", "DeleteLoadBalancerListeners"


@pytest.fixture(scope="module")
def once(elb: Any) -> Any:
    """A client that tries everything once."""
    return boto3.client("elb", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def shop(aws: Aws, once: Any, zones: list[str]) -> Iterator[Balancer]:
    balancer = make(once, [listener(80, 30081)], zones)
    yield balancer
    aws.clear()
    balancer.delete()


def delete(balancer: Balancer) -> None:
    balancer.elb.delete_load_balancer_listeners(LoadBalancerName=balancer.name, LoadBalancerPorts=[80])


def create(balancer: Balancer) -> None:
    balancer.elb.create_load_balancer_listeners(
        LoadBalancerName=balancer.name, Listeners=[listener(80, 30082)]
    )


def outcome(call: Callable[[Balancer], None], balancer: Balancer) -> str:
    """Nothing where it worked, else the error's code, or that the connection was lost."""
    try:
        call(balancer)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except ConnectionClosedError:
        return "lost"
    return ""


@pytest.mark.parametrize(
    ("fault", "expected", "ports"),
    [
        ({"kind": "throttle"}, "Throttling", [80]),
        ({"kind": "error", "code": "AccessDenied", "status": 403}, "AccessDenied", [80]),
        ({"kind": "error", "status": 500}, "InternalFailure", [80]),
        ({"kind": "drop_before"}, "lost", [80]),
        ({"kind": "drop_after"}, "lost", []),
        ({"kind": "delay", "seconds": 0.2}, "", []),
    ],
)
def test_each_kind(aws: Aws, shop: Balancer, fault: dict[str, Any], expected: str, ports: list[int]) -> None:
    aws.fault(action=DELETE, **fault)
    before = aws.mark()
    assert outcome(delete, shop) == expected
    assert list(shop.listeners) == ports
    [call] = [call for call in aws.calls(before) if call["action"] == DELETE]
    assert call["code"] == (expected if expected not in ("", "lost") else None)
    assert (call["status"] is None) == (expected == "lost")
    assert call["duration"] >= fault.get("seconds", 0)
    assert outcome(delete, shop) == ""


def test_the_nth_call_of_any_action(aws: Aws, shop: Balancer) -> None:
    aws.fault("throttle", nth=3, times=2)
    told = [outcome(call, shop) for call in (delete, create, delete, create, delete)]
    assert told == ["", "", "Throttling", "Throttling", ""]


def test_an_action_is_denied_for_good_until_faults_are_cleared(aws: Aws, shop: Balancer) -> None:
    aws.fault("error", CREATE, code="AccessDenied", status=403, times=None)
    assert [outcome(call, shop) for call in (create, delete, create)] == ["AccessDenied", "", "AccessDenied"]
    aws.clear()
    assert outcome(create, shop) == ""


@pytest.mark.parametrize("code", ["DuplicateListener", "CertificateNotFound"])
def test_a_create_is_refused_for_some_calls_after_each_delete(aws: Aws, shop: Balancer, code: str) -> None:
    aws.fault("error", CREATE, code=code, after=DELETE, times=2)
    for _round in range(2):
        assert [outcome(call, shop) for call in (delete, create, create, create)] == ["", code, code, ""]


def test_a_delete_that_failed_is_not_one(aws: Aws, shop: Balancer) -> None:
    aws.fault("error", CREATE, code="DuplicateListener", after=DELETE)
    aws.fault("throttle", DELETE)
    assert outcome(delete, shop) == "Throttling"
    shop.elb.create_load_balancer_listeners(LoadBalancerName=shop.name, Listeners=[listener(81, 30081)])


def test_a_fault_after_a_call_ends_with_its_time() -> None:
    now = [0.0]
    book = FaultBook(clock=lambda: now[0])
    book.add(Fault("error", CREATE, after=DELETE, within=2, times=None))
    assert book.meeting(CREATE) == []
    book.succeeded(DELETE)
    now[0] = 1.9
    assert len(book.meeting(CREATE)) == 1
    now[0] = 2.1
    assert book.meeting(CREATE) == []
    book.succeeded(DELETE)
    assert len(book.meeting(CREATE)) == 1


def test_an_unknown_fault_is_told_at_once(aws: Aws) -> None:
    with pytest.raises(ValueError, match="no fault 'explode'; there are delay, drop_after"):
        aws.fault("explode")


# Holding


@pytest.mark.parametrize(("fate", "ports", "told"), [("apply", [], ""), ("drop", [80], "lost")])
def test_a_held_call_waits_for_its_fate(
    aws: Aws, shop: Balancer, fate: str, ports: list[int], told: str
) -> None:
    aws.fault("hold", DELETE)
    outcomes: list[str] = []
    caller = threading.Thread(target=lambda: outcomes.append(outcome(delete, shop)))
    caller.start()
    [number] = aws.wait_held()
    assert aws.calls()[number - 1]["action"] == DELETE
    # Others are not held up by it.
    assert list(shop.listeners) == [80]
    assert outcomes == []
    aws.release(fate)
    # The effect is there when `release` returns.
    assert list(shop.listeners) == ports
    caller.join()
    assert outcomes == [told]
    assert aws.held() == []


def test_a_call_is_held_after_it_took_effect(aws: Aws, shop: Balancer) -> None:
    aws.fault("hold_after", DELETE)
    outcomes: list[str] = []
    caller = threading.Thread(target=lambda: outcomes.append(outcome(delete, shop)))
    caller.start()
    aws.wait_held()
    assert list(shop.listeners) == []
    aws.release("drop")
    caller.join()
    assert outcomes == ["lost"]


def test_waiting_for_a_held_call_ends(aws: Aws) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 calls were held"):
        aws.wait_held(timeout=0.1)


def test_clearing_lets_go_what_is_held(aws: Aws, shop: Balancer) -> None:
    aws.fault("hold", DELETE)
    caller = threading.Thread(target=delete, args=(shop,))
    caller.start()
    aws.wait_held()
    aws.clear()
    caller.join()
    assert list(shop.listeners) == []


# Calls


def test_calls_are_recorded_as_boto3_made_them(aws: Aws, shop: Balancer) -> None:
    before = aws.mark()
    began = time.time()
    shop.tag({"a": "b", "c": "d"})
    [call] = aws.calls(before)
    assert (call["action"], call["service"], call["status"]) == ("AddTags", "elasticloadbalancing", 200)
    assert call["params"] == {
        "LoadBalancerNames": [shop.name],
        "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}],
    }
    assert began <= call["time"] <= time.time()
    assert 0 < call["duration"] < 5
    assert "Boto3" in call["user_agent"]


def test_json_services_are_recorded_too(aws: Aws) -> None:
    before = aws.mark()
    boto3.client("acm").list_certificates(MaxItems=3)
    [call] = aws.calls(before)
    assert (call["action"], call["service"], call["params"]) == ("ListCertificates", "acm", {"MaxItems": 3})


def test_a_client_keeps_its_connection(aws: Aws, shop: Balancer) -> None:
    before = aws.mark()
    for call in (delete, create, delete, create):
        call(shop)
    assert len({call["connection"] for call in aws.calls(before)}) == 1


def test_latency_is_that_of_every_call_and_calls_in_parallel_share_it(aws: Aws, shop: Balancer) -> None:
    aws.set(latency_ms=200)
    try:
        began = time.monotonic()
        callers = [threading.Thread(target=lambda: shop.tags) for _round in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert 0.2 <= time.monotonic() - began < 0.7
    finally:
        aws.set(latency_ms=0)


def test_the_limit_of_tags_can_be_lower(aws: Aws, shop: Balancer) -> None:
    aws.set(tag_limit=3)
    try:
        assert outcome(lambda balancer: balancer.tag({"a": "b", "c": "d"}), shop) == "TooManyTags"
        assert outcome(lambda balancer: balancer.tag({"a": "b"}), shop) == ""
    finally:
        aws.set(tag_limit=50)


def test_a_dropped_call_resets_the_connection(aws: Aws) -> None:
    aws.fault("drop_before")
    host, _separator, port = aws.endpoint_url.removeprefix("http://").partition(":")
    body = b"Action=DescribeLoadBalancers&Version=2012-06-01"
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        with pytest.raises(ConnectionResetError):
            client.recv(1)
