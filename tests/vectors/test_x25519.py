"""X25519, as it is used here: the key agreement of an encrypted message (JWE, ECDH-ES)."""

from typing import NamedTuple

import pytest
from forgery import jwe_header, jwe_parts
from published import vectors

from did.errors import Invalid
from did.jose import EncryptionKey, encrypt_jwe
from did.multibase import base64url_encode

WYCHEPROOF = vectors("wycheproof/x25519_test.json")
KNOWN_FLAGS = {
    "EdgeCaseMultiplication",
    "EdgeCasePrivateKey",
    "EdgeCaseShared",
    "Ktv",
    "LowOrderPublic",
    "NonCanonicalPublic",
    "Normal",
    "SmallPublicKey",
    "SpecialPublicKey",
    "Twist",
    "ZeroSharedSecret",
}


class Case(NamedTuple):
    id: int
    flags: frozenset[str]
    public: bytes
    private: bytes
    shared: bytes


def cases() -> list[Case]:
    found = []
    for group in WYCHEPROOF["testGroups"]:
        assert group["type"] == "XdhComp", "an unknown group of tests"
        assert group["curve"] == "curve25519"
        for test in group["tests"]:
            assert set(test["flags"]) <= KNOWN_FLAGS, "an unknown flag"
            assert test["result"] in ("valid", "acceptable"), "an unknown result"
            values = (bytes.fromhex(test[name]) for name in ("public", "private", "shared"))
            found.append(Case(test["tcId"], frozenset(test["flags"]), *values))
    return found


CASES = cases()
ZERO = [case for case in CASES if case.shared == bytes(32)]


def test_there_are_518() -> None:
    assert len(CASES) == WYCHEPROOF["numberOfTests"] == 518
    assert {case.id for case in ZERO} == {c.id for c in CASES if "LowOrderPublic" in c.flags}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_message_under_the_published_secret(case: Case) -> None:
    key = EncryptionKey(case.private, "a key")
    message = ".".join(jwe_parts(jwe_header(case.public, key), case.shared, b"content"))
    if case not in ZERO:
        assert key.decrypt(message) == b"content"
        return
    # The secret is known to everybody, so the message says nothing of who could read it.
    with pytest.raises(Invalid) as raised:
        key.decrypt(message)
    assert raised.value.code == "invalid_jwe"


@pytest.mark.parametrize("case", ZERO, ids=lambda case: case.id)
def test_nothing_is_encrypted_to_a_key_of_small_order(case: Case) -> None:
    jwk = {"kty": "OKP", "crv": "X25519", "x": base64url_encode(case.public)}
    with pytest.raises(Invalid) as raised:
        encrypt_jwe(b"content", jwk)
    assert raised.value.code == "invalid_encryption_key"
