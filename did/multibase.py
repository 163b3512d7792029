"""Base58btc and base64url, strictly and with the length checked before decoding.

Decoding base58 takes time quadratic in its length, and common decoders strip white space; so
the length and the alphabet are checked first, and what does not decode is refused, never
normalised (draft-msporny-base58-03; multibase prefixes ``z`` and ``u``).
"""

import base64
import binascii
import re

import base58

from did import base58 as base58_digits
from did.errors import Invalid
from did.limits import LIMITS

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def base58_encode(data: bytes) -> str:
    """``data`` in base58btc, without a multibase prefix."""
    return base58.b58encode(data).decode("ascii")


def base58_decode(text: str, *, length: int | None = None, limit: int = LIMITS.base58) -> bytes:
    """The bytes of base58btc ``text`` (no multibase prefix).

    Args:
        text: The encoded text.
        length: The number of bytes it must decode to, if that is known.
        limit: The most characters that are looked at, 256 at most.

    Raises:
        Invalid: ``invalid_base58``.
    """
    if len(text) > limit:
        raise Invalid(
            "invalid_base58", f"base58 text is longer than {limit} characters", value=text
        )
    data = base58_digits.decode(text.encode()) if text.isascii() else None
    if data is None:
        raise Invalid("invalid_base58", "text is not base58btc", value=text)
    if length is not None and len(data) != length:
        raise Invalid(
            "invalid_base58",
            f"base58 text holds {len(data)} bytes where {length} are due",
            value=text,
        )
    return data


def multibase_encode(data: bytes) -> str:
    """``data`` as multibase base58btc (prefix ``z``)."""
    return "z" + base58_encode(data)


def multibase_decode(text: str, *, length: int | None = None, limit: int = LIMITS.base58) -> bytes:
    """The bytes of multibase ``text``, which must be base58btc (prefix ``z``).

    Raises:
        Invalid: ``invalid_multibase`` (another base) or ``invalid_base58``.
    """
    if not text.startswith("z"):
        raise Invalid(
            "invalid_multibase", "multibase text does not begin with z (base58btc)", value=text
        )
    return base58_decode(text[1:], length=length, limit=limit)


def base64url_encode(data: bytes) -> str:
    """``data`` in base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def base64url_decode(text: str, *, limit: int = LIMITS.json_bytes) -> bytes:
    """The bytes of unpadded base64url ``text``; the one canonical spelling only.

    Raises:
        Invalid: ``invalid_base64url``.
    """
    if len(text) > limit:
        raise Invalid(
            "invalid_base64url", f"base64url text is longer than {limit} characters", value=text
        )
    if not _BASE64URL.fullmatch(text):
        raise Invalid("invalid_base64url", "text is not unpadded base64url", value=text)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Invalid("invalid_base64url", "text is not base64url", value=text) from error
    # Of text in the alphabet, only the last letter of a group that is not full has bits to spare.
    spare = len(text) % 4
    if spare and base64url_encode(data[1 - spare :]) != text[-spare:]:
        raise Invalid("invalid_base64url", "base64url text has stray bits at its end", value=text)
    return data
