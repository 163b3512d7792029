"""Possession proofs: a device shows that it holds the key of its DID (OpenID4VCI 1.0, appendix F).

Two proof types: ``jwt`` (F.1) and ``di_vp`` (F.2), a W3C presentation that holds no credentials,
secured with ``eddsa-jcs-2022``. In both, the full DID stands in what is signed: in ``kid``, and in
``verificationMethod``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from did.errors import Invalid
from did.identifier import Did, DidUrl, parse_did, parse_did_url
from did.jcs import Json, JsonObject
from did.jose import ALGORITHMS, Jws, parse_jws, sign_jws
from did.keys import PublicKey, Signer
from did.strict_json import Numbers
from did.timestamps import time_of_number
from did.vc.credential import CREDENTIALS_CONTEXT, check_context, check_types
from did.vc.data_integrity import CRYPTOSUITE, add_proof, parse_proof
from did.vc.securing import AUTHENTICATION, Proof

JWT: Final = "jwt"
DI_VP: Final = "di_vp"
# By proof type: with which algorithms its proofs are signed.
PROOF_TYPES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {JWT: tuple(ALGORITHMS), DI_VP: (CRYPTOSUITE,)}
)
PROOF_TYP: Final = "openid4vci-proof+jwt"

_CODE: Final = "invalid_possession_proof"
_BARE_KEY_HINT: Final = "set kid to the device's DID URL: <long-form did:keyborn>#<key>"


@dataclass(frozen=True, slots=True)
class PossessionProof:
    """A parsed possession proof whose signature has not been verified yet.

    Attributes:
        method: The DID URL of the key; its DID is the one that wants the credential. It is signed,
            so the full DID is covered.
        audience: The credential issuer it is for.
        nonce: The issuer's ``c_nonce``.
        issued: When it says that it was made; None if it does not say (a ``di_vp`` need not).
        not_before: When it says that it begins (``nbf``), if it does.
        expires: When it says that it ends (``exp``, ``expires``), if it does.
        signed: What was signed, and how: ``verify`` checks the signature.
    """

    method: DidUrl
    audience: str
    nonce: str
    issued: datetime | None
    not_before: datetime | None
    expires: datetime | None
    signed: Jws | Proof

    def verify(self, key: PublicKey) -> None:
        """Return if the proof is ``key``'s; raises ``Invalid`` (``invalid_signature``)."""
        self.signed.verify(key)


def sign_possession(
    did: Did, signer: Signer, *, audience: str, nonce: str, issued: datetime
) -> str:
    """A ``jwt`` proof of ``did`` (long form unless registered) by its current key."""
    header = {"typ": PROOF_TYP, "kid": DidUrl(did, signer.public_key().multibase).text}
    payload: JsonObject = {"aud": audience, "nonce": nonce, "iat": int(issued.timestamp())}
    return sign_jws(header, payload, signer)


def sign_possession_presentation(
    did: Did, signer: Signer, *, audience: str, nonce: str, issued: datetime
) -> JsonObject:
    """A ``di_vp`` proof, as ``sign_possession``."""
    document: JsonObject = {
        "@context": [CREDENTIALS_CONTEXT],
        "type": ["VerifiablePresentation"],
        "holder": did.text,
    }
    return add_proof(
        document,
        signer,
        method=DidUrl(did, signer.public_key().multibase),
        purpose=AUTHENTICATION,
        created=issued,
        challenge=nonce,
        domain=audience,
    )


def parse_possession(proof: Json, proof_type: str = JWT) -> PossessionProof:
    """Take a possession proof apart.

    Args:
        proof: As it stands in ``proofs``: a text for ``jwt``, an object for ``di_vp``.
        proof_type: ``jwt`` or ``di_vp``.

    Raises:
        Invalid: ``invalid_possession_proof``, ``invalid_jwt``, or as ``parse_did_url`` and
            ``parse_proof``.
    """
    return _parse_presentation(proof) if proof_type == DI_VP else _parse_token(proof)


def _parse_token(token: Json) -> PossessionProof:
    if not isinstance(token, str):
        raise Invalid(_CODE, "a jwt proof is not a text")
    jws = parse_jws(token, typ=PROOF_TYP, numbers=Numbers.ANY)
    if "jwk" in jws.header or "x5c" in jws.header:
        raise Invalid(
            _CODE,
            "the proof names a bare key (jwk or x5c), which says nothing of a DID",
            hint=_BARE_KEY_HINT,
        )
    if "iss" in jws.payload:
        raise Invalid(
            _CODE,
            "the proof names a client (iss), and a pre-authorized code is redeemed without one",
            hint="leave iss out",
        )
    kid, audience = jws.header.get("kid"), jws.payload.get("aud")
    nonce, issued = jws.payload.get("nonce"), _time(jws.payload, "iat")
    if not isinstance(kid, str):
        raise Invalid(_CODE, "the proof has no kid", hint=_BARE_KEY_HINT)
    if not isinstance(audience, str) or not isinstance(nonce, str) or issued is None:
        raise Invalid(_CODE, "the proof lacks aud, nonce or iat")
    return PossessionProof(
        parse_did_url(kid),
        audience,
        nonce,
        issued,
        not_before=_time(jws.payload, "nbf"),
        expires=_time(jws.payload, "exp"),
        signed=jws,
    )


def _time(payload: JsonObject, name: str) -> datetime | None:
    """The time that a claim of a token states; None where there is no such claim."""
    try:
        return time_of_number(payload[name]) if name in payload else None
    except Invalid as error:
        raise Invalid(_CODE, f"{name} is no time in seconds", value=payload[name]) from error


def _parse_presentation(document: Json) -> PossessionProof:
    if not isinstance(document, dict):
        raise Invalid(_CODE, "a di_vp proof is not a JSON object")
    check_context(document, _CODE)  # that of either version of the data model
    check_types(document, "VerifiablePresentation", _CODE)
    proof = parse_proof(document, purpose=AUTHENTICATION)
    if proof.challenge is None or proof.domain is None:
        raise Invalid(
            _CODE,
            "a di_vp proof lacks its challenge or its domain",
            hint="set challenge to the c_nonce, and domain to the issuer's identifier",
        )
    _check_holder(document, proof.method)
    return PossessionProof(
        proof.method,
        proof.domain,
        proof.challenge,
        proof.created,
        not_before=proof.not_before,
        expires=proof.expires,
        signed=proof,
    )


def _check_holder(document: JsonObject, method: DidUrl) -> None:
    """A holder need not be named; one that is, is the DID of the key (appendix F.2)."""
    if "holder" not in document:
        return
    holder = document["holder"]
    if isinstance(holder, dict):
        holder = holder.get("id")
    if not isinstance(holder, str) or parse_did(holder).canonical != method.did.canonical:
        raise Invalid(
            _CODE,
            "the holder of a di_vp proof is not the DID of its verification method",
            hint="name the same DID in both, or leave holder out",
        )
