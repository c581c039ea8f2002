# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has imported what every playbook run imports from outside of Ansible, and forks a run when asked.

Ansible and the collections are not among it: what they read from their environment when they are imported is a
run's own. What the imported libraries read of it then is told to whoever starts this, who asks only for runs that
have the same. Its socket is file 0; its memory of arguments becomes that of a run, so it is started with long ones.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import socket
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

LIBRARIES = [
    "boto3",
    "boto3.session",
    "botocore.client",
    "botocore.handlers",
    "botocore.httpsession",
    "botocore.loaders",
    "botocore.parsers",
    "botocore.regions",
    "botocore.retries.standard",
    "botocore.session",
    "botocore.signers",
    "botocore.waiter",
    "concurrent.futures.thread",
    "cryptography.exceptions",
    "distro",
    "getpass",
    "html.parser",
    "jinja2",
    "jinja2.nativetypes",
    "jinja2.sandbox",
    "jmespath",
    "json",
    "kubernetes",
    "kubernetes.config.kube_config",
    "kubernetes.dynamic",
    "logging.handlers",
    "multiprocessing.pool",
    "multiprocessing.popen_fork",
    "multiprocessing.queues",
    "multiprocessing.synchronize",
    "packaging.requirements",
    "packaging.version",
    "requests",
    "shelve",
    "urllib.request",
    "urllib3",
    "uuid",
    "xml.etree.ElementTree",
    "yaml",
    "zipfile",
]

_MESSAGE = 1 << 20


class _Watched(type(os.environ)):  # type: ignore[misc]
    """An environment that notes which of its variables are read."""

    read: ClassVar[set[str]] = set()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return str(super().__getitem__(key))

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return bool(super().__contains__(key))

    def __iter__(self) -> Iterator[str]:
        self.read.add("*")
        return iter(super().__iter__())


def imported(libraries: list[str]) -> list[str]:
    """Import them; the names of the variables that were read thereby."""
    plain = os.environ.__class__
    os.environ.__class__ = _Watched
    try:
        for library in libraries:
            importlib.import_module(library)
    finally:
        os.environ.__class__ = plain
    return sorted(_Watched.read)


def serve(channel: socket.socket) -> dict[str, Any]:
    """Answer until nobody is there any more. It returns in the processes that are forked, with what is to be run."""
    while True:
        text, files, _flags, _address = socket.recv_fds(channel, _MESSAGE, 3)
        if not text:
            sys.exit()
        asked = json.loads(text)
        if "ended" in asked:
            _pid, status = os.waitpid(asked["ended"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            ready, closed_when_ready = os.pipe()
            answer = os.fork()
            if answer == 0:
                channel.detach()
                become(asked, files)
                return dict(asked)
            for file in (closed_when_ready, *files):
                os.close(file)
            os.read(ready, 1)
            os.close(ready)
        channel.send(json.dumps(answer).encode())


def become(asked: dict[str, Any], files: list[int]) -> None:
    """Be the process that its starter would have got: in a session, a folder and an environment of its own."""
    os.setsid()
    os.chdir(asked["folder"])
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    tempfile.tempdir = None
    show_arguments(asked["command"])
    # The last one says that all this is done.
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def show_arguments(command: list[str]) -> None:
    """What others see of this process is what they see of a script that was started by its name."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    begin, end = int(stat[45]), int(stat[46])
    shown = b"".join(os.fsencode(word) + b"\0" for word in [sys.executable, *command])
    ctypes.memmove(begin, shown[: end - begin].ljust(end - begin, b"\0"), end - begin)
    Path("/proc/self/comm").write_bytes(os.fsencode(os.path.basename(command[0]))[:15])


def script(command: list[str]) -> tuple[types.CodeType, dict[str, Any]]:
    """The code of a script, and the namespace of a new __main__ for it."""
    path, *arguments = command
    sys.argv = [path, *arguments]
    sys.orig_argv = [sys.executable, *command]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    sys.path_importer_cache.clear()
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    return compile(Path(path).read_bytes(), path, "exec"), main.__dict__


def told_from_the_script(
    kind: type[BaseException], error: BaseException, where: types.TracebackType | None
) -> None:
    """A traceback without this file's own frame."""
    inside = where and where.tb_next
    sys.__excepthook__(kind, error.with_traceback(inside), inside)


if __name__ == "__main__":
    _channel = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as _nothing:
        os.dup2(_nothing.fileno(), 0)
    # Not this file's folder: its modules are not a run's.
    del sys.path[0]
    _read = imported(LIBRARIES)
    sys.path.insert(0, "")
    gc.collect()
    gc.freeze()
    # Ansible forks for each task, and whoever collects writes into all the memory that is shared until then.
    gc.set_threshold(50_000)
    _channel.send(json.dumps(_read).encode())
    _asked = serve(_channel)
    _code, _namespace = script(_asked["command"])
    sys.excepthook = told_from_the_script
    exec(_code, _namespace)  # noqa: S102
