"""Who may do what: bearer tokens, and refusals that a test asks for."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.cluster import errors
from sandbox.cluster.targets import Target


@dataclass(frozen=True)
class Refusal:
    """What is forbidden; an empty string stands for any. `resource` is a plural, `pods/log` for a subresource."""

    user: str = ""
    verb: str = ""
    resource: str = ""
    namespace: str = ""

    def covers(self, user: str, target: Target) -> bool:
        resource = f"{target.kind.plural}/{target.subresource}" if target.subresource else target.kind.plural
        pairs = (
            (self.user, user), (self.verb, target.verb), (self.resource, resource),
            (self.namespace, target.namespace),
        )  # fmt: skip
        return all(wanted in ("", found) for wanted, found in pairs)


class Access:
    """Everybody with a token may do everything, less what is refused."""

    def __init__(self, tokens: dict[str, str]) -> None:
        """`tokens` maps a token to its user's name."""
        self.tokens = tokens
        self.refusals: list[Refusal] = []

    def user(self, authorization: str) -> str:
        scheme, _separator, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token.strip() not in self.tokens:
            raise errors.unauthorized()
        return self.tokens[token.strip()]

    def check(self, user: str, target: Target) -> None:
        """Raises 403, also for what does not exist."""
        if self.refuses(user, target):
            raise errors.forbidden(
                user, target.verb, target.kind, target.subresource, target.namespace,
                "" if target.verb == "create" and not target.subresource else target.name,
            )  # fmt: skip

    def refuses(self, user: str, target: Target) -> bool:
        return any(refusal.covers(user, target) for refusal in self.refusals)
