# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The work of M(octoblu.bluegreen.k8s_lock)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import Cluster
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    ClusterError,
    InputError,
    LockedError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Result, Show
from ansible_collections.octoblu.bluegreen.plugins.module_utils._process import (
    controller,
    process_gone,
    user_and_host,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.lock import (
    API_VERSION,
    Hold,
    describe_hold,
    freed,
    held,
    held_by,
    is_over,
    lost_to,
    read_hold,
)

# How often a lock that somebody else holds is looked at, in seconds.
_LOOK_EVERY = 1.0
# How often a write is tried again whose answer was lost, or that somebody else's came before.
_TRIES = 20


@dataclass(frozen=True)
class _Seen:
    """The Lease as it was read, and what that means now."""

    lease: Mapping[str, Any] | None
    hold: Hold | None
    over: bool
    now: float

    @property
    def version(self) -> str:
        return str(self.lease["metadata"]["resourceVersion"]) if self.lease else ""

    def takeable(self, take_from: Sequence[str]) -> bool:
        return self.hold is None or self.over or self.hold.phase in take_from


def run(params: Mapping[str, Any], check_mode: bool, client: Cluster, show: Show) -> Result:
    if params["seconds"] < 1:
        raise InputError(f"seconds is {params['seconds']}; a hold lasts at least 1 second.")
    if params["wait"] < 0:
        raise InputError(f"wait is {params['wait']}; it must be 0 or more.")
    name, namespace, token = params["name"], params["namespace"], params["token"]
    if check_mode:
        return _would(params, _look(client, name, namespace))
    if params["state"] == "free":
        return free(client, name, namespace, token, params["take_from"])
    if token:
        phase, seconds = params["phase"], params["seconds"]
        return renew(client, name, namespace, token, phase, seconds, params["holder"], params["purpose"])
    return _acquire(client, params, show)


def check_held(client: Cluster, name: str, namespace: str, token: str) -> None:
    """Raise a LockedError unless the lock is still the hold's with this token."""
    hold = _look(client, name, namespace).hold
    if hold is None or hold.token != token:
        raise _lost(name, hold)


def renew(
    client: Cluster,
    name: str,
    namespace: str,
    token: str,
    phase: str,
    seconds: int,
    holder: str | None = None,
    purpose: str = "",
) -> Result:
    """Begin a phase of the hold with this token, for so many seconds; a LockedError when that is over."""
    for _try in range(_TRIES):
        seen = _look(client, name, namespace)
        if seen.hold is None or seen.hold.token != token:
            raise _lost(name, seen.hold)
        hold = replace(
            seen.hold,
            holder=holder or seen.hold.holder,
            purpose=purpose or seen.hold.purpose,
            phase=phase,
            renewed=seen.now,
            seconds=seconds,
        )
        written = _write(client, name, namespace, seen, held(seen.lease, hold, name))
        if written is not None:
            return _result(True, hold.token, written)
    raise _too_often(name)


def free(
    client: Cluster, name: str, namespace: str, token: str | None, take_from: Sequence[str] = ()
) -> Result:
    """Free the hold with this token; without one, anybody's that is over or in one of the phases."""
    for _try in range(_TRIES):
        seen = _look(client, name, namespace)
        if seen.lease is None or seen.hold is None or (token and seen.hold.token != token):
            return _result(False, None, seen.version)
        if not token and not seen.takeable(take_from):
            raise _refused(name, seen, "unlocked")
        written = _write(client, name, namespace, seen, freed(seen.lease, name, seen.now))
        if written is not None:
            taken_from = None if token else describe_hold(seen.hold, seen.over)
            return _result(True, None, written, taken_from=taken_from)
    raise _too_often(name)


def _would(params: Mapping[str, Any], seen: _Seen) -> Result:
    token = params["token"]
    ours = bool(token) and seen.hold is not None and seen.hold.token == token
    if not ours and not seen.takeable(params["take_from"]):
        raise _refused(params["name"], seen, "unlocked" if params["state"] == "free" else "taken")
    changed = seen.hold is not None if params["state"] == "free" else True
    taken_from = describe_hold(seen.hold, seen.over) if seen.hold and not ours else None
    return _result(changed, None, seen.version, taken_from=taken_from)


def _acquire(client: Cluster, params: Mapping[str, Any], show: Show) -> Result:
    name, namespace, expected = params["name"], params["namespace"], params["expect_version"]
    user, host = user_and_host()
    token = secrets.token_hex(8)
    give_up = time.monotonic() + params["wait"]
    contended, told, taken_from, writes = False, None, None, 0
    while True:
        seen = _look(client, name, namespace)
        if seen.hold and seen.hold.token == token:
            # The answer to the write was lost.
            return _result(True, token, seen.version, contended, taken_from)
        contended = contended or expected not in (None, seen.version)
        if seen.takeable(params["take_from"]):
            if seen.hold:
                # Until now it may have changed anything, and left no trace of that in the Lease.
                taken_from, contended = describe_hold(seen.hold, seen.over), True
            hold = Hold(
                token=token,
                holder=params["holder"] or f"{user}@{host}",
                purpose=params["purpose"],
                phase=params["phase"],
                host=host,
                process=controller(),
                since=seen.now,
                renewed=seen.now,
                seconds=params["seconds"],
            )
            written = _write(client, name, namespace, seen, held(seen.lease, hold, name))
            if written is not None:
                return _result(True, token, written, contended, taken_from)
            # Somebody was quicker, or the answer was lost: the next look tells.
            writes += 1
            if writes == _TRIES:
                raise _too_often(name)
            continue
        contended = True
        left = give_up - time.monotonic()
        if left <= 0:
            raise _refused(name, seen, "taken")
        if seen.hold and seen.hold.token != told:
            show(f"waiting for lock {name}, {held_by(seen.hold)}")
            told = seen.hold.token
        time.sleep(min(_LOOK_EVERY, left))


def _look(client: Cluster, name: str, namespace: str) -> _Seen:
    lease = client.get(API_VERSION, "Lease", name, namespace)
    now = client.now() or time.time()
    hold = read_hold(lease)
    over = hold is not None and is_over(hold, now, process_gone(hold.host, hold.process))
    return _Seen(lease, hold, over, now)


def _write(client: Cluster, name: str, namespace: str, seen: _Seen, wanted: dict[str, Any]) -> str | None:
    """The version that was written; None where somebody else wrote first, or nobody knows."""
    try:
        if seen.lease is None:
            written = client.create(API_VERSION, "Lease", namespace, wanted)
        else:
            written = client.replace(API_VERSION, "Lease", name, namespace, wanted)
    except ClusterError as error:
        if error.details["status"] not in (None, 409):
            raise
        return None
    return str(written["metadata"]["resourceVersion"])


def _refused(name: str, seen: _Seen, verb: str) -> LockedError:
    hold = seen.hold
    if hold is None:
        raise AssertionError("a lock that nobody holds is not refused")
    # A swap is not broken into, and its hold is short.
    advice = ", or, if that run is dead, free the lock with unlock.yml" if hold.phase != "swap" else ""
    return LockedError(
        f"The lock {name} cannot be {verb}: it is {held_by(hold)}. Wait for that{advice}.",
        locked=True,
        lock=describe_hold(hold, seen.over),
    )


def _lost(name: str, hold: Hold | None) -> LockedError:
    lock = describe_hold(hold, over=False) if hold else None
    return LockedError(lost_to(name, hold), locked=True, lost=True, lock=lock)


def _too_often(name: str) -> ClusterError:
    return ClusterError(
        f"The lock {name} could not be written: others were first, or no answer came, at every one of {_TRIES} tries. "
        "Look at the cluster, and run again.",
        status=409,
        reason="Conflict",
    )


def _result(
    changed: bool,
    token: str | None,
    version: str,
    contended: bool = False,
    taken_from: Result | None = None,
) -> Result:
    return {
        "changed": changed,
        "token": token,
        "version": version,
        "contended": contended,
        "taken_from": taken_from,
    }
