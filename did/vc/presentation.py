"""Presentations: credentials shown by their holder, to one verifier, once (VCDM 2.0, 4.13).

In every format, the proof covers the holder's full DID, the verifier's challenge and its audience.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import orjson

from did.errors import Invalid
from did.identifier import Did, DidUrl, KeybornDid, parse_did
from did.jcs import Json, JsonObject, canonicalize
from did.keys import Signer
from did.limits import LIMITS
from did.vc.credential import CREDENTIALS_CONTEXT, Credential, check_types
from did.vc.data_integrity import add_proof
from did.vc.data_model import check_presentation_alone
from did.vc.securing import AUTHENTICATION, Format, Proof

_CODE = "invalid_presentation"


@dataclass(frozen=True)
class Presentation:
    """A parsed presentation. No proof in it has been verified yet.

    Attributes:
        content: What ``document`` is, or the canonical JSON that it is written in.
        holder: The DID that presents, in canonical form; the proof's method is of it.
        credentials: At least one.
        proof: The holder's.
        challenge: What the verifier asked with.
        audience: The verifier that it is for.
        format: How it is secured.
        envelope: The token or message that it came in; None where the proof is in the document.
    """

    content: JsonObject | bytes = field(compare=False)  # whatever secures it holds all of it
    holder: Did
    credentials: tuple[Credential, ...]
    proof: Proof
    challenge: str
    audience: str
    format: Format
    envelope: bytes | None

    @cached_property
    def document(self) -> JsonObject:
        """The whole presentation as it was parsed, its proof included where it is in it."""
        if not isinstance(self.content, bytes):
            return self.content
        document: JsonObject = orjson.loads(self.content)  # which was parsed before, strictly
        return document

    def to_bytes(self) -> bytes:
        """The secured presentation: as it came, or in canonical JSON where the proof is in it."""
        return canonicalize(self.document) if self.envelope is None else self.envelope


def unsecured_presentation(
    credentials: Sequence[Json], holder: Did, *, context: str = CREDENTIALS_CONTEXT
) -> JsonObject:
    """A presentation of ``credentials``, each as it stands in it, not signed yet."""
    return {
        "@context": [context],
        "type": ["VerifiablePresentation"],
        "holder": holder.canonical.text,
        "verifiableCredential": list(credentials),
    }


def sign_presentation(
    credentials: Sequence[Json],
    signer: Signer,
    *,
    holder: Did,
    challenge: str,
    audience: str,
    created: datetime,
    expires: datetime | None = None,
) -> JsonObject:
    """A presentation with a Data Integrity proof of ``holder``, whose current key is ``signer``.

    ``credentials`` stand in it as they are given: each secured, in JSON or enveloped.
    """
    return add_proof(
        unsecured_presentation(credentials, holder),
        signer,
        method=DidUrl(holder.canonical, signer.public_key().multibase),
        purpose=AUTHENTICATION,
        created=created,
        expires=expires,
        challenge=challenge,
        domain=audience,
    )


def listed_credentials(document: JsonObject) -> list[Json]:
    """The entries of ``verifiableCredential``, as they stand.

    Raises:
        Invalid: ``invalid_presentation``: not a presentation, no credentials, too many.
    """
    check_types(document, "VerifiablePresentation", _CODE)
    value = document.get("verifiableCredential")
    credentials: list[Json] = value if isinstance(value, list) else [value]
    if value is None or not credentials:
        raise Invalid(_CODE, "a presentation holds no credentials")
    if len(credentials) > LIMITS.credentials_in_presentation:
        raise Invalid(
            _CODE,
            f"a presentation holds more than {LIMITS.credentials_in_presentation} credentials",
        )
    return credentials


def presentation_of(
    document: JsonObject,
    credentials: Sequence[Credential],
    proof: Proof,
    *,
    format: Format,  # noqa: A002 - as the field
    envelope: bytes | None,
) -> Presentation:
    """The presentation that ``document``, secured by ``proof``, is.

    Raises:
        Invalid: ``invalid_presentation`` with what is wrong; ``holder_mismatch``.
    """
    check_presentation_alone(document)
    holder = _holder(document)
    if proof.method.did != holder:
        raise Invalid(
            "holder_mismatch",
            "the proof's verification method is not the holder's",
            value=proof.method.text,
        )
    if proof.challenge is None or proof.domain is None:
        raise Invalid(_CODE, "a presentation's proof lacks its challenge or its domain")
    if envelope is not None and proof.expires is None:
        raise Invalid(_CODE, "a presentation in a token or message does not say when it ends")
    return Presentation(
        content=document,
        holder=holder,
        credentials=tuple(credentials),
        proof=proof,
        challenge=proof.challenge,
        audience=proof.domain,
        format=format,
        envelope=envelope,
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
