#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_object
short_description: Make an object in AWX with whichever of its collections is installed
version_added: 0.2.0
description:
  - Made for the role P(octoblu.bluegreen.awx_setup#role). Runs the module of C(awx.awx), or, where that is not installed, the one of
    the same name of C(ansible.controller), which Automation Controller comes with.
  - The server is told to both by the environment of C(ansible-playbook), in C(CONTROLLER_HOST) and C(CONTROLLER_OAUTH_TOKEN), or
    C(CONTROLLER_USERNAME) and C(CONTROLLER_PASSWORD).
options:
  kind:
    description: The module's name without its collection, for example V(job_template).
    type: str
    required: true
  spec:
    description: The module's options.
    type: dict
    required: true
  secret_keys:
    description: Keys anywhere in O(spec) whose texts are taken out of the result and of errors.
    type: list
    elements: str
    default: []
author:
  - Octoblu contributors (@octoblu)
extends_documentation_fragment:
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.action
"""

EXAMPLES = r"""
- name: Make an organization
  octoblu.bluegreen.awx_object:
    kind: organization
    spec: {name: Bluegreen}
"""

RETURN = r"""
collection:
  description: The collection whose module it was. All else is what the module has returned.
  returned: always
  type: str
  sample: awx.awx
id:
  description: The object's number at the server.
  returned: success, but in check mode where the object would be made
  type: int
  sample: 12
"""
