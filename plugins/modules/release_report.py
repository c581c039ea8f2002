#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_report
short_description: Say how a run of the role bluegreen ended
version_added: 0.2.0
description:
  - Made for the role P(octoblu.bluegreen.bluegreen#role), which ends with it, twice. Hands the result on, as a fact, as
    P(ansible.builtin.set_stats#module) does and into a file, and makes a few lines of it for a person; then, with
    O(screen), shows these, and fails where the run has failed.
options:
  returned:
    description: What the role's tasks have registered, by name. Needed without O(screen).
    type: dict
  before:
    description: As RV(octoblu.bluegreen.release_settings#module:before).
    type: dict
    default: {}
  asked:
    description: What the run is for. Without it nothing was done, as O(left_out) says.
    type: dict
  refused:
    description: As RV(octoblu.bluegreen.release_settings#module:refused); then nothing was done.
    type: str
    default: ""
  nothing:
    description: As RV(octoblu.bluegreen.release_settings#module:nothing).
    type: str
    default: ""
  left_out:
    description: The C(msg) for a run that left out the role's beginning, and whether it C(fails) for that.
    type: dict
  screen:
    description: What RV(screen) was before, to show it.
    type: dict
  file:
    description: A file for the result, as JSON.
    type: path
author:
  - Octoblu contributors (@octoblu)
extends_documentation_fragment:
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.action
"""

EXAMPLES = r"""
- name: Hand the result on
  octoblu.bluegreen.release_report:
    returned: "{{ returned }}"
    asked: "{{ asked }}"
  register: report

- name: Say how it ended
  octoblu.bluegreen.release_report:
    screen: "{{ report.screen }}"
"""

RETURN = r"""
screen:
  description: How it ended, in C(head) and C(lines) of a label and a text, whether all is C(good), and whether the run C(fails).
  returned: without O(screen)
  type: dict
msg:
  description: How it ended, line by line; of a run that failed the first line.
  returned: with O(screen)
  type: raw
  sample: ["shop: 2b2b2b2 serves on green, after 4.5 s", "before: 1a1a1a1 on blue, kept ready"]
verdict:
  description: The other lines.
  returned: with O(screen), of a run that failed
  type: list
  elements: str
  sample: ["why: image \"shop:3c3c3c3\" not found"]
ansible_facts:
  description: The result of the run, by application, in C(bluegreen_result).
  returned: something was done
  type: dict
at:
  description: When it was done, in seconds since the epoch.
  returned: always
  type: float
  sample: 1760000000.123
"""
