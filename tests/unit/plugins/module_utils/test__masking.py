"""No secret is told, however a library spells it, and nothing else is changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import BluegreenError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import (
    KNOWN,
    Secrets,
    of_environment,
    of_structure,
    of_url,
)

SECRETS = [
    "hunter2-token",
    "hunter2-token\n",
    "hunter2\r\ntoken",
    "hun'ter2-token",
    'hun"ter2-token',
    "hun'ter\"2-token",
    "100%-hunter2/+token",
    "hünter2-token",
    "hunter2-€-token",
    "back\\slash-token",
]
SPELT: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "stripped": str.strip,
    "repr": lambda text: f"{text!r}",
    "repr of a sentence": lambda text: f"{'Bearer ' + text!r}",
    "repr of a sentence with a quote": lambda text: repr("it's " + text),
    "ascii": ascii,
    "repr of bytes": lambda text: repr(f"Bearer {text}".encode()),
    "JSON": json.dumps,
    "URL": quote,
    "URL whole": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of name and password": lambda text: base64.b64encode(f"ada:{text}".encode()).decode(),
    "one line": lambda text: " ".join(text.split()),
}


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    KNOWN.forget()
    yield
    KNOWN.forget()


@pytest.mark.parametrize("spell", SPELT.values(), ids=SPELT)
@pytest.mark.parametrize("secret", SECRETS, ids=ascii)
def test_every_spelling_is_masked(secret: str, spell: Callable[[str], str]) -> None:
    known = Secrets()
    known.learn(secret)
    masked = known.mask(f"Invalid header value {spell(secret)} in a text")
    assert spell(secret) not in masked
    assert masked.startswith("Invalid header value ")
    assert masked.endswith(" in a text")
    for part in ("token", "hun"):
        assert part not in masked


def test_a_line_of_a_key_is_masked_by_itself_and_its_frame_is_not() -> None:
    known = Secrets()
    known.learn(
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASC\n-----END PRIVATE KEY-----\n"
    )
    assert known.mask("line 2: MIIEvQIBADANBgkqhkiG9w0B?") == "line 2: ********?"
    assert known.mask("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_names_numbers_and_short_words_are_left() -> None:
    known = Secrets()
    known.learn("30081", "True", "abc", None, 17, "", "  x \n")
    value = {"30081": 30081, "a": [True, None, 1.5, "abc x"], "b": ("30081", "at 30081")}
    assert known.mask(value) == {
        "30081": 30081,
        "a": [True, None, 1.5, "abc x"],
        "b": ["VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "at ********"],
    }


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    known = Secrets()
    known.learn("hunter", "hunter2-and-more")
    assert known.mask("x hunter2-and-more y hunter z") == "x ******** y ******** z"


@pytest.mark.parametrize(
    "text",
    [
        "proxy http://ada:hunter2@proxy:3128/",
        "b'Bearer hunter2hunter2hunter2'",
        "eyJhbGciOiJSUzI1NiJ9.hunter2.hunter2 was refused",
    ],
)
def test_an_error_does_not_tell_what_looks_like_a_secret(text: str) -> None:
    assert "hunter2" not in BluegreenError(text).message
    assert "hunter2" not in str(BluegreenError("x", body=[text]).details)
    assert Secrets().mask(text) == text


def test_an_error_is_masked_with_what_is_known_when_it_is_made() -> None:
    KNOWN.learn("hunter2-token")
    error = BluegreenError("no hunter2-token", body={"a": "hunter2-token!"}, status=401)
    assert (error.message, str(error)) == ("no ********", "no ********")
    assert error.details == {"body": {"a": "********!"}, "status": 401}


@pytest.mark.parametrize(
    ("environ", "secrets"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "s", "AWS_ACCESS_KEY_ID": "a", "AWS_SESSION_TOKEN": "t"}, {"s", "t"}),
        ({"K8S_AUTH_API_KEY": "k", "K8S_AUTH_PASSWORD": "p", "K8S_AUTH_KEY_FILE": "/f"}, {"k", "p"}),
        ({"K8S_AUTH_PROXY_HEADERS_BASIC_AUTH": "u:p", "K8S_AUTH_USERNAME": "u"}, {"u:p"}),
        ({"HTTPS_PROXY": "http://u:p%40@proxy:1", "no_proxy": "x"}, {"p%40", "p@"}),
        ({"AWS_ENDPOINT_URL": "http://u:p@aws"}, {"p"}),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_PROFILE": "x", "SECRET_OF_OTHERS": "o"}, set()),
    ],
)
def test_the_environment_is_searched_by_names(environ: dict[str, str], secrets: set[str]) -> None:
    assert set(of_environment(environ)) == secrets


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://u:p@h/", {"p"}),
        ("https://token@h/", {"token"}),
        ("https://h/?api_key=k&probe=live", {"k"}),
        ("https://h/", set()),
        ("no address", set()),
        ("https://[::1/", set()),
        (None, set()),
    ],
)
def test_an_address_is_searched(url: Any, secrets: set[str]) -> None:
    assert set(of_url(url)) == secrets


def test_a_plugins_arguments_are_searched_by_their_flags() -> None:
    args = [
        "get-token",
        "--oidc-client-secret=one",
        "--client-secret",
        "two",
        "--token-cache-dir=/tmp",
        "--x",
        "y",
    ]
    assert set(of_structure([{"user": {"exec": {"args": args}}}])) == {"one", "two"}
