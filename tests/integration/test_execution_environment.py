# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-builder makes of the execution environment. test_awx_jobs.py installs that and deploys from it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from awx import DEFINITION
from packaging.specifiers import SpecifierSet
from shop import BIN, CHECKOUT

COLLECTIONS = Path(sys.prefix) / "collections"


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an image is built from."""
    folder = tmp_path_factory.mktemp("context")
    words = ("create", "--file", DEFINITION, "--context", folder, "--output-filename", "Containerfile")
    subprocess.run([BIN / "ansible-builder", *words], check=True, capture_output=True)
    return folder


def test_the_image_has_what_a_job_needs(context: Path) -> None:
    steps = (context / "Containerfile").read_text().splitlines()
    final = steps[steps.index("FROM base AS final") :]
    assert final[-3:] == [
        "USER 1000",
        'ENTRYPOINT ["/opt/builder/bin/entrypoint", "dumb-init"]',
        'CMD ["bash"]',
    ]
    assert "WORKDIR /runner" in final
    variables = dict(
        step.removeprefix("ENV ").split("=", 1) for step in final if step.startswith("ENV ANSIBLE_")
    )
    assert sorted(variables) == ["ANSIBLE_HOME", "ANSIBLE_LOCAL_TEMP"]
    assert {value.split("/")[1] for value in variables.values()} == {"tmp"}
    # Git is for the stage that gets collections, and stays behind in it.
    assert "RUN $PKGMGR install -y git-core" in steps[: steps.index("FROM base AS builder")]
    assert not any("git" in step for step in final)


def test_the_collections_are_those_of_galaxy_yml(context: Path) -> None:
    galaxy = _read(CHECKOUT / "galaxy.yml")
    ours = {"name": f"{galaxy['repository']}.git", "type": "git", "version": "main"}
    needed = [{"name": name, "version": version} for name, version in galaxy["dependencies"].items()]
    assert _read(context / "_build" / "requirements.yml")["collections"] == [ours, *needed]


def test_its_ansible_is_one_that_was_tried() -> None:
    core = _read(DEFINITION)["dependencies"]["ansible_core"]["package_pip"]
    allowed = SpecifierSet(core.removeprefix("ansible-core"))
    tried = re.findall(r'Core\("([\d.]+)"', (CHECKOUT / ".ci" / "cores.py").read_text())
    assert [version for version in tried if version not in allowed] == []
    major, minor, _patch = tried[-1].split(".")
    assert f"{major}.{int(minor) + 1}.0" not in allowed
    assert str(_read(CHECKOUT / "meta" / "runtime.yml")["requires_ansible"]) in core


def test_what_the_collections_ask_for(context: Path, tmp_path: Path) -> None:
    own = _read(CHECKOUT / "meta" / "execution-environment.yml")
    # ansible-builder knows no other version of a collection's own, and nothing else in it.
    assert own == {"version": 1, "dependencies": {"python": "requirements.txt"}}

    excluded = context / "_build" / "exclude-bindep.txt"
    words = (
        "introspect",
        "--exclude-bindep-reqs",
        excluded,
        "--write-bindep",
        tmp_path / "bindep.txt",
        COLLECTIONS,
    )
    told = subprocess.run(
        [BIN / "ansible-builder", *words], check=True, capture_output=True, text=True
    ).stdout
    asked = yaml.safe_load(told)["python"]
    lines = (CHECKOUT / "requirements.txt").read_text().splitlines()
    ours = [f"{line}  # from collection octoblu.bluegreen" for line in lines if not line.startswith("#")]
    assert [line for line in asked if line.endswith("octoblu.bluegreen")] == ours
    system = (tmp_path / "bindep.txt").read_text().splitlines()
    assert [line for line in system if "octoblu" in line or "kubernetes.core" in line] == []
