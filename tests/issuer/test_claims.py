from datetime import timedelta

import pytest
from actors import DEVICE, NOW
from issuing import SECRETS, TERMS, URL, World
from sqlalchemy import select

from did.errors import Conflict, Invalid
from did.openid4vci import parse_offer
from did.timestamps import format_time
from issuer import claims, inventory
from issuer.errors import NotFound
from issuer.store import claims as table
from issuer.terms import Terms

KEY = bytes(32)
FULL = Terms(
    model="thermo-2",
    owner="plant-7",
    roles=("sensor", "relay"),
    tags={"hall": "3"},
    configuration=SECRETS,
    dids=(DEVICE.short,),
    tx_code=True,
    lifetime=timedelta(hours=1),
)


def test_keeps_what_it_gives_and_no_code(world: World) -> None:
    made = world.claim(FULL)
    kept = claims.show(world.issuer.engine, made.id)
    assert kept.terms == FULL
    assert (kept.created, kept.expires) == (NOW, NOW + timedelta(hours=1))
    assert made.expires == kept.expires
    assert made.tx_code is not None
    with world.issuer.engine.begin() as connection:
        row = connection.execute(select(table)).one()
    for value in row:
        assert made.offer.code not in str(value)
        assert made.tx_code.encode() != value
    assert made.offer.code not in repr(made)
    assert made.tx_code not in repr(made)


def test_becomes_an_offer(world: World) -> None:
    made = world.claim(FULL)
    shown = made.to_json()
    offer = parse_offer(str(shown["offer"]))
    assert offer == made.offer
    assert offer.issuer == URL
    assert offer.configurations == FULL.configurations()
    assert offer.tx_code is not None
    assert offer.tx_code.length == len(str(shown["tx_code"])) == 6
    assert "tx_code" not in world.claim().to_json()


def test_is_made_with_all_others_or_not_at_all(world: World) -> None:
    engine = world.issuer.engine
    world.enrol(DEVICE)
    inventory.revoke(engine, DEVICE.short, at=NOW)
    before, _ = claims.page(engine, after=0, limit=10)
    with pytest.raises(Conflict) as caught:
        claims.create(engine, [TERMS, FULL], url=URL, key=KEY, at=NOW)
    assert caught.value.code == "device_revoked"
    assert claims.page(engine, after=0, limit=10)[0] == before
    assert len(claims.create(engine, [TERMS, TERMS], url=URL, key=KEY, at=NOW)) == 2


def test_needs_something_to_make(world: World) -> None:
    with pytest.raises(Invalid):
        claims.create(world.issuer.engine, [], url=URL, key=KEY, at=NOW)


def test_lists_its_device_before_it_comes(world: World) -> None:
    world.claim(FULL)
    device = inventory.show(world.issuer.engine, DEVICE.did)
    assert device.provisioned is None
    assert device.tags == {"hall": "3"}
    world.claim(Terms(model="other", owner="o", dids=(DEVICE.short,)))
    assert inventory.show(world.issuer.engine, DEVICE.did).model == "thermo-2"


def test_has_a_state(world: World) -> None:
    engine = world.issuer.engine

    def state(claim: str) -> str:
        return claims.show(engine, claim).state(world.clock())

    completed, cancelled, expired = world.claim(), world.claim(), world.claim()
    taken = world.claim(Terms(model="m", owner="o", configuration=SECRETS))
    assert state(completed.id) == "open"
    world.enrol(DEVICE, completed)
    world.enrol(DEVICE, taken)
    claims.cancel(engine, cancelled.id, at=NOW)
    assert state(completed.id) == "completed"
    assert state(taken.id) == "taken"
    assert state(cancelled.id) == "cancelled"
    assert state(expired.id) == "open"
    world.clock.advance(TERMS.lifetime.total_seconds())
    assert state(expired.id) == "expired"
    assert state(completed.id) == "completed"
    shown = claims.show(engine, taken.id).to_json(world.clock())
    (holder,) = shown["holders"]  # type: ignore[misc] # a list
    assert holder == {"did": DEVICE.short.text, "taken": format_time(NOW)}
    assert "psk" not in str(shown)


def test_is_cancelled_once(world: World) -> None:
    engine = world.issuer.engine
    claim = world.claim()
    first = claims.cancel(engine, claim.id, at=NOW)
    assert claims.cancel(engine, claim.id, at=NOW + timedelta(hours=1)) == first
    world.enrol(DEVICE, used := world.claim())
    with pytest.raises(Conflict) as caught:
        claims.cancel(engine, used.id, at=NOW)
    assert caught.value.code == "claim_completed"


def test_is_found_or_not(world: World) -> None:
    for act in (
        lambda: claims.show(world.issuer.engine, "0" * 32),
        lambda: claims.cancel(world.issuer.engine, "0" * 32, at=NOW),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert caught.value.code == "claim_not_found"


def test_is_listed_in_pages(world: World) -> None:
    made = [world.claim().id for _ in range(5)]
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page, after = claims.page(world.issuer.engine, after=after, limit=2)
        assert len(page) <= 2
        seen += [claim.id for claim in page]
    assert seen == made
