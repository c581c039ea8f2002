"""moto's Classic ELB, made to hold and refuse what AWS holds and refuses."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models import ec2_backends
from moto.elb import urls
from moto.elb.models import ELBBackend, FakeBackend, LoadBalancer

from sandbox.aws.addresses import Addresses
from sandbox.aws.certificates import certificate_exists
from sandbox.aws.health import NOT_REGISTERED, STOPPED, Health
from sandbox.aws.strict import policies as policy_rules
from sandbox.aws.strict.errors import (
    ElbError,
    certificate_not_found,
    instance_not_found,
    invalid,
    listener_not_found,
    load_balancer_not_found,
    policy_not_found,
    refused,
)
from sandbox.aws.strict.health_checks import HealthCheck, default_health_check, parse_health_check
from sandbox.aws.strict.listeners import ListenerSpec, added_listeners, parse_listeners
from sandbox.aws.strict.models import StrictListener, StrictPolicy
from sandbox.aws.strict.policies import DEFAULT_POLICY
from sandbox.aws.strict.tags import merged_tags, parse_tags

NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")


class EarlyBackendPolicies(Enum):
    """What becomes of backend policies that are set on an instance port without a listener."""

    KEPT = "kept"
    FORGOTTEN = "forgotten"
    REFUSED = "refused"


@dataclass
class Surroundings:
    """What a load balancer here depends on besides moto."""

    addresses: Addresses
    tag_limit: int
    # Of (load balancer's address, instance id).
    health: Callable[[str, str], Health]
    early_backend_policies: EarlyBackendPolicies = EarlyBackendPolicies.KEPT


class StrictELBBackend(ELBBackend):
    # Set once, before the first request: moto makes a backend for each account and region by itself.
    surroundings: Surroundings

    @cached_property
    def _url_module(self) -> Any:
        return urls

    def get_load_balancer(self, load_balancer_name: str) -> LoadBalancer:
        try:
            return self.load_balancers[load_balancer_name]
        except KeyError:
            raise load_balancer_not_found(load_balancer_name) from None

    def describe_load_balancers(self, names: Sequence[str]) -> list[LoadBalancer]:
        if not names:
            return list(self.load_balancers.values())
        return [self.get_load_balancer(name) for name in dict.fromkeys(names)]

    # Load balancers

    def create_load_balancer(
        self,
        name: str,
        zones: list[str],
        ports: list[dict[str, Any]],
        scheme: str = "internet-facing",
        subnets: list[str] | None = None,
        security_groups: list[str] | None = None,
        tags: Sequence[Mapping[str, str]] = (),
    ) -> LoadBalancer:
        if not NAME.fullmatch(name):
            raise invalid(
                f"LoadBalancer name {name!r} must have at most 32 letters, digits and dashes, "
                "and neither begin nor end with a dash"
            )
        if bool(zones) == bool(subnets):
            raise invalid("Exactly one of AvailabilityZones or SubnetIds must be specified")
        listeners = added_listeners(name, [], parse_listeners(ports))
        self._check_certificates(listeners)
        parsed_tags = merged_tags({}, parse_tags(tags), self.surroundings.tag_limit)
        asked_for = (set(zones), set(listeners), scheme, set(subnets or []), set(security_groups or []))
        if name in self.load_balancers:
            if self.load_balancers[name].asked_for == asked_for:
                return self.load_balancers[name]
            raise ElbError(
                "DuplicateLoadBalancerName",
                f"Load Balancer named '{name}' already exists and it is configured with different parameters.",
            )
        balancer = super().create_load_balancer(name, zones, ports, scheme, subnets, security_groups)
        balancer.asked_for = asked_for
        balancer.tags = parsed_tags
        balancer.dns_name = self.surroundings.addresses.take(name)
        balancer.canonical_hosted_zone_name_id = "Z35SXDOTRQ7X7K"
        balancer.health_check = default_health_check(listeners[0].instance_port)
        balancer.listeners, balancer.backends = [], []
        self._open(balancer, listeners)
        return balancer

    def delete_load_balancer(self, load_balancer_name: str) -> None:
        if load_balancer_name in self.load_balancers:
            self.surroundings.addresses.free(self.load_balancers[load_balancer_name].dns_name)
        super().delete_load_balancer(load_balancer_name)

    # Listeners

    def create_load_balancer_listeners(self, name: str, ports: list[dict[str, Any]]) -> LoadBalancer:
        balancer = self.get_load_balancer(name)
        wanted = parse_listeners(ports)
        self._check_certificates(wanted)
        self._open(balancer, added_listeners(name, [each.spec for each in balancer.listeners], wanted))
        return balancer

    def delete_load_balancer_listeners(self, name: str, ports: list[int]) -> LoadBalancer:
        balancer = self.get_load_balancer(name)
        if not ports:
            raise invalid("LoadBalancerPorts cannot be empty")
        balancer.listeners = [each for each in balancer.listeners if each.spec.port not in ports]
        return balancer

    def set_load_balancer_listener_ssl_certificate(
        self, name: str, lb_port: int, ssl_certificate_id: str
    ) -> LoadBalancer:
        balancer = self.get_load_balancer(name)
        listener = self._listener(balancer, lb_port)
        if not listener.spec.secure:
            raise refused(f"Listener {lb_port} of '{name}' is {listener.protocol} and takes no certificate")
        if not certificate_exists(self.account_id, self.region_name, ssl_certificate_id):
            raise certificate_not_found(ssl_certificate_id)
        listener.use_certificate(ssl_certificate_id)
        return balancer

    def _open(self, balancer: LoadBalancer, listeners: Iterable[ListenerSpec]) -> None:
        for spec in listeners:
            listener = StrictListener(spec)
            if spec.secure:
                if all(each.policy_name != DEFAULT_POLICY.name for each in balancer.policies):
                    balancer.policies.append(StrictPolicy(DEFAULT_POLICY))
                listener.policy_names = [DEFAULT_POLICY.name]
            balancer.listeners.append(listener)

    def _listener(self, balancer: LoadBalancer, port: int) -> StrictListener:
        for listener in balancer.listeners:
            if listener.spec.port == port:
                return listener
        raise listener_not_found(balancer.name, port)

    def _check_certificates(self, listeners: Iterable[ListenerSpec]) -> None:
        for listener in listeners:
            arn = listener.certificate
            if arn and not certificate_exists(self.account_id, self.region_name, arn):
                raise certificate_not_found(arn)

    # Policies

    def create_load_balancer_policy(
        self,
        load_balancer_name: str,
        policy_name: str,
        policy_type_name: str,
        policy_attrs: Sequence[Mapping[str, str]] | None,
    ) -> LoadBalancer:
        balancer = self.get_load_balancer(load_balancer_name)
        policy = policy_rules.parse_policy(policy_name, policy_type_name, policy_attrs or [])
        if any(each.policy_name == policy_name for each in balancer.policies):
            raise ElbError(
                "DuplicatePolicyName",
                f"Policy with name {policy_name} already exists for load balancer {load_balancer_name}",
            )
        public_key = policy.attribute("PublicKeyPolicyName")
        if public_key is not None:
            self._policies(balancer, [public_key])
        balancer.policies.append(StrictPolicy(policy))
        return balancer

    def create_app_cookie_stickiness_policy(
        self, load_balancer_name: str, policy_name: str, cookie_name: str
    ) -> LoadBalancer:
        attributes = [{"AttributeName": "CookieName", "AttributeValue": cookie_name}]
        return self.create_load_balancer_policy(
            load_balancer_name, policy_name, policy_rules.APP_COOKIE, attributes
        )

    def create_lb_cookie_stickiness_policy(
        self, load_balancer_name: str, policy_name: str, cookie_expiration_period: int | None
    ) -> LoadBalancer:
        period = {"AttributeName": "CookieExpirationPeriod", "AttributeValue": str(cookie_expiration_period)}
        attributes = [] if cookie_expiration_period is None else [period]
        return self.create_load_balancer_policy(
            load_balancer_name, policy_name, policy_rules.LB_COOKIE, attributes
        )

    def delete_load_balancer_policy(self, lb_name: str, policy_name: str) -> None:
        balancer = self.get_load_balancer(lb_name)
        if any(policy_name in each.policy_names for each in (*balancer.listeners, *balancer.backends)):
            raise refused(f"Policy {policy_name} of load balancer {lb_name} is in use")
        super().delete_load_balancer_policy(lb_name, policy_name)

    def describe_load_balancer_policies(self, lb_name: str, policy_names: list[str]) -> list[StrictPolicy]:
        balancer = self.get_load_balancer(lb_name)
        return self._policies(balancer, policy_names) if policy_names else balancer.policies

    def set_load_balancer_policies_of_listener(
        self, load_balancer_name: str, load_balancer_port: int, policies: list[str]
    ) -> LoadBalancer:
        balancer = self.get_load_balancer(load_balancer_name)
        listener = self._listener(balancer, load_balancer_port)
        rules = [policy.rules for policy in self._policies(balancer, policies)]
        policy_rules.check_listener_policies(listener.spec, rules)
        listener.policy_names = policies
        return balancer

    def set_load_balancer_policies_for_backend_server(
        self, load_balancer_name: str, instance_port: int, policies: list[str]
    ) -> LoadBalancer:
        """What is set stays when the listener goes; `early_backend_policies` says what may be set before it."""
        balancer = self.get_load_balancer(load_balancer_name)
        rules = [policy.rules for policy in self._policies(balancer, policies)]
        policy_rules.check_backend_policies(instance_port, rules)
        if all(listener.spec.instance_port != instance_port for listener in balancer.listeners):
            if self.surroundings.early_backend_policies is EarlyBackendPolicies.REFUSED:
                raise refused(f"No listener of '{load_balancer_name}' has instance port {instance_port}")
            if self.surroundings.early_backend_policies is EarlyBackendPolicies.FORGOTTEN:
                return balancer
        balancer.backends = [each for each in balancer.backends if each.instance_port != instance_port]
        if policies:
            backend = FakeBackend(instance_port)
            backend.policy_names = policies
            balancer.backends.append(backend)
        return balancer

    def _policies(self, balancer: LoadBalancer, names: Iterable[str]) -> list[StrictPolicy]:
        by_name = {policy.policy_name: policy for policy in balancer.policies}
        for name in names:
            if name not in by_name:
                raise policy_not_found(balancer.name, name)
        return [by_name[name] for name in dict.fromkeys(names)]

    # Instances and their health

    def configure_health_check(self, load_balancer_name: str, **given: Any) -> HealthCheck:
        balancer = self.get_load_balancer(load_balancer_name)
        balancer.health_check = parse_health_check(
            {"".join(word.title() for word in name.split("_")): value for name, value in given.items()}
        )
        return balancer.health_check

    def register_instances(
        self, load_balancer_name: str, instance_ids: Iterable[str], from_autoscaling: bool = False
    ) -> LoadBalancer:
        balancer = self.get_load_balancer(load_balancer_name)
        instance_ids = list(instance_ids)
        for instance_id in instance_ids:
            if self._instance(instance_id) is None:
                raise instance_not_found(instance_id)
        new = [each for each in dict.fromkeys(instance_ids) if each not in balancer.instance_ids]
        return super().register_instances(load_balancer_name, new, from_autoscaling)

    def describe_instance_health(
        self, lb_name: str, instances: Sequence[Mapping[str, str]]
    ) -> list[dict[str, str]]:
        balancer = self.get_load_balancer(lb_name)
        asked_for = [each["InstanceId"] for each in instances]
        for instance_id in asked_for:
            if self._instance(instance_id) is None:
                raise instance_not_found(instance_id)
        told = []
        for instance_id in asked_for or self.living_instances(balancer):
            health = self._health(balancer, instance_id)
            told.append(
                {
                    "InstanceId": instance_id,
                    "State": health.state,
                    "ReasonCode": health.reason_code,
                    "Description": health.description,
                }
            )
        return told

    def running_instances(self, balancer: LoadBalancer) -> list[str]:
        return [each for each in balancer.instance_ids if self._is_running(each)]

    def living_instances(self, balancer: LoadBalancer) -> list[str]:
        """Registered and not terminated; AWS forgets a terminated instance by itself."""
        return [each for each in balancer.instance_ids if self._instance(each) is not None]

    def _health(self, balancer: LoadBalancer, instance_id: str) -> Health:
        if instance_id not in balancer.instance_ids:
            return NOT_REGISTERED
        if not self._is_running(instance_id):
            return STOPPED
        return self.surroundings.health(balancer.dns_name, instance_id)

    def _is_running(self, instance_id: str) -> bool:
        instance = self._instance(instance_id)
        return instance is not None and bool(instance.is_running())

    def _instance(self, instance_id: str) -> Any:
        """None for one that does not exist or is terminated."""
        try:
            instance = ec2_backends[self.account_id][self.region_name].get_instance(instance_id)
        except InvalidInstanceIdError:
            return None
        return None if instance.state == "terminated" else instance
