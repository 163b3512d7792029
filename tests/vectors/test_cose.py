"""COSE_Sign1 as published by the COSE working group's examples (RFC 9052, RFC 9053).

Two of them are EdDSA and are answered as they stand. The others are ES256, which is refused here by
its name; what each of those shows about the form is shown again with an Ed25519 key.
"""

from typing import Any, Final

import pytest
from actors import STRANGER
from published import vectors

from did import cose
from did.cbor import encode
from did.errors import Invalid
from did.keys import PublicKey, SigningKey

CASES: Final = {case["path"]: case for case in vectors("cose/sign1.json")["cases"]}
EDDSA: Final = CASES["eddsa-examples/eddsa-sig-01.json"]
ES256: Final = {path: case for path, case in CASES.items() if path.startswith("sign1-tests/")}
KEY: Final = STRANGER.key
PAYLOAD: Final = b"This is the content."


def message(case: dict[str, Any]) -> bytes:
    return bytes.fromhex(case["output"]["cbor"])


def to_be_signed(case: dict[str, Any]) -> str:
    return str(case["intermediates"]["ToBeSign_hex"]).lower()


def test_the_eddsa_example() -> None:
    key = EDDSA["input"]["sign0"]["key"]
    parsed = cose.parse_sign1(message(EDDSA), typ=None)
    assert parsed.protected == {cose.ALG: -8, cose.CONTENT_TYPE: 0}
    assert parsed.unprotected == {cose.KID: b"11"}
    assert parsed.payload == PAYLOAD
    assert parsed.signed.hex() == to_be_signed(EDDSA)
    parsed.verify(PublicKey(bytes.fromhex(key["x_hex"])))
    assert SigningKey(bytes.fromhex(key["d_hex"])).sign(parsed.signed) == parsed.signature
    with pytest.raises(Invalid) as raised:
        parsed.verify(KEY.public_key())
    assert raised.value.code == "invalid_signature"


def test_a_message_of_several_signers_is_not_a_sign1() -> None:
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(message(CASES["eddsa-examples/eddsa-01.json"]), typ=None)
    assert raised.value.code == "invalid_cbor"  # its tag, 98, has no place


@pytest.mark.parametrize("path", ES256)
def test_es256_is_refused_by_name(path: str) -> None:
    with pytest.raises(Invalid) as raised:
        cose.parse_sign1(message(ES256[path]), typ=None)
    if path == "sign1-tests/sign-fail-01.json":
        assert raised.value.code == "invalid_cbor"  # another tag
    else:
        assert raised.value.code == "invalid_cose"
        assert "alg is not EdDSA" in raised.value.message


@pytest.mark.parametrize("path", ES256)
def test_what_is_signed(path: str) -> None:
    given = ES256[path]["input"]["sign0"]
    labels = {"alg": cose.ALG, "ctyp": cose.CONTENT_TYPE}
    protected = {
        labels[name]: {"ES256": -7}.get(value, value)
        for name, value in given.get("protected", {}).items()
    }
    head = encode(protected) if protected else b""
    external = bytes.fromhex(given.get("external", ""))
    assert cose.to_sign(head, PAYLOAD, external).hex() == to_be_signed(ES256[path])


# What each case does to a message, done to one of ours; None where it is then to be accepted.
HEAD: Final = {cose.ALG: -8}
MORE: Final = {cose.ALG: -8, cose.CONTENT_TYPE: 0}


def made(
    signed: dict[Any, Any] = HEAD,
    sent: dict[Any, Any] | bytes = HEAD,
    *,
    unprotected: dict[Any, Any] | None = None,
    tag: str = "d2",
    payload: bytes = PAYLOAD,
    external: bytes = b"",
) -> bytes:
    head = sent if isinstance(sent, bytes) else encode(sent)
    over = cose.to_sign(encode(signed) if signed else b"", PAYLOAD, external)
    outside = {cose.KID: b"11"} if unprotected is None else unprotected
    return bytes.fromhex(tag) + encode([head, outside, payload, KEY.sign(over)])


REPEATED: Final[dict[str, tuple[bytes, str | None]]] = {
    "sign1-tests/sign-fail-01.json": (made(tag="d903e6"), "invalid_cbor"),
    "sign1-tests/sign-fail-02.json": (made(payload=b"This is the content/"), "invalid_signature"),
    "sign1-tests/sign-fail-03.json": (made(HEAD, {cose.ALG: -999}), "invalid_cose"),
    "sign1-tests/sign-fail-04.json": (made(HEAD, {cose.ALG: "unknown"}), "invalid_cose"),
    "sign1-tests/sign-fail-06.json": (made(HEAD, MORE), "invalid_signature"),
    "sign1-tests/sign-fail-07.json": (made(MORE, HEAD), "invalid_signature"),
    # The text lets the algorithm stand outside what is signed; here it may not (RFC 9052, 3.1).
    "sign1-tests/sign-pass-01.json": (
        made({}, b"\xa0", unprotected={cose.ALG: -8, cose.KID: b"11"}),
        "invalid_cose",
    ),
    "sign1-tests/sign-pass-02.json": (
        made(external=bytes.fromhex("11aa22bb33cc44dd55006699")),
        None,
    ),
    "sign1-tests/sign-pass-03.json": (made(tag=""), None),
}


def test_no_case_is_left_out() -> None:
    assert REPEATED.keys() == ES256.keys()
    assert len(CASES) == len(ES256) + 2


@pytest.mark.parametrize("path", REPEATED)
def test_the_same_with_an_ed25519_key(path: str) -> None:
    data, code = REPEATED[path]
    external = bytes.fromhex(ES256[path]["input"]["sign0"].get("external", ""))

    def answered() -> None:
        cose.parse_sign1(data, typ=None, external=external).verify(KEY.public_key())

    if code is None:
        assert not ES256[path].get("fail")
        answered()
        return
    with pytest.raises(Invalid) as raised:
        answered()
    assert raised.value.code == code
