"""JWS, JWE and COSE_Sign1: whole, and put together from parts that a fuzzer can change.

A change to base64url or to a CBOR string's length mostly makes neither; so where it pays, an input
is the parts (``fuzz.target.SEPARATOR`` between them), and is put together here.
"""

from collections.abc import Mapping
from typing import Any, Final

from actors import DEVICE
from fuzz.target import SEPARATOR, Target, joined, only_invalid, parts_of, same, text_of

from did import cbor
from did.cose import CONTENT_TYPE, CWT_CLAIMS, KID, TYP, Sign1, parse_sign1, sign_sign1
from did.jcs import canonicalize
from did.jose import EncryptionKey, Jws, encrypt_jwe, jwe_header, parse_jws, sign_jws
from did.limits import LIMITS
from did.multibase import base64url_decode, base64url_encode
from did.strict_json import parse_object

KEY: Final = EncryptionKey(bytes(range(32)), "1")
NAMES: Final = tuple(
    f'"{name}"'.encode()
    for name in (
        "alg",
        "typ",
        "kid",
        "crit",
        "b64",
        "zip",
        "enc",
        "epk",
        "apu",
        "apv",
        "p2c",
        "cty",
    )
)
_TYP: Final = ("a+jwt", None)
_SIGNATURE: Final = bytes(64)
_OTHER_KEYS: Final = (b'"kty":"EC","crv":"P-256","y":', b'"crv":"X448"', b'"d":', SEPARATOR)


def token_of(data: bytes) -> str:
    """The compact JWS with this header and this payload, and a signature of zeros."""
    return ".".join(map(base64url_encode, (*parts_of(data, 2), _SIGNATURE)))


def message_of(data: bytes) -> bytes:
    """The COSE_Sign1 with these protected headers and this payload."""
    head, payload = parts_of(data, 2)
    return cbor.encode([head, {}, payload, _SIGNATURE])


def _jws_law(token: str, jws: Jws) -> None:
    head, _, payload = jws.signing_input.decode("ascii").partition(".")
    again = f"{head}.{payload}.{base64url_encode(jws.signature)}"
    same(again, token, "a token is what is signed, and its signature, in one spelling")
    only_invalid(jws.verify, DEVICE.key.public_key())


def _cose_law(data: bytes, message: Sign1) -> None:
    context, head, external, payload = cbor.decode(message.signed, max_bytes=len(data) + 64)  # type: ignore[misc] # four
    same((context, external, payload), ("Signature1", b"", message.payload), "what is signed")
    same(cbor.encode(message.protected), head, "what is signed is what was parsed")
    parts = [head, message.unprotected, message.payload, message.signature]
    same(cbor.encode(parts), data.removeprefix(b"\xd2"), "a message has one spelling, but its tag")
    only_invalid(message.verify, DEVICE.key.public_key())


def _opened(message: str) -> bytes:
    return KEY.decrypt(message)


def _jwe_of(data: bytes) -> str:
    return ".".join(map(base64url_encode, parts_of(data, 5)))


def _jwe_law(message: str, content: bytes) -> None:
    same(type(content), bytes, "what was encrypted is bytes")
    same(len(message.split(".")), 5, "a message has five parts")
    jwe_header(message)


def _reply_law(data: bytes, message: str) -> None:
    jwk = parse_object(data)
    if len(message) > LIMITS.json_bytes:  # of a kid that nobody has: no header of ours
        return
    same(
        jwe_header(message).get("kid"),
        jwk["kid"] if isinstance(jwk.get("kid"), str) else None,
        "kid",
    )


def _jws_parts() -> Mapping[str, bytes]:
    return {
        "typed": joined(b'{"alg":"EdDSA","typ":"a+jwt","kid":"k"}', b'{"iat":1}'),
        "untyped": joined(b'{"alg":"Ed25519"}', b"{}"),
    }


def _cose_parts() -> Mapping[str, bytes]:
    headers: dict[str, dict[str | int, Any]] = {
        "bare": {1: -8, TYP: "a"},
        "full": {
            1: -19,
            CONTENT_TYPE: "c",
            KID: b"k",
            CWT_CLAIMS: {1: "i", 6: 1},
            TYP: "a",
            "x": [1],
        },
    }
    return {name: joined(cbor.encode(head), b"{}") for name, head in headers.items()}


def _jwe_seeds() -> Mapping[str, bytes]:
    texts = {"nothing": b"", "something": b'{"a":1}'}
    return {name: encrypt_jwe(text, KEY.public_jwk()).encode() for name, text in texts.items()}


def _sealed_parts() -> Mapping[str, bytes]:
    return {
        name: joined(*(base64url_decode(part) for part in message.decode("ascii").split(".")))
        for name, message in _jwe_seeds().items()
    }


def _read_cose(data: bytes) -> Sign1:
    return parse_sign1(data, typ="a")


TARGETS: Final = {
    "jws": Target(
        lambda data: parse_jws(text_of(data), typ=_TYP),
        lambda data, jws: _jws_law(text_of(data), jws),
        lambda: {"signed": sign_jws({"typ": "a+jwt"}, {"iat": 1}, DEVICE.key).encode()},
    ),
    "jws-parts": Target(
        lambda data: parse_jws(token_of(data), typ=_TYP),
        lambda data, jws: _jws_law(token_of(data), jws),
        _jws_parts,
        words=(*NAMES, SEPARATOR),
    ),
    "jwe": Target(
        lambda data: _opened(text_of(data)),
        lambda data, content: _jwe_law(text_of(data), content),
        _jwe_seeds,
    ),
    "jwe-parts": Target(
        lambda data: _opened(_jwe_of(data)),
        lambda data, content: _jwe_law(_jwe_of(data), content),
        _sealed_parts,
        words=(*NAMES, *_OTHER_KEYS),
    ),
    "encryption-key": Target(
        lambda data: encrypt_jwe(b"content", parse_object(data)),
        _reply_law,
        lambda: {"ours": canonicalize(KEY.public_jwk())},
        words=(*NAMES, *_OTHER_KEYS),
    ),
    "cose": Target(
        _read_cose,
        _cose_law,
        lambda: {"signed": sign_sign1({TYP: "a"}, b"{}", DEVICE.key)},
        words=(b"\xd2", b"\x84", b"\x58\x40"),
    ),
    "cose-parts": Target(
        lambda data: _read_cose(message_of(data)),
        lambda data, message: _cose_law(message_of(data), message),
        _cose_parts,
        words=(SEPARATOR, b"\x01\x27", b"\x01\x32", b"\x10\x61a"),
    ),
}
