#!/bin/sh
# The sequence of 2015: four calls of the aws CLI, one process each, and the health check.
# Usage: original_swap.sh LOAD_BALANCER NODE_PORT CERTIFICATE
set -eu
elb() { aws elb "$@" --load-balancer-name "$name" >/dev/null; }
name=$1 port=$2 certificate=$3

elb delete-load-balancer-listeners --load-balancer-ports 80
elb delete-load-balancer-listeners --load-balancer-ports 443
elb create-load-balancer-listeners \
  --listeners "Protocol=HTTP,LoadBalancerPort=80,InstanceProtocol=HTTP,InstancePort=$port"
elb create-load-balancer-listeners \
  --listeners "Protocol=HTTPS,LoadBalancerPort=443,InstanceProtocol=HTTP,InstancePort=$port,SSLCertificateId=$certificate"
elb configure-health-check \
  --health-check "Target=HTTP:$port/healthz,Interval=30,Timeout=5,UnhealthyThreshold=2,HealthyThreshold=2"
