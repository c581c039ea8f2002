"""Who may do what: bearer tokens, the rights of ServiceAccounts, and refusals that a test asks for."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sandbox.cluster import errors
from sandbox.cluster.kinds import SERVICE_ACCOUNT
from sandbox.cluster.objects import Object, name_of, namespace_of
from sandbox.cluster.rbac import granted, is_account, is_open, name_of_account
from sandbox.cluster.store import Store
from sandbox.cluster.targets import Target


@dataclass(frozen=True)
class Refusal:
    """What is forbidden; an empty string stands for any. `resource` is a plural, `pods/log` for a subresource."""

    user: str = ""
    verb: str = ""
    resource: str = ""
    namespace: str = ""

    def covers(self, user: str, target: Target) -> bool:
        pairs = (
            (self.user, user), (self.verb, target.verb), (self.resource, target.resource),
            (self.namespace, target.namespace),
        )  # fmt: skip
        return all(wanted in ("", found) for wanted, found in pairs)


@dataclass(frozen=True)
class _Token:
    """Of a ServiceAccount, and good for no other of its name; `ends` in seconds since the epoch."""

    namespace: str
    name: str
    uid: str
    ends: float


class Access:
    """A ServiceAccount may do what Roles grant it, anybody else with a token everything, less what is refused."""

    def __init__(self, tokens: dict[str, str], store: Store) -> None:
        """`tokens` maps a token to its user's name."""
        self.tokens = tokens
        self.refusals: list[Refusal] = []
        self._store = store
        self._issued: dict[str, _Token] = {}

    def issue(self, account: Object, seconds: int) -> str:
        """A new token of the account, for so long."""
        token = secrets.token_urlsafe(48)
        self._issued[token] = _Token(
            namespace_of(account), name_of(account), account["metadata"]["uid"], time.time() + seconds
        )
        return token

    def user(self, authorization: str) -> str:
        scheme, _separator, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer":
            if token in self.tokens:
                return self.tokens[token]
            issued = self._issued.get(token)
            if issued is not None and self._is_good(issued):
                return name_of_account(issued.namespace, issued.name)
        raise errors.unauthorized()

    def check(self, user: str, target: Target) -> None:
        """Raises 403, also for what does not exist."""
        allowed, why = self.allows(user, target)
        if not allowed:
            raise errors.forbidden(
                user, target.verb, target.kind, target.subresource, target.scope, target.named, why
            )

    def check_create(self, user: str, target: Target) -> None:
        """Raises the 403 of a change that would make an object which the user may only change."""
        allowed, why = self.allows(user, target.with_verb("create"))
        if not allowed:
            raise errors.not_admitted(target.kind, target.name, why)

    def check_path(self, user: str, method: str, path: str) -> None:
        """Raises the 403 of a path that is no object's."""
        if is_account(user) and not (method in ("GET", "HEAD") and is_open(path)):
            raise errors.forbidden_path(user, method, path)

    def allows(self, user: str, target: Target) -> tuple[bool, str]:
        """And where it does not, what a refusal says beside who may not do what."""
        if any(refusal.covers(user, target) for refusal in self.refusals):
            return False, ""
        return granted(self._store, user, target) if is_account(user) else (True, "")

    def _is_good(self, token: _Token) -> bool:
        account = self._store.get(SERVICE_ACCOUNT, token.namespace, token.name)
        return account is not None and account["metadata"]["uid"] == token.uid and time.time() < token.ends
