"""Listeners and policies as moto keeps and serializes them, with what it loses."""

from dataclasses import replace

from moto.elb.models import FakeListener

from sandbox.aws.strict.listeners import ListenerSpec
from sandbox.aws.strict.policies import Policy


class StrictListener(FakeListener):
    def __init__(self, spec: ListenerSpec):
        super().__init__(spec.port, spec.instance_port, spec.protocol, spec.certificate)
        self.spec = spec

    @property
    def instance_protocol(self) -> str:
        return self.spec.instance_protocol

    def use_certificate(self, arn: str) -> None:
        self.spec = replace(self.spec, certificate=arn)
        self.ssl_certificate_id = arn


class StrictPolicy:
    def __init__(self, policy: Policy):
        self.rules = policy
        self.policy_name = policy.name
        self.policy_type_name = policy.type
        self.policy_attribute_descriptions = [
            {"AttributeName": name, "AttributeValue": value} for name, value in policy.attributes
        ]
        self.cookie_name = policy.attribute("CookieName")
        self.cookie_expiration_period = policy.attribute("CookieExpirationPeriod")
