"""DID documents, as pure functions of what is known of a DID (DID Core 1.0, section 5)."""

from typing import Final

from did.identifier import Did, KeyDid
from did.jcs import Json, JsonObject
from did.keys import PublicKey, x25519_multibase

DID_CONTEXT: Final = "https://www.w3.org/ns/did/v1"
MULTIKEY_CONTEXT: Final = "https://w3id.org/security/multikey/v1"
RELATIONSHIPS: Final = ("authentication", "assertionMethod", "capabilityInvocation")


def document(did: Did, key: PublicKey | None) -> JsonObject:
    """The document of a ``did:keyborn`` whose current key is ``key`` (None: deactivated).

    One Multikey verification method, named by the key's own multibase, for authentication,
    assertion and capability invocation. No key agreement, no services.
    """
    if key is None:
        return {"@context": [DID_CONTEXT], "id": did.text}
    method, entry = _method(did, key.multibase)
    return {
        "@context": [DID_CONTEXT, MULTIKEY_CONTEXT],
        "id": did.text,
        "verificationMethod": [entry],
        **{relationship: [method] for relationship in RELATIONSHIPS},
    }


def key_document(did: KeyDid) -> JsonObject:
    """The document of a ``did:key`` (did:key v0.9, section 3.1.1), with its derived X25519 key."""
    value = document(did, did.key)
    agreement, entry = _method(did, x25519_multibase(did.key.x25519()))
    method = f"{did.text}#{did.key.multibase}"
    methods: list[Json] = [_method(did, did.key.multibase)[1], entry]
    return {
        **value,
        "verificationMethod": methods,
        "capabilityDelegation": [method],
        "keyAgreement": [agreement],
    }


def _method(did: Did, multibase: str) -> tuple[str, JsonObject]:
    name = f"{did.text}#{multibase}"
    return name, {
        "id": name,
        "type": "Multikey",
        "controller": did.text,
        "publicKeyMultibase": multibase,
    }
