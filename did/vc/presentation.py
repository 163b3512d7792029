"""Presentations: credentials shown by their holder, to one verifier, once (VCDM 2.0, 4.13).

The proof covers the holder's full DID, the verifier's challenge and its audience (``domain``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from did.errors import Invalid
from did.identifier import Did, DidUrl, KeybornDid, parse_did
from did.jcs import JsonObject
from did.keys import Signer
from did.limits import LIMITS
from did.strict_json import parse_object
from did.vc.credential import (
    CREDENTIALS_CONTEXT,
    Credential,
    check_context,
    check_types,
    parse_credential,
)
from did.vc.data_integrity import AUTHENTICATION, Proof, add_proof, parse_proof

_CODE = "invalid_presentation"


@dataclass(frozen=True, slots=True)
class Presentation:
    """A parsed presentation. No proof in it has been verified yet.

    Attributes:
        holder: The DID that presents, in canonical form; the proof's method is of it.
        credentials: At least one.
        proof: The holder's.
        challenge: What the verifier asked with.
        audience: The verifier that it is for (``domain``).
    """

    holder: Did
    credentials: tuple[Credential, ...]
    proof: Proof
    challenge: str
    audience: str


def sign_presentation(
    credentials: Sequence[JsonObject],
    signer: Signer,
    *,
    holder: Did,
    challenge: str,
    audience: str,
    created: datetime,
) -> JsonObject:
    """A presentation of secured ``credentials`` by ``holder``, whose current key is ``signer``."""
    document: JsonObject = {
        "@context": [CREDENTIALS_CONTEXT],
        "type": ["VerifiablePresentation"],
        "holder": holder.canonical.text,
        "verifiableCredential": list(credentials),
    }
    return add_proof(
        document,
        signer,
        method=DidUrl(holder.canonical, signer.public_key().multibase),
        purpose=AUTHENTICATION,
        created=created,
        challenge=challenge,
        domain=audience,
    )


def parse_presentation(data: bytes) -> Presentation:
    """The presentation that JSON text ``data`` is.

    Raises:
        Invalid: ``invalid_presentation`` and what is wrong; or as ``did.strict_json.parse``,
            ``parse_credential`` and ``parse_proof``.
    """
    document = parse_object(data)
    check_context(document, _CODE)
    check_types(document, "VerifiablePresentation", _CODE)
    holder = _holder(document)
    credentials = document.get("verifiableCredential")
    if not isinstance(credentials, list) or not credentials:
        raise Invalid(_CODE, "a presentation holds no credentials")
    if len(credentials) > LIMITS.credentials_in_presentation:
        raise Invalid(
            _CODE,
            f"a presentation holds more than {LIMITS.credentials_in_presentation} credentials",
        )
    proof = parse_proof(document, purpose=AUTHENTICATION)
    if proof.method.did != holder:
        raise Invalid(
            "holder_mismatch",
            "the proof's verification method is not the holder's",
            value=proof.method.text,
        )
    if proof.challenge is None or proof.domain is None:
        raise Invalid(_CODE, "a presentation's proof lacks its challenge or its domain")
    return Presentation(
        holder=holder,
        credentials=tuple(parse_credential(credential) for credential in credentials),
        proof=proof,
        challenge=proof.challenge,
        audience=proof.domain,
    )


def _holder(document: JsonObject) -> Did:
    value = document.get("holder")
    if isinstance(value, dict):
        value = value.get("id")
    if not isinstance(value, str):
        raise Invalid(_CODE, "a presentation names no holder")
    did = parse_did(value)
    if isinstance(did, KeybornDid) and did.genesis is not None:
        raise Invalid(
            _CODE,
            "the holder is a DID in its long form, which serves enrolment only",
            value=value,
            hint="register the DID and present its short form",
        )
    return did
