"""A module that does whatever a question asks, and says through which door it was entered."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import env_fallback

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module, Result, Show, enter


def run(params: Mapping[str, Any], check_mode: bool, client: str, show: Show) -> Result:
    door = "action" if "ansible.executor.task_executor" in sys.modules else "module"
    answer = {"echo": echo, "fail": fail, "crash": crash, "noise": noise, "sleep": sleep, "count": count}
    show(f"{params['do']} with {params['secret']}")
    return {"door": door, "changed": False, "check_mode": check_mode, **answer[params["do"]](params)}


def echo(params: Mapping[str, Any]) -> Result:
    types = {name: type(value).__name__ for name, value in params.items()}
    return {"got": dict(params), "types": types, "folder": os.getcwd(), **(params["returned"] or {})}


def fail(params: Mapping[str, Any]) -> Result:
    raise BluegreenError(f"The secret is {params['secret']}.", answer=42, told=params["secret"], nothing=None)


def crash(params: Mapping[str, Any]) -> Result:
    raise KeyError(params["secret"])


def noise(params: Mapping[str, Any]) -> Result:
    print("NOISE on standard output")
    print("NOISE on standard error", file=sys.stderr)
    os.write(1, b"NOISE on descriptor 1\n")
    os.write(2, b"NOISE on descriptor 2\n")
    logging.getLogger("probe").error("NOISE in a log")
    warnings.warn("NOISE as a warning", stacklevel=1)
    subprocess.run("echo NOISE of a child; echo NOISE of a child >&2", shell=True, check=True)
    return {}


def sleep(params: Mapping[str, Any]) -> Result:
    time.sleep(params["number"])
    return {}


def count(params: Mapping[str, Any]) -> Result:
    """How often this was asked, which the file knows."""
    file = Path(params["path"])
    with file.open("a") as counter:
        counter.write(".")
    return {"count": file.stat().st_size}


def leave() -> None:
    if folder := os.environ.get("BLUEGREEN_TEST_LEFT"):
        Path(folder, str(time.monotonic_ns())).touch()


MODULE = Module(
    run=run,
    connect=lambda params: "client",
    leave=leave,
    argument_spec={
        "do": {
            "type": "str",
            "default": "echo",
            "choices": ["echo", "fail", "crash", "noise", "sleep", "count"],
            "aliases": ["act"],
        },
        "secret": {"type": "str", "no_log": True, "default": "sesame"},
        "nested": {
            "type": "list",
            "elements": "dict",
            "options": {
                "name": {"type": "str", "required": True},
                "token": {"type": "str", "no_log": True},
                "size": {"type": "int", "default": 1, "aliases": ["length"]},
            },
        },
        "number": {"type": "int"},
        "flag": {"type": "bool"},
        "path": {"type": "path"},
        "names": {"type": "list", "elements": "str"},
        "anything": {"type": "raw"},
        "text": {"type": "str"},
        "mapping": {"type": "dict"},
        "from_environment": {"type": "str", "fallback": (env_fallback, ["BLUEGREEN_TEST_VALUE"])},
        "together": {"type": "str"},
        "with": {"type": "str"},
        "returned": {"type": "dict"},
        "old": {
            "type": "str",
            "removed_in_version": "9.0.0",
            "removed_from_collection": "bluegreen_test.doors",
        },
    },
    mutually_exclusive=[("number", "flag")],
    required_if=[("do", "count", ("path",))],
    required_together=[("together", "with")],
)


def main() -> None:
    enter(MODULE)


if __name__ == "__main__":
    main()
