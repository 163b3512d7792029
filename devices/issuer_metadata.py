"""What a device needs of an issuer's metadata (OpenID4VCI 1.0, section 12), read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from did.configurations import CONFIGURATIONS
from did.errors import Invalid, Refused
from did.jcs import Json, JsonObject
from did.jose import CONTENT_ENCRYPTION, KEY_AGREEMENT, is_encryption_key
from did.possession import JWT, PROOF_TYPES

_PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80}
_STEP: Final = "metadata"


@dataclass(frozen=True, slots=True)
class IssuerMetadata:
    """What a device needs of an issuer's metadata.

    Attributes:
        token_endpoint: URL, as the others.
        nonce_endpoint: As ``token_endpoint``.
        credential_endpoint: As ``token_endpoint``.
        deferred_endpoint: None if the issuer never defers.
        notification_endpoint: None if it wants to hear nothing.
        configurations: The credential configurations that can be had as we know them, each with
            the proof type to ask with.
        encryption: The X25519 JWK that requests are encrypted to, if the issuer can encrypt as we
            can (ECDH-ES, A256GCM), both ways; None only where it asks for no encryption.
    """

    token_endpoint: str
    nonce_endpoint: str
    credential_endpoint: str
    deferred_endpoint: str | None
    notification_endpoint: str | None
    configurations: Mapping[str, str]
    encryption: JsonObject | None


def read_metadata(name: str, issuer: JsonObject, server: JsonObject) -> IssuerMetadata:
    """What two metadata documents say.

    Args:
        name: The credential issuer identifier.
        issuer: The Credential Issuer Metadata.
        server: The metadata of its authorization server, which is itself.

    Raises:
        Invalid: ``invalid_issuer_metadata``.
        Refused: ``wrong_issuer``: the metadata is another issuer's; ``encryption_not_supported``.
    """
    _check_name(name, issuer.get("credential_issuer"))
    _check_name(name, server.get("issuer"))
    servers = issuer.get("authorization_servers", [name])
    if not isinstance(servers, list) or name not in servers:
        raise invalid("the issuer is not its own authorization server", value=servers)
    return IssuerMetadata(
        token_endpoint=_endpoint(name, server, "token_endpoint"),
        nonce_endpoint=_endpoint(name, issuer, "nonce_endpoint"),
        credential_endpoint=_endpoint(name, issuer, "credential_endpoint"),
        deferred_endpoint=_optional_endpoint(name, issuer, "deferred_credential_endpoint"),
        notification_endpoint=_optional_endpoint(name, issuer, "notification_endpoint"),
        configurations=_configurations(issuer),
        encryption=_encryption(issuer),
    )


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL of HTTP; None for anything else, and where a user is named."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if port is None or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def invalid(problem: str, *, value: object = None) -> Invalid:
    """The error for metadata that cannot be used."""
    return Invalid(
        "invalid_issuer_metadata",
        f"the issuer's metadata cannot be used: {problem}",
        step=_STEP,
        value=value,
        hint="check that the address is that of an OpenID4VCI 1.0 issuer",
    )


def _check_name(name: str, value: Json) -> None:
    if value != name:  # as texts, without normalising either (section 12.2.4)
        raise Refused(
            "wrong_issuer",
            f"the metadata at {name} is that of another issuer",
            step=_STEP,
            value=value,
            hint="check the issuer's URL, and its configured public URL",
        )


def _endpoint(issuer: str, metadata: JsonObject, name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str) or origin_of(value) != origin_of(issuer):
        raise invalid(f"{name} is no URL on the issuer's own origin", value=value)
    return value


def _optional_endpoint(issuer: str, metadata: JsonObject, name: str) -> str | None:
    return _endpoint(issuer, metadata, name) if name in metadata else None


def _configurations(metadata: JsonObject) -> Mapping[str, str]:
    supported = metadata.get("credential_configurations_supported")
    if not isinstance(supported, dict):
        raise invalid("it lists no credential configurations")
    return {
        name: proof_type
        for name, entry in supported.items()
        if name in CONFIGURATIONS
        and isinstance(entry, dict)
        and entry.get("format") == CONFIGURATIONS[name].format
        and (proof_type := _proof_type(entry)) is not None
    }


def _proof_type(configuration: JsonObject) -> str | None:
    """The first of our proof types, in our order, that a configuration takes as we make it.

    None if it takes none; one that lists no proof types is asked with a ``jwt``. A device signs
    with the first algorithm of each type, and has no attestation of its key.
    """
    types = configuration.get("proof_types_supported", {JWT: {}})
    for name, (made_with, *_) in PROOF_TYPES.items():
        wanted = types.get(name) if isinstance(types, dict) else None
        if isinstance(wanted, dict) and "key_attestations_required" not in wanted:
            algorithms = wanted.get("proof_signing_alg_values_supported", [made_with])
            if isinstance(algorithms, list) and made_with in algorithms:
                return name
    return None


def _encryption(metadata: JsonObject) -> JsonObject | None:
    """The key to encrypt requests to, where requests and answers can be encrypted as we do.

    An issuer that wants either encrypted gets nothing in the clear (sections 8.2 and 9.1).
    """
    incoming = metadata.get("credential_request_encryption")
    outgoing = metadata.get("credential_response_encryption")
    key = _key(incoming, outgoing)
    required = (
        isinstance(each, dict) and each.get("encryption_required") is True
        for each in (incoming, outgoing)
    )
    if key is None and any(required):
        raise Refused(
            "encryption_not_supported",
            "the issuer requires encryption, and offers no way that is supported",
            step=_STEP,
            hint=f"have the issuer offer an X25519 key with {KEY_AGREEMENT} and"
            f" {CONTENT_ENCRYPTION}, both ways",
        )
    return key


def _key(incoming: Json, outgoing: Json) -> JsonObject | None:
    if not isinstance(incoming, dict) or not isinstance(outgoing, dict):
        return None
    if CONTENT_ENCRYPTION not in _list(incoming, "enc_values_supported"):
        return None
    if CONTENT_ENCRYPTION not in _list(outgoing, "enc_values_supported"):
        return None
    if KEY_AGREEMENT not in _list(outgoing, "alg_values_supported"):
        return None
    jwks = incoming.get("jwks")
    for key in _list(jwks, "keys") if isinstance(jwks, dict) else []:
        if isinstance(key, dict) and is_encryption_key(key) and key.get("alg") == KEY_AGREEMENT:
            return key
    return None


def _list(value: JsonObject, name: str) -> list[Json]:
    found = value.get(name)
    return found if isinstance(found, list) else []
