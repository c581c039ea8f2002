#!/bin/sh
# `oops rollback`: the swap towards the off color, whatever its state. Usage: original_rollback.sh APP CERTIFICATE
set -eu
app=$1 certificate=$2
here=$(dirname "$0")
colors=$("$here/original_colors.sh" "$app")
read -r _live _idle idle_port _ports <<END
$colors
END
"$here/original_swap.sh" "$app" "$idle_port" "$certificate"
