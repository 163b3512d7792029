"""Possession proofs of type ``di_vp`` that are forged. Each has a twin that must succeed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from actors import DEVICE, STRANGER, Actor, actor
from issuing import World, issuing
from oauth import refusal

from did.identifier import DidUrl
from did.jcs import JsonObject
from did.vc.data_integrity import add_proof
from did.vc.securing import ASSERTION, AUTHENTICATION

Change = Callable[[JsonObject], JsonObject]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with issuing(tmp_path_factory.mktemp("world")) as world:
        yield world


def ask(world: World, proof: object, token: str = "") -> Any:
    return world.ask(token or world.token(world.claim()), "", proofs={"di_vp": [proof]})


def in_proof(**changes: object) -> Change:
    def change(document: JsonObject) -> JsonObject:
        proof = {**document["proof"], **changes}  # type: ignore[dict-item] # an object
        return {
            **document,
            "proof": {name: each for name, each in proof.items() if each is not None},
        }

    return change


def at_top(**changes: object) -> Change:
    def change(document: JsonObject) -> JsonObject:
        return {  # type: ignore[return-value] # JSON
            name: each for name, each in {**document, **changes}.items() if each is not None
        }

    return change


@pytest.mark.parametrize(
    "change",
    [
        in_proof(challenge="x"),
        in_proof(challenge=None),
        in_proof(domain="https://other.example"),
        in_proof(domain=None),
        in_proof(created="2020-01-01T00:00:00Z"),
        in_proof(created=None),
        in_proof(proofPurpose="assertionMethod"),
        in_proof(proofPurpose=None),
        in_proof(cryptosuite="eddsa-rdfc-2022"),
        in_proof(cryptosuite=None),
        in_proof(type="Ed25519Signature2020"),
        in_proof(verificationMethod=f"{STRANGER.did.text}#{STRANGER.key.public_key().multibase}"),
        in_proof(verificationMethod=None),
        in_proof(proofValue="z" + "1" * 64),
        in_proof(proofValue=None),
        at_top(proof=None),
        at_top(proof=[]),
        at_top(holder=STRANGER.did.text),
        at_top(holder=None),
        at_top(holder=7),
        at_top(type=["VerifiableCredential"]),
        at_top(**{"@context": ["https://example.org"]}),
        at_top(**{"@context": None}),
        at_top(added="later"),
    ],
)
def test_a_proof_that_was_altered(world: World, change: Change) -> None:
    proof = world.presentation(DEVICE)
    answer = ask(world, change(proof))
    assert refusal(answer)[0] in ("invalid_proof", "invalid_nonce")
    assert ask(world, proof).status_code == 200


def signed(world: World, by: Actor, document: JsonObject, **changes: Any) -> JsonObject:
    """``document`` as a proof by ``by``, with other fields of the proof than it should have."""
    fields: dict[str, Any] = {
        "method": DidUrl(by.did, by.key.public_key().multibase),
        "purpose": AUTHENTICATION,
        "created": world.clock(),
        "challenge": world.nonce(),
        "domain": world.issuer.url,
        **changes,
    }
    return add_proof(document, by.key, **fields)


PLAIN: JsonObject = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiablePresentation"],
}


def test_a_proof_that_is_well_signed_and_says_something_else(world: World) -> None:
    wrong = [
        signed(world, DEVICE, PLAIN, purpose=ASSERTION),
        signed(world, DEVICE, PLAIN, domain="https://other.example"),
        signed(world, DEVICE, PLAIN, domain=f"{world.issuer.url}/"),
        signed(world, DEVICE, PLAIN, domain=None),
        signed(world, DEVICE, PLAIN, challenge=None),
        signed(world, DEVICE, PLAIN, created=world.clock() - timedelta(minutes=6)),
        signed(world, DEVICE, PLAIN, created=world.clock() + timedelta(minutes=2)),
        signed(world, DEVICE, {**PLAIN, "holder": STRANGER.did.text}),
        signed(world, DEVICE, {**PLAIN, "holder": {"id": STRANGER.short.text}}),
        signed(world, DEVICE, {**PLAIN, "type": ["VerifiableCredential"]}),
    ]
    for proof in wrong:
        assert refusal(ask(world, proof))[0] == "invalid_proof"
    right = [
        signed(world, DEVICE, PLAIN),  # no holder is needed
        signed(world, DEVICE, {**PLAIN, "holder": DEVICE.did.text}),
        signed(world, DEVICE, {**PLAIN, "holder": {"id": DEVICE.short.text}}),
        signed(world, DEVICE, {**PLAIN, "@context": ["https://www.w3.org/2018/credentials/v1"]}),
        signed(world, DEVICE, {**PLAIN, "unknown": {"to": ["us"]}}),
    ]
    for proof in right:
        assert ask(world, proof).status_code == 200


def test_a_proof_that_has_ended(world: World) -> None:
    """VC Data Integrity 1.0, section 4.4."""
    now = world.clock()
    for end in (datetime(2020, 1, 1, tzinfo=UTC), now - timedelta(seconds=1), now):
        answer = ask(world, signed(world, DEVICE, PLAIN, expires=end))
        assert refusal(answer) == ("invalid_proof", "proof_expired")
    ends = signed(world, DEVICE, PLAIN, expires=now + timedelta(seconds=1))
    assert ask(world, ends).status_code == 200


def test_a_did_key_and_a_key_that_is_not_the_did_s(world: World) -> None:
    key = DEVICE.key.public_key().multibase
    wrong = [
        (signed(world, DEVICE, PLAIN, method=DidUrl(DEVICE.key_did, key)), "method_not_supported"),
        (signed(world, STRANGER, PLAIN, method=DidUrl(DEVICE.did, key)), "invalid_signature"),
        (
            signed(
                world,
                STRANGER,
                PLAIN,
                method=DidUrl(DEVICE.did, STRANGER.key.public_key().multibase),
            ),
            "unknown_verification_method",
        ),
        (signed(world, DEVICE, PLAIN, method=DidUrl(DEVICE.short, key)), "not_registered"),
    ]
    for proof, code in wrong:
        assert refusal(ask(world, proof)) == ("invalid_proof", code)
    assert ask(world, signed(world, DEVICE, PLAIN)).status_code == 200


def test_a_nonce_is_used_once_whatever_the_type_of_the_proof(world: World) -> None:
    holder, nonce = actor("both types"), world.nonce()
    token = world.token(world.claim())
    assert ask(world, world.presentation(holder, nonce=nonce), token).status_code == 200
    replayed = ask(world, world.presentation(holder, nonce=nonce), token)
    assert refusal(replayed) == ("invalid_nonce", "nonce_used")
    other = world.ask(token, world.proof(holder, nonce=nonce))
    assert refusal(other) == ("invalid_nonce", "nonce_used")
    assert ask(world, world.presentation(holder), token).status_code == 200


@pytest.mark.parametrize("proof", ["a.b.c", 7, None, [], {}])
def test_what_is_no_presentation(world: World, proof: object) -> None:
    assert refusal(ask(world, proof))[0] == "invalid_proof"


def test_a_presentation_to_a_verifier_is_no_possession_proof(world: World) -> None:
    """What a device signed to be admitted somewhere names another audience and challenge."""
    shown = world.presentation(DEVICE, audience="https://verifier.example", nonce="x" * 43)
    assert refusal(ask(world, shown)) == ("invalid_proof", "wrong_audience")
    assert ask(world, world.presentation(DEVICE)).status_code == 200
