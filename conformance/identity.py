"""The fixed test identity: keys that follow from a name, so that a DID is the same everywhere."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from did.identifier import Did, Genesis, KeybornDid, KeyDid
from did.keys import SigningKey

NAME: Final = "keyborn"
_PURPOSE: Final = "keyborn conformance test key"


class DidMethod(StrEnum):
    """What the issuer's DID is: the suites that look at keys know did:key alone."""

    KEY = "key"
    KEYBORN = "keyborn"


@dataclass(frozen=True, slots=True)
class Identity:
    """A key that everybody can derive, and the DIDs that it has.

    Attributes:
        name: Of which the keys are made.
    """

    name: str

    @property
    def signer(self) -> SigningKey:
        """The key."""
        return self._key("signing")

    @property
    def genesis(self) -> Genesis:
        """What its ``did:keyborn`` is born from."""
        return Genesis.of(self.signer.public_key(), self._key("next").public_key())

    def did(self, method: DidMethod) -> Did:
        """Its DID, canonical."""
        if method is DidMethod.KEY:
            return KeyDid(self.signer.public_key())
        return KeybornDid.born(self.genesis).canonical

    def _key(self, use: str) -> SigningKey:
        return SigningKey(hashlib.sha256(f"{_PURPOSE}: {self.name}: {use}".encode()).digest())
