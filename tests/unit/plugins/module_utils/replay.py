"""Plays what a real cluster did, recorded in a fixture, to the wait: in its own time, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.k8s_wait_ready import Ending, wait
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.patience import Patience
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.scene import (
    Ask,
    Changed,
    Listed,
    Lost,
    Scene,
    Stream,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.selectors import (
    accepts,
    parse_selector,
)

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "kubernetes"

Object = dict[str, Any]


@cache
def timeline(scenario: str) -> list[tuple[float, str, Object]]:
    """(seconds, ADDED | MODIFIED | DELETED, the whole object) in the order in which they happened."""
    recorded = yaml.safe_load((FIXTURES / f"{scenario}.yaml").read_text())
    known: dict[tuple[str, str], Object] = {}
    steps = []
    for step in recorded["timeline"]:
        change, key = step["object"], (step["object"]["kind"], step["object"]["metadata"]["name"])
        thing = deepcopy(known.get(key, {}))
        for part, value in change.items():
            if part in ("metadata", "spec"):
                thing[part] = {**thing.get(part, {}), **value}
            else:
                thing[part] = value
        thing["metadata"].setdefault("namespace", "demo")
        known[key] = thing
        steps.append((float(step["t"]), step["type"], thing))
    return steps


class Replay:
    """A source of news whose clock is the recording's.

    It begins ``start`` seconds into the recording, and shows changes of a kind ``lag`` seconds late.
    """

    def __init__(
        self,
        steps: Iterable[tuple[float, str, Object]],
        start: float = 0.0,
        lag: Mapping[str, float] | None = None,
    ) -> None:
        lags = lag or {}
        shown = sorted(
            ((at + lags.get(thing["kind"], 0.0), change, thing) for at, change, thing in steps),
            key=lambda step: step[0],
        )
        self.now = start
        self._steps = [step for step in shown if step[0] > start]
        self._followed: set[Stream] = set()
        self._pending: list[Any] = []
        self._present: dict[tuple[str, str], Object] = {}
        self.ever_followed: set[str] = set()
        for at, change, thing in shown:
            if at <= start:
                self._happen(change, thing)

    def clock(self) -> float:
        return self.now

    def follow(self, streams: Iterable[Stream]) -> list[Stream]:
        wanted = set(streams)
        given_up = sorted(self._followed - wanted, key=str)
        for stream in wanted - self._followed:
            shown = [thing for thing in self._present.values() if _shows(stream, thing)]
            self._pending.append(Listed(stream, shown))
        self._followed = wanted
        self.ever_followed |= {stream.kind for stream in wanted}
        return given_up

    def next(self, until: float) -> list[Any]:
        if self._pending:
            news, self._pending = self._pending, []
            return news
        if not self._steps or self._steps[0][0] > until:
            self.now = max(self.now, until)
            return []
        at, change, thing = self._steps.pop(0)
        self.now = max(self.now, at)
        self._happen(change, thing)
        gone = change == "DELETED"
        return [Changed(stream, thing, gone) for stream in self._followed if _shows(stream, thing)]

    def lose(self, message: str) -> None:
        self._pending += [Lost(stream, message) for stream in self._followed]

    def find(self) -> None:
        for stream in self._followed:
            shown = [thing for thing in self._present.values() if _shows(stream, thing)]
            self._pending.append(Listed(stream, shown))

    def close(self) -> None:
        self.follow(())

    def _happen(self, change: str, thing: Object) -> None:
        key = (thing["kind"], thing["metadata"]["name"])
        if change == "DELETED":
            self._present.pop(key, None)
        else:
            self._present[key] = thing


def replayed(
    scenario: str | list[tuple[float, str, Object]],
    *,
    timeout: float = 3600.0,
    stable_for: float = 0.0,
    fail_fast: bool = True,
    start: float = 0.0,
    lag: Mapping[str, float] | None = None,
    show: Callable[[str], None] = lambda line: None,
    cluster_now: Callable[[], float | None] = lambda: None,
    scheduling_grace: float = 10.0,
) -> Ending:
    """How the wait for all Deployments of the scenario ends."""
    steps = timeline(scenario) if isinstance(scenario, str) else scenario
    names = {thing["metadata"]["name"] for _at, _change, thing in steps if thing["kind"] == "Deployment"}
    source = Replay(steps, start, lag)
    scene = Scene([Ask("apps/v1", "Deployment", "demo", name) for name in sorted(names)], scheduling_grace)
    return wait(scene, source, Patience(stable_for, fail_fast), timeout, cluster_now, show, source.clock)


def _shows(stream: Stream, thing: Object) -> bool:
    if thing["kind"] != stream.kind:
        return False
    labels = thing["metadata"].get("labels") or {}
    if stream.label_selector and not accepts(parse_selector(stream.label_selector), labels):
        return False
    return not stream.field_selector or stream.field_selector == f"metadata.name={thing['metadata']['name']}"
