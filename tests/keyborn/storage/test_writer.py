"""What happens once, in a group and out of it, over both databases."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from did.errors import Refused, Unavailable
from issuer.store import open_store, settings, used_nonces
from keyborn.storage import Writer, insert_once, reading


@pytest.fixture
def engine(location: str) -> Iterator[Engine]:
    engine = open_store(location)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    with Writer(engine) as writer:
        yield writer


class Held:
    """A request that keeps the writer busy until it is let go, so that a group forms behind it."""

    def __init__(self, writer: Writer) -> None:
        self._begun = threading.Event()
        self._go = threading.Event()
        self._future = writer.submit(self._work)
        self._begun.wait(10)

    def _work(self, _: Connection) -> None:
        self._begun.set()
        self._go.wait(10)

    def let_go(self) -> None:
        self._go.set()
        self._future.result(10)


def use(digest: bytes) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        if not insert_once(connection, used_nonces, {"digest": digest, "expires": 1}):
            raise Refused("nonce_used", "used")
        return connection.execute(select(func.count()).select_from(used_nonces)).scalar_one()

    return work


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(used_nonces)).scalar_one()


def outcomes(futures: list[Future[int]]) -> list[object]:
    return [future.exception(10) or future.result() for future in futures]


def test_what_is_written_is_there_when_one_is_told(engine: Engine, writer: Writer) -> None:
    assert writer.write(use(b"a")) == 1
    assert count(engine) == 1


def test_of_equals_in_one_group_one_counts(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    futures = [writer.submit(use(b"same")) for _ in range(8)]
    held.let_go()
    told = outcomes(futures)
    assert told[0] == 1
    assert [getattr(each, "code", None) for each in told[1:]] == ["nonce_used"] * 7
    assert count(engine) == 1


def test_an_error_undoes_what_its_own_request_did(engine: Engine, writer: Writer) -> None:
    def half_done(connection: Connection) -> int:
        connection.execute(insert(settings).values(name="half", value=b""))
        use(b"b")(connection)
        raise ZeroDivisionError

    def broken(connection: Connection) -> int:
        connection.execute(insert(settings).values(name=None, value=None))
        return 0

    held = Held(writer)
    futures = [writer.submit(each) for each in (use(b"a"), half_done, broken, use(b"b"))]
    held.let_go()
    first, second, third, fourth = outcomes(futures)
    assert (first, fourth) == (1, 2)
    assert isinstance(second, ZeroDivisionError)
    assert type(third).__name__ == "IntegrityError"
    with reading(engine) as connection:
        assert connection.execute(select(settings.c.name)).all() == []


def test_nobody_is_told_before_the_commit(engine: Engine, writer: Writer) -> None:
    told = threading.Event()
    held = Held(writer)
    first = writer.submit(use(b"a"))
    first.add_done_callback(lambda _: told.set())
    seen: list[tuple[bool, int]] = []
    last = writer.submit(lambda _: seen.append((told.is_set(), count(engine))))
    held.let_go()
    last.result(10)
    assert first.result(10) == 1
    assert seen == [(False, 0)]


def test_a_commit_that_fails_fails_all(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise Unavailable("store_failed", "no room")

    held = Held(writer)
    futures = [writer.submit(use(b"a")), writer.submit(use(b"a")), writer.submit(use(b"b"))]
    with monkeypatch.context() as patch:
        patch.setattr(engine.dialect, "do_commit", fail)
        held._go.set()
        told = outcomes(futures)
    assert [getattr(each, "code", None) for each in told] == ["store_failed"] * 3
    assert len({id(each) for each in told}) == 3  # each its own, since who catches one changes it
    assert count(engine) == 0
    assert writer.write(use(b"a")) == 1


def test_it_serves_asyncio_and_threads(engine: Engine, writer: Writer) -> None:
    async def many() -> list[int]:
        futures = [writer.submit(use(b"%d" % number)) for number in range(20)]
        return await asyncio.gather(*map(asyncio.wrap_future, futures))

    threads = [threading.Thread(target=writer.write, args=[use(b"t%d" % n)]) for n in range(8)]
    for thread in threads:
        thread.start()
    assert len(asyncio.run(many())) == 20
    for thread in threads:
        thread.join()
    assert count(engine) == 28


def test_one_that_is_cancelled_in_time_is_not_begun(engine: Engine, writer: Writer) -> None:
    held = Held(writer)
    future = writer.submit(use(b"a"))
    assert future.cancel()
    held.let_go()
    assert writer.write(use(b"b")) == 1
    assert count(engine) == 1


def test_closed_it_finishes_and_takes_nothing_more(engine: Engine) -> None:
    writer = Writer(engine)
    held = Held(writer)
    future = writer.submit(use(b"a"))
    held._go.set()
    writer.close()
    assert future.result(0) == 1
    with pytest.raises(Unavailable, match="store_closed"):
        writer.write(use(b"b"))


def test_a_group_has_a_most(engine: Engine) -> None:
    commits: list[object] = []
    with Writer(engine, most=3) as writer:
        held = Held(writer)

        def note(connection: Connection) -> None:
            commits.append(connection.get_transaction())

        futures = [writer.submit(note) for _ in range(7)]
        held.let_go()
        for future in futures:
            future.result(10)
    sizes = [commits.count(each) for each in dict.fromkeys(commits)]
    assert max(sizes) == 3
