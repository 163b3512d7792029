import json
from typing import Any
from urllib.parse import quote

import pytest

from did.errors import Invalid
from did.openid4vci import (
    PRE_AUTHORIZED,
    Offer,
    OfferReference,
    TxCode,
    offer_from_json,
    parse_any_offer,
    parse_offer,
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


def test_an_issuer_may_be_named_as_its_own_authorization_server() -> None:
    """Section 12.2.4: where another one is named, the code is not to be sent to this one."""
    grants = {PRE_AUTHORIZED: {**GRANT, "authorization_server": OBJECT["credential_issuer"]}}
    assert parse_offer(json.dumps({**OBJECT, "grants": grants, "size": 1.5})) == WITH_CODE


@pytest.mark.parametrize("path", ["", "/", "/a", "/a/", "/A//", "/%61"])
def test_the_issuer_is_named_as_the_offer_has_it(path: str) -> None:
    """Regression: a final slash was taken off (section 12.2.4: no normalization)."""
    named = f"https://issuer.example{path}"
    offer = parse_offer(json.dumps({**OBJECT, "credential_issuer": named}))
    assert offer.issuer == named


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
        {"credential_issuer": "https://issuer.example?tenant=7"},
        {"credential_issuer": "https://issuer.example/?"},
        {"credential_issuer": "https://issuer.example#7"},
        {"credential_issuer": "https://issuer.example/#"},
        {"credential_configuration_ids": None},
        {"credential_configuration_ids": []},
        {"credential_configuration_ids": "one"},
        {"credential_configuration_ids": ["one", 2]},
        {"credential_configuration_ids": ["one", "two", "one"]},
        {"grants": None},
        {"grants": {}},
        {"grants": {"authorization_code": {}}},
        {"grants": {PRE_AUTHORIZED: "code"}},
        {"grants": {PRE_AUTHORIZED: {}}},
        {"grants": {PRE_AUTHORIZED: {"pre-authorized_code": 5}}},
        {"grants": {PRE_AUTHORIZED: {"pre-authorized_code": ""}}},
        {"grants": {PRE_AUTHORIZED: {**GRANT, "authorization_server": "https://as.example"}}},
        {"grants": {PRE_AUTHORIZED: {**GRANT, "authorization_server": None}}},
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
    assert raised.value.hint == "take the offer by value, or enrol one device with it"


REFERENCE = "https://issuer.example/offers/GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"


def test_an_offer_by_reference_comes_back() -> None:
    reference = OfferReference(REFERENCE)
    assert parse_any_offer(reference.to_uri()) == reference
    assert parse_any_offer(PLAIN.to_uri()) == PLAIN


@pytest.mark.parametrize(
    "query",
    [
        "credential_offer_uri=",
        "credential_offer_uri=offers%2Fx",
        "credential_offer_uri=ftp%3A%2F%2Fissuer.example%2Fx",
        "credential_offer_uri=https%3A%2F%2Fx.example&credential_offer_uri=https%3A%2F%2Fy.example",
        "credential_offer_uri=https%3A%2F%2Fx.example&credential_offer=%7B%7D",
        "",
    ],
)
def test_references_that_are_refused(query: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse_any_offer(f"openid-credential-offer://?{query}")
    assert raised.value.code == "invalid_offer"


@pytest.mark.parametrize(
    ("tx_code", "expected"),
    [
        ({}, TxCode(0)),
        ({"input_mode": "text"}, TxCode(0, input_mode="text")),
        ({"length": 4, "description": "x" * 300}, TxCode(4, "x" * 300)),
    ],
)
def test_what_an_offer_says_of_its_transaction_code(
    tx_code: dict[str, object], expected: TxCode
) -> None:
    grant = {"pre-authorized_code": "c", "tx_code": tx_code}
    offer = offer_from_json({**PLAIN.to_json(), "grants": {PRE_AUTHORIZED: grant}})  # type: ignore[dict-item] # JSON
    assert offer.tx_code == expected
    assert parse_offer(offer.to_uri()) == offer


@pytest.mark.parametrize(
    "tx_code",
    [
        {"input_mode": "letters"},
        {"input_mode": 7},
        {"length": -1},
        {"length": "4"},
        {"description": 7},
        {"description": "x" * 301},
        [],
    ],
)
def test_transaction_codes_that_are_refused(tx_code: object) -> None:
    grant = {"pre-authorized_code": "c", "tx_code": tx_code}
    with pytest.raises(Invalid) as raised:
        offer_from_json({**PLAIN.to_json(), "grants": {PRE_AUTHORIZED: grant}})  # type: ignore[dict-item] # JSON
    assert raised.value.code == "invalid_offer"
