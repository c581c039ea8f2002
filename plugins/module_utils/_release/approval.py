# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""A plan that somebody has approved: whether what it was made of still stands when it is to be carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._release.release import Release

_TOLD = 4


@dataclass(frozen=True)
class Approval:
    """What a plan must find again.

    ``release`` was to serve on ``color``; ``live`` is the color that served, ``serving`` its release, None where that is
    of no deploy. The router has its ``fingerprint``, and ``touched`` what a swap of it touches, in words by name.
    """

    color: str
    release: Release | None
    live: str | None
    serving: Release | None
    fingerprint: str
    touched: Mapping[str, str]

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "color": self.color,
            **_release_facts(self.release, ""),
            "previous_color": self.live,
            **_release_facts(self.serving, "previous_"),
            "fingerprint": self.fingerprint,
            "router": dict(self.touched),
        }


def read_approval(plans: Mapping[str, Any], app: str) -> Approval:
    """The plan of an application among those that were approved, each by its application's name, or within its result.

    Raises InputError where there is none for it, or where it is none of ours.
    """
    if app not in plans:
        raise InputError(
            f"bluegreen_plan is of {', '.join(sorted(map(str, plans)))}, not of {app}: what is not planned is not approved. "
            f"Plan {app} with --check, and have that approved."
        )
    try:
        plan = plans[app].get("plan", plans[app])
        return Approval(
            str(plan["color"]),
            _release_of(plan, ""),
            plan["previous_color"],
            _release_of(plan, "previous_"),
            str(plan["fingerprint"]),
            {str(name): str(text) for name, text in plan["router"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"bluegreen_plan has no plan of {app} as a run with --check leaves it ({type(error).__name__}: {error}): "
            "hand on what that run has set with set_stats as it is."
        ) from error


def check_approval(approved: Approval, now: Approval, app: str, under_way: str | None = None) -> None:
    """Refuse a plan that is another one by now.

    What was approved may serve already, and its own swap may be ``under_way`` to a color, cut off: both are not kept
    from being found so, or finished.
    """
    if approved.release and approved.release == now.serving:
        return
    changes = [*_decided_otherwise(approved, now)]
    if under_way != approved.color:
        changes = [*_found_otherwise(approved, now), *changes]
    if changes:
        more = len(changes) - _TOLD
        told = "; ".join(changes[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise InputError(
            f"This is not what was approved for {app}: {told}. Plan it anew with --check, and have that approved.",
            changes=changes,
        )


def check_found(approved: Approval, now: Approval, app: str, under_way: str | None = None) -> None:
    """The same before anything is decided, of what was found alone."""
    check_approval(approved, replace(now, color=approved.color, release=approved.release), app, under_way)


def _found_otherwise(then: Approval, now: Approval) -> Iterator[str]:
    if (then.live, _commit(then.serving)) != (now.live, _commit(now.serving)):
        yield f"{_served(then, 'was')} then, and {_served(now, 'is')} now"
    elif then.serving != now.serving:
        yield f"{_commit(then.serving)} is live with manifests {_manifest(now.serving)} now, not {_manifest(then.serving)}"
    if then.fingerprint == now.fingerprint:
        return
    names = {**then.touched, **now.touched}
    told = [
        f"{name} was {then.touched.get(name, 'not there')}, and is {now.touched.get(name, 'not there')}"
        for name in names
        if then.touched.get(name) != now.touched.get(name)
    ]
    yield from told or [f"the router's fingerprint was {then.fingerprint}, and is {now.fingerprint}"]


def _decided_otherwise(then: Approval, now: Approval) -> Iterator[str]:
    if then.color != now.color:
        yield f"{_named(then)} was to serve on {then.color}, and would on {now.color}"
    if _commit(then.release) != _commit(now.release):
        yield f"{_named(then)} was to serve, and {_named(now)} would"
    elif then.release != now.release:
        yield (
            f"{_named(then)} was planned with manifests {_manifest(then.release)}, and has {_manifest(now.release)} now"
        )


def _served(plan: Approval, verb: str) -> str:
    if plan.live is None:
        return f"no color {verb} live"
    return f"{_commit(plan.serving) or 'a release of no deploy'} {verb} live on {plan.live}"


def _named(plan: Approval) -> str:
    return _commit(plan.release) or "what is there"


def _commit(release: Release | None) -> str:
    return release.commit if release else ""


def _manifest(release: Release | None) -> str:
    return release.manifest if release else "none"


def _release_facts(release: Release | None, prefix: str) -> dict[str, str | None]:
    return {
        f"{prefix}commit": release.commit if release else None,
        f"{prefix}manifest": release.manifest if release else None,
    }


def _release_of(plan: Mapping[str, Any], prefix: str) -> Release | None:
    commit, manifest = plan[f"{prefix}commit"], plan[f"{prefix}manifest"]
    return None if commit is None else Release(str(commit), str(manifest))
