"""The VC-API of a verifier that has a trust root, over real sockets."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from actors import DEVICE, NOW, STRANGER, actor
from gatehouse import Gatehouse, Issuer
from operations import Life
from outcomes import refused
from proof_api import TOKEN, Api, code, serve
from serving import serving
from street import street
from web_hosts import document, web_host

from did.errors import KeybornError
from did.identifier import DidUrl, KeyDid
from did.jcs import JsonObject
from did.vc.credential import build_credential, sign_credential
from did.vc.data_integrity import add_proof
from did.vc.proof_set import Expected
from did.vc.securing import ASSERTION, AUTHENTICATION
from did.vc.status_list import REVOCATION, StatusEntry
from did.web_identifier import WebDid
from keyborn.clock import now
from verifier.app import create_app
from verifier.opening import verifier_at
from verifier.proofs_only import Verified
from verifier.trust_root import TrustedIssuer

STATUS = "https://www.w3.org/ns/credentials/status-list#"


@pytest.fixture
def api(house: Gatehouse) -> Iterator[Api]:
    yield from serve(house)


def test_a_credential_and_a_presentation(api: Api) -> None:
    house = api.house
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    for _ in range(2):
        answer = api.verify(credential)
        assert answer.status_code == 200, answer.text
        assert answer.json()["checks"] == ["proof", "credentialStatus"]
        assert answer.json()["warnings"] == []
    challenge = house.verifier().challenge(at=house.now)
    shown = house.present(device, credential, challenge=challenge)
    asked = {"challenge": challenge.nonce, "domain": challenge.audience}
    for _ in range(2):  # proofs alone: nothing is used up
        answer = api.verify_presentation(shown, returnPresentation=True, **asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["presentation"]["holder"] == DEVICE.short.text
    assert house.verifier().admit(shown, at=house.now).did == DEVICE.short


def test_it_opens_no_session_and_names_no_device(api: Api) -> None:
    device, credential = api.house.device(DEVICE), api.house.issuer.issue(DEVICE.short)
    challenge = api.house.verifier().challenge(at=api.house.now)
    shown = api.house.present(device, credential, challenge=challenge)
    for answer in (api.verify(credential), api.verify_presentation(shown)):
        assert answer.json().keys() == {
            "verified",
            "checks",
            "warnings",
            "errors",
            "problemDetails",
        }
        assert not {"set-cookie", "authorization"} & answer.headers.keys()


@pytest.mark.parametrize("token", [None, "x" * 43, "t" * 42])
@pytest.mark.parametrize("path", ["/credentials/verify", "/presentations/verify"])
def test_it_is_closed_without_its_token(api: Api, path: str, token: str | None) -> None:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = httpx.post(api.client.base_url.join(path), json={}, headers=headers)
    assert answer.status_code == 401
    assert "the token in vc-api.token" in answer.text
    assert api.client.post(path, json={}).status_code == 400


def test_it_is_not_there_unless_it_is_asked_for(house: Gatehouse) -> None:
    with serving(create_app(house.verifier())) as url:
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{url}/credentials/verify", json={}, headers=headers)
        assert answer.status_code == 404


def test_statuses(api: Api) -> None:
    credential = api.house.issuer.issue(DEVICE.short)
    assert api.verify(credential).status_code == 200
    api.house.issuer.set(REVOCATION)
    assert code(api.verify(credential)) == "revoked"
    assert api.verify(credential, checks=["proof"]).json()["checks"] == ["proof"]
    assert code(api.verify(credential, checks=["proof", "credentialStatus"])) == "revoked"
    api.house.issuer.set(REVOCATION, value=False)
    api.house.statuses.up = False
    away = api.verify(credential)
    assert code(away, 503) == "status_stale"
    assert "retry-after" in away.headers
    api.house.statuses.up = True
    assert api.verify(credential).status_code == 200


def test_whose_credentials_are_taken(house: Gatehouse) -> None:
    trusted = house.issuer.trusted()
    credential = house.issuer.issue(DEVICE.short)
    other = Issuer(house, STRANGER)
    house.append(other.life.create())
    later, earlier = house.now + timedelta(days=1), house.now - timedelta(days=1)
    for entry, expected in (
        (other.trusted(), "untrusted_issuer"),
        (replace(trusted, types=("Other",)), "untrusted_type"),
        (replace(trusted, since=later), "untrusted_time"),
        (replace(trusted, until=earlier), "untrusted_time"),
        (
            replace(trusted, compromised_keys=(house.issuer.key.public_key(),)),
            "issuer_key_compromised",
        ),
    ):
        for api in serve(house, entry):
            assert code(api.verify(credential)) == expected
    for api in serve(house, replace(trusted, since=earlier, until=later)):
        assert api.verify(credential).status_code == 200


def test_a_did_key_that_is_trusted(house: Gatehouse) -> None:
    did = KeyDid(STRANGER.key.public_key())
    document = build_credential(
        "Thing", issuer=did, subject={"name": "n"}, valid_from=NOW, statuses=()
    )
    document["credentialSubject"] = [{"name": "a"}, {"name": "b"}]
    signed = sign_credential(document, STRANGER.key, issuer=did, created=NOW)
    for api in serve(house, TrustedIssuer(did, ("Thing",), ())):
        assert api.verify(signed).status_code == 200
        stray = StatusEntry(REVOCATION, 1, "https://evil.example/list").to_json()
        with_status = {**document, "credentialStatus": stray}
        answer = api.verify(sign_credential(with_status, STRANGER.key, issuer=did, created=NOW))
        assert code(answer) == "status_not_trusted"


def test_keys_that_do_not_count(api: Api) -> None:
    house = api.house
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    challenge = house.verifier().challenge(at=house.now)
    shown = house.present(device, credential, challenge=challenge)
    assert api.verify_presentation(shown).status_code == 200
    house.wait(10)
    house.append(device.rotate())
    assert code(api.verify_presentation(shown)) == "key_superseded"
    stranger = Life(actor("nobody"), house.log_id)
    unknown = house.present(stranger, credential, challenge=challenge)
    assert code(api.verify_presentation(unknown)) == "not_registered"
    forged = house.issuer.issue(DEVICE.short, key=STRANGER.key)
    assert code(api.verify(forged)) == "unknown_verification_method"


def test_a_former_key_of_the_issuer_for_what_it_signed_then(api: Api) -> None:
    house = api.house
    credential = house.issuer.issue(DEVICE.short)
    undated = house.issuer.issue(DEVICE.short, alter=lambda document: document.pop("validFrom"))
    assert api.verify(undated).status_code == 200
    house.wait(10)
    house.append(house.issuer.life.rotate())
    house.issuer.publish()
    assert api.verify(credential).status_code == 200
    assert code(api.verify(undated)) == "key_superseded"


def test_a_did_in_its_long_form(api: Api) -> None:
    signed = api.house.issuer.issue(DEVICE.short)
    proof: Any = signed["proof"]
    long = proof["verificationMethod"].replace(
        api.house.issuer.did.text, api.house.issuer.life.actor.did.text
    )
    wrong = {**signed, "proof": {**proof, "verificationMethod": long}}
    assert code(api.verify(wrong)) == "invalid_verification_method_url"
    assert api.verify(signed).status_code == 200


def test_a_did_web_that_is_trusted(tmp_path: Path) -> None:
    web = actor("an issuer with a host")
    with street(tmp_path) as outside, web_host(tmp_path) as host:
        did = WebDid("localhost", host.port)
        issuer = Issuer(outside.house, web, did=did)
        content = document(did, web)
        name = f"{did.text}#{web.key.public_key().multibase}"
        content["verificationMethod"][0]["id"] = name
        host.serve(did, {**content, "assertionMethod": [name], "authentication": []})
        root = outside.house.trust_root(issuer.trusted(status=()))
        credential = issuer.issue(DEVICE.short, statuses=())
        with verifier_at(root, tmp_path / "gate", audience="a", https=host.https()) as verifier:
            proofs = verifier.proofs()

            def verify(purpose: str, value: JsonObject = credential) -> Verified:
                expected = Expected(purpose, now())
                return proofs.credential(value, expected, with_status=True)

            assert verify(ASSERTION).document == credential
            for purpose, code_ in (
                (AUTHENTICATION, "key_not_authorized"),
                ("anything", "method_not_authorized"),
            ):
                unsecured = {key: part for key, part in credential.items() if key != "proof"}
                method = DidUrl(did, web.key.public_key().multibase)
                other = add_proof(unsecured, web.key, method=method, purpose=purpose, created=now())
                with pytest.raises(KeybornError) as caught:
                    verify(purpose, other)
                assert caught.value.code == code_
            stranger = Issuer(outside.house, web, did=WebDid("other.example", host.port))
            with refused("untrusted_issuer"):
                verify(ASSERTION, stranger.issue(DEVICE.short, statuses=()))
