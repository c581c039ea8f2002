# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has imported what every playbook run imports, and forks a run when asked.

What is read of the environment while that is imported (by ansible: its configuration) is told to whoever starts this,
who asks only for runs that have the same. The collections are not among it. What a run only reads from a file that does
not change is remembered: botocore's data, and the code that the sources of collections compile to.

Its socket is file 0; its memory of arguments becomes that of a run, so it is started with long ones.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
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

LIBRARIES = """
boto3 boto3.session botocore.client botocore.handlers botocore.httpsession botocore.loaders botocore.parsers
botocore.regions botocore.retries.standard botocore.session botocore.signers botocore.waiter
concurrent.futures.thread cryptography.exceptions distro getpass html.parser jinja2 jinja2.nativetypes jinja2.sandbox
jmespath json kubernetes kubernetes.config.kube_config kubernetes.dynamic logging.handlers multiprocessing.pool
multiprocessing.popen_fork multiprocessing.queues multiprocessing.synchronize packaging.requirements packaging.version
requests shelve urllib.request urllib3 uuid xml.etree.ElementTree yaml zipfile
ansible.cli.playbook ansible.executor.process.worker ansible.executor.task_executor ansible.module_utils._text
ansible.module_utils.basic ansible.module_utils.common.dict_transformations ansible.module_utils.connection
ansible.playbook.handler_task_include ansible.playbook.included_file ansible.playbook.role_include
ansible.plugins.action.normal ansible.plugins.cache ansible.plugins.callback ansible.plugins.connection
ansible.plugins.inventory ansible.plugins.shell ansible.plugins.strategy ansible.plugins.vars
"""
# Of collections: what Ansible compiles from its source in every run.
SOURCES = (
    "octoblu/bluegreen/plugins",
    "amazon/aws/plugins/module_utils",
    "kubernetes/core/plugins/module_utils",
)

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


def remember_data() -> None:
    """botocore reads these files for every client."""
    from botocore import loaders

    read = functools.cache(loaders.JSONFileLoader().load_file)
    data = Path(loaders.Loader.BUILTIN_DATA_PATH)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        read(str(data / name))
    for path in (data / "elb").glob("*/*.json*"):
        read(str(path).partition(".json")[0])
    loaders.JSONFileLoader.load_file = lambda _self, path: read(path)


def remember_code() -> None:
    """Ansible's loader of collections compiles each source anew."""
    from ansible.utils.collection_loader import _collection_finder

    known: dict[tuple[bytes, str], types.CodeType] = {}
    for folder in (Path(place) / "ansible_collections" / part for place in sys.path for part in SOURCES):
        for path in folder.rglob("*.py"):
            source = path.read_bytes()
            known[source, str(path)] = compile(source, str(path), "exec", 0, dont_inherit=True)

    def compiled(source: bytes, filename: str, mode: str, flags: int, dont_inherit: bool) -> types.CodeType:
        code = known.get((source, filename)) if mode == "exec" and not flags and dont_inherit else None
        return code or compile(source, filename, mode, flags, dont_inherit)

    _collection_finder.compile = compiled


def temporary_folder_of_its_own() -> None:
    """Ansible makes one when its configuration is imported, and deletes it when its process ends."""
    from ansible import constants
    from ansible.config.manager import cleanup_tmp_file

    atexit.unregister(cleanup_tmp_file)
    constants.DEFAULT_LOCAL_TMP = constants.config.get_config_value(
        "DEFAULT_LOCAL_TMP", variables=vars(constants)
    )


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
    temporary_folder_of_its_own()
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
    _read = imported(LIBRARIES.split())
    remember_data()
    remember_code()
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
