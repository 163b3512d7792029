import json
from typing import Any

import pytest

from did.configurations import CONFIGURATIONS
from did.errors import KeybornError
from did.jose import EncryptionKey, encrypt_jwe
from issuer.requests import BATCH_SIZE, read_deferred_request, read_request

KEY = EncryptionKey(bytes(range(32)), "issuer-key")
MINE = EncryptionKey(bytes(range(1, 33)), "mine")
REPLY = {"jwk": MINE.public_jwk(), "enc": "A256GCM"}
PLAIN: dict[str, Any] = {
    "credential_configuration_id": "device-provisioning",
    "proofs": {"jwt": ["a.b.c"]},
}
SEALED: dict[str, Any] = {
    **PLAIN,
    "credential_configuration_id": "device-configuration",
    "credential_response_encryption": REPLY,
}


def sealed(request: dict[str, Any], *, key: EncryptionKey = KEY) -> bytes:
    return encrypt_jwe(json.dumps(request).encode(), key.public_jwk()).encode()


def without(request: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key != name}


def step(body: bytes, media_type: str) -> str | None:
    with pytest.raises(KeybornError) as caught:
        read_request(body, media_type, KEY)
    return caught.value.step


def test_plain() -> None:
    asked = read_request(json.dumps(PLAIN).encode(), "application/json", KEY)
    assert asked.configuration == CONFIGURATIONS["device-provisioning"]
    assert (asked.proof_type, asked.proofs) == ("jwt", ("a.b.c",))
    assert asked.reply_to is None


def test_encrypted_both_ways() -> None:
    asked = read_request(sealed(SEALED), "application/jwt", KEY)
    assert asked.configuration == CONFIGURATIONS["device-configuration"]
    assert asked.reply_to == MINE.public_jwk()


def test_encrypted_one_way() -> None:
    assert read_request(sealed(PLAIN), "application/jwt", KEY).reply_to is None


def test_what_is_not_known_is_ignored() -> None:
    body = json.dumps({**PLAIN, "proof": {}, "format": "ldp_vc"}).encode()
    assert read_request(body, "application/json", KEY).proofs == ("a.b.c",)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (without(PLAIN, "credential_configuration_id"), "request"),
        ({**PLAIN, "credential_configuration_id": 7}, "request"),
        ({**PLAIN, "credential_configuration_id": "passport"}, "configuration"),
        ({**PLAIN, "credential_identifier": "x"}, "request"),
        ({"credential_identifier": "x", "proofs": PLAIN["proofs"]}, "identifier"),
        ({"credential_identifier": "device-provisioning"}, "identifier"),
        ({"credential_identifier": 7}, "request"),
        (without(PLAIN, "proofs"), "possession"),
        ({**PLAIN, "proofs": ["a.b.c"]}, "possession"),
        ({**PLAIN, "proofs": {}}, "possession"),
        ({**PLAIN, "proofs": {"jwt": []}}, "possession"),
        ({**PLAIN, "proofs": {"jwt": "a.b.c"}}, "possession"),
        ({**PLAIN, "proofs": {"di_vp": []}}, "possession"),
        ({**PLAIN, "proofs": {"jwt": ["a.b.c"] * (BATCH_SIZE + 1)}}, "possession"),
        ({**PLAIN, "proofs": {"jwt": ["a.b.c"], "di_vp": []}}, "possession"),
        ({**PLAIN, "proofs": {"attestation": ["a.b.c"]}}, "possession"),
        ({**PLAIN, "credential_response_encryption": REPLY}, "encryption"),
        ({**PLAIN, "credential_configuration_id": "device-configuration"}, "encryption"),
        (SEALED, "encryption"),
    ],
)
def test_plain_requests_that_are_refused(request_: dict[str, Any], expected: str) -> None:
    assert step(json.dumps(request_).encode(), "application/json") == expected


@pytest.mark.parametrize(
    "encryption",
    [
        None,
        [],
        {"enc": "A256GCM"},
        {**REPLY, "jwk": "key"},
        {**REPLY, "enc": "A128GCM"},
        {**REPLY, "zip": "DEF"},
        {**REPLY, "jwk": without(MINE.public_jwk(), "alg")},
        {**REPLY, "jwk": {**MINE.public_jwk(), "alg": "ECDH-ES+A256KW"}},
        {**REPLY, "jwk": {**MINE.public_jwk(), "crv": "Ed25519"}},
        {**REPLY, "jwk": {**MINE.public_jwk(), "x": "AA"}},
        {**REPLY, "jwk": {**MINE.public_jwk(), "x": "A" * 43}},
        {**REPLY, "jwk": {**MINE.public_jwk(), "d": "A" * 43}},
    ],
)
def test_encryption_parameters_that_are_refused(encryption: object) -> None:
    request = {**SEALED, "credential_response_encryption": encryption}
    assert step(sealed(request), "application/jwt") == "encryption"


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        (b"", "application/json", "request"),
        (b"[]", "application/json", "request"),
        (b'{"proofs":{},"proofs":{}}', "application/json", "request"),
        (b'{"number":1.5}', "application/json", "request"),
        (json.dumps(PLAIN).encode(), "", "request"),
        (json.dumps(PLAIN).encode(), "text/plain", "request"),
        (sealed(PLAIN), "application/json", "request"),
        (json.dumps(PLAIN).encode(), "application/jwt", "encryption"),
        (b"\xff", "application/jwt", "encryption"),
        (sealed(PLAIN, key=MINE), "application/jwt", "encryption"),
        (sealed(PLAIN)[:-4] + b"AAAA", "application/jwt", "encryption"),
        (encrypt_jwe(b"[]", KEY.public_jwk()).encode(), "application/jwt", "request"),
    ],
)
def test_bodies_that_are_refused(body: bytes, media_type: str, expected: str) -> None:
    assert step(body, media_type) == expected


def test_several_proofs_and_other_types() -> None:
    many = {**PLAIN, "proofs": {"jwt": ["a.b.c"] * BATCH_SIZE}}
    assert (
        len(read_request(json.dumps(many).encode(), "application/json", KEY).proofs) == BATCH_SIZE
    )
    shown = {**PLAIN, "proofs": {"di_vp": [{"type": "x"}]}}
    asked = read_request(json.dumps(shown).encode(), "application/json", KEY)
    assert (asked.proof_type, asked.proofs) == ("di_vp", ({"type": "x"},))


def test_a_credential_identifier_names_a_configuration() -> None:
    named = {**without(PLAIN, "credential_configuration_id")}
    named["credential_identifier"] = "claim:device-provisioning"
    body, given = json.dumps(named).encode(), ("device-configuration", "device-provisioning")
    asked = read_request(body, "application/json", KEY, identified=given)
    assert asked.configuration == CONFIGURATIONS["device-provisioning"]


@pytest.mark.parametrize(
    ("asking", "identified", "expected"),
    [
        (
            {"credential_configuration_id": "device-provisioning"},
            ["device-provisioning"],
            "request",
        ),
        ({"credential_configuration_id": "passport"}, ["device-provisioning"], "request"),
        ({}, ["device-provisioning"], "request"),
        ({"credential_identifier": "claim:device-provisioning"}, [], "identifier"),
        (
            {"credential_identifier": "claim:device-provisioning"},
            ["device-provisioning-vc-jwt"],
            "identifier",
        ),
        ({"credential_identifier": "device-provisioning"}, ["device-provisioning"], "identifier"),
    ],
)
def test_a_credential_is_asked_for_as_the_token_has_it(
    asking: dict[str, str], identified: list[str], expected: str
) -> None:
    """By identifier where identifiers were given out, and not otherwise (section 8.2)."""
    body = json.dumps({**asking, "proofs": PLAIN["proofs"]}).encode()
    with pytest.raises(KeybornError) as caught:
        read_request(body, "application/json", KEY, identified=identified)
    assert caught.value.step == expected


def test_deferred_requests() -> None:
    plain = read_deferred_request(b'{"transaction_id":"t","more":1}', "application/json", KEY)
    assert (plain.transaction, plain.reply_to) == ("t", None)
    request = {"transaction_id": "t", "credential_response_encryption": REPLY}
    asked = read_deferred_request(sealed(request), "application/jwt", KEY)
    assert (asked.transaction, asked.reply_to) == ("t", MINE.public_jwk())


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, "request"),
        ({"transaction_id": 7}, "request"),
        ({"transaction_id": "t", "credential_response_encryption": REPLY}, "encryption"),
    ],
)
def test_deferred_requests_that_are_refused(request_: dict[str, Any], expected: str) -> None:
    with pytest.raises(KeybornError) as caught:
        read_deferred_request(json.dumps(request_).encode(), "application/json", KEY)
    assert caught.value.step == expected
