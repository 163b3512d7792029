import json

import pytest
from actors import DEVICE, STRANGER

from did.errors import Invalid
from did.jcs import JsonObject
from did.jose import EncryptionKey, encrypt_jwe, jwe_header, parse_jws, sign_jws
from did.limits import LIMITS
from did.multibase import base64url_decode

KEY = DEVICE.key.public_key()
PAYLOAD: JsonObject = {"aud": "https://issuer.example", "iat": 1}
PRIVATE = EncryptionKey(bytes(range(32)), "key-1")


def test_sign_and_verify() -> None:
    token = sign_jws({"typ": "a+jwt", "kid": "k"}, PAYLOAD, DEVICE.key)
    jws = parse_jws(token, typ="a+jwt")
    assert jws.header == {"alg": "EdDSA", "typ": "a+jwt", "kid": "k"}
    assert jws.payload == PAYLOAD
    assert f"{jws.signing_input.decode()}." == token[: token.rindex(".") + 1]
    jws.verify(KEY)
    with pytest.raises(Invalid) as raised:
        jws.verify(STRANGER.key.public_key())
    assert raised.value.code == "invalid_signature"


def test_the_header_cannot_name_another_algorithm() -> None:
    token = sign_jws({"typ": "a+jwt", "alg": "none"}, PAYLOAD, DEVICE.key)
    assert parse_jws(token, typ="a+jwt").header["alg"] == "EdDSA"


def test_rfc_8037_signature() -> None:
    # RFC 8037, appendix A.4: deterministic, and with a payload that is no JSON, so only the parts.
    text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    seed = base64url_decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    signature = type(DEVICE.key)(seed).sign(text.encode())
    assert signature == base64url_decode(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )


def test_a_token_has_a_ceiling() -> None:
    with pytest.raises(Invalid, match="longer than") as raised:
        parse_jws("x" * (LIMITS.jwt + 1), typ="a+jwt")
    assert raised.value.code == "invalid_jwt"


def test_decrypts_whatever_is_within_the_ceiling() -> None:
    around = 400  # header, vector and tag, in base64
    content = b"x" * ((LIMITS.jwe - around) * 3 // 4)
    assert PRIVATE.decrypt(encrypt_jwe(content, PRIVATE.public_jwk())) == content
    with pytest.raises(Invalid, match="longer than"):
        PRIVATE.decrypt(encrypt_jwe(content + b"x" * around, PRIVATE.public_jwk()))


def test_encrypt_and_decrypt() -> None:
    message = encrypt_jwe(b"a secret", PRIVATE.public_jwk())
    header = jwe_header(message)
    assert {name: header[name] for name in ("alg", "enc", "kid")} == {
        "alg": "ECDH-ES",
        "enc": "A256GCM",
        "kid": "key-1",
    }
    assert PRIVATE.decrypt(message) == b"a secret"
    assert encrypt_jwe(b"a secret", PRIVATE.public_jwk()) != message


def test_empty_content() -> None:
    assert PRIVATE.decrypt(encrypt_jwe(b"", PRIVATE.public_jwk())) == b""


def test_a_key_without_a_name_gets_its_messages_too() -> None:
    jwk = PRIVATE.public_jwk()
    del jwk["kid"]
    message = encrypt_jwe(b"a secret", jwk)
    assert "kid" not in jwe_header(message)
    assert PRIVATE.decrypt(message) == b"a secret"


def test_public_jwk_has_no_secret() -> None:
    jwk = PRIVATE.public_jwk()
    assert jwk["x"] == "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8"
    assert jwk == {
        "kty": "OKP",
        "crv": "X25519",
        "x": jwk["x"],
        "kid": "key-1",
        "use": "enc",
        "alg": "ECDH-ES",
    }
    assert repr(PRIVATE) == "EncryptionKey('key-1')"


def test_made_keys_differ() -> None:
    assert EncryptionKey.generate("a").private != EncryptionKey.generate("a").private
    with pytest.raises(Invalid) as raised:
        EncryptionKey(bytes(31), "a")
    assert raised.value.code == "invalid_private_key"


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"crv": "Ed25519"},
        {"crv": "P-256"},
        {"x": None},
        {"x": 5},
        {"x": ""},
        {"x": "AAAA"},
        {"x": "é" * 43},
        {"x": "A" * 43},
        {"alg": "RSA-OAEP"},
        {"alg": None},
        {"use": "sig"},
        {"kid": 5},
        {"kid": None},
        {"d": "A" * 43},
    ],
    ids=json.dumps,
)
def test_a_key_that_nothing_is_encrypted_to(change: JsonObject) -> None:
    with pytest.raises(Invalid) as raised:
        encrypt_jwe(b"a secret", {**PRIVATE.public_jwk(), **change})
    assert raised.value.code == "invalid_encryption_key"


def test_a_key_with_nothing_but_a_point_will_do() -> None:
    jwk = {name: PRIVATE.public_jwk()[name] for name in ("kty", "crv", "x")}
    assert PRIVATE.decrypt(encrypt_jwe(b"a secret", jwk)) == b"a secret"
    with pytest.raises(Invalid) as raised:
        encrypt_jwe(b"a secret", {"kty": "OKP", "crv": "X25519"})
    assert raised.value.code == "invalid_encryption_key"
