from __future__ import annotations

import base64
import copy
import gzip
import time
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ledger import Event, Ledger, contents
from ansible_collections.octoblu.bluegreen.plugins.module_utils._lock import freed
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import (
    COLOR,
    MANIFEST,
    PROVEN,
    VERSION,
    Release,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._rooms import release_plan

ROUTER: dict[str, Any] = {
    "name": "shop-lb",
    "type": "classic",
    "live": "blue",
    "idle": "green",
    "colors": {"blue": {"node_ports": [30081]}, "green": {"node_ports": [30082]}},
    "listeners": [{"port": 80, "color": "blue"}],
    "drift": [],
    "claim": None,
    "intent": None,
}
NOBODY: dict[str, Any] = {
    "live": None,
    "idle": None,
    "listeners": [],
    "drift": [{"code": "listener_missing", "message": "no listener of shop-lb"}],
}
TEXT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "shop-{color}"}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: shop, color: "{color}"}}}}
  template:
    metadata: {{labels: {{app: shop, color: "{color}"}}}}
    spec: {{containers: [{{name: shop, image: "shop:{commit}"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: "shop-{color}"}}
spec:
  type: NodePort
  selector: {{app: shop, color: "{color}"}}
  ports: [{{name: http, port: 80, nodePort: {node_port}}}]
"""
PORTS = {"blue": 30081, "green": 30082}


class Cluster:
    """The reads that a plan makes, answered from a list of objects."""

    host = "https://cluster.example"

    def now(self) -> float:
        return 1_760_000_000.0

    def __init__(self, *objects: dict[str, Any], forbids_all_services: bool = False) -> None:
        self.objects = objects
        self.forbids_all_services = forbids_all_services

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        if kind == "Namespace":
            return {"metadata": {"name": name, "uid": "8c1e"}} if name == "store" else None
        wanted = (kind, name, namespace)
        return next((each for each in self.objects if _whose(each) == wanted), None)

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> Any:
        if kind == "Service" and namespace is None and self.forbids_all_services:
            raise ClusterError("Forbidden.", status=403)
        found = [
            thing
            for thing in self.objects
            if thing["kind"] == kind and namespace in (None, thing["metadata"]["namespace"])
        ]
        return copy.deepcopy(found), "1"


def _whose(thing: dict[str, Any]) -> tuple[str, str, str]:
    return thing["kind"], thing["metadata"]["name"], thing["metadata"]["namespace"]


def manifests(commit: str = "00abcde") -> dict[str, str]:
    texts = {color: TEXT.format(color=color, node_port=port, commit=commit) for color, port in PORTS.items()}
    return texts | {"neutral": TEXT.format(color="@", node_port=0, commit=commit)}


def plan(*objects: dict[str, Any], router: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = {
        "app": "shop",
        "namespace": "store",
        "goal": "deploy",
        "router": ROUTER | (router or {}),
        "commit": "00abcde",
        "manifests": manifests(),
        "smoke": "proxy",
        "smoke_path": "/healthz",
        "preview_router": None,
        "leaving": None,
        "color": None,
        "locked": False,
        "since": None,
        "creates_listeners": False,
        "claim": False,
        "allow_local": False,
        "kubeconfig": "/some/where",
    }
    cluster = changes.pop("cluster", None) or Cluster(*objects)
    return release_plan.run(params | changes, False, cluster, lambda line: None)


def service(color: str, namespace: str = "store", name: str | None = None) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"name": name or f"shop-{color}", "namespace": namespace},
        "spec": {"ports": [{"name": "http", "port": 80, "nodePort": PORTS[color]}]},
    }


HASHES = {
    commit: plan(commit=commit, manifests=manifests(commit))["manifest"] for commit in ("00abcde", "0012345")
}


def deployment(
    color: str, commit: str = "0012345", name: str | None = None, **changes: Any
) -> dict[str, Any]:
    notes = {MANIFEST: HASHES[commit]}
    if changes.pop("proven", True):
        notes[PROVEN] = Release(commit, HASHES[commit]).mark("earlier")
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), 2)
    return {
        "kind": "Deployment",
        "metadata": {
            "name": name or f"shop-{color}",
            "namespace": "store",
            "generation": 1,
            "labels": {VERSION: commit, COLOR: color},
            "annotations": notes,
        },
        "spec": {"replicas": 2} | changes,
        "status": {"observedGeneration": 1, **counts},
    }


def names(plan: dict[str, Any]) -> list[str]:
    return [f"{entry['kind']}/{entry['metadata']['name']}" for entry in plan["objects"]]


def test_first_ever_stages_blue_and_makes_both_services() -> None:
    found = plan(router=NOBODY, creates_listeners=True)
    assert (found["action"], found["color"], found["live"], found["commit"]) == (
        "stage",
        "blue",
        None,
        "00abcde",
    )
    assert names(found) == ["Deployment/shop-blue", "Service/shop-blue", "Service/shop-green"]
    assert found["claim"] == "shop/8c1e"
    assert found["smoke"] == {"service": "shop-blue", "port": "http"}
    assert found["workloads"] == [{"kind": "Deployment", "name": "shop-blue"}]
    assert found["rollback"] == {
        "color": None,
        "to": None,
        "reason": "no good release served before 00abcde; green has no Deployment",
        "redeploy": False,
    }
    assert found["changed"] is False


def test_objects_with_a_secret_are_told_as_such() -> None:
    assert plan()["secret"] is False
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys-COLOR}\n---"
    hidden = {color: text.replace("COLOR", color) + body for color, body in manifests().items()}
    assert plan(manifests=hidden)["secret"] is True


def test_the_live_color_is_not_among_the_objects() -> None:
    found = plan(deployment("blue"), service("blue"))
    assert names(found) == ["Deployment/shop-green", "Service/shop-green"]
    assert found["rollback"] == {"color": "blue", "to": "0012345", "reason": "", "redeploy": False}


def test_a_lost_service_of_the_live_color_is_made_again() -> None:
    found = plan(deployment("blue"))
    assert names(found) == ["Deployment/shop-green", "Service/shop-green", "Service/shop-blue"]
    assert VERSION not in found["objects"][2]["metadata"]["labels"]


def test_an_adopted_live_color_is_left_alone() -> None:
    found = plan(service("blue", "legacy", "old-web"))
    assert names(found) == ["Deployment/shop-green", "Service/shop-green"]
    assert found["releases"]["blue"]["holder"] == "legacy/old-web"
    assert found["rollback"]["reason"] == "node port of blue is held by Service legacy/old-web"


def test_marks_of_the_release_before_go_with_the_same_write() -> None:
    found = plan(deployment("blue"), service("blue"), deployment("green"), service("green"))
    notes = found["objects"][0]["metadata"]["annotations"]
    assert notes == {MANIFEST: HASHES["00abcde"], PROVEN: None}


APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def applied(thing: dict[str, Any], text: str) -> dict[str, Any]:
    thing["metadata"].setdefault("annotations", {})[APPLIED] = text
    return thing


def test_a_color_to_roll_back_to_is_put_back_when_staging_over_it_fails() -> None:
    green = applied(deployment("green"), '{"kind": "Deployment", "metadata": {"annotations": {"mine": "1"}}}')
    found = plan(deployment("blue", "00abcde"), service("blue"), green, applied(service("green"), "{}"),
                 commit="0099999", manifests=manifests("0099999"))  # fmt: skip
    assert found["undo"] == [
        {
            "kind": "Deployment",
            "metadata": {"annotations": {"mine": "1", PROVEN: green["metadata"]["annotations"][PROVEN]}},
        },
        {},
    ]


@pytest.mark.parametrize(
    "there",
    [
        pytest.param([], id="nothing"),
        pytest.param([applied(deployment("green", proven=False), "{}"), service("green")], id="unproven"),
        pytest.param([applied(deployment("green"), "{}"), service("green")], id="made by other means"),
    ],
)
def test_what_is_no_way_back_is_left_to_be_looked_at(there: list[dict[str, Any]]) -> None:
    assert plan(deployment("blue"), service("blue"), *there)["undo"] == []


def test_nothing_to_do() -> None:
    found = plan(deployment("blue", "00abcde"), service("blue"))
    assert (found["action"], found["color"], found["objects"]) == ("unchanged", "blue", [])
    assert found["warnings"] == []


def test_nothing_to_do_says_when_live_is_down() -> None:
    down = deployment("blue", "00abcde", replicas=3)
    assert plan(down, service("blue"))["warnings"] == [
        "blue is live with 00abcde, but is not ready: 2 of 3 replicas are of the newest release."
    ]


def test_what_idle_runs_already_is_only_swapped_to() -> None:
    worker = deployment("green", "00abcde", "shop-worker-green")
    found = plan(
        deployment("blue"), service("blue"), deployment("green", "00abcde"), worker, service("green")
    )
    assert (found["action"], found["color"], found["objects"]) == ("swap", "green", [])
    assert [each["name"] for each in found["workloads"]] == ["shop-green", "shop-worker-green"]
    assert found["smoke"] == {"service": "shop-green", "port": "http"}


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


def test_status_describes_what_a_deploy_would_refuse() -> None:
    odd = {"drift": [{"code": "mixed", "message": "both"}], "live": None, "idle": None, "claim": "cart/1"}
    found = plan(service("green", "legacy"), goal="status", router=odd, commit=None, manifests=None)
    assert "action" not in found
    assert (
        found["releases"]["green"] | {"holder": "legacy/shop-green", "commit": None}
        == found["releases"]["green"]
    )
    assert found["rollback"]["reason"] == "no color is live"


@pytest.mark.parametrize(
    ("smoke", "expected"),
    [("none", None), ("https://preview/x", {"url": "https://preview/x"})],
)
def test_whom_the_smoke_request_asks(smoke: str, expected: dict[str, str] | None) -> None:
    assert plan(smoke=smoke)["smoke"] == expected


def test_services_elsewhere_need_not_be_visible() -> None:
    cluster = Cluster(service("green", "legacy"), forbids_all_services=True)
    assert plan(cluster=cluster)["action"] == "stage"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app": "Shop"}, "'Shop'"),
        ({"smoke": "maybe"}, "'maybe'"),
        ({"commit": 5349}, "5349 is a number"),
        ({"commit": ""}, "No commit was given"),
        ({"router": {"drift": [{"code": "tags_equal", "message": "both 30081"}]}}, "Both 30081 (tags_equal)"),
        ({"router": NOBODY}, "listener_missing"),
        ({"namespace": "nowhere"}, "There is no namespace nowhere at https://cluster.example"),
        ({"router": {"claim": "cart/77"}}, "claimed by 'cart/77', and this is 'shop/8c1e'"),
        ({"manifests": manifests() | {"blue": "{"}}, "The manifests of blue are not YAML"),
        ({"manifests": manifests() | {"neutral": "{"}}, "The manifests of no color are not YAML"),
        ({"manifests": manifests() | {"green": manifests()["blue"]}}, "green have no Deployment shop-green"),
        ({"commit": "0099999", "goal": "rollback"}, "nothing to roll back to"),
    ],
)
def test_refusals(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        plan(**changes)
    assert said in raised.value.message


def test_local_traffic_is_refused_for_classic_and_network_alone() -> None:
    local = {
        color: text.replace("type: NodePort", "type: NodePort\n  externalTrafficPolicy: Local")
        for color, text in manifests().items()
    }
    for kind in ("classic", "network"):
        with pytest.raises(InputError, match="externalTrafficPolicy Local"):
            plan(manifests=local, router={"type": kind})
    assert plan(manifests=local, router={"type": "application"})["action"] == "stage"
    assert plan(manifests=local, allow_local=True)["action"] == "stage"


def test_a_claim_can_be_taken_over() -> None:
    assert plan(router={"claim": "cart/77"}, claim=True)["action"] == "stage"


def test_a_refusal_other_than_of_services_elsewhere_is_told() -> None:
    class Broken(Cluster):
        def list(self, *args: Any) -> Any:
            raise ClusterError("No route.", status=None)

    with pytest.raises(ClusterError, match="No route"):
        plan(cluster=Broken())


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ({"kubeconfig": "/mine"}, {"KUBECONFIG": "/env"}, None),
        ({"kubeconfig": None}, {"KUBECONFIG": "/env"}, "/env"),
        ({"kubeconfig": None}, {}, "~/.kube/config"),
        ({"kubeconfig": None, "allow_in_cluster": True}, {}, None),
        ({"kubeconfig": None, "host": "https://h", "api_key": "k"}, {"KUBECONFIG": "/env"}, None),
    ],
)
def test_which_kubeconfig_was_taken_unasked(
    given: dict[str, Any], environment: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_HOST", "K8S_AUTH_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert plan(**given)["kubeconfig"] == expected


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
    router = {
        "intent": {"color": "green", "living": True},
        "drift": [{"code": "swap_interrupted", "message": "a swap is under way"}],
    }
    blue = deployment("blue", "00abcde"), service("blue")
    found = plan(*blue, router=router, goal="rollback", commit="", manifests=None)
    assert found["action"] == "wait"
    assert found["leaving"] == {"commit": "00abcde", "manifest": HASHES["00abcde"]}
    with pytest.raises(InputError, match="under way"):
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


def test_a_retired_color_gets_pods_again_whatever_its_manifests_leave_open() -> None:
    texts = {color: text.replace("  replicas: 2\n", "") for color, text in manifests().items()}
    found = plan(
        deployment("blue", replicas=3), service("blue"), deployment("green", replicas=0), manifests=texts
    )
    assert found["objects"][0]["spec"]["replicas"] == 3


def test_retiring_scales_all_of_the_idle_color() -> None:
    there = [
        deployment("blue", "00abcde"),
        deployment("green"),
        deployment("green", name="shop-worker-green"),
    ]
    found = plan(*there, goal="retire", commit=None, manifests=None)
    assert found["action"] == "retire"
    assert [(each["metadata"]["name"], each["spec"]) for each in found["scale"]] == [
        ("shop-green", {"replicas": 0}),
        ("shop-worker-green", {"replicas": 0}),
    ]


PREVIEW = {
    "preview_port": 8081,
    "dns_name": "elb.example",
    "listeners": [
        {"port": 80, "protocol": "HTTP", "instance_port": 30081},
        {"port": 8081, "protocol": "HTTP", "instance_port": 30082},
    ],
}


def test_the_smoke_request_goes_through_the_preview() -> None:
    there = deployment("blue"), service("blue")
    found = plan(*there, smoke="preview", preview_router=PREVIEW)
    assert found["smoke"] == {"url": "http://elb.example:8081/healthz"}
    with pytest.raises(
        InputError, match=r"nothing shows green there \(node port 30082\): run preview.yml first"
    ):
        plan(*there, smoke="preview", preview_router=PREVIEW | {"preview_port": 80})


def test_a_lock_that_was_held_after_the_router_was_read_is_not_as_it_was_seen() -> None:
    """Somebody may have swapped between the two reads; what is idle here may be live by now."""
    lease = freed({"metadata": {"resourceVersion": "7"}, "spec": {}}, "shop-lock", Cluster().now() - 20)
    lease["metadata"] |= {"name": "shop-lock", "namespace": "store"}
    assert plan(lease, since=time.time() - 5)["lock_version"] == "7"
    assert plan(lease, since=time.time() - 60)["lock_version"] == "0"
    assert plan(since=time.time() - 5)["lock_version"] == ""
