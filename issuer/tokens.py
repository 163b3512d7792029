"""Access tokens that cost nothing to give out: a claim's id and an expiry under a MAC.

``base64url(claim:16 || expiry:8 || mac:32)``, where mac = HMAC-SHA256 over a label and the first
24 bytes. A token opens nothing but ``/credential`` for its claim, and there only to whoever proves
possession of the DID that takes, or has taken, the claim.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from did.errors import Invalid, Refused
from did.multibase import base64url_decode, base64url_encode

LIFETIME: Final = timedelta(minutes=5)  # what OpenID4VCI 1.0 calls short (section 13.10)

_LABEL: Final = b"keyborn-access-token/1"
_CLAIM: Final = 16
_BODY: Final = _CLAIM + 8
_WHOLE: Final = _BODY + 32
_CHARACTERS: Final = 128
_STEP: Final = "token"


def mint(key: bytes, claim: str, *, at: datetime) -> str:
    """A token for ``claim`` (32 hexadecimal digits), valid from ``at`` for ``LIFETIME``."""
    expires = int((at + LIFETIME).timestamp())
    body = bytes.fromhex(claim) + expires.to_bytes(8, "big")
    return base64url_encode(body + _mac(key, body))


def recognise(key: bytes, text: str, *, at: datetime) -> str:
    """The claim that the token ``text`` is for.

    Raises:
        Invalid: ``invalid_token``: not one that was given out here.
        Refused: ``token_expired``.
    """
    try:
        data = base64url_decode(text, limit=_CHARACTERS)
    except Invalid as error:
        raise _unknown() from error
    body, mac = data[:_BODY], data[_BODY:]
    if len(data) != _WHOLE or not hmac.compare_digest(mac, _mac(key, body)):
        raise _unknown()
    if at.timestamp() >= int.from_bytes(body[_CLAIM:], "big"):
        raise Refused(
            "token_expired",
            "the access token has expired",
            step=_STEP,
            hint="redeem the code again at /token",
        )
    return body[:_CLAIM].hex()


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _LABEL + body, hashlib.sha256)


def _unknown() -> Invalid:
    return Invalid(
        "invalid_token",
        "not an access token that was given out here",
        step=_STEP,
        hint="redeem the code at /token",
    )
