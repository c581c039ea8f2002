# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of an answer that is not AWS's, of a refusal, and of credentials that are none."""

from __future__ import annotations

import http.server
import json
import os
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils import _aws
from ansible_collections.octoblu.bluegreen.plugins.module_utils._aws_refusals import (
    _CREDENTIALS,
    Source,
    hint,
    without_credentials,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    ApiError,
    BluegreenError,
    InputError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import KNOWN

Answer = Callable[[int, str, str], str]


@pytest.fixture
def answering() -> Iterator[Answer]:
    """Where everybody is answered so."""
    servers: list[http.server.HTTPServer] = []

    def begin(status: int, content_type: str, body: str) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def _write(endpoint: str) -> ApiError:
    params = {"region": "eu-west-1", "endpoint_url": endpoint, "access_key": "a", "secret_key": "b"}
    elb = _aws.connect(dict.fromkeys(_aws.ARGUMENT_SPEC) | params)
    with pytest.raises(ApiError) as raised:
        elb.write("delete_load_balancer_listeners", LoadBalancerName="shop", LoadBalancerPorts=[80])
    return raised.value


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (502, "text/plain", "Bad Gateway"),
        (502, "text/html", "<html><body>Bad Gateway</body></html>"),
        (403, "text/html", "<html><p>blocked<br></html>"),
        (429, "text/plain", "slow down"),
        (200, "text/html", "<html><body>log in</body></html>"),
        (200, "text/xml", ""),
    ],
)
def test_an_answer_that_is_not_awss_says_nothing_of_what_became_of_the_call(
    answering: Answer, status: int, content_type: str, body: str
) -> None:
    error = _write(answering(status, content_type, body))
    assert error.message.startswith("DeleteLoadBalancerListeners on shop ")
    assert (error.transient, error.unknown) == (True, True), error.message


def test_a_proxy_that_is_not_there_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    error = _write("http://elasticloadbalancing.example.com")
    assert (error.transient, error.unknown) == (True, False), error.message


_DENIED = """<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>no: hunter2-secret</Message></Error><RequestId>x</RequestId></ErrorResponse>"""
_ROLE = "arn:aws:iam::123456789012:role/x"
_PROFILES = f"""
[profile role]
role_arn = {_ROLE}
source_profile = keys
[profile sso]
sso_start_url = https://x.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = x
[profile failing]
credential_process = sh -c "echo hunter2-secret is wrong >&2; exit 3"
[profile process]
credential_process = cat {{folder}}/answer
[profile dangling]
role_arn = {_ROLE}
source_profile = gone
"""
_KEYS = """
[keys]
aws_access_key_id = AKIA
aws_secret_access_key = hunter2-secret
[lines]
aws_access_key_id = AKIA
aws_secret_access_key = hunter2-secret
aws_session_token = hunter2-
  token
"""


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with profiles of every kind; nothing else is configured, and nothing is known yet."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(_PROFILES.format(folder=tmp_path))
    (tmp_path / ".aws/credentials").write_text(_KEYS)
    secrets = {"AccessKeyId": "AKIA", "SecretAccessKey": "hunter2-secret", "SessionToken": "hunter2-\ntoken"}
    (tmp_path / "answer").write_text(json.dumps({"Version": 1, **secrets}))
    KNOWN.forget()
    return tmp_path


def _read(endpoint: str, **params: Any) -> BluegreenError:
    given = {"region": "eu-west-1", "endpoint_url": endpoint, **params}

    def read() -> None:
        elb = _aws.connect_to_read(dict.fromkeys(_aws.ARGUMENT_SPEC) | given)
        elb.read("describe_load_balancers", LoadBalancerNames=["shop"])

    with pytest.raises(BluegreenError) as raised:
        read()
    shown = "".join(traceback.format_exception(raised.value))
    for text in (raised.value.message, json.dumps(raised.value.details), KNOWN.mask_error(shown)):
        assert "hunter2" not in text, text
    return raised.value


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (
            "role",
            (
                "AssumeRole, for the credentials of DescribeLoadBalancers on shop, was refused (AccessDenied: no: ********): "
                "check role_arn of profile role, "
            ),
        ),
        (
            "keys",
            (
                "DescribeLoadBalancers on shop was refused (AccessDenied: no: ********): "
                "grant elasticloadbalancing:DescribeLoadBalancers to "
            ),
        ),
        (
            "sso",
            (
                "DescribeLoadBalancers on shop was not sent: SSOTokenLoadError (Error loading SSO Token: "
                "Token for https://x.awsapps.com/start does not exist): sign in: aws sso login --profile sso"
            ),
        ),
        (
            "failing",
            (
                "Couldn't connect to AWS: Error when retrieving credentials from custom-process: ******** is wrong: "
                "run the credential_process of profile failing by hand"
            ),
        ),
        (
            "process",
            "DescribeLoadBalancers on shop was not sent: its credentials of profile process (custom-process) hold a line end",
        ),
        (
            "lines",
            "DescribeLoadBalancers on shop was not sent: its credentials of profile lines (shared-credentials-file) hold a line end",
        ),
        (
            "dangling",
            'Couldn\'t connect to AWS: The source_profile "gone" referenced in the profile "dangling" does not exist: mend profile dangling',
        ),
        (
            "nosuch",
            "Couldn't connect to AWS: The config profile (nosuch) could not be found: name a profile that there is",
        ),
    ],
)
def test_who_refused_the_credentials_is_named(
    profile: str, told: str, profiles: Path, answering: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = answering(403, "text/xml", _DENIED)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint)
    error = _read(endpoint, profile=profile)
    assert error.message.startswith(told), error.message
    assert (getattr(error, "transient", False), getattr(error, "unknown", False)) == (False, False)


def test_a_web_identity_that_is_refused_is_named(
    profiles: Path, answering: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = answering(403, "text/xml", _DENIED.replace("hunter2-secret", "hunter2-jwt"))
    (profiles / "token").write_text("hunter2-jwt\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", endpoint)
    monkeypatch.setenv("AWS_ROLE_ARN", _ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(profiles / "token"))
    assert _read(endpoint).message.startswith(
        "AssumeRoleWithWebIdentity, for the credentials of DescribeLoadBalancers on shop, was refused (AccessDenied: "
        "no: ********): check AWS_ROLE_ARN"
    )


def test_where_credentials_are_from_is_named_when_it_does_not_answer(
    profiles: Path, answering: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    error = _read(answering(403, "text/xml", _DENIED), profile="role")
    assert "was not sent, because http://127.0.0.1:9/, which gives its credentials, did not" in error.message
    assert isinstance(error, ApiError)
    assert (error.transient, error.unknown) == (True, False)


@pytest.mark.parametrize("name", ["access_key", "secret_key", "session_token"])
@pytest.mark.parametrize("letter", ["\n", "\r", "ü", "€", " "], ids=ascii)
@pytest.mark.parametrize("variable", [False, True])
def test_credentials_that_are_none_are_refused_by_name(
    name: str, letter: str, variable: bool, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"access_key": "AKIA", "secret_key": "hunter2-secret", "session_token": "hunter2-token"}
    given[name] += letter
    if variable:
        for option, variables in _CREDENTIALS.items():
            monkeypatch.setenv(variables[0], given[option])
    error = _read("http://127.0.0.1:9", **({} if variable else given))
    named = _CREDENTIALS[name][0] if variable else name
    assert isinstance(error, InputError)
    assert error.message.startswith(f"The value of {named} holds a line end, ")


@pytest.mark.parametrize(
    ("endpoint", "proxy", "told"),
    [
        (
            "http://ada:hunter2-secret@127.0.0.1:9",
            "",
            'did not reach AWS (Could not connect to the endpoint URL: "http://********@127.0.0.1:9/")',
        ),
        ("http://ada:hunter2-secret@127 0", "", "Invalid endpoint: http://********@127 0"),
        (
            "http://elb.example.com",
            "http://ada:hunter2-secret@127.0.0.1:9",
            "the proxy http://********@127.0.0.1:9 lets nothing through: check HTTPS_PROXY",
        ),
    ],
)
def test_an_address_is_shown_without_its_password(
    endpoint: str, proxy: str, told: str, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    if proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
    assert told in _read(endpoint, access_key="a", secret_key="b").message


SSO = Source("sso", "dev")


@pytest.mark.parametrize(
    ("code", "operation", "sent", "source", "advice"),
    [
        ("AccessDenied", "AddTags", True, SSO, "grant elasticloadbalancing:AddTags to these credentials"),
        ("ExpiredToken", "AddTags", True, SSO, "sign in again: aws sso login --profile dev"),
        ("ExpiredToken", "AddTags", True, Source("env"), "renew AWS_SESSION_TOKEN and the keys beside it"),
        ("ExpiredToken", "AddTags", True, Source("iam-role"), "renew the credentials"),
        (
            "ForbiddenException",
            "GetRoleCredentials",
            False,
            SSO,
            "check sso_account_id and sso_role_name of profile dev",
        ),
        ("UnauthorizedException", "GetRoleCredentials", False, Source("sso"), "sign in again: aws sso login"),
        ("InvalidGrantException", "CreateToken", False, SSO, "sign in again: aws sso login --profile dev"),
        (
            "ExpiredToken",
            "AssumeRole",
            False,
            Source("", "x"),
            "renew the credentials that the role of profile x is",
        ),
        (
            "InvalidIdentityToken",
            "AssumeRoleWithWebIdentity",
            False,
            Source(),
            "renew the token in AWS_WEB_IDENTITY",
        ),
        ("TooManyTags", "AddTags", True, Source(), "remove a tag that nobody needs"),
        ("Other", "AddTags", True, Source(), ""),
    ],
)
def test_the_advice_fits_the_kind_of_credentials(
    code: str, operation: str, sent: bool, source: Source, advice: str
) -> None:
    assert hint(code, operation, sent, source).startswith(advice)
    assert bool(hint(code, operation, sent, source)) == bool(advice)


@pytest.mark.parametrize(
    ("kinds", "source", "advice"),
    [
        (["UnauthorizedSSOTokenError", "SSOError"], SSO, "sign in again: aws sso login --profile dev"),
        (
            ["LoginRefreshRequired", "LoginError"],
            Source("login", "dev"),
            "sign in again: aws login --profile dev",
        ),
        (["CredentialRetrievalError"], Source("container-role"), "check the task's or pod's role"),
        (["CredentialRetrievalError"], Source("iam-role"), "check this instance's role"),
        (["MetadataRetrievalError"], Source(), "this machine's metadata service gives no credentials"),
        (["BotoCoreError"], SSO, ""),
    ],
)
def test_no_credentials_says_what_gives_them(kinds: list[str], source: Source, advice: str) -> None:
    assert without_credentials(kinds, source).startswith(advice)
    assert bool(without_credentials(kinds, source)) == bool(advice)
