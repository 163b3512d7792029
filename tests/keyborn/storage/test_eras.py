import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from actors import NOW
from sqlalchemy import Connection, Engine, func, insert, select

from did.errors import Unavailable
from did.nonce import Nonce, mint, recognise
from issuer.store import open_store, settings, used_nonces
from keyborn.polling import poll
from keyborn.storage import KEPT_AFTER_EXPIRY, Era, Eras, perform, reading, settle
from keyborn.storage import eras as module

LIFETIME = timedelta(minutes=2)
DECADE = timedelta(days=3_652)


@pytest.fixture
def engine(location: str) -> Iterator[Engine]:
    engine = open_store(Path(location) if "://" not in location else location)
    yield engine
    engine.dispose()


def given_out(engine: Engine, at: datetime) -> Nonce:
    era = Eras(engine, settings).number()
    return mint(bytes(32), purpose="test", expires=at + LIFETIME, era=era)


def use(engine: Engine, nonce: Nonce, at: datetime) -> bool:
    """Whether it counts, and had not been used."""
    digest = nonce.text.encode()[:32]

    def work(connection: Connection) -> bool:
        era = settle(connection, settings, used_nonces, at=at, lifetime=LIFETIME)
        known = select(func.count()).where(used_nonces.c.digest == digest)
        if not era.admits(nonce) or connection.execute(known).scalar_one():
            return False
        row = {"digest": digest, "expires": int(nonce.expires.timestamp())}
        connection.execute(insert(used_nonces), row)
        return True

    return perform(engine, work)


def recorded(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(used_nonces)).scalar_one()


@pytest.mark.parametrize(
    "moved",
    [
        DECADE,  # ahead, and set right
        timedelta(hours=1),
        timedelta(hours=3),
        timedelta(days=2),  # or two days pass, and the clock is put back by them
        -timedelta(days=2),
    ],
)
def test_what_was_used_is_not_used_again_however_the_clock_moves(
    engine: Engine, moved: timedelta
) -> None:
    nonces = []
    for moment in (NOW, NOW + moved, NOW, NOW + moved, NOW):
        for _ in range(3):  # the first ones may be of an era that ends now
            nonce = given_out(engine, moment)
            if use(engine, nonce, moment):
                break
        else:
            raise AssertionError(f"nothing counts by a clock moved by {moment - NOW}")
        nonces.append(nonce)
        assert not any(use(engine, each, moment) for each in nonces)


def test_what_expired_long_ago_is_forgotten(engine: Engine) -> None:
    for hour in range(5):
        moment = NOW + timedelta(hours=2 * hour)
        assert use(engine, given_out(engine, moment), moment)
        assert recorded(engine) == 1


def test_a_nonce_that_was_not_used_counts_until_its_uses_would_be_forgotten(engine: Engine) -> None:
    early, late = given_out(engine, NOW), given_out(engine, NOW)
    assert use(engine, early, NOW + KEPT_AFTER_EXPIRY)
    past = NOW + LIFETIME + KEPT_AFTER_EXPIRY + timedelta(minutes=1)
    assert use(engine, given_out(engine, past), past)
    assert not use(engine, late, NOW)


def test_clocks_that_are_apart_lose_nonces_and_repeat_none(engine: Engine) -> None:
    def race(number: int) -> list[Nonce]:
        moment = NOW + (number % 2) * DECADE
        return [nonce for nonce in nonces if use(engine, nonce, moment)]

    nonces = [given_out(engine, NOW) for _ in range(8)]
    nonces += [given_out(engine, NOW + DECADE) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        used = [nonce for those in pool.map(race, range(4)) for nonce in those]
    assert len(set(used)) == len(used)


def test_who_gives_out_nonces_learns_of_an_era(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    eras = Eras(engine, settings)
    assert eras.number() == 0
    assert use(engine, given_out(engine, NOW + DECADE), NOW + DECADE)
    assert not use(engine, given_out(engine, NOW), NOW)
    assert eras.number() == 0
    monkeypatch.setattr(eras, "_look_at", 0.0)
    assert poll(lambda: eras.number() or None, 10) == 1
    eras.learn(Era(7))
    assert eras.number() == 7


def test_where_the_store_is_away_what_was_known_stands(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    eras = Eras(engine, settings)
    asked = threading.Event()
    assert eras.number() == 0

    def away(_: Engine) -> NoReturn:
        asked.set()
        raise Unavailable("store_unreachable", "it is away")

    monkeypatch.setattr(module, "reading", away)
    monkeypatch.setattr(eras, "_look_at", 0.0)
    assert eras.number() == 0
    assert asked.wait(10)
    assert eras.number() == 0


def test_the_era_travels_in_the_nonce() -> None:
    nonce = mint(bytes(32), purpose="test", expires=NOW, era=2**32 - 1)
    assert recognise(bytes(32), nonce.text, purpose="test", at=NOW - LIFETIME) == nonce
    assert Era(2**32 - 1, int(NOW.timestamp())).admits(nonce)
    assert not Era(2**32 - 1, int(NOW.timestamp()) + 1).admits(nonce)
    assert not Era(0, 0).admits(nonce)
