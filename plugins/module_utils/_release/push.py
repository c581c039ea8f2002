# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a Git server's webhook says was pushed: whether it is for the branch that is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def why_not_deployed(payload: Mapping[str, Any], branch: str) -> str:
    """Why a push asks for no deploy; empty where it does.

    ``payload`` is that of a push event, in which GitHub and GitLab have the same names: the new commit is ``after``, all
    zeros where the branch was deleted. Sources: docs.github.com, Webhook events and payloads, push;
    docs.gitlab.com, Webhook events, Push events.
    """
    wanted = f"refs/heads/{branch}"
    ref, commit = payload.get("ref"), payload.get("after")
    if not ref or not commit:
        return "the webhook tells of no push"
    if ref != wanted:
        return f"{ref} was pushed, not {wanted}"
    return f"{wanted} was deleted" if not str(commit).strip("0") else ""
