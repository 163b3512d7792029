"""Ed25519 keys, and X25519 keys derived from them.

Verification is libsodium's, through PyNaCl: cofactorless, S below the group order, canonical A
and R, neither of small order. A public key must also lie in the prime-order subgroup; that is
checked once, when a ``PublicKey`` is made, and remembered.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, Self

from nacl import bindings
from nacl.exceptions import BadSignatureError
from nacl.utils import random as random_bytes

from did.errors import Invalid
from did.multibase import multibase_decode, multibase_encode

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
_ED25519_PUB: Final = b"\xed\x01"  # multicodec ed25519-pub, 0xed as an unsigned varint
_X25519_PUB: Final = b"\xec\x01"  # multicodec x25519-pub
_MULTIKEY_BYTES: Final = KEY_BYTES + len(_ED25519_PUB)


@lru_cache(maxsize=65_536)
def _is_valid_point(raw: bytes) -> bool:
    return bool(bindings.crypto_core_ed25519_is_valid_point(raw))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key that has been checked: canonical and of prime order.

    Raises:
        Invalid: ``invalid_public_key`` for 32 bytes that are no such point;
            ``invalid_public_key_length`` for any other number of bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise Invalid(
                "invalid_public_key_length", f"an Ed25519 key has 32 bytes, not {len(self.raw)}"
            )
        if not _is_valid_point(self.raw):
            raise Invalid(
                "invalid_public_key",
                "an Ed25519 key is not a canonical point of prime order",
                value=self.raw.hex(),
            )

    @classmethod
    def from_multibase(cls, text: str) -> Self:
        """Read a Multikey value, ``z6Mk…`` (Controlled Identifiers 1.0, section 2.2.2)."""
        return cls(ed25519_from_multibase(text))

    @property
    def multibase(self) -> str:
        """The key as a Multikey value, ``z6Mk…``."""
        return ed25519_multibase(self.raw)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return if ``signature`` (64 bytes) is this key's over ``data``.

        Raises:
            Invalid: ``invalid_signature``.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise Invalid(
                "invalid_signature", f"an Ed25519 signature has 64 bytes, not {len(signature)}"
            )
        try:
            bindings.crypto_sign_open(signature + data, self.raw)
        except BadSignatureError as error:
            raise Invalid("invalid_signature", "the signature does not hold") from error

    def x25519(self) -> bytes:
        """The 32-byte X25519 key that did:key derives from this one."""
        return bindings.crypto_sign_ed25519_pk_to_curve25519(self.raw)


@lru_cache(maxsize=4096)  # as parse_did: an issuer's key comes again with every credential
def ed25519_from_multibase(text: str) -> bytes:
    """The 32 raw bytes of an Ed25519 Multikey value; the point is not checked.

    Raises:
        Invalid: ``invalid_public_key_type`` (another kind of key), ``invalid_public_key_length``.
    """
    data = multibase_decode(text)
    if not data.startswith(_ED25519_PUB):
        raise Invalid(
            "invalid_public_key_type", "the key is not Ed25519 (multicodec 0xed)", value=text
        )
    if len(data) != _MULTIKEY_BYTES:
        raise Invalid(
            "invalid_public_key_length",
            f"an Ed25519 key has 32 bytes, not {len(data) - len(_ED25519_PUB)}",
            value=text,
        )
    return data[len(_ED25519_PUB) :]


@lru_cache(maxsize=4096)  # as ed25519_from_multibase
def ed25519_multibase(raw: bytes) -> str:
    """32 raw bytes as an Ed25519 Multikey value, ``z6Mk…``; the point is not checked."""
    return multibase_encode(_ED25519_PUB + raw)


def x25519_multibase(raw: bytes) -> str:
    """An X25519 public key (32 bytes) as a Multikey value, ``z6LS…``."""
    return multibase_encode(_X25519_PUB + raw)


class Signer(Protocol):
    """A key that need not be in this process."""

    def public_key(self) -> PublicKey:
        """The public half."""
        ...

    def sign(self, data: bytes) -> bytes:
        """A 64-byte Ed25519 signature over ``data`` (RFC 8032, section 5.1.6)."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair held in this process, as its 32-byte seed."""

    seed: bytes

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise Invalid("invalid_private_key", f"a seed has 32 bytes, not {len(self.seed)}")

    def __repr__(self) -> str:
        """Name the key without its secret."""
        return f"SigningKey({self.public_key().multibase})"

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the system's randomness."""
        return cls(random_bytes(KEY_BYTES))

    def public_key(self) -> PublicKey:
        """The public half."""
        return PublicKey(_key_pair(self.seed)[0])

    def sign(self, data: bytes) -> bytes:
        """A 64-byte Ed25519 signature over ``data``."""
        return bindings.crypto_sign(data, _key_pair(self.seed)[1])[:SIGNATURE_BYTES]


@lru_cache(maxsize=1024)
def _key_pair(seed: bytes) -> tuple[bytes, bytes]:
    return bindings.crypto_sign_seed_keypair(seed)
