"""Claims for several devices: one by one, and several in one request (OpenID4VCI 1.0, 8.2)."""

from dataclasses import replace

import pytest
from actors import DEVICE, STRANGER, Actor, actor
from issuing import TERMS, World
from oauth import refusal
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from did.vc.credential import parse_credential
from issuer import claims
from issuer.requests import BATCH_SIZE
from issuer.store import grants, holders, used_nonces

MANY = [actor(f"of many {n}") for n in range(4)]


def subjects(answer: object) -> list[str]:
    return [
        str(parse_credential(entry["credential"]).subject_did())
        for entry in answer.json()["credentials"]  # type: ignore[attr-defined] # an answer
    ]


def shorts(*actors: Actor) -> list[str]:
    return [each.short.text for each in actors]


def test_a_batch_gives_each_device_its_credential(standing: World) -> None:
    claim = standing.claim(replace(TERMS, devices=4))
    answer = standing.ask_for(standing.token(claim), *MANY, nonce=standing.nonce())
    assert answer.status_code == 200, answer.text
    assert subjects(answer) == shorts(*MANY)
    shown = claims.show(standing.issuer.engine, claim.id)
    assert [holder.place for holder in shown.holders] == [0, 1, 2, 3]
    assert shown.state(standing.clock()) == "completed"


def test_a_batch_again_gives_the_same(standing: World) -> None:
    claim = standing.claim(replace(TERMS, devices=4))
    token = standing.token(claim)
    first, second = (standing.ask_for(token, *MANY, nonce=standing.nonce()) for _ in range(2))
    assert first.content == second.content
    (alone,) = standing.ask_for(token, MANY[2]).json()["credentials"]
    assert alone == first.json()["credentials"][2]
    reverse = standing.ask_for(token, *MANY[::-1]).json()
    assert reverse["credentials"] == first.json()["credentials"][::-1]
    assert reverse["notification_id"] == first.json()["notification_id"]  # of the same credentials


def test_devices_come_one_by_one_until_the_places_are_taken(standing: World) -> None:
    claim = standing.claim(replace(TERMS, devices=2))
    first, second, third = MANY[:3]
    assert standing.ask_for(standing.token(claim), first).status_code == 200
    shown = claims.show(standing.issuer.engine, claim.id)
    assert shown.state(standing.clock()) == "open"
    assert standing.ask_for(standing.token(claim), second).status_code == 200
    denied = standing.ask_for(standing.token(claim), third)
    assert refusal(denied) == ("credential_request_denied", "claim_used")
    assert standing.ask_for(standing.token(claim), first).status_code == 200


def test_a_claim_that_names_its_devices(standing: World) -> None:
    named = (MANY[0].short, MANY[1].short)
    claim = standing.claim(replace(TERMS, dids=named))
    token = standing.token(claim)
    denied = standing.ask_for(token, MANY[2])
    assert refusal(denied) == ("credential_request_denied", "claim_bound")
    denied = standing.ask_for(token, MANY[0], MANY[2])
    assert refusal(denied) == ("credential_request_denied", "claim_bound")
    assert subjects(standing.ask_for(token, MANY[1])) == shorts(MANY[1])
    assert subjects(standing.ask_for(token, MANY[0], MANY[1])) == shorts(*MANY[:2])
    held = claims.show(standing.issuer.engine, claim.id).holders
    assert [holder.did for holder in held] == shorts(*MANY[:2])  # each in the place it has there


def test_more_devices_than_places_get_nothing_at_all(standing: World) -> None:
    claim = standing.claim(replace(TERMS, devices=3))
    token = standing.token(claim)
    denied = standing.ask_for(token, *MANY)
    assert refusal(denied) == ("credential_request_denied", "claim_too_small")
    assert claims.show(standing.issuer.engine, claim.id).holders == ()
    assert standing.ask_for(token, *MANY[:3]).status_code == 200


def test_proofs_of_one_did_count_once(standing: World) -> None:
    """So a claim for one device takes several proofs, if they are all its own."""
    claim = standing.claim()
    token, nonce = standing.token(claim), standing.nonce()
    twice = standing.ask_for(token, MANY[0], MANY[0], nonce=nonce)
    assert subjects(twice) == shorts(MANY[0])
    two = standing.ask_for(standing.token(standing.claim()), MANY[0], MANY[1])
    assert refusal(two) == ("credential_request_denied", "claim_too_small")


def test_a_full_batch(standing: World) -> None:
    full = [actor(f"of a full batch {n}") for n in range(BATCH_SIZE)]
    claim = standing.claim(replace(TERMS, devices=BATCH_SIZE + 1))
    token = standing.token(claim)
    over = standing.ask_for(token, *full, DEVICE)
    assert refusal(over) == ("invalid_proof", "too_many_proofs")
    assert subjects(standing.ask_for(token, *full, nonce=standing.nonce())) == shorts(*full)


def test_a_batch_of_presentations(standing: World) -> None:
    claim = standing.claim(replace(TERMS, devices=2))
    proofs = {"di_vp": [standing.presentation(each) for each in MANY[:2]]}
    answer = standing.ask(standing.token(claim), "", proofs=proofs)
    assert subjects(answer) == shorts(*MANY[:2])


def test_all_or_nothing(world: World) -> None:
    """One that is refused leaves no trace of the others: no nonce, no place, no grant."""
    engine = world.issuer.engine
    claim = world.claim(replace(TERMS, dids=(DEVICE.short, MANY[0].short)))
    proofs = [world.proof(each) for each in (DEVICE, STRANGER)]
    answer = world.ask(world.token(claim), "", proofs={"jwt": proofs})
    assert refusal(answer) == ("credential_request_denied", "claim_bound")
    with engine.begin() as connection:
        for column in (holders.c.claim, grants.c.claim, used_nonces.c.digest):
            assert connection.execute(select(func.count(column))).scalar_one() == 0
    assert world.ask(world.token(claim), proofs[0]).status_code == 200  # its nonce is unused


@pytest.mark.parametrize("change", [{"place": 0}, {"did": DEVICE.short.text}])
def test_the_store_keeps_places_and_dids_apart(world: World, change: dict[str, object]) -> None:
    claim = world.claim(replace(TERMS, devices=5))
    row = {"claim": claim.id, "place": 0, "did": DEVICE.short.text, "taken": 0}
    other = {"claim": claim.id, "place": 1, "did": STRANGER.short.text, "taken": 0}
    with world.issuer.engine.begin() as connection:
        connection.execute(insert(holders).values(row))
    with pytest.raises(IntegrityError), world.issuer.engine.begin() as connection:
        connection.execute(insert(holders).values({**other, **change}))
    with world.issuer.engine.begin() as connection:
        connection.execute(insert(holders).values(other))
