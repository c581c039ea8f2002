# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Apply one object: the requests that it takes, and what is said where the API server refuses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.field_managers import SCALE_MANAGER
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pod_security import in_short
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import has_failed
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.ownership import (
    Object,
    as_kubectl_reads,
    change_of_form,
    conflicts,
    immutable,
    others,
    take_over,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import MARKS

# For a Deployment's pods to end, which have 30 s by themselves.
_GONE_SECONDS = 120.0
_LOOK_AGAIN = 0.2
_UNTYPED = "failed to create typed patch object"
_NO_DRY_RUN = "does not support dry run"


@dataclass(frozen=True)
class How:
    """``strict`` refuses unknown fields. ``replace`` clears what is in the way: fields that others have set are
    taken over, and a Deployment whose selector is to change is deleted and made anew. ``scales`` sets what others
    have set, but nothing else, under a name apart."""

    dry_run: bool = False
    strict: bool = True
    replace: bool = False
    scales: bool = False


@dataclass(frozen=True)
class Applied:
    """The object before, None where there was none, and after. ``warnings`` are those of a dry run."""

    before: Object | None
    after: Object
    warnings: tuple[str, ...] = ()


def apply(client: Cluster, wanted: Mapping[str, Any], namespace: str, how: How) -> Applied:
    """Bring an object to what is wanted, on the API server's side, whatever it is now.

    Raises InputError for what the user has to decide, ClusterError for what the API refuses.
    """
    return _Application(client, as_kubectl_reads(wanted), namespace, how).run()


@dataclass(frozen=True)
class _Application:
    client: Cluster
    wanted: Object
    namespace: str
    how: How
    heard: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return str(self.wanted["kind"])

    @property
    def name(self) -> str:
        return str(self.wanted["metadata"]["name"])

    @property
    def what(self) -> str:
        return f"{self.kind} {self.name} in namespace {self.namespace}"

    def run(self) -> Applied:
        found = self.client.get(self.wanted["apiVersion"], self.kind, self.name, self.namespace)
        if self.how.scales:
            # What would only be made cannot be asked for the scale that it would have.
            would = found is None and self.how.dry_run
            return Applied(found, self.wanted if would else self._scaled())
        if found is not None and self.kind == "Job" and has_failed(found):
            # What has failed does not run again by being applied.
            return self._anew(found, "Background")
        if found is not None and not self.how.dry_run:
            self._take_over(found)
        try:
            after = self._without_emptied(self._send(found))
            told = dict.fromkeys(self.heard) if self.how.dry_run else ()
            return Applied(found, after, tuple(f"{self.what}: {in_short(each)}." for each in told))
        except ClusterError as error:
            return self._refused(found, error)

    def _scaled(self) -> Object:
        return self.client.apply(
            self.wanted, self.namespace, self.how.dry_run, self.how.strict, force=True, manager=SCALE_MANAGER
        )

    def _without_emptied(self, after: Object) -> Object:
        """Marks that the write has emptied, because it could not remove what another way of writing had set."""
        wanted = self.wanted["metadata"].get("annotations") or {}
        emptied = [mark for mark in MARKS if wanted.get(mark) == ""]
        if emptied and self.how.dry_run:
            notes = {
                key: note for key, note in after["metadata"]["annotations"].items() if key not in emptied
            }
            return {**after, "metadata": {**after["metadata"], "annotations": notes}}
        if emptied:
            return self._patch({"metadata": {"annotations": dict.fromkeys(emptied)}})
        return after

    def _send(self, found: Object | None) -> Object:
        changed = change_of_form(found, self.wanted) if found else None
        if not changed:
            return self._apply(found)
        answer = self._patch(changed)
        if not self.how.dry_run:
            return self._apply(found)
        # Nothing has been changed, so the rest is asked with the form that is still there.
        (field,) = changed["spec"]
        spec = {key: value for key, value in self.wanted["spec"].items() if key != field}
        rest = replace(self, wanted={**self.wanted, "spec": spec})._apply(found)
        return {**rest, "spec": {**rest["spec"], field: answer["spec"][field]}}

    def _apply(self, found: Object | None) -> Object:
        def send(force: bool) -> Object:
            return self.client.apply(
                self.wanted,
                self.namespace,
                self.how.dry_run,
                self.how.strict,
                force=force,
                hear=self.heard.append,
            )

        if self.how.replace or found is None or not others(found):
            return send(True)
        try:
            return send(False)
        except ClusterError as error:
            conflicting = conflicts(error.details.get("causes") or (), found)
            if not conflicting:
                raise
            theirs = [each for each in conflicting if not each.ours]
            if theirs:
                first = theirs[0]
                more = f", and {len(theirs) - 1} more" if len(theirs) > 1 else ""
                raise InputError(
                    f"{first.field} of {self.what} was last set by {first.owner}{more}: leave it out of the manifests, "
                    "or take it back with -e bluegreen_replace=true.",
                    conflicts=[f"{each.field}: {each.owner}" for each in theirs],
                ) from error
            return send(True)

    def _take_over(self, found: Object) -> None:
        """Make ours what was applied from the client's side; a controller may write its status meanwhile."""
        for tries_left in (2, 1, 0):
            patch = take_over(found)
            if not patch:
                return
            try:
                self._patch(patch)
                return
            except ClusterError as error:
                there = self.client.get(self.wanted["apiVersion"], self.kind, self.name, self.namespace)
                if error.details["status"] != 409 or there is None or not tries_left:
                    raise
                found = there

    def _patch(self, patch: Object) -> Object:
        return self.client.patch(
            self.wanted["apiVersion"], self.kind, self.name, self.namespace, patch, dry_run=self.how.dry_run
        )

    def _refused(self, found: Object | None, error: ClusterError) -> Applied:
        if _UNTYPED in error.message:
            told = error.message.partition(_UNTYPED)[2].partition("): ")[2].partition(";")[0].rstrip(".")
            raise InputError(
                f"{self.what} is not what the API server can apply: {told}: mend it in the manifests."
            ) from error
        if self.how.dry_run and _NO_DRY_RUN in error.message:
            warning = f"{self.what} could not be tried beforehand: an admission webhook knows no dry run."
            return Applied(found, found or self.wanted, (warning,))
        fields = immutable(error.details.get("causes") or ())
        if found is None or not fields:
            raise error
        if self.kind == "Job":
            return self._anew(found, "Background")
        if self.kind == "Deployment" and fields == ("spec.selector",):
            if self.how.replace:
                return self._anew(found, "Foreground")
            raise InputError(
                f"Deployment {self.name} selects its pods by {_labels(found)}, the manifests by {_labels(self.wanted)}, "
                "and a selector cannot be changed: let it be deleted and made anew with -e bluegreen_replace=true, or "
                f"delete it with 'kubectl delete deployment {self.name} -n {self.namespace}'; it serves nobody."
            ) from error
        raise error

    def _anew(self, found: Object, propagation: str) -> Applied:
        api_version = self.wanted["apiVersion"]
        if self.how.dry_run:
            # Under a name that is free, because what is there is not deleted.
            metadata = {key: value for key, value in self.wanted["metadata"].items() if key != "name"}
            body = {**self.wanted, "metadata": {**metadata, "generateName": f"{self.name[:50]}-"}}
            made = self.client.create(api_version, self.kind, self.namespace, body, dry_run=True)
            return Applied(found, {**made, "metadata": {**made["metadata"], **self.wanted["metadata"]}})
        self.client.delete(api_version, self.kind, self.name, self.namespace, propagation)
        until = time.monotonic() + _GONE_SECONDS
        while self.client.get(api_version, self.kind, self.name, self.namespace) is not None:
            if time.monotonic() > until:
                raise ClusterError(
                    f"{self.what} was deleted to be made anew, but is still there after {_GONE_SECONDS:.0f} s: "
                    f"look what holds it with 'kubectl describe', then run again.",
                    status=None,
                    reason=None,
                )
            time.sleep(_LOOK_AGAIN)
        return Applied(found, self._apply(None))


def _labels(deployment: Mapping[str, Any]) -> str:
    selector = (deployment.get("spec") or {}).get("selector") or {}
    return ",".join(f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items()))
