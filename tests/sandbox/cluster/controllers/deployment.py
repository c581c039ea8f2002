"""Deployments: which ReplicaSet has how many pods, step by step."""

from __future__ import annotations

from sandbox.cluster.controllers import rollout
from sandbox.cluster.controllers.deployment_status import (
    calculate_status,
    deadline_in,
    is_complete,
    progressing_condition,
    set_condition,
    with_progress,
)
from sandbox.cluster.controllers.queue import WorkQueue
from sandbox.cluster.controllers.template import HASH_LABEL, same_template, template_hash
from sandbox.cluster.deletion import delete
from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import DEPLOYMENT, POD, REPLICA_SET
from sandbox.cluster.objects import (
    Object,
    clone,
    dig,
    is_terminating,
    key_of,
    name_of,
    namespace_of,
    owned_by,
    owner_of,
    owner_reference,
)
from sandbox.cluster.store import Change, Store

REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"
_LATENCY = 0.03


class DeploymentController:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "deployment-controller")
        self._queue = WorkQueue(self._sync, _LATENCY)

    def notice(self, change: Change) -> None:
        if change.kind is DEPLOYMENT:
            self._queue.add(key_of(change.object))
        elif change.kind is REPLICA_SET:
            self._notice_owned(change.object)
        elif change.kind is POD and change.type == "DELETED":
            owner = owner_of(change.object)
            found = (
                self._store.get(REPLICA_SET, namespace_of(change.object), owner["name"]) if owner else None
            )
            if found is not None:
                self._notice_owned(found)

    def _notice_owned(self, replica_set: Object) -> None:
        owner = owner_of(replica_set)
        if owner is not None and owner["kind"] == DEPLOYMENT.name:
            self._queue.add((namespace_of(replica_set), owner["name"]))

    def _sync(self, namespace: str, name: str) -> None:
        deployment = self._store.get(DEPLOYMENT, namespace, name)
        if deployment is None:
            return
        owned, template = self._owned(deployment), deployment["spec"]["template"]
        new = next((found for found in owned if same_template(found["spec"]["template"], template)), None)
        deployment = self._note_pause(deployment)
        if is_terminating(deployment):
            self._write_status(deployment, owned, new)
        elif deployment["spec"].get("paused") or self._was_scaled(deployment, owned):
            self._scale(deployment, owned, new)
            self._write_status(deployment, self._owned(deployment), new)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, owned, new)
        else:
            self._roll(deployment, new)

    def _roll(self, deployment: Object, new: Object | None) -> None:
        deployment, new = self._new_replica_set(deployment, new)
        owned = self._owned(deployment)
        wanted = rollout.new_replicas(deployment, owned, new)
        if wanted != new["spec"]["replicas"]:
            self._scale_replica_set(deployment, new, wanted)
        else:
            old = [found for found in owned if found["metadata"]["uid"] != new["metadata"]["uid"]]
            for replica_set, replicas in rollout.old_replicas(deployment, old, new):
                self._scale_replica_set(deployment, replica_set, replicas)
        self._finish(deployment, new)

    def _recreate(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        old = [found for found in owned if new is None or found["metadata"]["uid"] != new["metadata"]["uid"]]
        active = [found for found in old if found["spec"]["replicas"] > 0]
        if active:
            for replica_set in active:
                self._scale_replica_set(deployment, replica_set, 0)
            self._write_status(deployment, self._owned(deployment), new)
        elif self._old_pods_run(deployment, old):
            self._write_status(deployment, owned, new)
        else:
            deployment, new = self._new_replica_set(deployment, new)
            if new["spec"]["replicas"] != deployment["spec"]["replicas"]:
                self._scale_replica_set(deployment, new, deployment["spec"]["replicas"])
            self._finish(deployment, new)

    def _old_pods_run(self, deployment: Object, old: list[Object]) -> bool:
        return any(
            owned_by(pod, replica_set) and dig(pod, "status", "phase") not in ("Failed", "Succeeded")
            for pod in self._store.list(POD, namespace_of(deployment))
            for replica_set in old
        )

    def _finish(self, deployment: Object, new: Object) -> None:
        owned = self._owned(deployment)
        if is_complete(deployment, dig(deployment, "status") or {}):
            self._forget_revisions(deployment, owned, new)
        self._write_status(deployment, owned, new)

    def _owned(self, deployment: Object) -> list[Object]:
        """The ReplicaSets of a Deployment, oldest first."""
        found = self._store.list(REPLICA_SET, namespace_of(deployment))
        return sorted(
            (replica_set for replica_set in found if owned_by(replica_set, deployment)),
            key=lambda replica_set: int(dig(replica_set, "metadata", "annotations", REVISION) or 0),
        )

    def _new_replica_set(self, deployment: Object, new: Object | None) -> tuple[Object, Object]:
        """The Deployment and the ReplicaSet of its template, which is created when there is none."""
        owned = self._owned(deployment)
        revisions = [int(dig(found, "metadata", "annotations", REVISION) or 0) for found in owned]
        newest = max(revisions, default=0)
        created = new is None
        if new is None:
            new = self._store.create(REPLICA_SET, _replica_set(deployment, owned, str(newest + 1)))
            replicas = new["spec"]["replicas"]
            if replicas:
                self._tell_scaled(deployment, new, 0, replicas)
        elif int(new["metadata"]["annotations"][REVISION]) < newest:
            new = self._annotate(new, {REVISION: str(newest + 1)})
        revision = new["metadata"]["annotations"][REVISION]

        def write(stored: Object) -> None:
            stored["metadata"].setdefault("annotations", {})[REVISION] = revision
            found = progressing_condition(stored)
            if created:
                message = f'Created new replica set "{name_of(new)}"'
                set_condition(stored, "Progressing", "True", "NewReplicaSetCreated", message)
            elif found is None:
                message = f'Found new replica set "{name_of(new)}"'
                set_condition(stored, "Progressing", "True", "FoundNewReplicaSet", message)

        return self._store.modify(DEPLOYMENT, deployment, write) or deployment, new

    def _annotate(self, replica_set: Object, annotations: dict[str, str]) -> Object:
        def write(stored: Object) -> None:
            stored["metadata"].setdefault("annotations", {}).update(annotations)

        return self._store.modify(REPLICA_SET, replica_set, write) or replica_set

    def _scale_replica_set(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        before = replica_set["spec"]["replicas"]

        def write(stored: Object) -> None:
            stored["spec"]["replicas"] = replicas
            stored["metadata"].setdefault("annotations", {}).update(_size_annotations(deployment))

        self._store.modify(REPLICA_SET, replica_set, write)
        if before != replicas:
            self._tell_scaled(deployment, replica_set, before, replicas)

    def _tell_scaled(self, deployment: Object, replica_set: Object, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        message = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {after}"
        self._events.normal(DEPLOYMENT, deployment, "ScalingReplicaSet", message)

    def _was_scaled(self, deployment: Object, owned: list[Object]) -> bool:
        wanted = str(deployment["spec"]["replicas"])
        return any(
            dig(found, "metadata", "annotations", _DESIRED) not in (None, wanted)
            for found in owned
            if found["spec"]["replicas"] > 0
        )

    def _scale(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        for replica_set, replicas in rollout.scaled_replicas(deployment, owned, new):
            self._scale_replica_set(deployment, replica_set, replicas)

    def _note_pause(self, deployment: Object) -> Object:
        found = progressing_condition(deployment)
        if found is not None and found["reason"] == "ProgressDeadlineExceeded":
            return deployment
        paused = bool(deployment["spec"].get("paused"))
        noted = found is not None and found["reason"] == "DeploymentPaused"
        if paused == noted:
            return deployment

        def write(stored: Object) -> None:
            if paused:
                set_condition(stored, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
            else:
                set_condition(stored, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")

        return self._store.modify(DEPLOYMENT, deployment, write) or deployment

    def _forget_revisions(self, deployment: Object, owned: list[Object], new: Object) -> None:
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        old = [
            found for found in owned
            if found["metadata"]["uid"] != new["metadata"]["uid"] and not found["spec"]["replicas"]
            and not dig(found, "status", "replicas")
        ]  # fmt: skip
        for replica_set in old[: max(len(old) - limit, 0)]:
            delete(self._store, REPLICA_SET, replica_set)

    def _write_status(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        status = calculate_status(deployment, owned, new)
        status = with_progress(deployment, status, owned, new)

        def write(stored: Object) -> None:
            stored["status"] = status

        self._store.modify(DEPLOYMENT, deployment, write)
        after = deadline_in(deployment, status)
        if after is not None:
            self._queue.add(key_of(deployment), after)


def _replica_set(deployment: Object, owned: list[Object], revision: str) -> Object:
    template = clone(deployment["spec"]["template"])
    suffix = template_hash(template)
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels[HASH_LABEL] = suffix
    template["metadata"].pop("creationTimestamp", None)
    selector = clone(deployment["spec"]["selector"])
    selector.setdefault("matchLabels", {})[HASH_LABEL] = suffix
    annotations = {
        key: value
        for key, value in (deployment["metadata"].get("annotations") or {}).items()
        if key not in ("kubectl.kubernetes.io/last-applied-configuration", REVISION)
    }
    return {
        "metadata": {
            "name": f"{name_of(deployment)}-{suffix}",
            "namespace": namespace_of(deployment),
            "labels": dict(labels),
            "annotations": {**annotations, **_size_annotations(deployment), REVISION: revision},
            "ownerReferences": [owner_reference(DEPLOYMENT, deployment)],
        },
        "spec": {
            "replicas": rollout.first_replicas(deployment, owned),
            "selector": selector,
            "template": template,
            **{
                key: deployment["spec"][key] for key in ("minReadySeconds",) if deployment["spec"].get(key)
            },
        },
        "status": {"replicas": 0},
    }  # fmt: skip


def _size_annotations(deployment: Object) -> dict[str, str]:
    replicas = deployment["spec"]["replicas"]
    return {_DESIRED: str(replicas), _MAXIMUM: str(replicas + rollout.max_surge(deployment))}
