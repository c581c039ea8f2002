# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What a module is made of, whichever process runs it: its own, or Ansible's."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN, Secrets, of_environment

Show = Callable[[str], None]
Result = dict[str, Any]

_TOLD = ("warnings", "deprecations", "diff")


@dataclass(frozen=True)
class Module:
    """A module's work, apart from the process that runs it.

    ``connect(params)`` builds the client; ``run(params, check_mode, client, show)`` reads, decides
    and writes, and returns the result or raises a BluegreenError. ``show(line)`` shows a person
    how far it is; a module's own process cannot, and drops the line. ``leave()``
    removes what ``connect`` and ``run`` would keep for as long as their process lives.
    ``secrets(params)`` are texts to be hidden beside the values of options that are no_log; what ``connect``
    and ``run`` learn later they tell ``KNOWN``."""

    run: Callable[[Mapping[str, Any], bool, Any, Show], Result]
    connect: Callable[[Mapping[str, Any]], Any]
    argument_spec: dict[str, dict[str, Any]]
    mutually_exclusive: Sequence[Sequence[str]] = ()
    required_one_of: Sequence[Sequence[str]] = ()
    required_if: Sequence[Sequence[Any]] = ()
    required_together: Sequence[Sequence[str]] = ()
    leave: Callable[[], None] = lambda: None
    secrets: Callable[[Mapping[str, Any]], set[str]] = lambda params: set()


def begin_hiding(work: Module, params: Mapping[str, Any], no_log_values: set[str]) -> Secrets:
    """From here on nothing is told that holds a secret of these parameters or of the environment.

    Returns what the parameters hide.
    """
    given = Secrets()
    given.learn(*no_log_values, *work.secrets(params))
    KNOWN.forget()
    KNOWN.learn(*no_log_values, *of_environment(os.environ), *work.secrets(params))
    return given


def hidden(result: Mapping[str, Any], given: Secrets) -> Result:
    """A good result without secrets.

    What is only told to people is masked with all that is known. The rest is what other tasks go on with, names and
    objects: there a secret that happens to be one of their words (C(test), as emulators of AWS have it) would name
    other things, so only what the parameters hide is hidden, as Ansible itself does.
    """
    return {key: KNOWN.mask(value) if key in _TOLD else given.mask(value) for key, value in result.items()}


def stamped(result: Mapping[str, Any]) -> Result:
    """A result, good or bad, with the time at which it came about: no two are the same."""
    return {**result, "at": round(time.time(), 3)}


class _Module(AnsibleModule):  # type: ignore[misc]
    def fail_json(self, msg: str, **details: Any) -> NoReturn:
        super().fail_json(msg, **stamped(details))
        raise AssertionError("unreachable")


def unexpected(error: Exception) -> str:
    """The message for an error that nobody foresaw."""
    return f"Unexpected {type(error).__name__}: {error}"


def enter(work: Module) -> None:
    """The module's own process: parse, run, and leave by the one exit."""
    module = _Module(
        argument_spec=work.argument_spec,
        mutually_exclusive=work.mutually_exclusive,
        required_one_of=work.required_one_of,
        required_if=work.required_if,
        required_together=work.required_together,
        supports_check_mode=True,
    )
    given = begin_hiding(work, module.params, module.no_log_values)
    try:
        result = work.run(module.params, module.check_mode, work.connect(module.params), lambda line: None)
    except BluegreenError as error:
        _hide(module, KNOWN)
        module.fail_json(msg=KNOWN.mask_error(error.message), **KNOWN.mask_error(error.details))
    except Exception as error:  # noqa: BLE001 - a bare traceback would show secrets
        _hide(module, KNOWN)
        told = KNOWN.mask_error(unexpected(error))
        module.fail_json(msg=told, exception=KNOWN.mask_error(traceback.format_exc()))
    _hide(module, given)
    result = stamped(hidden(result, given))
    for warning in result.get("warnings", ()):
        module.warn(warning)
    module.exit_json(**{key: value for key, value in result.items() if key != "warnings"})


def _hide(module: AnsibleModule, secrets: Secrets) -> None:
    """Let Ansible hide them in what it adds by itself, but for what would hide numbers and booleans."""
    module.params = KNOWN.mask(module.params)
    spellings = {text for text in secrets.spellings() if not text.isdecimal()}
    module.no_log_values = spellings - {"True", "False"}
