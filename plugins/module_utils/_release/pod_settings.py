# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a user wants of pods beside what a template says: bluegreen_pod and bluegreen_container."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.kubectl_yaml import (
    UnreadableError,
    read,
)

# Lists that the role makes of variables of their own, by their field of a container.
_OF_VARIABLES = {"env": "bluegreen_env", "envFrom": "bluegreen_env_from"}


def with_settings(manifests: str, pod: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    """Rendered manifests whose Deployments' pods are as ``pod``, and their first container as ``container``, wants.

    Merged as RFC 7386 has it: mappings key by key, null takes a key away, and anything else, lists too, takes the
    place of what was there. With nothing wanted the text stays as it is. Raises InputError for what is not to be
    had this way.
    """
    if not pod and not container:
        return manifests
    _check(pod, container)
    try:
        documents = read(manifests)
    except UnreadableError as error:
        raise InputError(f"The template is not YAML to merge bluegreen_pod into: {error.why}.") from None
    return "\n".join(f"---\n{_text(_settled(each, pod, container))}" for each in documents)


def _check(pod: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    if "containers" in pod:
        raise InputError(
            "bluegreen_pod has containers: what the application's own is to have goes into bluegreen_container, "
            "another one into initContainers of bluegreen_pod with restartPolicy Always (Kubernetes 1.29 or later), or "
            "into manifests of your own."
        )
    if "name" in container:
        raise InputError(
            "bluegreen_container has a name, but the container is the template's: leave the name out."
        )
    if "image" in container:
        raise InputError("bluegreen_container has an image: give it as bluegreen_image.")


def _settled(document: Any, pod: Mapping[str, Any], container: Mapping[str, Any]) -> Any:
    if not isinstance(document, dict) or document.get("kind") != "Deployment":
        return document
    template = document["spec"]["template"]
    first, *others = template["spec"]["containers"]
    _check_lists(first, container)
    spec = _merged(template["spec"], pod)
    spec["containers"] = [_merged(first, container), *others]
    return {**document, "spec": {**document["spec"], "template": {**template, "spec": spec}}}


def _check_lists(first: Mapping[str, Any], container: Mapping[str, Any]) -> None:
    for field, variable in _OF_VARIABLES.items():
        if first.get(field) and field in container:
            raise InputError(
                f"{field} of bluegreen_container would take the place of all that {variable} gives: "
                "put everything into one of them."
            )
    if "ports" not in container:
        return
    kept = {each.get("name") for each in container["ports"] or () if isinstance(each, Mapping)}
    lost = sorted(each["name"] for each in first.get("ports") or () if each.get("name") not in kept | {None})
    if lost:
        raise InputError(
            f"ports of bluegreen_container have none named {', '.join(lost)}, which the Service and the readiness "
            "probe lead to: list it with the others."
        )


def _merged(there: Any, wanted: Any) -> Any:
    """https://www.rfc-editor.org/rfc/rfc7386#section-2, which makes a copy of what Ansible templates lazily, too."""
    if not isinstance(wanted, Mapping):
        return [_merged(None, each) for each in wanted] if _is_list(wanted) else wanted
    merged = dict(there) if isinstance(there, Mapping) else {}
    for key, value in wanted.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, default=str)
