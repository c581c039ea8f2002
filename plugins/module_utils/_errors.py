# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What can go wrong, one type a layer."""

from __future__ import annotations

from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN


class BluegreenError(Exception):
    """A failure told in one sentence; ``details`` are raw values for the result's extra keys.

    Neither holds a secret that is known by now, because both may be written down before the run ends.
    """

    def __init__(self, message: str, **details: Any) -> None:
        message = KNOWN.mask_error(message)
        super().__init__(message)
        self.message = message
        self.details = {name: KNOWN.mask_error(value) for name, value in details.items()}


class InputError(BluegreenError):
    """What was asked for cannot be done; nothing has been written."""


class RouterError(BluegreenError):
    """The load balancer's API refused or did not answer."""


class ApiError(RouterError):
    """A call that AWS refused or did not answer.

    ``code`` is AWS's, or the exception's name where no answer came. ``transient`` means that the
    same call may succeed later; ``unknown`` that it may have taken effect already.
    """

    def __init__(self, message: str, code: str, transient: bool = False, unknown: bool = False) -> None:
        super().__init__(message, error_code=code)
        self.code = code
        self.transient = transient
        self.unknown = unknown


class ClusterError(BluegreenError):
    """The Kubernetes API refused or did not answer."""


class NotReadyError(BluegreenError):
    """A workload is not ready in time, or never will be; the first line of the message is the cause."""


class LockedError(BluegreenError):
    """Somebody else holds the lock, or has taken it; ``details`` have ``locked`` and the ``lock``."""
