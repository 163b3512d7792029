"""Credential requests: opened where they are encrypted, and read (OpenID4VCI 1.0, 8.2 and 10).

What is not known in a request is ignored, as the specification has it; what repeats a parameter is
refused. A response is encrypted only to a key that came in an encrypted request, so that nobody on
the way can have put in a key of their own; and device-configuration travels in no other way.
"""

from dataclasses import dataclass
from typing import Final

from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject
from did.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT, EncryptionKey, encrypt_jwe
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.strict_json import parse_object

CONFIGURATIONS: Final = (PROVISIONING_CONFIGURATION, CONFIGURATION_CONFIGURATION)

_REQUEST: Final = "request"
_CONFIGURATION: Final = "configuration"
_ENCRYPTION: Final = "encryption"
_POSSESSION: Final = "possession"


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What a device asks for.

    Attributes:
        configuration: A credential configuration id that exists.
        proof: The one possession proof, not looked at yet.
        reply_to: The X25519 key (a JWK) to encrypt the response to, if it is to be encrypted.
    """

    configuration: str
    proof: str
    reply_to: JsonObject | None


def read_request(body: bytes, media_type: str, key: EncryptionKey) -> CredentialRequest:
    """The request in ``body``.

    Args:
        body: Of the HTTP request.
        media_type: ``application/json``, or ``application/jwt`` where it is encrypted.
        key: What requests are encrypted to.

    Raises:
        Invalid: Step ``request``, ``encryption``, ``configuration`` or ``possession``.
        Refused: ``encryption_required`` (step ``encryption``).
    """
    encrypted = media_type == "application/jwt"
    if not encrypted and media_type != "application/json":
        raise Invalid(
            "unsupported_media_type",
            "a credential request is application/json, or application/jwt where it is encrypted",
            step=_REQUEST,
            hint="name the Content-Type of what is sent",
        )
    request = _parse(_decrypt(body, key) if encrypted else body)
    configuration = _configuration(request)
    reply_to = _reply_to(request.get("credential_response_encryption"), encrypted=encrypted)
    if configuration == CONFIGURATION_CONFIGURATION and reply_to is None:
        raise Refused(
            "encryption_required",
            f"{configuration} holds secrets and travels encrypted alone",
            step=_ENCRYPTION,
            hint="encrypt the request, with credential_response_encryption in it",
        )
    return CredentialRequest(configuration, _proof(request.get("proofs")), reply_to)


def _parse(body: bytes) -> JsonObject:
    try:
        return parse_object(body)
    except Invalid as error:
        raise error.at(_REQUEST) from error


def _decrypt(body: bytes, key: EncryptionKey) -> bytes:
    try:
        return key.decrypt(body.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Invalid(
            "invalid_jwe",
            "the request is no compact JWE",
            step=_ENCRYPTION,
            hint="encrypt to the key in credential_request_encryption of the issuer's metadata",
        ) from error
    except Invalid as error:
        error.hint = "encrypt to the key in credential_request_encryption of the issuer's metadata"
        raise error.at(_ENCRYPTION) from error


def _configuration(request: JsonObject) -> str:
    if "credential_identifier" in request:
        raise Invalid(
            "unknown_credential_identifier",
            "no credential identifiers were given out here",
            step="identifier",
            hint="name a credential_configuration_id",
        )
    configuration = request.get("credential_configuration_id")
    if not isinstance(configuration, str):
        raise Invalid(
            "configuration_missing",
            "credential_configuration_id is missing",
            step=_REQUEST,
            hint="name one, such as device-provisioning",
        )
    if configuration not in CONFIGURATIONS:
        raise Invalid(
            "unknown_configuration",
            "there is no such credential configuration",
            step=_CONFIGURATION,
            hint=f"there are {' and '.join(CONFIGURATIONS)}",
        )
    return configuration


def _reply_to(value: Json, *, encrypted: bool) -> JsonObject | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("jwk"), dict):
        raise _bad_encryption("credential_response_encryption does not have a jwk")
    if value.get("enc") != CONTENT_ENCRYPTION or "zip" in value:
        raise _bad_encryption(f"enc is {CONTENT_ENCRYPTION}, without zip")
    if not encrypted:
        raise _bad_encryption("credential_response_encryption came in a request in the clear")
    jwk: JsonObject = value["jwk"]
    if jwk.get("alg") != KEY_AGREEMENT:
        raise _bad_encryption(f"the jwk's alg is not {KEY_AGREEMENT}")
    try:
        encrypt_jwe(b"", jwk)  # a key that cannot be encrypted to is refused before a grant
    except Invalid as error:
        raise error.at(_ENCRYPTION) from error
    return jwk


def _proof(value: Json) -> str:
    if not isinstance(value, dict) or list(value) != ["jwt"]:
        raise Invalid(
            "proof_missing",
            "proofs does not hold exactly one parameter, jwt",
            step=_POSSESSION,
            hint='send "proofs": {"jwt": ["..."]}',
        )
    proofs = value["jwt"]
    if not isinstance(proofs, list) or len(proofs) != 1 or not isinstance(proofs[0], str):
        raise Invalid(
            "proof_missing",
            "proofs.jwt is not a list of one JWT",
            step=_POSSESSION,
            hint='send "proofs": {"jwt": ["..."]}, with one JWT',
        )
    return proofs[0]


def _bad_encryption(message: str) -> Invalid:
    return Invalid(
        "invalid_encryption",
        message,
        step=_ENCRYPTION,
        hint="use ECDH-ES with X25519 and A256GCM, in an encrypted request",
    )
