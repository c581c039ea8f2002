"""moto's Classic ELB, as strict as the API reference."""

from moto.elb import urls
from moto.elb.models import elb_backends

from sandbox.aws.strict.backend import StrictELBBackend, Surroundings
from sandbox.aws.strict.response import StrictELBResponse


def install(surroundings: Surroundings) -> None:
    """Put it in the place of moto's own, before moto's server makes its first backend."""
    StrictELBBackend.surroundings = surroundings
    elb_backends.backend = StrictELBBackend
    urls.ELBResponse = StrictELBResponse
