"""What AWS accepts as policies, and where each may be set."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.aws.strict.errors import ElbError, invalid, refused
from sandbox.aws.strict.listeners import APPLICATION, ListenerSpec

SSL_NEGOTIATION = "SSLNegotiationPolicyType"
LB_COOKIE = "LBCookieStickinessPolicyType"
APP_COOKIE = "AppCookieStickinessPolicyType"
PROXY_PROTOCOL = "ProxyProtocolPolicyType"
BACKEND_AUTHENTICATION = "BackendServerAuthenticationPolicyType"
PUBLIC_KEY = "PublicKeyPolicyType"

STICKINESS = frozenset({LB_COOKIE, APP_COOKIE})
OF_BACKENDS = frozenset({PROXY_PROTOCOL, BACKEND_AUTHENTICATION})

REFERENCE = "Reference-Security-Policy"
DEFAULT_SECURITY_POLICY = "ELBSecurityPolicy-2016-08"
# The lowest and highest version of TLS that each predefined policy negotiates.
SECURITY_POLICIES = {
    "ELBSecurityPolicy-2016-08": ("TLSv1", "TLSv1.2"),
    "ELBSecurityPolicy-TLS-1-2-2017-01": ("TLSv1.2", "TLSv1.2"),
    "ELBSecurityPolicy-TLS-1-1-2017-01": ("TLSv1.1", "TLSv1.2"),
    "ELBSecurityPolicy-2015-05": ("TLSv1", "TLSv1.2"),
    "ELBSecurityPolicy-2015-03": ("TLSv1", "TLSv1.2"),
    "ELBSecurityPolicy-2015-02": ("TLSv1", "TLSv1.2"),
    "ELBSecurityPolicy-2014-10": ("TLSv1", "TLSv1.2"),
    "ELBSecurityPolicy-2014-01": ("TLSv1", "TLSv1.2"),
    "ELBSecurityPolicy-2011-08": ("TLSv1", "TLSv1.2"),
}
TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2")

BOOLEAN = re.compile("true|false")
ANYTHING = re.compile(".+", re.DOTALL)
# For each type the attributes it takes: a pattern of the name, and one of the value.
ATTRIBUTES = {
    SSL_NEGOTIATION: (
        (re.compile(REFERENCE), re.compile("|".join(SECURITY_POLICIES))),
        (re.compile(r"Protocol-(SSLv2|SSLv3|TLSv1|TLSv1\.1|TLSv1\.2)|Server-Defined-Cipher-Order"), BOOLEAN),
        (re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)+"), BOOLEAN),
    ),
    LB_COOKIE: ((re.compile("CookieExpirationPeriod"), re.compile(r"\d+")),),
    APP_COOKIE: ((re.compile("CookieName"), re.compile(r"[^\s;,=]+")),),
    PROXY_PROTOCOL: ((re.compile("ProxyProtocol"), BOOLEAN),),
    BACKEND_AUTHENTICATION: ((re.compile("PublicKeyPolicyName"), ANYTHING),),
    PUBLIC_KEY: ((re.compile("PublicKey"), ANYTHING),),
}
# LBCookieStickinessPolicyType without a period means a session cookie; an SSL policy may name protocols alone.
REQUIRED = {
    APP_COOKIE: "CookieName",
    PROXY_PROTOCOL: "ProxyProtocol",
    BACKEND_AUTHENTICATION: "PublicKeyPolicyName",
    PUBLIC_KEY: "PublicKey",
}


@dataclass(frozen=True)
class Policy:
    name: str
    type: str
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        return dict(self.attributes).get(name)


DEFAULT_POLICY = Policy(DEFAULT_SECURITY_POLICY, SSL_NEGOTIATION, ((REFERENCE, DEFAULT_SECURITY_POLICY),))


def parse_policy(name: str, type_name: str, attributes: Iterable[Mapping[str, str]]) -> Policy:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise invalid(f"The policy name {name!r} may hold letters, digits and dashes only")
    if type_name not in ATTRIBUTES:
        raise ElbError("PolicyTypeNotFound", f"There is no policy type {type_name}")
    given = tuple((each["AttributeName"], each.get("AttributeValue") or "") for each in attributes)
    for attribute, value in given:
        _check_attribute(type_name, attribute, value)
    required = REQUIRED.get(type_name)
    if required and required not in dict(given):
        raise refused(f"A policy of {type_name} needs the attribute {required}")
    return Policy(name, type_name, given)


def check_listener_policies(listener: ListenerSpec, policies: Sequence[Policy]) -> None:
    """Whether the set of policies fits the listener."""
    for policy in policies:
        if policy.type in STICKINESS and listener.layer != APPLICATION:
            raise refused(
                f"Policy {policy.name} of {policy.type} needs an HTTP or HTTPS listener, "
                f"and {listener.port} is {listener.protocol}"
            )
        if policy.type == SSL_NEGOTIATION and not listener.secure:
            raise refused(
                f"Policy {policy.name} of {policy.type} needs an HTTPS or SSL listener, "
                f"and {listener.port} is {listener.protocol}"
            )
        if policy.type not in STICKINESS and policy.type != SSL_NEGOTIATION:
            raise refused(f"Policy {policy.name} of {policy.type} cannot be set on a listener")
    for group in (STICKINESS, frozenset({SSL_NEGOTIATION})):
        names = [policy.name for policy in policies if policy.type in group]
        if len(names) > 1:
            raise refused(f"Listener {listener.port} can have one policy of its kind, not {', '.join(names)}")


def check_backend_policies(instance_port: int, policies: Iterable[Policy]) -> None:
    for policy in policies:
        if policy.type not in OF_BACKENDS:
            raise refused(
                f"Policy {policy.name} of {policy.type} cannot be set on instance port {instance_port}"
            )


def tls_versions(policies: Iterable[Policy]) -> tuple[str, str]:
    """The lowest and highest version of TLS that a listener with these policies negotiates."""
    policy = next((each for each in policies if each.type == SSL_NEGOTIATION), DEFAULT_POLICY)
    reference = policy.attribute(REFERENCE)
    if reference is not None:
        return SECURITY_POLICIES[reference]
    chosen = [version for version in TLS_VERSIONS if policy.attribute(f"Protocol-{version}") == "true"]
    return (chosen[0], chosen[-1]) if chosen else SECURITY_POLICIES[DEFAULT_SECURITY_POLICY]


def _check_attribute(type_name: str, attribute: str, value: str) -> None:
    for name_pattern, value_pattern in ATTRIBUTES[type_name]:
        if name_pattern.fullmatch(attribute):
            if not value_pattern.fullmatch(value):
                raise refused(f"{value!r} is no value for the attribute {attribute} of {type_name}")
            return
    raise refused(f"A policy of {type_name} has no attribute {attribute}")
