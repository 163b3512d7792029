import copy
from typing import Any

import pytest
from actors import ISSUER, NOW, STRANGER

from did.errors import Invalid
from did.jcs import JsonObject
from did.multibase import multibase_encode
from did.vc.data_integrity import add_proof, parse_proof
from did.vc.securing import ASSERTION, AUTHENTICATION

DOCUMENT: JsonObject = {"@context": ["https://www.w3.org/ns/credentials/v2"], "claim": {"é": 1}}
KEY = ISSUER.key.public_key()


def secured(**more: str) -> dict[str, Any]:
    value = add_proof(
        copy.deepcopy(DOCUMENT),
        ISSUER.key,
        method=ISSUER.method,
        purpose=ASSERTION,
        created=NOW,
        **more,
    )
    return dict(value)


def test_a_proof_and_what_it_holds() -> None:
    value = secured(challenge="a nonce", domain="https://verifier.example")
    assert {name: value[name] for name in DOCUMENT} == DOCUMENT
    signature = value["proof"].pop("proofValue")
    assert signature.startswith("z")
    assert value["proof"] == {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2026-01-31T12:00:00Z",
        "verificationMethod": ISSUER.method.text,
        "proofPurpose": "assertionMethod",
        "challenge": "a nonce",
        "domain": "https://verifier.example",
        "@context": DOCUMENT["@context"],
    }


def test_parse_and_verify() -> None:
    proof = parse_proof(secured(challenge="a nonce", domain="d"), purpose=ASSERTION)
    assert (proof.method, proof.purpose, proof.created) == (ISSUER.method, ASSERTION, NOW)
    assert (proof.challenge, proof.domain, proof.expires) == ("a nonce", "d", None)
    proof.verify(KEY)
    with pytest.raises(Invalid) as raised:
        proof.verify(STRANGER.key.public_key())
    assert raised.value.code == "invalid_signature"


def test_neither_challenge_nor_domain() -> None:
    proof = parse_proof(secured(), purpose=ASSERTION)
    assert (proof.challenge, proof.domain) == (None, None)
    proof.verify(KEY)


def test_the_document_is_not_changed() -> None:
    document = copy.deepcopy(DOCUMENT)
    add_proof(document, ISSUER.key, method=ISSUER.method, purpose=ASSERTION, created=NOW)
    assert document == DOCUMENT
    value = secured()
    before = copy.deepcopy(value)
    parse_proof(value, purpose=ASSERTION)
    assert value == before


def test_a_document_without_a_context_has_none_in_its_proof() -> None:
    value = add_proof(
        {"claim": 1}, ISSUER.key, method=ISSUER.method, purpose=ASSERTION, created=NOW
    )
    assert "@context" not in value["proof"]  # type: ignore[operator]
    parse_proof(value, purpose=ASSERTION).verify(KEY)


def test_a_list_of_one_proof_is_that_proof() -> None:
    value = secured()
    parse_proof({**value, "proof": [value["proof"]]}, purpose=ASSERTION).verify(KEY)


def test_what_is_secured_is_not_secured_twice() -> None:
    with pytest.raises(Invalid) as raised:
        add_proof(secured(), ISSUER.key, method=ISSUER.method, purpose=ASSERTION, created=NOW)
    assert raised.value.code == "invalid_proof"


def test_what_cannot_be_hashed_is_not_secured() -> None:
    with pytest.raises(Invalid) as raised:
        add_proof(
            {**DOCUMENT, "claim": float("nan")},
            ISSUER.key,
            method=ISSUER.method,
            purpose=ASSERTION,
            created=NOW,
        )
    assert raised.value.code == "not_canonicalizable"


def test_expiry_is_read() -> None:
    value = secured()
    value["proof"]["expires"] = "2026-01-31T12:00:00Z"
    assert parse_proof(value, purpose=ASSERTION).expires == NOW


def test_a_proof_for_another_purpose() -> None:
    with pytest.raises(Invalid) as raised:
        parse_proof(secured(), purpose=AUTHENTICATION)
    assert (raised.value.code, raised.value.value) == ("wrong_proof_purpose", ASSERTION)


GOOD = secured()["proof"]


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "proof",
        [],
        [GOOD, GOOD],
        ["proof"],
        [[GOOD]],
        {**GOOD, "type": "Ed25519Signature2020"},
        {**GOOD, "type": ["DataIntegrityProof"]},
        {**GOOD, "cryptosuite": None},
        {**GOOD, "previousProof": "urn:uuid:1"},
        {**GOOD, "verificationMethod": None},
        {**GOOD, "verificationMethod": {"id": ISSUER.method.text}},
        {**GOOD, "verificationMethod": ISSUER.short.text},
        {**GOOD, "created": "yesterday"},
        {**GOOD, "created": None},
        {**GOOD, "expires": 5},
        {**GOOD, "challenge": 5},
        {**GOOD, "domain": ["https://verifier.example"]},
        {**GOOD, "proofValue": None},
        {**GOOD, "proofValue": "u" + "A" * 86},
        {**GOOD, "proofValue": multibase_encode(bytes(63))},
        {**GOOD, "proofValue": multibase_encode(bytes(65))},
        {**GOOD, "proofValue": GOOD["proofValue"] + " "},
        {**GOOD, "nonce": float("nan")},
        {**GOOD, "@context": GOOD["@context"][0]},
        {**GOOD, "@context": []},
        {**GOOD, "@context": None},
    ],
    ids=lambda proof: repr(proof)[-60:],
)
def test_a_malformed_proof(proof: Any) -> None:
    with pytest.raises(Invalid) as raised:
        parse_proof({**DOCUMENT, "proof": proof}, purpose=ASSERTION)
    assert raised.value.code == "invalid_proof"


def test_no_proof() -> None:
    with pytest.raises(Invalid) as raised:
        parse_proof(DOCUMENT, purpose=ASSERTION)
    assert raised.value.code == "invalid_proof"


def test_a_document_too_deep_to_hash() -> None:
    deep: Any = 1.5
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(Invalid) as raised:
        parse_proof({**DOCUMENT, "claim": {"é": deep}, "proof": GOOD}, purpose=ASSERTION)
    assert raised.value.code == "invalid_proof"


@pytest.mark.parametrize("suite", ["eddsa-rdfc-2022", "ecdsa-jcs-2019", "bbs-2023", ""])
def test_another_cryptosuite_is_named_in_its_refusal(suite: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_proof({**DOCUMENT, "proof": {**GOOD, "cryptosuite": suite}}, purpose=ASSERTION)
    assert (raised.value.code, raised.value.value) == ("unsupported_cryptosuite", suite)
