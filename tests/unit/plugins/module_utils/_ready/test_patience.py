from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import NEVER, Cause
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.patience import Patience
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import Pod, read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import Verdict

from .objects import pod, running

POD = read_pod(pod("shop-1-a"))
READY_AT = POD.ready_since or 0.0


def cause(
    key: str = "a", patience: float = 5.0, code: str = "ErrImagePull", look_after: float = NEVER
) -> Cause:
    return Cause("shop-1-a", key, code, "something", patience, look_after)


def verdict(*causes: Cause, ready: bool = False, **more: Any) -> Verdict:
    return Verdict("Deployment", "shop", "demo", "uid", ready, "a reason", causes=causes, **more)


READY = verdict(ready=True, pods=(POD,))


def test_a_cause_is_certain_when_it_has_stood_for_as_long_as_its_patience() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    assert patience.weigh([verdict(cause())], 100).certain == ()
    assert patience.weigh([verdict(cause())], 100).wake_at == 105
    assert patience.weigh([verdict(cause())], 104.9).certain == ()
    assert patience.weigh([verdict(cause())], 105).certain == (cause(),)


def test_a_cause_that_goes_away_starts_anew() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    patience.weigh([verdict(cause())], 100)
    patience.weigh([verdict()], 103)
    assert patience.weigh([verdict(cause())], 106).certain == ()
    assert patience.weigh([verdict(cause())], 111).certain == (cause(),)


def test_the_same_trouble_in_other_words_goes_on() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    patience.weigh([verdict(replace(cause(), text="first"))], 100)
    assert patience.weigh([verdict(replace(cause(), text="second"))], 105).certain


def test_what_can_always_pass_is_never_certain() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    patience.weigh([verdict(cause(patience=NEVER))], 0)
    outlook = patience.weigh([verdict(cause(patience=NEVER))], 1e9)
    assert (outlook.certain, outlook.wake_at) == ((), NEVER)


def test_without_fail_fast_only_what_is_final_ends_the_wait() -> None:
    patience = Patience(stable_for=0, fail_fast=False)
    causes = [cause("a"), cause("b", code="NotFound"), cause("c", code="JobFailed")]
    patience.weigh([verdict(*causes)], 0)
    assert [each.code for each in patience.weigh([verdict(*causes)], 60).certain] == ["NotFound", "JobFailed"]


def test_an_image_may_be_pushed_meanwhile() -> None:
    patience = Patience(stable_for=0, fail_fast=True, image_wait=60)
    missing, stuck = cause(), cause("b", 2.0, "ProgressDeadlineExceeded")
    assert patience.weigh([verdict(missing, stuck)], 100).wake_at == 160
    assert patience.weigh([verdict(missing, stuck)], 159.9).certain == ()
    assert patience.weigh([verdict(missing, stuck)], 160).certain == (missing, stuck)
    # It is there, and the rollout still stands still.
    assert patience.weigh([verdict(stuck)], 161).certain == (stuck,)


@pytest.mark.parametrize("code", ["InvalidImageName", "ErrImageNeverPull", "CrashLoopBackOff", "NotFound"])
def test_nothing_else_waits_for_a_push(code: str) -> None:
    patience = Patience(stable_for=0, fail_fast=True, image_wait=60)
    patience.weigh([verdict(cause(), cause("b", 2.0, code))], 100)
    assert [each.code for each in patience.weigh([verdict(cause(), cause("b", 2.0, code))], 102).certain] == [
        code
    ]


def test_events_are_asked_for_when_a_cause_has_stood_long_enough_for_that() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    creating = verdict(cause(patience=NEVER, look_after=8))
    first = patience.weigh([creating], 0)
    assert (first.look_at_events, first.wake_at) == (False, 8)
    assert patience.weigh([creating], 8).look_at_events


def test_all_must_be_ready_at_the_same_time() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    assert not patience.weigh([READY, verdict()], 0).ready
    assert patience.weigh([READY, READY], 1).ready
    assert not patience.weigh([], 2).ready


def test_readiness_must_last_without_a_change_of_its_pods() -> None:
    patience = Patience(stable_for=10, fail_fast=True)
    assert patience.weigh([READY], 0).wake_at == 10
    restarted = read_pod(pod("shop-1-a", running(restarts=1)))
    assert not patience.weigh([verdict(ready=True, pods=(restarted,))], 9).ready
    assert not patience.weigh([verdict(ready=True, pods=(restarted,))], 18).ready
    assert patience.weigh([verdict(ready=True, pods=(restarted,))], 19).ready


def test_readiness_that_was_lost_starts_anew() -> None:
    patience = Patience(stable_for=10, fail_fast=True)
    patience.weigh([READY], 0)
    patience.weigh([verdict()], 5)
    assert not patience.weigh([READY], 6).ready
    assert not patience.weigh([READY], 15).ready
    assert patience.weigh([READY], 16).ready


def test_a_change_between_two_looks_is_seen_by_its_time_stamp() -> None:
    patience = Patience(stable_for=10, fail_fast=True)
    patience.weigh([READY], 0)
    flapped = replace(POD, ready_since=READY_AT + 5)
    assert not patience.weigh([verdict(ready=True, pods=(flapped,))], 11).ready


def test_pods_that_have_been_ready_for_long_are_believed_at_once() -> None:
    assert Patience(10, True).weigh([READY], 0, READY_AT + 11).ready
    young = Patience(10, True).weigh([READY], 100, READY_AT + 5)
    # Both stamps are whole seconds, so that the pods may be a second younger than they look.
    assert (young.ready, young.wake_at) == (False, 106)


def test_what_an_earlier_wait_has_seen_counts_for_the_same_pods() -> None:
    first = Patience(0, True)
    first.weigh([READY], 100)
    assert first.steady is not None
    later = Patience(10, True, first.steady).weigh([READY], 104)
    assert (later.ready, later.wake_at) == (False, 110)
    assert Patience(10, True, first.steady).weigh([READY], 110).ready


@pytest.mark.parametrize(
    "changed",
    [
        replace(POD, uid="another"),
        replace(POD, ready_since=READY_AT + 1),
        read_pod(pod("shop-1-a", running(restarts=1))),
    ],
    ids=["replaced", "unready meanwhile", "restarted"],
)
def test_what_an_earlier_wait_has_seen_of_other_pods_does_not_count(changed: Pod) -> None:
    first = Patience(0, True)
    first.weigh([READY], 100)
    assert Patience(10, True, first.steady).weigh([verdict(ready=True, pods=(changed,))], 110).wake_at == 120


def test_time_stamps_do_not_make_what_an_earlier_wait_has_seen_older() -> None:
    first = Patience(0, True)
    first.weigh([READY], 100)
    assert Patience(10, True, first.steady).weigh([READY], 101, READY_AT + 60).wake_at == 110


@pytest.mark.parametrize("before", [[verdict()], [verdict(ready=True, pods=(replace(POD, uid="other"),))]])
def test_a_nodes_clock_that_is_behind_gives_no_credit_for_when_it_was_not_so(before: list[Verdict]) -> None:
    patience = Patience(10, True)
    patience.weigh(before, 99, READY_AT + 59)
    assert patience.weigh([READY], 100, READY_AT + 60).wake_at == 109


def test_a_cause_has_not_stood_while_nobody_could_see_it() -> None:
    patience = Patience(stable_for=0, fail_fast=True)
    patience.weigh([verdict(cause())], 100)
    patience.interrupt()
    assert patience.weigh([verdict(cause())], 130).certain == ()
    assert patience.weigh([verdict(cause())], 135).certain


def test_nothing_is_steady_that_is_not_ready() -> None:
    patience = Patience(0, True)
    patience.weigh([READY], 100)
    patience.weigh([verdict()], 101)
    assert patience.steady is None


def test_a_clock_that_is_behind_its_nodes_gives_no_credit() -> None:
    assert Patience(10, True).weigh([READY], 100, READY_AT - 500).wake_at == 110


def test_readiness_that_cannot_be_lost_need_not_last() -> None:
    assert Patience(10, True).weigh([verdict(ready=True, lasting=True)], 0).ready
    assert not Patience(10, True).weigh([verdict(ready=True, lasting=True), READY], 0).ready
