# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Is a workload ready? Which kinds can be judged, and how."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import one_line
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.rollouts import (
    daemon_set,
    deployment,
    stateful_set,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.services import service
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.trouble import (
    missing_cause,
    pod_causes,
    start_causes,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import (
    Object,
    Seen,
    Verdict,
    cause_of,
    conditions_of,
    owned_by,
    verdict_on,
)

KINDS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "Service": "v1",
}

_NOTHING_ELSE = Seen()


def judge(thing: Object, seen: Seen = _NOTHING_ELSE) -> Verdict:
    """Judge an object of one of KINDS by itself and by what else has been ``seen``."""
    return _JUDGES[thing["kind"]](thing, seen)


def by_condition(thing: Object, holds: bool, condition: str) -> Verdict:
    """For an object of any kind, judged by what the user's ``condition`` gave."""
    return verdict_on(thing, holds, f"condition {condition} {'holds' if holds else 'does not hold'}")


def _job(thing: Object, seen: Seen) -> Verdict:
    if cleaned_up_when_done(thing):
        # That it is being deleted takes nothing from what it has done.
        kept = {key: value for key, value in thing["metadata"].items() if key != "deletionTimestamp"}
        thing = {**thing, "metadata": kept}
    spec, status = thing.get("spec") or {}, thing.get("status") or {}
    conditions = conditions_of(thing)
    complete = conditions.get("Complete", {}).get("status") == "True"
    wanted, done = int(spec.get("completions") or 1), int(status.get("succeeded") or 0)
    reason = "it is suspended" if spec.get("suspend") else f"{done} of {wanted} completions"
    owned = owned_by(thing, seen.pods)
    pods = [pod for pod in owned if not pod.leaving and pod.phase != "Succeeded"]
    verdict = verdict_on(
        thing,
        complete,
        reason,
        lasting=True,
        wanted=wanted,
        available=done,
        pods=() if complete else tuple(pods),
    )
    if verdict.ready:
        return verdict
    # Whether its pods may crash is the Job's own decision (backoffLimit, podFailurePolicy).
    causes = [each for each in pod_causes(pods, seen.events) if each.code != "CrashLoopBackOff"]
    causes += start_causes(owned)
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        told = one_line(str(failed.get("message") or "no message"))
        text = f"it has failed: {told} ({failed.get('reason')})"
        causes.insert(0, cause_of(thing, "failed", "JobFailed", text, patience=0.0))
    elif not pods and not spec.get("suspend"):
        causes.append(missing_cause(thing, pods, seen.events))
    return replace(verdict, causes=tuple(causes))


def cleaned_up_when_done(thing: Object) -> bool:
    """Whether this is a Job that has completed and says itself that it will be deleted: it stays done.

    https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
    """
    return (
        thing.get("kind") == "Job"
        and (thing.get("spec") or {}).get("ttlSecondsAfterFinished") is not None
        and conditions_of(thing).get("Complete", {}).get("status") == "True"
    )


def has_failed(thing: Object) -> bool:
    """Whether this is a Job that has failed for good."""
    return thing.get("kind") == "Job" and conditions_of(thing).get("Failed", {}).get("status") == "True"


_JUDGES = {
    "Deployment": deployment,
    "StatefulSet": stateful_set,
    "DaemonSet": daemon_set,
    "Job": _job,
    "Service": service,
}
