from __future__ import annotations

from ansible_collections.bluegreen_test.doors.plugins.modules.probe import MODULE

from ansible_collections.octoblu.bluegreen.plugins.plugin_utils._door import Door


class ActionModule(Door):
    module = MODULE
