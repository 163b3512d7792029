"""Keys and DID documents as other implementations of the formats take them."""

from typing import Any

from actors import Actor

from did.document import document, key_document
from did.identifier import Did, KeyDid
from did.multibase import base64url_encode


def jwk(actor: Actor, *, secret: bool = False) -> dict[str, str]:
    """The actor's current key as a JWK (RFC 8037)."""
    public = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": base64url_encode(actor.key.public_key().raw),
    }
    return {**public, "d": base64url_encode(actor.key.seed)} if secret else public


def documents(*parties: tuple[Actor, Did]) -> dict[str, Any]:
    """The DID documents of actors under these DIDs, as our resolution yields them."""
    return {
        did.text: key_document(did)
        if isinstance(did, KeyDid)
        else document(did, actor.key.public_key())
        for actor, did in parties
    }
