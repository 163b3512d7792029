"""COSE_Sign1 with Ed25519 (RFC 9052, section 4.2; RFC 9053, section 2.2; RFC 9864, section 2.2).

The message and its protected headers are deterministic CBOR, untagged or with tag 18 outermost.
The algorithm stands in the protected headers, and so does whatever else is to be relied on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from did import cbor
from did.cbor import Cbor
from did.errors import Invalid
from did.keys import SIGNATURE_BYTES, PublicKey, Signer
from did.limits import LIMITS

# Two registered numbers of one algorithm for an Ed25519 key: EdDSA (-8) and Ed25519 (-19).
ALGORITHMS: Final = (-8, -19)
ALG: Final = 1
CRIT: Final = 2
CONTENT_TYPE: Final = 3
KID: Final = 4
CWT_CLAIMS: Final = 15  # RFC 9597
TYP: Final = 16  # RFC 9596

_TAG: Final = 0xD2  # the one byte of tag 18, COSE_Sign1
_TAG_BYTE: Final = bytes([_TAG])
_ARRAY_OF_FOUR: Final = b"\x84"
_NOTHING: Final = b"\xa0"  # an empty map
_SIG_STRUCTURE: Final = _ARRAY_OF_FOUR + cbor.encode("Signature1")
_PARTS: Final = 4

Headers = Mapping["str | int", Cbor]


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed message whose signature has not been verified yet.

    Attributes:
        protected: The headers that are signed.
        unprotected: The headers that are not: anybody can write them.
        payload: The content, never detached.
        signed: The bytes that are signed, a Sig_structure (RFC 9052, section 4.4).
        signature: 64 bytes.
    """

    protected: Headers
    unprotected: Headers
    payload: bytes
    signed: bytes
    signature: bytes

    def verify(self, key: PublicKey) -> None:
        """Return if the signature is ``key``'s; raises ``Invalid`` (``invalid_signature``)."""
        key.verify(self.signature, self.signed)


def sign_sign1(protected: Headers, payload: bytes, signer: Signer) -> bytes:
    """A COSE_Sign1 over ``payload``, with tag 18; ``alg`` EdDSA is added to ``protected``."""
    head = cbor.encode({**protected, ALG: ALGORITHMS[0]})
    signature = signer.sign(to_sign(head, payload))
    head, payload, signature = map(cbor.byte_string, (head, payload, signature))
    return b"".join((_TAG_BYTE, _ARRAY_OF_FOUR, head, _NOTHING, payload, signature))


def parse_sign1(
    data: bytes,
    *,
    typ: str | None,
    external: bytes = b"",
    max_bytes: int = LIMITS.envelope,
) -> Sign1:
    """Take a COSE_Sign1 apart.

    Args:
        data: The message, with or without tag 18.
        typ: The header's ``typ`` that it must have; None where it must have none.
        external: Data that is signed too, but not sent.
        max_bytes: The most bytes that are looked at.

    Raises:
        Invalid: ``invalid_cose``: form, ``alg``, ``typ`` or critical headers; or as
            ``did.cbor.decode``.
    """
    head, unprotected, payload, signature = _parts(data, max_bytes)
    protected = _protected(head, max_bytes)
    _check_headers(protected, unprotected, typ)
    return Sign1(protected, unprotected, payload, to_sign(head, payload, external), signature)


def message_typ(data: bytes, *, max_bytes: int = LIMITS.envelope) -> Cbor:
    """The ``typ`` that a COSE_Sign1 says it has, to tell by which rules to parse it; or None.

    Raises:
        Invalid: as ``parse_sign1``.
    """
    head, *_ = _parts(data, max_bytes)
    return _protected(head, max_bytes).get(TYP)


def bare_parts(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Protected header, payload and signature of a COSE_Sign1 with nothing unprotected.

    None where ``data`` is not that in deterministic CBOR; ``parse_sign1`` says what is wrong.
    """
    place = 1 if data[:1] == _TAG_BYTE else 0
    if data[place : place + 1] != _ARRAY_OF_FOUR:
        return None
    head, place = cbor.byte_string_at(data, place + 1)
    if head is None or data[place : place + 1] != _NOTHING:
        return None
    payload, place = cbor.byte_string_at(data, place + 1)
    signature, place = cbor.byte_string_at(data, place)
    if payload is None or signature is None or len(signature) != SIGNATURE_BYTES:
        return None
    return (head, payload, signature) if place == len(data) else None


def _parts(data: bytes, max_bytes: int) -> tuple[bytes, Headers, bytes, bytes]:
    untagged = data[1:] if data[:1] == _TAG_BYTE else data
    message = cbor.decode(untagged, max_bytes=max_bytes)
    if not isinstance(message, list) or len(message) != _PARTS:
        raise Invalid("invalid_cose", "a message is not a COSE_Sign1: an array of four")
    head, unprotected, payload, signature = message
    if not isinstance(head, bytes) or not isinstance(unprotected, dict):
        raise Invalid("invalid_cose", "a COSE_Sign1's headers are not a byte string and a map")
    if not isinstance(payload, bytes):
        raise Invalid("invalid_cose", "a COSE_Sign1 has no payload in it")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        raise Invalid("invalid_cose", f"a COSE_Sign1's signature is not {SIGNATURE_BYTES} bytes")
    return head, unprotected, payload, signature


def _protected(head: bytes, max_bytes: int) -> Headers:
    protected = cbor.decode(head, max_bytes=max_bytes) if head else {}
    if not isinstance(protected, dict):
        raise Invalid("invalid_cose", "a COSE_Sign1's protected headers are not a map")
    return protected


def _check_headers(protected: Headers, unprotected: Headers, typ: str | None) -> None:
    alg = protected.get(ALG)
    if type(alg) is not int or alg not in ALGORITHMS:
        raise Invalid("invalid_cose", "a COSE_Sign1's alg is not EdDSA", value=alg)
    if protected.get(TYP) != typ:
        raise Invalid("invalid_cose", f"a COSE_Sign1's typ is not {typ}", value=protected.get(TYP))
    if CRIT in protected:
        raise Invalid("invalid_cose", "a COSE_Sign1 has critical headers, and none is known here")
    # RFC 9052, section 3: a label in both is malformed; these three count in the one place only.
    twice = protected.keys() & unprotected.keys() | {ALG, CRIT, TYP} & unprotected.keys()
    if twice:
        raise Invalid("invalid_cose", "a header that is to be signed stands outside", value=twice)


def to_sign(head: bytes, payload: bytes, external: bytes = b"") -> bytes:
    """The Sig_structure: an array of a text and three byte strings."""
    parts = map(cbor.byte_string, (head, external, payload))
    return b"".join((_SIG_STRUCTURE, *parts))
