from __future__ import annotations

import base64
import gzip
import time
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import Event, Ledger, contents
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import freed
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    MANIFEST,
    ORDER,
    REJECTED,
    Release,
)

from ..some_router import cut_off, facts, facts_of, mended, open_swap
from .plans import HASHES, Cluster, deployment, manifests, names, plan, service


def test_a_rollback_goes_to_idle_and_leaves_live_behind() -> None:
    found = plan(
        deployment("blue", "00abcde"),
        service("blue"),
        deployment("green"),
        service("green"),
        goal="rollback",
        commit="",
        manifests=None,
    )
    assert (found["action"], found["color"], found["commit"]) == ("swap", "green", "0012345")
    assert found["manifest"] == HASHES["0012345"]
    assert found["rollback"]["reason"] == (
        "no good release served before 0012345; blue runs 00abcde, which a rollback has left before"
    )


def ledger(*events: Event, kept: dict[Release, str] | None = None) -> dict[str, Any]:
    blobs = {release: base64.b64decode(text) for release, text in (kept or {}).items()}
    body = contents(Ledger(events, blobs))
    return {"kind": "ConfigMap", "metadata": {"name": "shop-releases", "namespace": "store"}, **body}


OLD, NEW = (Release(commit, HASHES[commit]) for commit in ("0012345", "00abcde"))


def moved(release: Release, left: Release | None = None, event: str = "swapped") -> Event:
    return Event(event, "2026-01-02T03:04:05+00:00", f"{event}-{release.commit}", release, "blue", left, {})


def kept(commit: str = "0012345") -> dict[Release, str]:
    text = plan(commit=commit, manifests=manifests(commit))["keep"]
    return {Release(commit, HASHES[commit]): text}


def test_a_rollback_brings_the_last_good_release_up_again_from_the_ledger() -> None:
    found = plan(
        deployment("blue", "00abcde"),
        service("blue"),
        ledger(moved(OLD), moved(NEW, OLD), kept=kept()),
        goal="rollback",
        commit="",
        manifests=None,
    )
    assert (found["action"], found["color"], found["commit"]) == ("stage", "green", "0012345")
    assert names(found) == ["Deployment/shop-green", "Service/shop-green"]
    [container] = found["objects"][0]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop:0012345"
    assert found["objects"][0]["metadata"]["annotations"] == {MANIFEST: HASHES["0012345"]}
    assert found["keep"] is None
    assert found["warnings"] == []


def test_a_rollback_that_was_cut_off_behind_its_swap_says_what_it_had_left() -> None:
    """Blue serves the old release again, and only the beginning of that rollback is written down."""
    found = plan(
        deployment("blue"),
        service("blue"),
        deployment("green", "00abcde"),
        service("green"),
        ledger(moved(OLD), moved(NEW, OLD), moved(OLD, NEW, "rollback")),
        goal="rollback",
        commit="",
        manifests=None,
    )
    assert (found["action"], found["color"], found["commit"]) == ("complete", "blue", "0012345")
    assert found["leaves"] == {"commit": NEW.commit, "manifest": NEW.manifest}
    assert [step["do"] for step in found["steps"]] == ["record"]


def test_an_old_commit_comes_back_as_it_was_and_says_so() -> None:
    today = {
        color: text.replace("replicas: 2", "replicas: 5") for color, text in manifests("0012345").items()
    }
    found = plan(
        deployment("blue", "00abcde"),
        service("blue"),
        ledger(moved(OLD), moved(NEW, OLD), kept=kept()),
        commit="0012345",
        manifests=today,
    )
    assert (found["action"], found["manifest"]) == ("stage", HASHES["0012345"])
    assert found["objects"][0]["spec"]["replicas"] == 2
    assert found["rendered"] not in (None, HASHES["0012345"])
    assert found["warnings"] == [
        "0012345 is brought back as it was, not as its manifests are rendered today."
    ]


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys-COLOR}\ndata: {a: aHVudGVyMg==}\n---"


def test_secrets_are_not_kept_and_must_be_there() -> None:
    texts = {color: SECRET.replace("COLOR", color) + text for color, text in manifests("0012345").items()}
    secret = plan(commit="0012345", manifests=texts)
    assert b"aHVudGVyMg" not in gzip.decompress(base64.b64decode(secret["keep"]))
    release = Release("0012345", secret["manifest"])
    there = [
        deployment("blue", "00abcde"),
        service("blue"),
        ledger(moved(release), moved(NEW, release), kept={release: secret["keep"]}),
    ]
    back: dict[str, Any] = {"goal": "rollback", "commit": "", "manifests": None}
    with pytest.raises(InputError, match="needs Secret keys-green of namespace store, which is gone"):
        plan(*there, **back)
    keys = {"kind": "Secret", "metadata": {"name": "keys-green", "namespace": "store"}}
    assert plan(*there, keys, **back)["warnings"] == [
        "Secret keys-green is not kept in the ledger: 0012345 gets it as it is now."
    ]


def test_what_is_damaged_in_the_ledger_is_told() -> None:
    broken = ledger(moved(OLD), moved(NEW, OLD), kept={OLD: base64.b64encode(b"x").decode()})
    with pytest.raises(InputError, match="What the ledger keeps of 0012345 is damaged"):
        plan(
            deployment("blue", "00abcde"), service("blue"), broken, goal="rollback", commit="", manifests=None
        )
    broken["data"]["events"] += "{\n"
    status = plan(broken, goal="status", commit=None, manifests=None)
    assert status["warnings"] == ["1 entries of ConfigMap shop-releases cannot be read."]


def test_the_history_is_told_with_what_is_live() -> None:
    found = plan(
        deployment("blue", "00abcde"),
        service("blue"),
        ledger(moved(OLD), moved(NEW, OLD), kept=kept()),
        goal="list",
        commit=None,
        manifests=None,
    )
    assert [(row["commit"], row["live"], row["rollback"], row["kept"]) for row in found["history"]] == [
        ("00abcde", True, False, False),
        ("0012345", False, True, True),
    ]


def test_a_swap_that_is_under_way_is_waited_for_by_who_does_not_hold_the_lock() -> None:
    under_way = open_swap(living=True)
    router = facts(open_swap=under_way, drift=mended("swap_interrupted", "repair"))
    blue = deployment("blue", "00abcde"), service("blue")
    found = plan(*blue, router=router, goal="rollback", commit="", manifests=None)
    assert found["action"] == "wait"
    assert found["leaving"] == {"commit": "00abcde", "manifest": HASHES["00abcde"]}
    with pytest.raises(InputError, match="swap_interrupted"):
        plan(*blue, router=router, goal="rollback", commit="", manifests=None, locked=True)


@pytest.mark.parametrize(
    ("leaving", "action"),
    [
        ({"commit": "00abcde", "manifest": HASHES["00abcde"]}, "swap"),
        ({"commit": "00abcde", "manifest": None}, "swap"),
        ({"commit": "0099999", "manifest": None}, "unchanged"),
        ({"commit": "00abcde", "manifest": "other"}, "unchanged"),
    ],
)
def test_a_rollback_leaves_what_it_was_asked_to_leave(leaving: dict[str, Any], action: str) -> None:
    there = deployment("blue", "00abcde"), service("blue"), deployment("green"), service("green")
    assert plan(*there, goal="rollback", commit="", manifests=None, leaving=leaving)["action"] == action


def test_a_lock_that_was_held_after_the_router_was_read_is_not_as_it_was_seen() -> None:
    """Somebody may have swapped between the two reads; what is idle here may be live by now."""
    lease = freed({"metadata": {"resourceVersion": "7"}, "spec": {}}, "shop-lock", Cluster().now() - 20)
    lease["metadata"] |= {"name": "shop-lock", "namespace": "store"}
    assert plan(lease, since=time.time() - 5)["lock_version"] == "7"
    assert plan(lease, since=time.time() - 60)["lock_version"] == "0"
    assert plan(since=time.time() - 5)["lock_version"] == ""


def with_order(order: str, release: Release = NEW) -> Event:
    return replace(moved(release, OLD), details={"order": order})


@pytest.mark.parametrize(
    ("noted", "events", "changes", "told"),
    [
        ("1207", [], {"order": "1201"}, "0099999 has order 1201, but 00abcde with order 1207 is live"),
        ("1207", [], {"order": "1201", "goal": "stage"}, "with order 1207 is live"),
        ("1207", [with_order("1300")], {"order": "1250"}, "with order 1300 is live"),
        ("2026-11-30T17:00:00Z", [], {"order": "1201"}, "cannot be compared"),
        ("", [], {"order": "last"}, "bluegreen_order is 'last'"),
        ("1207", [], {"order": "1207"}, ""),
        ("1207", [], {"order": ""}, ""),
        ("1207", [], {"order": "any"}, ""),
        ("", [], {"order": "1"}, ""),
        ("1207", [], {"order": "1201", "goal": "rollback", "commit": "0012345", "manifests": None}, ""),
    ],
)
def test_an_older_commit_overtakes_no_newer_one(
    noted: str, events: list[Event], changes: dict[str, Any], told: str
) -> None:
    live = deployment("blue", "00abcde")
    live["metadata"]["annotations"] |= {ORDER: noted} if noted else {}
    there = live, service("blue"), deployment("green"), service("green"), ledger(*events)
    asked = {"commit": "0099999", "manifests": manifests("0099999")} | changes
    if told:
        with pytest.raises(InputError, match=told):
            plan(*there, **asked)
    else:
        assert plan(*there, **asked)["action"] in ("stage", "swap")


def test_the_order_is_noted_on_the_release_and_for_the_ledger() -> None:
    there = deployment("blue"), service("blue")
    found = plan(*there, order="1207")
    assert (found["order"], found["objects"][0]["metadata"]["annotations"][ORDER]) == ("1207", "1207")
    assert ORDER not in found["objects"][1]["metadata"].get("annotations", {})
    assert found["manifest"] == plan(*there)["manifest"]
    without = plan(*there, order="any")
    assert (without["order"], ORDER in str(without["objects"])) == (None, False)
    # What is live already may be asked for again, by however old a pipeline.
    live = deployment("blue", "00abcde")
    live["metadata"]["annotations"][ORDER] = "1207"
    again = plan(live, service("blue"), order="7")
    assert (again["action"], again["releases"]["blue"]["order"]) == ("unchanged", "1207")


def test_a_way_back_keeps_the_order_that_the_release_had() -> None:
    events = with_order("1190", OLD), moved(NEW, OLD)
    there = deployment("blue", "00abcde"), service("blue"), ledger(*events, kept=kept())
    found = plan(*there, goal="rollback", commit="", manifests=None)
    assert found["action"] == "stage"
    assert (found["order"], found["objects"][0]["metadata"]["annotations"][ORDER]) == ("1190", "1190")


BACK = replace(moved(OLD, NEW, "rolled_back"), details={"hold": True}, by={"user": "ada", "host": "laptop"})
ON_BLUE = deployment("blue"), service("blue"), deployment("green", "00abcde"), service("green")
ON_BLUE[2]["metadata"]["annotations"][REJECTED] = NEW.mark("later")
HELD = {"by": "ada@laptop", "at": "2026-01-02T03:04:05+00:00", "from": "00abcde", "to": "0012345"}
THIRD = {"commit": "0099999", "manifests": manifests("0099999")}


@pytest.mark.parametrize("goal", ["deploy", "stage"])
def test_a_rollback_holds_what_would_be_brought_up_next(goal: str) -> None:
    there = *ON_BLUE, ledger(BACK)
    for asked in ({"commit": "00abcde"}, {"commit": "00abcde", "release_hold": True}, THIRD):
        with pytest.raises(InputError, match="on hold: ada@laptop went back from 00abcde to 0012345"):
            plan(*there, goal=goal, **asked)
    assert plan(*there, goal=goal, release_hold=True, **THIRD)["action"] == "stage"
    assert plan(*ON_BLUE, ledger(BACK, moved(OLD, None, "released")), goal=goal, **THIRD)["action"] == "stage"


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"commit": "0012345", "manifests": manifests("0012345")}, "unchanged"),
        ({"goal": "switch", "commit": "0012345"}, "unchanged"),
        ({"goal": "rollback", "commit": "00abcde"}, "swap"),
        ({"goal": "retire"}, "retire"),
        ({"goal": "repair"}, "unchanged"),
    ],
)
@pytest.mark.parametrize("frozen", ["", "the sale"])
def test_a_hold_and_a_freeze_leave_ways_back_and_nothing_to_do_alone(
    changes: dict[str, Any], action: str, frozen: str
) -> None:
    asked = {"commit": None, "manifests": None, "frozen": frozen} | changes
    assert plan(*ON_BLUE, ledger(BACK), **asked)["action"] == action


def test_a_hold_is_told_and_released() -> None:
    asked: dict[str, Any] = {"commit": None, "manifests": None}
    status = plan(*ON_BLUE, ledger(BACK), goal="status", frozen="the sale", **asked)
    assert (status["hold"], status["frozen"]) == (HELD, "the sale")
    odd = facts(drift=mended("mixed"))
    found = plan(*ON_BLUE, ledger(BACK), goal="release", router=odd, smoke="preview", **asked)
    assert (found["action"], found["color"], found["commit"], found["steps"]) == (
        "release", "blue", "0012345", [{"do": "release"}],
    )  # fmt: skip
    nothing = plan(*ON_BLUE, goal="release", frozen="False", **asked)
    assert (nothing["action"], nothing["reason"]) == ("unchanged", "nothing is on hold")
    assert (nothing["hold"], nothing["frozen"]) == (None, "")


def test_a_rollback_says_whether_it_holds() -> None:
    there = deployment("blue", "00abcde"), service("blue"), deployment("green"), service("green")
    back = {"goal": "rollback", "commit": "", "manifests": None}
    assert [plan(*there, **back, hold_after_rollback=each)["holds"] for each in (False, True)] == [
        False,
        True,
    ]
    assert plan(*there, hold_after_rollback=True)["holds"] is False


@pytest.mark.parametrize("goal", ["deploy", "stage", "switch"])
def test_what_is_frozen_wants_a_reason(goal: str) -> None:
    there = deployment("blue"), service("blue"), deployment("green", "00abcde"), service("green")
    commit = "00abcde" if goal == "switch" else "0099999"
    asked = {"goal": goal, "commit": commit, "manifests": manifests(commit) if goal != "switch" else None}
    with pytest.raises(InputError, match="frozen: the sale"):
        plan(*there, **asked, frozen="the sale")
    assert plan(*there, **asked, frozen="the sale", thaw="no login")["thaw"] == "no login"
    assert plan(*there, **asked, thaw="no login")["thaw"] is None


def test_a_port_that_is_closed_waits_for_no_permission() -> None:
    router = facts_of(cut_off("green"))
    there = (
        deployment("blue"),
        service("blue"),
        deployment("green", "00abcde"),
        service("green"),
        ledger(BACK),
    )
    assert plan(*there, router=router, frozen="the sale")["action"] == "swap"
