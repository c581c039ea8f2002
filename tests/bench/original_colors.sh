#!/bin/sh
# Which color is live, with three calls as in 2015. Usage: original_colors.sh APP
# Prints: live, idle, node port of idle, of blue, of green.
set -eu
app=$1
tag() {
  aws elb describe-tags --load-balancer-names "$app" --output text \
    --query "TagDescriptions[0].Tags[?Key=='$1'].Value"
}
blue_port=$(tag blue)
green_port=$(tag green)
live_port=$(aws elb describe-load-balancers --load-balancer-names "$app" --output text \
  --query "LoadBalancerDescriptions[0].ListenerDescriptions[0].Listener.InstancePort")
if [ "$live_port" = "$blue_port" ]; then
  echo "blue green $green_port $blue_port $green_port"
else
  echo "green blue $blue_port $blue_port $green_port"
fi
