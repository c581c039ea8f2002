"""Server-side apply."""

from __future__ import annotations

from sandbox.cluster.objects import Object, clone
from sandbox.cluster.patch import strategic_merge_patch
from sandbox.cluster.resources import Options, Resources
from sandbox.cluster.targets import Target


def apply_patch(
    resources: Resources, target: Target, body: Object, options: Options, force: bool
) -> tuple[Object, bool]:
    """Returns the object and whether it was created."""
    if resources.store.get(target.kind, target.namespace, target.name) is None:
        return resources.create(target.kind, target.namespace, body, options), True
    changed = resources.change(
        target.kind,
        target.namespace,
        target.name,
        lambda old: strategic_merge_patch(clone(old), body),
        options,
    )
    return changed, False
