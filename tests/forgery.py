"""Makes what an honest writer never would: tokens and messages whose every part can be chosen."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from did.jose import EncryptionKey
from did.keys import SigningKey
from did.multibase import base64url_encode

# Every point of small order, canonical and not (libsodium's list), of Ed25519.
SMALL_ORDER = tuple(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "13e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "b4176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


def as_json(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def forge_jws(header: Any, payload: Any, key: SigningKey) -> str:
    """A compact JWS with any header and payload (a value, or the JSON text itself)."""
    signing_input = f"{base64url_encode(as_json(header))}.{base64url_encode(as_json(payload))}"
    return f"{signing_input}.{base64url_encode(key.sign(signing_input.encode()))}"


def jwe_parts(header: Mapping[str, Any], shared: bytes, content: bytes) -> list[str]:
    """The five parts of a compact JWE, encrypted under the agreed secret ``shared``.

    ECDH-ES, direct (RFC 7518, section 4.6.2), written out here: what is tested cannot also be the
    measure.
    """
    algorithm = b"A256GCM"
    info = len(algorithm).to_bytes(4, "big") + algorithm + bytes(8) + (256).to_bytes(4, "big")
    key = hashlib.sha256((1).to_bytes(4, "big") + shared + info).digest()
    protected = base64url_encode(as_json(header))
    iv = bytes(range(12))
    sealed = AESGCM(key).encrypt(iv, content, protected.encode())
    return [protected, "", *map(base64url_encode, (iv, sealed[:-16], sealed[-16:]))]


def jwe_header(epk: bytes, key: EncryptionKey, **more: Any) -> dict[str, Any]:
    """The header of a message to ``key`` from ephemeral public key ``epk``."""
    return {
        "alg": "ECDH-ES",
        "enc": "A256GCM",
        "kid": key.kid,
        "epk": {"kty": "OKP", "crv": "X25519", "x": base64url_encode(epk)},
        **more,
    }
