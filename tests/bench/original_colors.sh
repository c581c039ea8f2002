# Sourced: sets live, idle and idle_port of the load balancer $app, with three calls as in 2015.
tag() {
  aws elb describe-tags --load-balancer-names "$app" \
    | jq -r --arg key "$1" '.TagDescriptions[0].Tags[] | select(.Key == $key).Value'
}
blue_port=$(tag blue)
green_port=$(tag green)
live_port=$(aws elb describe-load-balancers --load-balancer-names "$app" \
  | jq -r '.LoadBalancerDescriptions[0].ListenerDescriptions[0].Listener.InstancePort')
if [ "$live_port" = "$blue_port" ]; then
  live=blue idle=green idle_port=$green_port
else
  live=green idle=blue idle_port=$blue_port
fi
