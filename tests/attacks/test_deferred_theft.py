"""Getting at what was deferred for another, or lying about it. Each has a twin that succeeds."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from actors import DEVICE, STRANGER, Actor, actor
from issuing import TERMS, World, issuing
from oauth import refusal
from sqlalchemy import func, select

from issuer import claims, inventory
from issuer.approvals import decide
from issuer.claim import NewClaim
from issuer.store import grants, transactions

APPROVED = replace(TERMS, approval=True)
UNKNOWN = ("invalid_transaction_id", "unknown_transaction")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with issuing(tmp_path) as world:
        yield world


def deferred(world: World, claim: NewClaim, *actors: Actor) -> str:
    answer = world.ask_for(world.token(claim), *actors)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["transaction_id"])


def approve(world: World, claim: NewClaim) -> None:
    decide(world.issuer.engine, claim.id, None, approve=True, at=world.clock())


def granted(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["credentials"][0]["credential"]["credentialSubject"]["id"])


def test_a_transaction_under_the_token_of_another_claim(world: World) -> None:
    mine, other = world.claim(APPROVED), world.claim(APPROVED)
    transaction = deferred(world, mine, DEVICE)
    theirs = deferred(world, other, STRANGER)
    approve(world, mine)
    approve(world, other)
    assert refusal(world.come_back(world.token(other), transaction)) == UNKNOWN
    assert refusal(world.come_back(world.token(world.claim()), transaction)) == UNKNOWN
    assert granted(world.come_back(world.token(mine), transaction)) == DEVICE.short.text
    assert granted(world.come_back(world.token(other), theirs)) == STRANGER.short.text


def test_an_offer_that_was_seen_does_not_give_what_was_deferred(world: World) -> None:
    """Its code opens the same claim, but the transaction is known to the device alone."""
    claim = world.claim(APPROVED)
    transaction = deferred(world, claim, DEVICE)
    approve(world, claim)
    token = world.token(claim)
    for guess in (claim.id, claim.offer.code, transaction[:-1], transaction + "x", "A" * 43):
        assert refusal(world.come_back(token, guess)) == UNKNOWN
    taken = world.ask_for(token, STRANGER)
    assert refusal(taken) == ("credential_request_denied", "claim_used")
    assert granted(world.come_back(token, transaction)) == DEVICE.short.text


def test_a_transaction_needs_a_token(world: World) -> None:
    claim = world.claim(APPROVED)
    transaction = deferred(world, claim, DEVICE)
    approve(world, claim)
    for token in ("x", transaction):
        assert refusal(world.come_back(token, transaction), 401)[0] == "invalid_token"
    old = world.token(claim)
    world.clock.advance(300)
    assert refusal(world.come_back(old, transaction), 401) == ("invalid_token", "token_expired")
    assert granted(world.come_back(world.token(claim), transaction)) == DEVICE.short.text


def test_a_transaction_serves_once_however_many_ask(world: World) -> None:
    claim = world.claim(APPROVED)
    transaction = deferred(world, claim, DEVICE)
    approve(world, claim)
    token = world.token(claim)
    start = threading.Barrier(6)

    def race(_: int) -> httpx.Response:
        start.wait()
        return world.come_back(token, transaction)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(race, range(6)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert all(refusal(answer) == UNKNOWN for answer in answers if answer not in won)
    with world.issuer.engine.begin() as connection:
        assert connection.execute(select(func.count(grants.c.claim))).scalar_one() == 1
    again = world.ask_for(token, DEVICE)  # the twin: with a proof it is given again
    assert again.json()["credentials"] == won[0].json()["credentials"]


def test_what_was_deferred_is_not_given_after_it_was_stopped(world: World) -> None:
    """By withdrawing the claim, or suspending or revoking the device; the twin is not stopped."""
    engine, at = world.issuer.engine, world.clock()
    suspended, revoked, free = (actor(name) for name in ("suspended", "revoked", "free"))
    stopped: list[tuple[NewClaim, str, str]] = []
    cancelled = world.claim(APPROVED)
    stopped.append((cancelled, deferred(world, cancelled, DEVICE), "claim_cancelled"))
    for holder, code in ((suspended, "device_suspended"), (revoked, "device_revoked")):
        claim = world.claim(replace(APPROVED, dids=(holder.short,)))
        stopped.append((claim, deferred(world, claim, holder), code))
    twin = world.claim(APPROVED)
    transaction = deferred(world, twin, free)
    tokens = {claim.id: world.token(claim) for claim, _, _ in stopped}
    for claim, _, _ in stopped:
        approve(world, claim)
    approve(world, twin)
    claims.cancel(engine, cancelled.id, at=at)
    inventory.suspend(engine, suspended.did, at=at)
    inventory.revoke(engine, revoked.did, at=at)
    for claim, theirs, code in stopped:
        answer = world.come_back(tokens[claim.id], theirs)
        assert refusal(answer) == ("credential_request_denied", code)
    assert granted(world.come_back(world.token(twin), transaction)) == free.short.text


def test_asking_often_makes_no_more_transactions(world: World) -> None:
    claim = world.claim(APPROVED)
    token = world.token(claim)
    ids = {world.ask_for(token, DEVICE).json()["transaction_id"] for _ in range(5)}
    assert len(ids) == 1
    with world.issuer.engine.begin() as connection:
        assert connection.execute(select(func.count(transactions.c.id))).scalar_one() == 1


def test_approval_is_of_the_device_that_asked(world: World) -> None:
    """A batch with one that was not approved gives nothing to the one that was."""
    claim = world.claim(replace(APPROVED, devices=2))
    transaction = deferred(world, claim, DEVICE)
    approve(world, claim)
    both = world.ask_for(world.token(claim), DEVICE, STRANGER)
    assert both.status_code == 202
    assert refusal(world.ask_for(world.token(claim), actor("third")))[1] == "claim_used"
    assert granted(world.come_back(world.token(claim), transaction)) == DEVICE.short.text


def test_a_notification_by_the_token_of_another_claim(world: World) -> None:
    mine, other = world.claim(), world.claim()
    id_ = world.ask_for(world.token(mine), DEVICE).json()["notification_id"]
    lie = world.notify(world.token(other), id_, "credential_deleted")
    assert refusal(lie) == ("invalid_notification_id", "unknown_notification")
    told = world.admin.get(f"/claims/{mine.id}").json()["notifications"]
    assert told == []
    assert world.notify(world.token(mine), id_, "credential_accepted").status_code == 204


def test_a_notification_needs_a_token(world: World) -> None:
    claim = world.claim()
    token = world.token(claim)
    id_ = world.ask_for(token, DEVICE).json()["notification_id"]
    for wrong in ("x", id_):
        answer = world.notify(wrong, id_, "credential_deleted")
        assert refusal(answer, 401)[0] == "invalid_token"
    assert world.notify(token, id_, "credential_accepted").status_code == 204


def test_a_flood_of_notifications_leaves_one_row_for_each_event(world: World) -> None:
    claim = world.claim()
    token = world.token(claim)
    id_ = world.ask_for(token, DEVICE).json()["notification_id"]
    for n in range(10):
        said = world.notify(token, id_, "credential_failure", event_description=str(n))
        assert said.status_code == 204
    told = world.admin.get(f"/claims/{claim.id}").json()["notifications"]
    assert [(each["event"], each["description"]) for each in told] == [("credential_failure", "0")]
