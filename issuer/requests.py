"""Credential requests: opened where they are encrypted, and read (OpenID4VCI 1.0, 8.2, 9.1, 10).

What is not known in a request is ignored, as the specification has it; what repeats a parameter is
refused. A response is encrypted only to a key that came in an encrypted request, so that nobody on
the way can have put in a key of their own; and device-configuration travels in no other way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from did.configurations import CONFIGURATIONS, CredentialConfiguration
from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject
from did.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT, EncryptionKey, encrypt_jwe
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.possession import PROOF_TYPES
from did.strict_json import Numbers, parse_object
from issuer.authorization_details import configuration_of

BATCH_SIZE: Final = 32  # proofs in one request

_REQUEST: Final = "request"
_CONFIGURATION: Final = "configuration"
_ENCRYPTION: Final = "encryption"
_POSSESSION: Final = "possession"
_PROOFS_HINT: Final = 'send "proofs": {"jwt": ["..."]}, or "di_vp" with presentations'


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """What a device asks for.

    Attributes:
        configuration: Which credential, and in which format.
        proof_type: ``jwt`` or ``di_vp``.
        proofs: The possession proofs, not looked at yet: from 1 to ``BATCH_SIZE``.
        reply_to: The X25519 key (a JWK) to encrypt the response to, if it is to be encrypted.
    """

    configuration: CredentialConfiguration
    proof_type: str
    proofs: tuple[Json, ...]
    reply_to: JsonObject | None


@dataclass(frozen=True, slots=True)
class DeferredRequest:
    """What a device comes back for; ``reply_to`` as in ``CredentialRequest``."""

    transaction: str
    reply_to: JsonObject | None


def read_request(
    body: bytes, media_type: str, key: EncryptionKey, *, identified: Sequence[str] = ()
) -> CredentialRequest:
    """The credential request in ``body``.

    Args:
        body: Of the HTTP request.
        media_type: ``application/json``, or ``application/jwt`` where it is encrypted.
        key: What requests are encrypted to.
        identified: The configurations for which credential identifiers were given out with the
            token. Where there are some, one of these has to be asked with; else none can be.

    Raises:
        Invalid: Step ``request``, ``encryption``, ``configuration``, ``identifier`` or
            ``possession``.
        Refused: ``encryption_required`` (step ``encryption``).
    """
    request, reply_to = _open(body, media_type, key)
    configuration = _configuration(request, identified)
    check_encrypted(configuration, encrypted=reply_to is not None)
    proof_type, proofs = _proofs(request.get("proofs"))
    return CredentialRequest(configuration, proof_type, proofs, reply_to)


def read_deferred_request(body: bytes, media_type: str, key: EncryptionKey) -> DeferredRequest:
    """The deferred credential request in ``body``; as ``read_request``."""
    request, reply_to = _open(body, media_type, key)
    transaction = request.get("transaction_id")
    if not isinstance(transaction, str):
        raise Invalid(
            "transaction_missing",
            "transaction_id is missing",
            step=_REQUEST,
            hint="send the transaction_id that /credential answered",
        )
    return DeferredRequest(transaction, reply_to)


def check_encrypted(configuration: CredentialConfiguration, *, encrypted: bool) -> None:
    """Return if a credential of ``configuration`` may be sent in an answer of that kind.

    Raises:
        Refused: ``encryption_required`` (step ``encryption``).
    """
    if configuration.kind == CONFIGURATION_CONFIGURATION and not encrypted:
        raise Refused(
            "encryption_required",
            f"{configuration.id} holds secrets and travels encrypted alone",
            step=_ENCRYPTION,
            hint="encrypt the request, with credential_response_encryption in it",
        )


def _open(body: bytes, media_type: str, key: EncryptionKey) -> tuple[JsonObject, JsonObject | None]:
    encrypted = media_type == "application/jwt"
    if not encrypted and media_type != "application/json":
        raise Invalid(
            "unsupported_media_type",
            "a credential request is application/json, or application/jwt where it is encrypted",
            step=_REQUEST,
            hint="name the Content-Type of what is sent",
        )
    request = _parse(_decrypt(body, key) if encrypted else body)
    return request, _reply_to(request.get("credential_response_encryption"), encrypted=encrypted)


def _parse(body: bytes) -> JsonObject:
    try:
        return parse_object(body, numbers=Numbers.ANY)
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


def _configuration(request: JsonObject, identified: Sequence[str]) -> CredentialConfiguration:
    id_, identifier = (
        request.get("credential_configuration_id"),
        request.get("credential_identifier"),
    )
    if id_ is not None and identifier is not None:
        raise Invalid(
            "configuration_ambiguous",
            "there are both a credential_configuration_id and a credential_identifier",
            step=_REQUEST,
            hint="send the credential_identifier that /token gave, or else the configuration's id",
        )
    if isinstance(identifier, str):
        return configuration_of(identifier, identified)
    if identified:
        raise Invalid(
            "identifier_missing",
            "the token came with credential identifiers, and there is no credential_identifier",
            step=_REQUEST,
            hint="send one of them in place of the configuration's id, or redeem the code without"
            " authorization_details",
        )
    if not isinstance(id_, str):
        raise Invalid(
            "configuration_missing",
            "credential_configuration_id is missing",
            step=_REQUEST,
            hint=f"name one, such as {PROVISIONING_CONFIGURATION}",
        )
    if id_ not in CONFIGURATIONS:
        raise Invalid(
            "unknown_configuration",
            "there is no such credential configuration",
            step=_CONFIGURATION,
            hint=f"there are {', '.join(CONFIGURATIONS)}",
        )
    return CONFIGURATIONS[id_]


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


def _proofs(value: Json) -> tuple[str, tuple[Json, ...]]:
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= PROOF_TYPES.keys():
        raise Invalid(
            "proof_missing",
            f"proofs does not hold exactly one parameter, {' or '.join(PROOF_TYPES)}",
            step=_POSSESSION,
            hint=_PROOFS_HINT,
        )
    ((proof_type, proofs),) = value.items()
    if not isinstance(proofs, list) or not proofs:
        raise Invalid(
            "proof_missing",
            f"proofs.{proof_type} is not a list of proofs",
            step=_POSSESSION,
            hint=_PROOFS_HINT,
        )
    if len(proofs) > BATCH_SIZE:
        raise Invalid(
            "too_many_proofs",
            f"there are {len(proofs)} proofs, and at most {BATCH_SIZE} in one request",
            step=_POSSESSION,
            hint="send them in several requests",
        )
    return proof_type, tuple(proofs)


def _bad_encryption(message: str) -> Invalid:
    return Invalid(
        "invalid_encryption",
        message,
        step=_ENCRYPTION,
        hint="use ECDH-ES with X25519 and A256GCM, in an encrypted request",
    )
