"""The published contexts that are known here, by the terms that each defines, and where.

A term that brings a context of its own (a *scoped context*, JSON-LD 1.1, section 4.1.8) has the
terms of that one: they are defined in the node of that type, or in the value of that member and
below. Held against the published files by ``tests/vectors/test_contexts.py``; nothing is loaded.
"""

from collections.abc import Mapping
from typing import Final

V2: Final = "https://www.w3.org/ns/credentials/v2"
V1: Final = "https://www.w3.org/2018/credentials/v1"
DATA_INTEGRITY: Final = "https://w3id.org/security/data-integrity/v2"
# Gives our own terms a name; published, so that no processor is left without it (docs/adr/0003).
UNDEFINED_TERMS: Final = "https://www.w3.org/ns/credentials/undefined-terms/v2"
EXAMPLES: Final = "https://www.w3.org/ns/credentials/examples/v2"

# Each term, with the terms of its scoped context; None where its value is none of JSON-LD's
# business (``@json``), or begins with no term defined at all (a context of null).
Scope = Mapping[str, "Scope | None"]


def _plain(names: str) -> dict[str, Scope | None]:
    return {name: {} for name in names.split()}


_NODE: Final = _plain("id type")
_PURPOSES: Final = _plain(
    "assertionMethod authentication capabilityDelegation capabilityInvocation keyAgreement"
)
_PROOF: Final[Scope] = {
    **_NODE,
    **_plain("challenge created cryptosuite domain expires nonce previousProof proofValue"),
    **_plain("verificationMethod"),
    "proofPurpose": {**_NODE, **_PURPOSES},
}
# The proofs of 1.1, which have these terms, and all but one some more.
_SIGNATURE_1: Final[Scope] = {
    **_plain("challenge created domain expires jws nonce proofValue verificationMethod"),
    "proofPurpose": {**_NODE, **_plain("sec assertionMethod authentication")},
}

PUBLISHED: Final[Mapping[str, Scope]] = {
    V2: {
        **_NODE,
        **_plain("description digestMultibase digestSRI mediaType name"),
        **_plain("... _sd_alg aud exp iat iss jku kid nbf sub x5u"),
        "_sd": None,
        "cnf": {"kid": {}, "jwk": None},
        "VerifiableCredential": {
            **_NODE,
            **_plain("confidenceMethod credentialSchema credentialStatus credentialSubject"),
            **_plain("description evidence issuer name proof refreshService relatedResource"),
            **_plain("renderMethod termsOfUse validFrom validUntil"),
        },
        "VerifiablePresentation": {
            **_NODE,
            **_plain("holder proof termsOfUse"),
            "verifiableCredential": None,
        },
        "EnvelopedVerifiableCredential": {},
        "EnvelopedVerifiablePresentation": {},
        "JsonSchemaCredential": {},
        "JsonSchema": {**_NODE, "jsonSchema": None},
        "BitstringStatusListCredential": {},
        "BitstringStatusList": {**_NODE, **_plain("encodedList statusPurpose ttl")},
        "BitstringStatusListEntry": {
            **_NODE,
            **_plain("statusListCredential statusListIndex statusPurpose"),
            **_plain("statusReference statusSize"),
            "statusMessage": {**_NODE, **_plain("message status")},
        },
        "DataIntegrityProof": _PROOF,
    },
    V1: {
        **_NODE,
        "VerifiableCredential": {
            **_NODE,
            **_plain("cred sec xsd credentialStatus credentialSubject evidence expirationDate"),
            **_plain("holder issued issuer issuanceDate proof termsOfUse validFrom validUntil"),
            "credentialSchema": {**_NODE, **_plain("cred JsonSchemaValidator2018")},
            "refreshService": {**_NODE, **_plain("cred ManualRefreshService2018")},
        },
        "VerifiablePresentation": {
            **_NODE,
            **_plain("cred sec holder proof verifiableCredential"),
        },
        "EcdsaSecp256k1Signature2019": {**_NODE, **_plain("sec xsd"), **_SIGNATURE_1},
        "EcdsaSecp256r1Signature2019": {**_NODE, **_plain("sec xsd"), **_SIGNATURE_1},
        "Ed25519Signature2018": {**_NODE, **_plain("sec xsd"), **_SIGNATURE_1},
        "RsaSignature2018": _SIGNATURE_1,
        "proof": {},
    },
    DATA_INTEGRITY: {**_NODE, "proof": {}, "DataIntegrityProof": _PROOF},
}

# Contexts that give every term a name.
VOCABULARIES: Final = frozenset({UNDEFINED_TERMS, EXAMPLES})
