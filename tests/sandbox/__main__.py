"""A Kubernetes cluster and an AWS with a load balancer on this machine.

  up    start them and leave them running
  run   start them and stay until Ctrl-C
  env   print the exports that point kubectl, aws and ansible-playbook at them
  down  stop them

What they need lies in .sandbox/ of the current directory.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.playground import LOAD_BALANCER, NAMESPACE, NODE_PORTS, Playground

STOP_SECONDS = 20
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class State:
    """What a running sandbox tells of itself in the folder's state.json."""

    pid: int
    url: str
    environment: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--tell", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = Path(".sandbox").absolute()
    if arguments.command == "run":
        run(folder, arguments.tell)
    else:
        COMMANDS[arguments.command](folder)


def up(folder: Path) -> None:
    if running(folder) is None:
        start_detached(folder)
    print(summary(running_or_exit(folder)))


def run(folder: Path, tell: int | None = None) -> None:
    """`tell` is a file descriptor that gets a line once everything serves."""
    if state := running(folder):
        sys.exit(f"A sandbox runs here already, as process {state.pid}; `down` stops it.")
    folder.mkdir(exist_ok=True)
    stop = threading.Event()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_unused: stop.set())
    with Playground(folder) as playground:
        state = State(os.getpid(), playground.url, playground.environment)
        _state_file(folder).write_text(json.dumps(asdict(state)))
        if tell is None:
            print(summary(state), flush=True)
        else:
            os.write(tell, b"ready\n")
            os.close(tell)
        stop.wait()
    _state_file(folder).unlink()


def env(folder: Path) -> None:
    print(exports(running_or_exit(folder).environment))


def down(folder: Path) -> None:
    state = running(folder)
    if state is None:
        print("No sandbox runs here.")
        return
    watched = os.pidfd_open(state.pid)
    signal.pidfd_send_signal(watched, signal.SIGTERM)
    ended, _unused, _unused = select.select([watched], [], [], STOP_SECONDS)
    if not ended:
        signal.pidfd_send_signal(watched, signal.SIGKILL)
        select.select([watched], [], [])
        _state_file(folder).unlink(missing_ok=True)
    print("The sandbox is down.")


COMMANDS = {"up": up, "run": run, "env": env, "down": down}


def start_detached(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    log = folder / "run.log"
    reading, writing = os.pipe()
    with log.open("wb") as output:
        subprocess.Popen(
            [sys.executable, "-m", "sandbox", "run", "--tell", str(writing)],
            cwd=folder.parent,
            env={**os.environ, "PYTHONPATH": str(_TESTS)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading) as told:
        if not told.read():
            sys.exit(f"The sandbox did not start; {log} says why:\n{log.read_text()[-2000:]}")


def running(folder: Path) -> State | None:
    """The sandbox of this folder; None when there is none, or only the state of one that was killed."""
    try:
        state = State(**json.loads(_state_file(folder).read_text()))
        command = Path(f"/proc/{state.pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return None
    return state if b"sandbox" in command else None


def running_or_exit(folder: Path) -> State:
    return running(folder) or sys.exit("No sandbox runs here; `up` starts one.")


def exports(environment: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())


def summary(state: State) -> str:
    return (
        f"The load balancer {LOAD_BALANCER} answers at {state.url}; "
        f"blue is node port {NODE_PORTS['blue']}, green {NODE_PORTS['green']}. Namespace {NAMESPACE} is there.\n"
        'In another shell: eval "$(make -s sandbox-env)"'
    )


def _state_file(folder: Path) -> Path:
    return folder / "state.json"


if __name__ == "__main__":
    main()
