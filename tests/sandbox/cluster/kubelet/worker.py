"""One pod on the node: from its first status to the end of its last process."""

from __future__ import annotations

import asyncio
import functools
import random
import shutil
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import POD
from sandbox.cluster.kubelet.containers import Container
from sandbox.cluster.kubelet.environment import Environment
from sandbox.cluster.kubelet.images import Registry
from sandbox.cluster.kubelet.launch import Launcher, NotStarted
from sandbox.cluster.kubelet.probes import Prober, Result, check
from sandbox.cluster.kubelet.runtime import PauseRun, Run
from sandbox.cluster.kubelet.status import pod_status
from sandbox.cluster.objects import Object, dig, is_terminating, name_of, timestamp
from sandbox.cluster.store import Store

# How long a node takes to make the network of a pod, and to look at a pod again.
_SANDBOX_SECONDS = 0.4
_RETRY_SECONDS = (10.0, 15.0)
_RESYNC_SECONDS = (60.0, 90.0)
_MOUNT_RETRY_SECONDS = 0.5
_LONGEST_MOUNT_RETRY = 122.0


class PodWorker:
    """Brings one pod about. `address` is where its processes listen, `folder` where their logs go."""

    def __init__(
        self,
        store: Store,
        events: Recorder,
        registry: Registry,
        pod: Object,
        address: str,
        folder: Path,
        host: str,
    ) -> None:
        self._store = store
        self._events = events
        self._pod = pod
        self._address = address
        self._host = host
        self._folder = folder
        self._has_sandbox = False
        self._stopping = False
        self._mount_retry = _MOUNT_RETRY_SECONDS
        self._awake = asyncio.Event()
        self._next_look = asyncio.Event()
        self._probers: dict[str, list[asyncio.Task[None]]] = {}
        # Killed because of a probe: started again before anybody is told of the end.
        self._restarting: list[Container] = []
        self._environment = Environment(store, pod)
        spec = pod["spec"]
        self.init = [Container(container, is_init=True) for container in spec.get("initContainers") or ()]
        self.app = [Container(container) for container in spec["containers"]]
        self._launcher = Launcher(store, events, registry, pod, address, folder)
        # The runtime changed since the node looked last.
        self._changed = False

    def notice(self, pod: Object) -> None:
        """Takes over what the API has of the pod now."""
        began = is_terminating(pod) and not is_terminating(self._pod)
        self._pod = pod
        if began:
            self._awake.set()

    def look(self) -> None:
        """Called once a second: the node looks at what runs."""
        self._next_look.set()
        if self._changed:
            self._changed = False
            self._awake.set()

    def container(self, name: str) -> Container | None:
        return next((found for found in (*self.init, *self.app) if found.name == name), None)

    async def run(self) -> None:
        """Until the pod is gone."""
        try:
            self._write_status()
            while not is_terminating(self._pod):
                self._awake.clear()
                after = await self._sync()
                if not is_terminating(self._pod):
                    await self._sleep(after)
            await self._terminate()
        finally:
            self.kill()
            shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """Ends all at once, without a word."""
        self._stopping = True
        for container in (*self.init, *self.app):
            self._stop_probes(container)
            if container.run is not None and container.is_running:
                container.run.kill()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._awake.wait(), seconds)
        except TimeoutError:
            pass

    async def _sync(self) -> float:
        """Says how it is, then does what is missing. Returns after how many seconds to look again."""
        missing = self._environment.missing_volume()
        if missing and not self._has_sandbox:
            return self._wait_for_mount(missing)
        restarting = [container for container in self._restarting if not container.is_running]
        if restarting:
            self._restarting = [container for container in self._restarting if container.is_running]
            for container in restarting:
                # What was just killed is not known to have ended yet, so that it is no cause to back off.
                await self._start(container, container.previous)
        self._write_status()
        if not self._has_sandbox:
            await self._sleep(_SANDBOX_SECONDS)
            if is_terminating(self._pod):
                return 0
            self._has_sandbox = self._changed = True
        policy = self._pod["spec"].get("restartPolicy", "Always")
        for container in self.init:
            if not container.succeeded:
                return await self._start_all([container] if container.must_start(policy) else [])
        return await self._start_all([container for container in self.app if container.must_start(policy)])

    def _wait_for_mount(self, missing: str) -> float:
        self._events.warning(POD, self._pod, "FailedMount", missing)
        after = self._mount_retry
        self._mount_retry = min(after * 2, _LONGEST_MOUNT_RETRY)
        return after

    async def _start_all(self, containers: list[Container]) -> float:
        started = [await self._start(container, container.run) for container in containers]
        return random.uniform(*(_RESYNC_SECONDS if all(started) else _RETRY_SECONDS))

    async def _start(self, container: Container, last: Run | None) -> bool:
        try:
            run = await self._launcher.start(container, last)
        except NotStarted as error:
            # What is not to be started again does not wait: it has ended.
            ended = error.was_created and self._pod["spec"].get("restartPolicy") == "Never"
            container.waiting = None if ended else (error.reason, error.message)
            self._changed |= error.was_created
            return False
        container.waiting = None
        container.begin(run)
        run.on_end(functools.partial(self._ended, container))
        self._changed = True
        return True

    def _ended(self, container: Container) -> None:
        container.end()
        self._stop_probes(container)
        self._changed = True
        if container in self._restarting:
            self._awake.set()

    def _write_status(self) -> None:
        if self._stopping:
            return
        self._publish(stopped=False)
        for container in self.app:
            if container.is_running and container.name not in self._probers:
                self._start_probes(container)

    def _publish(self, stopped: bool) -> None:
        address = self._address if self._has_sandbox else ""

        def write(pod: Object) -> None:
            pod["status"] = pod_status(pod, self.init, self.app, address, stopped, self._host)

        written = self._store.modify(POD, self._pod, write)
        if written is not None:
            self._pod = written

    def _start_probes(self, container: Container) -> None:
        """Only once the API knows that the container runs, as the kubelet does."""
        run = container.run
        if run is None:
            return
        tasks = self._probers[container.name] = []
        if isinstance(run, PauseRun):
            tasks.append(self._task(self._pretend_ready(container, run)))
            return
        age = time.time() - run.started_at
        if container.has_probe("startup") and not container.started:
            tasks.append(
                self._task(self._prober(container, "startup", self._startup_changed).run(age, False))
            )
        elif container.started:
            self._start_lasting_probes(container, age)

    def _start_lasting_probes(self, container: Container, age: float) -> None:
        tasks = self._probers.setdefault(container.name, [])
        if container.has_probe("readiness"):
            tasks.append(
                self._task(self._prober(container, "readiness", self._readiness_changed).run(age, False))
            )
        if container.has_probe("liveness"):
            tasks.append(
                self._task(self._prober(container, "liveness", self._liveness_changed).run(age, True))
            )

    def _prober(
        self, container: Container, name: str, on_change: Callable[[Container, bool], None]
    ) -> Prober:
        probe = container.spec[f"{name}Probe"]

        async def check_now() -> Result:
            env = self._environment.of(container.spec) if "exec" in probe else {}
            return await check(probe, container.spec, self._address, env)

        def tell(passed: bool, message: str) -> None:
            if not passed:
                text = f"{name.capitalize()} probe failed: {message}"
                self._events.warning(POD, self._pod, "Unhealthy", text, container.field_path)

        return Prober(probe, check_now, tell, lambda passed: on_change(container, passed))

    async def _pretend_ready(self, container: Container, run: PauseRun) -> None:
        await asyncio.sleep(max(0.0, run.started_at + run.ready_after - time.time()))
        container.started = True
        self._readiness_changed(container, True)

    def _startup_changed(self, container: Container, passed: bool) -> None:
        if not passed:
            self._restart(container, "startup")
            return
        container.started = True
        container.judge_without_probe()
        self._stop_probes(container)
        self._start_lasting_probes(
            container, time.time() - (container.run.started_at if container.run else 0)
        )
        self._write_status()

    def _readiness_changed(self, container: Container, passed: bool) -> None:
        if container.is_running and container.ready != passed:
            container.ready = passed
            self._write_status()
            self._awake.set()

    def _liveness_changed(self, container: Container, passed: bool) -> None:
        if not passed:
            self._restart(container, "liveness")

    def _restart(self, container: Container, probe: str) -> None:
        run = container.run
        if run is not None and run.is_running and not self._stopping:
            message = f"Container {container.name} failed {probe} probe, will be restarted"
            self._events.normal(POD, self._pod, "Killing", message, container.field_path)
            grace = self._pod["spec"].get("terminationGracePeriodSeconds", 30)
            self._stop_probes(container)
            self._restarting.append(container)
            self._probers[container.name] = [self._task(run.stop(grace))]

    def _stop_probes(self, container: Container) -> None:
        # One that stops itself, because of what it found, ends when it would have waited for its next turn.
        for task in self._probers.pop(container.name, ()):
            task.cancel()

    @staticmethod
    def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    async def _terminate(self) -> None:
        grace = float(self._pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        running = [container for container in (*self.init, *self.app) if container.is_running]
        for container in running:
            self._stop_probes(container)
            message = f"Stopping container {container.name}"
            self._events.normal(POD, self._pod, "Killing", message, container.field_path)
        await asyncio.gather(*(self._stop(container, grace) for container in running))
        self._stopping = True
        self._publish(stopped=True)
        self._next_look.clear()
        await self._next_look.wait()
        self._remove()

    async def _stop(self, container: Container, grace: float) -> None:
        """The preStop hook and the process share the grace period."""
        run: Run | None = container.run
        pause = dig(container.spec, "lifecycle", "preStop", "sleep", "seconds") or 0
        before = time.monotonic()
        if pause:
            await asyncio.sleep(min(pause, grace))
        if run is not None:
            await run.stop(max(0.0, grace - (time.monotonic() - before)))

    def _remove(self) -> None:
        def no_more_grace(pod: Object) -> None:
            pod["metadata"]["deletionGracePeriodSeconds"] = 0
            pod["metadata"]["deletionTimestamp"] = timestamp()

        pod = self._store.modify(POD, self._pod, no_more_grace)
        if pod is not None and not pod["metadata"].get("finalizers"):
            self._store.remove(POD, pod)

    def __repr__(self) -> str:
        return f"PodWorker({name_of(self._pod)})"
