"""Devices that were just born, with all that can be made before an issuer is asked."""

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import orjson
from nacl import bindings

from did.identifier import Genesis, KeybornDid
from did.keys import ed25519_multibase
from did.possession import PROOF_TYP


@dataclass(frozen=True, slots=True)
class Newborn:
    """A device.

    Attributes:
        secret: Its Ed25519 key, 64 bytes as libsodium has them.
        genesis: What it is born from.
        did: The short form of its DID.
        kid: The long form, with its key: what its possession proofs name.
    """

    secret: bytes
    genesis: Genesis
    did: str
    kid: str

    @classmethod
    def born(cls) -> Self:
        """A new one. Nobody needs its next key here: the commitment is to 32 random bytes."""
        key, secret = bindings.crypto_sign_seed_keypair(os.urandom(32))
        genesis = Genesis(key, hashlib.sha256(os.urandom(32)).digest())
        did = KeybornDid.born(genesis)
        kid = f"{did.text}#{ed25519_multibase(key)}"
        return cls(secret, genesis, did.canonical.text, kid)

    def proof_head(self) -> bytes:
        """The protected header of its possession proofs, as it stands in them, with the dot."""
        header = {"alg": "EdDSA", "kid": self.kid, "typ": PROOF_TYP}
        return base64.urlsafe_b64encode(orjson.dumps(header)).rstrip(b"=") + b"."

    def sign(self, data: bytes) -> bytes:
        """A 64-byte signature."""
        return bindings.crypto_sign(data, self.secret)[:64]


def newborns(count: int) -> Iterator[Newborn]:
    """So many of them."""
    return (Newborn.born() for _ in range(count))
