"""Using a nonce twice, late, or for what it was not made. Each has a twin that must succeed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from actors import DEVICE, STRANGER
from issuing import URL, World, issuing

from did.nonce import mint


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


def refused(answer: httpx.Response, code: str = "invalid_nonce") -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == code


def granted(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text


def test_a_proof_is_replayed(world: World) -> None:
    """As it was sent, by whoever overheard it: with the same claim, and with another."""
    token, proof = world.token(world.claim()), world.proof(DEVICE)
    granted(world.ask(token, proof))
    refused(world.ask(token, proof))
    refused(world.ask(world.token(world.claim()), proof))
    granted(world.ask(token, world.proof(DEVICE)))


def test_a_proof_is_replayed_at_once(world: World) -> None:
    token, proof = world.token(world.claim()), world.proof(DEVICE)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: world.ask(token, proof), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]
    for answer in answers:
        if answer.status_code != 200:
            refused(answer)


def test_a_nonce_is_shared_by_two_devices(world: World) -> None:
    nonce = world.nonce()
    granted(world.ask(world.token(world.claim()), world.proof(DEVICE, nonce=nonce)))
    refused(world.ask(world.token(world.claim()), world.proof(STRANGER, nonce=nonce)))
    granted(world.ask(world.token(world.claim()), world.proof(STRANGER)))


def test_a_used_nonce_is_used_once_it_has_expired(world: World) -> None:
    """It is forgotten some time after its end, and must not come to life then."""
    proof = world.proof(DEVICE)
    granted(world.ask(world.token(world.claim()), proof))
    world.clock.advance(timedelta(hours=2).total_seconds())
    granted(world.ask(world.token(world.claim()), world.proof(STRANGER)))  # forgets
    refused(world.ask(world.token(world.claim()), proof))
    granted(world.ask(world.token(world.claim()), world.proof(DEVICE)))


def test_a_clock_is_set_back_over_a_used_nonce(world: World) -> None:
    """What expired is remembered for a while, for clocks that are put right."""
    proof = world.proof(DEVICE)
    granted(world.ask(world.token(world.claim()), proof))
    world.clock.advance(timedelta(minutes=30).total_seconds())
    granted(world.ask(world.token(world.claim()), world.proof(STRANGER)))
    world.clock.advance(-timedelta(minutes=30).total_seconds())
    refused(world.ask(world.token(world.claim()), proof))
    granted(world.ask(world.token(world.claim()), world.proof(DEVICE)))


def test_a_nonce_of_another_purpose_or_issuer(world: World) -> None:
    key, ends = world.issuer.keys.nonce, world.clock() + timedelta(minutes=1)
    purpose = "openid4vci c_nonce"
    strangers = (
        mint(key, purpose="challenge", context=URL.encode(), expires=ends),
        mint(key, purpose=purpose, context=b"https://other.example", expires=ends),
        mint(key, purpose=purpose, expires=ends),
        mint(bytes(32), purpose=purpose, context=URL.encode(), expires=ends),
    )
    token = world.token(world.claim())
    for nonce in strangers:
        refused(world.ask(token, world.proof(DEVICE, nonce=nonce.text)))
    twin = mint(key, purpose=purpose, context=URL.encode(), expires=ends)
    granted(world.ask(token, world.proof(DEVICE, nonce=twin.text)))


def test_an_access_token_is_no_nonce_and_no_nonce_an_access_token(world: World) -> None:
    token = world.token(world.claim())
    refused(world.ask(token, world.proof(DEVICE, nonce=token)))
    answer = world.ask(world.nonce(), world.proof(DEVICE))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    granted(world.ask(token, world.proof(DEVICE)))


def test_a_proof_without_a_nonce(world: World) -> None:
    token = world.token(world.claim())
    refused(world.ask(token, world.proof(DEVICE, nonce="x")))
    granted(world.ask(token, world.proof(DEVICE)))
