# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pod_settings
short_description: Rendered manifests with further settings of their pods
version_added: 0.2.0
description:
  - Merges mappings into the pods' specification of every Deployment in a rendered template, and into that of their
    first container. Mappings are merged key by key, V(null) takes a key away, and anything else, lists too, takes the
    place of what the template has.
  - Made for the role P(octoblu.bluegreen.bluegreen#role) and for templates that take the place of its own.
positional: pod, container
author:
  - Octoblu contributors (@octoblu)
options:
  _input:
    description: The text of the manifests, YAML or JSON. Where nothing is to be merged it stays as it is.
    type: str
    required: true
  pod:
    description: What to merge into the pods' C(spec). It cannot have C(containers).
    type: dict
  container:
    description:
      - What to merge into the first of its C(containers). It can have neither C(name) nor C(image), and its C(ports)
        have to keep the names that the template's have.
      - C(env) and C(envFrom) are refused where the template has some.
    type: dict
"""

EXAMPLES = r"""
# The beginning and the end of a template for bluegreen_manifests.
- name: Give a template's Deployment what bluegreen_pod and bluegreen_container say
  ansible.builtin.copy:
    dest: shop.yml.j2
    content: |
      {% raw %}{% filter octoblu.bluegreen.pod_settings(bluegreen_pod, bluegreen_container) %}
      apiVersion: apps/v1
      kind: Deployment
      ...
      {% endfilter %}{% endraw %}
"""

RETURN = r"""
_value:
  description: The manifests.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.pod_settings import with_settings


def pod_settings(
    manifests: str, pod: Mapping[str, Any] | None = None, container: Mapping[str, Any] | None = None
) -> str:
    try:
        return with_settings(manifests, pod or {}, container or {})
    except InputError as error:
        raise AnsibleFilterError(error.message) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"pod_settings": pod_settings}
