# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The AWS API: the only file that imports boto3 and amazon.aws."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.octoblu.bluegreen.plugins.module_utils._apart import later
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import (
    ApiError,
    BluegreenError,
    RouterError,
)

try:
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

_HINTS = {
    "AccessDenied": "grant elasticloadbalancing:{action} to these credentials",
    "AccessDeniedException": "grant elasticloadbalancing:{action} to these credentials",
    "UnauthorizedOperation": "grant elasticloadbalancing:{action} to these credentials",
    "ExpiredToken": "renew the credentials",
    "ExpiredTokenException": "renew the credentials",
    "InvalidClientTokenId": "check the access key and the region",
    "SignatureDoesNotMatch": "check the secret key and this machine's clock",
    "RequestExpired": "check this machine's clock",
    "TooManyTags": "remove a tag that nobody needs",
}

ARGUMENT_SPEC: dict[str, dict[str, Any]] = aws_argument_spec()


class _Params:
    """What amazon.aws's client functions ask of a module."""

    _name = "octoblu.bluegreen"

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def fail_json(self, msg: str, **_details: Any) -> NoReturn:
        raise RouterError(
            f"{msg.rstrip('.')}: give region, profile or keys, or set AWS_REGION and AWS_PROFILE"
        )


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
        return boto3_conn(
            module, conn_type="client", resource="elb", region=region, endpoint=endpoint, **connection
        )

    @staticmethod
    def _call(client: Any, action: str, params: dict[str, Any]) -> dict[str, Any]:
        name = client.meta.method_to_api_mapping[action]
        try:
            answer: dict[str, Any] = getattr(client, action)(**params)
        except botocore.exceptions.ClientError as error:
            raise _refusal(error, name, params) from error
        except botocore.exceptions.ParamValidationError as error:
            raise ApiError(
                f"{_tried(name, params)} cannot be asked for: {error}", "ParamValidation"
            ) from error
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
            raise ApiError(
                f"{_tried(name, params)} found no AWS credentials ({error}): set AWS_PROFILE, or access and secret key",
                type(error).__name__,
            ) from error
        except (
            botocore.exceptions.EndpointConnectionError,
            botocore.exceptions.ConnectTimeoutError,
            botocore.exceptions.ProxyConnectionError,
        ) as error:
            raise ApiError(
                f"{_tried(name, params)} did not reach AWS ({error}): check region, endpoint and network",
                type(error).__name__,
                transient=True,
            ) from error
        except (
            botocore.exceptions.HTTPClientError,
            botocore.exceptions.IncompleteReadError,
            botocore.exceptions.SSLError,
        ) as error:
            raise ApiError(
                f"{_tried(name, params)} got no answer ({error})",
                type(error).__name__,
                transient=True,
                unknown=True,
            ) from error
        except botocore.exceptions.BotoCoreError as error:
            raise ApiError(f"{_tried(name, params)} failed: {error}", type(error).__name__) from error
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


def _refusal(error: Any, name: str, params: Mapping[str, Any]) -> ApiError:
    answer = error.response.get("Error", {})
    code, text = answer.get("Code", "Unknown"), answer.get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    hint = _HINTS.get(code, "").format(action=name)
    message = f"{_tried(name, params)} was refused ({code}: {text.rstrip('.')})"
    throttled = code in _THROTTLED
    return ApiError(
        f"{message}: {hint}" if hint else message,
        code,
        transient=throttled or status >= 500,
        unknown=status >= 500 and not throttled,
    )
