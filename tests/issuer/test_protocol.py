"""The endpoints, over HTTP, as OpenID4VCI 1.0 describes them."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from actors import DEVICE, STRANGER
from issuing import SECRETS, TERMS, URL, World, issuing
from oauth import error

from did.jose import EncryptionKey, encrypt_jwe, jwe_header
from did.openid4vci import CONFIGURATION_CONFIGURATION, PRE_AUTHORIZED
from did.strict_json import parse_object
from did.vc.credential import parse_credential
from issuer import inventory, metadata
from issuer.identity import Identity

BOTH = replace(TERMS, configuration=SECRETS)
REPLY_TO = EncryptionKey(bytes(range(32)), "reply")


def test_metadata(world: World) -> None:
    told = world.http.get("/.well-known/openid-credential-issuer")
    assert told.headers["content-type"] == "application/json"
    assert told.json() == metadata.credential_issuer(URL, world.issuer.keys.encryption)
    told = world.http.get("/.well-known/oauth-authorization-server")
    assert told.json() == metadata.authorization_server(URL)


def test_an_issuer_whose_url_has_a_path(tmp_path: Path) -> None:
    url = "https://host.example/tenants/7"
    with issuing(tmp_path, url=url) as world:
        origin = httpx.URL(world.http.base_url).copy_with(path="/")
        told = httpx.get(f"{origin}.well-known/openid-credential-issuer/tenants/7").json()
        assert told["credential_issuer"] == url
        assert told["credential_endpoint"] == f"{url}/credential"
        assert httpx.get(f"{origin}.well-known/openid-credential-issuer").status_code == 404
        granted = world.ask(world.token(world.claim()), world.proof(DEVICE))
        credential = parse_credential(granted.json()["credentials"][0]["credential"])
        path = credential.statuses[0].list_url.removeprefix("https://host.example/")
        assert httpx.get(f"{origin}{path}").status_code == 200
        assert world.admin.get("/issuer").json()["url"] == url


def test_token(world: World) -> None:
    answer = world.redeem(world.claim())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert set(body) == {"access_token", "token_type", "expires_in"}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("", "invalid_request"),
        ("nonsense", "invalid_request"),
        ("pre-authorized_code=x", "invalid_request"),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        (f"grant_type={PRE_AUTHORIZED}", "invalid_request"),
        (f"grant_type={PRE_AUTHORIZED}&pre-authorized_code=x", "invalid_grant"),
        (f"grant_type={PRE_AUTHORIZED}&pre-authorized_code=", "invalid_grant"),
        (f"grant_type={PRE_AUTHORIZED}&pre-authorized_code=x&grant_type=x", "invalid_request"),
        (f"grant_type={PRE_AUTHORIZED}&pre-authorized_code=%ff", "invalid_request"),
        (f"grant_type={PRE_AUTHORIZED}&pre-authorized_code=é", "invalid_request"),
        ("grant_type=" + "x" * 9_000, "invalid_request"),
        ("&".join(f"f{n}=x" for n in range(40)), "invalid_request"),
    ],
)
def test_token_requests_that_are_refused(standing: World, form: str, expected: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = standing.http.post("/token", content=form.encode(), headers=headers)
    assert error(answer) == expected


def test_token_wants_a_form(world: World) -> None:
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": world.claim().offer.code}
    assert error(world.http.post("/token", json=form)) == "invalid_request"
    assert error(world.http.post("/token")) == "invalid_request"
    assert world.http.post("/token", data=form).status_code == 200


def test_tx_code(world: World) -> None:
    guarded, plain = world.claim(replace(TERMS, tx_code=True)), world.claim()
    wrong = f"{(int(guarded.tx_code or 0) + 1) % 10**6:06}"
    assert error(world.redeem(guarded, tx_code=wrong)) == "invalid_grant"
    assert error(world.redeem(replace(guarded, tx_code=None))) == "invalid_request"
    assert error(world.redeem(plain, tx_code="123456")) == "invalid_request"
    assert world.redeem(guarded).status_code == 200


def test_a_refused_code_says_why_and_what_next(world: World) -> None:
    claim = world.claim()
    world.clock.advance(TERMS.lifetime.total_seconds())
    answer = world.redeem(claim)
    assert error(answer) == "invalid_grant"
    assert answer.json()["error_description"] == (
        "the code has expired [code_expired]; ask the operator for a new claim"
    )


def test_nonce(world: World) -> None:
    answer = world.http.post("/nonce")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    nonce = answer.json()["c_nonce"]
    assert nonce != world.http.post("/nonce").json()["c_nonce"]
    token = world.token(world.claim())
    assert world.ask(token, world.proof(DEVICE, nonce=nonce)).status_code == 200
    assert world.http.get("/nonce").status_code == 405


def test_credential(world: World) -> None:
    answer = world.ask(world.token(world.claim()), world.proof(DEVICE))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = parse_object(answer.content)
    assert list(body) == ["credentials", "notification_id"]
    assert isinstance(body["credentials"], list)
    (item,) = body["credentials"]
    assert isinstance(item, dict)
    credential = parse_credential(item["credential"])
    credential.proof.verify(world.issuer.identity.key)
    assert credential.subject_did() == DEVICE.short


def test_a_lost_answer_is_asked_for_again(world: World) -> None:
    claim = world.claim()
    first = world.ask(world.token(claim), world.proof(DEVICE))
    second = world.ask(world.token(claim), world.proof(DEVICE))
    assert first.content == second.content
    assert second.status_code == 200


def test_the_configuration_travels_encrypted(world: World) -> None:
    token = world.token(world.claim(BOTH))
    answer = world.ask_sealed(token, world.proof(DEVICE), reply_to=REPLY_TO)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwt"
    assert "correct horse" not in answer.text
    body = parse_object(REPLY_TO.decrypt(answer.text))
    assert isinstance(body["credentials"], list)
    (item,) = body["credentials"]
    assert isinstance(item, dict)
    credential = parse_credential(item["credential"])
    assert credential.subject["configuration"] == SECRETS


def test_the_configuration_does_not_travel_otherwise(world: World) -> None:
    token = world.token(world.claim(BOTH))
    asked = {"configuration": CONFIGURATION_CONFIGURATION}
    answers = [
        world.ask(token, world.proof(DEVICE), **asked),
        world.ask(
            token,
            world.proof(DEVICE),
            credential_response_encryption={"jwk": REPLY_TO.public_jwk(), "enc": "A256GCM"},
            **asked,
        ),
        world.ask_sealed(
            token,
            world.proof(DEVICE),
            reply_to=REPLY_TO,
            credential_response_encryption=None,
        ),
    ]
    for answer in answers:
        assert error(answer) == "invalid_encryption_parameters"
    # It cost nothing: claim and nonces are as they were.
    assert world.ask_sealed(token, world.proof(STRANGER), reply_to=REPLY_TO).status_code == 200


def test_errors_by_their_code(world: World) -> None:
    claim = world.claim()
    token, proof = world.token(claim), world.proof(DEVICE)
    assert error(world.ask(token, proof, configuration="x")) == "unknown_credential_configuration"
    assert error(world.ask(token, proof, proofs={})) == "invalid_proof"
    assert error(world.ask(token, "a.b.c")) == "invalid_proof"
    both = world.ask(token, proof, credential_identifier="x")
    assert error(both) == "invalid_credential_request"
    identified = world.ask(token, proof, configuration=None, credential_identifier="x")
    assert error(identified) == "unknown_credential_identifier"
    bearer = {"authorization": f"Bearer {token}"}
    assert error(world.http.post("/credential", json=[], headers=bearer)) == (
        "invalid_credential_request"
    )
    assert error(world.ask(token, world.proof(DEVICE, nonce="x"))) == "invalid_nonce"
    assert world.ask(token, proof).status_code == 200
    assert error(world.ask(token, proof)) == "invalid_nonce"
    taken = world.ask(token, world.proof(STRANGER))
    assert error(taken) == "credential_request_denied"
    assert "[claim_used]" in taken.json()["error_description"]
    inventory.suspend(world.issuer.engine, DEVICE.did, at=world.clock())
    stopped = world.ask(token, world.proof(DEVICE))
    assert error(stopped) == "credential_request_denied"
    assert "[device_suspended]" in stopped.json()["error_description"]


def test_a_deactivated_device_is_denied(world: World) -> None:
    world.register(DEVICE)
    token = world.token(world.claim())
    world.deactivate(DEVICE)
    assert error(world.ask(token, world.proof(DEVICE))) == "credential_request_denied"
    assert world.ask(token, world.proof(STRANGER)).status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic eDp4", "Bearer é"])
def test_needs_an_access_token(standing: World, authorization: str) -> None:
    headers = {"authorization": authorization.encode()}
    answer = standing.http.post("/credential", json={}, headers=headers)
    assert error(answer, 401) == "invalid_token"
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_an_access_token_ends(world: World) -> None:
    token = world.token(world.claim())
    world.clock.advance(299)
    assert world.ask(token, world.proof(DEVICE)).status_code == 200
    world.clock.advance(1)
    assert error(world.ask(token, world.proof(DEVICE)), 401) == "invalid_token"


def test_a_ledger_that_is_down_is_no_fault_of_the_device(world: World) -> None:
    token, proof = world.token(world.claim()), world.proof(DEVICE)
    world.ledger.close()
    (world.directory / "ledger" / "log.sqlite").write_bytes(b"damaged" * 1000)
    answer = world.ask(token, proof)
    assert error(answer, 503) == "temporarily_unavailable"
    assert int(answer.headers["retry-after"]) > 0


def test_a_rotation_under_way_is_no_fault_of_the_device(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.token(world.claim())
    identity = world.issuer.identity
    identity._begin(None)
    with identity._alone(patience=0):
        answer = world.ask(token, world.proof(DEVICE))
    assert error(answer, 503) == "temporarily_unavailable"
    assert "[rotation_pending]" in answer.json()["error_description"]
    assert answer.headers["retry-after"] == "2"
    monkeypatch.setattr(Identity, "_wait_until_after", lambda *_: None)
    assert world.ask(token, world.proof(DEVICE)).status_code == 200


def test_who_sends_no_token_is_told_no_error(standing: World) -> None:
    """RFC 6750, section 3.1: an error code is for those who tried."""
    for path in ("/credential", "/deferred_credential", "/notification"):
        answer = standing.http.post(path, json={})
        assert answer.headers["www-authenticate"] == 'Bearer realm="keyborn"'
        assert error(answer, 401) == "invalid_token"
        wrong = standing.post(path, "x", {})
        assert error(wrong, 401) == "invalid_token"
        assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_the_nonce_endpoint_needs_no_token_and_no_body(standing: World) -> None:
    for answer in (standing.http.post("/nonce"), standing.post("/nonce", "x", {"a": 1})):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert list(answer.json()) == ["c_nonce"]


def test_what_is_not_known_in_a_token_request_is_ignored(standing: World) -> None:
    answer = standing.redeem(standing.claim(), client_id="me", scope="x", resource="y")
    assert answer.status_code == 200
    assert "authorization_details" not in answer.json()


@pytest.mark.parametrize("accept", ["application/json", "application/jwt", "*/*"])
def test_metadata_is_json_whatever_is_accepted(standing: World, accept: str) -> None:
    headers = {"accept": accept, "accept-language": "fr-ch, fr;q=0.9, en;q=0.8"}
    told = standing.http.get("/.well-known/openid-credential-issuer", headers=headers)
    assert told.status_code == 200
    assert told.headers["content-type"] == "application/json"
    assert "signed_metadata" not in told.json()


def test_messages_name_the_key_that_they_are_encrypted_to(world: World) -> None:
    key = world.issuer.keys.encryption
    assert jwe_header(encrypt_jwe(b"{}", key.public_jwk()))["kid"] == key.kid
    token = world.token(world.claim(BOTH))
    answer = world.ask_sealed(token, world.proof(DEVICE), reply_to=REPLY_TO)
    assert jwe_header(answer.text)["kid"] == REPLY_TO.kid
