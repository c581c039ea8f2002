# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether who wrote an intent is known to be gone. A hold of the lock: test_k8s_lock.py."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _process
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import (
    Intent,
    decode_intent,
    encode_intent,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent_writer import (
    write_intent,
    writer_gone,
)


def _written_by_a_child() -> Intent:
    """By a process that has ended since."""
    intent = write_intent("green", (), 1_700_000_000)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return replace(intent, pid=child)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_process_of_this_machine_that_has_ended_is_gone() -> None:
    intent = _written_by_a_child()
    assert writer_gone(intent)
    assert writer_gone(decode_intent(encode_intent(intent)) or intent)
    assert not writer_gone(replace(intent, pid=os.getppid()))
    assert not writer_gone(replace(intent, host="elsewhere"))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("machine", ["another boot.4026531836", ""])
def test_nothing_is_known_of_another_machine_of_the_same_name(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent, process = _written_by_a_child(), f"{_process._machine()}/4194305/1"
    host = intent.host
    assert _process.process_gone(host, process)
    monkeypatch.setattr(_process, "_machine", lambda: machine)
    assert not writer_gone(intent)
    assert not _process.process_gone(host, process)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_machine_without_a_mark_goes_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "_machine", lambda: "")
    intent = _written_by_a_child()
    assert writer_gone(intent)
    assert not writer_gone(replace(intent, pid=os.getppid()))
    assert not writer_gone(replace(intent, host="elsewhere"))
