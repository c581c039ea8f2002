# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release import apply as _applying
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.apply import Applied, How, apply
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ownership import LAST_APPLIED

Object = dict[str, Any]


class Cluster:
    """``there`` is the object, None where there is none; each write gets the next of ``answers``.

    An answer that is an error is raised; without any, what was sent comes back.
    """

    def __init__(self, there: Object | None, *answers: Any) -> None:
        self.there = there
        self.answers = list(answers)
        self.calls: list[tuple[Any, ...]] = []
        self.warnings: list[str] = []

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Object | None:
        return self.there

    def apply(
        self,
        wanted: Object,
        namespace: str,
        dry_run: bool,
        strict: bool,
        force: bool,
        hear: Callable[[str], None],
    ) -> Object:
        for warning in self.warnings:
            hear(warning)
        self.calls.append(("apply", wanted.get("spec"), {"dry_run": dry_run, "force": force}))
        return self._answer(wanted)

    def patch(self, api: str, kind: str, name: str, namespace: str, body: Object, dry_run: bool) -> Object:
        self.calls.append(("patch", body, {"dry_run": dry_run}))
        return self._answer(body)

    def create(self, api: str, kind: str, namespace: str, body: Object, dry_run: bool) -> Object:
        self.calls.append(("create", body["metadata"], {"dry_run": dry_run}))
        return self._answer(body)

    def delete(self, api: str, kind: str, name: str, namespace: str, propagation: str) -> bool:
        self.calls.append(("delete", name, propagation))
        self.there = None
        return True

    def _answer(self, sent: Object) -> Object:
        answer = self.answers.pop(0) if self.answers else sent
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    @property
    def verbs(self) -> list[str]:
        return [call[0] for call in self.calls]


def thing(kind: str = "Deployment", spec: Any = None, managers: Sequence[str] = (), **more: Any) -> Object:
    entries = [{"manager": name, "operation": "Update", "fieldsV1": {}} for name in managers]
    metadata = {"name": "shop-blue", "resourceVersion": "7", "managedFields": entries}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec or {}, **more}


def refused(status: int, message: str, *causes: dict[str, str]) -> ClusterError:
    return ClusterError(message, status=status, reason="Invalid", causes=list(causes))


def conflict(manager: str) -> ClusterError:
    told = f'conflict with "{manager}" using apps/v1'
    cause = {"reason": "FieldManagerConflict", "message": told, "field": ".spec.replicas"}
    return refused(409, "Apply failed with 1 conflict", cause)


IMMUTABLE = {"reason": "FieldValueInvalid", "message": "Invalid value: ...: field is immutable"}
SELECTOR = refused(422, "is invalid", IMMUTABLE | {"field": "spec.selector"})
TEMPLATE = refused(422, "is invalid", IMMUTABLE | {"field": "spec.template"})
WANTED = thing(spec={"replicas": 2, "paused": None})


def run(cluster: Cluster, wanted: Object | None = None, **how: bool) -> Applied:
    return apply(cluster, wanted or WANTED, "web", How(**how))  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [None, thing(), thing(managers=["octoblu.bluegreen"])])
def test_where_nobody_else_has_a_hand_in_it_one_request_does(there: Object | None) -> None:
    cluster = Cluster(there)
    done = run(cluster)
    assert cluster.calls == [("apply", {"replicas": 2}, {"dry_run": False, "force": True})]
    assert done.before == there


def test_what_others_have_set_is_named_and_not_taken() -> None:
    cluster = Cluster(thing(managers=["kubectl-edit"]), conflict("kubectl-edit"))
    with pytest.raises(
        InputError,
        match=r"^spec\.replicas of Deployment shop-blue in namespace web was last set by kubectl-edit: "
        r"leave it out of the manifests, or take it back with -e bluegreen_replace=true\.$",
    ):
        run(cluster)
    assert [call[2]["force"] for call in cluster.calls] == [False]


def test_what_we_ourselves_have_set_otherwise_is_taken_back() -> None:
    cluster = Cluster(thing(managers=["kubectl-label"]), conflict("octoblu.bluegreen.scale"))
    run(cluster)
    assert [call[2]["force"] for call in cluster.calls] == [False, True]


def test_what_others_have_set_is_taken_where_that_is_wanted() -> None:
    cluster = Cluster(thing(managers=["kubectl-edit"]))
    run(cluster, replace=True)
    assert [call[2]["force"] for call in cluster.calls] == [True]


def test_a_refusal_of_another_kind_is_handed_on() -> None:
    with pytest.raises(ClusterError, match="exceeded quota"):
        run(Cluster(thing(managers=["kubectl-edit"]), refused(403, "exceeded quota")))


def test_a_name_twice_is_the_manifests_fault() -> None:
    told = (
        "Could not apply it at https://c: 500: failed to create typed patch object (web/shop-blue; apps/v1, Kind="
        'Deployment): .spec.template.spec.containers[name="app"].env: duplicate entries for key [name="OPTS"]; '
        "the API server is in trouble: try again later."
    )
    with pytest.raises(
        InputError,
        match=r"^Deployment shop-blue in namespace web is not what the API server can apply: .*"
        r'duplicate entries for key \[name="OPTS"\]: mend it in the manifests\.$',
    ):
        run(Cluster(thing(), refused(500, told)))


def applied_before() -> Object:
    there = thing()
    there["metadata"]["annotations"] = {LAST_APPLIED: "{}"}
    fields = {"f:metadata": {"f:annotations": {f"f:{LAST_APPLIED}": {}}}}
    entry = {"manager": "OpenAPI-Generator", "operation": "Update", "fieldsV1": fields}
    there["metadata"]["managedFields"] = [entry]
    return there


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_was_applied_from_the_clients_side_is_taken_over_first(dry_run: bool) -> None:
    cluster = Cluster(applied_before())
    run(cluster, dry_run=dry_run)
    assert cluster.verbs == (["apply"] if dry_run else ["patch", "apply"])
    assert cluster.calls[-1][2]["force"]


def test_a_controller_that_writes_meanwhile_does_not_keep_it_from_being_taken_over() -> None:
    cluster = Cluster(applied_before(), refused(409, "modified"), refused(409, "modified"))
    run(cluster)
    assert cluster.verbs == ["patch", "patch", "patch", "apply"]
    stuck = Cluster(applied_before(), *[refused(409, "modified")] * 3)
    with pytest.raises(ClusterError, match="modified"):
        run(stuck)


ROLLING = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}}
RECREATE = {"strategy": {"type": "Recreate"}, "replicas": 2}


def test_another_form_is_chosen_before_the_rest_is_applied() -> None:
    cluster = Cluster(thing(spec=ROLLING))
    run(cluster, thing(spec=RECREATE))
    assert cluster.verbs == ["patch", "apply"]
    assert cluster.calls[0][1] == {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    assert cluster.calls[1][1] == RECREATE


def test_a_dry_run_of_another_form_is_put_together() -> None:
    form = {"spec": {"strategy": {"type": "Recreate"}}}
    cluster = Cluster(thing(spec=ROLLING), form, thing(spec={"replicas": 2, **ROLLING}))
    done = run(cluster, thing(spec=RECREATE), dry_run=True)
    assert cluster.calls[1][1] == {"replicas": 2}
    assert done.after["spec"] == RECREATE


@pytest.mark.parametrize(
    ("there", "answers"),
    [
        (thing("Job"), [TEMPLATE]),
        (thing("Job", status={"conditions": [{"type": "Failed", "status": "True"}]}), []),
    ],
)
def test_a_job_that_differs_or_has_failed_is_made_anew(there: Object, answers: list[Any]) -> None:
    cluster = Cluster(there, *answers)
    done = run(cluster, thing("Job"))
    assert cluster.verbs[-2:] == ["delete", "apply"]
    assert done.before == there
    planned = Cluster(there, *answers)
    run(planned, thing("Job"), dry_run=True)
    assert planned.calls[-1][0] == "create"
    assert planned.calls[-1][1]["generateName"] == "shop-blue-"
    assert "delete" not in planned.verbs


def test_a_job_that_is_the_same_and_has_completed_is_left() -> None:
    done = thing("Job", status={"conditions": [{"type": "Complete", "status": "True"}]})
    cluster = Cluster(done)
    run(cluster, thing("Job"))
    assert cluster.verbs == ["apply"]


def selecting(**labels: str) -> Object:
    return thing(spec={"selector": {"matchLabels": labels}})


@pytest.mark.parametrize("dry_run", [True, False])
def test_another_selector_is_refused_with_the_way_out(dry_run: bool) -> None:
    cluster = Cluster(selecting(app="shop"), SELECTOR)
    with pytest.raises(
        InputError,
        match=r"^Deployment shop-blue selects its pods by app=shop, the manifests by app=web,color=blue, and a selector "
        r"cannot be changed: .*bluegreen_replace=true, or delete it with 'kubectl delete deployment shop-blue -n web'",
    ):
        run(cluster, selecting(app="web", color="blue"), dry_run=dry_run)
    assert "delete" not in cluster.verbs


def test_another_selector_is_made_anew_where_that_is_wanted() -> None:
    cluster = Cluster(selecting(app="shop"), SELECTOR)
    run(cluster, selecting(app="web"), replace=True)
    assert cluster.verbs == ["apply", "delete", "apply"]
    # With its pods, which another Deployment's selector may match.
    assert cluster.calls[1] == ("delete", "shop-blue", "Foreground")


def test_what_does_not_go_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_applying, "_GONE_SECONDS", 0.0)
    cluster = Cluster(selecting(app="shop"), SELECTOR)
    monkeypatch.setattr(cluster, "delete", lambda *_arguments: True)
    with pytest.raises(ClusterError, match="was deleted to be made anew, but is still there after 0 s"):
        run(cluster, selecting(app="web"), replace=True)


def test_what_else_cannot_be_changed_is_the_apis_own_sentence() -> None:
    error = refused(422, "may not change once set", IMMUTABLE | {"field": "spec.clusterIP"})
    with pytest.raises(ClusterError, match="may not change once set"):
        run(Cluster(thing("Service"), error), thing("Service"))


def test_what_the_api_server_warns_of_is_told_by_the_dry_run_once() -> None:
    cluster = Cluster(thing())
    cluster.warnings = ["policy/v1beta1 is deprecated", "policy/v1beta1 is deprecated"]
    told = "Deployment shop-blue in namespace web: policy/v1beta1 is deprecated."
    assert run(cluster, dry_run=True).warnings == (told,)
    assert run(cluster).warnings == ()


def test_a_webhook_that_knows_no_dry_run_refuses_no_plan() -> None:
    error = refused(400, 'admission webhook "a.b" does not support dry run')
    done = run(Cluster(thing(), error), dry_run=True)
    (warning,) = done.warnings
    assert warning.startswith("Deployment shop-blue in namespace web could not be tried beforehand")
    with pytest.raises(ClusterError):
        run(Cluster(thing(), error))


MARK = "octoblu.bluegreen/proven"


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_mark_is_emptied_by_the_write_and_removed_behind_it(dry_run: bool) -> None:
    wanted = thing()
    wanted["metadata"] |= {"annotations": {MARK: "", "mine": ""}}
    cluster = Cluster(thing())
    done = run(cluster, wanted, dry_run=dry_run)
    removal = [call[1] for call in cluster.calls[1:]]
    assert removal == ([] if dry_run else [{"metadata": {"annotations": {MARK: None}}}])
    if dry_run:
        assert done.after["metadata"]["annotations"] == {"mine": ""}
