# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as AWX 24.6.1 has ansible-runner run them, in the execution environment that this repository describes.

What AWX writes for a job is in its awx/main/tasks/jobs.py and awx/main/models/unified_jobs.py.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ansible_runner
import boto3
import yaml
from shop import BIN, CHECKOUT, Shop

# A folder that is there and in which nobody, not even root, can make anything.
HOME = "/sys/kernel"
DEFINITION = CHECKOUT / "execution-environment.yml"


@dataclass(frozen=True)
class Environment:
    """Where a job's programs and collections are, and the variables of its image."""

    bin: Path
    collections: Path
    variables: Mapping[str, str]

    @classmethod
    def make(cls, folder: Path) -> Environment:
        """What the image would hold, in a folder.

        Galaxy is not asked: this collection is built from the checkout, and the two that it needs are the development
        environment's.
        """
        definition = yaml.safe_load(DEFINITION.read_text())
        collections = folder / "collections"
        installed = collections / "ansible_collections"
        ansible = BIN / "ansible-galaxy"
        _run(ansible, "collection", "build", CHECKOUT, "--output-path", folder)
        [tarball] = folder.glob("octoblu-bluegreen-*.tar.gz")
        _run(
            ansible, "collection", "install", "--offline", "--force", "--no-deps", "-p", collections, tarball
        )
        for name in ("amazon", "kubernetes"):
            (installed / name).symlink_to(
                Path(sys.prefix) / "collections" / "ansible_collections" / name, target_is_directory=True
            )
        _run(BIN / "ansible-builder", "introspect", "--write-pip", folder / "requirements.txt", collections)
        wanted = [
            definition["dependencies"][each]["package_pip"] for each in ("ansible_core", "ansible_runner")
        ]
        venv = folder / "venv"
        _run(sys.executable, "-m", "venv", "--without-pip", venv)
        pip = (
            sys.executable,
            "-m",
            "pip",
            "--python",
            venv / "bin" / "python",
            "install",
            "-qq",
            "--no-compile",
        )
        _run(*pip, *wanted, "--requirement", folder / "requirements.txt")
        steps = definition["additional_build_steps"]["append_final"]
        variables = [step.removeprefix("ENV ").split("=", 1) for step in steps]
        # The image's /tmp is of one job alone.
        own = {name: value.replace("/tmp/", f"{folder}/tmp/") for name, value in variables}
        return cls(venv / "bin", collections, own)


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


class _Dumper(yaml.SafeDumper):
    """Writes extra variables as AWX does: nobody's text is a template."""


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


@dataclass(frozen=True)
class Job:
    """A job that has ended: ``artifacts`` is what AWX hands on to the next node of a workflow."""

    status: str
    stdout: str
    artifacts: Mapping[str, Any]
    folder: Path

    @property
    def outcomes(self) -> dict[str, str]:
        """That of each application."""
        return {app: told["outcome"] for app, told in self.artifacts["bluegreen_result"].items()}

    def texts(self) -> Iterator[str]:
        """All that AWX keeps of it. The file ``command``, in which ansible-runner has the environment, is not."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "command":
                yield path.read_text()


class Awx:
    """The jobs of one application's host in an inventory."""

    def __init__(self, environment: Environment, shop: Shop) -> None:
        self._environment, self._shop = environment, shop
        own = boto3.Session().get_credentials().get_frozen_credentials()
        # The sandbox takes any, and its own would be words of the output.
        secret, session = (
            ("hunter2/secret+key", "hunter2-session") if shop.aws else (own.secret_key, own.token)
        )
        self.aws = {"AWS_ACCESS_KEY_ID": own.access_key, "AWS_SECRET_ACCESS_KEY": secret}
        if session:
            self.aws |= dict.fromkeys(("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"), session)
        config = json.loads(shop.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
        [cluster] = [each["cluster"] for each in config["clusters"]]
        shop.kubectl("apply", "-n", shop.namespace, "-f", str(CHECKOUT / "docs" / "rbac" / "deployer.yaml"))
        token = shop.kubectl("create", "token", "bluegreen-deployer", "-n", shop.namespace).strip()
        authority = shop.folder / "ca.crt"
        authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        self.kubernetes = {
            "K8S_AUTH_HOST": cluster["server"],
            "K8S_AUTH_API_KEY": token,
            "K8S_AUTH_VERIFY_SSL": "True",
            "K8S_AUTH_SSL_CA_CERT": str(authority),
        }
        self.secrets = [each for each in (secret, session, token) if each]
        self._number = 40

    def run(
        self,
        playbook: str | Sequence[str],
        *,
        user: str = "",
        kubernetes: Mapping[str, str] | None = None,
        host: Mapping[str, Any] | None = None,
        cancel: Callable[[], bool] | None = None,
        **survey: Any,
    ) -> Job:
        """Run one of our playbooks as the project has it, or a playbook of the project's own that imports several.

        Without a user it is a schedule's job.
        """
        self._number += 1
        data = self._shop.folder / f"awx_{self._number}"
        for name in ("env", "inventory", "project"):
            (data / name).mkdir(parents=True)
        if isinstance(playbook, str):
            (data / "project" / "playbooks").symlink_to(CHECKOUT / "playbooks", target_is_directory=True)
            playbook = f"playbooks/{playbook}.yml"
        else:
            imports = [{"import_playbook": f"octoblu.bluegreen.{name}"} for name in playbook]
            playbook = "site.yml"
            (data / "project" / playbook).write_text(yaml.safe_dump(imports))
        self._write_inventory(data / "inventory" / "hosts", host or {})
        given = {**survey, **_meta_variables(self._number, user)}
        (data / "env" / "extravars").write_text(yaml.dump(given, Dumper=_Dumper))
        # How often it is looked whether the job is to be canceled; AWX leaves it at 5 s.
        (data / "env" / "settings").write_text(json.dumps({"pexpect_timeout": 0.2}))
        ended = self._start(data, playbook, kubernetes or self.kubernetes, cancel)
        artifacts = [
            event["event_data"]["artifact_data"]
            for event in ended.events
            if event["event"] == "playbook_on_stats"
        ]
        with ended.stdout as stdout:
            return Job(ended.status, stdout.read(), artifacts[0] if artifacts else {}, data / "artifacts")

    def _start(
        self, data: Path, playbook: str, kubernetes: Mapping[str, str], cancel: Callable[[], bool] | None
    ) -> Any:
        paths = [data / "requirements_collections", "~/.ansible/collections", self._environment.collections]
        of_the_image = {
            "PATH": f"{self._environment.bin}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": HOME,
            # kubernetes.core keeps what a server offers there, by its address alone.
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
            **self._environment.variables,
        }
        of_the_job = {
            "AWX_PRIVATE_DATA_DIR": str(data),
            "JOB_ID": str(self._number),
            "INVENTORY_ID": "1",
            "PROJECT_REVISION": "4f2a91c",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, paths)),
            **self.aws,
            **kubernetes,
        }
        with patch.dict(os.environ, of_the_image, clear=True):
            return ansible_runner.run(
                private_data_dir=str(data),
                ident=str(self._number),
                playbook=playbook,
                inventory=str(data / "inventory" / "hosts"),
                cmdline="-u root",
                envvars=of_the_job,
                fact_cache_type="",
                quiet=True,
                # Without any it would take SIGTERM for itself, in whatever the tests do after this.
                cancel_callback=cancel or (lambda: False),
            )

    def _write_inventory(self, path: Path, host: Mapping[str, Any]) -> None:
        region = boto3.Session().region_name
        own = {
            **self._shop.variables(),
            "bluegreen_aws": {"region": region, "endpoint_url": os.environ["AWS_ENDPOINT_URL"]},
            "remote_tower_enabled": "true",
            "remote_tower_id": 1,
            **host,
        }
        told = {"all": {"hosts": [self._shop.name]}, "_meta": {"hostvars": {self._shop.name: own}}}
        path.write_text(f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(told)!r})\n")
        path.chmod(0o700)

    def end_container(self) -> None:
        """What its end does to all that a job has left running."""
        mark = f"AWX_PRIVATE_DATA_DIR={self._shop.folder}/".encode()
        for process in Path("/proc").glob("[0-9]*"):
            # Those of others may not be looked at, or may have ended.
            with suppress(OSError):
                if mark in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)


def _meta_variables(number: int, user: str) -> dict[str, Any]:
    """What AWX tells a job of itself, under both of its prefixes."""
    own = {
        "job_id": number,
        "job_launch_type": "workflow" if user else "scheduled",
        "job_template_id": 7,
        "job_template_name": "Bluegreen: Deploy",
        "inventory_id": 1,
        "inventory_name": "Bluegreen",
        "project_revision": "4f2a91c",
        "project_scm_branch": "",
    }
    who: dict[str, Any] = {"schedule_id": 3, "schedule_name": "nightly"}
    if user:
        who = {
            "workflow_job_id": number - 1,
            "workflow_job_name": "Bluegreen: Deploy with approval",
            "user_id": 5,
            "user_name": user,
            "user_email": f"{user}@example.com",
            "user_first_name": "",
            "user_last_name": "",
        }
    return {
        f"{prefix}_{name}": value for prefix in ("awx", "tower") for name, value in {**own, **who}.items()
    }
