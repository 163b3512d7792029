import copy
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, ISSUER, LOG_ID, NOW, STRANGER

from did.errors import Invalid
from did.jcs import JsonObject
from did.vc.credential import (
    CREDENTIALS_CONTEXT,
    PROVISIONING,
    TERMS,
    build_credential,
    parse_credential,
    sign_credential,
)
from did.vc.status_list import REVOCATION, SUSPENSION, StatusEntry

SUBJECT: JsonObject = {"id": DEVICE.short.text, "logId": LOG_ID.hex(), "model": "Lamp 3"}
STATUSES = (
    StatusEntry(REVOCATION, 7, "https://issuer.example/v1/status/1"),
    StatusEntry(SUSPENSION, 7, "https://issuer.example/v1/status/2"),
)
LATER = NOW + timedelta(days=365)


def unsigned(**more: Any) -> dict[str, Any]:
    given = {"issuer": ISSUER.did, "subject": SUBJECT, "valid_from": NOW, **more}
    return dict(build_credential(PROVISIONING, **given))


def signed(**more: Any) -> dict[str, Any]:
    return dict(sign_credential(unsigned(**more), ISSUER.key, issuer=ISSUER.did, created=NOW))


WHOLE = signed(valid_until=LATER, statuses=STATUSES, url="https://issuer.example/c/1")


def test_build() -> None:
    assert unsigned(valid_until=LATER, statuses=STATUSES, url="urn:uuid:1") == {
        "@context": [CREDENTIALS_CONTEXT, TERMS],
        "id": "urn:uuid:1",
        "type": ["VerifiableCredential", "DeviceProvisioningCredential"],
        "issuer": ISSUER.short.text,
        "validFrom": "2026-01-31T12:00:00Z",
        "validUntil": "2027-01-31T12:00:00Z",
        "credentialSubject": SUBJECT,
        "credentialStatus": [entry.to_json() for entry in STATUSES],
    }


def test_build_as_little_as_can_be() -> None:
    first, second = unsigned(), unsigned()
    assert first["id"].startswith("urn:uuid:")
    assert first["id"] != second["id"]
    assert not {"validUntil", "credentialStatus"} & first.keys()


def test_parse() -> None:
    credential = parse_credential(WHOLE)
    assert credential.document == WHOLE
    assert credential.id == "https://issuer.example/c/1"
    assert credential.types == ("VerifiableCredential", PROVISIONING)
    assert credential.issuer == ISSUER.short
    assert (credential.valid_from, credential.valid_until) == (NOW, LATER)
    assert credential.subject == SUBJECT
    assert credential.subject_did() == DEVICE.short
    assert credential.log_id == LOG_ID
    assert credential.statuses == STATUSES
    assert credential.proof.method == ISSUER.method
    credential.proof.verify(ISSUER.key.public_key())


def test_several_subjects() -> None:
    other: JsonObject = {"id": STRANGER.short.text}
    value = signed(subject=[SUBJECT, other])  # type: ignore[arg-type] # a list of them
    credential = parse_credential(value)
    assert credential.subjects == (SUBJECT, other)
    for ask in (lambda: credential.subject, lambda: credential.log_id, credential.subject_did):
        with pytest.raises(Invalid) as raised:
            ask()
        assert raised.value.code == "invalid_credential"


def test_parse_as_little_as_can_be() -> None:
    value = signed(subject={"claim": 1})
    for name in ("id", "validFrom"):
        del value[name]
    credential = parse_credential(value)
    assert (credential.id, credential.valid_from, credential.valid_until) == (None, None, None)
    assert (credential.log_id, credential.statuses) == (None, ())
    with pytest.raises(Invalid) as raised:
        credential.subject_did()
    assert raised.value.code == "invalid_credential"


def test_a_did_key_issues_too() -> None:
    value = sign_credential(
        unsigned(issuer=ISSUER.key_did), ISSUER.key, issuer=ISSUER.key_did, created=NOW
    )
    credential = parse_credential(value)
    assert credential.issuer == ISSUER.key_did
    credential.proof.verify(credential.proof.method.key())


@pytest.mark.parametrize(
    "change",
    [
        {"credentialSubject": [SUBJECT]},
        {"issuer": {"id": ISSUER.short.text, "name": "Acme"}},
        {"type": "VerifiableCredential"},
        {"credentialStatus": STATUSES[0].to_json()},
        {"@context": [CREDENTIALS_CONTEXT, {"x": "urn:x"}, TERMS]},
        {"validUntil": WHOLE["validFrom"]},
        {"evidence": {"type": "Evidence", "unknown": "to us"}},
    ],
    ids=str,
)
def test_forms_that_the_data_model_also_allows(change: JsonObject) -> None:
    document = {**WHOLE, **change}
    del document["proof"]
    value = sign_credential(document, ISSUER.key, issuer=ISSUER.did, created=NOW)
    credential = parse_credential(value)
    assert credential.issuer == ISSUER.short
    credential.proof.verify(ISSUER.key.public_key())


@pytest.mark.parametrize(
    "change",
    [
        {"@context": None},
        {"@context": CREDENTIALS_CONTEXT},
        {"@context": []},
        {"@context": [TERMS, CREDENTIALS_CONTEXT]},
        {"@context": [CREDENTIALS_CONTEXT, None]},
        {"@context": [CREDENTIALS_CONTEXT, ["x"]]},
        {"type": None},
        {"type": []},
        {"type": PROVISIONING},
        {"type": [PROVISIONING]},
        {"type": ["VerifiableCredential", 5]},
        {"type": ["VerifiableCredential", ""]},
        {"issuer": None},
        {"issuer": {}},
        {"issuer": [ISSUER.short.text]},
        {"issuer": "https://issuer.example"},
        {"issuer": ISSUER.did.text},
        {"issuer": ISSUER.short.text + " "},
        {"credentialSubject": None},
        {"credentialSubject": []},
        {"credentialSubject": [SUBJECT, "did:x"]},
        {"credentialSubject": "did:x"},
        {"validFrom": None},
        {"validFrom": "2026-01-31"},
        {"validFrom": 5},
        {"validUntil": "2026-01-31T11:59:59Z"},
        {"id": None},
        {"id": 5},
        {"id": "no URL"},
        {"credentialStatus": []},
    ],
    ids=str,
)
def test_malformed(change: JsonObject) -> None:
    with pytest.raises(Invalid) as raised:
        parse_credential({**WHOLE, **change})
    assert raised.value.code == "invalid_credential"


@pytest.mark.parametrize("name", ["@context", "type", "issuer", "credentialSubject"])
def test_missing(name: str) -> None:
    value = copy.deepcopy(WHOLE)
    del value[name]
    with pytest.raises(Invalid) as raised:
        parse_credential(value)
    assert raised.value.code == "invalid_credential"


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_no_object(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        parse_credential(value)
    assert raised.value.code == "invalid_credential"


@pytest.mark.parametrize(
    "log_id",
    [
        None,
        5,
        "",
        " " * 64,  # bytes.fromhex skips blanks
        f"{'ab ' * 21}a",
        LOG_ID.hex().upper(),
        LOG_ID.hex()[:-1],
        LOG_ID.hex() + "0",
        LOG_ID.hex()[:-1] + "\n",
        "g" * 64,
        "\u0663" * 64,
    ],
)
def test_malformed_log_id(log_id: Any) -> None:
    value = {**WHOLE, "credentialSubject": {**SUBJECT, "logId": log_id}}
    with pytest.raises(Invalid) as raised:
        parse_credential(value)
    assert raised.value.code == "invalid_credential"


@pytest.mark.parametrize(
    "did", [None, 5, "", "did:example:x", DEVICE.did.text, DEVICE.short.text + "\n"]
)
def test_a_subject_that_is_no_canonical_did(did: Any) -> None:
    with pytest.raises(Invalid) as raised:
        parse_credential({**WHOLE, "credentialSubject": {"id": did}}).subject_did()
    assert raised.value.code == "invalid_credential"


def test_a_proof_by_another_than_the_issuer() -> None:
    # Signed well, by somebody else.
    value = sign_credential(unsigned(), STRANGER.key, issuer=STRANGER.did, created=NOW)
    with pytest.raises(Invalid) as raised:
        parse_credential(value)
    assert (raised.value.code, raised.value.value) == ("issuer_mismatch", STRANGER.method.text)


def test_a_malformed_status_is_named() -> None:
    with pytest.raises(Invalid) as raised:
        parse_credential({**WHOLE, "credentialStatus": {"type": "StatusList2021Entry"}})
    assert raised.value.code == "invalid_status_entry"
