from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, SETTLE
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import read_event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Seen, Verdict
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import by_condition, judge

from .objects import Object, endpoints_of, event, pod, running, terminated, waiting, workload

COMPLETE = {"type": "Complete", "status": "True"}
FAILED = {
    "type": "Failed",
    "status": "True",
    "reason": "BackoffLimitExceeded",
    "message": "Job has reached the specified backoff limit",
}


def job(spec: Object | None = None, **status: object) -> Object:
    return workload("Job", {"completions": 1, **(spec or {})}, status)


def of_job(*containers: Object, **more: object) -> Object:
    spec = {"restartPolicy": "Never"}
    return pod("shop-x", *containers, owner=("Job", "shop", "uid-Job"), spec=spec, **more)  # type: ignore[arg-type]


def judged(
    thing: Object, *pods: Object, events: list[Object] | None = None, slices: list[Object] | None = None
) -> Verdict:
    read = None if events is None else [read_event(each) for each in events]
    return judge(thing, Seen(pods=[read_pod(each) for each in pods], events=read, slices=slices or []))


def test_a_job_is_ready_when_it_is_complete_and_stays_so() -> None:
    verdict = judged(job(conditions=[COMPLETE], succeeded=1), of_job(terminated(exitCode=0), ready=False))
    assert (verdict.ready, verdict.lasting, verdict.reason) == (True, True, "1 of 1 completions")


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (job(active=1), "0 of 1 completions"),
        (job({"completions": 5}, succeeded=4), "4 of 5 completions"),
        (job({"suspend": True}), "it is suspended"),
        (job(conditions=[{"type": "Complete", "status": "False"}]), "0 of 1 completions"),
    ],
)
def test_a_job_that_is_not_complete_says_how_far_it_is(thing: Object, reason: str) -> None:
    verdict = judged(thing)
    assert (verdict.ready, verdict.reason) == (False, reason)


def test_a_job_that_has_failed_is_certain_at_once_and_keeps_its_pods_for_their_logs() -> None:
    verdict = judged(job(conditions=[FAILED]), of_job(terminated(), status={"phase": "Failed"}))
    told = "shop: it has failed: Job has reached the specified backoff limit (BackoffLimitExceeded)"
    assert verdict.causes[0].told == told
    assert verdict.causes[0].patience == 0
    assert [each.name for each in verdict.pods] == ["shop-x"]


def test_a_jobs_crashes_are_its_own_decision_and_its_image_is_not() -> None:
    assert judged(job(), of_job(waiting("CrashLoopBackOff", restarts=3))).causes == ()
    (cause,) = judged(job(), of_job(waiting("ErrImagePull", "not found"))).causes
    assert cause.code == "ErrImagePull"


NOT_STARTED = {
    "startedAt": "1970-01-01T00:00:00Z",
    "reason": "StartError",
    "exitCode": 128,
    "message": 'exec: "migrate": executable file not found in $PATH',
}
ENDED = {"phase": "Failed"}


def test_a_job_whose_container_cannot_be_started_does_not_get_further_by_another_pod() -> None:
    pods = [
        pod(
            name,
            terminated(**NOT_STARTED),
            owner=("Job", "shop", "uid-Job"),
            spec={"restartPolicy": "Never"},
            status=ENDED,
        )
        for name in ("shop-x", "shop-y")
    ]
    causes = judged(job(failed=2), *pods, events=[]).causes
    assert [(each.subject, each.code, each.patience) for each in causes[:2]] == [
        ("shop-x", "StartError", SETTLE),
        ("shop-y", "StartError", SETTLE),
    ]


@pytest.mark.parametrize(
    "status", [{"phase": "Running"}, {"phase": "Pending"}, {"phase": "Succeeded"}, {"phase": "Failed"}]
)
def test_another_pod_of_the_job_that_got_further_is_waited_for(status: Object) -> None:
    first = of_job(terminated(**NOT_STARTED), status=ENDED)
    ended = status["phase"] in ("Succeeded", "Failed")
    other = pod(
        "shop-y", terminated() if ended else running(), owner=("Job", "shop", "uid-Job"), status=status
    )
    codes = [each.code for each in judged(job({"completions": 2}), first, other).causes]
    assert ("StartError" in codes) is (status["phase"] == "Failed")


def test_a_job_that_starts_its_container_again_itself_gets_a_second_chance() -> None:
    def certain(restarts: int) -> bool:
        status = waiting("CrashLoopBackOff", restarts=restarts)
        status["lastState"] = {"terminated": NOT_STARTED}
        tried = pod("shop-x", status, owner=("Job", "shop", "uid-Job"), spec={"restartPolicy": "OnFailure"})
        return "StartError" in [each.code for each in judged(job(), tried).causes]

    assert (certain(restarts=0), certain(restarts=1)) == (False, True)


def test_a_job_that_may_not_make_its_pod_says_so() -> None:
    (missing,) = judged(job()).causes
    assert (missing.code, missing.patience) == ("PodsMissing", NEVER)
    refused = event(
        "uid-Job", "FailedCreate", 'Error creating: pods "shop-y" is forbidden: exceeded quota: one'
    )
    (cause,) = judged(job(), events=[refused]).causes
    assert cause.told == "shop: its pods are refused: exceeded quota: one (FailedCreate)"


def service(**spec: object) -> Object:
    return workload("Service", {"selector": {"app": "shop"}, **spec})


@pytest.mark.parametrize(
    ("slices", "ready", "reason"),
    [
        ([endpoints_of("shop", True, False)], True, "1 of 2 endpoints are ready"),
        ([endpoints_of("shop", None)], True, "1 of 1 endpoints are ready"),
        ([endpoints_of("shop", False), endpoints_of("shop")], True, "1 of 2 endpoints are ready"),
        ([endpoints_of("shop", False)], False, "0 of 1 endpoints are ready"),
        ([endpoints_of("other")], False, "it has no endpoints"),
    ],
)
def test_a_service_is_ready_when_one_endpoint_is(slices: list[Object], ready: bool, reason: str) -> None:
    verdict = judged(service(), pod(), slices=slices)
    assert (verdict.ready, verdict.reason) == (ready, reason)


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        (service(), "its selector matches no pod"),
        (service(selector=None), "it has no endpoints"),
        (service(type="ExternalName", selector=None), "it is an ExternalName and has no endpoints"),
    ],
)
def test_a_service_without_endpoints_says_why(thing: Object, reason: str) -> None:
    assert judged(thing, slices=[]).reason == reason


def test_a_service_shows_the_pods_behind_it() -> None:
    other = pod("web-a", labels={"app": "web"})
    verdict = judged(service(), pod("shop-a", running(ready=False)), other, slices=[])
    assert [each.name for each in verdict.pods] == ["shop-a"]


def test_any_kind_is_ready_when_its_condition_holds() -> None:
    thing = {"kind": "Certificate", "metadata": {"name": "shop", "namespace": "demo"}}
    assert by_condition(thing, True, "status.ok").ready
    verdict = by_condition(thing, False, "status.ok")
    assert (verdict.ready, verdict.reason) == (False, "condition status.ok does not hold")
