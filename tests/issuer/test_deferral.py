"""Claims that need approval, over HTTP (OpenID4VCI 1.0, sections 8.3 and 9)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from actors import DEVICE, actor
from issuing import SECRETS, TERMS, World
from oauth import refusal
from sqlalchemy import func, select

from did.configurations import CONFIGURATIONS
from did.errors import Conflict, Invalid
from did.jose import EncryptionKey
from did.openid4vci import CONFIGURATION_CONFIGURATION, PROVISIONING_CONFIGURATION
from did.strict_json import parse_object
from issuer import claims, inventory
from issuer.approvals import decide
from issuer.claim import NewClaim
from issuer.errors import NotFound
from issuer.grants import Granted, grant_all
from issuer.redemption import GRACE
from issuer.store import grants, used_nonces
from issuer.wishes import Wish

APPROVED = replace(TERMS, approval=True)
REPLY_TO = EncryptionKey(bytes(range(32)), "reply")
ANOTHER = EncryptionKey(bytes(range(1, 33)), "another")


def deferred(answer: httpx.Response) -> str:
    """The transaction id of an answer that defers."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"transaction_id", "interval"}
    assert body["interval"] == 5
    return str(body["transaction_id"])


def approve(world: World, claim: NewClaim, *dids: str, yes: bool = True) -> None:
    decide(world.issuer.engine, claim.id, dids or None, approve=yes, at=world.clock())


def state(world: World, claim: NewClaim) -> str:
    return claims.show(world.issuer.engine, claim.id).state(world.clock())


def test_from_the_first_request_to_the_credential(world: World) -> None:
    claim = world.claim(APPROVED)
    token = world.token(claim)
    transaction = deferred(world.ask_for(token, DEVICE))
    assert state(world, claim) == "waiting"
    answer = world.come_back(token, transaction)
    assert deferred(answer) == transaction
    approve(world, claim)
    assert state(world, claim) == "taken"
    granted = world.come_back(token, transaction)
    assert granted.status_code == 200
    assert list(granted.json()) == ["credentials"]
    assert state(world, claim) == "completed"
    over = world.come_back(token, transaction)
    assert refusal(over) == ("invalid_transaction_id", "unknown_transaction")
    again = world.ask_for(token, DEVICE)  # should the answer have got lost
    assert again.status_code == 200
    assert again.json()["credentials"] == granted.json()["credentials"]


def test_nonce_and_place_are_used_by_the_first_request(world: World) -> None:
    claim = world.claim(APPROVED)
    token, proof = world.token(claim), world.proof(DEVICE)
    deferred(world.ask(token, proof))
    assert refusal(world.ask(token, proof))[0] == "invalid_nonce"
    denied = world.ask_for(token, actor("late"))
    assert refusal(denied) == ("credential_request_denied", "claim_used")
    with world.issuer.engine.begin() as connection:
        assert connection.execute(select(func.count(used_nonces.c.digest))).scalar_one() == 1
        assert connection.execute(select(func.count(grants.c.claim))).scalar_one() == 0


def test_the_same_request_has_the_same_transaction(standing: World) -> None:
    one, two = actor("one that waits"), actor("two that waits")
    claim = standing.claim(replace(APPROVED, devices=2))
    token = standing.token(claim)
    both = deferred(standing.ask_for(token, one, two))
    assert deferred(standing.ask_for(token, one, two, one)) == both
    assert deferred(standing.ask_for(token, two, one)) != both  # it has another order
    mine = deferred(standing.ask_for(token, one))
    assert mine != both
    other = standing.ask_for(token, one, configuration="device-provisioning-vc-jwt")
    assert deferred(other) not in (mine, both)


def test_a_batch_waits_for_all_of_its_devices(standing: World) -> None:
    one, two = actor("first of a batch"), actor("second of a batch")
    claim = standing.claim(replace(APPROVED, devices=2))
    token = standing.token(claim)
    both = deferred(standing.ask_for(token, one, two))
    approve(standing, claim, one.short.text)
    assert deferred(standing.come_back(token, both)) == both
    assert standing.ask_for(token, one).status_code == 200
    approve(standing, claim, two.short.text)
    answer = standing.come_back(token, both).json()["credentials"]
    assert len(answer) == 2
    assert state(standing, claim) == "completed"


@pytest.mark.parametrize("turned", [False, True])
def test_a_batch_that_waited_has_the_order_of_its_proofs(standing: World, *, turned: bool) -> None:
    """Regression: it had that of the DIDs."""
    holders = [actor(f"{name} in turn {turned}") for name in ("one", "two", "three", "four")]
    holders.sort(key=lambda each: each.short.text, reverse=turned)
    claim = standing.claim(replace(APPROVED, devices=4))
    token = standing.token(claim)
    transaction = deferred(standing.ask_for(token, *holders))
    approve(standing, claim)
    answered = standing.come_back(token, transaction).json()["credentials"]
    told = [each["credential"]["credentialSubject"]["id"] for each in answered]
    assert told == [each.short.text for each in holders]
    again = standing.ask_for(token, *holders).json()["credentials"]
    assert again == answered


def test_who_is_denied_is_told_so(standing: World) -> None:
    claim = standing.claim(APPROVED)
    token, holder = standing.token(claim), actor("denied")
    transaction = deferred(standing.ask_for(token, holder))
    approve(standing, claim, yes=False)
    assert state(standing, claim) == "denied"
    for answer in (standing.come_back(token, transaction), standing.ask_for(token, holder)):
        assert refusal(answer) == ("credential_request_denied", "claim_denied")
    taken = standing.ask_for(token, actor("another"))
    assert refusal(taken) == ("credential_request_denied", "claim_used")


def test_one_is_denied_and_the_other_completes_the_claim(standing: World) -> None:
    good, bad = actor("good"), actor("bad")
    claim = standing.claim(replace(APPROVED, devices=2))
    token = standing.token(claim)
    deferred(standing.ask_for(token, good, bad))
    approve(standing, claim, good.short.text)
    assert standing.ask_for(token, good).status_code == 200
    assert state(standing, claim) == "waiting"
    approve(standing, claim, yes=False)
    assert state(standing, claim) == "completed"


def test_a_decision_is_final(standing: World) -> None:
    claim, holder = standing.claim(APPROVED), actor("decided")
    deferred(standing.ask_for(standing.token(claim), holder))
    approve(standing, claim, holder.short.text)
    before = claims.show(standing.issuer.engine, claim.id)
    approve(standing, claim, holder.short.text)
    approve(standing, claim)
    assert claims.show(standing.issuer.engine, claim.id) == before
    with pytest.raises(Conflict) as caught:
        approve(standing, claim, holder.short.text, yes=False)
    assert caught.value.code == "already_decided"
    with pytest.raises(Conflict) as caught:
        approve(standing, claim, yes=False)  # nobody is waiting
    assert (caught.value.code, caught.value.value) == ("already_decided", holder.short.text)
    assert claims.show(standing.issuer.engine, claim.id) == before


@pytest.mark.parametrize("yes", [True, False])
def test_a_decision_that_comes_too_late_is_told_so(standing: World, *, yes: bool) -> None:
    """Regression: to deny all that wait, right after they were approved, was answered with 200."""
    one, two = actor(f"early {yes}"), actor(f"late {yes}")
    claim = standing.claim(replace(APPROVED, devices=2))
    token = standing.token(claim)
    deferred(standing.ask_for(token, one))
    path = f"/claims/{claim.id}"
    this, other = ("approve", "deny") if yes else ("deny", "approve")
    assert standing.admin.post(f"{path}/{this}", json={}).status_code == 200
    for body in ({}, {"dids": [one.short.text]}):
        late = standing.admin.post(f"{path}/{other}", json=body)
        assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert standing.admin.post(f"{path}/{this}", json={}).status_code == 200
    deferred(standing.ask_for(token, two))  # who waits is decided on as before
    assert standing.admin.post(f"{path}/{other}", json={}).status_code == 200


def test_of_decisions_at_once_one_is_made_and_the_rest_are_told_so(standing: World) -> None:
    holder, claim = actor("decided at once"), standing.claim(APPROVED)
    token = standing.token(claim)
    transaction = deferred(standing.ask_for(token, holder))
    paths = [f"/claims/{claim.id}/{verdict}" for verdict in ("approve", "deny")] * 4

    def post(path: str) -> tuple[str, int]:
        return path.rpartition("/")[2], standing.admin.post(path, json={}).status_code

    standing.admin.get("/issuer")  # so that the client is there before the threads are
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = sorted(pool.map(post, paths))
    made = claims.show(standing.issuer.engine, claim.id).holders[0].standing()
    approved = made == "approved"
    assert (
        answers
        == [("approve", 200 if approved else 409)] * 4 + [("deny", 409 if approved else 200)] * 4
    )
    collected = standing.come_back(token, transaction)
    assert (collected.status_code == 200) is approved


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_there_is_nobody_yet_to_decide_on(standing: World, verb: str) -> None:
    """Regression: to approve what nobody had taken was answered with 200, and approved nobody."""
    claim, cancelled = standing.claim(APPROVED), standing.claim(APPROVED)
    early = standing.admin.post(f"/claims/{claim.id}/{verb}", json={})
    assert (early.status_code, early.json()["code"]) == (409, "claim_not_taken")
    token = standing.token(claim)
    deferred(standing.ask_for(token, actor(f"comes later, to be {verb}")))
    assert standing.admin.post(f"/claims/{claim.id}/{verb}", json={}).status_code == 200
    claims.cancel(standing.issuer.engine, cancelled.id, at=standing.clock())
    late = standing.admin.post(f"/claims/{cancelled.id}/{verb}", json={})
    assert (late.status_code, late.json()["code"]) == (409, "claim_cancelled")


def test_only_what_waits_can_be_decided(standing: World) -> None:
    plain, claim = standing.claim(), standing.claim(APPROVED)
    with pytest.raises(Conflict) as caught:
        approve(standing, plain)
    assert caught.value.code == "approval_not_needed"
    with pytest.raises(NotFound) as missing:
        approve(standing, claim, DEVICE.short.text)
    assert missing.value.code == "holder_not_found"
    deferred(standing.ask_for(standing.token(claim), DEVICE))
    claims.cancel(standing.issuer.engine, claim.id, at=standing.clock())
    with pytest.raises(Conflict) as caught:
        approve(standing, claim)
    assert caught.value.code == "claim_cancelled"


def test_who_took_it_in_time_can_wait_longer_than_the_claim_lives(world: World) -> None:
    claim, late = world.claim(APPROVED), world.claim(APPROVED)
    transaction = deferred(world.ask_for(world.token(claim), DEVICE))
    world.clock.advance(2 * TERMS.lifetime.total_seconds())
    assert refusal(world.redeem(late)) == ("invalid_grant", "code_expired")
    assert state(world, claim) == "waiting"
    approve(world, claim)
    assert state(world, claim) == "taken"
    assert state(world, late) == "expired"
    assert world.come_back(world.token(claim), transaction).status_code == 200
    world.clock.advance(GRACE.total_seconds())
    assert refusal(world.redeem(claim)) == ("invalid_grant", "code_used")


def test_no_place_is_taken_after_the_claim_has_expired(world: World) -> None:
    claim = world.claim(replace(APPROVED, devices=2))
    deferred(world.ask_for(world.token(claim), DEVICE))
    world.clock.advance(2 * TERMS.lifetime.total_seconds())
    token, late = world.token(claim), actor("too late")
    denied = world.ask_for(token, late)
    assert refusal(denied) == ("credential_request_denied", "claim_expired")
    deferred(world.ask_for(token, DEVICE))


def test_what_happens_to_the_device_meanwhile(world: World) -> None:
    claim = world.claim(APPROVED)
    transaction = deferred(world.ask_for(world.token(claim), DEVICE))
    inventory_ = world.issuer.engine
    world.enrol(DEVICE)  # with another claim: so the inventory knows it
    inventory.suspend(inventory_, DEVICE.did, at=world.clock())
    token = world.token(claim)
    for answer in (world.come_back(token, transaction), world.ask_for(token, DEVICE)):
        assert refusal(answer) == ("credential_request_denied", "device_suspended")
    inventory.reinstate(inventory_, DEVICE.did)
    approve(world, claim)
    world.register(DEVICE)
    world.deactivate(DEVICE)
    ended = world.come_back(token, transaction)
    assert refusal(ended) == ("credential_request_denied", "deactivated")


def test_the_answer_is_encrypted_to_the_key_of_the_newest_request(standing: World) -> None:
    claim = standing.claim(replace(APPROVED, configuration=SECRETS))
    token, holder = standing.token(claim), actor("waits for secrets")
    first = standing.ask_sealed(token, standing.proof(holder), reply_to=REPLY_TO)
    assert first.status_code == 202
    assert first.headers["content-type"] == "application/jwt"
    transaction = str(parse_object(REPLY_TO.decrypt(first.text))["transaction_id"])
    clear = standing.come_back(token, transaction)
    assert refusal(clear) == ("invalid_encryption_parameters", "encryption_required")
    approve(standing, claim)
    clear = standing.come_back(token, transaction)
    assert refusal(clear) == ("invalid_encryption_parameters", "encryption_required")
    encryption = {"jwk": ANOTHER.public_jwk(), "enc": "A256GCM"}
    body = {"transaction_id": transaction, "credential_response_encryption": encryption}
    answer = standing.sealed("/deferred_credential", token, body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwt"
    told = parse_object(ANOTHER.decrypt(answer.text))
    assert set(told) == {"credentials", "notification_id"}
    assert "correct horse" in str(told)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ("invalid_credential_request", "transaction_missing")),
        ({"transaction_id": 7}, ("invalid_credential_request", "transaction_missing")),
        ({"transaction_id": ""}, ("invalid_transaction_id", "unknown_transaction")),
        ({"transaction_id": "x" * 100_000}, ("invalid_transaction_id", "unknown_transaction")),
        (
            {"transaction_id": "x", "credential_response_encryption": {}},
            ("invalid_encryption_parameters", "invalid_encryption"),
        ),
    ],
)
def test_requests_that_are_refused(
    standing: World, body: dict[str, object], expected: tuple[str, str]
) -> None:
    token = standing.token(standing.claim())
    assert refusal(standing.post("/deferred_credential", token, body)) == expected


def test_the_kind_that_is_granted_later(standing: World) -> None:
    """Both kinds wait for the one approval."""
    claim = standing.claim(replace(APPROVED, configuration=SECRETS))
    token, holder = standing.token(claim), actor("both kinds")
    deferred(standing.ask_for(token, holder))
    approve(standing, claim)
    assert standing.ask_for(token, holder).status_code == 200
    assert state(standing, claim) == "taken"
    sealed = standing.ask_sealed(token, standing.proof(holder), reply_to=REPLY_TO)
    assert (
        CONFIGURATION_CONFIGURATION
        in claims.show(standing.issuer.engine, claim.id).terms.configurations()
    )
    assert sealed.status_code == 200
    assert state(standing, claim) == "completed"


def test_a_transaction_ends_once(world: World) -> None:
    """Of two that come back at once, the later finds it over in the transaction that grants."""
    claim = world.claim(APPROVED)
    transaction = deferred(world.ask_for(world.token(claim), DEVICE))
    approve(world, claim)
    wish = Wish(
        claim.id,
        CONFIGURATIONS[PROVISIONING_CONFIGURATION],
        (DEVICE.short,),
        nonces=(),
        transaction=transaction,
        at=world.clock(),
    )
    first, second = grant_all(world.issuer, [wish, wish])
    (third,) = grant_all(world.issuer, [wish])
    assert isinstance(first, Granted)
    for later in (second, third):
        assert isinstance(later, Invalid)
        assert later.code == "unknown_transaction"
