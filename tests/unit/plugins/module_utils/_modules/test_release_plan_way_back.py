# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a rollback is what a rollback then does, in every situation that these tests know."""

from __future__ import annotations

import base64
import copy
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import (
    Classic,
    ClassicRouter,
    judged,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.listener import ListenerSpec
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan_wish import ListenerWish
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ledger import (
    Event,
    contents,
    read_ledger,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import (
    PROVEN,
    REJECTED,
    Release,
    read_release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import facts_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Look
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import other

from ..routers import CERTIFICATE
from ..some_router import facts, route
from . import situations
from .plans import Cluster, deployment, endpoints, manifests, plan, service
from .situations import Objects

READS: dict[str, Any] = {"goal": "status", "commit": None, "manifests": None}
GOES: dict[str, Any] = {"goal": "rollback", "commit": None, "manifests": None, "locked": True}


def would(*objects: dict[str, Any], **more: Any) -> str:
    """Where a rollback would go, in the words of status."""
    told = plan(*objects, **READS, **more)["rollback"]
    if told["color"] is None:
        assert told["to"] is None
        return str(told["reason"])
    assert told["reason"] == ""
    return tells(told)


def does(*objects: dict[str, Any], **more: Any) -> str:
    """Where it goes, or what it is refused for, in the same words."""
    try:
        done = plan(*objects, **{**GOES, **more})
    except InputError as error:
        reason = re.sub("^There is nothing to roll back to on load balancer [a-z-]+: ", "", error.message)
        reason = reason.removesuffix(".")
        return reason if reason[1:2].isupper() else reason[:1].lower() + reason[1:]
    assert done["action"] in ("swap", "stage", "scale", "complete")
    where = done["commit"] or f"Service {done['to_service']}"
    return f"{where} on {done['color']}{', again' if done['action'] == 'stage' else ''}"


def swaps(router: ClassicRouter, color: str, described: tuple[int, ...]) -> None:
    """Raise what the swap to a color would refuse, and see that it brings the router in order."""
    listeners = tuple(ListenerSpec(port, "HTTP", "HTTP") for port in described)
    kind, wish = (
        Classic(),
        ListenerWish(color, listeners=listeners, claim="shop/8c1e", expect_live=router.live),
    )
    kind.check(router, wish)
    after = kind.plan(router, wish, router).after
    assert (after.live, after.drift) == (color, ())


WHICH = {"whole": situations.ALL, "cut-off-closed": situations.SOME}


@pytest.mark.parametrize("name", situations.BALANCERS)
def test_status_says_of_a_rollback_what_it_then_does(name: str) -> None:
    described = (443,) if name == "listener-missing" else ()
    seen = set()
    for ports in dict.fromkeys(((), described)):
        router = situations.front(name, *ports)
        for case, there in situations.clusters(WHICH.get(name, situations.FEW)):
            said = would(*there, router=facts_of(router))
            assert said == does(*there, router=facts_of(router)), case
            seen.add(said)
            color = said.rpartition(" on ")[2].partition(",")[0]
            if color in ("blue", "green"):
                swaps(router, color, ports)
    assert seen


@pytest.mark.parametrize(
    ("name", "goes"),
    [
        ("whole", "0012345 on green"),
        ("health-check-on-idle", "0012345 on green"),
        ("anothers", "load balancer shop is claimed by 'cart/8c1e'"),
        ("mixed", "the listeners of shop point at both colors"),
        ("tags-missing", "load balancer shop has no tag 'blue' and 'green'"),
        ("policy-missing-and-check", "HTTPS listener 443 of shop has no SSL negotiation policy"),
        ("cut-off-closed", "00abcde on blue"),
        ("under-way", "a swap of shop to green by ada@laptop has been under way"),
    ],
)
def test_what_is_said_of_routers(name: str, goes: str) -> None:
    there = (
        *situations.colors("blue", situations.NEW)["good"],
        *situations.colors("green", situations.OLD)["good"],
    )
    assert would(*there, router=facts_of(situations.front(name))).startswith(goes)


@pytest.mark.parametrize("take_over", [False, True])
def test_a_claim_that_is_taken_over_refuses_no_rollback(take_over: bool) -> None:
    there = deployment("blue", "00abcde"), service("blue"), deployment("green"), service("green")
    router = facts_of(situations.front("anothers"))
    said = would(*there, router=router, claim=take_over)
    assert said == does(*there, router=router, claim=take_over)
    assert (said == "0012345 on green") is take_over


@pytest.mark.parametrize(
    "given",
    [
        {"smoke": "preview", "preview_router": None},
        {"smoke": "preview", "preview_router": facts(routes=(route(80, "green"),))},
        {"smoke": "preview", "preview_router": facts(routes=(route(80, "blue"),))},
        {"ready_timeout": 0},
        {"unschedulable_grace": -1},
    ],
)
@pytest.mark.parametrize("green", ["good", "retired", "nothing"])
def test_what_else_a_rollback_would_be_refused_for_is_said(given: dict[str, Any], green: str) -> None:
    there = (
        *situations.colors("blue", situations.NEW)["good"],
        *situations.colors("green", situations.OLD)[green],
    )
    there = (*there, situations.history("three", "all"))
    router = facts_of(situations.front("whole"))
    assert would(*there, router=router, **given) == does(*there, router=router, **given)


def test_a_secret_that_is_gone_is_said_before_somebody_needs_the_way_back() -> None:
    there = deployment("blue", "00abcde"), service("blue"), situations.history("three", "with-a-secret")
    router = facts_of(situations.front("whole"))
    assert would(*there, router=router).startswith(
        "0012345 needs Secret keys-green of namespace store, which is gone"
    )
    keys = {"kind": "Secret", "metadata": {"name": "keys-green", "namespace": "store"}}
    assert would(*there, keys, router=router) == "0012345 on green, again"


# Every run says what the way back is then


NEWEST = "0099999"
RUNS: dict[str, dict[str, Any]] = {
    "deploy": {"commit": NEWEST, "manifests": manifests(NEWEST)},
    "deploy what is live": {"commit": situations.NEW, "manifests": manifests(situations.NEW)},
    "deploy what is idle": {"commit": situations.OLD, "manifests": manifests(situations.OLD)},
    "stage": {"commit": NEWEST, "manifests": manifests(NEWEST)},
    "stage what is idle": {"commit": situations.OLD, "manifests": manifests(situations.OLD)},
    "switch": {},
    "switch to what is idle": {"commit": situations.OLD},
    "rollback": {},
    "rollback to the oldest": {"commit": situations.OLDEST},
    "rollback to what is live": {"commit": situations.NEW},
    "repair": {},
    "repair onto blue": {"color": "blue"},
    "repair onto green": {"color": "green"},
    "retire": {},
}


# A repair sets the policy that is missing where it is described.
DESCRIBED = (ListenerSpec(443, "HTTPS", "HTTP", CERTIFICATE, ("tls-1-2",)),)


@dataclass
class World:
    """A router and a cluster in which a plan is carried out step by step, as the role's tasks do."""

    router: ClassicRouter
    objects: dict[tuple[str, str, str], dict[str, Any]]

    def carry_out(self, goal: str, found: dict[str, Any]) -> None:
        release = Release(found["commit"], found["manifest"]) if found["commit"] else None
        left = Release(**found["leaves"]) if found["leaves"] else None
        service = found["to_service"]
        color = found["color"]
        for thing in found["scale"]:
            self._scale(thing["name"], thing["replicas"])
        for step in found["steps"]:
            if step["do"] == "bring_up":
                for thing in found["objects"]:
                    self._put(thing)
            elif step["do"] == "mark" and release:
                self._note(color, PROVEN, release)
                self._write(Event("staged", "", "staged", release, color), found["keep"])
            elif step["do"] == "swap":
                kind = Classic()
                wish = ListenerWish(color, listeners=DESCRIBED, repair=goal == "repair", claim="shop/8c1e")
                kind.check(self.router, wish)
                self.router = kind.plan(self.router, wish, self.router).after
            elif step["do"] == "record":
                self._write(
                    Event(step["event"], "", "moved", release, color, left, service=service), found["keep"]
                )
                aside = other(color)
                if step["event"] == "rolled_back" and left and self._runs(aside, left):
                    self._note(aside, REJECTED, left)

    def _put(self, thing: dict[str, Any]) -> None:
        thing = copy.deepcopy(thing)
        thing["metadata"] |= {"namespace": "store", "generation": 1}
        notes = thing["metadata"].get("annotations") or {}
        thing["metadata"]["annotations"] = {name: text for name, text in notes.items() if text}
        self.objects[thing["kind"], "store", thing["metadata"]["name"]] = thing
        if thing["kind"] == "Deployment":
            self._scale(thing["metadata"]["name"], thing["spec"].get("replicas", 1))

    def _scale(self, name: str, replicas: int) -> None:
        thing = self.objects["Deployment", "store", name]
        counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
        thing["spec"]["replicas"] = replicas
        thing["status"] = {"observedGeneration": 1, **dict.fromkeys(counts, replicas)}

    def _note(self, color: str, mark: str, release: Release) -> None:
        notes = self.objects["Deployment", "store", f"shop-{color}"]["metadata"]["annotations"]
        notes[mark] = release.mark("2026-06-06T00:00:00+00:00")

    def _runs(self, color: str, release: Release) -> bool:
        thing = self.objects.get(("Deployment", "store", f"shop-{color}"))
        return thing is not None and read_release(thing) == release

    def _write(self, event: Event, keep: str | None) -> None:
        before = self.objects["ConfigMap", "store", "shop-releases"]
        ledger = read_ledger(before).with_event(event)
        kept = {event.release: base64.b64decode(keep)} if keep and event.release else {}
        body = contents(replace(ledger, kept={**ledger.kept, **kept}))
        self.objects["ConfigMap", "store", "shop-releases"] = before | body


def tells(told: dict[str, Any]) -> str:
    if told["color"] is None:
        return str(told["reason"])
    where = told["to"] or f"Service {told['service']}"
    return f"{where} on {told['color']}{', again' if told['redeploy'] else ''}"


@pytest.mark.parametrize("run", RUNS)
def test_the_way_back_that_a_run_tells_is_what_status_says_after_it(run: str) -> None:
    goal, actions = run.split()[0], set()
    asked = {"commit": None, "manifests": None, **RUNS[run]}
    for name in situations.WORKABLE:
        router = situations.front(name)
        for case, there in situations.clusters(
            situations.SOME if (name, goal) == ("whole", run) else situations.FEW
        ):
            objects = copy.deepcopy(there)
            keyed = {
                (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): each
                for each in objects
            }
            world = World(router, keyed)
            try:
                found = plan(*there, router=facts_of(router), goal=goal, **asked)
            except InputError:
                continue
            actions.add(found["action"])
            if found["action"] in ("resolve", "wait"):
                assert found["rollback"] is None
                continue
            world.carry_out(goal, found)
            assert tells(found["rollback"]) == would(
                *world.objects.values(), router=facts_of(world.router)
            ), f"{name}, {case}, {found['action']}"
    assert actions


def test_a_run_that_scales_the_idle_color_to_zero_does_not_go_back_to_what_is_live() -> None:
    there = deployment("blue", "00abcde"), service("blue"), deployment("green"), service("green")
    told = plan(*there, goal="retire", commit=None, manifests=None)["rollback"]
    assert (told["to"], told["color"], told["reason"]) == ("0012345", "green", "")


def test_what_was_only_staged_is_no_way_back() -> None:
    there = deployment("blue", "00abcde"), service("blue")
    told = plan(*there, goal="stage", commit=NEWEST, manifests=manifests(NEWEST))["rollback"]
    assert told["reason"] == "green runs 0099999, which was staged and has never served"


def test_the_preview_that_a_way_back_is_asked_through_turns_with_the_swap() -> None:
    shows = facts(routes=(route(80, "blue"), route(8081, "green", preview=True)))
    apart = facts("green", routes=(route(80, "green"),)) | {"name": "shop-preview"}
    there = deployment("blue"), service("blue")
    for router, preview in ((shows, shows), (facts(), apart)):
        found = plan(*there, router=router, smoke="preview", preview_router=preview)
        assert tells(found["rollback"]) == "0012345 on blue"


# What was there before the first deploy

LEGACY = service("blue", "legacy", "web")
ADOPTED = (LEGACY, endpoints(LEGACY))
FIRST = situations.history("adopted", "all")
NEW_ON_GREEN = (deployment("green", situations.NEW), service("green"))
ON_GREEN = facts("green")
TO_LEGACY = "Service legacy/web on blue"


@pytest.mark.parametrize(
    ("there", "goes"),
    [
        (ADOPTED, TO_LEGACY),
        ((LEGACY, endpoints(LEGACY, ready=False)), "node port of blue is held by Service legacy/web"),
        ((LEGACY,), "node port of blue is held by Service legacy/web"),
        (situations.colors("blue", situations.OLD)["adopted-by-its-name"], "Service store/shop-blue on blue"),
        ((service("blue"),), "no good release served before 00abcde; blue has no Deployment"),
    ],
)
def test_a_rollback_goes_to_what_the_first_deploy_took_over_from(there: Objects, goes: str) -> None:
    for first in (FIRST, situations.history("empty", "nothing")):
        said = would(*there, *NEW_ON_GREEN, first, router=ON_GREEN)
        assert said == does(*there, *NEW_ON_GREEN, first, router=ON_GREEN)
        assert said == goes or first is not FIRST


def test_who_may_not_see_what_is_behind_it_has_it_proven_when_it_is_gone_back_to() -> None:
    class Blind(Cluster):
        def list(self, api_version: str, kind: str, *where: Any) -> Any:
            if kind == "EndpointSlice":
                raise ClusterError("Forbidden.", status=403)
            return super().list(api_version, kind, *where)

    assert would(cluster=Blind(LEGACY, *NEW_ON_GREEN, FIRST), router=ON_GREEN) == TO_LEGACY
    own = situations.colors("blue", situations.OLD)["adopted-by-its-name"]
    assert "not put there by a deploy" in would(cluster=Blind(*own, *NEW_ON_GREEN, FIRST), router=ON_GREEN)


def test_it_is_proven_by_its_endpoints_and_written_down_without_a_commit() -> None:
    found = plan(*ADOPTED, *NEW_ON_GREEN, FIRST, router=ON_GREEN, **GOES)
    assert (found["commit"], found["manifest"], found["to_service"]) == (None, None, "legacy/web")
    assert found["lasting"] == [{"kind": "Service", "name": "web", "namespace": "legacy"}]
    done = ["settle", "announce", "swap", "record"]
    assert [step["do"] for step in found["steps"]] == done
    assert found["leaves"]["commit"] == situations.NEW
    assert tells(found["rollback"]) == "green runs 00abcde, which a rollback has left before"


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ({}, "green runs 00abcde, which a rollback has left before"),
        ({"commit": situations.NEW}, "00abcde on green"),
        (
            {"commit": NEWEST},
            "0099999 is not known; green runs 00abcde, and the ledger keeps 0000001, 0012345, 00abcde",
        ),
    ],
)
def test_after_that_only_a_commit_that_is_named_is_gone_to(asked: dict[str, Any], goes: str) -> None:
    green = (situations.rejected(deployment("green", situations.NEW), situations.NEW), service("green"))
    history = situations.history("back-to-a-service", "all")
    assert does(*ADOPTED, *green, history, router=facts("blue"), **asked) == goes


def test_a_commit_is_never_a_service() -> None:
    said = does(*ADOPTED, *NEW_ON_GREEN, FIRST, router=ON_GREEN, commit=situations.OLD)
    assert said == (
        "node port of blue is held by Service legacy/web, which a rollback goes to that is given no commit"
    )


def test_a_service_that_came_to_a_node_port_of_ours_is_no_way_back() -> None:
    assert would(*ADOPTED, *NEW_ON_GREEN, situations.history("three", "all"), router=ON_GREEN) == (
        "node port of blue is held by Service legacy/web"
    )


def test_the_first_deploy_tells_the_service_that_it_takes_over_from() -> None:
    assert tells(plan(*ADOPTED)["rollback"]) == TO_LEGACY


def test_going_back_to_a_service_that_was_cut_off_is_only_written_down() -> None:
    history = situations.history("announced-to-a-service", "all")
    found = plan(*ADOPTED, *NEW_ON_GREEN, history, router=facts("blue"), **GOES)
    assert (found["action"], found["to_service"], found["leaves"]["commit"]) == (
        "complete",
        "legacy/web-blue",
        situations.NEW,
    )


def test_the_history_tells_the_service() -> None:
    found = plan(
        LEGACY, *NEW_ON_GREEN, situations.history("back-to-a-service", "all"), router=ON_GREEN, **READS
    )
    assert [row["commit"] for row in found["history"]] == ["Service legacy/web-blue", "00abcde"]


# Which color is live cannot be told


def two_ports(color: str) -> dict[str, Any]:
    ports = {"blue": (30081, 30083), "green": (30082, 30084)}[color]
    listed = [{"port": port, "nodePort": node_port} for port, node_port in zip((80, 443), ports, strict=True)]
    return service(color) | {"spec": {"ports": listed}}


@pytest.mark.parametrize(
    ("tags", "there", "written"),
    [
        ({"green": "30082"}, (service("blue"), service("green")), "Key=blue,Value=30081"),
        ({}, (service("blue"), service("green")), "Key=blue,Value=30081 Key=green,Value=30082"),
        ({}, (service("blue"),), "Key=blue,Value=30081 'Key=green,Value=<node port of green>'"),
        ({"blue": "x", "green": "30082"}, (service("blue"),), "Key=blue,Value=30081"),
        (dict.fromkeys(("blue", "green"), "30081"), (service("green"),),
         "'Key=blue,Value=<node port of blue>' Key=green,Value=30082"),
        ({}, (two_ports("blue"), two_ports("green")),
         "'Key=blue,Value=80=30081 443=30083' 'Key=green,Value=80=30082 443=30084'"),
    ],
)  # fmt: skip
def test_what_a_missing_tag_hides_is_told_with_the_command_that_writes_it(
    tags: dict[str, str], there: Objects, written: str
) -> None:
    lb = situations.balancer(situations.http(80, 30081), situations.https(443, 30083), tags=tags)
    [drift] = plan(*there, **READS, router=facts_of(judged(lb, Look(), 0.0)))["drift"]
    assert drift["code"] == "live_unknown"
    assert (
        "which color is live cannot be told from shop, which leads from 80 to 30081, 443 to 30083"
        in drift["message"]
    )
    assert drift["next"] == f"aws elb add-tags --load-balancer-names shop --tags {written}"


@pytest.mark.parametrize("name", ["whole", "mixed", "no-listener", "cut-off-closed", "preview-tag-invalid"])
def test_what_can_be_told_needs_no_tag(name: str) -> None:
    found = plan(service("blue"), service("green"), **READS, router=facts_of(situations.front(name)))
    assert "live_unknown" not in [each["code"] for each in found["drift"]]
