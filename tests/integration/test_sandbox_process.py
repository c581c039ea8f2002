"""The sandbox as processes: in the foreground, as a child, in the background from the command line."""

from __future__ import annotations

import ctypes
import os
import select
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from balancers import listener
from instances import refuses

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import connect
from sandbox.aws import Aws

pytestmark = pytest.mark.sandbox

SECONDS = 60
TESTS = Path(__file__).resolve().parents[1]
_PR_CAPBSET_DROP, _CAP_NET_BIND_SERVICE = 24, 10


@pytest.fixture
def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS)}


@pytest.fixture
def prefix(worker_id: str) -> str:
    """Addresses that no other sandbox of the tests has."""
    return f"127.{40 + (0 if worker_id == 'master' else int(worker_id.removeprefix('gw')))}.1."


def give_up_low_ports() -> None:
    """What an ordinary user never had. It fails for one, who needs it not."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_NET_BIND_SERVICE, 0, 0, 0)


def ended(pid: int) -> int:
    """A file descriptor that is readable when the process has ended."""
    return os.pidfd_open(pid)


def has_ended(watched: int) -> bool:
    return bool(select.select([watched], [], [], SECONDS)[0])


def test_in_the_foreground_without_the_right_to_low_ports(
    tmp_path: Path, environment: dict[str, str], prefix: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.aws", "--folder", str(tmp_path), "--address-prefix", prefix],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=give_up_low_ports,  # noqa: PLW1509
    )
    assert process.stdout is not None
    try:
        [endpoint] = [word for word in process.stdout.readline().split() if word.startswith("http")]
        elb = boto3.client("elb", endpoint_url=endpoint.rstrip(";"))
        address = elb.create_load_balancer(
            LoadBalancerName="shop",
            AvailabilityZones=["us-east-1a"],
            Listeners=[listener(80, 30081), listener(443, 30081), listener(8080, 30081)],
        )["DNSName"]
        assert address.startswith(prefix)
        for port, open_ in ((80, False), (443, False), (8080, True), (10080, True), (10443, True)):
            assert refuses(f"{address}:{port}") is not open_
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://{address}:10080/")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert refuses(f"{address}:10080")


def test_it_ends_with_whoever_started_it(tmp_path: Path, environment: dict[str, str], prefix: str) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from sandbox.aws import Aws\n"
        f"aws = Aws(pathlib.Path({str(tmp_path)!r}), address_prefix={prefix!r})\n"
        "aws.start()\n"
        "print(aws.pid, aws.endpoint_url, flush=True)\n"
        "time.sleep(1000)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, endpoint = parent.stdout.readline().split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    watched = [ended(int(each)) for each in (pid, *children)]
    assert len(watched) == 2
    parent.kill()
    parent.communicate()
    assert [has_ended(each) for each in watched] == [True, True]
    assert refuses(endpoint.removeprefix("http://"))


def test_a_start_that_fails_says_why(tmp_path: Path, aws: Aws) -> None:
    port = int(aws.endpoint_url.rpartition(":")[2])
    with pytest.raises(RuntimeError, match=r"did not start: .*in use"):
        Aws(tmp_path, port=port).start()


@pytest.fixture
def command(tmp_path: Path, environment: dict[str, str]) -> Iterator[Any]:
    """`python -m sandbox` in a directory of its own."""

    def run(word: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sandbox", word],
            check=False,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    yield run
    run("down")


def test_the_command_line(command: Any, tmp_path: Path) -> None:
    assert "up" in command("env").stderr
    told = command("up")
    assert told.returncode == 0, told.stderr
    assert command("up").stdout == told.stdout
    exports = dict(line.removeprefix("export ").split("=", 1) for line in command("env").stdout.splitlines())
    exports = {name: shlex.split(value)[0] for name, value in exports.items()}
    assert set(exports) == {
        "KUBECONFIG",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "TMPDIR",
    }
    assert Path(exports["KUBECONFIG"]).is_file()
    assert Path(exports["TMPDIR"]).is_dir()
    elb = boto3.client("elb", endpoint_url=exports["AWS_ENDPOINT_URL"])
    [shop] = elb.describe_load_balancers(LoadBalancerNames=["shop"])["LoadBalancerDescriptions"]
    assert [each["Listener"]["InstancePort"] for each in shop["ListenerDescriptions"]] == [30081]
    assert shop["HealthCheck"]["Target"] == "HTTP:30081/healthz"
    assert len(shop["Instances"]) == 1
    seen = connect({"kubeconfig": exports["KUBECONFIG"]}).get("v1", "Namespace", "web")
    assert seen is not None
    assert seen["status"]["phase"] == "Active"
    [url] = [word.rstrip(";") for word in told.stdout.split() if word.startswith("http")]
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(url)

    second = command("run")
    assert second.returncode != 0
    assert "runs here already" in second.stderr
    assert command("down").returncode == 0
    assert refuses(exports["AWS_ENDPOINT_URL"].removeprefix("http://"))
    assert command("down").returncode == 0
    assert "up" in command("env").stderr
