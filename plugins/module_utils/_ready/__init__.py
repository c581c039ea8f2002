# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Is it ready, and will it ever be? Pure functions over objects as Kubernetes writes them.

``pods`` reads a Pod into what matters of it, ``workloads`` judges a workload by its own status and
its pods, ``patience`` decides when a cause has stood long enough to be certain, ``words`` tells it.
"""
