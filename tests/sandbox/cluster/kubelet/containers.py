"""What the kubelet knows of one container of one pod."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.cluster.kubelet.images import Image
from sandbox.cluster.kubelet.runtime import Run
from sandbox.cluster.objects import Object

_FIRST_BACKOFF = 10.0
_LONGEST_BACKOFF = 300.0


@dataclass
class Backoff:
    """10, 20, 40 … 300 seconds; begins anew after ten quiet minutes."""

    seconds: float = 0
    since: float = 0

    def active(self, moment: float) -> bool:
        """Whether so little time has passed since the moment that it is too early to try again."""
        return self.seconds > 0 and time.time() - moment < self.seconds

    def step(self) -> None:
        quiet = time.time() - self.since > 2 * _LONGEST_BACKOFF
        self.seconds = (
            min(self.seconds * 2, _LONGEST_BACKOFF) if self.seconds and not quiet else _FIRST_BACKOFF
        )
        self.since = time.time()


@dataclass
class Container:
    """`waiting` is why it does not run: the reason and message that its status shows."""

    spec: Object
    is_init: bool = False
    runs: list[Run] = field(default_factory=list)
    waiting: tuple[str, str] | None = None
    image: Image | None = None
    ready: bool = False
    started: bool = False
    restarts: Backoff = field(default_factory=Backoff)
    pulls: Backoff = field(default_factory=Backoff)

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def run(self) -> Run | None:
        """The current or last run."""
        return self.runs[-1] if self.runs else None

    @property
    def previous(self) -> Run | None:
        return self.runs[-2] if len(self.runs) > 1 else None

    @property
    def is_running(self) -> bool:
        return self.run is not None and self.run.is_running

    @property
    def succeeded(self) -> bool:
        return self.run is not None and not self.run.is_running and self.run.exit_code == 0

    @property
    def field_path(self) -> str:
        return f"spec.{'initContainers' if self.is_init else 'containers'}{{{self.name}}}"

    def has_probe(self, probe: str) -> bool:
        return f"{probe}Probe" in self.spec

    def log_path(self, folder: Path) -> Path:
        """Where the next run writes."""
        return folder / f"{self.name}.{len(self.runs)}.log"

    def begin(self, run: Run) -> None:
        self.runs.append(run)
        self.started = run.is_running and not self.has_probe("startup")
        self.ready = False
        self.judge_without_probe()

    def end(self) -> None:
        self.ready = self.started = False

    def judge_without_probe(self) -> None:
        """A container without a readiness probe is ready as soon as it has started."""
        if self.is_running and self.started and not self.has_probe("readiness"):
            self.ready = True

    def must_start(self, restart_policy: str) -> bool:
        """Whether it has to be started now, back-off aside."""
        if self.run is None:
            return True
        if self.run.is_running:
            return False
        if self.is_init:
            return not self.succeeded and restart_policy != "Never"
        return restart_policy == "Always" or (restart_policy == "OnFailure" and self.run.exit_code != 0)
