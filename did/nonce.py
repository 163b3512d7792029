"""Nonces that cost nothing to give out: random bytes and an expiry under a MAC.

``base64url(expiry:8 || era:4 || random:16 || mac:32)``, where mac = HMAC-SHA256 over the purpose,
the context and the first 28 bytes. Whoever holds the MAC key recognises its own nonces without
having stored them; single use is the business of whoever redeems them, and so is the era.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from nacl.utils import random as random_bytes

from did.errors import Invalid, Refused
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode

_EXPIRY = 8
_ERA = 4
_RANDOM = 16
_BODY = _EXPIRY + _ERA + _RANDOM
_WHOLE = _BODY + 32


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce as given out.

    Attributes:
        text: What travels.
        expires: Aware time, whole seconds.
        era: A number that whoever gives them out may count up, from 0 to 2^32 - 1.
    """

    text: str
    expires: datetime
    era: int = 0


def mint(
    key: bytes, *, purpose: str, context: bytes = b"", expires: datetime, era: int = 0
) -> Nonce:
    """A new nonce for ``purpose``, bound to ``context``, of ``era``, valid until ``expires``."""
    seconds = int(expires.timestamp())
    body = seconds.to_bytes(_EXPIRY, "big") + era.to_bytes(_ERA, "big") + random_bytes(_RANDOM)
    text = base64url_encode(body + _mac(key, purpose, context, body))
    return Nonce(text, datetime.fromtimestamp(seconds, UTC), era)


def recognise(key: bytes, text: str, *, purpose: str, context: bytes = b"", at: datetime) -> Nonce:
    """The nonce that ``text`` is, if ``mint`` made it for this purpose and context.

    Raises:
        Invalid: ``invalid_nonce``: not one of ours, or made for something else.
        Refused: ``nonce_expired``.
    """
    try:
        data = base64url_decode(text, limit=LIMITS.challenge)
    except Invalid as error:
        raise Invalid("invalid_nonce", "not a nonce that was given out here") from error
    body, mac = data[:_BODY], data[_BODY:]
    if len(data) != _WHOLE or not hmac.compare_digest(mac, _mac(key, purpose, context, body)):
        raise Invalid("invalid_nonce", "not a nonce that was given out here, for this purpose")
    expires = datetime.fromtimestamp(int.from_bytes(body[:_EXPIRY], "big"), UTC)
    if at >= expires:
        raise Refused("nonce_expired", "the nonce has expired", hint="ask for a new one")
    return Nonce(text, expires, int.from_bytes(body[_EXPIRY : _EXPIRY + _ERA], "big"))


def _mac(key: bytes, purpose: str, context: bytes, body: bytes) -> bytes:
    label = purpose.encode()
    message = len(label).to_bytes(2, "big") + label + len(context).to_bytes(4, "big") + context
    return hmac.digest(key, message + body, hashlib.sha256)
