"""Requests to the issuer that are too large, too deep, ambiguous or of the wrong form."""

import json
from collections.abc import Iterator

import httpx
import pytest
from actors import DEVICE
from issuing import World, issuing

from did.jose import EncryptionKey, encrypt_jwe
from did.limits import LIMITS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with issuing(tmp_path_factory.mktemp("issuer")) as world:
        yield world


def post(world: World, body: bytes | str, media_type: str = "application/json") -> httpx.Response:
    token = world.token(world.claim())
    headers = {"authorization": f"Bearer {token}", "content-type": media_type}
    return world.http.post("/credential", content=body, headers=headers)


def good(world: World) -> str:
    proofs = {"jwt": [world.proof(DEVICE)]}
    return json.dumps({"credential_configuration_id": "device-provisioning", "proofs": proofs})


def sealed(world: World, content: str) -> str:
    return encrypt_jwe(content.encode(), world.issuer.keys.encryption.public_jwk())


def error(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


def test_the_twin_of_every_request_here(world: World) -> None:
    assert post(world, good(world)).status_code == 200
    assert post(world, good(world), "application/json; charset=utf-8").status_code == 200
    assert post(world, sealed(world, good(world)), "application/jwt").status_code == 200


def test_a_key_that_comes_twice(world: World) -> None:
    request = good(world)
    twice = [
        request[:-1] + ', "credential_configuration_id": "device-provisioning"}',
        request.replace('"proofs": {', '"proofs": {"jwt": [], '),
        request[:-1] + ', "x": {"a": 1, "a": 1}}',
    ]
    for body in twice:
        assert error(post(world, body)) == "invalid_credential_request"
        assert error(post(world, sealed(world, body), "application/jwt")) == (
            "invalid_credential_request"
        )


@pytest.mark.parametrize(
    "change",
    [
        ', "x": NaN}',
        ', "x": "\\ud800"}',
        f', "x": {"[" * 40}{"]" * 40}}}',
        ', "x": {}',
        "}}",
    ],
    ids=["nan", "surrogate", "depth", "cut off", "goes on"],
)
def test_json_that_has_no_one_reading(world: World, change: str) -> None:
    request = good(world)
    assert error(post(world, request[:-1] + change)) == "invalid_credential_request"
    assert post(world, request).status_code == 200


@pytest.mark.parametrize("number", ["1.5", "-0", "9007199254740992", "1e30"])
def test_numbers_in_what_is_not_known(world: World, number: str) -> None:
    """Regression: it is to be ignored (section 8.2), and had the request refused."""
    request = good(world)[:-1] + f', "x": {{"a": [{number}]}}}}'
    assert post(world, request).status_code == 200
    request = good(world)[:-1] + f', "x": {number}}}'
    assert post(world, sealed(world, request), "application/jwt").status_code == 200


def test_a_body_over_the_limit(world: World) -> None:
    padded = good(world) + " " * LIMITS.json_bytes
    answer = post(world, padded)
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"
    token = world.http.post("/token", content=b"x" * (LIMITS.json_bytes + 1))
    assert token.status_code == 413


def test_a_proof_over_the_limit(world: World) -> None:
    padded = good(world).replace('["ey', '["' + "A" * LIMITS.jwt + "ey")
    assert error(post(world, padded)) == "invalid_proof"


def test_a_message_that_is_encrypted_otherwise(world: World) -> None:
    other = EncryptionKey.generate("other")
    to_another = encrypt_jwe(good(world).encode(), other.public_jwk())
    mislabelled = encrypt_jwe(
        good(world).encode(),
        {**other.public_jwk(), "kid": world.issuer.keys.encryption.kid},
    )
    whole = sealed(world, good(world))
    altered = whole[:-3] + ("B" if whole[-3] == "A" else "A") + whole[-2:]  # in its tag
    for message in (to_another, mislabelled, altered, f"{whole}.x", "x", "", "....é"):
        answer = post(world, message.encode(), "application/jwt")
        assert error(answer) == "invalid_encryption_parameters"


def test_an_error_is_never_encrypted(world: World) -> None:
    """Whoever asked for an encrypted answer can read the error all the same (section 8.3.1.2)."""
    mine = EncryptionKey.generate("mine")
    asked = {"credential_response_encryption": {"jwk": mine.public_jwk(), "enc": "A256GCM"}}
    request = {**json.loads(good(world)), **asked}
    wrong = json.dumps({**request, "proofs": {"jwt": ["x"]}})
    refused = post(world, sealed(world, wrong), "application/jwt")
    assert error(refused) == "invalid_proof"
    assert refused.headers["content-type"] == "application/json"
    answer = post(world, sealed(world, json.dumps(request)), "application/jwt")
    assert answer.headers["content-type"] == "application/jwt"
    assert b"credentials" in mine.decrypt(answer.text)


def test_a_response_key_in_a_request_in_the_clear(world: World) -> None:
    """Whoever is on the way could have put in a key of their own."""
    request = json.loads(good(world))
    jwk = EncryptionKey.generate("mine").public_jwk()
    request["credential_response_encryption"] = {"jwk": jwk, "enc": "A256GCM"}
    text = json.dumps(request)
    assert error(post(world, text)) == "invalid_encryption_parameters"
    assert post(world, sealed(world, text), "application/jwt").status_code == 200


def test_what_is_said_in_errors_repeats_no_input(world: World) -> None:
    marker = "<script>alert(1)</script>"
    request = good(world).replace("device-provisioning", marker)
    answers = [
        post(world, request),
        post(world, marker),
        world.redeem(world.claim(), grant_type=marker),
        world.redeem(world.claim(), **{"pre-authorized_code": marker}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert "alert" not in answer.text
