"""What Roles grant to those whom RoleBindings name, as a real server's RBAC reads them.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from sandbox.cluster.kinds import ROLE, ROLE_BINDING
from sandbox.cluster.objects import Object, dig
from sandbox.cluster.store import Store
from sandbox.cluster.targets import Target

_ACCOUNT = "system:serviceaccount:"
# What the roles of every cluster let those see who are somebody.
_OPEN_PATHS = ("/api", "/apis", "/healthz", "/livez", "/openapi", "/readyz", "/version")


def name_of_account(namespace: str, name: str) -> str:
    """The user that a ServiceAccount is."""
    return f"{_ACCOUNT}{namespace}:{name}"


def is_account(user: str) -> bool:
    return user.startswith(_ACCOUNT)


def is_open(path: str) -> bool:
    """Whether everybody with a token may read a path that is no object's."""
    return any(path == each or path.startswith(f"{each}/") for each in _OPEN_PATHS)


def granted(store: Store, user: str, target: Target) -> tuple[bool, str]:
    """Whether a ServiceAccount may do that; and where not, what is wrong with the bindings that it has."""
    troubles = []
    bindings = store.list(ROLE_BINDING, target.scope) if target.scope else []
    for binding in bindings:
        if not any(_is(subject, user, target.scope) for subject in binding.get("subjects") or ()):
            continue
        reference = binding["roleRef"]
        role = store.get(ROLE, target.scope, reference["name"]) if reference["kind"] == "Role" else None
        if role is None:
            resource = f"{reference['kind'].lower()}.{ROLE.group}"
            troubles.append(f'{resource} "{reference["name"]}" not found')
        elif any(covers(rule, target) for rule in role.get("rules") or ()):
            return True, ""
    told = troubles[0] if len(troubles) == 1 else f"[{', '.join(troubles)}]"
    return False, f"RBAC: {told}" if troubles else ""


def covers(rule: Object, target: Target) -> bool:
    resources = {"*", target.resource}
    if target.subresource:
        resources.add(f"*/{target.subresource}")
    names = rule.get("resourceNames") or ()
    return (
        not {"*", target.verb}.isdisjoint(rule.get("verbs") or ())
        and not {"*", target.kind.group}.isdisjoint(rule.get("apiGroups") or ())
        and not resources.isdisjoint(rule.get("resources") or ())
        and (not names or target.named in names)
    )


def _is(subject: Object, user: str, namespace: str) -> bool:
    """Whether a subject of a binding in the namespace is, or holds, the user of a ServiceAccount."""
    name, own = subject["name"], user.removeprefix(_ACCOUNT).partition(":")[0]
    if subject["kind"] == "ServiceAccount":
        return user == name_of_account(dig(subject, "namespace") or namespace, name)
    if subject["kind"] == "Group":
        return name in ("system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{own}")
    return bool(name == user)
