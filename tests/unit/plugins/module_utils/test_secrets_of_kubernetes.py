"""Whichever way a secret of Kubernetes comes in and whatever fails then: it is told to nobody."""

from __future__ import annotations

import base64
import json
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.client import connect, leave
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    BluegreenError,
    ClusterError,
    InputError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN

from .api import DEPLOYMENTS, Api, listing, refuse, reply

Way = Callable[[str, str, Path, pytest.MonkeyPatch], dict[str, Any]]
TOKEN = "hunter2-tokentoken"
PASSWORD = "hunter2€"


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    KNOWN.forget()
    yield
    KNOWN.forget()
    leave()


def _kubeconfig(url: str, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "shop",
        "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "ada"}}],
        "clusters": [{"name": "shop", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "ada", "user": user}],
    }


def _file(folder: Path, kubeconfig: dict[str, Any]) -> dict[str, Any]:
    (folder / "config").write_text(json.dumps(kubeconfig))
    return {"kubeconfig": str(folder / "config")}


def _option(url: str, token: str, folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"host": url, "api_key": token}


def _environment(url: str, token: str, folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("K8S_AUTH_API_KEY", token)
    return {"host": url}


def _in_file(url: str, token: str, folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return _file(folder, _kubeconfig(url, {"token": token}))


def _in_dictionary(url: str, token: str, folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"kubeconfig": _kubeconfig(url, {"token": token})}


def _token_file(url: str, token: str, folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    (folder / "token").write_text(token)
    return _file(folder, _kubeconfig(url, {"tokenFile": "token"}))


def _plugin(url: str, token: str, folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    (folder / "answer").write_text(
        json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}})
    )
    plugin = {
        "apiVersion": version,
        "command": "cat",
        "args": [str(folder / "answer")],
        "interactiveMode": "Never",
    }
    return _file(folder, _kubeconfig(url, {"exec": plugin}))


WAYS: dict[str, tuple[Way, str]] = {
    "option": (_option, "api_key"),
    "environment": (_environment, "K8S_AUTH_API_KEY"),
    "kubeconfig": (_in_file, "token in {folder}/config"),
    "dictionary": (_in_dictionary, "token in the kubeconfig given as a dictionary"),
    "tokenFile": (_token_file, "tokenFile token in {folder}/config"),
    "exec": (_plugin, r"the credential plugin's (exec) token in {folder}/config"),
}
ways = pytest.mark.parametrize("way", [way for way, _named in WAYS.values()], ids=WAYS)


def _told(error: BaseException) -> str:
    """All that a door may show of it, as the door shows it."""
    assert isinstance(error, BluegreenError), repr(error)
    shown = "".join(traceback.format_exception(error))
    return json.dumps([error.message, error.details, KNOWN.mask_error(shown)])


@ways
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n\n"])
def test_the_line_end_of_a_token_is_none_of_it(
    way: Way, end: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.answers(DEPLOYMENTS, listing())
    cluster = connect(way(api.url, TOKEN + end, tmp_path, monkeypatch))
    cluster.list("apps/v1", "Deployment", "demo")
    sent = {
        value
        for *_rest, headers, _body in api.requests
        for name, value in headers.items()
        if name.lower() == "authorization"
    }
    assert sent == {f"Bearer {TOKEN}"}


# No variable holds a null byte.
@pytest.mark.parametrize(
    ("way", "named", "letter"),
    [
        (way, named, letter)
        for way, named in WAYS.values()
        for letter in ("\n", "\r", "\x00", "ü", "€")
        if (way, letter) != (_environment, "\x00")
    ],
)
def test_a_token_that_no_header_can_hold_is_refused_by_name(
    way: Way, named: str, letter: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"hunter2{letter}tokentoken"
    with pytest.raises(InputError) as caught:
        connect(way(api.url, token, tmp_path, monkeypatch))
    name = named.format(folder=tmp_path)
    assert caught.value.message.startswith(f"The value of {name} holds a line end")
    assert "hunter2" not in _told(caught.value)
    assert "tokentoken" not in _told(caught.value)
    assert api.requests == []


def _refuse_connecting(api: Api, patch: pytest.MonkeyPatch) -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def _answers(status: int, body: Any) -> Callable[[Api, pytest.MonkeyPatch], str]:
    def prepare(api: Api, patch: pytest.MonkeyPatch) -> str:
        for path in ("/version", "/apis"):
            api.answers(
                path, reply(body, status) if isinstance(body, str) else refuse(status, "Forbidden", *body)
            )
        return api.url

    return prepare


TROUBLES = {
    "nobody there": _refuse_connecting,
    "401": _answers(401, [f"the token {TOKEN}! is not known"]),
    "403": _answers(403, [f"b'Bearer {TOKEN}!' cannot list"]),
    "no JSON": _answers(200, f"<p>{TOKEN}!"),
    "cut in the middle of it": _answers(200, "x" * 192 + f"{TOKEN}!"),
    "base64": _answers(403, ["no: " + base64.b64encode(f"{TOKEN}!".encode()).decode()]),
}


@ways
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
@pytest.mark.parametrize("end", ["!", "!\n"], ids=ascii)
def test_no_failure_tells_a_token(
    way: Way, trouble: Any, end: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BluegreenError) as caught:
        connect(way(trouble(api, monkeypatch), TOKEN + end, tmp_path, monkeypatch)).list(
            "apps/v1", "Deployment", "demo"
        )
    told = _told(caught.value)
    for part in ("hunter2", "tokentoken", base64.b64encode(TOKEN.encode()).decode()[:12]):
        assert part not in told


@pytest.mark.parametrize(
    "text",
    [
        "users: [{name: ada, user: {token: *hunter2}}]",
        "users:\n- token: 'hunter2",
        "token: hunter2\n\t- x",
        "token: hunter2: x",
        "users: hunter2",
        "hunter2",
        "current-context: [hunter2]",
    ],
)
def test_a_kubeconfig_that_cannot_be_read_is_not_quoted(text: str, api: Api, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(
        InputError, match=rf"No usable Kubernetes configuration in {tmp_path}/config: "
    ) as caught:
        connect({"kubeconfig": str(tmp_path / "config")})
    assert "hunter2" not in _told(caught.value)


def test_what_no_header_can_hold_is_told_where_the_library_finds_it(api: Api) -> None:
    groups = {"impersonate_groups": [f"{TOKEN}\nx"]}
    with pytest.raises(
        ClusterError, match="a credential holds a character that no HTTP header can, and nothing was"
    ):
        connect({"host": api.url, "api_key": TOKEN, **groups}).list("apps/v1", "Deployment", "demo")


def test_a_password_that_cannot_be_sent_is_refused_by_name(api: Api) -> None:
    with pytest.raises(InputError, match="The value of password holds a letter") as caught:
        connect({"host": api.url, "username": "ada", "password": PASSWORD})
    assert "hunter2" not in _told(caught.value)
    with pytest.raises(InputError, match="a name, password or file in it holds a letter") as caught:
        connect({"kubeconfig": _kubeconfig(api.url, {"username": "ada", "password": PASSWORD})})
    assert "hunter2" not in _told(caught.value)


def test_a_key_that_is_none_is_not_told(api: Api, tmp_path: Path) -> None:
    key = base64.b64encode(b"hunter2hunter2hunter2").decode()
    user = {"client-certificate-data": key, "client-key-data": key}
    url = api.url.replace("http:", "https:")
    for params in (_file(tmp_path, _kubeconfig(url, user)), {"kubeconfig": _kubeconfig(url, user)}):
        with pytest.raises(BluegreenError) as caught:
            connect(params)
        assert "hunter2" not in _told(caught.value)
        assert KNOWN.mask(f"{key} hunter2hunter2hunter2") == "******** ********"


@pytest.mark.parametrize("by", ["option", "kubeconfig", "environment", "HTTP_PROXY"])
def test_a_proxy_that_is_not_there_is_named_without_its_password(
    by: str, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = _refuse_connecting(api, monkeypatch)
    with_password = proxy.replace("://", "://ada:hunter2@")
    params: dict[str, Any] = {"host": "http://api.example.com:6443", "api_key": TOKEN}
    if by == "option":
        params["proxy"] = with_password
    elif by == "environment":
        monkeypatch.setenv("K8S_AUTH_PROXY", with_password)
    elif by == "HTTP_PROXY":
        monkeypatch.setenv("http_proxy", with_password)
    else:
        params = _file(
            tmp_path,
            _kubeconfig("http://api.example.com:6443", {"token": TOKEN}, **{"proxy-url": with_password}),
        )
    with pytest.raises(ClusterError) as caught:
        connect(params)
    shown = proxy.replace("://", "://********@")
    assert (
        f"the proxy {shown} lets nothing through ([Errno 111] Connection refused); check proxy-url"
        in caught.value.message
    )
    assert "hunter2" not in _told(caught.value)
    assert caught.value.details["reason"] == "NotConnected"


def test_an_answer_is_masked_before_it_is_cut(api: Api) -> None:
    api.answers(DEPLOYMENTS, reply("x" * 190 + TOKEN, 502))
    cluster = connect({"host": api.url, "api_key": TOKEN})
    with pytest.raises(ClusterError, match="instead of JSON") as caught:
        cluster.list("apps/v1", "Deployment", "demo")
    assert "hunter2" not in _told(caught.value)
