# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What matters of a container: how it runs, how it ended, and what that says of its chances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    SETTLE,
    Cause,
    config_patience,
    create_patience,
    image_is_absent,
    image_patience,
    is_not_executable,
    one_line,
)

_PULL = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
)
_CRASH = ("CrashLoopBackOff", "RunContainerError", "ContainerCannotRun", "StartError")
# It never ran: what containerd calls the one, docker called the other.
NOT_STARTED = ("StartError", "ContainerCannotRun")
# How kubelet marks a container whose end it did not see, as after the node's restart.
_LOST = ("ContainerStatusUnknown", "Unknown")
# Kubelet forgets its back-off after a run of ten minutes; such a run is no part of a loop.
_LONG_RUN = 600.0


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod. ``state`` is waiting, running or terminated, ``reason`` says why.

    ``since`` is when it was started or when it ended last. ``failed_runs`` is how often it has
    failed in a row, ``failure`` how it did so last (empty when it never has) and ``words`` what it
    said at that (its termination message, which may be the end of its log).
    """

    name: str
    init: bool
    state: str
    reason: str
    ready: bool
    restarts: int
    since: float | None
    failed_runs: int
    failure: str
    words: str
    cause: Cause | None

    @property
    def label(self) -> str:
        return f"{'init container' if self.init else 'container'} {self.name}"

    @property
    def last_failure(self) -> str:
        return f"{self.failure}: {self.words}" if self.words else self.failure


def read_containers(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[Container]:
    """Read a pod's containers, those of initialisation first; causes lack whose they are."""
    policy = str(spec.get("restartPolicy") or "Always")
    for init, field in ((True, "initContainer"), (False, "container")):
        specs = {each["name"]: each for each in spec.get(f"{field}s") or ()}
        for each in status.get(f"{field}Statuses") or ():
            yield _read(each, specs.get(each["name"], {}), init, policy)


def seconds(stamp: str | None) -> float | None:
    """Seconds since the epoch of a time as Kubernetes writes it."""
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp() if stamp else None


def _read(status: Mapping[str, Any], spec: Mapping[str, Any], init: bool, policy: str) -> Container:
    states: Mapping[str, Mapping[str, Any]] = status.get("state") or {"waiting": {}}
    state, detail = next(iter(states.items()))
    restarts = int(status.get("restartCount") or 0)
    last = (status.get("lastState") or {}).get("terminated") or {}
    ended = detail if state == "terminated" else last
    runs_for_ever = spec.get("restartPolicy") == "Always" or (policy == "Always" and not init)
    failed = bool(ended) and (runs_for_ever or ended.get("exitCode") != 0)
    container = Container(
        name=status["name"],
        init=init,
        state=state,
        reason=str(detail.get("reason") or ""),
        ready=bool(status.get("ready")) or (state == "terminated" and not failed),
        restarts=restarts,
        since=seconds(detail.get("startedAt") if state == "running" else ended.get("finishedAt")),
        failed_runs=_failed_runs(state, detail, ended, restarts) if failed else 0,
        failure=_ending(ended, spec) if failed else "",
        words=_words(ended) if failed else "",
        cause=None,
    )
    once = policy == "Never" and spec.get("restartPolicy") != "Always"
    cause = (
        _start_cause(container, ended, once)
        or _crash_cause(container)
        or _waiting_cause(container, detail, spec)
    )
    return replace(container, cause=cause) if cause else container


def _failed_runs(state: str, detail: Mapping[str, Any], ended: Mapping[str, Any], restarts: int) -> int:
    """By counters: the waiting reason CrashLoopBackOff can come many seconds late."""
    if ended.get("reason") in _LOST:
        return 0
    if state == "running":
        return restarts
    if state == "waiting" and detail.get("reason") not in _CRASH:
        return 0
    start, end = seconds(ended.get("startedAt")), seconds(ended.get("finishedAt"))
    # A container that could not even be started is said to have started in 1970.
    lived = end - start if start and end else 0.0
    return 1 if lived >= _LONG_RUN else restarts + 1


def _ending(ended: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """How a run ended, as in: exit code 1 (Error)."""
    reason, code = ended.get("reason") or "no reason given", ended.get("exitCode")
    if reason == "OOMKilled":
        limit = ((spec.get("resources") or {}).get("limits") or {}).get("memory")
        return f"killed at its memory limit{f' of {limit}' if limit else ''} (OOMKilled, exit code {code})"
    if reason in NOT_STARTED:
        # The runtime's own words stand at the end of a chain of wrapped errors.
        message = str(ended.get("message") or "").rpartition("unable to start container process: ")[2]
        return f"cannot be started: {one_line(message, 200) or 'no message'} ({reason}, exit code {code})"
    return f"exit code {code} ({reason})"


def _words(ended: Mapping[str, Any]) -> str:
    own = ended.get("reason") not in ("OOMKilled", *NOT_STARTED)
    return one_line(str(ended.get("message") or ""), 200) if own else ""


def _start_cause(container: Container, ended: Mapping[str, Any], once: bool) -> Cause | None:
    """What it is told to run is not in its image. One that is started ``once`` needs no second proof."""
    tried = container.failed_runs if container.state != "running" else 0
    if ended.get("reason") not in NOT_STARTED or tried < (1 if once else 2):
        return None
    if not is_not_executable(str(ended.get("message") or "")):
        return None
    text = f"{container.label}: {container.failure}"
    return Cause("", f"{container.name}/crash", str(ended["reason"]), text, SETTLE)


def _crash_cause(container: Container) -> Cause | None:
    """Twice in a row is a loop; once can be a slow start, or something that was not up yet."""
    if container.state == "running" or container.failed_runs < 2:
        return None
    text = (
        f"{container.label}: keeps crashing ({container.failed_runs} times so far): {container.last_failure}"
    )
    return Cause("", f"{container.name}/crash", "CrashLoopBackOff", text, SETTLE)


def _waiting_cause(container: Container, detail: Mapping[str, Any], spec: Mapping[str, Any]) -> Cause | None:
    reason, message = container.reason, str(detail.get("message") or "")
    if container.state != "waiting":
        return None
    if reason in _PULL:
        code = "ErrImagePull" if reason == "ImagePullBackOff" else reason
        text = f'image "{spec.get("image", "")}" {_image_words(reason, message)}'
        key, patience = "image", image_patience(reason, message)
    elif reason == "CreateContainerConfigError":
        code, text = reason, one_line(message)
        key, patience = "config", config_patience(message)
    elif reason == "CreateContainerError":
        code, text = reason, one_line(message)
        key, patience = "create", create_patience(message)
    else:
        return None
    return Cause("", f"{container.name}/{key}", code, f"{container.label}: {text} ({code})", patience)


def _image_words(reason: str, message: str) -> str:
    if reason == "InvalidImageName":
        return "is no valid image name"
    if reason == "ErrImageNeverPull":
        return "is not on the node, and imagePullPolicy Never forbids pulling it"
    if image_is_absent(message):
        return "not found"
    # The registry's own words stand at the end of a chain of wrapped errors.
    registry = message.rpartition("failed to resolve reference ")[2].partition(": ")[2]
    return f"cannot be pulled: {one_line(registry or message, 200) or 'no reason given yet'}"
