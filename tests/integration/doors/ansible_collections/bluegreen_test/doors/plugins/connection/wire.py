"""The local machine under another name."""

from __future__ import annotations

from ansible.plugins.connection.local import DOCUMENTATION as _LOCAL
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = _LOCAL.replace("name: local", "name: wire")


class Connection(Local):
    transport = "bluegreen_test.doors.wire"
