"""AWS on one machine: strict moto, load balancers that forward and refuse, health checks, faults."""

from sandbox.aws.handle import Aws

__all__ = ["Aws"]
