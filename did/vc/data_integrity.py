"""Data Integrity proofs with the cryptosuite ``eddsa-jcs-2022``.

W3C Data Integrity 1.0 (section 4) and Data Integrity EdDSA Cryptosuites 1.0 (section 3.3).
What is signed is ``SHA-256(JCS(proof configuration)) || SHA-256(JCS(document))``, the proof
configuration first; the document's ``@context`` is copied into the proof.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

from did.errors import Invalid
from did.identifier import DidUrl, parse_did_url
from did.jcs import JsonObject, canonicalize
from did.keys import SIGNATURE_BYTES, Signer
from did.multibase import multibase_decode, multibase_encode
from did.timestamps import format_time, parse_time
from did.vc.securing import Proof

PROOF_TYPE: Final = "DataIntegrityProof"
CRYPTOSUITE: Final = "eddsa-jcs-2022"


def hash_data(
    document: JsonObject,
    configuration: JsonObject,
    canonical: Callable[[JsonObject], bytes] = canonicalize,
) -> bytes:
    """The 64 bytes to sign for an unsecured ``document`` (vc-di-eddsa, sections 3.3.3 to 3.3.5).

    Args:
        document: Without proof, or with those that the proof builds on.
        configuration: The proof, without ``proofValue``.
        canonical: The suite's canonical form of either.
    """
    return b"".join(
        hashlib.sha256(canonical(value)).digest() for value in (configuration, document)
    )


def add_proof(
    document: JsonObject,
    signer: Signer,
    *,
    method: DidUrl,
    purpose: str,
    created: datetime,
    expires: datetime | None = None,
    challenge: str | None = None,
    domain: str | None = None,
) -> JsonObject:
    """A copy of ``document``, secured with a proof of ``signer`` (vc-di-eddsa, section 3.3.1)."""
    if "proof" in document:
        raise Invalid("invalid_proof", "the document is secured already")
    configuration: JsonObject = {
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": format_time(created),
        "verificationMethod": method.text,
        "proofPurpose": purpose,
    }
    if expires is not None:
        configuration["expires"] = format_time(expires)
    if challenge is not None:
        configuration["challenge"] = challenge
    if domain is not None:
        configuration["domain"] = domain
    if "@context" in document:
        configuration["@context"] = document["@context"]
    signature = signer.sign(hash_data(document, configuration))
    return {**document, "proof": {**configuration, "proofValue": multibase_encode(signature)}}


def parse_proof(secured: JsonObject, *, purpose: str) -> Proof:
    """The one proof of ``secured``, taken apart (vc-di-eddsa, section 3.3.2, before step 6).

    Args:
        secured: The document with its ``proof``: an object, or a list of one.
        purpose: The proof purpose that is needed.

    Raises:
        Invalid: ``invalid_proof`` (missing, several, of another type, malformed),
            ``unsupported_cryptosuite``, ``wrong_proof_purpose``.
    """
    document = dict(secured)
    proof = document.pop("proof", None)
    if isinstance(proof, list) and len(proof) == 1:
        proof = proof[0]
    if not isinstance(proof, dict):
        raise Invalid("invalid_proof", "the document does not have one proof")
    if proof.get("type") != PROOF_TYPE:
        raise Invalid("invalid_proof", f"the proof is not a {PROOF_TYPE}", value=proof.get("type"))
    if not isinstance(proof.get("cryptosuite"), str):
        raise Invalid("invalid_proof", "the proof names no cryptosuite")
    if proof["cryptosuite"] != CRYPTOSUITE:
        raise Invalid(
            "unsupported_cryptosuite",
            f"the proof's cryptosuite is not {CRYPTOSUITE}, the one that is supported here",
            value=proof["cryptosuite"],
        )
    if "previousProof" in proof:
        raise Invalid("invalid_proof", "proof chains are not supported")
    if proof.get("proofPurpose") != purpose:
        raise Invalid(
            "wrong_proof_purpose",
            f"the proof is not for {purpose}",
            value=proof.get("proofPurpose"),
        )
    configuration = {name: value for name, value in proof.items() if name != "proofValue"}
    if "@context" in configuration and configuration["@context"] != document.get("@context"):
        # The suite lets a document begin with the proof's contexts and go on with others, which
        # nobody signed. What is signed here is what was parsed, so it is these and no more.
        raise Invalid("invalid_proof", "the proof's @context is not the document's")
    try:
        return Proof(
            method=parse_did_url(_text(proof, "verificationMethod")),
            purpose=purpose,
            created=_time(proof, "created"),
            not_before=None,
            expires=_time(proof, "expires"),
            challenge=_optional_text(proof, "challenge"),
            domain=_optional_text(proof, "domain"),
            signed=hash_data(document, configuration),
            signature=multibase_decode(_text(proof, "proofValue"), length=SIGNATURE_BYTES),
        )
    except Invalid as error:
        raise Invalid("invalid_proof", f"the proof is malformed: {error.message}") from error


def _text(proof: JsonObject, name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str):
        raise Invalid("invalid_proof", f"{name} is not a string")
    return value


def _optional_text(proof: JsonObject, name: str) -> str | None:
    return _text(proof, name) if name in proof else None


def _time(proof: JsonObject, name: str) -> datetime | None:
    return parse_time(proof[name]) if name in proof else None
