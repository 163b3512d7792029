"""Request objects: made, taken apart, read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from actors import DEVICE, NOW, STRANGER
from forgery import forge_jws

from did.errors import Invalid, KeybornError, Refused
from did.identifier import DidUrl
from did.jose import EncryptionKey, sign_jws
from did.openid4vp.client_id import client_id_of
from did.openid4vp.dcql import parse_query
from did.openid4vp.formats import SUPPORTED
from did.openid4vp.request import (
    ANY_WALLET,
    REQUEST_TYP,
    AuthorizationRequest,
    ResponseMode,
    open_request,
    read_request,
    sign_request,
)

QUERY = parse_query({"credentials": [{"id": "a", "format": "ldp_vc", "meta": {}}]})
CLIENT = client_id_of(DEVICE.key_did)
METHOD = DidUrl(DEVICE.key_did, DEVICE.key.public_key().multibase)
KEY = EncryptionKey(bytes(range(32)), "k1")
PLAIN = AuthorizationRequest(
    client_id=CLIENT,
    response_uri="https://gate.example/openid4vp/responses/1",
    mode=ResponseMode.DIRECT_POST,
    nonce="n-0S6_WzA2Mj",
    query=QUERY,
    state="s.t~a-t_e",
    formats=SUPPORTED,
    wallet_nonce="any text äöü",
    issued=NOW,
    begins=NOW - timedelta(seconds=1),
    expires=NOW + timedelta(seconds=120),
)
ENCRYPTED = AuthorizationRequest(
    client_id=CLIENT,
    response_uri="https://gate.example/x",
    mode=ResponseMode.DIRECT_POST_JWT,
    nonce="n",
    query=QUERY,
    formats={},
    encryption=KEY.public_jwk(),
)


def payload(**changes: Any) -> dict[str, Any]:
    """That of ``PLAIN``; what is changed to None is left out."""
    value = {**json.loads(json.dumps(PLAIN.to_json())), **changes}
    return {name: each for name, each in value.items() if each is not None}


@pytest.mark.parametrize("request_", [PLAIN, ENCRYPTED])
def test_there_and_back(request_: AuthorizationRequest) -> None:
    opened = open_request(sign_request(request_, DEVICE.key, method=METHOD))
    opened.jws.verify(DEVICE.key.public_key())
    assert opened.client_id == CLIENT
    assert opened.method == METHOD
    assert opened.jws.header == {"typ": REQUEST_TYP, "alg": "EdDSA", "kid": METHOD.text}
    assert read_request(opened.jws.payload) == request_
    with pytest.raises(Invalid, match="does not hold"):
        opened.jws.verify(STRANGER.key.public_key())


def test_what_a_request_object_says() -> None:
    made = PLAIN.to_json()
    assert made["aud"] == ANY_WALLET == "https://self-issued.me/v2"
    assert made["client_id"] == f"decentralized_identifier:{DEVICE.key_did}"
    assert made["response_type"] == "vp_token"
    assert made["response_mode"] == "direct_post"
    assert made["dcql_query"] == QUERY.document
    assert made["client_metadata"] == {"vp_formats_supported": dict(SUPPORTED)}
    encrypted: Any = ENCRYPTED.to_json()["client_metadata"]
    assert encrypted["jwks"] == {"keys": [KEY.public_jwk()]}
    assert encrypted["encrypted_response_enc_values_supported"] == ["A256GCM"]
    assert "state" not in ENCRYPTED.to_json()


def test_what_is_not_known_is_ignored_and_iss_too() -> None:
    assert read_request(payload(iss="anybody", x={"y": 1}, verifier_info=[{}])) == PLAIN
    assert read_request(payload(iss=None)) == PLAIN
    assert read_request(payload(aud=["x", ANY_WALLET])) == PLAIN


def test_numbers_of_any_kind_where_they_are_not_known() -> None:
    """Regression: a fraction in what is to be ignored had the whole request refused."""
    query = {"credentials": [{"id": "a", "format": "ldp_vc", "meta": {}, "weight": 0.5}]}
    iat = NOW.timestamp() + 0.25
    more = payload(dcql_query=query, client_metadata={"size": 2**60}, iat=iat, x=[1e300, -0.0])
    header = {"alg": "EdDSA", "typ": REQUEST_TYP, "kid": METHOD.text}
    opened = open_request(forge_jws(header, more, DEVICE.key))
    opened.jws.verify(DEVICE.key.public_key())
    request = read_request(opened.jws.payload)
    assert request.query.credentials == QUERY.credentials
    assert request.issued == NOW + timedelta(seconds=0.25)


def test_a_state_may_be_a_token_and_a_client_id_any_did() -> None:
    assert read_request(payload(state="s" * 4_096)).state == "s" * 4_096
    long = f"decentralized_identifier:did:web:issuer.example{':a' * 104}"
    assert len(long) - 25 == 230
    assert read_request(payload(client_id=long + "b" * 26)).client_id.did().text.endswith("b" * 26)


def test_what_may_be_left_out() -> None:
    bare = read_request(
        payload(state=None, client_metadata=None, wallet_nonce=None, iat=None, nbf=None, exp=None)
    )
    assert (bare.state, bare.formats, bare.wallet_nonce) == (None, None, None)
    assert (bare.issued, bare.begins, bare.expires) == (None, None, None)
    assert read_request(payload(exp=0)).expires == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": None}, "invalid_authorization_request"),
        ({"aud": None}, "invalid_authorization_request"),
        ({"aud": "https://wallet.example"}, "invalid_authorization_request"),
        ({"aud": []}, "invalid_authorization_request"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"response_type": "vp_token id_token"}, "unsupported_response_type"),
        ({"response_mode": None}, "response_mode_not_supported"),
        ({"response_mode": "fragment"}, "response_mode_not_supported"),
        ({"response_mode": "dc_api"}, "response_mode_not_supported"),
        ({"response_mode": 1}, "response_mode_not_supported"),
        ({"response_mode": "direct_post.jwt"}, "response_encryption_not_supported"),
        ({"response_uri": None}, "invalid_authorization_request"),
        ({"response_uri": "http://gate.example/x"}, "insecure_verifier"),
        ({"redirect_uri": "https://gate.example/x"}, "invalid_authorization_request"),
        ({"request": "eyJ"}, "invalid_authorization_request"),
        ({"request_uri": "https://gate.example/x"}, "invalid_authorization_request"),
        ({"nonce": None}, "invalid_authorization_request"),
        ({"nonce": ""}, "invalid_authorization_request"),
        ({"nonce": "a b"}, "invalid_authorization_request"),
        ({"nonce": "n\n"}, "invalid_authorization_request"),
        ({"nonce": 1}, "invalid_authorization_request"),
        ({"nonce": "n" * 257}, "invalid_authorization_request"),
        ({"state": "a/b"}, "invalid_authorization_request"),
        ({"state": ""}, "invalid_authorization_request"),
        ({"state": "s" * 4_097}, "invalid_authorization_request"),
        ({"dcql_query": None}, "invalid_authorization_request"),
        ({"dcql_query": {}}, "invalid_dcql_query"),
        ({"dcql_query": "{}"}, "invalid_dcql_query"),
        ({"scope": "com.example.x"}, "invalid_scope"),
        ({"scope": "com.example.x", "dcql_query": None}, "invalid_scope"),
        ({"transaction_data": ["eyJ"]}, "invalid_transaction_data"),
        ({"client_metadata": "x"}, "invalid_authorization_request"),
        ({"client_metadata": {"vp_formats_supported": []}}, "invalid_authorization_request"),
        ({"client_metadata": {"vp_formats_supported": {"x": 1}}}, "invalid_authorization_request"),
        ({"wallet_nonce": 1}, "invalid_authorization_request"),
        ({"exp": "1"}, "invalid_authorization_request"),
        ({"exp": True}, "invalid_authorization_request"),
        ({"exp": 2**53 - 1}, "invalid_authorization_request"),
        ({"iat": -(2**53) + 1}, "invalid_authorization_request"),
        ({"nbf": []}, "invalid_authorization_request"),
    ],
)
def test_what_is_no_request(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(KeybornError) as caught:
        read_request(payload(**changes))
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC", "crv": "P-256"},
        {"crv": "X448"},
        {"alg": "ECDH-ES+A256KW"},
        {"alg": None},
        {"kid": None},
    ],
)
def test_a_key_that_an_answer_is_not_encrypted_to(changes: dict[str, Any]) -> None:
    other = {**KEY.public_jwk(), **changes}
    metadata: dict[str, Any] = {
        "jwks": {"keys": ["x", other]},
        "encrypted_response_enc_values_supported": ["A128GCM", "A256GCM"],
    }
    asked = payload(response_mode="direct_post.jwt", client_metadata=metadata)
    with pytest.raises(Refused) as caught:
        read_request(asked)
    assert caught.value.code == "response_encryption_not_supported"
    metadata["jwks"]["keys"].append(KEY.public_jwk())
    assert read_request(asked).encryption == KEY.public_jwk()
    metadata["encrypted_response_enc_values_supported"] = ["A128GCM"]  # which is the default, too
    with pytest.raises(Refused):
        read_request(asked)


@pytest.mark.parametrize(
    ("header", "changes", "code"),
    [
        ({"typ": "JWT"}, {}, "invalid_jwt"),
        ({"typ": ""}, {}, "invalid_jwt"),
        ({"kid": 1}, {}, "invalid_authorization_request"),
        ({"kid": "key-1"}, {}, "invalid_did_url"),
        ({"kid": f"{STRANGER.key_did}#x"}, {}, "invalid_authorization_request"),
        ({}, {"client_id": None}, "invalid_authorization_request"),
        ({}, {"client_id": 1}, "invalid_authorization_request"),
        ({}, {"client_id": DEVICE.key_did.text}, "client_id_prefix_not_supported"),
        ({}, {"client_id": "x509_san_dns:gate.example"}, "client_id_prefix_not_supported"),
        ({}, {"client_id": "decentralized_identifier:x"}, "invalid_did"),
        ({}, {"client_id": client_id_of(STRANGER.key_did).text}, "invalid_authorization_request"),
        ({}, {"client_id": client_id_of(DEVICE.short).text}, "invalid_authorization_request"),
    ],
)
def test_whose_request_it_is(header: dict[str, Any], changes: dict[str, Any], code: str) -> None:
    words = {"typ": REQUEST_TYP, "kid": METHOD.text, **header}
    with pytest.raises(KeybornError) as caught:
        open_request(sign_jws(words, payload(**changes), DEVICE.key))
    assert caught.value.code == code
