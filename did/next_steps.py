"""What to do next about the errors of this package, whose raisers do not know who reads them.

What is malformed has one remedy for each code; where a raiser knows better, its own hint stands.
"""

from collections.abc import Mapping
from typing import Final

REISSUE: Final = "have the issuer issue it anew"
_COPY: Final = "copy it whole; nothing is corrected"
_CBOR: Final = "use deterministic CBOR (RFC 8949, section 4.2.1)"
_KEY: Final = "use an Ed25519 key, as z6Mk... has one"

NEXT_STEPS: Final[Mapping[str, str]] = {
    "json_too_large": "send less",
    "json_too_deep": "nest less",
    "invalid_json": "check the text: it is to be one JSON document, in UTF-8",
    "duplicate_key": "write each key once",
    "json_number": "write numbers as text, or as integers below 2^53",
    "not_canonicalizable": "use texts, small integers, lists and objects",
    "cbor_too_large": "send less",
    "invalid_cbor": _CBOR,
    "cbor_not_canonical": _CBOR,
    "not_cbor": "use integers, bytes, texts, lists and maps",
    "invalid_multibase": "write it as multibase base58btc, from the z on",
    "invalid_base58": _COPY,
    "invalid_base64url": _COPY,
    "invalid_time": "write it as 2026-01-31T12:00:00Z",
    "invalid_did": _COPY,
    "method_not_supported": "name a DID of a method that is used here",
    "invalid_did_document": "see to the host: it is to serve the DID's own document",
    "unsupported_public_key_type": "ask for Multikey or JsonWebKey",
    "invalid_did_url": "write the DID, a #, and the key",
    "invalid_verification_method": "write the key as z6Mk..., after the #",
    "unknown_verification_method": "sign with the key in the DID document",
    "invalid_genesis": "make one with: keyborn device init",
    "invalid_public_key": "make another key",
    "invalid_public_key_type": _KEY,
    "invalid_public_key_length": _KEY,
    "invalid_private_key": "make another key",
    "invalid_signature": "sign it anew; if it was signed well, somebody altered it: do not use it",
    "invalid_credential": REISSUE,
    "undefined_terms": "add a context that defines it; undefined-terms/v2 gives any term a name",
    "data_loss": "secure it with eddsa-jcs-2022, which signs the members themselves",
    "invalid_presentation": "make it with: keyborn device present",
    "invalid_proof": "secure the document once, with eddsa-jcs-2022",
    "unsupported_cryptosuite": "secure the document with eddsa-jcs-2022, or as vc+jwt or vc+cose",
    "unknown_format": "send JSON, a compact JWS, or a COSE_Sign1, with its media type",
    "wrong_proof_purpose": "use assertionMethod in credentials, authentication in presentations",
    "issuer_mismatch": "have the issuer sign it",
    "holder_mismatch": "have the holder sign it",
    "invalid_status_entry": REISSUE,
    "invalid_status_list": "see to the issuer: it publishes this list",
    "status_list_too_short": "see to the issuer: it publishes this list",
    "status_purpose_mismatch": "see to the issuer: entry and list contradict each other",
    "status_size_mismatch": "see to the issuer: entry and list contradict each other",
    "status_index_out_of_range": REISSUE,
    "invalid_challenge": "take it as the verifier gave it",
    "invalid_nonce": "ask for a new one",
    "invalid_jwt": "make the token anew, as the message says",
    "invalid_cose": "make the message anew, as this one says",
    "invalid_envelope": REISSUE,
    "invalid_claims": REISSUE,
    "invalid_jwe": "encrypt it anew, with ECDH-ES and A256GCM, to the key that is published",
    "invalid_encryption_key": "use a public OKP X25519 JWK, for encryption",
    "invalid_offer": "take the offer whole, as the operator handed it out",
    "invalid_possession_proof": "make it with: keyborn device prove",
    "invalid_authorization_request": "ask the verifier's operator for a request of OpenID4VP 1.0",
    "invalid_dcql_query": "write the query as OpenID4VP 1.0, section 6, has it",
    "invalid_response": "answer with vp_token and state, as section 8 of OpenID4VP 1.0 has it",
    "no_matching_credential": "ask the verifier which credential it needs, and enrol for it",
    "invalid_vp_token": "answer each query for a credential by its id, with what it asks for",
    "query_not_satisfied": "present what the query asks for, all of it",
    "version_not_found": "resolve the DID without a version, to see the newest",
    "issuer_key_interval": "have the credential issued anew",
    "issuer_not_registered": "register the issuer, by starting it once: keyborn issuer serve",
    "issuer_key_suspect": "try again once the change of the issuer's key is final",
    "issuer_deactivated": "take the issuer off the trust root",
}
