# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""Carrying out a swap of a Classic ELB.

A listener of a Classic ELB cannot change its instance port: it is deleted and created again, and in
between its port refuses connections. Everything that can be proven is proven, and the way back is
recorded on the load balancer, before the delete; nothing but the create comes after it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.api import (
    Api,
    listener_param,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.calls import (
    Calls,
    Patience,
    now,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    encode_intent,
    is_intent_tag,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    Listener,
    LoadBalancer,
    Policy,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.plan import (
    SwapPlan,
    differences,
    lacking,
    predict,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ApiError, RouterError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.kind import Swapped
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import HELD_SIGNALS, together

# AWS can answer both for seconds after a delete, though nothing is wrong:
# https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elb/load_balancer.go
_SETTLING = frozenset({"DuplicateListener", "CertificateNotFound"})

# What AWS may answer to a backend policy for an instance port that no listener uses; not tried on AWS.
_NO_LISTENER_YET = frozenset({"InvalidConfigurationRequest", "ListenerNotFound", "ValidationError"})


class ClassicSwap:
    """One swap of one load balancer, from the intent to its removal.

    ``began`` is when the read of ``router`` began, which gave the intent its time.
    """

    def __init__(
        self,
        api: Api,
        router: LoadBalancer,
        plan: SwapPlan,
        intent: Intent,
        patience: Patience,
        began: float,
    ) -> None:
        self._calls = Calls(api, router.name, patience, began)
        self._router = router
        self._plan = plan
        self._intent = encode_intent(intent)
        self._patience = patience
        self._closed_at: dict[int, float] = {}
        self._deferred_backend: list[tuple[int, tuple[str, ...]]] = []
        self._made: list[int] = []
        self._delete_lost = False
        self._knows_later = False
        self.report = Swapped(request_ids=self._calls.request_ids)

    def run(self) -> LoadBalancer:
        """Swap, read back and return the router; raises RouterError, which says how it was left."""
        self._prove_and_record()
        with _signals_held():
            self._reopen([move.after() for move in self._plan.reopened])
            self._create_new()
            self._replace()
            self._set_policies_and_check()
        router = self._read_back()
        if self._delete_lost:
            router = self._open_again()
        try:
            self._remove_intent(*self._plan.outdated)
        except ApiError as error:
            raise self._error(
                f"{self._plan.name} is on {self._plan.color}, but its intent could not be removed: {error.message}"
            ) from error
        known = dict(self._plan.known)
        if self._knows_later and not self._note_known():
            known = {}
        tags = {key: tag for key, tag in router.tags.items() if not is_intent_tag(key)} | known
        return replace(router, tags={key: tag for key, tag in tags.items() if key not in self._plan.outdated})

    # Proof and record

    def _prove_and_record(self) -> None:
        calls: list[Callable[[], None]] = [self._record]
        old = self._old_listeners()
        if old:
            calls.append(partial(self._calls.create, old))
        calls += [
            partial(self._calls.set_policies, each.port, each.policies) for each in old if each.policies
        ]
        calls += [partial(self._set_backend_early, *entry) for entry in self._plan.backend_policies]
        failures = [error for error in together([partial(self._failure, call) for call in calls]) if error]
        gone = [error for error in failures if error.code == "ListenerNotFound"]
        if gone and self._missing(old):
            raise self._left_open(
                old, f"somebody else has deleted it, or a dead run's request has ({gone[0].message})"
            )
        if failures:
            raise self._undone(failures[0], "nothing was deleted")

    def _record(self) -> None:
        """Write the intent, and what the swap leaves; that waits for the intent's place where AWS has none for both."""
        tags, known = {**self._intent, **dict(self._plan.tags)}, dict(self._plan.known)
        try:
            self._calls.add_tags({**tags, **({} if self._knows_later else known)})
        except ApiError as error:
            if error.code != "TooManyTags" or self._knows_later or not known:
                raise
            self._knows_later = True
            self._calls.add_tags(tags)

    def _note_known(self) -> bool:
        try:
            self._calls.retried(partial(self._calls.add_tags, dict(self._plan.known)), self._patience.settle)
        except ApiError as error:
            self.report.warnings.append(
                f"Load balancer {self._plan.name} could not be given the tags that tell which listeners this swap has left "
                f"({error.message}): one that is deleted or led elsewhere by hand will not be missed. Remove tags that "
                "nobody needs."
            )
            return False
        return True

    def _failure(self, call: Callable[[], None]) -> ApiError | None:
        try:
            self._calls.retried(call, self._patience.settle)
        except ApiError as error:
            return error
        return None

    def _set_backend_early(self, port: int, names: tuple[str, ...]) -> None:
        try:
            self._calls.set_backend(port, names)
        except ApiError as error:
            if error.code not in _NO_LISTENER_YET:
                raise
            self._deferred_backend.append((port, names))
            self.report.warnings.append(
                f"AWS takes no backend policies for port {port} before a listener uses it ({error.code}): "
                "they are set right after the create"
            )

    # Listeners

    def _reopen(self, wanted: Sequence[Listener]) -> None:
        """Open what a dead run or a lost delete has left closed, one call each, so that none waits for another."""
        if not wanted:
            return
        try:
            self._open(wanted, self._calls.within(self._patience.create), at_once=False)
        except ApiError as error:
            raise self._left_open(wanted, error.message) from error

    def _create_new(self) -> None:
        """Create what is wholly new before anything is deleted: this proves its certificates and rules."""
        wanted = [move.after() for move in self._plan.created]
        if not wanted:
            return
        try:
            self._calls.retried(partial(self._calls.create, wanted), self._patience.settle)
        except ApiError as error:
            missing = self._missing(wanted)
            self._made = [listener.port for listener in wanted if listener not in missing]
            raise self._undone(error, "no listener was changed") from error
        self._made = [listener.port for listener in wanted]

    def _replace(self) -> None:
        """The gap: one delete, then at once one create."""
        if not self._plan.replaced:
            return
        self._close([move.port for move in self._plan.replaced])
        try:
            self._open(
                [move.after() for move in self._plan.replaced], self._calls.within(self._patience.create)
            )
        except ApiError as error:
            raise self._restored(error) from error

    def _close(self, ports: list[int]) -> None:
        maybe_closed = False
        for pause in self._calls.pauses(self._calls.within(self._patience.settle)):
            sent = now()
            try:
                self._calls.delete(ports)
            except ApiError as error:
                maybe_closed = self._delete_lost = maybe_closed or error.unknown
                if maybe_closed:
                    self._closed_at = self._closed_at or dict.fromkeys(ports, sent)
                if error.transient and pause is not None:
                    time.sleep(pause)
                    continue
                if not maybe_closed:
                    raise self._undone(error, "the listeners are as they were") from error
                if self._missing(self._old_listeners()):
                    return
                raise self._error(
                    f"swap of {self._plan.name} to {self._plan.color} failed: {error.message}; the listeners are as they "
                    "were, and the intent stays on it, because the delete may still arrive: run the same again, or repair",
                    error_code=error.code,
                ) from error
            self._closed_at = self._closed_at or dict.fromkeys(ports, now())
            return

    def _open(self, wanted: Sequence[Listener], end: float, at_once: bool = True) -> None:
        """Create listeners, in one call or one each, until all are there; raises the last failure."""
        missing = list(wanted)
        for pause in self._calls.pauses(end):
            failure: ApiError | None = None
            for batch in [missing] if at_once else [[listener] for listener in missing]:
                try:
                    self._calls.create(batch)
                except ApiError as error:
                    failure = error
                else:
                    self._note_open(batch)
                    missing = [listener for listener in missing if listener not in batch]
            if failure and (failure.unknown or failure.code == "DuplicateListener"):
                missing = self._clear_way(missing)
            if not missing or failure is None:
                return
            if pause is None or not (failure.transient or failure.code in _SETTLING):
                raise failure
            time.sleep(pause)

    def _open_again(self) -> LoadBalancer:
        """A delete that was asked for twice may be carried out twice, the second time behind the create."""
        time.sleep(self._patience.late)
        closed: list[Listener] = []
        # Where this read fails, the one below says so.
        with suppress(ApiError):
            router = self._calls.read()
            closed = [move.after() for move in self._plan.replaced if router.listener(move.port) is None]
        if closed:
            with _signals_held():
                self._reopen(closed)
                self._set_policies_and_check()
            ports = ", ".join(str(listener.port) for listener in closed)
            self.report.warnings.append(
                f"port {ports} of {self._plan.name} was closed a second time, by a delete whose answer had been lost, for "
                f"up to {self._patience.late:g} s"
            )
        return self._read_back()

    def _clear_way(self, wanted: Sequence[Listener]) -> list[Listener]:
        """Which listeners are not there yet; another on such a port is deleted."""
        missing = self._missing(wanted)
        self._note_open([listener for listener in wanted if listener not in missing])
        present = {listener.port for listener in self._present}
        in_the_way = [listener.port for listener in missing if listener.port in present]
        if in_the_way:
            # A failure shows in the create that follows, which comes back here.
            with suppress(ApiError):
                self._calls.delete(in_the_way)
                for port in in_the_way:
                    self._closed_at.setdefault(port, now())
        return missing

    def _restored(self, cause: ApiError) -> RouterError:
        """Put the old listeners back and return what to raise."""
        old = self._old_listeners()
        try:
            self._open(self._clear_way(old), self._calls.end, at_once=False)
            for listener in old:
                if listener.policies:
                    set_policies = partial(self._calls.set_policies, listener.port, listener.policies)
                    self._calls.retried(
                        set_policies, self._patience.all_in_all, frozenset({"ListenerNotFound"})
                    )
        except ApiError as error:
            return self._left_open(
                old, f"{cause.message}; putting the old listeners back failed too ({error.message})"
            )
        self.report.restored = True
        return self._undone(cause, "the old listeners were put back")

    def _left_open(self, wanted: Sequence[Listener], why: str) -> RouterError:
        missing = self._missing(wanted)
        present = {listener.port for listener in self._present}
        absent = [listener for listener in missing if listener.port not in present]
        self.report.open = [listener.port for listener in absent]
        if not absent:
            return self._error(
                f"the listeners of {self._plan.name} are not wholly as they should be, run repair: {why}"
            )
        ports = ", ".join(str(listener.port) for listener in absent)
        return self._error(
            f"port {ports} of {self._plan.name} IS CLOSED: {why}. "
            f"Open it with: {_open_command(self._plan.name, absent)}"
        )

    def _missing(self, wanted: Sequence[Listener]) -> list[Listener]:
        """Which listeners the router does not have as wanted; all of them when it cannot be read."""
        try:
            self._present = self._calls.read().listeners
        except ApiError:
            self._present = ()
        return [want for want in wanted if not any(_same(want, seen) for seen in self._present)]

    def _old_listeners(self) -> list[Listener]:
        ports = {move.port for move in self._plan.replaced}
        return [listener for listener in self._router.listeners if listener.port in ports]

    def _note_open(self, listeners: Sequence[Listener]) -> None:
        opened = now()
        for listener in listeners:
            if listener.port in self._closed_at:
                gap = round((opened - self._closed_at.pop(listener.port)) * 1000)
                self.report.gap_ms[listener.port] = self.report.gap_ms.get(listener.port, 0) + gap

    # What follows

    def _set_policies_and_check(self) -> None:
        self._set(replace(self._plan, backend_policies=tuple(self._deferred_backend), tags=()))

    def _set(self, plan: SwapPlan) -> None:
        """Set all of a plan that touches no listener, in one round."""
        calls: list[Callable[[], None]] = [
            partial(self._set_policies_made, port, names) for port, names in plan.policies
        ]
        calls += [partial(self._calls.set_backend, *entry) for entry in plan.backend_policies]
        if plan.health_check:
            calls.append(partial(self._calls.configure_health_check, plan.health_check))
        if plan.tags:
            calls.append(partial(self._calls.add_tags, dict(plan.tags)))
        if not calls:
            return
        failures = [
            error for error in together([partial(self._late_failure, call) for call in calls]) if error
        ]
        if failures:
            raise self._error(
                f"{failures[0].message}; the listeners of {self._plan.name} are on {self._plan.color}, "
                "and the intent stays on it: run the same again, or repair, to finish"
            )

    def _late_failure(self, call: Callable[[], None]) -> ApiError | None:
        try:
            self._calls.retried(call, self._patience.all_in_all, frozenset({"ListenerNotFound"}))
        except ApiError as error:
            return error
        return None

    def _set_policies_made(self, port: int, names: tuple[str, ...]) -> None:
        """Set policies by name; an object that is gone is made again from what was read."""
        try:
            self._calls.set_policies(port, names)
        except ApiError as error:
            if error.code != "PolicyNotFound":
                raise
            for policy in self._lost_policies(names):
                self._calls.make_policy(policy)
            self._calls.set_policies(port, names)

    def _lost_policies(self, names: tuple[str, ...]) -> list[Policy]:
        there = {policy.name for policy in self._calls.read(policies=True).policies or ()}
        return [
            policy
            for policy in self._router.policies or ()
            if policy.name in names and policy.name not in there
        ]

    def _read_back(self, mends: bool = True) -> LoadBalancer:
        """The router, once it is as planned. What one more call each sets is set once more, if it ``mends``."""
        expected = predict(self._router, self._plan)
        found: list[str] = []
        router: LoadBalancer | None = None
        for pause in self._calls.pauses(self._calls.within(self._patience.settle)):
            try:
                router = self._calls.read(policies=True)
            except ApiError as error:
                found = [error.message]
            else:
                found = differences(self._plan, expected, router)
                if not found:
                    return router
                missing = lacking(self._plan, expected, router)
                told = differences(missing, expected, router)
                if told and mends:
                    with _signals_held():
                        self._set(missing)
                    self.report.warnings.append(
                        f"Read back after the swap of {self._plan.name}: {'; '.join(told)}. That was set once more."
                    )
                    return self._read_back(mends=False)
            if pause is not None:
                time.sleep(pause)
        absent = [move.after() for move in self._plan.moves if router and router.listener(move.port) is None]
        if absent:
            raise self._left_open(absent, f"somebody else has deleted it, or a lost delete has ({found[0]})")
        raise self._error(
            f"load balancer {self._plan.name} is not as it was written: {'; '.join(found)}. "
            "The intent stays on it: run the same again, or repair",
            differences=found,
        )

    def _remove_intent(self, *others: str) -> None:
        """Remove it, and ``others`` in the same call."""
        keys = sorted({*self._intent, *(key for key in self._router.tags if is_intent_tag(key))})
        self._calls.retried(partial(self._calls.remove_tags, [*others, *keys]), self._patience.settle)

    # Ends

    def _undone(self, cause: ApiError, state: str) -> RouterError:
        """The failure of a swap that left the router as it was, its intent removed.

        What was read with an intent on it was half done, and may have had a port closed: there the intent
        stays, and so does what was made.
        """
        if self._plan.clear_intent:
            state += ", and the intent stays on it: run the same again, or repair, to finish"
        else:
            try:
                self._take_back()
            except ApiError as error:
                state += f", but what was recorded on it may be there still ({error.message})"
        return self._error(
            f"swap of {self._plan.name} to {self._plan.color} failed: {cause.message}; {state}",
            error_code=cause.code,
        )

    def _take_back(self) -> None:
        """Remove what this run added. A listener goes before the tag that says what it is."""
        if self._made:
            self._calls.retried(partial(self._calls.delete, self._made), self._patience.settle)
        tags = self._router.tags
        written = [key for key, _value in (*self._plan.tags, *self._plan.known)]
        replaced = {key: tags[key] for key in written if key in tags}
        try:
            if replaced:
                self._calls.retried(partial(self._calls.add_tags, replaced), self._patience.settle)
        finally:
            self._remove_intent(*(key for key in written if key not in tags))

    def _error(self, message: str, **details: Any) -> RouterError:
        return RouterError(
            message,
            restored=self.report.restored,
            open=self.report.open,
            gap_ms={str(port): gap for port, gap in self.report.gap_ms.items()},
            request_ids=self.report.request_ids,
            **details,
        )


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that would end the process wait until the ports are open again."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _same(one: Listener, two: Listener) -> bool:
    """Alike in all that a create sets; policies follow in a call of their own."""
    return listener_param(one) == listener_param(two)


def _open_command(name: str, listeners: Sequence[Listener]) -> str:
    described = " ".join(
        ",".join(f"{key}={value}" for key, value in listener_param(listener).items())
        for listener in listeners
    )
    return f"aws elb create-load-balancer-listeners --load-balancer-name {name} --listeners {described}"
