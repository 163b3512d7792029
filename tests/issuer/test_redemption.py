from dataclasses import replace
from datetime import timedelta

from actors import DEVICE
from issuing import SECRETS, TERMS, World

from did.errors import KeybornError
from issuer import claims
from issuer.claim import NewClaim
from issuer.redemption import GRACE, MAX_TX_FAILURES, redeem

SECOND = timedelta(seconds=1)


def code_of(world: World, claim: NewClaim, tx_code: str | None = None) -> str:
    """``ok``, or the code of the error."""
    try:
        found = redeem(
            world.issuer.engine, code=claim.offer.code, tx_code=tx_code, at=world.clock()
        )
    except KeybornError as error:
        return error.code
    assert found == claim.id
    return "ok"


def test_opens_the_same_claim_again_and_again(world: World) -> None:
    claim = world.claim()
    assert [code_of(world, claim) for _ in range(3)] == ["ok"] * 3


def test_ends_with_the_claim(world: World) -> None:
    claim = world.claim()
    world.clock.advance((TERMS.lifetime - SECOND).total_seconds())
    assert code_of(world, claim) == "ok"
    world.clock.advance(1)
    assert code_of(world, claim) == "code_expired"


def test_ends_ten_minutes_after_all_was_granted_whatever_the_expiry(world: World) -> None:
    claim = world.claim()
    world.clock.advance((TERMS.lifetime - SECOND).total_seconds())
    world.enrol(DEVICE, claim)
    world.clock.advance((GRACE - SECOND).total_seconds())
    assert code_of(world, claim) == "ok"
    world.clock.advance(1)
    assert code_of(world, claim) == "code_used"


def test_goes_on_while_something_on_offer_was_not_granted(world: World) -> None:
    claim = world.claim(replace(TERMS, configuration=SECRETS))
    world.enrol(DEVICE, claim)
    world.clock.advance((GRACE + SECOND).total_seconds())
    assert code_of(world, claim) == "ok"


def test_ends_when_the_claim_is_withdrawn(world: World) -> None:
    claim = world.claim()
    claims.cancel(world.issuer.engine, claim.id, at=world.clock())
    assert code_of(world, claim) == "claim_cancelled"


def test_knows_its_codes(world: World) -> None:
    claim = world.claim()
    for code in ("", claim.offer.code + "x", claim.offer.code[:-1], "x" * 10_000):
        stranger = replace(claim, offer=replace(claim.offer, code=code))
        assert code_of(world, stranger) == "unknown_code"


def test_needs_the_tx_code_where_there_is_one(world: World) -> None:
    plain, guarded = world.claim(), world.claim(replace(TERMS, tx_code=True))
    assert code_of(world, plain, "123456") == "tx_code_not_expected"
    assert code_of(world, guarded) == "tx_code_missing"
    assert code_of(world, guarded, "x" * 10_000) == "unknown_code"
    assert code_of(world, guarded, guarded.tx_code) == "ok"


def test_locks_after_five_wrong_tx_codes(world: World) -> None:
    claim, twin = (
        world.claim(replace(TERMS, tx_code=True)),
        world.claim(replace(TERMS, tx_code=True)),
    )
    wrong = f"{(int(claim.tx_code or 0) + 1) % 10**6:06}"
    tries = [code_of(world, claim, wrong) for _ in range(MAX_TX_FAILURES + 1)]
    assert tries == ["wrong_tx_code"] * MAX_TX_FAILURES + ["tx_code_locked"]
    assert code_of(world, claim, claim.tx_code) == "tx_code_locked"
    wrong = f"{(int(twin.tx_code or 0) + 1) % 10**6:06}"
    for _ in range(MAX_TX_FAILURES - 1):
        assert code_of(world, twin, wrong) == "wrong_tx_code"
    assert code_of(world, twin, twin.tx_code) == "ok"
    # What was guessed wrong stays counted.
    assert code_of(world, twin, wrong) == "wrong_tx_code"
    assert code_of(world, twin, twin.tx_code) == "tx_code_locked"
