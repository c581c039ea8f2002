# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""What to tell a person when AWS refuses a call, or there are no credentials to sign it with."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_UNSENDABLE = re.compile(r"[^\x21-\x7e]")

# Each option, and the variables that stand for it, as amazon.aws and the SDK read them.
_CREDENTIALS = {
    "access_key": ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
    "secret_key": ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"),
    "session_token": ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
}

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException")

_HINTS = {
    "InvalidClientTokenId": "check the access key and the region",
    "SignatureDoesNotMatch": "check the secret key and this machine's clock",
    "RequestExpired": "check this machine's clock",
    "TooManyTags": "remove a tag that nobody needs",
}


@dataclass(frozen=True)
class Source:
    """Where credentials are from: ``method`` as botocore calls it, and the profile, empty where none is named."""

    method: str = ""
    profile: str = ""

    @property
    def of_profile(self) -> str:
        return f" of profile {self.profile}" if self.profile else ""

    @property
    def sign_in(self) -> str:
        return f"aws sso login --profile {self.profile}" if self.profile else "aws sso login"


def misspelt(params: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """What is wrong with the credentials that are given, by name; empty where nothing is.

    The SDK signs with a line end as if it belonged to them, as the aws command does, and is then refused
    or cannot send the request.
    """
    for option, variables in _CREDENTIALS.items():
        value, names = params.get(option), [f"{option}"]
        given = [name for name in variables if environ.get(name) and environ[name] == value]
        if not value and not params.get("profile"):
            given = [name for name in variables if environ.get(name)]
            value = environ[given[0]] if given else None
        if isinstance(value, str) and _UNSENDABLE.search(value):
            return (
                f"The value of {(given or names)[0]} holds a line end, a blank, a control character or a letter "
                "that is not ASCII, which no AWS credential has: give it as it was issued."
            )
    return ""


def hint(code: str, operation: str, sent: bool, source: Source) -> str:
    """What to do about a refusal; ``sent`` is whether it is that of the call itself and not of one for credentials."""
    if sent:
        if code in _DENIED:
            return f"grant elasticloadbalancing:{operation} to these credentials"
        if code in _EXPIRED:
            return _renewal(source)
        return _HINTS.get(code, "")
    if operation == "AssumeRole":
        if code in _EXPIRED:
            return f"renew the credentials that the role{source.of_profile} is assumed with"
        if code in _DENIED:
            return (
                f"check role_arn{source.of_profile}, that the role's trust policy names its source credentials, "
                "and that these may sts:AssumeRole"
            )
        return f"check role_arn{source.of_profile} and the credentials that it is assumed with"
    if operation == "AssumeRoleWithWebIdentity":
        if code in (*_EXPIRED, "InvalidIdentityToken"):
            return "renew the token in AWS_WEB_IDENTITY_TOKEN_FILE, and check that the role's account knows its issuer"
        return "check AWS_ROLE_ARN, and that the role's trust policy names this identity provider and this subject"
    if operation == "GetRoleCredentials":
        if code in ("ForbiddenException", *_DENIED):
            return (
                f"check sso_account_id and sso_role_name{source.of_profile}: this user has no such role there"
            )
        return f"sign in again: {source.sign_in}"
    if operation in ("CreateToken", "RegisterClient"):
        return f"sign in again: {source.sign_in}"
    return f"check the credentials{source.of_profile}"


def _renewal(source: Source) -> str:
    return {
        "sso": f"sign in again: {source.sign_in}",
        "env": "renew AWS_SESSION_TOKEN and the keys beside it",
        "explicit": "renew session_token and the keys beside it",
        "shared-credentials-file": f"renew the credentials{source.of_profile} in the credentials file",
        "config-file": f"renew the credentials{source.of_profile} in the configuration file",
        "custom-process": f"have the credential_process{source.of_profile} give new ones",
    }.get(source.method, "renew the credentials")


# By the name of botocore's exception, the more special one first.
_WITHOUT = {
    "SSOTokenLoadError": "sign in: {sign_in}",
    "UnauthorizedSSOTokenError": "sign in again: {sign_in}",
    "SSOError": "sign in again: {sign_in}",
    "NoAuthTokenError": "sign in: {sign_in}",
    "TokenRetrievalError": "sign in again: {sign_in}",
    "LoginError": "sign in again: {login}",
    "MetadataRetrievalError": "this machine's metadata service gives no credentials: check its role (instance or task)",
    "ProfileNotFound": "name a profile that there is (aws configure list-profiles)",
    "InvalidConfigError": "mend{profile} in AWS's configuration file",
    "ConfigParseError": "mend AWS's configuration file",
    "NoCredentialsError": "set AWS_PROFILE, or access and secret key",
    "PartialCredentialsError": "set AWS_PROFILE, or access and secret key",
    "UnknownCredentialError": "mend{profile} in AWS's configuration file",
    "MissingDependencyException": "install it, or use credentials of another kind",
}
_RETRIEVED = {
    "custom-process": "run the credential_process{of_profile} by hand to see why",
    "assume-role": "check role_arn, source_profile and credential_source{of_profile}",
    "assume-role-with-web-identity": "check AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
    "sso": "sign in again: {sign_in}",
    "container-role": "check the task's or pod's role, and what gives it its credentials",
    "iam-role": "check this instance's role and its metadata service",
}


def without_credentials(kinds: Collection[str], source: Source) -> str:
    """What to do where the SDK found or got no credentials; empty where an error of these names says nothing of them."""
    advice = next((_WITHOUT[kind] for kind in kinds if kind in _WITHOUT), "")
    if not advice and "CredentialRetrievalError" in kinds:
        advice = _RETRIEVED.get(source.method, "check the credentials{of_profile}")
    login = f"aws login --profile {source.profile}" if source.profile else "aws login"
    profile = f" profile {source.profile}" if source.profile else " the profile"
    return advice.format(sign_in=source.sign_in, of_profile=source.of_profile, login=login, profile=profile)


def unusable(told: str, source: Source = Source()) -> str:
    """What to do where no client can be made or no request written, by what the SDK says."""
    words = told.casefold()
    if "header" in words:
        origin = f" ({source.method})" if source.method else ""
        return (
            f"its credentials{source.of_profile}{origin} hold a line end, a control character or a letter that no "
            "HTTP header can: give them as they were issued"
        )
    if "config profile" in words:
        return "name a profile that there is (aws configure list-profiles) in profile or AWS_PROFILE"
    if "parse config file" in words:
        return "mend that file, or name another in AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE"
    if "region" in words:
        return "set region (in the role bluegreen_aws: {region: ...}), AWS_REGION, or a profile that has one"
    return "give region, profile or keys, or set AWS_REGION and AWS_PROFILE"
