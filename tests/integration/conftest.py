"""What the integration tests run against: the sandbox, or what the environment names.

A test that needs the sandbox's own controls (faults, refusals, the log of calls) is marked
``sandbox``; such tests are deselected where the sandbox is not what they would run against.

Our modules run in Ansible's own process, as they do for a user. A test that is marked ``both_doors``
is run through the modules' processes as well.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from certificates import self_signed
from runs import ForkServer, start_afresh
from settings import Settings
from shop import Shop

from sandbox.aws import Aws
from sandbox.cluster import Cluster

_OURS = "KUBECONFIG" not in os.environ or "AWS_ENDPOINT_URL" not in os.environ
# Fixtures that are the sandbox's own controls.
_CONTROLS = {
    "aws": "faults of AWS and the log of its calls",
    "calls": "the log of calls of AWS",
    "cluster": "faults of the Kubernetes API and the log of its requests",
    "writes": "the log of what was written to the Kubernetes API",
}
_left_out: dict[str, str] = {}

Recording = Callable[[], AbstractContextManager[list[Any]]]
Once = Callable[[str, Callable[[], Any]], Any]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = _longest_first(items, getattr(config, "workerinput", {}).get("workercount", 1))
    if _OURS:
        return
    unwanted = {item.nodeid: why for item in items if (why := _why_left_out(item))}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in unwanted])
    items[:] = [item for item in items if item.nodeid not in unwanted]
    _left_out.update(unwanted)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = unwanted


def pytest_testnodedown(node: Any) -> None:
    """Each worker of xdist collects by itself."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for test, why in sorted(_left_out.items()):
        terminalreporter.write_line(f"LEFT OUT {test}: {why}")


def _longest_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Each worker of xdist begins with a part of its own, and what is short is easily shared at the end.

    Playbooks keep the processors busiest, and what measures time is not begun among them.
    """
    if workers == 1:
        return items
    playing = [
        item
        for item in items
        if "forks" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("measures")
    ]
    known = set(playing)
    others = [item for item in items if item not in known]
    size = -(-len(others) // workers)
    return [
        item
        for worker in range(workers)
        for item in (*playing[worker::workers], *others[worker * size :][:size])
    ]


def _why_left_out(item: pytest.Item) -> str:
    """Why a test is not for another cluster and another AWS; empty where it is."""
    if item.get_closest_marker("sandbox") is not None:
        return "it is about the sandbox itself, or needs one that can be broken"
    controls = sorted(_CONTROLS.intersection(getattr(item, "fixturenames", ())))
    return (
        f"it needs what only the sandbox has: {', '.join(_CONTROLS[each] for each in controls)}"
        if controls
        else ""
    )


@dataclass(frozen=True)
class World:
    """The sandbox's controls, each None where it was not started."""

    cluster: Cluster | None = None
    aws: Aws | None = None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_doors"):
        metafunc.parametrize("_door", ["action", "module"], indirect=True)


@pytest.fixture(autouse=True)
def _door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(request, "param"):
        monkeypatch.setenv("BLUEGREEN_DOOR", request.param)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings.read(os.environ)


@pytest.fixture(scope="session", autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Started once a worker, and named by the environment as a user's own would be."""
    if not _OURS:
        yield World()
        return
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "tmp").mkdir()
    # Of this process alone, so that test runs side by side do not meet.
    high, low = divmod(os.getpid() % 5_760, 120)
    node_address, prefix = f"127.{16 + high}.{2 * low}.1", f"127.{16 + high}.{2 * low + 1}."
    with (
        Cluster(folder / "cluster", node_address) as cluster,
        Aws(folder / "aws", node_address, prefix, health_interval_scale=0.05) as aws,
        pytest.MonkeyPatch.context() as patch,
    ):
        environment = {
            "KUBECONFIG": str(cluster.kubeconfig),
            # kubernetes.core keeps what a server offers there, by its address alone.
            "TMPDIR": str(folder / "tmp"),
            **aws.environment,
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        yield World(cluster, aws)


@pytest.fixture
def aws(world: World) -> Iterator[Aws]:
    """The sandbox's AWS, without the faults of an earlier test."""
    assert world.aws is not None
    world.aws.clear()
    yield world.aws
    world.aws.clear()


@pytest.fixture
def cluster(world: World) -> Iterator[Cluster]:
    """The sandbox's cluster, without the faults of an earlier test."""
    assert world.cluster is not None
    world.cluster.clear()
    yield world.cluster
    world.cluster.clear()


@pytest.fixture
def calls(aws: Aws) -> Recording:
    """A context that collects the calls AWS sees in it."""

    @contextmanager
    def collected() -> Iterator[list[Any]]:
        seen: list[Any] = []
        before = aws.mark()
        try:
            yield seen
        finally:
            seen += aws.calls(before)

    return collected


@pytest.fixture
def writes(calls: Recording) -> Recording:
    """A context that collects the names of the calls that write."""

    @contextmanager
    def collected() -> Iterator[list[str]]:
        names: list[str] = []
        try:
            with calls() as seen:
                yield names
        finally:
            names += [call["action"] for call in seen if not call["action"].startswith("Describe")]

    return collected


@pytest.fixture(scope="session")
def elb(world: World) -> Any:
    return boto3.client("elb")


@pytest.fixture(scope="session")
def zones(settings: Settings, elb: Any) -> list[str]:
    return settings.zones.split(",") if settings.zones else [f"{elb.meta.region_name}a"]


@pytest.fixture(scope="session")
def certificate(settings: Settings, world: World) -> str:
    """The ARN of a certificate that HTTPS listeners may have."""
    if settings.certificate:
        return settings.certificate
    body, key = self_signed("shop.example.com")
    imported = boto3.client("acm").import_certificate(Certificate=body, PrivateKey=key)
    return str(imported["CertificateArn"])


@pytest.fixture
def aws_time(elb: Any) -> Callable[[], int]:
    """AWS's own clock, in seconds since the epoch."""

    def now() -> int:
        headers = elb.describe_load_balancers()["ResponseMetadata"]["HTTPHeaders"]
        return int(parsedate_to_datetime(headers["date"]).timestamp())

    return now


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """What takes long to find out is found out by one worker and told to all, by a name."""
    own = tmp_path_factory.getbasetemp()
    shared = own if worker_id == "master" else own.parent

    def told(name: str, find: Callable[[], Any]) -> Any:
        path = shared / f"{name}.pickle"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                found = pickle.dumps(find())
                path.write_bytes(found)
            return pickle.loads(path.read_bytes())

    return told


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's, who works on one application after another."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def shop(
    request: pytest.FixtureRequest,
    world: World,
    settings: Settings,
    zones: list[str],
    tmp_path: Path,
    forks: ForkServer,
    home: Path,
) -> Iterator[Shop]:
    starter = start_afresh if request.node.get_closest_marker("as_a_user") else forks
    with Shop(settings, zones, tmp_path, world.aws, starter=starter, home=home) as shop:
        yield shop
