"""What a PostgreSQL does that a file does not: be away, come back, and be written to by others."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest
from databases import Server, postgresql
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from did.errors import Conflict, KeybornError, Refused, Unavailable
from issuer.store import open_store, settings, used_nonces
from keyborn.storage import (
    ContendedError,
    Sole,
    Writer,
    insert_once,
    locking,
    locks_of,
    perform,
    reading,
)
from keyborn.storage import postgresql as storage


@pytest.fixture
def url(server: Server) -> str:
    return server.made()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_store(url)
    yield engine
    engine.dispose()


def test_every_connection_is_durable_and_has_limits(engine: Engine) -> None:
    with engine.connect() as one, reading(engine) as two:
        for connection in (one, two):
            for name, value in (
                ("synchronous_commit", "on"),
                ("fsync", "on"),
                ("lock_timeout", "10s"),
                ("statement_timeout", "30s"),
                ("idle_in_transaction_session_timeout", "1min"),
            ):
                assert connection.execute(text(f"SHOW {name}")).scalar_one() == value


def test_a_server_that_says_what_it_has_not_synced_is_refused() -> None:
    with postgresql(fsync="off") as careless, pytest.raises(Refused, match="fsync=off") as caught:
        open_store(careless.url("postgres"))
    assert caught.value.code == "store_not_durable"


def test_synchronous_commit_is_switched_on(server: Server) -> None:
    url = server.made()
    name = url.partition("?")[0].rpartition("/")[2]
    server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    engine = open_store(url)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    engine.dispose()


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("postgresql://user:hush@/db?host=/nowhere/at/all", "store_unreachable"),
        ("postgresql://user:hush@127.0.0.1:9/db?connect_timeout=2", "store_unreachable"),
    ],
)
def test_a_server_that_is_not_there(location: str, code: str) -> None:
    with pytest.raises(Unavailable, match=code) as caught:
        open_store(location)
    assert caught.value.retry_after is not None
    assert "hush" not in f"{caught.value} {caught.value.hint}"


def test_a_database_or_user_that_is_not_there(server: Server) -> None:
    with pytest.raises(Unavailable, match="store_missing"):
        open_store(server.url("nowhere"))
    with pytest.raises(Unavailable, match="store_access_denied"):
        open_store(server.url("postgres").replace("keyborn@", "stranger@"))


def test_a_database_that_cannot_hold_every_text(server: Server) -> None:
    server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(Refused, match="store_not_unicode"):
        open_store(server.url("latin"))


def test_a_statement_that_failed_is_not_committed_over(engine: Engine) -> None:
    connection = engine.connect()
    connection.execute(insert(settings).values(name="a", value=b""))
    with pytest.raises(IntegrityError):
        connection.execute(insert(settings).values(name="a", value=b""))
    with pytest.raises(Unavailable, match="store_failed"):
        connection.commit()
    connection.close()
    with reading(engine) as connection:
        assert connection.execute(select(settings.c.name)).all() == []


def test_who_waits_too_long_is_told_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "LOCK_SECONDS", 1)
    engine = open_store(url)
    row = {"digest": b"a", "expires": 1}
    with engine.begin() as first:
        insert_once(first, used_nonces, row)
        with pytest.raises(Unavailable, match="store_busy"), engine.begin() as second:
            insert_once(second, used_nonces, row)
    engine.dispose()


def test_who_loses_a_deadlock_is_done_again(url: str) -> None:
    one, two = open_store(url), open_store(url)
    for name in ("a", "b"):
        with one.begin() as connection:
            connection.execute(insert(settings).values(name=name, value=b"0"))
    both = threading.Barrier(2, timeout=10)
    tries = count()

    def work(first: str, second: str) -> None:
        engine = one if first == "a" else two

        def change(connection: object) -> None:
            number = next(tries)
            for name in (first, second):
                query = select(settings).where(settings.c.name == name)
                connection.execute(locking(connection, query))  # type: ignore[attr-defined, arg-type]
                if number < 2 and name == first:
                    both.wait()

        with Writer(engine) as writer:
            writer.write(change)

    threads = [threading.Thread(target=work, args=names) for names in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(tries) == 3  # one of the two was done twice
    one.dispose()
    two.dispose()


def test_who_is_always_in_the_way_is_given_up_on(engine: Engine) -> None:
    tries = count()

    def work(_: object) -> None:
        next(tries)
        raise ContendedError("again")

    with pytest.raises(Unavailable, match="store_busy"):
        perform(engine, work)
    assert next(tries) == 5


def test_a_lock_is_seen_from_elsewhere_until_its_holder_is_gone(url: str) -> None:
    one, two = open_store(url), open_store(url)
    here, there = (locks_of(each, None) for each in (one, two))  # type: ignore[arg-type]
    with here.holding("a"), there.holding("a"):
        assert there.is_held("a")
        assert not there.is_held("b")
    assert not there.is_held("a")
    one.dispose()
    two.dispose()


def test_one_process_is_the_one_and_another_may_take_over(url: str, server: Server) -> None:
    one, two = open_store(url), open_store(url)
    first, second = Sole(one, "work"), Sole(two, "work")
    first.ensure()
    with pytest.raises(Conflict, match="store_in_use"):
        second.ensure()
    server.stop("immediate")
    server.start()
    second.ensure()
    with pytest.raises(Conflict, match="store_in_use"):
        first.ensure()
    second.close()
    first.ensure()
    first.close()
    one.dispose()
    two.dispose()


def test_a_restart_costs_those_at_work_and_nobody_else(engine: Engine, server: Server) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        server.stop("immediate")
        with pytest.raises(Unavailable, match="store_unreachable"):
            connection.execute(text("SELECT 1"))
    server.start()
    for _ in range(3):
        with engine.begin() as connection:
            connection.execute(text("SELECT 1"))


def test_killed_under_load_it_loses_nothing_that_was_acknowledged(
    engine: Engine, server: Server
) -> None:
    told: list[bytes] = []
    failed: list[str] = []
    stopping = threading.Event()
    numbers = count()

    def client(writer: Writer) -> None:
        while not stopping.is_set():
            digest = b"%d" % next(numbers)
            row = {"digest": digest, "expires": 1}
            try:
                assert writer.write(
                    lambda connection, row=row: insert_once(connection, used_nonces, row)
                )
            except KeybornError as error:
                failed.append(error.code)
                stopping.wait(0.05)
            else:
                told.append(digest)

    with Writer(engine) as writer:
        threads = [threading.Thread(target=client, args=[writer]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            had = len(told)
            _until(lambda had=had: len(told) > had + 50)
            server.stop("immediate")
            server.start()
        had = len(told)
        _until(lambda: len(told) > had + 50)
        stopping.set()
        for thread in threads:
            thread.join()
    with reading(engine) as connection:
        kept = set(connection.execute(select(used_nonces.c.digest)).scalars())
        rows = connection.execute(select(func.count()).select_from(used_nonces)).scalar_one()
    assert set(told) <= kept
    assert rows == len(kept)
    assert set(failed) <= {"store_unreachable"}


def _until(done: object) -> None:
    from keyborn.polling import poll  # noqa: PLC0415

    assert poll(lambda: done() or None, 20)  # type: ignore[operator]
