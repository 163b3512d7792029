"""Signatures that no honest signer makes, from a key that the maker holds (RFC 8032, section 5.1).

Each satisfies an equation that some verifiers check, and must be refused by ours.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from nacl import bindings

from did.keys import SigningKey

ORDER: Final = 2**252 + 27742317777372353535851937790883648493
IDENTITY: Final = (1).to_bytes(32, "little")
# A point of order 8, the generator of the torsion (libsodium's list of small-order points).
TORSION: Final = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


@dataclass(frozen=True)
class Holder:
    """The secret scalar of a key, and the point that it is used under."""

    scalar: int
    point: bytes

    @classmethod
    def of(cls, key: SigningKey) -> "Holder":
        digest = bytearray(hashlib.sha512(key.seed).digest()[:32])
        digest[0] &= 248
        digest[31] = digest[31] & 127 | 64
        return cls(int.from_bytes(digest, "little") % ORDER, key.public_key().raw)

    def with_torsion(self) -> "Holder":
        """The same secret under a key of mixed order."""
        return Holder(self.scalar, add(self.point, TORSION))

    def sign(
        self, message: bytes, *, nonce: int, torsion: bytes | None = None, excess: int = 0
    ) -> bytes:
        """A signature with R = nonce B + torsion, and ``excess`` times the order more in S."""
        commitment = IDENTITY if nonce == 0 else multiply(nonce)
        if torsion is not None:
            commitment = torsion if nonce == 0 else add(commitment, torsion)
        s = (nonce + challenge(commitment, self.point, message) * self.scalar) % ORDER
        return commitment + (s + excess * ORDER).to_bytes(32, "little")


def challenge(commitment: bytes, point: bytes, message: bytes) -> int:
    digest = hashlib.sha512(commitment + point + message).digest()
    return int.from_bytes(digest, "little") % ORDER


def multiply(scalar: int) -> bytes:
    return bindings.crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))


def add(one: bytes, other: bytes) -> bytes:
    return bindings.crypto_core_ed25519_add(one, other)
