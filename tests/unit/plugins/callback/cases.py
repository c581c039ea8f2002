# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of every kind, as the callback comes to hear of them: each a screen that people see."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.run import Run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.drift import REPAIR, SWAP, Drift
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import Backend

from ..module_utils.runs import PLAN, run
from ..module_utils.some_router import facts, route

ONE: dict[str, Any] = {
    "commit": "1a1a1a1",
    "proven": True,
    "rejected": False,
    "ready": True,
    "lack": "",
    "replicas": 2,
    "ready_replicas": 2,
    "images": ["shop:1a1a1a1"],
    "target": "node port 30081",
    "holder": None,
}
TWO = ONE | {"commit": "2b2b2b2", "images": ["shop:2b2b2b2"], "target": "node port 30082"}
NOTHING = ONE | {
    "commit": None,
    "images": [],
    "replicas": 0,
    "ready_replicas": 0,
    "ready": False,
    "target": "node port 30082",
}
BACK = {"color": "blue", "to": "1a1a1a1", "reason": "", "redeploy": False}
NO_WAY_BACK = {
    "color": None,
    "to": None,
    "reason": "no good release served before 1a1a1a1; green has no Deployment",
    "redeploy": False,
}
WAS = {
    "routes": (
        route(80, "blue", keeps="HTTP to HTTP, policies stick-1h"),
        route(
            443,
            "blue",
            keeps="HTTPS to HTTP, certificate arn:aws:acm:us-east-1:123456789012:certificate/1, policies tls-1-2, stick-1h",
        ),
        route(8081, "green", preview=True),
    ),
    "backends": (Backend("i-0a1b2c3d", "InService"), Backend("i-1b2c3d4e", "InService")),
    "backends_are": "instances",
    "notes": ("health check HTTP:30081/healthz",),
}
NOW = WAS | {"routes": (route(80, "green"), route(443, "green"), route(8081, "blue", preview=True))}
PLANNED = PLAN | {
    "commit": "2b2b2b2",
    "releases": {"blue": ONE, "green": NOTHING},
    "rollback": BACK,
    "hook": {"app": "shop", "load_balancer": "shop-lb"},
    "images": ["shop:2b2b2b2"],
    "objects": [
        {"kind": "ConfigMap", "metadata": {"name": "shop-green"}},
        {"kind": "Deployment", "metadata": {"name": "shop-green"}},
        {"kind": "Service", "metadata": {"name": "shop-green"}},
    ],
    "difference": [
        {"after_header": "ConfigMap shop-<color>", "before": {}, "after": {"data": {}}},
        {"after_header": "Deployment shop-<color>", "before": {"spec": {}}, "after": {"spec": {}}},
    ],
    "capacity": {"raises": False, "words": "2 pods, as live has"},
    "approval": {"color": "green", "commit": "2b2b2b2", "fingerprint": "0011223344556677"},
    "last_gap_ms": 158,
    "steps": [{"do": "mark", "lock": {"phase": "swap"}}, {"do": "swap"}],
}
READY = {
    "ready": True,
    "at": 1005.0,
    "workloads": [{"name": "shop-green", "kind": "Deployment", "available": 2, "wanted": 2, "ready": True}],
}
ANSWERED = {
    "answered": True,
    "asked": "GET /healthz by the Kubernetes API",
    "at": 1006.0,
    "elapsed": 0.1,
}
SWAPPED = {
    "before": facts(**WAS),
    "after": facts("green", **NOW),
    "changed": True,
    "gap_ms": {"80": 157, "443": 158},
    "at": 1008.0,
}
SWAPPED_BACK = SWAPPED | {"before": facts("green", **NOW), "after": facts("blue", **WAS)}
STAGED: dict[str, Any] = {
    "applied": {"changed": True, "at": 1002.5},
    "wait": READY,
    "smoke": ANSWERED,
    "staged": {"at": 1007.0},
}


def because(msg: str, **more: Any) -> dict[str, Any]:
    return {"failed": True, "msg": msg, "at": 1005.0, **more}


NOT_FOUND = because(
    'pod shop-green-5d6f7-hwpx7: container app: image "registry.example.com/shop:2b2b2b2" not found (ErrImagePull); and 1 more',
    workloads=[
        {
            "name": "shop-green",
            "kind": "Deployment",
            "message": "0 of 2 replicas are available",
            "ready": False,
            "reason": "ErrImagePull",
        }
    ],
)
SLOW = because(
    "pod shop-green-5d6f7-hwpx7: readiness probe answers 503 (not ready after 300 s)",
    workloads=[NOT_FOUND["workloads"][0] | {"reason": "Unready", "message": "1 of 2 replicas are available"}],
)
HOLD = {
    "holder": "ada@laptop",
    "purpose": "deploy of 2b2b2b2",
    "phase": "stage",
    "since": "2026-01-02T03:04:05Z",
    "until": "2026-01-02T03:09:05Z",
    "over": False,
}
ROW = {
    "commit": "2b2b2b2",
    "color": "green",
    "at": "2026-01-02T03:04:05+00:00",
    "who": "ada@laptop",
    "ended": "deployed",
    "live": True,
    "rollback": False,
    "kept": True,
}


def told(action: str = "deploy", router: dict[str, Any] | None = None, **parts: Any) -> Run:
    plan = parts.pop("plan", PLANNED)
    return run(action, router=facts(**WAS) if router is None else router, plan=plan, **parts)


LATER = PLANNED | {"live": "green", "releases": {"blue": ONE, "green": TWO}}
GOING_BACK = LATER | {"action": "swap", "color": "blue", "commit": "1a1a1a1", "rollback": NO_WAY_BACK}
SERVES_GREEN = facts("green", **NOW)
STANDING = {
    "at": 1002.0,
    "live": "green",
    "releases": {"blue": ONE, "green": TWO},
    "rollback": BACK,
    "lock": None,
    "drift": [],
}

ENDED: dict[str, Run] = {
    "deployed": told(**STAGED, swap=SWAPPED),
    "deployed-first": told(
        router=facts(None, **WAS | {"routes": ()}),
        plan=PLANNED
        | {"live": None, "releases": {"blue": NOTHING, "green": NOTHING}, "rollback": NO_WAY_BACK},
        **STAGED,
        swap=SWAPPED | {"gap_ms": {}},
    ),
    "deployed-check": told(check_mode=True, applied={"changed": True}, swap=SWAPPED | {"gap_ms": {}}),
    "staged-check": told(
        "stage",
        check_mode=True,
        plan=PLANNED | {"steps": [{"do": "bring_up"}], "apart": ["shop.yml.j2, line 12"]},
    ),
    "rolled-back-check": told("rollback", SERVES_GREEN, check_mode=True, plan=GOING_BACK | {"objects": []}),
    "resolved-check": told(check_mode=True, plan=PLANNED | {"action": "resolve", "color": "blue"}),
    "unchanged": told(router=SERVES_GREEN, plan=LATER | {"action": "unchanged"}),
    "staged": told("stage", **STAGED),
    "switched": told("switch", plan=LATER | {"live": "blue", "action": "swap"}, smoke=ANSWERED, swap=SWAPPED),
    "rolled-back": told("rollback", SERVES_GREEN, plan=GOING_BACK, smoke=ANSWERED, swap=SWAPPED_BACK),
    "rolled-back-by-another": told(
        "rollback",
        plan=LATER
        | {
            "live": "blue",
            "action": "unchanged",
            "reason": "1a1a1a1 is live: ada has rolled back from 2b2b2b2",
        },
    ),
    "repaired": told("repair", plan=LATER | {"action": "swap", "rollback": BACK}, swap=SWAPPED),
    "previewed": told("preview", plan=LATER | {"live": "blue", "action": "preview"}, swap=SWAPPED_BACK),
    "retired": told(
        "retire",
        SERVES_GREEN,
        plan=LATER | {"action": "retire", "color": "blue", "commit": "1a1a1a1"},
        scaled={"changed": True},
    ),
    "unlocked": told("unlock", plan={}, unlocked={"changed": True, "taken_from": HOLD}),
    "unlocked-nobody": told("unlock", plan={}, unlocked={"changed": False}),
    "image-not-found": told(
        applied={"changed": True},
        wait=NOT_FOUND,
        undone={"changed": True},
        plan=PLANNED | {"releases": {"blue": ONE, "green": TWO | {"commit": "0c0c0c0"}}},
    ),
    "never-ready": told("stage", applied={"changed": True}, wait=SLOW),
    "check-failed": told(
        applied={"changed": True},
        wait=READY,
        smoke=because(
            "Service shop-green (port http, path /healthz) through the Kubernetes API answered 500: no database."
        ),
    ),
    "drifted": told(
        router=facts(
            **WAS,
            drift=(
                Drift(
                    "mixed",
                    "the listeners of shop-lb point at both colors (80 on blue, 443 on green): repair it onto one",
                    (REPAIR,),
                ),
            ),
        ),
        plan={},
        failure=because(
            "Load balancer shop-lb cannot be swapped: the listeners point at both colors.", drift=["mixed"]
        ),
    ),
    "refused": told(
        plan={}, failure=because("The manifests do not render (deployment.yml.j2): 'nobody' is undefined")
    ),
    "nothing-to-go-back-to": told(
        "rollback",
        plan={},
        failure=because(
            "There is nothing to roll back to on load balancer shop-lb: no good release served before 1a1a1a1.",
            nowhere=True,
        ),
    ),
    "locked": told(
        lock={},
        failure=because(
            "The lock shop-lock cannot be taken: it is held by ada@laptop (deploy of 2b2b2b2, phase stage) since "
            "2026-01-02T03:04:05Z, until 2026-01-02T03:09:05Z at the latest.",
            locked=True,
        ),
    ),
    "put-back": told(
        **STAGED,
        swap=because(
            "Port 443 could not be opened (Throttling), so 80 was put back onto blue.", restored=True, open=[]
        ),
    ),
    "port-closed": told(
        **STAGED,
        swap=because(
            "Port 443 is closed: neither green nor blue could be put there (Throttling).",
            restored=False,
            open=[443],
        ),
    ),
    "went-back-after-a-hook": told(
        **STAGED,
        swap=SWAPPED,
        failure=because("Tell the world: the world is not there"),
        back={"before": {}, "changed": True, "at": 1009.0},
    ),
    "stays-after-a-hook": told(
        **STAGED, swap=SWAPPED, on_failure="hold", failure=because("Tell the world: the world is not there")
    ),
    "ledger-and-lock": told(
        **STAGED,
        swap=SWAPPED,
        failure=because("Forbidden."),
        recorded={"msg": "configmaps is forbidden"},
        freed={"msg": "leases is forbidden"},
    ),
    "status": told("status", SERVES_GREEN, plan=STANDING),
    "status-as-wanted": told("status", SERVES_GREEN, plan=STANDING, commit="2b2b2b2"),
    "status-not-as-wanted": told("status", SERVES_GREEN, plan=STANDING, commit="3c3c3c3"),
    "status-held": told("status", SERVES_GREEN, plan=STANDING | {"lock": HOLD}),
    "status-unwell": told(
        "status",
        SERVES_GREEN,
        plan=STANDING
        | {
            "releases": {
                "blue": ONE | {"rejected": True},
                "green": TWO | {"ready": False, "ready_replicas": 1, "lack": "1 of 2 pods are ready"},
            }
        },
    ),
    "status-foreign": told(
        "status",
        SERVES_GREEN,
        plan=STANDING
        | {
            "releases": {
                "blue": ONE | {"commit": None, "holder": "web/legacy"},
                "green": TWO | {"commit": None, "proven": False},
            },
            "rollback": NO_WAY_BACK,
        },
    ),
    "status-no-cluster": told(
        "status", SERVES_GREEN, plan={"msg": "No usable Kubernetes configuration: set KUBECONFIG."}
    ),
    "status-port-missing": told(
        "status",
        SERVES_GREEN,
        plan=STANDING
        | {
            "drift": [
                {
                    "code": "service_port_missing",
                    "message": "green is live, but has no Service for its node port 30082",
                }
            ]
        },
    ),
    "status-untold": told(
        "status",
        facts(
            None,
            **WAS
            | {
                "drift": (
                    Drift("tags_missing", "load balancer shop-lb has no tag blue", next=("aws", "{blue}")),
                )
            },
        ),
        plan=STANDING
        | {
            "live": None,
            "rollback": NO_WAY_BACK | {"reason": "which color is live cannot be told"},
            "drift": [
                {
                    "code": "live_unknown",
                    "message": "which color is live cannot be told from shop-lb, which leads from 80 to 30081; in the cluster the "
                    "Service of blue has node port 30081 and the Service of green has node port 30082",
                    "next": "aws elb add-tags --load-balancer-names shop-lb --tags Key=blue,Value=30081 Key=green,Value=30082",
                }
            ],
        },
    ),
    "status-nobody": told(
        "status",
        facts("green", **NOW | {"in_service": 0, "backends": (Backend("i-0a1b2c3d", "OutOfService"),)}),
        plan=STANDING,
    ),
    "status-no-instance": told(
        "status", facts("green", **NOW | {"in_service": 0, "backends": ()}), plan=STANDING
    ),
    "status-some": told("status", facts("green", **NOW | {"in_service": 1}), plan=STANDING),
    "deployed-to-nobody": told(
        **STAGED, swap=SWAPPED | {"after": facts("green", **NOW | {"in_service": 0, "backends": ()})}
    ),
    "rolled-back-to-a-service": told(
        "rollback",
        SERVES_GREEN,
        plan=GOING_BACK
        | {"commit": None, "to_service": "web/legacy", "releases": {"blue": NOTHING, "green": TWO}},
        swap=SWAPPED_BACK,
    ),
    "deployed-beside-a-service": told(
        plan=PLANNED
        | {
            "releases": {"blue": NOTHING | {"adopted": "web/legacy"}, "green": NOTHING},
            "rollback": {
                "color": "blue",
                "to": None,
                "service": "web/legacy",
                "reason": "",
                "redeploy": False,
            },
        },
        **STAGED,
        swap=SWAPPED,
    ),
    "list": told(
        "list",
        SERVES_GREEN,
        plan=STANDING
        | {
            "history": [
                ROW,
                ROW
                | {
                    "commit": "3c3c3c3",
                    "color": "blue",
                    "live": False,
                    "kept": False,
                    "ended": "stage_failed: " + NOT_FOUND["msg"],
                },
                ROW | {"commit": "1a1a1a1", "color": "blue", "live": False, "rollback": True},
            ]
        },
    ),
    "list-limited": told(
        "list", list_limit=1, plan=STANDING | {"history": [ROW, ROW | {"commit": "1a1a1a1", "live": False}]}
    ),
    "list-empty": told("list", plan=STANDING | {"history": []}),
}

# What the Classic ELB can lack, with what mends it there.
DRIFTS = (
    Drift(
        "health_check_on_idle",
        "the health check of shop-lb is HTTP:30082/, on green, while blue is live: repair it, or instances go out of service when green is scaled down",
        (REPAIR,),
    ),
    Drift(
        "listener_missing",
        "load balancer shop-lb has no listener on port 443: give its specification in bluegreen_listeners to have it made",
        (),
    ),
    Drift("listener_missing", "load balancer shop-lb has no listener on port 8443", (SWAP, REPAIR)),
    Drift(
        "owned_by_kubernetes",
        "load balancer shop-lb belongs to Kubernetes (tag kubernetes.io/service-name), which would undo "
        "every swap: use a load balancer of your own in front of NodePort Services",
    ),
)
ENDED |= {
    f"status-{drift.code.replace('_', '-')}{at or ''}": told(
        "status", facts("green", **NOW, drift=(drift,)), plan=STANDING
    )
    for at, drift in enumerate(DRIFTS)
}
