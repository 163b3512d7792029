"""The document of a did:web: what is checked, and whose keys count for what."""

import json
from typing import Any

import pytest
from actors import DEVICE, ISSUER, STRANGER
from web_hosts import document

from did.errors import Invalid, Refused
from did.identifier import DidUrl
from did.multibase import base64url_encode
from did.web_document import ASSERTION, AUTHENTICATION, MAX_BYTES, WebDocument, parse_web_document
from did.web_identifier import WebDid

DID = WebDid("issuer.example", None, ("plants", "7"))
KEY = ISSUER.key.public_key()
METHOD = DidUrl(DID, "key-1")


def parsed(content: Any) -> WebDocument:
    return parse_web_document(DID, json.dumps(content).encode())


def with_method(**members: Any) -> dict[str, Any]:
    content = document(DID, ISSUER)
    method = {"id": METHOD.text, "controller": DID.text, **members}
    return {**content, "verificationMethod": [method]}


def jwk(**members: Any) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url_encode(KEY.raw), **members}


def test_a_key_counts_for_what_it_is_listed() -> None:
    found = parsed(document(DID, ISSUER, DEVICE, authentication=[], assertionMethod=[METHOD.text]))
    assert found.key(METHOD, ASSERTION) == KEY
    assert found.authorizes(KEY, ASSERTION)
    with pytest.raises(Refused) as raised:
        found.key(METHOD, AUTHENTICATION)
    assert raised.value.code == "key_not_authorized"
    second = DEVICE.key.public_key()
    assert found.keys[f"{DID.text}#key-2"] == second
    assert not found.authorizes(second, ASSERTION)
    assert not found.authorizes(STRANGER.key.public_key(), ASSERTION)


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Multikey", "publicKeyMultibase": KEY.multibase},
        {"type": "Ed25519VerificationKey2020", "publicKeyMultibase": KEY.multibase},
        {"type": "JsonWebKey", "publicKeyJwk": jwk()},
        {"type": "JsonWebKey2020", "publicKeyJwk": jwk(alg="EdDSA", use="sig", kid="1")},
    ],
    ids=lambda members: members["type"],
)
def test_the_forms_of_a_key(members: dict[str, Any]) -> None:
    assert parsed(with_method(**members)).key(METHOD, ASSERTION) == KEY


SMALL_ORDER = bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000")


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Multikey", "publicKeyMultibase": "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQi"},
        {"type": "Multikey", "publicKeyMultibase": 5},
        {"type": "Multikey"},
        {"type": "Ed25519VerificationKey2018", "publicKeyBase58": "4zvwRjXUKGfvwnParsHAS3Hu"},
        {"type": "JsonWebKey", "publicKeyMultibase": KEY.multibase},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(crv="X25519")},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(kty="EC")},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(use="enc")},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(x=base64url_encode(KEY.raw) + "=")},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(x=base64url_encode(SMALL_ORDER))},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(x="A" * 100)},
        {"type": "JsonWebKey", "publicKeyJwk": jwk(x=5)},
        {"type": "JsonWebKey", "publicKeyJwk": "x"},
        {
            "type": "Multikey",
            "publicKeyMultibase": KEY.multibase,
            "controller": "did:web:other.example",
        },
        {
            "type": "Multikey",
            "publicKeyMultibase": KEY.multibase,
            "id": "did:web:other.example#key-1",
        },
        {"type": "Multikey", "publicKeyMultibase": KEY.multibase, "id": f"{DID.text}?a#key-1"},
    ],
)
def test_other_keys_stay_in_the_document_and_speak_for_nobody(members: dict[str, Any]) -> None:
    content = with_method(**members)
    found = parsed(content)
    assert found.content == content
    assert found.keys == {}
    with pytest.raises(Invalid) as raised:
        found.key(METHOD, ASSERTION)
    assert raised.value.code == "unknown_verification_method"


def test_methods_may_be_embedded_and_ids_relative() -> None:
    method = {
        "id": "#key-1",
        "type": "Multikey",
        "controller": DID.text,
        "publicKeyMultibase": KEY.multibase,
    }
    content = {"id": DID.text, "assertionMethod": [method]}
    assert parsed(content).key(METHOD, ASSERTION) == KEY
    listed = {"id": DID.text, "verificationMethod": [method], "assertionMethod": ["#key-1"]}
    assert parsed(listed).key(METHOD, ASSERTION) == KEY


WRONG: dict[str, Any] = {
    "no object": [],
    "no id": {},
    "another id": {"id": "did:web:issuer.example"},
    "methods that are no list": {"id": DID.text, "verificationMethod": {}},
    "a method that is no object": {"id": DID.text, "verificationMethod": ["x"]},
    "a method without an id": {"id": DID.text, "verificationMethod": [{"type": "Multikey"}]},
    "an embedded method without one": {"id": DID.text, "assertionMethod": [{"id": ""}]},
    "a relationship that is no list": {"id": DID.text, "assertionMethod": "#key-1"},
    "a relationship with a number": {"id": DID.text, "assertionMethod": [1]},
    "a service that is no object": {"id": DID.text, "service": [1]},
    "a service without an id": {"id": DID.text, "service": [{}]},
    "two methods of one name": {
        **document(DID, ISSUER),
        "verificationMethod": [*document(DID, ISSUER)["verificationMethod"]] * 2,
    },
    "one name, once relative": {
        **document(DID, ISSUER),
        "authentication": [{"id": "#key-1", "type": "Multikey", "controller": DID.text}],
    },
    "a service with the name of a method": {
        **document(DID, ISSUER),
        "service": [{"id": "#key-1", "type": "Files", "serviceEndpoint": "https://a.example"}],
    },
    "a service without a type": {
        "id": DID.text,
        "service": [{"id": "#a", "serviceEndpoint": "https://a.example"}],
    },
    "a service with a type that is none": {
        "id": DID.text,
        "service": [{"id": "#a", "type": [1], "serviceEndpoint": "https://a.example"}],
    },
    "a service without an endpoint": {"id": DID.text, "service": [{"id": "#a", "type": "Files"}]},
    "a service with an endpoint that is none": {
        "id": DID.text,
        "service": [{"id": "#a", "type": "Files", "serviceEndpoint": [1]}],
    },
    "a method without a type": with_method(publicKeyMultibase=KEY.multibase),
    "a method of two types": with_method(type=["Multikey"], publicKeyMultibase=KEY.multibase),
    "a method without a controller": {
        "id": DID.text,
        "verificationMethod": [{"id": "#key-1", "type": "Multikey"}],
    },
    "a key in two forms": with_method(
        type="Multikey", publicKeyMultibase=KEY.multibase, publicKeyJwk=jwk()
    ),
    "a controller that is no DID": {"id": DID.text, "controller": "issuer.example"},
    "controllers of which one is none": {"id": DID.text, "controller": [DID.text, 1]},
    "a controller that is a DID URL": {"id": DID.text, "controller": f"{DID.text}#key-1"},
    "one name that it is also known by": {"id": DID.text, "alsoKnownAs": "https://a.example"},
    "another name that is no URI": {"id": DID.text, "alsoKnownAs": ["a.example"]},
    "a method whose id is no DID URL": with_method(id="https://a.example#key-1", type="Multikey"),
    "a method whose id has blanks": with_method(id=f"{DID.text}#key 1", type="Multikey"),
    "a method whose controller is no DID": with_method(controller="nobody", type="Multikey"),
    "a relationship with what is no DID URL": {"id": DID.text, "authentication": ["key-1"]},
    "a service whose id is no URI": {
        "id": DID.text,
        "service": [{"id": "files", "type": "Files", "serviceEndpoint": "https://a.example"}],
    },
    "a service whose endpoint is no URI": {
        "id": DID.text,
        "service": [{"id": "#a", "type": "Files", "serviceEndpoint": "a.example/files"}],
    },
    "a service with an endpoint that has blanks": {
        "id": DID.text,
        "service": [{"id": "#a", "type": "Files", "serviceEndpoint": ["https://a.example/a b"]}],
    },
    "a private JWK": with_method(type="JsonWebKey", publicKeyJwk=jwk(d="AAAA")),
    "a symmetric JWK": with_method(type="JsonWebKey", publicKeyJwk={"kty": "oct", "k": "AAAA"}),
    "a private Multikey": with_method(type="Multikey", secretKeyMultibase="z"),
}


GOOD: dict[str, dict[str, Any]] = {
    "a controller": {"controller": "did:example:123"},
    "controllers": {"controller": [DID.text, "did:key:z6Mk"]},
    "other names": {"alsoKnownAs": ["https://a.example/", "urn:uuid:1", "did:example:a%20b"]},
    "methods of others": {"authentication": ["did:example:1?c=d#e", f"{DID.text}#key-1"]},
    "services": {
        "service": [
            {"id": "#a", "type": "Files", "serviceEndpoint": "https://a.example/?x=%20#y"},
            {"id": "https://a.example/", "type": ["A"], "serviceEndpoint": ["did:web:a#b", {}]},
        ]
    },
    "numbers": {"version": 1.5, "serial": 2**60},
}


@pytest.mark.parametrize("what", GOOD)
def test_what_is_one(what: str) -> None:
    content = {**document(DID, ISSUER), **GOOD[what]}
    assert parsed(content).content == content


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_document(what: str) -> None:
    with pytest.raises(Invalid) as raised:
        parsed(WRONG[what])
    assert raised.value.code == "invalid_did_document"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not JSON",
        b'{"id": "did:web:issuer.example:plants:7", "id": "did:web:issuer.example:plants:7"}',
        b'{"id": "did:web:issuer.example:plants:7", "n": 1e400}',
        b"[" * 100_000,
        b" " * (MAX_BYTES + 1),
    ],
    ids=["empty", "no JSON", "a key twice", "no number", "deep", "long"],
)
def test_what_is_no_strict_json(data: bytes) -> None:
    with pytest.raises(Invalid) as raised:
        parse_web_document(DID, data)
    assert raised.value.code == "invalid_did_document"


def test_a_key_is_this_did_s_own() -> None:
    other = DidUrl(WebDid("issuer.example"), "key-1")
    with pytest.raises(Invalid):
        parsed(document(DID, ISSUER)).key(other, ASSERTION)
