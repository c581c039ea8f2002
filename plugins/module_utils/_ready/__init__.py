# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Is it ready, and will it ever be? Pure functions over objects as Kubernetes writes them.

From the small to the whole: ``causes`` (what may be wrong, and for how long that may still pass),
``containers``, ``pods`` and ``events`` (what matters of each), ``trouble`` (what they say together),
``verdicts``, ``rollouts`` and ``workloads`` (whether a workload is ready at one moment), ``patience``
(what is certain over time), ``selectors`` and ``scene`` (what was asked for, seen, and must be
watched), ``words`` (how a person is told).
"""
