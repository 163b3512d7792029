"""Getting more out of a batch than is there. Each has a twin that must succeed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from actors import STRANGER, Actor, actor
from issuing import TERMS, World, issuing
from oauth import refusal
from sqlalchemy import func, select

from issuer import claims, inventory
from issuer.store import grants, holders

PAIR = (actor("left"), actor("right"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with issuing(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def own(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


def token_for(world: World, devices: int = 2) -> str:
    return world.token(world.claim(replace(TERMS, devices=devices)))


def granted(answer: httpx.Response, count: int) -> None:
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["credentials"]) == count


def with_proofs(world: World, token: str, *proofs: str) -> httpx.Response:
    return world.ask(token, "", proofs={"jwt": list(proofs)})


def test_one_bad_proof_spoils_the_batch(world: World) -> None:
    claim = world.claim(replace(TERMS, devices=2))
    token = world.token(claim)
    good = [world.proof(each) for each in PAIR]
    bad = [
        world.proof(PAIR[1], signer=STRANGER.key),
        world.proof(PAIR[1], audience="https://other.example"),
        good[1][:-8] + "AAAAAAAA",
        "a.b.c",
    ]
    for proof in bad:
        for proofs in ((good[0], proof), (proof, good[0])):
            assert refusal(with_proofs(world, token, *proofs))[0] == "invalid_proof"
    assert claims.show(world.issuer.engine, claim.id).holders == ()
    granted(with_proofs(world, token, *good), 2)


def test_one_bad_nonce_spoils_the_batch(world: World) -> None:
    token = token_for(world)
    spent = world.proof(PAIR[0])
    granted(with_proofs(world, world.token(world.claim()), spent), 1)
    fresh = world.proof(PAIR[1])
    assert refusal(with_proofs(world, token, spent, fresh)) == ("invalid_nonce", "nonce_used")
    assert refusal(with_proofs(world, token, fresh, spent)) == ("invalid_nonce", "nonce_used")
    granted(with_proofs(world, token, world.proof(PAIR[0]), fresh), 2)


def test_a_nonce_is_shared_inside_one_request_and_never_between_two(world: World) -> None:
    token, nonce = token_for(world), world.nonce()
    granted(world.ask_for(token, *PAIR, nonce=nonce), 2)
    for one in PAIR:
        again = world.ask_for(token, one, nonce=nonce)
        assert refusal(again) == ("invalid_nonce", "nonce_used")
    granted(world.ask_for(token, *PAIR, nonce=world.nonce()), 2)


def test_a_proof_that_is_repeated_gives_one_credential(world: World) -> None:
    """One code was once granted eight times, by being in one batch eight times."""
    claim = world.claim(replace(TERMS, devices=8))
    token, proof = world.token(claim), world.proof(PAIR[0])
    granted(with_proofs(world, token, *[proof] * 8), 1)
    assert len(claims.show(world.issuer.engine, claim.id).holders) == 1
    granted(world.ask_for(token, *(actor(f"one of eight {n}") for n in range(7))), 7)


def test_a_did_in_both_its_forms_is_one(own: World) -> None:
    own.register(PAIR[0])
    token = token_for(own)
    both = (own.proof(PAIR[0]), own.proof(PAIR[0], did=PAIR[0].short))
    granted(with_proofs(own, token, *both), 1)
    granted(own.ask_for(token, PAIR[1]), 1)


def test_proofs_of_two_types_do_not_mix(world: World) -> None:
    token = token_for(world)
    proofs = {"jwt": [world.proof(PAIR[0])], "di_vp": [world.presentation(PAIR[1])]}
    assert refusal(world.ask(token, "", proofs=proofs)) == ("invalid_proof", "proof_missing")
    for swapped in ({"jwt": proofs["di_vp"]}, {"di_vp": proofs["jwt"]}):
        assert refusal(world.ask(token, "", proofs=swapped))[0] == "invalid_proof"
    granted(world.ask(token, "", proofs={"di_vp": proofs["di_vp"]}), 1)


def test_a_revoked_device_spoils_the_batch_of_the_others(own: World) -> None:
    own.enrol(PAIR[0])
    inventory.revoke(own.issuer.engine, PAIR[0].did, at=own.clock())
    claim = own.claim(replace(TERMS, devices=2))
    token = own.token(claim)
    assert refusal(own.ask_for(token, *PAIR)) == ("credential_request_denied", "device_revoked")
    assert claims.show(own.issuer.engine, claim.id).holders == ()
    granted(own.ask_for(token, PAIR[1]), 1)


def test_many_batches_race_for_the_places(own: World) -> None:
    """Each of three wants two of four places: two get theirs, whole, and the third gets none."""
    racers = [(actor(f"racer {n}"), actor(f"its mate {n}")) for n in range(3)]
    claim = own.claim(replace(TERMS, devices=4))
    token = own.token(claim)
    start = threading.Barrier(len(racers))

    def race(pair: tuple[Actor, Actor]) -> httpx.Response:
        proofs = {"jwt": [own.proof(each) for each in pair]}
        start.wait()
        return own.ask(token, "", proofs=proofs)

    own.http.get("/.well-known/openid-credential-issuer")
    with ThreadPoolExecutor(len(racers)) as pool:
        answers = list(pool.map(race, racers))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 400]
    (lost,) = [answer for answer in answers if answer.status_code == 400]
    assert refusal(lost) == ("credential_request_denied", "claim_used")
    with own.issuer.engine.begin() as connection:
        for column in (holders.c.claim, grants.c.claim):
            assert connection.execute(select(func.count(column))).scalar_one() == 4
    granted(own.ask_for(token_for(own), *racers[answers.index(lost)]), 2)
