"""Build the tarball, install it into an empty place, and find there every module, role and playbook.

Runs in a copy of the checkout that has the dependencies beside it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

HERE = Path.cwd()
NAME = "octoblu.bluegreen"


def main(place: Path) -> None:
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(place)
    version = yaml.safe_load((HERE / "galaxy.yml").read_text())["version"]
    tarball = place / f"octoblu-bluegreen-{version}.tar.gz"
    run("ansible-galaxy", "collection", "build", "--output-path", str(place))
    # Forced, because it would be content with the checkout, which is installed already in its way.
    install = ["ansible-galaxy", "collection", "install", "--offline", "--force", "--no-deps", "-p"]
    run(*install, str(place), str(tarball))
    if not (place / "ansible_collections" / "octoblu" / "bluegreen" / "MANIFEST.json").exists():
        sys.exit(f"{tarball.name} was not installed.")
    if not os.access(place / "ansible_collections" / "octoblu" / "bluegreen" / "bin" / "oops", os.X_OK):
        sys.exit(f"{tarball.name} has no bin/oops that can be run.")
    for namespace in ("amazon", "kubernetes"):
        shutil.copytree(HERE.parent.parent / namespace, place / "ansible_collections" / namespace)
    for kind, files in {"module": "plugins/modules/*.py", "role": "roles/*"}.items():
        expected = {f"{NAME}.{file.stem}" for file in HERE.glob(files)}
        documented = set(json.loads(run("ansible-doc", "--json", "-t", kind, *sorted(expected))))
        if missing := expected - documented:
            sys.exit(f"The tarball has no documentation of the {kind}s {', '.join(sorted(missing))}.")
    playbooks = [f"{NAME}.{file.stem}" for file in sorted(HERE.glob("playbooks/*.yml"))]
    run("ansible-playbook", "--syntax-check", *playbooks)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        try:
            main(Path(folder))
        except subprocess.CalledProcessError as error:
            sys.exit(f"`{' '.join(error.cmd)}` failed with exit code {error.returncode}.")
