"""Which images there are, and what they do."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

WEB = "sandbox/web"
PAUSE = "sandbox/pause"

# What an image of the sandbox does by itself, by the beginning of its tag. Tags that begin with `nosuch` do not exist.
_BEHAVIOURS: dict[str, dict[str, str]] = {
    "crash": {"APP_EXIT_AT_START": "1"},
    "notready": {"APP_NEVER_READY": "1"},
    "oom": {"APP_OOM": "0.5"},
}
_MISSING_TAGS = "nosuch*"

_REFERENCE = re.compile(
    r"(?:(?P<domain>[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Image:
    """A parsed reference; `full` is how a node shows it once it runs."""

    repository: str
    tag: str
    full: str

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.full.encode()).hexdigest()

    @property
    def is_pause(self) -> bool:
        return self.repository == PAUSE

    @property
    def behaviour(self) -> dict[str, str]:
        """Environment variables that the image brings."""
        return next((env for start, env in _BEHAVIOURS.items() if self.tag.startswith(start)), {})


class BadReference(Exception):
    """Not the name of an image."""


class Registry:
    """Knows the sandbox's images and those that a test adds, as patterns of `repository:tag`."""

    def __init__(self) -> None:
        self.known = [f"{WEB}:*", f"{PAUSE}:*"]
        self.missing: list[str] = []

    def has(self, image: Image) -> bool:
        name = f"{image.repository}:{image.tag}"
        if fnmatchcase(image.tag, _MISSING_TAGS) or any(
            fnmatchcase(name, pattern) for pattern in self.missing
        ):
            return False
        return any(fnmatchcase(name, pattern) for pattern in self.known)


def parse(reference: str) -> Image:
    matched = _REFERENCE.fullmatch(reference)
    if matched is None:
        why = "invalid reference format"
        if reference != reference.lower():
            name = reference if "/" in reference else f"library/{reference}"
            why += f": repository name ({name}) must be lowercase"
        raise BadReference(
            f'Failed to apply default image tag "{reference}": couldn\'t parse image name "{reference}": {why}'
        )
    domain, path = matched["domain"] or "", matched["path"]
    if domain and not re.search(r"[.:]|^localhost$", domain):
        domain, path = "", f"{domain}/{path}"
    tag = matched["tag"] or "latest"
    name = path if domain or "/" in path else f"library/{path}"
    repository = f"{domain}/{path}" if domain else path
    return Image(repository, tag, f"{domain or 'docker.io'}/{name}:{tag}")


def not_found_message(image: Image) -> str:
    return (
        f'failed to pull and unpack image "{image.full}": failed to resolve reference "{image.full}": '
        f"{image.full}: not found"
    )
