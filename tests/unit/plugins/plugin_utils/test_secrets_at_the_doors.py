"""What leaves through either door is without the secrets that the module has learnt by then."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _module
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN
from ansible_collections.octoblu.bluegreen.plugins.module_utils._module import Module, enter
from ansible_collections.octoblu.bluegreen.plugins.plugin_utils import _cores, _door

GIVEN, OF_ROOM, LEARNT, VARIABLE = (
    "hunter2-given\n",
    "hunter2-of-room",
    "hunter2-learnt'\"",
    "hunter2-variable",
)
SPEC: dict[str, dict[str, Any]] = {"password": {"type": "str", "no_log": True}, "other": {"type": "str"}}
PARAMS = {"password": GIVEN, "other": OF_ROOM}
TEXT = f"b{GIVEN!r} {GIVEN.encode()!r} {OF_ROOM} {LEARNT!r} {LEARNT.encode()!r} {VARIABLE}"

Run = Callable[[Mapping[str, Any], bool, Any, Callable[[str], None]], dict[str, Any]]


def _returns(params: Mapping[str, Any], check_mode: bool, client: Any, show: Any) -> dict[str, Any]:
    show(TEXT)
    diff = {"before": TEXT, "after": ""}
    return {
        "changed": True,
        "port": 30081,
        "hunter2-given": None,
        "diff": diff,
        "warnings": [TEXT],
        "list": [GIVEN, OF_ROOM],
    }


def _refuses(params: Mapping[str, Any], check_mode: bool, client: Any, show: Any) -> dict[str, Any]:
    raise BluegreenError(TEXT, body={"text": TEXT}, status=403)


def _breaks(params: Mapping[str, Any], check_mode: bool, client: Any, show: Any) -> dict[str, Any]:
    raise ValueError(TEXT)


def _connect(params: Mapping[str, Any]) -> None:
    KNOWN.learn(LEARNT)


def _connect_in_vain(params: Mapping[str, Any]) -> None:
    KNOWN.learn(LEARNT)
    raise ValueError(TEXT)


def _through_the_module(module: Module, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Ansible is handed by the module, before it masks that itself."""
    left: list[Any] = []

    class Exited(BaseException):
        pass

    class Module:
        def __init__(self) -> None:
            self.params = dict(PARAMS)

        no_log_values = frozenset({GIVEN})
        check_mode = False
        warn = staticmethod(left.append)

        def fail_json(self, **result: Any) -> None:
            left.append([result, self.params, {"failed": True}])
            raise Exited

        def exit_json(self, **result: Any) -> None:
            left.append([result, self.params])
            raise Exited

    monkeypatch.setattr(_module, "_Module", lambda **given: Module())
    with pytest.raises(Exited):
        enter(module)
    return left


def _through_the_action(module: Module, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    told: list[str] = []
    display = SimpleNamespace(display=lambda line, stderr: told.append(line))
    monkeypatch.setattr(_door, "Display", lambda: display)
    action = _door.Door.__new__(_door.Door)
    action._task = SimpleNamespace(check_mode=False, no_log=False, action="x", args=dict(PARAMS))
    action._loader = SimpleNamespace(get_basedir=lambda: str(folder))
    settings = {"_ansible_debug": True, "_ansible_verbosity": 3, "_ansible_tracebacks_for": ["error"]}
    monkeypatch.setattr(_cores, "settings", lambda action, variables: settings)
    return [action._enter(module, {"inventory_hostname": "here"}), told]


@pytest.mark.parametrize("through", [_through_the_module, _through_the_action])
@pytest.mark.parametrize(
    ("run", "connect"),
    [(_returns, _connect), (_refuses, _connect), (_breaks, _connect), (_returns, _connect_in_vain)],
)
def test_no_secret_leaves(
    through: Any, run: Run, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", VARIABLE)
    module = Module(run, connect, SPEC, secrets=lambda params: {params["other"]})
    left = through(module, tmp_path, monkeypatch)
    told = json.dumps(left)
    assert "********" in told
    assert "hunter2" not in told.replace('"hunter2-given": null', "")
    if connect is _connect and run is _returns:
        assert '"port": 30081' in told
        assert '"changed": true' in told
    else:
        assert '"failed": true' in told


@pytest.mark.parametrize("through", [_through_the_module, _through_the_action])
def test_what_other_tasks_go_on_with_is_left_as_it_is(
    through: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Emulators of AWS take any secret key, and people give them "test": it would make other objects of these."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "shop")
    objects = [{"kind": "Service", "metadata": {"name": "shop-blue"}}]
    module = Module(lambda *_given: {"changed": False, "objects": objects}, lambda params: None, SPEC)
    assert json.dumps(objects) in json.dumps(through(module, tmp_path, monkeypatch))


def test_what_one_task_knew_does_not_mask_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    KNOWN.learn("30081-of-before")
    module = Module(lambda *_given: {"changed": False, "text": "30081-of-before"}, lambda params: None, SPEC)
    left = _through_the_action(module, tmp_path, monkeypatch)
    assert left[0]["text"] == "30081-of-before"
