# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This document fragment is private to octoblu.bluegreen and may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and says what it would do, without changing anything.
  diff_mode:
    description: Shows in C(--diff) what has changed, or would change.
  idempotent:
    description: Run a second time in a row with the same parameters, it reports no change.
"""

    # For a module that changes nothing.
    FACTS = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
"""

    # For a module that changes something.
    WRITES = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    # For an action that no module stands behind.
    ACTION = r"""
attributes:
  action:
    description: Runs in Ansible's own process.
    support: full
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
"""
