"""As much of Kubernetes' protobuf as `kubectl create token` sends; it is the one request that kubectl has no JSON for.

https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from __future__ import annotations

from sandbox.cluster import errors
from sandbox.cluster.objects import Object

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _BYTES = 0, 2


def token_request(raw: bytes) -> Object:
    """A TokenRequest as JSON would have it: the seconds are all that is read. Raises 400 where it is none."""
    try:
        if not raw.startswith(_MAGIC):
            raise ValueError("it does not begin as protobuf of Kubernetes does")
        # Unknown.raw, TokenRequest.spec, TokenRequestSpec.expirationSeconds
        spec = _fields(_fields(_fields(raw[len(_MAGIC) :])[2])[2])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise errors.bad_request(f"the body of the request cannot be decoded: {error}") from None
    return {"spec": {"expirationSeconds": spec[4]} if 4 in spec else {}}


def _fields(message: int | bytes) -> dict[int, int | bytes]:
    """The fields of a message by number, the last of each."""
    if isinstance(message, int):
        raise TypeError("a number stands where a message should")
    found: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, at = _varint(message, at)
        if key & 7 == _VARINT:
            found[key >> 3] = value
        elif key & 7 == _BYTES and at + value <= len(message):
            found[key >> 3] = message[at : at + value]
            at += value
        else:
            raise ValueError(f"field {key >> 3} is cut off, or of a type that is not read")
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    number = shift = 0
    while True:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not message[at - 1] & 0x80:
            return number, at
