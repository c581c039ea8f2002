"""What AWS accepts as tags of a Classic ELB."""

import unicodedata
from collections.abc import Iterable, Mapping

from sandbox.aws.strict.errors import ElbError, invalid

MAX_KEY, MAX_VALUE = 128, 256
PUNCTUATION = frozenset("_.:/=+-@")


def parse_tags(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The Tags parameter of a request as key to value."""
    tags: dict[str, str] = {}
    for tag in given:
        key, value = tag["Key"], tag.get("Value") or ""
        if key in tags:
            raise ElbError("DuplicateTagKeys", f"Tag key was specified more than once: {key}")
        _check("key", key, MAX_KEY)
        _check("value", value, MAX_VALUE)
        if key.lower().startswith("aws:"):
            raise invalid(f"Tag keys starting with 'aws:' are reserved for system use: {key}")
        tags[key] = value
    return tags


def merged_tags(existing: Mapping[str, str], added: Mapping[str, str], limit: int) -> dict[str, str]:
    """`existing` with `added`; nothing of `added` when both together are more than `limit`."""
    merged = {**existing, **added}
    if len(merged) > limit:
        raise ElbError(
            "TooManyTags",
            "The quota for the number of tags that can be assigned to a load balancer has been reached",
        )
    return merged


def _check(what: str, text: str, longest: int) -> None:
    if (what == "key" and not text) or len(text) > longest:
        raise invalid(f"The tag {what} {text!r} must have at most {longest} characters")
    if bad := sorted({character for character in text if not _allowed(character)}):
        raise invalid(f"The tag {what} {text!r} has characters that are not allowed: {' '.join(bad)}")


def _allowed(character: str) -> bool:
    """Letters, separators and numbers of any script, as the API's pattern says."""
    return character in PUNCTUATION or unicodedata.category(character)[0] in "LZN"
