"""The sandbox's Classic ELB refuses what AWS refuses, and has then written nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from balancers import Balancer, listener, make
from botocore.exceptions import ClientError
from elb_requests import GONE, GONE_IAM, check, listeners, policy, refusal, tags

from sandbox.aws import Aws

pytestmark = pytest.mark.sandbox

CREATE, DELETE = "create_load_balancer_listeners", "delete_load_balancer_listeners"
SET, SET_BACKEND = "set_load_balancer_policies_of_listener", "set_load_balancer_policies_for_backend_server"
POLICY, CERTIFY = "create_load_balancer_policy", "set_load_balancer_listener_ssl_certificate"
HEALTH_CHECK, MODIFY = "configure_health_check", "modify_load_balancer_attributes"


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


REFUSALS: dict[str, tuple[str, dict[str, Any], str, int]] = {
    # Listeners
    "another instance port": (CREATE, listeners(listener(80, 30082)), "DuplicateListener", 400),
    "another protocol": (CREATE, listeners(listener(80, 30081, "TCP", "TCP")), "DuplicateListener", 400),
    "another instance protocol": (
        CREATE,
        listeners(listener(9000, 31000, "TCP", "SSL")),
        "DuplicateListener",
        400,
    ),
    "two for one port": (
        CREATE,
        listeners(listener(81, 30081), listener(81, 30082)),
        "DuplicateListener",
        400,
    ),
    "no such protocol": (CREATE, listeners(listener(81, 30081, "FOO")), "UnsupportedProtocol", 400),
    "port out of range": (CREATE, listeners(listener(70000, 30081)), "ValidationError", 400),
    "instance port out of range": (CREATE, listeners(listener(81, 65536)), "ValidationError", 400),
    "layers mixed": (CREATE, listeners(listener(81, 30081, "TCP", "HTTP")), "ValidationError", 400),
    "no certificate": (CREATE, listeners(listener(8443, 30081, "HTTPS")), "ValidationError", 400),
    "no certificate for SSL": (
        CREATE,
        listeners(listener(8443, 31000, "SSL", "TCP")),
        "ValidationError",
        400,
    ),
    "a certificate in plain": (
        CREATE,
        listeners(listener(81, 30081, "HTTP", "HTTP", GONE)),
        "ValidationError",
        400,
    ),
    "unknown ACM certificate": (
        CREATE,
        listeners(listener(8443, 30081, "HTTPS", "HTTP", GONE)),
        "CertificateNotFound",
        400,
    ),
    "unknown IAM certificate": (
        CREATE,
        listeners(listener(8443, 30081, "HTTPS", "HTTP", GONE_IAM)),
        "CertificateNotFound",
        400,
    ),
    "a certificate that is no ARN": (
        CREATE,
        listeners(listener(8443, 30081, "HTTPS", "HTTP", "certificate")),
        "CertificateNotFound",
        400,
    ),
    "instance port plain and secure": (
        CREATE,
        listeners(listener(81, 30081, "HTTP", "HTTPS")),
        "InvalidConfigurationRequest",
        409,
    ),
    "no listeners": (CREATE, listeners(), "ValidationError", 400),
    "no ports": (DELETE, {"LoadBalancerPorts": []}, "ValidationError", 400),
    # Certificates of listeners
    "change to an unknown certificate": (
        CERTIFY,
        {"LoadBalancerPort": 443, "SSLCertificateId": GONE},
        "CertificateNotFound",
        400,
    ),
    "certificate of no listener": (
        CERTIFY,
        {"LoadBalancerPort": 444, "SSLCertificateId": GONE},
        "ListenerNotFound",
        400,
    ),
    "certificate of a plain listener": (
        CERTIFY,
        {"LoadBalancerPort": 80, "SSLCertificateId": GONE},
        "InvalidConfigurationRequest",
        409,
    ),
    # Policies
    "unknown policy type": (POLICY, policy("NoSuchType"), "PolicyTypeNotFound", 400),
    "unknown attribute": (
        POLICY,
        policy("ProxyProtocolPolicyType", Proxy="true"),
        "InvalidConfigurationRequest",
        409,
    ),
    "bad value of an attribute": (
        POLICY,
        policy("ProxyProtocolPolicyType", ProxyProtocol="yes"),
        "InvalidConfigurationRequest",
        409,
    ),
    "attribute missing": (POLICY, policy("ProxyProtocolPolicyType"), "InvalidConfigurationRequest", 409),
    "unknown predefined policy": (
        POLICY,
        policy("SSLNegotiationPolicyType", Reference_Security_Policy="ELBSecurityPolicy-2038-01"),
        "InvalidConfigurationRequest",
        409,
    ),
    "unknown public key": (
        POLICY,
        policy("BackendServerAuthenticationPolicyType", PublicKeyPolicyName="nosuch"),
        "PolicyNotFound",
        400,
    ),
    "policy name": (
        POLICY,
        policy("ProxyProtocolPolicyType", ProxyProtocol="true") | {"PolicyName": "a_b"},
        "ValidationError",
        400,
    ),
    "set an unknown policy": (
        SET,
        {"LoadBalancerPort": 80, "PolicyNames": ["nosuch"]},
        "PolicyNotFound",
        400,
    ),
    "set on no listener": (SET, {"LoadBalancerPort": 82, "PolicyNames": []}, "ListenerNotFound", 400),
    "set unknown on instances": (
        SET_BACKEND,
        {"InstancePort": 30081, "PolicyNames": ["nosuch"]},
        "PolicyNotFound",
        400,
    ),
    "describe an unknown policy": (
        "describe_load_balancer_policies",
        {"PolicyNames": ["nosuch"]},
        "PolicyNotFound",
        400,
    ),
    # Health check
    "check without port": (HEALTH_CHECK, check(Target="TCP"), "ValidationError", 400),
    "check of no protocol": (HEALTH_CHECK, check(Target="TCPfoo:80"), "ValidationError", 400),
    "check of port 0": (HEALTH_CHECK, check(Target="TCP:0"), "ValidationError", 400),
    "check of a high port": (HEALTH_CHECK, check(Target="TCP:99999"), "ValidationError", 400),
    "HTTP check without path": (HEALTH_CHECK, check(Target="HTTP:30081"), "ValidationError", 400),
    "TCP check with path": (HEALTH_CHECK, check(Target="TCP:30081/"), "ValidationError", 400),
    "timeout of an interval": (HEALTH_CHECK, check(Interval=5, Timeout=5), "ValidationError", 400),
    "threshold too high": (HEALTH_CHECK, check(HealthyThreshold=11), "ValidationError", 400),
    "interval too long": (HEALTH_CHECK, check(Interval=301), "ValidationError", 400),
    "path too long": (HEALTH_CHECK, check(Target="HTTP:80/" + "a" * 1024), "ValidationError", 400),
    # Instances and attributes
    "register an unknown instance": (
        "register_instances_with_load_balancer",
        {"Instances": [{"InstanceId": "i-12345678901234567"}]},
        "InvalidInstance",
        400,
    ),
    "health of an unknown instance": (
        "describe_instance_health",
        {"Instances": [{"InstanceId": "i-12345678901234567"}]},
        "InvalidInstance",
        400,
    ),
    "idle timeout": (
        MODIFY,
        {"LoadBalancerAttributes": {"ConnectionSettings": {"IdleTimeout": 4001}}},
        "ValidationError",
        400,
    ),
    "draining timeout": (
        MODIFY,
        {"LoadBalancerAttributes": {"ConnectionDraining": {"Enabled": True, "Timeout": 99999}}},
        "ValidationError",
        400,
    ),
}


@pytest.mark.parametrize(("action", "given", "code", "status"), REFUSALS.values(), ids=REFUSALS)
def test_refused_with_nothing_written(
    shop: Balancer, action: str, given: dict[str, Any], code: str, status: int
) -> None:
    before = shop.description
    assert refusal(shop.elb, action, LoadBalancerName=shop.name, **given) == (code, status)
    assert shop.description == before


ON_ANY: dict[str, dict[str, Any]] = {
    CREATE: listeners(listener(80, 30081)),
    DELETE: {"LoadBalancerPorts": [80]},
    SET: {"LoadBalancerPort": 80, "PolicyNames": []},
    SET_BACKEND: {"InstancePort": 80, "PolicyNames": []},
    POLICY: policy("ProxyProtocolPolicyType", ProxyProtocol="true"),
    "delete_load_balancer_policy": {"PolicyName": "policy"},
    "create_lb_cookie_stickiness_policy": {"PolicyName": "policy"},
    "create_app_cookie_stickiness_policy": {"PolicyName": "policy", "CookieName": "cookie"},
    "describe_load_balancer_policies": {},
    CERTIFY: {"LoadBalancerPort": 80, "SSLCertificateId": GONE},
    HEALTH_CHECK: check(),
    "register_instances_with_load_balancer": {"Instances": []},
    "deregister_instances_from_load_balancer": {"Instances": []},
    "describe_instance_health": {},
    "describe_load_balancer_attributes": {},
    MODIFY: {"LoadBalancerAttributes": {}},
}


@pytest.mark.parametrize("action", ON_ANY)
def test_an_unknown_load_balancer_is_told_by_every_call(aws: Aws, elb: Any, action: str) -> None:
    assert refusal(elb, action, LoadBalancerName="nosuch", **ON_ANY[action]) == ("LoadBalancerNotFound", 400)


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("describe_load_balancers", {}),
        ("describe_tags", {}),
        ("add_tags", {"Tags": tags(a="b")}),
        ("remove_tags", {"Tags": [{"Key": "a"}]}),
    ],
)
def test_an_unknown_load_balancer_is_named(aws: Aws, elb: Any, action: str, given: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=r"\(LoadBalancerNotFound\).*'nosuch'"):
        getattr(elb, action)(LoadBalancerNames=["nosuch"], **given)
