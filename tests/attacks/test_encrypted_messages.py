"""Encrypted messages (JWE): anybody can make one to a public key, so what it says is hostile."""

import json
from typing import Any

import pytest
from actors import DEVICE
from forgery import as_json, forge_jws, jwe_header, jwe_parts
from nacl import bindings

from did.errors import Invalid
from did.jose import EncryptionKey, encrypt_jwe, parse_jws
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode

KEY = EncryptionKey(bytes(range(32)), "key-1")
OTHER = EncryptionKey(bytes(range(1, 33)), "key-2")
EPHEMERAL = bytes(range(2, 34))
EPK = bindings.crypto_scalarmult_base(EPHEMERAL)
SHARED = bindings.crypto_scalarmult(EPHEMERAL, base64url_decode(str(KEY.public_jwk()["x"])))
HEADER = jwe_header(EPK, KEY)
PARTS = jwe_parts(HEADER, SHARED, b"a secret")
GOOD = ".".join(PARTS)
JWK = HEADER["epk"]


def test_the_twin_of_them_all() -> None:
    assert KEY.decrypt(GOOD) == b"a secret"


def refused(message: str) -> None:
    with pytest.raises(Invalid) as raised:
        KEY.decrypt(message)
    assert raised.value.code == "invalid_jwe"


# Headers under which the rest is made to fit: encrypted with the right secret.
HEADERS: dict[str, dict[str, Any]] = {
    "zip": {"zip": "DEF"},
    "zip none": {"zip": None},
    "crit": {"crit": ["x"], "x": 1},
    "crit empty": {"crit": []},
    "alg dir": {"alg": "dir"},
    "alg none": {"alg": "none"},
    "alg ECDH-ES+A256KW": {"alg": "ECDH-ES+A256KW"},
    "alg RSA1_5": {"alg": "RSA1_5"},
    "alg PBES2": {"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "AAAA"},
    "alg null": {"alg": None},
    "alg a list": {"alg": ["ECDH-ES"]},
    "enc A128GCM": {"enc": "A128GCM"},
    "enc A128CBC-HS256": {"enc": "A128CBC-HS256"},
    "enc null": {"enc": None},
    "enc a list": {"enc": ["A256GCM"]},
    "kid of another": {"kid": "key-2"},
    "kid empty": {"kid": ""},
    "kid a number": {"kid": 5},
    "kid a list": {"kid": ["key-1"]},
    "epk null": {"epk": None},
    "epk text": {"epk": JWK["x"]},
    "epk a number": {"epk": 5},
    "epk a list": {"epk": [JWK]},
    "epk empty": {"epk": {}},
    "epk without x": {"epk": {"kty": "OKP", "crv": "X25519"}},
    "epk x a number": {"epk": {**JWK, "x": 5}},
    "epk x short": {"epk": {**JWK, "x": "AAAA"}},
    "epk x long": {"epk": {**JWK, "x": JWK["x"] + "AAAA"}},
    "epk x no base64": {"epk": {**JWK, "x": "!" * 43}},
    "epk Ed25519": {"epk": {**JWK, "crv": "Ed25519"}},
    "epk X448": {"epk": {**JWK, "crv": "X448"}},
    "epk crv a list": {"epk": {**JWK, "crv": ["X25519"]}},
    "epk of P-256": {"epk": {"kty": "EC", "crv": "P-256", "x": JWK["x"], "y": JWK["x"]}},
    "epk symmetric": {"epk": {"kty": "oct", "k": "AAAA"}},
    "epk kty a map": {"epk": {**JWK, "kty": {}}},
}


@pytest.mark.parametrize("case", HEADERS)
def test_header(case: str) -> None:
    refused(".".join(jwe_parts({**HEADER, **HEADERS[case]}, SHARED, b"a secret")))


def test_a_header_without_epk() -> None:
    header = {name: value for name, value in HEADER.items() if name != "epk"}
    refused(".".join(jwe_parts(header, SHARED, b"a secret")))


def test_a_message_to_nobody_in_particular_is_read() -> None:
    header = {name: value for name, value in HEADER.items() if name != "kid"}
    assert KEY.decrypt(".".join(jwe_parts(header, SHARED, b"a secret"))) == b"a secret"


RAW_HEADERS = {
    "a key twice": as_json(HEADER)[:-1] + b',"kid":"key-1"}',
    "a list": json.dumps([HEADER]).encode(),
    "no JSON": b"{",
    "a float": as_json(HEADER)[:-1] + b',"x":1.5}',
    "nothing": b"",
}


@pytest.mark.parametrize("case", RAW_HEADERS)
def test_header_text(case: str) -> None:
    refused(".".join([base64url_encode(RAW_HEADERS[case]), *PARTS[1:]]))


SMALL_ORDER = (
    bytes(32),
    bytes([1]) + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
)


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_a_point_of_small_order(point: bytes) -> None:
    # The agreed secret would be zero, whoever's key it is.
    refused(".".join(jwe_parts(jwe_header(point, KEY), bytes(32), b"a secret")))
    with pytest.raises(Invalid) as raised:
        encrypt_jwe(b"a secret", {"kty": "OKP", "crv": "X25519", "x": base64url_encode(point)})
    assert raised.value.code == "invalid_encryption_key"


def replaced(index: int, text: str) -> str:
    parts = list(PARTS)
    parts[index] = text
    return ".".join(parts)


def flipped(index: int) -> str:
    data = bytearray(base64url_decode(PARTS[index]))
    data[-1] ^= 1
    return replaced(index, base64url_encode(bytes(data)))


TEXTS = {
    "nothing": "",
    "four parts": ".".join(PARTS[:4]),
    "six parts": f"{GOOD}.",
    "an encrypted key where none is": replaced(1, "AAAA"),
    "no iv": replaced(2, ""),
    "iv of 11 bytes": replaced(2, base64url_encode(bytes(range(11)))),
    "iv of 13 bytes": replaced(2, base64url_encode(bytes(range(13)))),
    "iv altered": flipped(2),
    "content altered": flipped(3),
    "content cut": replaced(3, base64url_encode(base64url_decode(PARTS[3])[:-1])),
    "no content": replaced(3, ""),
    "tag altered": flipped(4),
    "tag of 15 bytes": replaced(4, base64url_encode(base64url_decode(PARTS[4])[:15])),
    "tag of 4 bytes": replaced(4, base64url_encode(base64url_decode(PARTS[4])[:4])),
    "no tag": replaced(4, ""),
    "padded": f"{GOOD}==",
    "a newline at the end": f"{GOOD}\n",
    "a letter outside the alphabet": replaced(3, "+" + PARTS[3][1:]),
    "a letter outside ASCII": replaced(3, "é" + PARTS[3][1:]),
    "too long": replaced(3, "A" * LIMITS.jwe),
    "dots": "." * 300_000,
}


@pytest.mark.parametrize("case", TEXTS)
def test_text(case: str) -> None:
    refused(TEXTS[case])


def test_a_message_to_another() -> None:
    message = encrypt_jwe(b"a secret", OTHER.public_jwk())
    refused(message)
    renamed = EncryptionKey(KEY.private, OTHER.kid)
    with pytest.raises(Invalid) as raised:
        renamed.decrypt(message)
    assert raised.value.code == "invalid_jwe"
    assert OTHER.decrypt(message) == b"a secret"


def test_neither_stands_in_for_a_signed_token() -> None:
    """Anybody can encrypt to a public key: that a message can be read says nothing of who sent it.

    And a signed token is no message, even if a reader would have the claims of either.
    """
    claims = as_json({"aud": "https://issuer.example", "nonce": "n"})
    encrypted = encrypt_jwe(claims, KEY.public_jwk())
    assert KEY.decrypt(encrypted) == claims
    for header in ({"typ": "a+jwt"}, {"typ": "a+jwt", "cty": "JWT"}):
        typed = ".".join(jwe_parts({**HEADER, **header}, SHARED, claims))
        assert KEY.decrypt(typed) == claims
        with pytest.raises(Invalid) as raised:
            parse_jws(typed, typ="a+jwt")
        assert raised.value.code == "invalid_jwt"
    signed = forge_jws({"alg": "EdDSA", "typ": "a+jwt"}, json.loads(claims), DEVICE.key)
    refused(signed)
    parse_jws(signed, typ="a+jwt").verify(DEVICE.key.public_key())
