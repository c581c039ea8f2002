#!/bin/sh
# The deploy of 2015 with today's aws CLI and kubectl: a Deployment stands for the replication controller.
# Usage: original_deploy.sh APP NAMESPACE COMMIT CERTIFICATE START_DELAY
set -eu
app=$1 namespace=$2 commit=$3 certificate=$4 start_delay=$5
here=$(dirname "$0")
colors=$("$here/original_colors.sh" "$app")
read -r live idle idle_port blue_port green_port <<END
$colors
END
kube() { kubectl --namespace "$namespace" "$@"; }

for color in blue green; do
  [ "$color" = blue ] && port=$blue_port || port=$green_port
  if [ "$color" = "$idle" ]; then
    kube delete service "$app-$color" --ignore-not-found
  fi
  kube create -f - <<END || [ "$color" = "$live" ]
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "$app-$color"},
 "spec": {"type": "NodePort", "selector": {"name": "$app", "color": "$color"},
          "ports": [{"port": 80, "targetPort": 8080, "nodePort": $port}]}}
END
done

kube delete deployment "$app-$idle" --ignore-not-found
kube delete pods -l "name=$app,color=$idle" --wait=false
kube create -f - <<END
{"apiVersion": "apps/v1", "kind": "Deployment",
 "metadata": {"name": "$app-$idle", "labels": {"name": "$app", "version": "$commit"}},
 "spec": {
   "replicas": 2,
   "selector": {"matchLabels": {"name": "$app", "color": "$idle"}},
   "template": {
     "metadata": {"labels": {"name": "$app", "color": "$idle", "version": "$commit"}},
     "spec": {"containers": [{
       "name": "app", "image": "sandbox/web:$commit", "ports": [{"containerPort": 8080}],
       "env": [{"name": "COMMIT", "value": "$commit"}, {"name": "APP_START_DELAY", "value": "$start_delay"}],
       "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}}]}}}}
END

tries=0 ready=
while [ -z "$ready" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 20 ]; then
    echo "$app-$idle is not ready, giving up" >&2
    exit 1
  fi
  sleep 10
  ready=$(kube get pods -l "name=$app,version=$commit" \
    -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}' | grep True || true)
done

"$here/original_swap.sh" "$app" "$idle_port" "$certificate"
