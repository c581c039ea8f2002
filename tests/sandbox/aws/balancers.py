"""What the load balancers in moto ask of a data plane."""

from dataclasses import dataclass

from moto.elb.models import LoadBalancer, elb_backends

from sandbox.aws.certificates import KeyPair, KeyPairs
from sandbox.aws.strict.backend import StrictELBBackend
from sandbox.aws.strict.health_checks import HealthCheck
from sandbox.aws.strict.listeners import ListenerSpec
from sandbox.aws.strict.models import StrictListener
from sandbox.aws.strict.policies import tls_versions


@dataclass(frozen=True)
class Listener:
    spec: ListenerSpec
    key_pair: KeyPair | None
    # Lowest and highest version, such as ("TLSv1.2", "TLSv1.2").
    tls: tuple[str, str]
    proxy_protocol: bool


@dataclass(frozen=True)
class Balancer:
    name: str
    address: str
    listeners: tuple[Listener, ...]
    # Ids of those that run.
    instances: tuple[str, ...]
    check: HealthCheck


def read_balancers(key_pairs: KeyPairs) -> tuple[Balancer, ...]:
    """Of all accounts and regions."""
    return tuple(
        _balancer(backend, balancer, key_pairs)
        for regions in elb_backends.values()
        for backend in regions.values()
        for balancer in backend.load_balancers.values()
    )


def _balancer(backend: StrictELBBackend, balancer: LoadBalancer, key_pairs: KeyPairs) -> Balancer:
    policies = {policy.policy_name: policy.rules for policy in balancer.policies}
    proxied = {
        backend_server.instance_port
        for backend_server in balancer.backends
        for name in backend_server.policy_names
        if policies[name].attribute("ProxyProtocol") == "true"
    }

    def listener(kept: StrictListener) -> Listener:
        spec = kept.spec
        arn = spec.certificate
        return Listener(
            spec=spec,
            key_pair=key_pairs.of(backend.account_id, backend.region_name, arn) if arn else None,
            tls=tls_versions(policies[name] for name in kept.policy_names),
            proxy_protocol=spec.instance_port in proxied,
        )

    return Balancer(
        name=balancer.name,
        address=balancer.dns_name,
        listeners=tuple(listener(each) for each in balancer.listeners),
        instances=tuple(backend.running_instances(balancer)),
        check=balancer.health_check,
    )
