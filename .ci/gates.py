"""Every gate but the tests: a line each with its seconds when it has ended, and its output only when it fails.

    .venv/bin/python .ci/gates.py [NAME ...]
    .venv/bin/python .ci/gates.py -NAME     all but this one

The gates see a copy of the tracked files, beside the two collections that this one needs: ansible-test
refuses a symlink, and what merely lies around in the checkout shall not decide whether a gate passes.
"""

import ast
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = CHECKOUT / ".cache"
HOME = CACHE / "home"
TREE = CACHE / "tree"
COPY = TREE / "ansible_collections" / "octoblu" / "bluegreen"
VENV = Path(sys.prefix)
DEPENDENCIES = VENV / "collections" / "ansible_collections"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# What galaxy.yml leaves out of the collection, and ruff and mypy look at.
NOT_SHIPPED = " ".join(f"--exclude tests/{name}/" for name in ("bench", "integration", "sandbox", "unit"))

# They run side by side, so the longest begins first.
GATES = {
    "sanity": f"ansible-test sanity --local --python {PYTHON} --color no {NOT_SHIPPED}",
    "ruff": "ruff check .",
    "format": "ruff format --check .",
    "mypy": "mypy -p ansible_collections.octoblu.bluegreen.plugins",
    "mypy-oops": "mypy --cache-dir=/dev/null bin/oops",
    "yamllint": "yamllint --strict .",
    "ansible-lint": "ansible-lint --offline --profile production .",
    "docs": "antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all .",
    "package": "python .ci/package.py",
    "changelog": "antsibull-changelog lint",
}


def main(names: list[str]) -> None:
    left_out = {name[1:] for name in names if name.startswith("-")}
    names = [name for name in names if not name.startswith("-")]
    if unknown := sorted({*names, *left_out} - set(GATES)):
        sys.exit(f"No gate is called {', '.join(unknown)}; there are {', '.join(GATES)}.")
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "gates.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_tracked_files()
        prepare_home()
        wanted = [name for name in GATES if (name in names or not names) and name not in left_out]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            results = dict(zip(wanted, pool.map(passes, wanted), strict=True))
        failed = [name for name, passed in results.items() if not passed]
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


def passes(name: str) -> bool:
    start = time.monotonic()
    process = subprocess.run(
        shlex.split(GATES[name]),
        check=False,
        cwd=COPY,
        env=os.environ
        | {
            "HOME": str(HOME),
            "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(TREE),
            "NO_COLOR": "1",
            "MYPYPATH": str(TREE),
            "MYPY_CACHE_DIR": str(CACHE / "mypy"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    passed = process.returncode == 0
    told = f"{name:<13}{time.monotonic() - start:6.1f} s"
    print(told + ("\n" if passed else f"  FAILED\n{process.stdout}\n"), end="", flush=True)
    return passed


def copy_tracked_files() -> None:
    shutil.rmtree(TREE, ignore_errors=True)
    COPY.mkdir(parents=True)
    for namespace in ("amazon", "kubernetes"):
        (COPY.parent.parent / namespace).symlink_to(DEPENDENCIES / namespace)
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    for name in listing.stdout.split("\0"):
        if name and (CHECKOUT / name).exists():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, COPY / name, follow_symlinks=False)
    # The linters ask git which files there are, and would be told of the checkout's, where .cache is ignored.
    subprocess.run(["git", "init", "--quiet"], cwd=COPY, check=True)


def prepare_home() -> None:
    """A home of our own with what ansible-test expects in it: pip's settings, and get-pip.py with its wheel."""
    bootstrap = HOME / ".ansible" / "test" / "cache"
    shutil.rmtree(bootstrap, ignore_errors=True)
    bootstrap.mkdir(parents=True)
    wheel = next((VENV / "wheels").glob("pip-*.whl"))
    shutil.copy(wheel, bootstrap)
    version = wheel.name.split("-")[1].replace(".", "_")
    shutil.copy(CHECKOUT / ".ci" / "get_pip.py", bootstrap / f"get_pip_{version}.py")
    settings = HOME / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in pip_settings().items()))


def pip_settings() -> dict[str, str]:
    """Where whoever runs this gets packages from, by their files and, before these, their environment."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pairs = [line.split("=", 1) for line in sorted(listing, key=lambda line: line.startswith(":env:"))]
    return {key.split(".")[-1]: " ".join(ast.literal_eval(value).split()) for key, value in pairs}


if __name__ == "__main__":
    main(sys.argv[1:])
