#!/usr/bin/python
# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_settings
short_description: Check the variables of the role bluegreen
version_added: 0.2.0
description:
  - Made for the role P(octoblu.bluegreen.bluegreen#role), which begins with it. Refuses a variable that the role does not
    have, one that is missing and one that cannot be what it has to be, in a sentence each with the nearest right name.
  - Ansible's own check of an argument spec shows the whole of it, and would come first if the spec had an entry C(main).
options:
  returned:
    description: What the role's tasks have registered so far, by name, which is of a run before this one.
    type: dict
    default: {}
author:
  - Octoblu contributors (@octoblu)
extends_documentation_fragment:
  - octoblu.bluegreen._attributes
  - octoblu.bluegreen._attributes.action
"""

EXAMPLES = r"""
- name: Check the settings
  octoblu.bluegreen.release_settings:
"""

RETURN = r"""
refused:
  description: What is wrong with them, empty where nothing is. It is no failure, so that the role can say how the run ended.
  returned: success
  type: str
nothing:
  description: Why a run that a push has started has nothing to do; empty for any other run.
  returned: success
  type: str
  sample: refs/heads/topic was pushed, not refs/heads/main
started:
  description: When the run began, in seconds since the epoch.
  returned: success
  type: float
  sample: 1760000000.123
before:
  description: When each of what O(returned) holds was returned, in seconds since the epoch.
  returned: success
  type: dict
  sample: {plan: 1760000000.123}
check_mode:
  description: Whether the tasks of the role run in check mode, whoever asked for it, the command line, a play or a task.
  returned: success
  type: bool
instead:
  description: The role's default of each variable that was given empty, by its name.
  returned: success
  type: dict
  sample: {bluegreen_replicas: 2}
at:
  description: When it was done, in seconds since the epoch.
  returned: always
  type: float
  sample: 1760000000.123
"""
