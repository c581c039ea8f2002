"""Write what was registered to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = (task_vars or {})["hostvars"]
        kept = {name: variables[host].get(name) for name, host in self._task.args["hosts"].items()}
        Path(self._task.args["path"]).write_text(json.dumps(kept, default=str))
        return {"changed": False}
