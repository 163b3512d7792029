"""Ed25519: Wycheproof, and the edge cases of ``ed25519-speccheck``, none of which may pass."""

from typing import Any, NamedTuple

import pytest
from published import vectors

from did.errors import Invalid
from did.keys import PublicKey

WYCHEPROOF = vectors("wycheproof/ed25519_test.json")
SPECCHECK = vectors("ed25519-speccheck/cases.json")["cases"]
KNOWN_FLAGS = {
    "CompressedSignature",
    "InvalidEncoding",
    "InvalidKtv",
    "InvalidSignature",
    "Ktv",
    "SignatureMalleability",
    "SignatureWithGarbage",
    "TinkOverflow",
    "TruncatedSignature",
    "Valid",
}


class Case(NamedTuple):
    id: int
    key: bytes
    message: bytes
    signature: bytes
    result: str


def cases() -> list[Case]:
    found = []
    for group in WYCHEPROOF["testGroups"]:
        assert group["type"] == "EddsaVerify", "an unknown group of tests"
        assert group["publicKey"]["curve"] == "edwards25519"
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            assert set(test["flags"]) <= KNOWN_FLAGS, "an unknown flag"
            assert test["result"] in ("valid", "invalid"), "an unknown result"
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            found.append(Case(test["tcId"], key, message, signature, test["result"]))
    return found


CASES = cases()


def test_there_are_151() -> None:
    assert len(CASES) == WYCHEPROOF["numberOfTests"] == 151


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_wycheproof(case: Case) -> None:
    key = PublicKey(case.key)
    if case.result == "valid":
        key.verify(case.signature, case.message)
        return
    with pytest.raises(Invalid) as raised:
        key.verify(case.signature, case.message)
    assert raised.value.code == "invalid_signature"


@pytest.mark.parametrize("case", SPECCHECK, ids=range(len(SPECCHECK)))
def test_none_of_speccheck_is_accepted(case: dict[str, Any]) -> None:
    def verify() -> None:
        key = PublicKey(bytes.fromhex(case["pub_key"]))
        key.verify(bytes.fromhex(case["signature"]), bytes.fromhex(case["message"]))

    with pytest.raises(Invalid) as raised:
        verify()
    assert raised.value.code in ("invalid_public_key", "invalid_signature")


def test_there_are_12() -> None:
    assert len(SPECCHECK) == 12
