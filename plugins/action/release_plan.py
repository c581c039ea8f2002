# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._door import Door, find_module


class ActionModule(Door):
    module = find_module("release_plan", "kubernetes")
