"""Access tokens that cost nothing to give out: what they are for, and an expiry, under a MAC.

``base64url(claim:16 || expiry:8 || configurations || mac:32)``, where mac = HMAC-SHA256 over a
label and all before it. The configurations are those that ``authorization_details`` named, their
ids with a space between; none, where there were no details. A token opens nothing but
``/credential`` and its like for its claim, and there only to whoever proves possession of the DID
that takes, or has taken, the claim.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from did.errors import Invalid, Refused
from did.multibase import base64url_decode, base64url_encode

LIFETIME: Final = timedelta(minutes=5)  # what OpenID4VCI 1.0 calls short (section 13.10)

_LABEL: Final = b"keyborn-access-token/2"
_CLAIM: Final = 16
_BODY: Final = _CLAIM + 8
_MAC: Final = 32
_CHARACTERS: Final = 1024
_STEP: Final = "token"


@dataclass(frozen=True, slots=True)
class Access:
    """What a token is for.

    Attributes:
        claim: The claim's id.
        configurations: The ids of the credential configurations for which identifiers were given
            out with it, and for which alone it is; empty: for all that the claim offers.
    """

    claim: str
    configurations: tuple[str, ...] = ()


def mint(key: bytes, claim: str, *, configurations: Sequence[str] = (), at: datetime) -> str:
    """A token for ``claim`` (32 hexadecimal digits), valid from ``at`` for ``LIFETIME``.

    ``configurations`` as in ``Access``.
    """
    expires = int((at + LIFETIME).timestamp())
    body = bytes.fromhex(claim) + expires.to_bytes(8, "big") + " ".join(configurations).encode()
    return base64url_encode(body + _mac(key, body))


def recognise(key: bytes, text: str, *, at: datetime) -> Access:
    """What the token ``text`` is for.

    Raises:
        Invalid: ``invalid_token``: not one that was given out here.
        Refused: ``token_expired``.
    """
    try:
        data = base64url_decode(text, limit=_CHARACTERS)
    except Invalid as error:
        raise _unknown() from error
    body, mac = data[:-_MAC], data[-_MAC:]
    if len(body) < _BODY or not hmac.compare_digest(mac, _mac(key, body)):
        raise _unknown()
    if at.timestamp() >= int.from_bytes(body[_CLAIM:_BODY], "big"):
        raise Refused(
            "token_expired",
            "the access token has expired",
            step=_STEP,
            hint="redeem the code again at /token",
        )
    return Access(body[:_CLAIM].hex(), tuple(body[_BODY:].decode().split()))


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _LABEL + body, hashlib.sha256)


def _unknown() -> Invalid:
    return Invalid(
        "invalid_token",
        "not an access token that was given out here",
        step=_STEP,
        hint="redeem the code at /token",
    )
