"""The errors of Classic ELB, by the code that AWS sends on the wire."""

from moto.core.exceptions import ServiceException


class ElbError(ServiceException):
    """moto looks the HTTP status up in the service model by `code`."""

    def __init__(self, code: str, message: str):
        super().__init__(code, message)


def invalid(message: str) -> ElbError:
    return ElbError("ValidationError", message)


def refused(message: str) -> ElbError:
    """The request is well-formed and contradicts what is there."""
    return ElbError("InvalidConfigurationRequest", message)


def load_balancer_not_found(name: str) -> ElbError:
    return ElbError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{name}'")


def listener_not_found(name: str, port: int) -> ElbError:
    return ElbError("ListenerNotFound", f"Load balancer '{name}' has no listener on port {port}")


def policy_not_found(name: str, policy: str) -> ElbError:
    return ElbError("PolicyNotFound", f"There is no policy with name {policy} for load balancer {name}")


def certificate_not_found(arn: str) -> ElbError:
    return ElbError("CertificateNotFound", f"Server Certificate not found for the key: {arn}")


def duplicate_listener(name: str, port: int) -> ElbError:
    return ElbError(
        "DuplicateListener",
        f"A listener already exists for {name} with LoadBalancerPort {port}, "
        "but with a different InstancePort, Protocol, or SSLCertificateId",
    )


def instance_not_found(instance_id: str) -> ElbError:
    return ElbError("InvalidInstance", f"Could not find EC2 instance {instance_id}.")
