# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What is asked for, what has been seen of it, and what must be watched to see the rest.

Is it ready, and will it ever be? The files of this folder are pure functions over objects as Kubernetes
writes them. From the small to the whole: ``causes`` (what may be wrong, and for how long that may still pass),
``containers``, ``pods`` and ``events`` (what matters of each), ``trouble`` (what they say together),
``verdicts``, ``rollouts``, ``services`` and ``workloads`` (whether a workload is ready at one moment), ``patience``
(what is certain over time), ``selectors`` and ``scene`` (what was asked for, seen, and must be
watched), ``words`` (how a person is told).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.events import read_event
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pods import read_pod
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.rollouts import at_least
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.selectors import (
    accepts,
    parse_selector,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.services import leads_from_node_ports
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.verdicts import (
    Seen,
    Verdict,
    absent,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.workloads import (
    by_condition,
    cleaned_up_when_done,
    judge,
)

Object = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """One or more objects to wait for: of one ``name``, or those that ``selector`` matches.

    With ``holds`` it is that function of the object that decides, told to a person as ``condition``.
    A Service with ``node_ports`` has to lead from each of them to every pod behind it, and what has
    replicas is not ready with fewer than ``replicas``.
    """

    api_version: str
    kind: str
    namespace: str
    name: str = ""
    selector: str = ""
    condition: str = ""
    holds: Callable[[Object], bool] | None = None
    node_ports: tuple[int, ...] = ()
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0

    def wants(self, thing: Mapping[str, Any]) -> bool:
        metadata = thing["metadata"]
        if self.name:
            return bool(metadata["name"] == self.name)
        return accepts(parse_selector(self.selector), metadata.get("labels") or {})


@dataclass(frozen=True)
class Stream:
    """One list and watch: of what is asked for, or of what is ``related`` to it."""

    api_version: str
    kind: str
    namespace: str
    label_selector: str = ""
    field_selector: str = ""
    related: bool = False


@dataclass(frozen=True)
class Listed:
    """All that a stream has to show, now."""

    stream: Stream
    things: Sequence[Object]


@dataclass(frozen=True)
class Changed:
    stream: Stream
    thing: Object
    gone: bool = False


@dataclass(frozen=True)
class Lost:
    """A stream that cannot be followed at the moment; ``message`` says why."""

    stream: Stream
    message: str


class Scene:
    """Takes in news and knows what they amount to. It keeps of pods and events only what matters."""

    def __init__(self, asks: Sequence[Ask], scheduling_grace: float) -> None:
        self._asks = asks
        self._grace = scheduling_grace
        self._things: dict[Stream, dict[str, Any]] = {}
        self._lost: dict[Stream, str] = {}
        self._hidden: dict[str, str] = {}
        self._replica_sets_wanted = False
        self._events_wanted = False

    @property
    def complete(self) -> bool:
        """Whether all that must be watched has been seen at least once."""
        return all(stream in self._things for stream in self.streams())

    @property
    def lost(self) -> list[str]:
        """Why the view is not up to date, if it is not."""
        return [message for stream, message in self._lost.items() if stream in self.streams()]

    @property
    def hidden(self) -> list[str]:
        """What may not be seen."""
        return list(self._hidden.values())

    def look_at_events(self) -> None:
        self._events_wanted = True

    def hide(self, kind: str, message: str) -> None:
        """Go on without objects of ``kind``, which may not be seen."""
        self._hidden[kind] = message

    def apply(self, news: Listed | Changed | Lost) -> None:
        if isinstance(news, Lost):
            self._lost[news.stream] = news.message
            return
        self._lost.pop(news.stream, None)
        if isinstance(news, Listed):
            before = self._things.get(news.stream, {}) if news.stream.kind == "Job" else {}
            done = {key: thing for key, thing in before.items() if cleaned_up_when_done(thing)}
            listed = {_id(thing): self._read(news.stream, thing) for thing in news.things}
            self._things[news.stream] = done | listed
        elif news.gone and not cleaned_up_when_done(news.thing):
            self._things[news.stream].pop(_id(news.thing), None)
        else:
            self._things[news.stream][_id(news.thing)] = self._read(news.stream, news.thing)

    def streams(self) -> frozenset[Stream]:
        """What must be watched, by what has been seen so far."""
        wanted = set(self._asked_streams().values())
        judged: dict[str, list[Object]] = defaultdict(list)
        for ask in self._asks:
            if ask.holds is None:
                judged[ask.namespace] += self._matches(ask)
        for namespace, workloads in judged.items():
            wanted.update(self._related(namespace, workloads))
        return frozenset(stream for stream in wanted if stream.kind not in self._hidden)

    def forget(self, stream: Stream) -> None:
        """A stream that is no longer watched shows nothing that is true."""
        self._things.pop(stream, None)
        self._lost.pop(stream, None)

    def verdicts(self) -> list[Verdict]:
        """One verdict a workload; for an ask that nothing answers, one that says so."""
        found: dict[tuple[str, str, str], Verdict] = {}
        for ask in self._asks:
            things = self._matches(ask)
            verdicts = [self._judged(ask, thing) for thing in things]
            if not things:
                verdicts = [absent(ask.kind, ask.name, ask.selector, ask.namespace)]
            for verdict in verdicts:
                found[verdict.kind, verdict.namespace, verdict.name + ask.condition] = verdict
        self._replica_sets_wanted |= any(verdict.needs_replica_sets for verdict in found.values())
        return list(found.values())

    def _judged(self, ask: Ask, thing: Object) -> Verdict:
        if ask.holds is not None:
            return by_condition(thing, ask.holds(thing), ask.condition)
        seen = Seen(
            pods=self._of("Pod", ask.namespace) or (),
            replica_sets=self._of("ReplicaSet", ask.namespace),
            slices=self._of("EndpointSlice", ask.namespace) or (),
            events=self._of("Event", ask.namespace),
        )
        if ask.node_ports:
            return leads_from_node_ports(thing, seen, ask.node_ports, ask.pod_labels)
        return at_least(thing, judge(thing, seen), ask.replicas)

    def _read(self, stream: Stream, thing: Object) -> Any:
        if stream.related and stream.kind == "Pod":
            return read_pod(thing, self._grace)
        return read_event(thing) if stream.related and stream.kind == "Event" else thing

    def _matches(self, ask: Ask) -> list[Object]:
        stream = self._asked_streams()[ask.api_version, ask.kind, ask.namespace]
        return [thing for thing in self._things.get(stream, {}).values() if ask.wants(thing)]

    def _asked_streams(self) -> dict[tuple[str, str, str], Stream]:
        """One stream a kind and namespace, narrowed where one selector covers all that is asked of it."""
        groups: dict[tuple[str, str, str], list[Ask]] = defaultdict(list)
        for ask in self._asks:
            groups[ask.api_version, ask.kind, ask.namespace].append(ask)
        return {key: _narrowest(*key, asks) for key, asks in groups.items()}

    def _related(self, namespace: str, workloads: Sequence[Object]) -> Iterable[Stream]:
        """What the workloads of one namespace are judged by."""
        deployments = [each for each in workloads if each["kind"] == "Deployment"]
        services = [each for each in workloads if each["kind"] == "Service"]
        having_pods = [each for each in workloads if _pod_labels(each)]
        if having_pods:
            yield Stream("v1", "Pod", namespace, _common(having_pods), related=True)
        if deployments and self._replica_sets_wanted:
            yield Stream("apps/v1", "ReplicaSet", namespace, _common(deployments), related=True)
        if services:
            name = services[0]["metadata"]["name"]
            label = f"kubernetes.io/service-name={name}" if len(services) == 1 else ""
            yield Stream("discovery.k8s.io/v1", "EndpointSlice", namespace, label, related=True)
        if workloads and self._events_wanted:
            yield Stream("v1", "Event", namespace, related=True)

    def _of(self, kind: str, namespace: str) -> list[Any] | None:
        """All related objects of a kind, None when nobody has looked."""
        for stream, things in self._things.items():
            if stream.related and stream.kind == kind and stream.namespace == namespace:
                return list(things.values())
        return None


def _id(thing: Object) -> str:
    metadata = thing["metadata"]
    return str(metadata.get("uid") or f"{metadata.get('namespace', '')}/{metadata['name']}")


def _narrowest(api_version: str, kind: str, namespace: str, asks: Sequence[Ask]) -> Stream:
    names, selectors = {ask.name for ask in asks}, {ask.selector for ask in asks}
    if selectors == {""} and len(names) == 1:
        return Stream(api_version, kind, namespace, field_selector=f"metadata.name={names.pop()}")
    label_selector = selectors.pop() if names == {""} and len(selectors) == 1 else ""
    return Stream(api_version, kind, namespace, label_selector)


def _pod_labels(workload: Object) -> dict[str, str]:
    """Labels that all pods of a workload carry."""
    selector = (workload.get("spec") or {}).get("selector") or {}
    labels = selector if workload["kind"] == "Service" else selector.get("matchLabels") or {}
    return dict(labels)


def _common(workloads: Sequence[Object]) -> str:
    """A selector that covers the pods of all of them, empty when there is none."""
    shared = set.intersection(*(set(_pod_labels(each).items()) for each in workloads))
    return ",".join(f"{key}={value}" for key, value in sorted(shared))
