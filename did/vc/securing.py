"""What secures a document, whichever way: the formats, and a proof taken apart.

A proof is the same thing to a verifier whether it stands in the document (Data Integrity) or
around it (a JWS or a COSE_Sign1): a verification method, times, what a presentation answers, the
bytes that are signed, and the signature.
"""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from did.identifier import DidUrl
    from did.keys import PublicKey

ASSERTION: Final = "assertionMethod"
AUTHENTICATION: Final = "authentication"


class Format(StrEnum):
    """How a credential or a presentation is secured. The values name credential formats.

    ``LDP_VC`` and ``JWT_VC_JSON`` are OpenID4VCI's identifiers; it has none yet for the other two.
    """

    LDP_VC = "ldp_vc"
    """Data Integrity, ``eddsa-jcs-2022``: JSON with its proof inside."""

    VC_JWT = "vc+jwt"
    """VC 2.0 as the payload of a compact JWS (Securing VCs using JOSE and COSE, section 3.1)."""

    VC_COSE = "vc+cose"
    """VC 2.0 in JSON as the payload of a COSE_Sign1 (the same, section 3.3)."""

    JWT_VC_JSON = "jwt_vc_json"
    """VC 1.1 as the claims of a JWT (VC Data Model 1.1, section 6.3.1)."""


class Proof(Struct, frozen=True):
    """A parsed proof whose signature has not been verified yet.

    Attributes:
        method: The verification method, a DID URL.
        purpose: The proof purpose: stated, or what the type of a token or message stands for.
        created: When it says that it was made (``created``, ``iat``), if it does.
        not_before: When it says that it begins (``nbf``), if it does.
        expires: When it says that it ends (``expires``, ``exp``), if it does.
        challenge: The verifier's challenge (``challenge``, ``nonce``), in a presentation.
        domain: The verifier's audience (``domain``, ``aud``), in a presentation.
        signed: The bytes that are signed.
        signature: 64 bytes.
    """

    method: "DidUrl"
    purpose: str
    created: datetime | None
    not_before: datetime | None
    expires: datetime | None
    challenge: str | None
    domain: str | None
    signed: bytes
    signature: bytes

    def verify(self, key: "PublicKey") -> None:
        """Return if the proof is ``key``'s.

        Raises:
            Invalid: ``invalid_signature``.
        """
        key.verify(self.signature, self.signed)
