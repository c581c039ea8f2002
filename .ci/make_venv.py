"""Make .venv: pinned packages, and collections where every Python and Ansible of it finds them.

Plain enough for an old Python to parse, so that it can say which one it needs.
"""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
# The sandbox's API server is one of this version.
SCHEMA = "kubernetes_validate/kubernetes-json-schema/v1.32.0-local/_definitions.json"
DEPENDENCIES = ("ansible_collections/amazon/aws/", "ansible_collections/kubernetes/core/")
# Releases of `ansible` from 14 on have no awx.awx; the modules of this one run on every core that is supported.
AWX = "ansible==12.3.0"


def main():
    version = sys.version_info[:2]
    if not (3, 11) <= version <= (3, 14):
        sys.exit(
            f"Python 3.11 to 3.14 is needed, and {sys.executable} is {version[0]}.{version[1]}:"
            " name another one, as in `make PYTHON=python3.12 test`."
        )
    print(f"Making .venv with Python {version[0]}.{version[1]} ...", file=sys.stderr)
    packages = VENV / "lib" / f"python{version[0]}.{version[1]}" / "site-packages"
    venv.create(VENV, with_pip=True, clear=not packages.is_dir())
    # What is never imported need not be compiled, which would take as long again.
    pinned = ("--no-deps", "--no-compile", "--requirement", CHECKOUT / ".ci" / "requirements.txt")
    fill(VENV, pinned, ("--requirement", CHECKOUT / ".ci" / "wheels.txt"))
    pip(VENV, "download", "--no-deps", "--dest", VENV / "wheels" / "awx", AWX)
    [awx] = (VENV / "wheels" / "awx").iterdir()
    lay_out(awx, VENV / "collections", ("ansible_collections/awx/awx/",))
    lay_out_schema(next((VENV / "wheels").glob("kubernetes_validate-*.whl")), VENV / "kubernetes-schema.json")


def fill(folder, packages, wheels):
    """Install packages, which are arguments for pip, and lay the collections out beside them."""
    pip(folder, "install", *packages)
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    pip(folder, "download", "--no-deps", "--dest", folder / "wheels", *wheels)
    lay_out_collections(next((folder / "wheels").glob("ansible-*.whl")), folder / "collections")
    for site in folder.glob("lib/python3*/site-packages"):
        (site / "bluegreen.pth").write_text(f"{folder / 'collections'}\n")


def pip(folder, *arguments):
    command = [folder / "bin" / "python", "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)


def lay_out_collections(wheel, folder):
    """The dependencies as they are in the wheel of `ansible`, and this checkout beside them."""
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(wheel, folder, DEPENDENCIES)
    ours = folder / "ansible_collections" / "octoblu" / "bluegreen"
    ours.parent.mkdir()
    ours.symlink_to(CHECKOUT, target_is_directory=True)


def lay_out(wheel, folder, names):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(names)])


def lay_out_schema(wheel, file):
    """What the Kubernetes API says of its fields: one file of the 17,000 in that wheel."""
    with zipfile.ZipFile(wheel) as archive:
        file.write_bytes(archive.read(SCHEMA))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"`{' '.join(error.cmd)}` failed with exit code {error.returncode}.")
