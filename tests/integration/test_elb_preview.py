# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview: a listener that shows the idle color, made beside the live ones and moved with them."""

from __future__ import annotations

import os
import signal
import urllib.request

import pytest
from balancers import TAGS, arguments, facts, listener, make, swap
from forked import Child
from shop import color_of

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError, RouterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules import k8s_smoke
from ansible_collections.octoblu.bluegreen.plugins.modules.elb_listener_swap import MODULE
from ansible_collections.octoblu.bluegreen.plugins.modules.k8s_smoke import MODULE as SMOKE
from sandbox.traffic import Traffic

PREVIEW = {"octoblu.bluegreen/preview": "8080"}


@pytest.fixture
def plain(elb, zones):
    """One HTTP listener on blue, beside one that is not ours."""
    balancer = make(elb, [listener(80, 30081), listener(9000, 31000, "TCP", "TCP")], zones)
    yield balancer
    balancer.delete()


@pytest.fixture(scope="module")
def api(elb):
    """Real clients, made once and never used here: each child opens connections of its own."""
    return MODULE.connect(arguments(MODULE, {"name": "unused", "color": "blue"}))


def _codes(balancer):
    return [drift["code"] for drift in facts(balancer.name)[balancer.name]["drift"]]


def test_it_is_made_beside_the_live_listeners(plain, calls):
    before = plain.listeners
    with calls() as seen:
        result = swap(plain, "blue", preview_port=8080)
    assert result["changed"]
    assert plain.listeners == {**before, 8080: {**listener(8080, 30082), "policies": []}}
    assert plain.tags == {**TAGS, **PREVIEW}
    found = facts(plain.name)[plain.name]
    assert (found["live"], found["preview_port"], found["drift"]) == ("blue", 8080, [])
    assert found["fingerprint"] == result["after"]["fingerprint"]
    writes = [call["action"] for call in seen if not call["action"].startswith("Describe")]
    # No listener is deleted, and the tag comes first: a second color without it would be drift.
    assert writes == ["AddTags", "CreateLoadBalancerListeners", "RemoveTags"]
    assert result["gap_ms"] == {}


def test_again_changes_nothing(plain, writes):
    swap(plain, "blue", preview_port=8080)
    with writes() as seen:
        result = swap(plain, "blue", preview_port=8080)
    assert (result["changed"], seen) == (False, [])
    assert result["diff"]["before"] == result["diff"]["after"]


@pytest.mark.parametrize("color", ["blue", "green"])
def test_check_mode_foretells_it(plain, writes, color):
    with writes() as seen:
        foretold = swap(plain, color, check_mode=True, preview_port=8080)
    assert seen == []
    assert foretold["changed"]
    assert "tag octoblu.bluegreen/preview=8080" in str(foretold["steps"])
    made = swap(plain, color, preview_port=8080)
    assert made["diff"] == foretold["diff"]
    assert made["after"]["preview_port"] == 8080


def test_it_goes_there_and_back_with_the_swap(plain, calls):
    swap(plain, "blue", preview_port=8080)
    shown = plain.listeners
    with calls() as seen:
        swap(plain, "green", preview_port=8080)
    assert plain.node_ports == {80: 30082, 8080: 30081, 9000: 31000}
    assert [call["action"] for call in seen].count("DeleteLoadBalancerListeners") == 1
    # The tag alone is enough from now on.
    swap(plain, "blue")
    assert plain.listeners == shown
    assert (plain.tags, _codes(plain)) == ({**TAGS, **PREVIEW}, [])


def test_it_is_made_along_with_a_swap(plain):
    swap(plain, "green", preview_port=8080)
    assert plain.node_ports == {80: 30082, 8080: 30081, 9000: 31000}
    assert _codes(plain) == []


def test_on_the_live_color_it_alone_is_moved(plain, elb, aws):
    elb.create_load_balancer_listeners(LoadBalancerName=plain.name, Listeners=[listener(8080, 30081)])
    plain.tag(PREVIEW)
    result = swap(plain, "blue", preview_port=8080)
    assert set(result["gap_ms"]) == {"8080"}
    assert plain.node_ports == {80: 30081, 8080: 30082, 9000: 31000}


def test_behind_tls_it_is_tcp_and_moved_with_the_swap(elb, zones, certificate):
    balancer = make(elb, [listener(443, 30081, "HTTPS", "HTTPS", certificate)], zones)
    with pytest.raises(InputError, match="make the preview first"):
        swap(balancer, "green", preview_port=8080)
    swap(balancer, "blue", preview_port=8080)
    assert balancer.listeners[8080] == {**listener(8080, 30082, "TCP", "TCP"), "policies": []}
    swap(balancer, "green")
    assert balancer.node_ports == {443: 30082, 8080: 30081}
    balancer.delete()


@pytest.mark.parametrize(
    ("port", "said"),
    [
        pytest.param(0, "0 is not a listener port", id="0"),
        pytest.param(65536, "65536 is not a listener port", id="65536"),
        pytest.param(80, "preview_port 80 .* on blue", id="ours"),
        pytest.param(9000, "preview_port 9000 .* 31000, neither", id="somebody-elses"),
        pytest.param(8081, "names 8080: .*--load-balancer-ports 8080 && aws elb remove-tags", id="another"),
    ],
)
@pytest.mark.parametrize("color", ["blue", "green"])
def test_a_port_that_is_not_its_own_is_refused(plain, writes, port, said, color):
    if port == 8081:
        plain.tag(PREVIEW)
    with writes() as seen, pytest.raises(InputError, match=said):
        swap(plain, color, preview_port=port)
    assert seen == []


def test_what_the_refusal_says_frees_the_port(plain, elb):
    swap(plain, "blue", preview_port=8080)
    elb.delete_load_balancer_listeners(LoadBalancerName=plain.name, LoadBalancerPorts=[8080])
    elb.remove_tags(LoadBalancerNames=[plain.name], Tags=[{"Key": key} for key in PREVIEW])
    swap(plain, "blue", preview_port=8081)
    assert plain.node_ports == {80: 30081, 8081: 30082, 9000: 31000}


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("action", "nth"),
    [
        pytest.param("AddTags", 1, id="tags"),
        pytest.param("CreateLoadBalancerListeners", 2, id="preview"),
        pytest.param("DeleteLoadBalancerListeners", 1, id="delete"),
        pytest.param("CreateLoadBalancerListeners", 3, id="gap"),
    ],
)
@pytest.mark.parametrize("tags", [{}, PREVIEW], ids=["new", "tagged"])
def test_an_undone_swap_leaves_nothing_of_it(plain, aws, action, nth, tags):
    plain.tag({**TAGS, **tags})
    before = plain.listeners
    aws.fault("error", action, nth=nth, code="InvalidConfigurationRequest")
    with pytest.raises(RouterError, match="InvalidConfigurationRequest"):
        swap(plain, "green", preview_port=8080, claim="shop/1")
    assert (plain.listeners, plain.tags) == (before, {**TAGS, **tags})


@pytest.mark.sandbox
@pytest.mark.parametrize("color", ["blue", "green"])
@pytest.mark.parametrize("given", [{}, {"preview_port": 8080}], ids=["without", "with"])
@pytest.mark.parametrize("held", ["hold", "hold_after"])
def test_killed_between_tag_and_create_it_is_finished_by_the_next_run(plain, aws, api, color, given, held):
    aws.fault(held, action="CreateLoadBalancerListeners", nth=1)
    child = Child(api, plain.name, "blue", preview_port=8080)
    aws.wait_held()
    os.kill(child.pid, signal.SIGKILL)
    aws.release("drop")
    assert child.wait().signal == signal.SIGKILL
    aws.clear()
    assert (8080 in plain.listeners) == (held == "hold_after")
    assert plain.tags.items() >= PREVIEW.items()
    assert _codes(plain) == ["swap_interrupted"]
    ended = Child(api, plain.name, color, **given).wait()
    assert ended.error == ""
    live, idle = ("blue", "green") if color == "blue" else ("green", "blue")
    assert plain.node_ports == {80: int(TAGS[live]), 8080: int(TAGS[idle]), 9000: 31000}
    assert (plain.tags, _codes(plain)) == ({**TAGS, **PREVIEW}, [])


@pytest.mark.sandbox
def test_a_cut_off_swap_that_cannot_be_resolved_keeps_its_intent(plain, aws, api):
    """What it knows of the closed port must outlive the run that could not open it."""
    aws.fault("hold", action="CreateLoadBalancerListeners", nth=2)
    child = Child(api, plain.name, "green")
    aws.wait_held()
    os.kill(child.pid, signal.SIGKILL)
    aws.release("drop")
    child.wait()
    aws.clear()
    assert 80 not in plain.listeners
    aws.fault("throttle", action="AddTags", times=None)
    failed = Child(api, plain.name, "green").wait()
    assert "the intent stays on it" in failed.error
    aws.clear()
    assert Child(api, plain.name, "green").wait().error == ""
    assert plain.node_ports == {80: 30082, 9000: 31000}
    assert plain.tags == TAGS


def _ask(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return color_of(answer.read().decode())


@pytest.mark.sandbox
def test_clients_meet_the_idle_color_there_and_the_live_one_all_along(shop):
    shop.deployed("1a1a1a1", "2b2b2b2")
    live, idle = "green", "blue"
    assert shop.who() == live
    port = shop.settings.http_port + 1
    with Traffic(shop.url(), rate=100, who=color_of) as traffic:
        swap(shop.balancer, live, preview_port=port)
        params = arguments(SMOKE, {"url": shop.url(port)})
        assert k8s_smoke.run(params, False, None, print)["answered"]
        assert {_ask(shop.url(port)) for _request in range(5)} == {idle}
        made = traffic.mark()
    seen = traffic.result(until=made)
    assert (seen.answered.keys(), seen.lost) == ({live}, {})
    swap(shop.balancer, idle)
    assert (shop.who(), _ask(shop.url(port))) == (idle, live)
