# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command cost, with everything that it started."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Cost:
    """``cpu`` is the seconds that the command and all its processes were at work."""

    seconds: float
    cpu: float


def run(command: Sequence[str | Path], environment: Mapping[str, str]) -> Cost:
    """Ends the benchmark, with all that the command wrote, when it fails."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(f"{command[0]} ended with {process.returncode}:\n{output.read().decode()}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


def environment(folder: Path, *parts: Mapping[str, str]) -> dict[str, str]:
    """This process's, with the parts, and nothing written into the home folder."""
    (folder / "tmp").mkdir(exist_ok=True)
    together = {**os.environ, "ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_NOCOLOR": "1"}
    # kubernetes.core keeps there what a server offers, by its address alone.
    together |= {"TMPDIR": str(folder / "tmp"), "PATH": f"{BIN}:{os.environ['PATH']}"}
    for part in parts:
        together |= part
    return together
