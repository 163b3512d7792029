"""Proofs that say less than they seem to: each beside the one that holds."""

import json
from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW, STRANGER

from did.errors import Invalid
from did.identifier import DidUrl, Genesis, KeybornDid
from did.vc.credential import (
    CREDENTIALS_CONTEXT,
    PROVISIONING,
    TERMS,
    build_credential,
    parse_credential,
    sign_credential,
)
from did.vc.data_integrity import add_proof
from did.vc.formats import read_presentation
from did.vc.presentation import sign_presentation
from did.vc.securing import ASSERTION, AUTHENTICATION

UNSIGNED = build_credential(
    PROVISIONING,
    issuer=ISSUER.did,
    subject={"id": DEVICE.short.text, "level": 1},
    valid_from=NOW,
    url="urn:uuid:1",
)


def issued(document: Any = UNSIGNED) -> Any:
    """As it comes from the wire, where nothing is shared between document and proof."""
    return json.loads(
        json.dumps(sign_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW))
    )


def accepted(document: Any) -> None:
    parse_credential(document).proof.verify(ISSUER.key.public_key())


def test_contexts_that_nobody_signed() -> None:
    # The suite's own algorithm takes a document that goes on after the proof's contexts.
    for more in ("https://evil.example/context", {"model": "urn:evil"}):
        document = issued()
        document["@context"].append(more)
        with pytest.raises(Invalid, match="@context") as raised:
            accepted(document)
        assert raised.value.code == "invalid_proof"
        accepted(issued({**UNSIGNED, "@context": [*UNSIGNED["@context"], more]}))  # type: ignore[misc]


def test_a_context_that_is_equal_in_python_and_not_in_json() -> None:
    contexts = [CREDENTIALS_CONTEXT, {"@protected": True}, TERMS]
    signed = issued({**UNSIGNED, "@context": contexts})
    accepted(signed)
    document = signed
    document["@context"][1]["@protected"] = 1
    with pytest.raises(Invalid) as raised:
        accepted(document)
    assert raised.value.code == "invalid_signature"


def test_a_claim_that_is_equal_in_python_and_not_in_json() -> None:
    document = issued()
    accepted(document)
    document["credentialSubject"]["level"] = True
    with pytest.raises(Invalid) as raised:
        accepted(document)
    assert raised.value.code == "invalid_signature"


@pytest.mark.parametrize(
    "name", ["created", "verificationMethod", "cryptosuite", "type", "@context"]
)
def test_a_proof_without_one_of_its_parts(name: str) -> None:
    document = issued()
    accepted(document)
    del document["proof"][name]
    with pytest.raises(Invalid) as raised:
        accepted(document)
    assert raised.value.code in ("invalid_proof", "invalid_signature")


@pytest.mark.parametrize("more", ["expires", "id", "nonce", "challenge", "domain"])
def test_a_proof_with_a_part_more(more: str) -> None:
    document = issued()
    accepted(document)
    document["proof"][more] = "2099-01-01T00:00:00Z"
    with pytest.raises(Invalid) as raised:
        accepted(document)
    assert raised.value.code == "invalid_signature"


def test_a_proof_of_another_document() -> None:
    one, two = issued(), issued({**UNSIGNED, "id": "urn:uuid:2"})
    one["proof"], two["proof"] = two["proof"], one["proof"]
    for document in (one, two):
        with pytest.raises(Invalid) as raised:
            accepted(document)
        assert raised.value.code == "invalid_signature"


def test_two_proofs_one_good() -> None:
    document = issued()
    for proofs in ([document["proof"], {}], [{}, document["proof"]], [document["proof"]] * 2):
        with pytest.raises(Invalid) as raised:
            accepted({**document, "proof": proofs})
        assert raised.value.code == "invalid_proof"
    accepted({**document, "proof": [document["proof"]]})


def test_a_credential_by_the_issuers_did_key_in_its_other_name() -> None:
    # One key, two DIDs: each speaks for itself alone.
    method = DidUrl(ISSUER.key_did, ISSUER.key.public_key().multibase)
    document = add_proof(UNSIGNED, ISSUER.key, method=method, purpose=ASSERTION, created=NOW)
    with pytest.raises(Invalid) as raised:
        parse_credential(document)
    assert raised.value.code == "issuer_mismatch"
    accepted(issued())


def test_a_did_that_was_made_with_the_key_of_another() -> None:
    # Registering is free, and a genesis may name anybody's key: the DID must be in what is signed.
    squat = KeybornDid.born(Genesis.of(DEVICE.key.public_key(), STRANGER.key.public_key()))
    given: dict[str, Any] = {
        "challenge": "a nonce",
        "audience": "https://verifier.example",
        "created": NOW,
    }
    good = sign_presentation([issued()], DEVICE.key, holder=DEVICE.did, **given)
    read_presentation(json.dumps(good).encode()).proof.verify(DEVICE.key.public_key())
    stolen = json.loads(json.dumps(good).replace(DEVICE.short.text, squat.canonical.text))
    presentation = read_presentation(json.dumps(stolen).encode())
    assert presentation.holder == squat.canonical
    with pytest.raises(Invalid) as raised:
        presentation.proof.verify(DEVICE.key.public_key())
    assert raised.value.code == "invalid_signature"


def test_a_credential_is_no_presentation_and_the_other_way_round() -> None:
    presentation = sign_presentation(
        [issued()],
        DEVICE.key,
        holder=DEVICE.did,
        challenge="a nonce",
        audience="https://verifier.example",
        created=NOW,
    )
    with pytest.raises(Invalid) as raised:
        parse_credential(presentation)
    assert raised.value.code == "invalid_credential"
    with pytest.raises(Invalid) as raised:
        read_presentation(json.dumps(issued()).encode())
    assert raised.value.code == "invalid_presentation"


def test_a_credential_signed_to_authenticate() -> None:
    document = add_proof(
        UNSIGNED, ISSUER.key, method=ISSUER.method, purpose=AUTHENTICATION, created=NOW
    )
    with pytest.raises(Invalid) as raised:
        parse_credential(document)
    assert raised.value.code == "wrong_proof_purpose"
