"""An application of a test's own, and how to run playbooks on it and look at it from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
from balancers import Balancer, listener, make
from runs import Process, Starter, start_afresh
from settings import Settings

from sandbox.aws import Aws

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# Field managers: the collection's, and those of the tests.
_MANAGERS = ("octoblu.bluegreen", "kubectl", "OpenAPI-Generator", "python")

HELD = """
- name: Wait until the test says so
  ansible.builtin.wait_for:
    path: {gate}
    timeout: 60
"""


@dataclass(frozen=True)
class Finished:
    """A playbook that has ended. ``results`` is bluegreen_result, by application."""

    code: int
    output: str

    @property
    def stats(self) -> dict[str, Any]:
        """What was set with set_stats."""
        return self._told("RUN: ")

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        return dict(self.stats.get("bluegreen_result", {}))

    @property
    def result(self) -> dict[str, Any]:
        """That of the tests' own application, empty where it has none."""
        return self.results.get("shop", {})

    @property
    def reason(self) -> str:
        """What failed last, as its task and the verdict tell it."""
        return self._reason("FAILED! => ")

    def reason_on(self, host: str) -> str:
        """The same of a host of the inventory."""
        return self._reason(f"fatal: [{host}]: FAILED! => ")

    def _reason(self, mark: str) -> str:
        failures = self._all_told(mark)
        tasks = [str(each.get("msg", "")) for each in failures if "verdict" not in each]
        verdicts = [f"{each['msg']}\n" + "\n".join(each["verdict"]) for each in failures if "verdict" in each]
        return "\n".join([*tasks[-1:], *verdicts[-1:]])

    @property
    def changed(self) -> int:
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.output))

    @property
    def outcome(self) -> str | None:
        return self.result.get("outcome")

    def _told(self, mark: str) -> dict[str, Any]:
        """The last JSON that Ansible printed after a mark."""
        return next(reversed(self._all_told(mark)), {})

    def _all_told(self, mark: str) -> list[dict[str, Any]]:
        _before, *told = self.output.split(mark)
        return [dict(json.JSONDecoder().raw_decode(each)[0]) for each in told]


@dataclass(frozen=True)
class Running:
    """A playbook under way."""

    process: Process
    patience: float

    def finish(self) -> Finished:
        try:
            output, _unused = self.process.communicate(timeout=self.patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return Finished(self.process.returncode, output)

    def kill(self) -> Finished:
        """SIGKILL to it and to all that it has started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        output, _unused = self.process.communicate()
        return Finished(self.process.returncode, output)


class Shop:
    """An application with a namespace and a load balancer of its own.

    Its one listener points at green, where nothing is, so that the first deploy goes to blue.
    """

    def __init__(
        self,
        settings: Settings,
        zones: Sequence[str],
        folder: Path,
        aws: Aws | None = None,
        node_ports: Mapping[str, int] | None = None,
        starter: Starter = start_afresh,
        home: Path | None = None,
    ) -> None:
        self.settings = settings
        self.starter = starter
        self.home = home or folder
        self.zones = zones
        self.aws = aws
        self.folder = folder
        self.name = "shop"
        self.namespace = f"shop-{uuid.uuid4().hex[:8]}"
        self.node_ports = node_ports or {"blue": settings.blue_port, "green": settings.green_port}
        self.environment = {
            **os.environ,
            "ANSIBLE_HOME": str(self.home / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "HOME": str(self.home),
        }
        self.balancer: Balancer
        self._made = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as made:
            self._make(made)
            self._made = made.pop_all()
        return self

    def _make(self, made: ExitStack) -> None:
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        made.callback(self.kubectl, "delete", "namespace", self.namespace, "--wait=false")
        # Node ports are the cluster's, and the next test wants them.
        made.callback(self.kubectl, "delete", "service", "--all", "-n", self.namespace)
        elb = boto3.client("elb")
        self.balancer = make(
            elb,
            [listener(self.settings.http_port, self.node_ports["green"])],
            self.zones,
            {color: str(port) for color, port in self.node_ports.items()},
            {
                "Target": f"HTTP:{self.node_ports['green']}{self.settings.who_path}",
                "Interval": 5,
                "Timeout": 2,
                "UnhealthyThreshold": 2,
                "HealthyThreshold": 2,
            },
        )
        made.callback(self.balancer.delete)
        elb.register_instances_with_load_balancer(
            LoadBalancerName=self.balancer.name,
            Instances=[{"InstanceId": instance} for instance in self._instances()],
        )

    def __exit__(self, *_exception: object) -> None:
        # Each of them, whatever becomes of the others: what stays holds the node ports of all that follow.
        self._made.close()

    # Playbooks

    def variables(self) -> dict[str, Any]:
        return {
            "bluegreen_app": self.name,
            "bluegreen_namespace": self.namespace,
            "bluegreen_load_balancer": self.balancer.name,
            "bluegreen_image": self.settings.image,
            "bluegreen_container_port": self.settings.container_port,
            "bluegreen_readiness_path": self.settings.who_path,
            "bluegreen_replicas": 1,
            "bluegreen_ready_timeout": 60,
        }

    def play(
        self,
        playbook: str,
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
        **variables: Any,
    ) -> Finished:
        """Run a playbook with this application's variables and environment, changed as given.

        None takes a variable away.
        """
        return self.start(playbook, *arguments, environment=environment, **variables).finish()

    def start(
        self,
        playbook: str,
        *arguments: str,
        environment: Mapping[str, str | None] | None = None,
        **variables: Any,
    ) -> Running:
        """The same, without waiting for its end; in a session of its own."""
        described = self.folder / f"app-{uuid.uuid4().hex[:8]}.json"
        described.write_text(json.dumps(_without_none({**self.variables(), **variables})))
        command = [
            Path(self.settings.ansible or BIN) / "ansible-playbook",
            CHECKOUT / "playbooks" / f"{playbook}.yml" if playbook.isalpha() else playbook,
            "-e",
            f"@{described}",
            *arguments,
        ]
        changed = _without_none({**self.environment, **(environment or {})})
        process = self.starter([str(word) for word in command], self.folder, changed)
        return Running(process, self.settings.patience)

    def start_held(self, moment: str, gate: Path, commit: str, **variables: Any) -> Running:
        """A deploy that stands still in a hook until somebody makes the file ``gate``."""
        hook = gate.with_suffix(".yml")
        hook.write_text(HELD.format(gate=gate))
        running = self.start("deploy", commit=commit, bluegreen_hooks={moment: [str(hook)]}, **variables)
        self.wait_for_lock("hook")
        return running

    def deploy(self, commit: str, *arguments: str, **variables: Any) -> Finished:
        return self.play("deploy", *arguments, commit=commit, **variables)

    def deploy_with(self, environment: Mapping[str, str | None], commit: str) -> Finished:
        return self.play("deploy", environment=environment, commit=commit)

    def rollback(self, *arguments: str, **variables: Any) -> Finished:
        return self.play("rollback", *arguments, **variables)

    def status(self, *arguments: str, **variables: Any) -> Finished:
        return self.play("status", *arguments, **variables)

    def deployed(self, *commits: str, **variables: Any) -> None:
        """Bring one commit live after the other, as the scene of a test: in one run, and where it is quickest."""
        scene = self.folder / f"scene-{uuid.uuid4().hex[:8]}.yml"
        deploy = str(CHECKOUT / "playbooks" / "deploy.yml")
        plays = [{"ansible.builtin.import_playbook": deploy, "vars": {"commit": each}} for each in commits]
        scene.write_text(json.dumps(plays))
        finished = self.play(str(scene), environment={"BLUEGREEN_DOOR": None}, **variables)
        assert (finished.code, finished.outcome) == (0, "deployed"), finished.output
        for commit in commits:
            assert f": {commit} serves on " in finished.output, finished.output

    def bad_image(self, commit: str) -> str:
        return self.settings.bad_image.replace("{{ bluegreen_commit }}", commit)

    # Looking from outside

    def url(self, port: int | None = None) -> str:
        """Where the load balancer answers who is behind it."""
        port = port or self.settings.http_port
        if self.aws:
            address = self.aws.ports(self.balancer.name)[port]
        else:
            address = f"{self.balancer.description['DNSName']}:{port + self.settings.port_offset}"
        return f"http://{address}{self.settings.who_path}"

    def who(self, requests: int = 5) -> str:
        """The color that answers through the load balancer; a test fails when it is not one alone.

        An instance that has just been registered is given the time to come into service.
        """
        deadline = time.monotonic() + 60
        while self._ask() == "503" and time.monotonic() < deadline:
            time.sleep(0.1)
        answers = Counter(self._ask() for _request in range(requests))
        assert len(answers) == 1, answers
        return answers.popitem()[0]

    def _ask(self) -> str:
        try:
            with urllib.request.urlopen(self.url(), timeout=5) as answer:
                return color_of(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.code)

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        process = subprocess.run(
            [BIN / "kubectl", *arguments],
            check=False,
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        told = self.kubectl("get", kind, name, "-n", self.namespace, "-o", "json", "--ignore-not-found")
        return json.loads(told) if told else None

    def deployment(self, color: str) -> dict[str, Any]:
        found = self.get("deployment", f"{self.name}-{color}")
        assert found is not None, f"there is no Deployment {self.name}-{color}"
        return found

    def commit(self) -> str:
        """What answers through the load balancer."""
        labels = self.deployment(self.who())["metadata"]["labels"]
        return str(labels["app.kubernetes.io/version"])

    def events(self) -> list[dict[str, Any]]:
        """The ledger, oldest first."""
        found = self.get("configmap", f"{self.name}-releases")
        return [json.loads(line) for line in found["data"]["events"].splitlines()] if found else []

    def wait_for_lock(self, phase: str = "", purpose: str = "") -> None:
        """Until somebody holds the lock in a phase, or for a purpose that begins so."""
        note = "{.metadata.annotations.octoblu\\.bluegreen/%s}"
        words = ["{.spec.holderIdentity}", note % "phase", note % "purpose"]
        seen = ""
        with subprocess.Popen(
            [
                BIN / "kubectl", "get", "lease", "-n", self.namespace, "--watch", "--request-timeout=60s",
                f"--field-selector=metadata.name={self.name}-lock", "-o", "jsonpath=" + "|".join(words) + "{'\\n'}",
            ],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as watch:  # fmt: skip
            assert watch.stdout is not None
            try:
                for seen in watch.stdout:
                    holder, its_phase, its_purpose = seen.rstrip("\n").split("|", 2)
                    if holder and phase in ("", its_phase) and its_purpose.startswith(purpose):
                        return
            finally:
                watch.kill()
        raise AssertionError(f"nobody came to phase {phase or 'any'} of {purpose or 'anything'}: {seen}")

    def objects(self) -> dict[str, dict[str, Any]]:
        """Everything of ours in the namespace but the ledger, without what the cluster itself writes."""
        kinds = "deployment,service,configmap,secret"
        told = json.loads(
            self.kubectl("get", kinds, "-n", self.namespace, "--show-managed-fields", "-o", "json")
        )
        return {
            f"{item['kind']}/{item['metadata']['name']}": strip(item)
            for item in told["items"]
            if _is_ours(item) and item["metadata"]["name"] != f"{self.name}-releases"
        }

    def service(self, name: str, node_port: int) -> dict[str, Any]:
        """Somebody else's Service on a node port."""
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "type": "NodePort",
                "selector": {"app": name},
                "ports": [{"port": 80, "nodePort": node_port}],
            },
        }

    def apply(self, thing: Mapping[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", given=json.dumps(thing))

    def _instances(self) -> list[str]:
        if self.settings.instances:
            return self.settings.instances.split(",")
        ec2 = boto3.client("ec2")
        [made] = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
        return [made["InstanceId"]]


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def color_of(pod: str) -> str:
    """The color in the name of a pod, ``<app>-<color>-...``."""
    match = re.match(r"\s*[a-z0-9-]+?-(blue|green)-", pod)
    return match[1] if match else pod.strip()


def _is_ours(thing: Mapping[str, Any]) -> bool:
    """Whether the collection or a test has written to it: clusters put objects of their own into every namespace."""
    managers = [str(each.get("manager")) for each in thing["metadata"].get("managedFields") or ()]
    return any(manager.startswith(_MANAGERS) for manager in managers)


def strip(thing: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what changes while nobody writes to it."""
    metadata = {
        key: value
        for key, value in thing["metadata"].items()
        if key not in ("managedFields", "resourceVersion")
    }
    return {**{key: value for key, value in thing.items() if key != "status"}, "metadata": metadata}
