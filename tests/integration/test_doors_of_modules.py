"""Every module of ours gives the same answers through both of its doors."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from asking import DOORS, Answers, Question, ask, comparable, run
from balancers import listener, make
from certificates import self_signed
from conftest import Once
from settings import Settings
from workloads import Demo

_HERE = "127.0.0.1:1"
_NO_AWS = {"endpoint_url": f"http://{_HERE}", "aws_config": {"retries": {"total_max_attempts": 1}}}
_STRANGER = {"host": "{{ server }}", "api_key": "hunter2", "validate_certs": False}


def facts(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    return Question(f"elb_color_facts: {name}", {"octoblu.bluegreen.elb_color_facts": args, **task})


def swap(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    here = {"name": "{{ balancer }}", "settle": 0, **args}
    return Question(f"elb_listener_swap: {name}", {"octoblu.bluegreen.elb_listener_swap": here, **task})


def wait(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    here = {"namespace": "{{ place }}", "stable_for": 0, "timeout": 30, **args}
    return Question(f"k8s_wait_ready: {name}", {"octoblu.bluegreen.k8s_wait_ready": here, **task})


def smoke(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    here = {"namespace": "{{ place }}", "timeout": 2, **args}
    return Question(f"k8s_smoke: {name}", {"octoblu.bluegreen.k8s_smoke": here, **task})


def plan(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    # What the first question is answered with.
    router = "{{ answer_0.load_balancers[balancer] }}"
    here = {"app": "shop", "namespace": "{{ place }}", "router": router, **args}
    return Question(f"release_plan: {name}", {"octoblu.bluegreen.release_plan": here, **task})


def record(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    release = {"color": "blue", "commit": "v1", "manifest": "m1", "event": "staged", "run": "r1"}
    here = {"app": "shop", "namespace": "{{ place }}", **release, **args}
    return Question(f"release_record: {name}", {"octoblu.bluegreen.release_record": here, **task})


def apply(name: str, objects: list[Any], **task: Any) -> Question:
    here = {"namespace": "{{ place }}", "objects": objects}
    return Question(f"release_apply: {name}", {"octoblu.bluegreen.release_apply": here, **task})


def lock(name: str, args: Mapping[str, Any], **task: Any) -> Question:
    here = {"name": "shop-lock", "namespace": "{{ place }}", "holder": "ada", **args}
    return Question(f"k8s_lock: {name}", {"octoblu.bluegreen.k8s_lock": here, **task})


def settings_of(value: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"A": value}}


QUESTIONS = [
    facts("one", {"name": "{{ balancer }}"}),
    facts("a loop", {"name": "{{ item }}", "gather_policies": "yes"}, loop=["{{ balancer }}", "{{ balancer }}-not"]),
    facts("unknown option and wrong type", {"names": "x", "name": "x", "listener_ports": ["eighty"]}),
    facts("nobody there", {"name": "x"}, module_defaults={"group/octoblu.bluegreen.aws": _NO_AWS}),
    facts("secret", {"name": "x-hunter2-y", "secret_key": "hunter2", "access_key": "x", **_NO_AWS}),
    swap("in check mode", {"color": "blue"}, check_mode=True, diff=True),
    swap("the other color", {"color": "blue", "expect_live": "green"}, diff=True),
    swap("again", {"color": "blue"}),
    swap("refused", {"color": "green", "expect_live": "green"}),
    wait("ready", {"name": "shop-blue"}),
    wait("never ready", {"name": "nosuch", "timeout": 1}),
    wait("asked for two things", {"name": "x", "workloads": []}),
    wait("a stranger", {"name": "x"}, module_defaults={"group/octoblu.bluegreen.k8s": _STRANGER}),
    wait("a kubeconfig with keys", {"name": "x", "kubeconfig": "{{ kubeconfig }}"}),
    # What the first item was allowed to do, the second one is not.
    wait(
        "two users",
        {"name": "shop-blue", "host": "{{ item or omit }}", "username": "x", "password": "hunter2", "validate_certs": False},
        loop=["", "{{ server }}"],
    ),
    smoke("through the API", {"service": "shop-blue", "port": "80", "path": "/hostname"}),
    smoke("no such service", {"service": "nosuch", "port": "80"}),
    smoke("an address and a service", {"url": f"http://{_HERE}/", "service": "shop"}),
    plan("status", {}),
    plan("rollback", {"goal": "rollback"}),
    plan("deploy of nothing", {"goal": "deploy"}),
    plan("list", {"goal": "list"}),
    apply("in check mode", [settings_of("1")], check_mode=True, diff=True),
    apply("created", [settings_of("1")], diff=True),
    apply("again", [settings_of("1")]),
    apply("changed", [settings_of("2")], diff=True),
    apply("refused", [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "No Name"}}]),
    apply("an unknown kind", [{"apiVersion": "v1", "kind": "Nosuch", "metadata": {"name": "x"}}]),
    lock("in check mode", {}, check_mode=True),
    lock("taken", {"purpose": "a test", "phase": "stage", "seconds": "60"}),
    lock("refused", {}),
    lock("wrong numbers", {"seconds": 0}),
    lock("broken into", {"take_from": ["stage"], "expect_version": "1"}),
    lock("lost", {"token": "x"}),
    lock("freed", {"state": "free", "take_from": ""}),
    record("in check mode", {}, check_mode=True),
    record("staged", {}),
    record("staged again", {}),
    record("another release", {"commit": "v2"}),
]  # fmt: skip

# Differs from run to run, whichever door it goes through.
_PASSING = {
    "address", "at", "backends", "claim", "elapsed", "dns_name", "fingerprint", "gap_ms", "request_ids", "pods", "host",
    "instances", "tags", "token", "version", "lock_version", "since", "until", "history",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What both doors answered, and the names of the temporary files that each left behind."""

    answers: Mapping[str, Answers]
    left: Mapping[str, list[str]]


@pytest.fixture(scope="module")
def asked(
    once: Once, tmp_path_factory: pytest.TempPathFactory, settings: Settings, elb: Any, zones: list[str]
) -> Asked:
    found: Asked = once(
        "doors-of-modules", lambda: _ask(tmp_path_factory.mktemp("doors"), settings, elb, zones)
    )
    return found


def _ask(folder: Path, settings: Settings, elb: Any, zones: list[str]) -> Asked:
    """Each door has a load balancer and a namespace of its own, and both are asked at the same time."""
    temporary = {door: folder / f"{door}-temporary" for door in DOORS}
    with ExitStack() as stack, ThreadPoolExecutor(len(DOORS)) as pool:
        asked, reached = {}, _cluster()
        for door in DOORS:
            balancer = make(elb, [listener(settings.http_port, settings.green_port)], zones)
            stack.callback(balancer.delete)
            demo = stack.enter_context(Demo(settings))
            _stage(demo)
            variables = {"balancer": balancer.name, "place": demo.namespace, **reached}
            temporary[door].mkdir()
            asked[door] = pool.submit(
                ask, door, folder / door, settings, QUESTIONS, variables, "-vvv", TMPDIR=str(temporary[door])
            )
        answers = {door: future.result() for door, future in asked.items()}
    return Asked(answers, {door: sorted(os.listdir(place)) for door, place in temporary.items()})


def _stage(demo: Demo) -> None:
    deployment = demo.deployment("shop-blue", replicas=1)
    deployment["metadata"]["labels"]["app.kubernetes.io/version"] = "v1"
    deployment["metadata"]["annotations"] = {"octoblu.bluegreen/manifest": "m1"}
    demo.make(deployment)
    demo.make(demo.service("shop-blue"))


def _cluster() -> dict[str, Any]:
    """The address of the cluster that we run against, and a kubeconfig for it with a stranger's certificate."""
    known = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    certificate, key = (base64.b64encode(text).decode() for text in self_signed("stranger"))
    user = {"client-certificate-data": certificate, "client-key-data": key}
    kubeconfig = {**known, "users": [{**entry, "user": user} for entry in known["users"]]}
    return {"server": known["clusters"][0]["cluster"]["server"], "kubeconfig": kubeconfig}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_answer_is_the_same(question: Question, asked: Asked) -> None:
    module, action = (comparable(asked.answers[door].of[question.name], _PASSING) for door in DOORS)
    assert action == module


def test_no_process_is_started(asked: Asked) -> None:
    assert "Using module file" in asked.answers["module"].output
    assert "Using module file" not in asked.answers["action"].output


def test_progress_is_shown(asked: Asked) -> None:
    assert re.search(r"^\[here\] nosuch not ready, 0 s$", asked.answers["action"].errors, re.MULTILINE)


def test_no_key_is_shown(asked: Asked) -> None:
    key = base64.b64encode(b"-----BEGIN PRIVATE KEY-----").decode().rstrip("=")[:-1]
    for door in DOORS:
        shown = f"{asked.answers[door].output}{asked.answers[door].errors}{asked.answers[door].of}"
        assert key not in shown, door


def test_no_key_stays_on_the_disk(asked: Asked) -> None:
    """What the API offers is kept by kubernetes.core for the next task, whichever door it takes."""
    assert asked.left["action"] == asked.left["module"]
    assert all(name.endswith(".json") for name in asked.left["action"])


def test_ad_hoc(tmp_path: Path, settings: Settings) -> None:
    told = {
        door: run(
            tmp_path, settings, "ansible", "here", "-m", "octoblu.bluegreen.elb_color_facts", "-a", "name=nosuch",
            BLUEGREEN_DOOR=door,
        )
        for door in DOORS
    }  # fmt: skip
    assert "nosuch" in told["module"].stdout
    action, module = (re.sub(r'"at": [0-9.]+', '"at": 0', told[door].stdout) for door in ("action", "module"))
    assert action == module
    assert told["action"].returncode == told["module"].returncode


def test_a_missing_library_is_told_by_the_module(tmp_path: Path, settings: Settings) -> None:
    for library in ("boto3", "botocore", "kubernetes"):
        (tmp_path / "without" / library).mkdir(parents=True)
        (tmp_path / "without" / library / "__init__.py").write_text(
            f"raise ModuleNotFoundError('No module named {library}', name={library!r})"
        )
    questions = [
        facts("without boto3", {"name": "x"}),
        wait("without kubernetes", {"name": "x", "namespace": "y"}),
    ]
    answers = ask(
        "action", tmp_path / "asked", settings, questions, {}, "-vvv", PYTHONPATH=str(tmp_path / "without")
    )
    assert answers.output.count("Using module file") == len(questions)
    for question, library in zip(questions, ("boto3", "kubernetes"), strict=True):
        assert library in answers.of[question.name]["msg"]
