"""Everything between wanting a container and its first run: back-off, image, configuration, start."""

from __future__ import annotations

from pathlib import Path

from sandbox.cluster.events import Recorder
from sandbox.cluster.kinds import POD
from sandbox.cluster.kubelet import images
from sandbox.cluster.kubelet.containers import Container
from sandbox.cluster.kubelet.environment import ConfigMissing, Environment, expand
from sandbox.cluster.kubelet.images import BadReference, Image, Registry
from sandbox.cluster.kubelet.runtime import FailedRun, PauseRun, ProcessRun, Run, StartError, check_command
from sandbox.cluster.objects import Object, name_of, namespace_of
from sandbox.cluster.store import Store


class NotStarted(Exception):
    """`reason` and `message` are what the container's status shows while it waits."""

    def __init__(self, reason: str, message: str, was_created: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.was_created = was_created


class Launcher:
    """Starts the containers of one pod."""

    def __init__(
        self, store: Store, events: Recorder, registry: Registry, pod: Object, address: str, folder: Path
    ) -> None:
        self._events = events
        self._registry = registry
        self._pod = pod
        self._address = address
        self._folder = folder
        self._environment = Environment(store, pod)

    async def start(self, container: Container, last: Run | None) -> Run:
        """Starts a container whose last run, as far as the kubelet knows, was `last`.

        Raises NotStarted, having told the events that go with it.
        """
        self._check_back_off(container, last)
        container.image = image = self._image(container)
        env = self._env(container, image)
        self._normal(container, "Created", f"Created container: {container.name}")
        log = container.log_path(self._folder)
        command = self._command(container, env)
        try:
            check_command(command)
            run = await self._run(image, command, env, log)
        except StartError as error:
            self._warning(container, "Failed", f"Error: {error}")
            container.begin(FailedRun(log, str(error)))
            raise NotStarted("RunContainerError", str(error), was_created=True) from None
        self._normal(container, "Started", f"Started container {container.name}")
        return run

    async def _run(self, image: Image, command: list[str], env: dict[str, str], log: Path) -> Run:
        if image.is_pause:
            return PauseRun(log, float(env.get("APP_START_DELAY", 0)))
        return await ProcessRun.start(command, self._address, env, log)

    def _check_back_off(self, container: Container, last: Run | None) -> None:
        if last is None or last.finished_at is None:
            return
        pod_name = f"{name_of(self._pod)}_{namespace_of(self._pod)}({self._pod['metadata']['uid']})"
        if container.restarts.active(last.finished_at):
            message = f"Back-off restarting failed container {container.name} in pod {pod_name}"
            self._warning(container, "BackOff", message)
            seconds = _duration(container.restarts.seconds)
            raise NotStarted(
                "CrashLoopBackOff",
                f"back-off {seconds} restarting failed container={container.name} pod={pod_name}",
            )
        container.restarts.step()

    def _image(self, container: Container) -> Image:
        reference, policy = container.spec["image"], container.spec.get("imagePullPolicy")
        try:
            image = images.parse(reference)
        except BadReference as error:
            self._warning(container, "InspectFailed", str(error))
            raise self._failed(container, "InvalidImageName", str(error)) from None
        if policy == "Never" and not self._registry.has(image):
            message = f'Container image "{reference}" is not present with pull policy of Never'
            self._warning(container, "ErrImageNeverPull", message)
            raise self._failed(container, "ErrImageNeverPull", message)
        if policy != "Always" and self._registry.has(image):
            self._normal(container, "Pulled", f'Container image "{reference}" already present on machine')
            return image
        self._pull(container, image)
        return image

    def _pull(self, container: Container, image: Image) -> None:
        reference, why = container.spec["image"], images.not_found_message(image)
        if container.pulls.active(container.pulls.since):
            self._normal(container, "BackOff", f'Back-off pulling image "{reference}"')
            message = f'Back-off pulling image "{reference}": ErrImagePull: {why}'
            raise self._failed(container, "ImagePullBackOff", message)
        self._normal(container, "Pulling", f'Pulling image "{reference}"')
        if not self._registry.has(image):
            container.pulls.step()
            self._warning(container, "Failed", f'Failed to pull image "{reference}": {why}')
            raise self._failed(container, "ErrImagePull", why)
        took = "5ms (5ms including waiting). Image size: 4096 bytes."
        self._normal(container, "Pulled", f'Successfully pulled image "{reference}" in {took}')

    def _env(self, container: Container, image: Image) -> dict[str, str]:
        try:
            return {**image.behaviour, **self._environment.of(container.spec)}
        except ConfigMissing as error:
            self._warning(container, "Failed", f"Error: {error}")
            raise NotStarted("CreateContainerConfigError", str(error)) from None

    def _command(self, container: Container, env: dict[str, str]) -> list[str]:
        spec = container.spec
        words = [*(spec.get("command") or ["app"]), *(spec.get("args") or ())]
        return [expand(word, env) for word in words]

    def _failed(self, container: Container, reason: str, message: str) -> NotStarted:
        self._warning(container, "Failed", f"Error: {reason}")
        return NotStarted(reason, message)

    def _normal(self, container: Container, reason: str, message: str) -> None:
        self._events.normal(POD, self._pod, reason, message, container.field_path)

    def _warning(self, container: Container, reason: str, message: str) -> None:
        self._events.warning(POD, self._pod, reason, message, container.field_path)


def _duration(seconds: float) -> str:
    """`10s`, `1m20s`, `5m0s`, as Go prints it."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
