# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every kind of router, and that nothing above the kinds knows which one it has."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from balancers import CHECK, arguments, listener, make
from kinds import memory
from shop import Finished, Shop, color_of

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import (
    elb_color_facts,
    elb_listener_swap,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import KINDS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.facts import router_of
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Router
from ansible_collections.octoblu.bluegreen.plugins.modules.elb_color_facts import MODULE as FACTS
from ansible_collections.octoblu.bluegreen.plugins.modules.elb_listener_swap import MODULE as SWAP


@dataclass(frozen=True)
class Front:
    """A router of some kind that leads to green, read and swapped as the modules do."""

    kind: str
    name: str

    def facts(self, name: str = "") -> dict[str, Any]:
        params = arguments(FACTS, {"name": [name or self.name]}) | {"type": self.kind}
        result = elb_color_facts.run(params, False, FACTS.connect(params), lambda line: None)
        entry: dict[str, Any] = json.loads(json.dumps(result["load_balancers"]))[name or self.name]
        return entry

    def read(self) -> Router:
        return router_of(self.facts())

    def swap(self, color: str, check_mode: bool = False, **wish: Any) -> dict[str, Any]:
        params = arguments(SWAP, {"name": self.name, "color": color, **wish}) | {"type": self.kind}
        result = elb_listener_swap.run(params, check_mode, SWAP.connect(params), lambda line: None)
        told: dict[str, Any] = json.loads(json.dumps(result))
        return told


@pytest.fixture(params=["classic", memory.NAME])
def front(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    if request.param == memory.NAME:
        monkeypatch.setitem(KINDS, memory.NAME, memory.Memory())
        monkeypatch.setenv("MEMORY_ROUTERS", str(tmp_path))
        memory.make(tmp_path, "front")
        yield Front(memory.NAME, "front")
        return
    elb, zones = request.getfixturevalue("elb"), request.getfixturevalue("zones")
    on_green = CHECK | {"Target": "TCP:30082"}
    balancer = make(elb, [listener(8080, 30082), listener(8443, 30082)], zones, check=on_green)
    yield Front(request.param, balancer.name)
    balancer.delete()


def test_every_kind_is_held_to_this() -> None:
    assert set(KINDS) == {"classic"}


def test_a_router_is_told_in_words_that_hold_for_every_kind(front: Front) -> None:
    router, facts = front.read(), front.facts()
    assert (router.name, router.type, router.live, router.idle) == (front.name, front.kind, "green", "blue")
    assert (router.drift, router.open_swap, router.claim) == ((), None, None)
    assert set(router.targets) == {"blue", "green"}
    assert all(target.words for target in router.targets.values())
    assert [route.color for route in router.routes] == ["green"] * len(router.routes)
    assert router.serves
    assert set(KINDS[front.kind].changing) <= facts.keys()


def test_a_router_that_is_not_there_is_named(front: Front) -> None:
    with pytest.raises(InputError, match="no-such-router"):
        front.facts("no-such-router")


def test_a_swap_goes_where_it_was_predicted_to_and_a_second_one_changes_nothing(front: Front) -> None:
    before = front.read()
    predicted = front.swap("blue", check_mode=True, claim="shop/1")
    assert front.read() == before
    swapped = front.swap("blue", claim="shop/1")
    after = front.read()
    assert router_of(swapped["before"]) == before
    assert router_of(swapped["after"]) == router_of(predicted["after"]) == after
    assert (after.live, after.idle, after.claim) == ("blue", "green", "shop/1")
    assert after.fingerprint != before.fingerprint
    assert predicted["steps"] == swapped["steps"] != []
    assert all(step.keys() == {"call", "what", "undo"} for step in swapped["steps"])
    again = front.swap("blue", claim="shop/1")
    assert (again["changed"], again["steps"], again["diff"]["before"]) == (False, [], again["diff"]["after"])


def test_what_was_closed_is_told_and_only_where_the_kind_has_a_gap(front: Front) -> None:
    router = front.read()
    closed = front.swap("blue")["gap_ms"]
    assert set(closed) == (set() if router.abilities.gapless else {route.name for route in router.routes})
    assert all(gap >= 0 for gap in closed.values())


@pytest.mark.parametrize(
    "wish", [{"expect_live": "blue"}, {"expect_fingerprint": "0" * 16}, {"claim": "cart/1"}]
)
def test_a_router_that_is_not_as_expected_is_left_alone(front: Front, wish: dict[str, str]) -> None:
    front.swap("blue", claim="shop/1")
    front.swap("green", claim="shop/1")
    before = front.read()
    with pytest.raises(BluegreenError, match=front.name):
        front.swap("blue", **wish)
    assert front.read() == before
    front.swap("blue", expect_live="green", expect_fingerprint=before.fingerprint, claim="shop/1")
    front.swap("green", claim="cart/1", take_over=True)
    assert front.read().claim == "cart/1"


def test_what_leads_to_no_color_is_drift_that_repair_mends(
    front: Front, request: pytest.FixtureRequest
) -> None:
    if front.kind == memory.NAME:
        memory.make(request.getfixturevalue("tmp_path"), front.name, "elsewhere")
    else:
        elb = request.getfixturevalue("elb")
        elb.delete_load_balancer_listeners(LoadBalancerName=front.name, LoadBalancerPorts=[8443])
        elb.create_load_balancer_listeners(LoadBalancerName=front.name, Listeners=[listener(8443, 30081)])
    astray = front.read()
    assert astray.live is None
    assert [drift.mended_by for drift in astray.drift] == [("repair",)]
    with pytest.raises(InputError, match="repair mends it"):
        front.swap("blue")
    front.swap("blue", repair=True)
    assert (front.read().live, front.read().drift) == ("blue", ())


# The role, with a kind that it has never heard of


MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "shop-{{{{ bluegreen_color }}}}"}}
spec:
  selector: {{matchLabels: {{app: shop, color: "{{{{ bluegreen_color }}}}"}}}}
  template:
    metadata: {{labels: {{app: shop, color: "{{{{ bluegreen_color }}}}"}}}}
    spec:
      containers:
        - name: web
          image: "{{{{ bluegreen_image }}}}"
          readinessProbe: {{periodSeconds: 1, httpGet: {{path: "{path}", port: {port}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: "shop-{{{{ bluegreen_color }}}}"}}
spec:
  selector: {{app: shop, color: "{{{{ bluegreen_color }}}}"}}
  ports: [{{name: http, port: 80, targetPort: {port}}}]
"""


class Elsewhere(Shop):
    """A shop behind a router that needs neither AWS nor node ports."""

    def __enter__(self) -> Self:
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        self.routers = self.folder / "routers"
        self.routers.mkdir()
        memory.make(self.routers, "front")
        self.environment = {name: text for name, text in self.environment.items() if "AWS" not in name}
        self.environment |= {
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(memory.__file__).parent),
            "MEMORY_ROUTERS": str(self.routers),
        }
        template = self.folder / "shop.yml.j2"
        template.write_text(MANIFESTS.format(path=self.settings.who_path, port=self.settings.container_port))
        self.manifests = [str(template)]
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def variables(self) -> dict[str, Any]:
        return {
            "bluegreen_app": self.name,
            "bluegreen_namespace": self.namespace,
            "bluegreen_load_balancer": {"name": "front", "type": memory.NAME},
            "bluegreen_image": self.settings.image,
            "bluegreen_manifests": self.manifests,
            "bluegreen_readiness_path": self.settings.who_path,
            "bluegreen_ready_timeout": 60,
        }

    def who(self, requests: int = 1) -> str:
        """Who answers where the router leads to."""
        service = f"shop-{memory.leads_to(self.routers, 'front')}:http"
        path = f"/api/v1/namespaces/{self.namespace}/services/{service}/proxy{self.settings.who_path}"
        return color_of(self.kubectl("get", "--raw", path))


@pytest.fixture
def elsewhere(settings: Any, tmp_path: Path) -> Iterator[Elsewhere]:
    with Elsewhere(settings, [], tmp_path) as shop:
        yield shop


def _ended(finished: Finished) -> tuple[Any, ...]:
    result = finished.result
    assert finished.code == 0, finished.output
    return finished.outcome, result["commit"], result["color"], result["gap_ms"], result["changed"]


def test_a_kind_that_nobody_above_has_heard_of_is_deployed_to_and_rolled_back(elsewhere: Elsewhere) -> None:
    assert _ended(elsewhere.deploy("0000001")) == ("deployed", "0000001", "blue", None, True)
    assert elsewhere.who() == "blue"
    assert _ended(elsewhere.deploy("0000002")) == ("deployed", "0000002", "green", None, True)
    assert elsewhere.who() == "green"
    assert _ended(elsewhere.rollback()) == ("rolled_back", "0000001", "blue", None, True)
    assert elsewhere.who() == "blue"
    status = elsewhere.status()
    for line in (
        "shop: 0000001 serves on blue, 1 of 1 pods ready",
        "blue: 0000001, proven, 1 of 1 ready, Service front-blue   live",
        "green: 0000002, proven, rejected, 1 of 1 ready, Service front-green",
        "router: front (memory)  all -> blue",
        "pods: none",
        "drift: none",
    ):
        assert line in status.output
    memory.make(elsewhere.routers, "front", uuid.uuid4().hex)
    refused = elsewhere.deploy("0000003")
    assert (refused.code, refused.outcome) == (2, "refused")
    assert "(astray)" in refused.reason
    assert _ended(elsewhere.play("repair", bluegreen_color="blue"))[:3] == ("repaired", "0000001", "blue")
