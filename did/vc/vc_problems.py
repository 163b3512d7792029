"""Our errors by the names that the W3C's specifications give them.

VC Data Model 2.0, section 7.4; Data Integrity 1.0, sections 2.4.3 and 4.7; Controlled Identifiers
1.0, section 3.5; and Bitstring Status List 1.0 (``did.vc.status_problems``). For interfaces that
answer in their terms: this is the one table from ``code`` to problem type.
"""

from collections.abc import Mapping
from typing import Final

from did.errors import KeybornError
from did.jcs import JsonObject
from did.vc.status_problems import status_problem

_DATA_MODEL: Final = "https://www.w3.org/TR/vc-data-model#"
_SECURITY: Final = "https://w3id.org/security#"

_PARSING: Final = f"{_DATA_MODEL}PARSING_ERROR"
_CRYPTOGRAPHIC: Final = f"{_DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR"
_MALFORMED: Final = f"{_DATA_MODEL}MALFORMED_VALUE_ERROR"
_RANGE: Final = f"{_DATA_MODEL}RANGE_ERROR"
_PROOF: Final = f"{_SECURITY}PROOF_VERIFICATION_ERROR"
_METHOD: Final = f"{_SECURITY}INVALID_VERIFICATION_METHOD"

_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "json_too_large",
            "json_too_deep",
            "invalid_json",
            "duplicate_key",
            "json_number",
            "invalid_cbor",
            "cbor_too_large",
            "cbor_not_canonical",
            "invalid_jwt",
            "invalid_cose",
            "invalid_envelope",
            "invalid_claims",
            "unknown_format",
            "unsupported_media_type",
        ),
        _PARSING,
    ),
    **dict.fromkeys(
        (
            "invalid_credential",
            "invalid_presentation",
            "invalid_vc_api_request",
            "undefined_terms",
            "not_canonicalizable",
        ),
        _MALFORMED,
    ),
    **dict.fromkeys(("credential_expired", "credential_not_yet_valid"), _RANGE),
    "invalid_signature": _CRYPTOGRAPHIC,
    "data_loss": f"{_SECURITY}DATA_LOSS_DETECTION_ERROR",
    **dict.fromkeys(
        (
            "invalid_proof",
            "wrong_proof_purpose",
            "unsupported_cryptosuite",
            "proof_not_yet_valid",
            "proof_expired",
            "issuer_mismatch",
            "holder_mismatch",
        ),
        _PROOF,
    ),
    "wrong_domain": f"{_SECURITY}INVALID_DOMAIN_ERROR",
    "wrong_challenge": f"{_SECURITY}INVALID_CHALLENGE_ERROR",
    "invalid_verification_method_url": f"{_SECURITY}INVALID_VERIFICATION_METHOD_URL",
    **dict.fromkeys(
        (
            "invalid_verification_method",
            "unknown_verification_method",
            "method_not_supported",
            "invalid_did",
            "invalid_did_url",
            "invalid_public_key",
            "invalid_public_key_type",
            "invalid_public_key_length",
        ),
        _METHOD,
    ),
    **dict.fromkeys(
        ("method_not_authorized", "key_not_authorized"),
        f"{_SECURITY}INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
    ),
}


def vc_problem(error: KeybornError) -> JsonObject:
    """``type``, ``title`` and ``detail`` of ``error`` (RFC 9457).

    ``type`` is the specification's, where it has one; else ``urn:keyborn:code:`` and our code.
    """
    status = status_problem(error)
    type_ = _TYPES.get(error.code, f"urn:keyborn:code:{error.code}")
    if status is not None:
        type_ = status.type
    title = type_.partition("#")[2] or error.code.upper()
    detail = error.message if error.hint is None else f"{error.message}; {error.hint}"
    return {"type": type_, "title": title, "detail": detail}
