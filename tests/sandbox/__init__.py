"""A blue/green playground on one machine: a cluster, an AWS endpoint and a load balancer data plane."""
