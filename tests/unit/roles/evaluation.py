# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role's variables come to, asked of ``evaluating.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def evaluate(variables: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Texts of ``variables`` are templates, as in a role's files; a case has what is ``given`` and the ``names`` asked for."""
    ran = subprocess.run(
        [sys.executable, Path(__file__).with_name("evaluating.py")],
        input=json.dumps({"variables": variables, "cases": cases}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answers: list[dict[str, Any]] = json.loads(ran.stdout)
    return answers
