# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A lock as a Lease: who holds it, for what, and until when at the latest.

The Lease stays when the lock is freed, so that its resourceVersion says whether anybody has had the
lock since it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

Object = dict[str, Any]

API_VERSION = "coordination.k8s.io/v1"

_TOKEN = "octoblu.bluegreen/token"
_PURPOSE = "octoblu.bluegreen/purpose"
_PHASE = "octoblu.bluegreen/phase"
_HOST = "octoblu.bluegreen/host"
_PROCESS = "octoblu.bluegreen/process"
_OURS = (_TOKEN, _PURPOSE, _PHASE, _HOST, _PROCESS)
_NO_VERSION = "0"
# The API server tells its time in whole seconds, so that what lies between two of its times can be so much longer.
_CLOCK_GRAIN = 1.0


@dataclass(frozen=True)
class Hold:
    """One run's hold of a lock.

    ``token`` is the run's own; ``holder`` is for people. ``process`` names the holder's process on
    ``host``, empty where that is not known. ``since`` and ``renewed`` are seconds since the epoch by
    the API server's clock; ``seconds`` after ``renewed`` the hold ends by itself.
    """

    token: str
    holder: str
    purpose: str
    phase: str
    host: str
    process: str
    since: float
    renewed: float
    seconds: int

    @property
    def until(self) -> float:
        return self.renewed + self.seconds


def name_of_lock(app: str) -> str:
    """The name of an application's Lease."""
    return f"{app}-lock"


def read_hold(lease: Mapping[str, Any] | None) -> Hold | None:
    """Who holds the lock, None when nobody does. A Lease of somebody else's making is read as far as it goes."""
    spec = (lease or {}).get("spec") or {}
    if lease is None or not spec.get("holderIdentity"):
        return None
    notes = lease["metadata"].get("annotations") or {}
    renewed = _epoch(spec.get("renewTime") or spec.get("acquireTime"))
    return Hold(
        token=notes.get(_TOKEN, ""),
        holder=spec["holderIdentity"],
        purpose=notes.get(_PURPOSE, ""),
        phase=notes.get(_PHASE, ""),
        host=notes.get(_HOST, ""),
        process=notes.get(_PROCESS, ""),
        since=_epoch(spec.get("acquireTime")) or renewed,
        renewed=renewed,
        seconds=int(spec.get("leaseDurationSeconds") or 0),
    )


def is_over(hold: Hold, now: float, process_gone: bool) -> bool:
    """Whether a hold has ended by itself; ``process_gone`` means that its holder is known to be dead."""
    return process_gone or now > hold.until


def held(lease: Mapping[str, Any] | None, hold: Hold, name: str) -> Object:
    """The Lease with a hold, made of the one that was read so that writing it is a compare-and-set."""
    there = (lease or {}).get("spec") or {}
    spec = {
        "holderIdentity": hold.holder,
        "leaseDurationSeconds": hold.seconds,
        "acquireTime": _micro_time(hold.since),
        "renewTime": _micro_time(hold.renewed),
        "leaseTransitions": int(there.get("leaseTransitions") or 0)
        + (there.get("holderIdentity") != hold.holder),
    }
    notes = {
        _TOKEN: hold.token,
        _PURPOSE: hold.purpose,
        _PHASE: hold.phase,
        _HOST: hold.host,
        _PROCESS: hold.process,
    }
    return _lease(lease, name, notes, spec)


def version_to_expect(lease: Mapping[str, Any] | None, now: float, looked_ago: float) -> str:
    """The Lease's version, as long as nobody has had the lock since one looked elsewhere ``looked_ago`` seconds ago.

    Where somebody has, it is a version that no object ever has. Empty where there is no Lease yet. ``now`` is the
    API server's clock, by which the Lease tells when it was held last; how long ago one looked is a span, so that
    two clocks are never compared.
    """
    if lease is None:
        return ""
    held_ago = now - _epoch((lease.get("spec") or {}).get("renewTime"))
    return _NO_VERSION if held_ago < looked_ago + _CLOCK_GRAIN else str(lease["metadata"]["resourceVersion"])


def freed(lease: Mapping[str, Any], name: str, now: float) -> Object:
    """The Lease without a hold, and with the time of its end."""
    there = lease.get("spec") or {}
    kept = {key: there[key] for key in ("leaseTransitions",) if key in there}
    return _lease(lease, name, {}, {**kept, "renewTime": _micro_time(now)})


def describe_hold(hold: Hold, over: bool) -> Object:
    """A hold in plain values, as users see it."""
    return {
        "holder": hold.holder,
        "purpose": hold.purpose,
        "phase": hold.phase,
        "host": hold.host,
        "since": _told(hold.since),
        "until": _told(hold.until),
        "over": over,
    }


def held_by(hold: Hold) -> str:
    """The sentence for who is refused."""
    return f"held by {hold.holder}{_about(hold)} since {_told(hold.since)}, until {_told(hold.until)} at the latest"


def lost_to(name: str, hold: Hold | None) -> str:
    """The sentence for whose hold has ended before it was given back."""
    who = f"{hold.holder}{_about(hold)} has had it since {_told(hold.since)}" if hold else "nobody has it now"
    return f"The lock {name} is no longer this run's: {who}. Nothing more is done; look at the status, and run again."


def _about(hold: Hold) -> str:
    phase = f", phase {hold.phase}" if hold.phase else ""
    return f" ({hold.purpose}{phase})" if hold.purpose else phase


def _lease(
    lease: Mapping[str, Any] | None, name: str, notes: Mapping[str, str], spec: Mapping[str, Any]
) -> Object:
    metadata = dict((lease or {}).get("metadata") or {"name": name})
    foreign = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _OURS}
    metadata["annotations"] = {**foreign, **notes}
    return {"apiVersion": API_VERSION, "kind": "Lease", "metadata": metadata, "spec": dict(spec)}


def _micro_time(epoch: float) -> str:
    """Kubernetes wants six decimals and a zone."""
    moment = datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=round(epoch * 1_000_000))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _epoch(text: Any) -> float:
    """Seconds since the epoch; 0 for what is no time."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def _told(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
