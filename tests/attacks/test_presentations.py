"""Presentations that answer another question than the one asked, or that were changed."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from actors import DEVICE, STRANGER
from gatehouse import AUDIENCE, Gatehouse
from outcomes import invalid, refused

from did.challenge import Challenge
from did.jcs import canonicalize
from did.multibase import multibase_encode
from did.vc.data_integrity import hash_data
from verifier.challenges import ChallengeBook
from verifier.decision import Check
from verifier.store import open_store


def test_a_replayed_presentation(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now)
    answer = house.present(device, credential, challenge=challenge)
    verifier.admit(answer, at=house.now)

    with refused("challenge_used", Check.CHALLENGE):
        verifier.admit(answer, at=house.now)
    with refused("challenge_used", Check.CHALLENGE):
        verifier.verify(answer, challenge=challenge, at=house.now)

    house.admit(device, credential, verifier=verifier)


def test_another_presentation_for_a_used_challenge(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now)
    verifier.admit(house.present(device, credential, challenge=challenge), at=house.now)
    house.wait(1)

    with refused("challenge_used", Check.CHALLENGE):
        verifier.admit(house.present(device, credential, challenge=challenge), at=house.now)

    house.admit(device, credential, verifier=verifier)


def test_two_answers_at_once_where_both_found_it_unused(house: Gatehouse) -> None:
    """Guards the constraint: the early look alone does not hold where two look at once."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)

    class Blind(ChallengeBook):
        def check_unused(self, challenge: Challenge) -> None:
            pass

    blind = Blind(store=house.store, audience=AUDIENCE)
    verifier = house.verifier(challenges=blind)
    answer = house.present(device, credential, challenge=verifier.challenge(at=house.now))
    verifier.admit(answer, at=house.now)

    with refused("challenge_used", Check.SINGLE_USE):
        verifier.admit(answer, at=house.now)

    house.admit(device, credential, verifier=verifier)


def test_a_replay_to_another_process_with_the_same_store(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    first = house.verifier()
    other_store = open_store(house.directory / "verifier")
    second = house.verifier(store=other_store)
    answer = house.present(device, credential, challenge=first.challenge(at=house.now))
    second.admit(answer, at=house.now)

    with refused("challenge_used", Check.CHALLENGE):
        first.admit(answer, at=house.now)

    house.admit(device, credential, verifier=first)
    other_store.close()


def test_a_presentation_made_for_another_verifier(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    other_store = open_store(house.directory / "other")
    here = house.verifier()
    there = house.verifier(audience="https://other.example", store=other_store)
    answer = house.present(device, credential, challenge=there.challenge(at=house.now))

    with refused("wrong_audience", Check.CHALLENGE):
        here.admit(answer, at=house.now)
    with refused("wrong_audience", Check.CHALLENGE):
        here.verify(answer, challenge=here.challenge(at=house.now), at=house.now)
    # A caller that takes the challenge from the presenter, too, must not accept either.
    with refused("wrong_audience", Check.CHALLENGE):
        here.verify(answer, challenge=there.challenge(at=house.now), at=house.now)

    there.admit(answer, at=house.now)
    other_store.close()


def test_another_verifiers_challenge_under_this_ones_name(house: Gatehouse) -> None:
    """A verifier that relays this one's name has no key to make its challenges with."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    other_store = open_store(house.directory / "other")
    here, impostor = house.verifier(), house.verifier(store=other_store)

    answer = house.present(device, credential, challenge=impostor.challenge(at=house.now))
    with invalid("unknown_challenge", Check.CHALLENGE):
        here.admit(answer, at=house.now)

    house.admit(device, credential, verifier=here)
    other_store.close()


def test_an_answer_to_another_challenge_of_this_verifier(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    asked, other = (verifier.challenge(at=house.now) for _ in range(2))
    answer = house.present(device, credential, challenge=other)

    with refused("wrong_challenge", Check.CHALLENGE):
        verifier.verify(answer, challenge=asked, at=house.now)

    verifier.verify(answer, challenge=other, at=house.now)


def test_a_challenge_for_one_did_answered_by_another(house: Gatehouse) -> None:
    device, stranger = house.device(DEVICE), house.device(STRANGER)
    mine, theirs = house.issuer.issue(DEVICE.short), house.issuer.issue(STRANGER.short)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now, did=DEVICE.did)

    answer = house.present(stranger, theirs, challenge=challenge)
    with invalid("unknown_challenge", Check.CHALLENGE):
        verifier.admit(answer, at=house.now)
    with refused("wrong_holder", Check.CHALLENGE):
        verifier.verify(answer, challenge=challenge, at=house.now)

    answer = house.present(device, mine, challenge=challenge)
    verifier.verify(answer, challenge=challenge, at=house.now)


def test_an_expired_challenge(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    open_to_all = verifier.challenge(at=house.now)
    bound = verifier.challenge(at=house.now, did=DEVICE.did)
    last = open_to_all.expires - timedelta(seconds=1)

    for challenge in (open_to_all, bound):
        answer = house.present(device, credential, challenge=challenge)
        with refused("challenge_expired", Check.CHALLENGE):
            verifier.admit(answer, at=challenge.expires)
        with refused("challenge_expired", Check.CHALLENGE):
            verifier.verify(answer, challenge=challenge, at=challenge.expires)

        assert verifier.admit(answer, at=last).decision.at == last


def test_a_challenge_is_not_burnt_by_who_proves_nothing(house: Gatehouse) -> None:
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now)
    forged = house.present(device, credential, challenge=challenge, created=house.now)
    value = json.loads(forged)
    value["proof"]["created"] = "2026-01-31T11:59:59Z"
    with invalid("invalid_signature", Check.PRESENTATION_SIGNATURE):
        verifier.admit(json.dumps(value).encode(), at=house.now)

    verifier.admit(house.present(device, credential, challenge=challenge), at=house.now)


def test_a_presentation_that_has_ended(house: Gatehouse) -> None:
    """``expires`` in the proof is the holder's own word (Data Integrity 1.0, section 2.1)."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()

    def answer(expires: str) -> bytes:
        challenge = verifier.challenge(at=house.now)
        value = json.loads(house.present(device, credential, challenge=challenge))
        proof = value.pop("proof")
        proof["expires"] = expires
        proof.pop("proofValue")
        proof["proofValue"] = multibase_encode(device.key.sign(hash_data(value, proof)))
        return canonicalize({**value, "proof": proof})

    with refused("presentation_expired", Check.PRESENTATION_SIGNATURE):
        verifier.admit(answer("2026-01-31T12:00:00Z"), at=house.now)

    verifier.admit(answer("2026-01-31T12:00:01Z"), at=house.now)


Change = Callable[[dict[str, Any]], object]

CHANGED: dict[str, tuple[Change, str, Check]] = {
    "a claim added beside": (
        lambda p: p.update(note="x"),
        "invalid_signature",
        Check.PRESENTATION_SIGNATURE,
    ),
    "another time": (
        lambda p: p["proof"].update(created="2026-01-31T12:00:01Z"),
        "invalid_signature",
        Check.PRESENTATION_SIGNATURE,
    ),
    "a field in the proof": (
        lambda p: p["proof"].update(nonce="x"),
        "invalid_signature",
        Check.PRESENTATION_SIGNATURE,
    ),
    "another challenge": (
        lambda p: p["proof"].update(challenge="x"),
        "unknown_challenge",
        Check.CHALLENGE,
    ),
    "another audience": (
        lambda p: p["proof"].update(domain="https://other.example"),
        "wrong_audience",
        Check.CHALLENGE,
    ),
    "another purpose": (
        lambda p: p["proof"].update(proofPurpose="assertionMethod"),
        "wrong_proof_purpose",
        Check.FORMAT,
    ),
    "another holder": (
        lambda p: p.update(holder=STRANGER.short.text),
        "holder_mismatch",
        Check.FORMAT,
    ),
    "another holder and its method": (
        lambda p: (
            p.update(holder=STRANGER.short.text),
            p["proof"].update(verificationMethod=STRANGER.method.text),
        ),
        "invalid_signature",
        Check.PRESENTATION_SIGNATURE,
    ),
    "the stranger's key under the holder's DID": (
        lambda p: p["proof"].update(
            verificationMethod=f"{DEVICE.short.text}#{STRANGER.key.public_key().multibase}"
        ),
        "unknown_verification_method",
        Check.HOLDER,
    ),
    "a key that is none": (
        lambda p: p["proof"].update(verificationMethod=f"{DEVICE.short.text}#key-1"),
        "invalid_verification_method",
        Check.HOLDER,
    ),
    "no proof": (lambda p: p.pop("proof"), "invalid_proof", Check.FORMAT),
    "an empty list of proofs": (
        lambda p: p.update(proof=[]),
        "invalid_proof",
        Check.FORMAT,
    ),
    "no credentials": (
        lambda p: p.update(verifiableCredential=[]),
        "invalid_presentation",
        Check.FORMAT,
    ),
    "no list of credentials": (
        lambda p: p.pop("verifiableCredential"),
        "invalid_presentation",
        Check.FORMAT,
    ),
    "a credential twice": (
        lambda p: p["verifiableCredential"].append(p["verifiableCredential"][0]),
        "invalid_signature",
        Check.PRESENTATION_SIGNATURE,
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_presentation_changed_on_the_way(standing: Gatehouse, name: str) -> None:
    change, code, step = CHANGED[name]
    device = standing.device(DEVICE)  # once; on the log, a repeat is nothing
    standing.device(STRANGER)
    credential = standing.issuer.issue(DEVICE.short)
    verifier = standing.verifier()
    answer = standing.present(device, credential, challenge=verifier.challenge(at=standing.now))
    changed = json.loads(answer)
    change(changed)

    kind = refused if code == "wrong_audience" else invalid
    with kind(code, step):
        verifier.admit(json.dumps(changed).encode(), at=standing.now)

    verifier.admit(answer, at=standing.now)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "unknown_format"),
        (b"[]", "unknown_format"),
        (b"\xff", "unknown_format"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"a":1.5}', "json_number"),
        (b"{}", "invalid_presentation"),
        (b'{"x":"' + b"y" * 300_000 + b'"}', "json_too_large"),
    ],
)
def test_text_that_is_no_presentation(standing: Gatehouse, text: bytes, code: str) -> None:
    with invalid(code, Check.FORMAT):
        standing.verifier().admit(text, at=standing.now)


def test_an_empty_presentation_that_is_signed(house: Gatehouse) -> None:
    """All of no credentials hold; that must not admit anybody."""
    device, credential = house.device(DEVICE), house.issuer.issue(DEVICE.short)
    verifier = house.verifier()
    challenge = verifier.challenge(at=house.now)

    with invalid("invalid_presentation", Check.FORMAT):
        verifier.admit(house.present(device, challenge=challenge), at=house.now)

    verifier.admit(house.present(device, credential, challenge=challenge), at=house.now)
