# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What to do next after a failure, as a sentence or the very command."""

from __future__ import annotations

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import (
    Run,
    failed,
    outcome,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, SWAP, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router
from ansible_collections.octoblu.bluegreen.plugins.module_utils._screens.screen import (
    Commands,
)

# By the reason that the API gives for a container or pod: https://kubernetes.io/docs/concepts/containers/images/
_OF_REASONS = {
    "ErrImagePull": "push the image, or name another commit",
    "ImagePullBackOff": "push the image, or name another commit",
    "InvalidImageName": "mend bluegreen_image",
    "ErrImageNeverPull": "put the image on the nodes, or mend bluegreen_image",
    "CreateContainerConfigError": "create what bluegreen_env_from names, or mend it",
    "Unschedulable": "make room in the cluster, or ask for less with bluegreen_replicas and -e bluegreen_capacity=0",
    "FailedCreate": "mend what the cluster refuses",
    "CrashLoopBackOff": "mend the release, or what it needs to start",
    "StartError": "mend what the container runs",
    "ContainerCannotRun": "mend what the container runs",
    "TooFewReplicas": "see what scales it down, or do without so many with -e bluegreen_capacity=0",
}


def next_step(run: Run, commands: Commands) -> str:
    """Empty only where there is nothing to advise."""
    if run["failure"].get("next"):
        return str(run["failure"]["next"])
    again = commands(run.asked.action, run.asked.commit)
    ended = outcome(run)
    if ended == "locked":
        dead = f"or, if that run is dead, free it with {commands('unlock')}"
        return f"wait for it with -e bluegreen_lock_wait=300, {dead}"
    if ended == "port_closed":
        return f"{commands('repair')} opens them again"
    if ended == "restored":
        return f"{again} tries it again; {run.wanted} stays proven on {run.color}"
    if ended == "stage_failed":
        return _of_staging(run)
    if ended == "check_failed" and failed(run["smoke"]):
        return "mend the release; -v shows what it answered"
    if ended == "check_failed" and failed(run["wait"]):
        return _of_staging(run)
    if ended == "rolled_back":
        return f"mend what failed, then {again}"
    router, told = run.router, run["failure"].get("drift") or ()
    for drift in router.drift if router else ():
        if router and drift.code in told and (step := of_drift(drift, router, commands)):
            return step
    if run["failure"].get("nowhere") and run.asked.commit:
        return f"{commands('deploy', run.asked.commit)} brings it up anew; {commands('list')} shows what can be gone back to"
    if run["failure"].get("nowhere"):
        return f"name the commit to go back to, {commands('rollback', '<commit>')}; {commands('list')} shows them"
    return f"mend that, then {again}"


def of_drift(drift: Drift, router: Router, commands: Commands) -> str:
    """What mends a router that is not as it should be; empty where it says that itself."""
    if REPAIR in drift.mended_by:
        return f"{commands('repair', '' if router.live or router.cut_off else '<color>')} mends it"
    return f"{commands('deploy', '<commit>')} mends it" if SWAP in drift.mended_by else ""


def _of_staging(run: Run) -> str:
    lacking = [each for each in run["wait"].get("workloads") or () if not each["ready"]]
    reasons = [_OF_REASONS[each["reason"]] for each in lacking if each.get("reason") in _OF_REASONS]
    if reasons:
        return f"{reasons[0]}; -v shows the pods, events and logs"
    if failed(run["wait"]) and not lacking:
        return "look at the cluster; -v shows what came back"
    if lacking:
        return "mend the release, or give it longer with -e bluegreen_ready_timeout=600; -v shows the pods, events and logs"
    return "mend that, then run the same command again"
