# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Why something does not get ready, and for how long that may still turn out to be nothing.

A false alarm is the worst error of a wait: it throws away a good release. So each cause carries the
seconds that it must stand, uninterrupted and seen by us, before it is called certain.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

NEVER = math.inf
# The watches of different kinds run apart: for a moment an old pod can look like one of the newest
# release. Nothing is certain before this has passed.
SETTLE = 2.0
# Kubelet looks at a container that it could not create again after ten seconds.
KUBELET_PASS = 12.0
# A quota can be held by pods that are just going, an admission webhook can be restarting.
CREATE_REFUSED = 10.0
# Pulls are tried at 0, 12, 35, 88 and 174 seconds: five refusals.
PULL_REPEATED = 180.0
PULL_DENIED = 20.0
# A workload that was asked for by name or selector, applied a moment ago by somebody else.
APPEAR = 10.0
CONTAINER_NOT_CREATED = 60.0
VOLUME_UNBOUND = 60.0
# When a container is still being created after this, its events may say what it waits for.
LOOK_AFTER = 8.0

_QUOTED = re.compile(r'"[^"]*"')
_NOT_FOUND = re.compile(r"not found|manifest unknown|name unknown|no such image", re.IGNORECASE)
_INVALID = re.compile(r"invalid reference format|couldn't parse image|no match for platform", re.IGNORECASE)
_DENIED = re.compile(r"denied|unauthorized|forbidden|authorization|no basic auth", re.IGNORECASE)
# Between the node and the registry, or the registry's own: it can pass.
_TROUBLE = re.compile(
    r"(dial|lookup|read) (tcp|udp)|\b(429|5\d\d) |toomanyrequests|time(d )?out|deadline exceeded|\bEOF\b",
    re.IGNORECASE,
)
_CACHE = re.compile(r"failed to sync .* cache", re.IGNORECASE)
_ABSENT = re.compile(
    r"not found|non-existent|couldn't find key|no such file|permission denied", re.IGNORECASE
)
# In the words of runc and crun, where they say that it is the executable which they speak of.
_NOT_EXECUTABLE = re.compile(
    r"\bexec(utable)?\b.*(not found|no such file|permission denied|(is a|not a) directory|format error)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that stands between an object and being ready.

    ``subject`` is the object's name, ``key`` the same for as long as it is the same trouble of the
    same object, ``code`` Kubernetes' word for it. ``patience`` is how many seconds it must stand to
    be certain, NEVER when it can always still go away. After ``look_after`` seconds the object's
    events are worth reading.
    """

    subject: str
    key: str
    code: str
    text: str
    patience: float
    look_after: float = NEVER

    @property
    def told(self) -> str:
        return f"{self.subject}: {self.text}"


def image_patience(code: str, message: str) -> float:
    """How long an image that cannot be pulled may still turn up: ``message`` is the registry's."""
    if code in ("InvalidImageName", "ErrImageNeverPull") or image_is_absent(message):
        return SETTLE
    told = _QUOTED.sub('""', message)
    return PULL_DENIED if _DENIED.search(told) and not _TROUBLE.search(told) else PULL_REPEATED


def image_is_absent(message: str) -> bool:
    """Whether the registry has answered, and that there is no such image; its name may say anything."""
    told = _QUOTED.sub('""', message)
    if _INVALID.search(told):
        return True
    return bool(_NOT_FOUND.search(told)) and not _TROUBLE.search(told)


def config_patience(message: str) -> float:
    """For CreateContainerConfigError, whose object may be applied a moment after its Deployment."""
    return NEVER if _CACHE.search(message) else KUBELET_PASS


def create_patience(message: str) -> float:
    """For CreateContainerError: a command that is not there stays away, a busy node does not."""
    return KUBELET_PASS if _ABSENT.search(message) else CONTAINER_NOT_CREATED


def is_not_executable(message: str) -> bool:
    """Whether the runtime could not start a container for want of what it is told to run."""
    return bool(_NOT_EXECUTABLE.search(message))


def mount_patience(message: str, count: int) -> float:
    """For FailedMount: certain when a named object is absent and was so several times."""
    absent = _ABSENT.search(message) and not _CACHE.search(message)
    return SETTLE if absent and count >= 4 else NEVER


def scheduling_patience(message: str, grace: float) -> float:
    """For Unschedulable; a claim that is still being provisioned is given more than ``grace``."""
    return max(grace, VOLUME_UNBOUND) if "unbound immediate PersistentVolumeClaims" in message else grace


def one_line(text: str, length: int = 300) -> str:
    """``text`` on one line of at most ``length`` characters, its middle left out when longer."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = length * 2 // 3
    return f"{text[:head]} ... {text[len(text) - (length - head - 5) :]}"
