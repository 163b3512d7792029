"""The documents of ``did:key``, with the options that the method publishes (did:key v0.9, 3.1).

An Ed25519 key verifies, and an X25519 key to encrypt to is derived from it; an X25519 key is one to
encrypt to, and signs nothing. Other kinds of key are refused by name.

The formats come in pairs, one name for each kind of key, so that one option names both methods of
a document::

    Multikey                    both
    JsonWebKey, JsonWebKey2020  both
    Ed25519VerificationKey2020  X25519KeyAgreementKey2020
    Ed25519VerificationKey2018  X25519KeyAgreementKey2019    experimental
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nacl import bindings

from did.errors import Invalid
from did.jcs import Json, JsonObject
from did.keys import KEY_BYTES, PublicKey, ed25519_multibase, x25519_multibase
from did.limits import LIMITS
from did.multibase import base58_encode, base64url_encode, multibase_decode

DID_CONTEXT: Final = "https://www.w3.org/ns/did/v1"
NEWER_DID_CONTEXT: Final = "https://www.w3.org/ns/did/v1.1"
MULTIKEY_CONTEXT: Final = "https://w3id.org/security/multikey/v1"
MULTIKEY: Final = "Multikey"

X25519_PREFIX: Final = "did:key:z6LS"  # of every did:key of an X25519 key, and of no other

ED25519: Final = "Ed25519"
X25519: Final = "X25519"
_CURVES: Final = {b"\xed\x01": ED25519, b"\xec\x01": X25519}  # multicodec, as unsigned varints
_VERIFYING: Final = ("authentication", "assertionMethod", "capabilityInvocation")
_DELEGATION: Final = "capabilityDelegation"
_AGREEMENT: Final = "keyAgreement"

_SUITES: Final = "https://w3id.org/security/suites"
_JWK_FORMATS: Final = ("JsonWebKey", "JsonWebKey2020")
_BASE58_FORMATS: Final = ("Ed25519VerificationKey2018", "X25519KeyAgreementKey2019")
# What a type means is said by its context; version 1.1 of that of DIDs knows the published ones.
_CONTEXTS: Final[Mapping[str, str]] = {
    MULTIKEY: MULTIKEY_CONTEXT,
    "JsonWebKey": "https://w3id.org/security/jwk/v1",
    "JsonWebKey2020": f"{_SUITES}/jws-2020/v1",
    "Ed25519VerificationKey2020": f"{_SUITES}/ed25519-2020/v1",
    "X25519KeyAgreementKey2020": f"{_SUITES}/x25519-2020/v1",
    "Ed25519VerificationKey2018": f"{_SUITES}/ed25519-2018/v1",
    "X25519KeyAgreementKey2019": f"{_SUITES}/x25519-2019/v1",
}
_IN_NEWER_CONTEXT: Final = (
    MULTIKEY,
    "JsonWebKey",
    "Ed25519VerificationKey2020",
    "X25519KeyAgreementKey2020",
)
_PAIRS: Final[Mapping[str, str]] = {
    "Ed25519VerificationKey2020": "X25519KeyAgreementKey2020",
    "Ed25519VerificationKey2018": "X25519KeyAgreementKey2019",
}
_SMALL_ORDER_PROBE: Final = bytes(31) + b"\x40"  # any scalar: times a small point it is zero


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """The options of did:key's ``create`` and ``read``, with this resolver's defaults.

    Attributes:
        public_key_format: The type of the verification methods.
        enable_encryption_key_derivation: Whether an Ed25519 key's document has a key agreement.
        enable_experimental_public_key_types: Whether the experimental formats may be asked for.
        default_context: What ``@context`` begins with, at least one.
    """

    public_key_format: str = MULTIKEY
    enable_encryption_key_derivation: bool = True
    enable_experimental_public_key_types: bool = False
    default_context: tuple[str, ...] = (DID_CONTEXT,)


DEFAULTS: Final = KeyOptions()


def expand(identifier: str, options: KeyOptions = DEFAULTS) -> JsonObject:
    """The document of the did:key whose multibase value is ``identifier``, ``z6Mk…`` or ``z6LS…``.

    Raises:
        Invalid: ``invalid_did`` (not multibase base58btc), ``invalid_public_key_length``,
            ``invalid_public_key``; ``invalid_public_key_type``: another kind of key, or a format
            that is not for this kind or is experimental and was not enabled;
            ``unsupported_public_key_type``: no such format.
    """
    did = f"did:key:{identifier}"
    curve, raw = _decode(identifier, did)
    if curve == X25519:
        method = _method(did, X25519, raw, _format_for(X25519, options))
        return {
            "@context": _context([method], options),
            "id": did,
            "verificationMethod": [method],
            _AGREEMENT: [method["id"]],
        }
    verifying = _method(did, ED25519, raw, _format_for(ED25519, options))
    methods = [verifying]
    document: JsonObject = {"@context": [], "id": did, "verificationMethod": []}
    for relationship in (*_VERIFYING, _DELEGATION):
        document[relationship] = [verifying["id"]]
    if options.enable_encryption_key_derivation:
        derived = PublicKey(raw).x25519()
        methods.append(_method(did, X25519, derived, _derived_format(options)))
        document[_AGREEMENT] = [methods[1]["id"]]
    document["@context"] = _context(methods, options)
    document["verificationMethod"] = list[Json](methods)
    return document


def _decode(identifier: str, did: str) -> tuple[str, bytes]:
    """The curve and the checked raw key of a multibase value."""
    if len(did) > LIMITS.did:
        raise Invalid("invalid_did", f"a DID is longer than {LIMITS.did} characters", value=did)
    try:
        data = multibase_decode(identifier)
    except Invalid as error:
        raise Invalid("invalid_did", f"not a did:key: {error.message}", value=did) from error
    curve, raw = _CURVES.get(data[:2]), data[2:]
    if curve is None:
        raise Invalid("invalid_public_key_type", "the key is neither Ed25519 nor X25519", value=did)
    if len(raw) != KEY_BYTES:
        raise Invalid(
            "invalid_public_key_length",
            f"an {curve} key has {KEY_BYTES} bytes, not {len(raw)}",
            value=did,
        )
    if curve == ED25519:
        PublicKey(raw)
    else:
        _check_x25519(raw, did)
    return curve, raw


def _check_x25519(raw: bytes, did: str) -> None:
    """Refuse a point of small order: whatever is encrypted to it anybody could read."""
    try:
        bindings.crypto_scalarmult(_SMALL_ORDER_PROBE, raw)
    except RuntimeError as error:
        raise Invalid(
            "invalid_public_key", "an X25519 key is a point of small order", value=did
        ) from error


def _format_for(curve: str, options: KeyOptions) -> str:
    """The type of a method of ``curve``, as the options have it (did:key v0.9, 3.1.2 and 3.1.5)."""
    name = options.public_key_format
    if name not in _CONTEXTS:
        raise Invalid("unsupported_public_key_type", "no such publicKeyFormat", value=name)
    if name in _BASE58_FORMATS and not options.enable_experimental_public_key_types:
        raise Invalid(
            "invalid_public_key_type",
            "the publicKeyFormat is experimental, and enableExperimentalPublicKeyTypes is false",
            value=name,
        )
    other = X25519 if curve == ED25519 else ED25519
    if name.startswith(other):
        raise Invalid(
            "invalid_public_key_type",
            f"the publicKeyFormat is not for keys of {curve}",
            value=name,
        )
    return name


def _derived_format(options: KeyOptions) -> str:
    name = options.public_key_format
    return _PAIRS.get(name, name)


def _method(did: str, curve: str, raw: bytes, type_: str) -> JsonObject:
    multibase = ed25519_multibase(raw) if curve == ED25519 else x25519_multibase(raw)
    method: JsonObject = {"id": f"{did}#{multibase}", "type": type_, "controller": did}
    if type_ in _JWK_FORMATS:
        return {**method, "publicKeyJwk": {"kty": "OKP", "crv": curve, "x": base64url_encode(raw)}}
    if type_ in _BASE58_FORMATS:
        return {**method, "publicKeyBase58": base58_encode(raw)}
    return {**method, "publicKeyMultibase": multibase}


def _context(methods: list[JsonObject], options: KeyOptions) -> Json:
    contexts: list[Json] = list(options.default_context)
    newer = NEWER_DID_CONTEXT in contexts
    for method in methods:
        type_ = str(method["type"])
        url = NEWER_DID_CONTEXT if newer and type_ in _IN_NEWER_CONTEXT else _CONTEXTS[type_]
        if url not in contexts:
            contexts.append(url)
    return contexts
