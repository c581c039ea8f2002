# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swaps in processes of their own, which can be killed, and are not patient."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from balancers import arguments

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.calls import Patience
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.kind import Classic
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.elb_listener_swap import run
from ansible_collections.octoblu.bluegreen.plugins.module_utils._modules.kinds import KINDS
from ansible_collections.octoblu.bluegreen.plugins.modules.elb_listener_swap import MODULE

SHORT = Patience(settle=0.4, create=0.6, late=0.1, all_in_all=2.5)


@dataclass
class Ended:
    """How a forked run ended: its result or error, or the signal that took it."""

    result: dict[str, Any] | None = None
    error: str = ""
    details: dict[str, Any] | None = None
    signal: int | None = None


class Child:
    """The module of the swap in a process of its own."""

    def __init__(self, api: Any, name: str, color: str, patience: Patience = SHORT, **given: Any) -> None:
        self._patience = patience
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._read)
            self._run(write, api, {"name": name, "color": color, **given})
        os.close(write)

    def _run(self, write: int, api: Any, given: Mapping[str, Any]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            params = arguments(MODULE, {"settle": 0, "wait_for_swap": 0, **given})
            KINDS["classic"] = Classic(self._patience)
            told: dict[str, Any] = {"result": run(params, False, api, lambda line: None)}
        except BluegreenError as error:
            told = {"error": error.message, "details": error.details}
        with os.fdopen(write, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)

    def wait(self) -> Ended:
        with os.fdopen(self._read) as pipe:
            text = pipe.read()
        _pid, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            return Ended(signal=os.WTERMSIG(status))
        return Ended(**json.loads(text))
