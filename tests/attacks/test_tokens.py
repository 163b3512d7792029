"""Tokens (JWS) that other libraries have been talked into. Each is signed by the right key."""

import base64
import hmac
import json
from typing import Any

import pytest
from actors import DEVICE, STRANGER
from forgery import forge_jws

from did.errors import Invalid
from did.jose import parse_jws
from did.keys import PublicKey
from did.multibase import base64url_encode

HEADER: dict[str, Any] = {"alg": "EdDSA", "typ": "a+jwt", "kid": "k"}
PAYLOAD = {"aud": "https://issuer.example", "nonce": "n"}
GOOD = forge_jws(HEADER, PAYLOAD, DEVICE.key)
KEY = DEVICE.key.public_key()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in HEADER.items() if key != name}


HEADERS: dict[str, Any] = {
    "alg none": {**HEADER, "alg": "none"},
    "alg None": {**HEADER, "alg": "None"},
    "alg empty": {**HEADER, "alg": ""},
    "alg null": {**HEADER, "alg": None},
    "alg missing": without("alg"),
    "alg HS256": {**HEADER, "alg": "HS256"},
    "alg ES256": {**HEADER, "alg": "ES256"},
    "alg Ed448": {**HEADER, "alg": "Ed448"},
    "alg eddsa": {**HEADER, "alg": "eddsa"},
    "alg EdDSA with a blank": {**HEADER, "alg": "EdDSA "},
    "alg a list": {**HEADER, "alg": ["EdDSA"]},
    "alg an object": {**HEADER, "alg": {"EdDSA": 1}},
    "typ JWT": {**HEADER, "typ": "JWT"},
    "typ another": {**HEADER, "typ": "b+jwt"},
    "typ missing": without("typ"),
    "typ a list": {**HEADER, "typ": ["a+jwt"]},
    "crit unknown": {**HEADER, "crit": ["x"], "x": 1},
    "crit empty": {**HEADER, "crit": []},
    "crit null": {**HEADER, "crit": None},
    "crit b64": {**HEADER, "crit": ["b64"], "b64": False},
    "b64 alone": {**HEADER, "b64": False},
    "b64 true": {**HEADER, "b64": True},
    "a list": [HEADER],
    "text": "EdDSA",
    "null": b"null",
    "no JSON": b"{",
    "a key twice": b'{"alg":"none","alg":"EdDSA","typ":"a+jwt"}',
    "a byte order mark": b'\xef\xbb\xbf{"alg":"EdDSA","typ":"a+jwt"}',
    "a float": b'{"alg":"EdDSA","typ":"a+jwt","x":1.5}',
    "no UTF-8": b'{"alg":"EdDSA","typ":"a+jwt","x":"\xff"}',
}
PAYLOADS: dict[str, Any] = {
    "a claim twice": b'{"aud":"a","nonce":"n","aud":"b"}',
    "a list": [PAYLOAD],
    "text": "x",
    "empty": b"",
    "a float": b'{"iat":1.5}',
    "NaN": b'{"iat":NaN}',
    "2^53": b'{"iat":9007199254740992}',
    "a lone surrogate": b'{"nonce":"\\ud800"}',
    "too deep": b'{"a":' + b"[" * 20 + b"]" * 20 + b"}",
}


@pytest.mark.parametrize("case", HEADERS)
def test_header(case: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_jws(forge_jws(HEADERS[case], PAYLOAD, DEVICE.key), typ="a+jwt")
    assert raised.value.code == "invalid_jwt"
    parse_jws(GOOD, typ="a+jwt").verify(KEY)


@pytest.mark.parametrize("typ", ["A+JWT", "application/a+jwt", "Application/A+jwt"])
def test_the_same_type_in_other_words(typ: str) -> None:
    """RFC 7515, section 4.1.9: it has no case, and ``application/`` may be left out."""
    token = forge_jws({**HEADER, "typ": typ}, PAYLOAD, DEVICE.key)
    parse_jws(token, typ="a+jwt").verify(KEY)


@pytest.mark.parametrize("case", PAYLOADS)
def test_payload(case: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_jws(forge_jws(HEADER, PAYLOADS[case], DEVICE.key), typ="a+jwt")
    assert raised.value.code == "invalid_jwt"
    parse_jws(GOOD, typ="a+jwt").verify(KEY)


HEAD, BODY, SIGNATURE = GOOD.split(".")
TEXTS = {
    "nothing": "",
    "one part": HEAD,
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "five parts": f"{HEAD}..{BODY}.{SIGNATURE}.",
    "JSON serialisation": '{"payload":"","signatures":[]}',
    "no header": f".{BODY}.{SIGNATURE}",
    "no payload": f"{HEAD}..{SIGNATURE}",
    "padded": f"{HEAD}.{BODY}.{SIGNATURE}==",
    "a newline at the end": f"{GOOD}\n",
    "a blank before": f" {GOOD}",
    "a letter outside the alphabet": f"{HEAD}.{BODY}.{SIGNATURE[:-1]}+",
    "a letter outside ASCII": f"{HEAD}.{BODY}.{SIGNATURE[:-1]}é",
    "stray bits": f"{HEAD}.{BODY}.{SIGNATURE[:-1]}{'B' if SIGNATURE[-1] == 'A' else 'h'}",
    "no text at all": "\ud800.\ud800.\ud800",
    "two hundred thousand dots": "." * 200_000,
}


@pytest.mark.parametrize("case", TEXTS)
def test_text(case: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_jws(TEXTS[case], typ="a+jwt")
    assert raised.value.code == "invalid_jwt"
    parse_jws(GOOD, typ="a+jwt").verify(KEY)


SIGNATURES = {
    "none": "",
    "short": base64url_encode(bytes(63)),
    "long": base64url_encode(bytes(65)),
    "zero": base64url_encode(bytes(64)),
    "of another token": forge_jws(HEADER, {**PAYLOAD, "nonce": "m"}, DEVICE.key).split(".")[2],
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_signature(case: str) -> None:
    jws = parse_jws(f"{HEAD}.{BODY}.{SIGNATURES[case]}", typ="a+jwt")
    with pytest.raises(Invalid) as raised:
        jws.verify(KEY)
    assert raised.value.code == "invalid_signature"
    parse_jws(GOOD, typ="a+jwt").verify(KEY)


PUBLIC_AS_SECRET = {  # what other libraries have taken for the secret of a MAC
    "raw": KEY.raw,
    "multibase": KEY.multibase.encode(),
    "base64url": base64url_encode(KEY.raw).encode(),
    "JWK": json.dumps(
        {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(KEY.raw)}, separators=(",", ":")
    ).encode(),
    "SubjectPublicKeyInfo": bytes.fromhex("302a300506032b6570032100") + KEY.raw,
    "OpenSSH": b"ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + KEY.raw),
}


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
@pytest.mark.parametrize("secret", PUBLIC_AS_SECRET)
def test_a_mac_under_the_public_key(secret: str, algorithm: str) -> None:
    """Whoever lets the token say what its key is for takes a MAC that anybody can make."""
    signing_input = forge_jws({**HEADER, "alg": algorithm}, PAYLOAD, DEVICE.key).rpartition(".")[0]
    for hash_ in ("sha256", "sha512"):
        tag = hmac.digest(PUBLIC_AS_SECRET[secret], signing_input.encode(), hash_)
        with pytest.raises(Invalid):
            parse_jws(f"{signing_input}.{base64url_encode(tag)}", typ="a+jwt").verify(KEY)
    parse_jws(GOOD, typ="a+jwt").verify(KEY)


def jwk(key: PublicKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(key.raw)}


@pytest.mark.parametrize(
    "brought",
    [
        {"jwk": jwk(STRANGER.key.public_key())},
        {"kid": STRANGER.key.public_key().multibase},
        {"kid": f"data:application/json,{json.dumps(jwk(STRANGER.key.public_key()))}"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"x5c": [base64url_encode(STRANGER.key.public_key().raw)]},
    ],
    ids=lambda brought: str(brought)[:30],
)
def test_a_key_that_comes_with_the_token(brought: dict[str, Any]) -> None:
    """Which key counts, the caller knows; what the token says of it is looked at by nobody here."""
    header = {**HEADER, **brought}
    with pytest.raises(Invalid) as raised:
        parse_jws(forge_jws(header, PAYLOAD, STRANGER.key), typ="a+jwt").verify(KEY)
    assert raised.value.code == "invalid_signature"
    parse_jws(forge_jws(header, PAYLOAD, DEVICE.key), typ="a+jwt").verify(KEY)


def test_a_token_beside_a_signature_in_another_serialisation() -> None:
    """One library checked the JSON serialisation's signature and read the compact one's claims."""
    forged = base64url_encode(json.dumps({**PAYLOAD, "nonce": "forged"}).encode())
    both = {
        f'  {{"{HEAD}.{forged}.': 0,
        "protected": HEAD,
        "payload": BODY,
        "signature": SIGNATURE,
    }
    for text in (
        json.dumps(both),
        f'{{"{HEAD}.{forged}.":"","payload":"{BODY}","x":"{SIGNATURE}"}}',
    ):
        with pytest.raises(Invalid) as raised:
            parse_jws(text, typ="a+jwt")
        assert raised.value.code == "invalid_jwt"
    parse_jws(GOOD, typ="a+jwt").verify(KEY)
