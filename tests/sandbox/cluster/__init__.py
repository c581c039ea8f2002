"""A small Kubernetes cluster on this machine, whose pods are processes."""

from sandbox.cluster.handle import Cluster

__all__ = ["Cluster"]
