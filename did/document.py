"""DID documents, as pure functions of what is known of a DID (DID Core 1.0, section 5)."""

from typing import Final

from did import key_documents
from did.identifier import Did, KeyDid
from did.jcs import JsonObject
from did.keys import PublicKey

DID_CONTEXT: Final = key_documents.DID_CONTEXT
MULTIKEY_CONTEXT: Final = key_documents.MULTIKEY_CONTEXT
RELATIONSHIPS: Final = ("authentication", "assertionMethod", "capabilityInvocation")


def document(did: Did, key: PublicKey | None) -> JsonObject:
    """The document of a ``did:keyborn`` whose current key is ``key`` (None: deactivated).

    One Multikey verification method, named by the key's own multibase, for authentication,
    assertion and capability invocation. No key agreement, no services.
    """
    if key is None:
        return {"@context": [DID_CONTEXT], "id": did.text}
    name = f"{did.text}#{key.multibase}"
    return {
        "@context": [DID_CONTEXT, MULTIKEY_CONTEXT],
        "id": did.text,
        "verificationMethod": [
            {
                "id": name,
                "type": key_documents.MULTIKEY,
                "controller": did.text,
                "publicKeyMultibase": key.multibase,
            }
        ],
        **{relationship: [name] for relationship in RELATIONSHIPS},
    }


def key_document(did: KeyDid) -> JsonObject:
    """The document of a ``did:key``, without options, with its derived X25519 key."""
    return key_documents.expand(did.key.multibase)
