"""Who acts in the tests: keys that are always the same, and a time that stands still."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from did.identifier import DidUrl, Genesis, KeybornDid, KeyDid
from did.keys import SigningKey

NOW: Final = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
LOG_ID: Final = hashlib.sha256(b"a log").digest()
OTHER_LOG_ID: Final = hashlib.sha256(b"another log").digest()


@dataclass(frozen=True)
class Actor:
    """A ``did:keyborn`` (long form) with its current and its next key."""

    key: SigningKey
    next_key: SigningKey

    @property
    def did(self) -> KeybornDid:
        return KeybornDid.born(Genesis.of(self.key.public_key(), self.next_key.public_key()))

    @property
    def short(self) -> KeybornDid:
        return self.did.canonical

    @property
    def key_did(self) -> KeyDid:
        """The ``did:key`` of the same current key."""
        return KeyDid(self.key.public_key())

    @property
    def method(self) -> DidUrl:
        return DidUrl(self.short, self.key.public_key().multibase)


def actor(name: str) -> Actor:
    """The actor of that name; the same name is always the same actor."""
    seeds = [hashlib.sha256(f"{name}, {which}".encode()).digest() for which in ("now", "next")]
    return Actor(SigningKey(seeds[0]), SigningKey(seeds[1]))


ISSUER: Final = actor("issuer")
DEVICE: Final = actor("device")
STRANGER: Final = actor("stranger")
