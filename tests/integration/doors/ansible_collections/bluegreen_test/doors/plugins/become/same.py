"""Becomes nobody else."""

from __future__ import annotations

from ansible.plugins.become import BecomeBase

DOCUMENTATION = """
name: same
short_description: Become nobody else
description: [For a test.]
author: [Octoblu contributors]
options: {}
"""


class BecomeModule(BecomeBase):
    name = "bluegreen_test.doors.same"

    def build_become_command(self, cmd: str, shell: object) -> str:
        return cmd
