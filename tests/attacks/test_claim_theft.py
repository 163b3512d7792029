"""Taking a claim that is another's, or taking one twice. Each has a twin that must succeed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from actors import DEVICE, STRANGER, Actor, actor
from issuing import TERMS, World, issuing
from sqlalchemy import func, select

from issuer import claims
from issuer.store import devices, grants, holders, used_nonces


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


def denied(answer: httpx.Response, code: str) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "credential_request_denied"
    assert f"[{code}]" in answer.json()["error_description"]


def granted(answer: httpx.Response) -> bytes:
    assert answer.status_code == 200, answer.text
    return answer.content


def all_at_once(world: World, token: str, racers: list[Actor]) -> list[httpx.Response]:
    proofs = [world.proof(racer) for racer in racers]
    start = threading.Barrier(len(racers))

    def race(proof: str) -> httpx.Response:
        start.wait()
        return world.ask(token, proof)

    with ThreadPoolExecutor(len(racers)) as pool:
        return list(pool.map(race, proofs))


def test_many_devices_race_for_one_claim(world: World) -> None:
    claim = world.claim()
    racers = [actor(f"racer {n}") for n in range(8)]
    answers = all_at_once(world, world.token(claim), racers)
    winners = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert len(winners) == 1
    for n, answer in enumerate(answers):
        if n not in winners:
            denied(answer, "claim_used")
    with world.issuer.engine.begin() as connection:
        for column in (holders.c.claim, grants.c.claim, devices.c.did, used_nonces.c.digest):
            assert connection.execute(select(func.count(column))).scalar_one() == 1
    for n, racer in enumerate(racers):  # the twin: with a claim of its own, each gets through
        if n not in winners:
            granted(world.ask(world.token(world.claim()), world.proof(racer)))


def test_one_device_races_with_itself(world: World) -> None:
    """The same device, many times at once: one credential, given to each of its requests."""
    answers = all_at_once(world, world.token(world.claim()), [DEVICE] * 8)
    assert len({granted(answer) for answer in answers}) == 1
    with world.issuer.engine.begin() as connection:
        assert connection.execute(select(func.count(grants.c.claim))).scalar_one() == 1


def test_a_stolen_offer_that_was_taken_is_worth_nothing(world: World) -> None:
    claim = world.claim()
    mine = granted(world.ask(world.token(claim), world.proof(DEVICE)))
    denied(world.ask(world.token(claim), world.proof(STRANGER)), "claim_used")
    assert granted(world.ask(world.token(claim), world.proof(DEVICE))) == mine


def test_a_stolen_offer_that_is_bound_is_worth_nothing(world: World) -> None:
    claim = world.claim(replace(TERMS, dids=(DEVICE.short,)))
    denied(world.ask(world.token(claim), world.proof(STRANGER)), "claim_bound")
    granted(world.ask(world.token(claim), world.proof(DEVICE)))


def test_a_token_of_one_claim_opens_no_other(world: World) -> None:
    """A token cannot be turned into one for another claim: its claim is under the MAC."""
    mine, other = world.claim(), world.claim()
    granted(world.ask(world.token(mine), world.proof(STRANGER)))
    denied(world.ask(world.token(mine), world.proof(DEVICE)), "claim_used")
    granted(world.ask(world.token(other), world.proof(DEVICE)))


def test_a_claim_withdrawn_after_its_token_was_given_out(world: World) -> None:
    claim, twin = world.claim(), world.claim()
    token = world.token(claim)
    claims.cancel(world.issuer.engine, claim.id, at=world.clock())
    denied(world.ask(token, world.proof(DEVICE)), "claim_cancelled")
    granted(world.ask(world.token(twin), world.proof(DEVICE)))


def test_guessing_a_transaction_code_over_many_connections(world: World) -> None:
    claim = world.claim(replace(TERMS, tx_code=True))
    guesses = [f"{(int(claim.tx_code or 0) + n) % 10**6:06}" for n in range(1, 13)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda guess: world.redeem(claim, tx_code=guess), guesses))
    texts = [answer.json()["error_description"] for answer in answers]
    assert sum("[wrong_tx_code]" in text for text in texts) == 5
    assert sum("[tx_code_locked]" in text for text in texts) == 7
    assert world.redeem(claim).json()["error"] == "invalid_grant"
    assert world.redeem(world.claim(replace(TERMS, tx_code=True))).status_code == 200
