import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from actors import DEVICE, NOW
from forgery import forge_jws

from did.errors import Invalid
from did.identifier import DidUrl
from did.openid4vci import (
    PRE_AUTHORIZED,
    PROOF_TYP,
    Offer,
    TxCode,
    parse_offer,
    parse_possession,
    sign_possession,
)

PLAIN = Offer("https://issuer.example/a", ("device-provisioning",), "a code +&=%é")
WITH_CODE = Offer("http://127.0.0.1:1", ("one", "two"), "code", TxCode(6, "on the label"))
OBJECT = WITH_CODE.to_json()
GRANT = OBJECT["grants"][PRE_AUTHORIZED]  # type: ignore[index,call-overload]


def by_value(text: str) -> str:
    return f"openid-credential-offer://?credential_offer={quote(text, safe='')}"


@pytest.mark.parametrize("offer", [PLAIN, WITH_CODE, Offer("http://x", ("a",), "b", TxCode(4))])
def test_offer_round_trip(offer: Offer) -> None:
    assert parse_offer(offer.to_uri()) == offer
    assert parse_offer(json.dumps(offer.to_json())) == offer
    assert parse_offer(f"  {offer.to_uri()}\n") == offer  # as a person pastes it


def test_offer_as_the_specification_writes_it() -> None:
    assert OBJECT == {
        "credential_issuer": "http://127.0.0.1:1",
        "credential_configuration_ids": ["one", "two"],
        "grants": {
            "urn:ietf:params:oauth:grant-type:pre-authorized_code": {
                "pre-authorized_code": "code",
                "tx_code": {"input_mode": "numeric", "length": 6, "description": "on the label"},
            }
        },
    }


def test_what_else_an_offer_holds_is_let_be() -> None:
    grants = {"authorization_code": {}, PRE_AUTHORIZED: {**GRANT, "interval": 5}}
    assert parse_offer(json.dumps({**OBJECT, "grants": grants, "more": 1})) == WITH_CODE


def test_the_issuer_is_named_without_a_trailing_slash() -> None:
    offer = parse_offer(json.dumps({**OBJECT, "credential_issuer": "https://issuer.example/a/"}))
    assert offer.issuer == "https://issuer.example/a"


@pytest.mark.parametrize(
    "change",
    [
        {"credential_issuer": None},
        {"credential_issuer": 5},
        {"credential_issuer": "issuer.example"},
        {"credential_issuer": "file:///etc/passwd"},
        {"credential_issuer": "https://"},
        {"credential_issuer": "https:///path"},
        {"credential_issuer": "https://["},
        {"credential_configuration_ids": None},
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": "one"},
        {"credential_configuration_ids": ["one", 2]},
        {"grants": None},
        {"grants": {}},
        {"grants": {"authorization_code": {}}},
        {"grants": {PRE_AUTHORIZED: "code"}},
        {"grants": {PRE_AUTHORIZED: {}}},
        {"grants": {PRE_AUTHORIZED: {"pre-authorized_code": 5}}},
        {"grants": {PRE_AUTHORIZED: {**GRANT, "tx_code": "numeric"}}},
        {"grants": {PRE_AUTHORIZED: {**GRANT, "tx_code": {"length": "6"}}}},
        {"grants": {PRE_AUTHORIZED: {**GRANT, "tx_code": {"length": True}}}},
        {"grants": {PRE_AUTHORIZED: {**GRANT, "tx_code": {"length": 6, "description": 5}}}},
    ],
    ids=json.dumps,
)
def test_a_malformed_offer(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as raised:
        parse_offer(by_value(json.dumps({**OBJECT, **change})))
    assert raised.value.code == "invalid_offer"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a":1,"a":1}',
        "{\ud800}",
        "https://issuer.example/offer",
        "openid-credential-offer://",
        "openid-credential-offer://?credential_offer=",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example",
        "openid-credential-offer://?credential_offer={}&credential_offer={}",
        "openid-credential-offer://[?credential_offer={}",
        "openid-credential-offer://?credential_offer=%ff",
        "haip://?credential_offer={}",
        by_value("[]"),
        by_value("5"),
        by_value("x" * 8192),
    ],
)
def test_text_that_is_no_offer(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_offer(text)
    assert raised.value.code == "invalid_offer"


def test_an_offer_by_reference_says_what_to_do() -> None:
    with pytest.raises(Invalid) as raised:
        parse_offer("openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fx")
    assert raised.value.hint == "offers by reference (credential_offer_uri) are not supported"


def test_possession_covers_the_full_did() -> None:
    token = sign_possession(
        DEVICE.did, DEVICE.key, audience="https://issuer.example", nonce="n", issued=NOW
    )
    proof = parse_possession(token)
    assert proof.method == DidUrl(DEVICE.did, DEVICE.key.public_key().multibase)
    assert (proof.audience, proof.nonce, proof.issued) == ("https://issuer.example", "n", NOW)
    assert proof.jws.header["kid"] == proof.method.text
    assert proof.jws.payload["iat"] == int(NOW.timestamp())
    proof.jws.verify(proof.method.key())


HEADER = {"alg": "EdDSA", "typ": PROOF_TYP, "kid": DEVICE.method.text}
PAYLOAD = {"aud": "https://issuer.example", "nonce": "n", "iat": 1_769_860_800}


def test_another_client_may_say_more() -> None:
    header = {**HEADER, "alg": "Ed25519"}
    proof = parse_possession(forge_jws(header, {**PAYLOAD, "iss": "me"}, DEVICE.key))
    assert proof.issued == datetime.fromtimestamp(PAYLOAD["iat"], UTC)  # type: ignore[arg-type]
    proof.jws.verify(proof.method.key())


@pytest.mark.parametrize(
    ("header", "payload", "code"),
    [
        ({**HEADER, "jwk": {}}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "x5c": []}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "kid": None}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "kid": 5}, PAYLOAD, "invalid_possession_proof"),
        ({**HEADER, "kid": DEVICE.short.text}, PAYLOAD, "invalid_did_url"),
        ({**HEADER, "kid": "#key"}, PAYLOAD, "invalid_did"),
        ({**HEADER, "kid": "did:example:x#key"}, PAYLOAD, "method_not_supported"),
        ({**HEADER, "typ": "JWT"}, PAYLOAD, "invalid_jwt"),
        (HEADER, {**PAYLOAD, "aud": ["https://issuer.example"]}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "aud": None}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "nonce": 5}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": "1769860800"}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": True}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": 2**53 - 1}, "invalid_possession_proof"),
        (HEADER, {**PAYLOAD, "iat": 1.5}, "invalid_jwt"),
        (HEADER, {}, "invalid_possession_proof"),
    ],
)
def test_a_malformed_possession_proof(header: Any, payload: Any, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_possession(forge_jws(header, payload, DEVICE.key))
    assert raised.value.code == code


def test_a_bare_key_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid) as raised:
        parse_possession(forge_jws({**HEADER, "jwk": {}}, PAYLOAD, DEVICE.key))
    assert raised.value.hint is not None
    assert "kid" in raised.value.hint
