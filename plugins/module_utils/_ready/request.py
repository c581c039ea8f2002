# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What k8s_wait_ready is asked to wait for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import Ask
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.selectors import parse_selector
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import KINDS

# Whose number of replicas somebody sets.
REPLICATED = ("Deployment", "StatefulSet")

WORKLOAD_SPEC: dict[str, dict[str, Any]] = {
    "kind": {"type": "str", "default": "Deployment"},
    "api_version": {"type": "str"},
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "label_selectors": {"type": "list", "elements": "str"},
    "condition": {"type": "str"},
    "node_ports": {"type": "list", "elements": "int"},
    "pod_labels": {"type": "dict"},
    "replicas": {"type": "int"},
}


def read_asks(params: Mapping[str, Any]) -> list[Ask]:
    """The module's one workload, or its list of them; an InputError names what is wrong."""
    workloads = params.get("workloads")
    if workloads is None:
        return [_ask(params)]
    if not workloads:
        raise InputError("workloads is an empty list; name at least one.")
    shared = params.get("namespace")
    return [_ask({**each, "namespace": each.get("namespace") or shared}) for each in workloads]


def _ask(asked: Mapping[str, Any]) -> Ask:
    kind, condition = asked["kind"], asked.get("condition") or ""
    name, selector = asked.get("name") or "", ",".join(asked.get("label_selectors") or ())
    namespace = asked.get("namespace") or ""
    if bool(name) == bool(selector):
        both = f'both name "{name}" and label_selectors "{selector}" were'
        given = both if name else "neither was"
        raise InputError(f"A {kind} is asked for by name or by label_selectors; {given} given.")
    if kind not in KINDS and not condition:
        raise InputError(
            f'For kind "{kind}" nobody but you can say what ready means: give a condition, '
            f"or one of the kinds {', '.join(KINDS)}."
        )
    if kind in KINDS and not namespace:
        raise InputError(f'{kind} "{name or selector}" lives in a namespace; name it with namespace.')
    api_version = asked.get("api_version") or KINDS.get(kind)
    if api_version is None:
        raise InputError(
            f'For kind "{kind}" give its api_version as well (kubectl api-resources lists them).'
        )
    if selector:
        try:
            parse_selector(selector)
        except ValueError as error:
            raise InputError(f"label_selectors: {error}.") from error
    holds = _compiled(condition) if condition else None
    node_ports = tuple(asked.get("node_ports") or ())
    if node_ports and kind != "Service":
        raise InputError(f"node_ports is for a Service; a {kind} has none.")
    labels = asked.get("pod_labels") or {}
    replicas = asked.get("replicas") or 0
    if replicas and kind not in REPLICATED:
        raise InputError(f"replicas is for {' or '.join(REPLICATED)}; a {kind} has no number to be told.")
    return Ask(api_version, kind, namespace, name, selector, condition, holds, node_ports, labels, replicas)


def _compiled(condition: str) -> Callable[[Mapping[str, Any]], bool]:
    try:
        # Here, because it costs every wait 40 ms and few need it.
        import jmespath
    except ImportError as error:
        raise InputError(
            f"condition needs the Python package jmespath; install it for {sys.executable}."
        ) from error
    try:
        expression = jmespath.compile(condition)
    except jmespath.exceptions.JMESPathError as error:
        told = " ".join(str(error).split())
        raise InputError(f'condition "{condition}" is no JMESPath expression: {told}') from error

    def holds(thing: Mapping[str, Any]) -> bool:
        try:
            return bool(expression.search(thing))
        except jmespath.exceptions.JMESPathError:
            # A function of a field that the object does not have yet.
            return False

    return holds
