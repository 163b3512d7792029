import json
from typing import Any

import pytest
from actors import DEVICE, ISSUER, NOW, STRANGER

from did.errors import Invalid
from did.jcs import JsonObject
from did.limits import LIMITS
from did.vc.credential import PROVISIONING, build_credential, sign_credential
from did.vc.data_integrity import add_proof
from did.vc.formats import read_presentation
from did.vc.presentation import sign_presentation
from did.vc.securing import ASSERTION

CREDENTIAL = sign_credential(
    build_credential(
        PROVISIONING, issuer=ISSUER.did, subject={"id": DEVICE.short.text}, valid_from=NOW
    ),
    ISSUER.key,
    issuer=ISSUER.did,
    created=NOW,
)


def presented(count: int = 1, **more: Any) -> dict[str, Any]:
    given = {
        "holder": DEVICE.did,
        "challenge": "a nonce",
        "audience": "https://verifier.example",
        "created": NOW,
        **more,
    }
    return dict(sign_presentation([CREDENTIAL] * count, DEVICE.key, **given))


def resigned(change: JsonObject, *, purpose: str = "authentication", **more: Any) -> bytes:
    """A presentation with ``change`` in it, signed by the device as it then stands."""
    document = {name: value for name, value in presented().items() if name != "proof"}
    given = {"challenge": "a nonce", "domain": "https://verifier.example", **more}
    signed = add_proof(
        {**document, **change},
        DEVICE.key,
        method=DEVICE.method,
        purpose=purpose,
        created=NOW,
        **given,
    )
    return json.dumps(signed).encode()


def test_sign_and_parse() -> None:
    value = presented()
    assert value["holder"] == DEVICE.short.text
    presentation = read_presentation(json.dumps(value).encode())
    assert presentation.holder == DEVICE.short
    assert (presentation.challenge, presentation.audience) == (
        "a nonce",
        "https://verifier.example",
    )
    assert presentation.proof.method == DEVICE.method
    presentation.proof.verify(DEVICE.key.public_key())
    (credential,) = presentation.credentials
    assert credential.subject_did() == DEVICE.short
    credential.proof.verify(ISSUER.key.public_key())


def test_a_did_key_presents_too() -> None:
    presentation = read_presentation(json.dumps(presented(holder=DEVICE.key_did)).encode())
    assert presentation.holder == DEVICE.key_did


@pytest.mark.parametrize(
    "change",
    [
        {"holder": {"id": DEVICE.short.text}},
        {"type": "VerifiablePresentation"},
        {"id": "urn:uuid:1"},
        {"verifiableCredential": CREDENTIAL},
    ],
    ids=lambda value: str(value).replace(str(CREDENTIAL), "a credential"),
)
def test_forms_that_the_data_model_also_allows(change: JsonObject) -> None:
    presentation = read_presentation(resigned(change))
    assert presentation.holder == DEVICE.short
    presentation.proof.verify(DEVICE.key.public_key())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"@context": ["https://www.w3.org/ns/did/v1"]}, "invalid_presentation"),
        ({"type": ["VerifiableCredential"]}, "invalid_presentation"),
        ({"holder": None}, "invalid_presentation"),
        ({"holder": {}}, "invalid_presentation"),
        ({"holder": [DEVICE.short.text]}, "invalid_presentation"),
        ({"holder": DEVICE.did.text}, "invalid_presentation"),
        ({"holder": "https://device.example"}, "invalid_did"),
        ({"holder": STRANGER.short.text}, "holder_mismatch"),
        ({"holder": DEVICE.key_did.text}, "holder_mismatch"),
        ({"verifiableCredential": None}, "invalid_presentation"),
        ({"verifiableCredential": []}, "invalid_presentation"),
        ({"verifiableCredential": "a.b.c"}, "invalid_credential"),
        ({"verifiableCredential": ["a.b.c"]}, "invalid_credential"),
        ({"verifiableCredential": [CREDENTIAL, None]}, "invalid_credential"),
    ],
    ids=lambda value: str(value).replace(str(CREDENTIAL), "a credential"),
)
def test_malformed(change: JsonObject, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_presentation(resigned(change))
    assert raised.value.code == code


def test_a_long_form_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid) as raised:
        read_presentation(resigned({"holder": DEVICE.did.text}))
    assert raised.value.hint == "register the DID and present its short form"


@pytest.mark.parametrize("missing", ["challenge", "domain"])
def test_a_proof_that_answers_nobody(missing: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_presentation(resigned({}, **{missing: None}))
    assert raised.value.code == "invalid_presentation"


def test_a_proof_that_asserts() -> None:
    with pytest.raises(Invalid) as raised:
        read_presentation(resigned({}, purpose=ASSERTION))
    assert raised.value.code == "wrong_proof_purpose"


def test_credentials_have_a_ceiling() -> None:
    most = LIMITS.credentials_in_presentation
    assert len(read_presentation(json.dumps(presented(most)).encode()).credentials) == most
    with pytest.raises(Invalid) as raised:
        read_presentation(json.dumps(presented(most + 1)).encode())
    assert raised.value.code == "invalid_presentation"
