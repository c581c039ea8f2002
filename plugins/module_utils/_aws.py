# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The AWS API: the only file that imports boto3 and amazon.aws."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.octoblu.bluegreen.plugins.module_utils._aws_refusals import (
    Source,
    hint,
    misspelt,
    unusable,
    without_credentials,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    ApiError,
    BluegreenError,
    InputError,
    RouterError,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import (
    KNOWN,
    of_structure,
    of_url,
    without_user,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import later

try:
    import botocore.configloader
    import botocore.exceptions
    from botocore.config import Config
    from botocore.parsers import ResponseParserError

    _IMPORT_ERROR = None
except ImportError:
    _IMPORT_ERROR = traceback.format_exc()

from ansible_collections.amazon.aws.plugins.module_utils.botocore import (
    boto3_conn,
    get_aws_connection_info,
)
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec

# https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
)

# Where a client of ours keeps the profile that it was made for.
_PROFILE = "_octoblu_bluegreen_profile"

ARGUMENT_SPEC: dict[str, dict[str, Any]] = aws_argument_spec()


class _Params:
    """What amazon.aws's client functions ask of a module."""

    _name = "octoblu.bluegreen"

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def fail_json(self, msg: str, **_details: Any) -> NoReturn:
        _learn(None)
        error = sys.exc_info()[1]
        profile = self.params.get("profile") or ""
        advice = without_credentials(_kinds(error), Source(_provider(error), profile)) or unusable(msg)
        raise RouterError(f"{' '.join(msg.split()).rstrip('.')}: {advice}")


class Elb:
    """The Classic ELB API (2012-06-01), one client for reads and one for writes.

    Time-outs are short enough for a port that is closed meanwhile. Reads are retried by the SDK. A
    write is sent once: who writes decides about trying again.
    """

    def __init__(self, params: Mapping[str, Any], writes: bool) -> None:
        self._params = params
        self._reader = self._client()
        if writes:
            # A client takes 40 ms to make, in which the first read has not been answered yet.
            self._writer = later(self._make_writer)

    def read(self, action: str, **params: Any) -> dict[str, Any]:
        """Call a boto3 method of the ELB client, retried; raises ApiError."""
        return self._call(self._reader, action, params)

    def write(self, action: str, **params: Any) -> dict[str, Any]:
        """Call a boto3 method of the ELB client once; raises ApiError."""
        return self._call(self._writer(), action, params)

    def _make_writer(self) -> Any:
        return self._client(retries={"total_max_attempts": 1})

    def _client(self, **config: Any) -> Any:
        module = _Params(self._params)
        region, endpoint, connection = get_aws_connection_info(module)
        connection["config"] = Config(connect_timeout=2, read_timeout=5, tcp_keepalive=True, **config)
        client = boto3_conn(
            module, conn_type="client", resource="elb", region=region, endpoint=endpoint, **connection
        )
        setattr(client, _PROFILE, connection.get("profile_name"))
        return client

    @staticmethod
    def _call(client: Any, action: str, params: dict[str, Any]) -> dict[str, Any]:
        name = client.meta.method_to_api_mapping[action]
        try:
            answer: dict[str, Any] = getattr(client, action)(**params)
        except botocore.exceptions.ClientError as error:
            _learn(client)
            raise _refusal(error, name, params, _source(client)) from error
        except botocore.exceptions.ParamValidationError as error:
            raise ApiError(
                f"{_tried(name, params)} cannot be asked for: {error}", "ParamValidation"
            ) from error
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            _learn(client)
            # The client's own words quote the header that it does not send.
            cause = None if _unsendable(error) else error
            raise _unanswered(error, name, params, client) from cause
        # botocore's parser meets other XML than AWS's with a KeyError.
        except (ResponseParserError, KeyError) as error:
            raise _not_aws(name, params, type(error).__name__) from error
        if "RequestId" not in answer.get("ResponseMetadata", {}):
            raise _not_aws(name, params, "NoRequestId")
        return answer


def connect(params: Mapping[str, Any]) -> Elb:
    """The API with the user's credentials; raises BluegreenError without boto3, region or profile."""
    return _connect(params, writes=True)


def connect_to_read(params: Mapping[str, Any]) -> Elb:
    """The same for who writes nothing: one client less to make."""
    return _connect(params, writes=False)


def _connect(params: Mapping[str, Any], writes: bool) -> Elb:
    if _IMPORT_ERROR:
        raise BluegreenError(missing_required_lib("boto3 and botocore"), exception=_IMPORT_ERROR)
    KNOWN.learn(params.get("secret_key"), params.get("session_token"), *of_url(params.get("endpoint_url")))
    if wrong := misspelt(params, os.environ):
        raise InputError(wrong)
    return Elb(params, writes)


def _tried(name: str, params: Mapping[str, Any]) -> str:
    on = params.get("LoadBalancerName") or ", ".join(params.get("LoadBalancerNames", ()))
    return f"{name} on {on}" if on else name


def _not_aws(name: str, params: Mapping[str, Any], code: str) -> ApiError:
    return ApiError(
        f"{_tried(name, params)} was answered by somebody else than AWS ({code}): check proxy and endpoint",
        code,
        transient=True,
        unknown=True,
    )


def _unanswered(error: Exception, name: str, params: Mapping[str, Any], client: Any) -> ApiError:
    """What became of a call that AWS did not answer, told of the request that failed: it may be one for credentials."""
    kind, tried, source = type(error).__name__, _tried(name, params), _source(client)
    given = getattr(error, "kwargs", {})
    asked = str(given.get("endpoint_url") or "")
    if _unsendable(error):
        return ApiError(f"{tried} was not sent: {unusable('header', source)}", "InvalidHeader")
    if isinstance(error, botocore.exceptions.ProxyConnectionError):
        proxy = without_user(str(given.get("proxy_url")))
        message = f"{tried} did not reach AWS: the proxy {proxy} lets nothing through"
        advice = "check HTTPS_PROXY, NO_PROXY and the proxies of aws_config"
        return ApiError(f"{message}: {advice}", kind, transient=True)
    if asked and not asked.startswith(str(client.meta.endpoint_url)):
        message = (
            f"{tried} was not sent, because {asked}, which gives its credentials, did not answer ({error})"
        )
        return ApiError(f"{message}: check region and network", kind, transient=True)
    if isinstance(
        error, (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectTimeoutError)
    ):
        return ApiError(
            f"{tried} did not reach AWS ({error}): check region, endpoint and network", kind, transient=True
        )
    if isinstance(
        error,
        (
            botocore.exceptions.HTTPClientError,
            botocore.exceptions.IncompleteReadError,
            botocore.exceptions.SSLError,
        ),
    ):
        return ApiError(f"{tried} got no answer ({error})", kind, transient=True, unknown=True)
    source = replace(source, method=_provider(error) or source.method)
    if advice := without_credentials(_kinds(error), source):
        return ApiError(f"{tried} was not sent: {kind} ({_one_line(error)}): {advice}", kind)
    return ApiError(f"{tried} failed: {_one_line(error)}", kind)


def _unsendable(error: Exception) -> bool:
    """Whether http.client or the signer refused what the request's headers hold."""
    cause = getattr(error, "kwargs", {}).get("error", error)
    if isinstance(error, botocore.exceptions.BotoCoreError) and cause is error:
        return False
    return isinstance(cause, ValueError) and (
        isinstance(cause, UnicodeError) or "header" in str(cause).lower()
    )


def _kinds(error: BaseException | None) -> list[str]:
    return [each.__name__ for each in type(error).__mro__]


def _provider(error: BaseException | None) -> str:
    """What botocore asked for credentials in vain, where it says so."""
    return str(getattr(error, "kwargs", {}).get("provider") or "")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _credentials(client: Any) -> Any:
    return getattr(getattr(client, "_request_signer", None), "_credentials", None)


def _source(client: Any) -> Source:
    """Where the client's credentials are from, without asking for them once more."""
    method = getattr(_credentials(client), "method", None)
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or ""
    return Source(str(method or ""), getattr(client, _PROFILE, None) or profile)


def _learn(client: Any) -> None:
    """What the SDK has resolved, and what it may have read on the way there."""
    found = vars(_credentials(client)) if _credentials(client) is not None else {}
    KNOWN.learn(*(found.get(name) for name in ("secret_key", "token", "_secret_key", "_token")))
    KNOWN.learn(*_secrets_of_files(os.environ))


def _secrets_of_files(environ: Mapping[str, str]) -> Iterator[str]:
    home = Path("~/.aws").expanduser()
    for variable, usual in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        with suppress(botocore.exceptions.BotoCoreError, ValueError):
            named = environ.get(variable) or str(home / usual)
            yield from of_structure(botocore.configloader.raw_config_parse(named))
    for variable in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        with suppress(OSError, ValueError):
            yield Path(environ.get(variable) or os.devnull).read_text()
    for path in home.glob("sso/cache/*.json"):
        with suppress(OSError, ValueError):
            yield from of_structure(json.loads(path.read_text()))


def _refusal(error: Any, name: str, params: Mapping[str, Any], source: Source) -> ApiError:
    answer = error.response.get("Error", {})
    code, text = answer.get("Code", "Unknown"), answer.get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    tried = _tried(name, params)
    # Credentials are asked for on the way: then the call itself was never sent.
    sent = error.operation_name == name
    what = tried if sent else f"{error.operation_name}, for the credentials of {tried},"
    message = f"{what} was refused ({code}: {text.rstrip('.')})"
    advice = hint(code, error.operation_name, sent, source)
    throttled = code in _THROTTLED
    return ApiError(
        f"{message}: {advice}" if advice else message,
        code,
        transient=throttled or status >= 500,
        unknown=sent and status >= 500 and not throttled,
    )
