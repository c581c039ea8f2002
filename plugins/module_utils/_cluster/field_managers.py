# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The names under which this collection writes fields of objects."""

from __future__ import annotations

MANAGER = "octoblu.bluegreen"
# Scaling is apart: what is applied next says nothing of replicas unless the manifests do.
SCALE_MANAGER = f"{MANAGER}.scale"
