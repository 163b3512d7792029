import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from actors import DEVICE, STRANGER, actor
from dying import run_until_killed, start
from lying import fronted
from operations import Life, batch, create

from did.errors import KeybornError, Unavailable, Undecided
from did.resolution import Registration
from ledger.chain import LogEntry
from ledger.embedded.store import EmbeddedLedger
from ledger.index import Index
from ledger.log import Heads, LogSource
from ledger.network import Network, open_reader, write_network
from ledger.operations import Operation
from ledger.reader import LogReader


@dataclass
class Observed:
    """A source that tells what it is asked, and does something before it answers."""

    source: LogSource
    before_heads: Callable[[], None] = lambda: None
    before_entries: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)

    @property
    def log_id(self) -> bytes:
        return self.source.log_id

    def heads(self) -> Heads:
        self.asked.append("heads")
        self.before_heads()
        return self.source.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        self.asked.append(f"{start}-{stop}")
        self.before_entries()
        return self.source.entries(start, stop)


class Clock:
    """Goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.time = 1_700_000_000

    def __call__(self) -> int:
        self.time += 1
        return self.time


def append(ledger: EmbeddedLedger, *operations: Operation) -> None:
    ledger.submit(ledger.prepare(batch(*operations)))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "ledger", final_depth=3, clock=Clock()) as made:
        yield made


@pytest.fixture
def index(ledger: EmbeddedLedger, tmp_path: Path) -> Index:
    return Index.open(tmp_path / "index.sqlite", ledger.log_id)


@pytest.fixture
def index_of(tmp_path: Path) -> Callable[[bytes], Index]:
    return lambda log_id: Index.open(tmp_path / "index-of.sqlite", log_id)


@pytest.fixture
def source(ledger: EmbeddedLedger) -> Observed:
    return Observed(ledger)


@pytest.fixture
def reader(source: Observed, index: Index) -> Iterator[LogReader]:
    with LogReader(source, index) as made:
        yield made


def refusal(reader: LogReader) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        reader.sync()
    return caught.value


# ---------------------------------------------------------------- what is asked


def test_entries_are_asked_for_once(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    append(ledger, create(DEVICE))
    append(ledger, create(STRANGER))
    reader.sync()
    reader.sync()
    append(ledger, create(actor("c")))
    reader.sync()
    assert source.asked == ["heads", "1-2", "heads", "heads", "3-3"]


def test_after_a_reorganisation_the_entries_after_the_final_one_are_asked_for(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    for name in "abcdef":
        append(ledger, create(actor(name)))
    reader.sync()
    ledger.reorg(1)
    append(ledger, create(actor("x")))
    append(ledger, create(actor("y")))
    source.asked.clear()
    reader.sync()
    assert source.asked == ["heads", "7-7", "4-7"]
    assert reader.resolve(actor("f").short).registration is Registration.NO
    for name in "exy":
        assert reader.resolve(actor(name).short).registration is Registration.YES


def test_the_state_is_that_of_the_last_sync(ledger: EmbeddedLedger, reader: LogReader) -> None:
    device = Life(DEVICE, ledger.log_id)
    assert reader.state(DEVICE.did.id) is None
    append(ledger, device.create())
    assert reader.state(DEVICE.did.id) is None
    reader.sync()
    assert reader.state(DEVICE.did.id) == device.state


# ---------------------------------------------------------------- races


def test_a_reorganisation_between_heads_and_entries_is_asked_again(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    append(ledger, create(DEVICE))
    reader.sync()
    append(ledger, create(STRANGER))

    def reorganise() -> None:
        source.before_entries = lambda: None
        ledger.reorg(1)

    source.before_entries = reorganise
    assert reader.sync().latest.sequence == 1
    assert reader.resolve(STRANGER.short).registration is Registration.NO


def test_a_log_that_moves_again_and_again_is_followed_until_it_rests(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    append(ledger, create(DEVICE))
    reader.sync()
    append(ledger, create(STRANGER))
    names = iter("abc")

    def reorganise() -> None:
        name = next(names, None)
        if name is not None:
            ledger.reorg(1)
            append(ledger, create(actor(name)))

    source.before_entries = reorganise
    assert reader.sync().latest.sequence == 2
    assert reader.resolve(actor("c").short).registration is Registration.YES
    assert reader.resolve(STRANGER.short).registration is Registration.NO


def test_a_log_that_never_rests_is_given_up(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    append(ledger, create(DEVICE))
    reader.sync()
    append(ledger, create(STRANGER))
    names = count()

    def reorganise() -> None:
        ledger.reorg(1)
        append(ledger, create(actor(f"one of {next(names)}")))

    source.before_entries = reorganise
    assert refusal(reader).code == "ledger_entry_altered"
    source.before_entries = lambda: None
    assert reader.sync().latest.sequence == 2


def test_a_process_that_is_overtaken_asks_again(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed, tmp_path: Path
) -> None:
    """While it waits for the heads, another process moves the index further."""
    append(ledger, create(DEVICE))
    old = ledger.heads()

    def overtake() -> None:
        source.before_heads = lambda: None
        for name in "abcd":
            append(ledger, create(actor(name)))
        kept = Index.open(tmp_path / "index.sqlite", ledger.log_id)
        with LogReader(ledger, kept) as other:
            assert other.sync().finalized.sequence == 2

    source.before_heads = overtake
    source.source = Answering(ledger, [old])
    assert reader.sync().latest.sequence == 5
    assert source.asked == ["heads", "heads"]


@dataclass
class Answering:
    """A source that gives these heads first, and then its own."""

    source: LogSource
    first: list[Heads]

    @property
    def log_id(self) -> bytes:
        return self.source.log_id

    def heads(self) -> Heads:
        return self.first.pop(0) if self.first else self.source.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        return self.source.entries(start, stop)


def test_an_old_answer_that_says_the_same_does_not_make_what_is_known_older(
    ledger: EmbeddedLedger, index: Index
) -> None:
    append(ledger, create(DEVICE))
    old, new = ledger.heads(), ledger.heads()
    assert old.latest.time < new.latest.time
    with LogReader(Answering(ledger, [new, old]), index) as reader:
        assert reader.sync() == new
        assert reader.sync() == new
        assert reader.sync().latest.time > new.latest.time


@dataclass
class Settable:
    """Stands where it is set. For a ledger, in seconds."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> int:
        return int(self.now.timestamp())


@pytest.mark.parametrize("grows", [False, True])
def test_heads_of_the_future_give_way_when_the_clock_is_set_right(
    tmp_path: Path, index_of: Callable[[bytes], Index], *, grows: bool
) -> None:
    clock = Settable(datetime(2026, 1, 1, tzinfo=UTC))
    right = clock.now
    with EmbeddedLedger(tmp_path / "moved", final_depth=0, clock=clock.seconds) as ledger:
        index = index_of(ledger.log_id)
        with LogReader(ledger, index, clock=clock) as reader:
            clock.now = right + timedelta(days=3_652)
            append(ledger, create(DEVICE))
            assert reader.resolve(DEVICE.short).as_of == clock.now
            clock.now = right
            if grows:
                append(ledger, create(STRANGER))
            resolution = reader.resolve(DEVICE.short)
            assert resolution.as_of == right
            assert resolution.registration is Registration.YES


@pytest.mark.parametrize("ahead", [1, 61, 600])
def test_what_may_be_decided_by_guards_against_what_is_older(
    tmp_path: Path, index_of: Callable[[bytes], Index], ahead: int
) -> None:
    clock = Settable(datetime(2026, 1, 1, tzinfo=UTC))
    with EmbeddedLedger(tmp_path / "ahead", final_depth=3, clock=clock.seconds) as ledger:
        append(ledger, create(DEVICE))
        old = ledger.heads()
        clock.now += timedelta(seconds=ahead)
        append(ledger, create(STRANGER))
        new = ledger.heads()
        clock.now -= timedelta(seconds=ahead)
        source = Answering(ledger, [new, *[old] * 9])
        with LogReader(source, index_of(ledger.log_id), clock=clock) as reader:
            assert reader.sync() == new
            assert refusal(reader).code == "ledger_behind"


def test_what_was_final_stays_so_though_its_head_was_of_the_future(
    tmp_path: Path, index_of: Callable[[bytes], Index]
) -> None:
    clock = Settable(datetime(2026, 1, 1, tzinfo=UTC))
    with EmbeddedLedger(tmp_path / "moved", final_depth=0, clock=clock.seconds) as ledger:
        old = ledger.heads()
        append(ledger, create(DEVICE))
        new = ledger.heads()
        clock.now -= timedelta(days=2)
        source = Answering(ledger, [new, *[old] * 9])
        with LogReader(source, index_of(ledger.log_id), clock=clock) as reader:
            assert reader.sync() == new
            assert refusal(reader).code == "ledger_rollback"


class Tickets:
    """Numbers in rising order, and a way to wait until one is drawn."""

    def __init__(self) -> None:
        self._numbers = count()
        self.drawn = threading.Semaphore(0)

    def __next__(self) -> int:
        number = next(self._numbers)
        self.drawn.release()
        return number


def test_threads_that_ask_at_once_share_a_sync(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    append(ledger, create(DEVICE))
    arrived, go_on = threading.Event(), threading.Event()
    tickets = Tickets()
    reader._tickets = tickets  # type: ignore[assignment] # counts, as what it replaces

    def hold() -> None:
        arrived.set()
        assert go_on.wait(10)

    source.before_heads = hold
    found: list[Registration] = []
    threads = [
        threading.Thread(target=lambda: found.append(reader.resolve(DEVICE.short).registration))
        for _ in range(8)
    ]
    threads[0].start()
    assert arrived.wait(10)
    for thread in threads[1:]:
        thread.start()
    for _ in range(9):  # each of the eight has asked, and the first has begun
        assert tickets.drawn.acquire(timeout=10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == [Registration.YES] * 8
    # One that was under way, and one for all that came while it was.
    assert source.asked.count("heads") == 2


def test_threads_share_a_failure_too_and_the_next_sync_is_free_of_it(
    reader: LogReader, source: Observed
) -> None:
    def fail() -> None:
        raise Unavailable("gone", "it is gone", retry_after=3)

    source.before_heads = fail
    error = refusal(reader)
    assert (type(error), error.code, error.retry_after) == (Undecided, "ledger_unreachable", 3)
    source.before_heads = lambda: None
    assert reader.sync().latest.sequence == 0


PROCESS = """
from pathlib import Path
from actors import DEVICE
from ledger.network import load_network, open_reader
network = load_network(Path(sys.argv[1]))
for _ in range(5):
    with open_reader(network, Path(sys.argv[2])) as reader:
        assert reader.resolve(DEVICE.short).versions
"""


def test_processes_share_an_index(ledger: EmbeddedLedger, tmp_path: Path) -> None:
    append(ledger, create(DEVICE))
    ledger.mine(3)
    with fronted(ledger) as front:
        network = Network(ledger.pin, front.url)
        write_network(tmp_path / "network.toml", network)
        processes = [
            start(PROCESS, tmp_path / "network.toml", tmp_path / "shared.sqlite") for _ in range(3)
        ]
        number = 0
        while any(process.poll() is None for process in processes) and number < 500:
            append(ledger, create(actor(str(number))))
            number += 1
            if number % 40 == 0:
                ledger.reorg(2)
        assert [process.wait(60) for process in processes] == [0, 0, 0]
        with (
            open_reader(network, tmp_path / "shared.sqlite") as shared,
            open_reader(network) as fresh,
        ):
            assert shared.sync().latest.head == fresh.sync().latest.head
            for id_ in (actor(str(name)).did.id for name in range(number)):
                assert shared.state(id_) == fresh.state(id_)


SYNC = """
from pathlib import Path
from ledger.index import Writer
from ledger.network import load_network, open_reader
network = load_network(Path(sys.argv[1]))
if sys.argv[3] == "inside":
    Writer.set_heads = lambda *_: die()
with open_reader(network, Path(sys.argv[2])) as reader:
    reader.sync()
    die()
"""


@pytest.mark.parametrize("place", ["inside", "after"])
def test_a_reader_that_is_killed_goes_on(
    ledger: EmbeddedLedger, tmp_path: Path, place: str
) -> None:
    append(ledger, create(DEVICE))
    append(ledger, create(STRANGER))
    with fronted(ledger) as front:
        network = Network(ledger.pin, front.url)
        write_network(tmp_path / "network.toml", network)
        path = tmp_path / "kept.sqlite"
        run_until_killed(SYNC, tmp_path / "network.toml", path, place)
        with Index.open(path, ledger.log_id) as index, index.reading() as view:
            assert view.head_at(2) == (None if place == "inside" else ledger.heads().latest.head)
        front.asked.clear()
        with open_reader(network, path) as reader:
            assert reader.resolve(STRANGER.short).registration is Registration.YES
        assert any("entries" in asked for asked in front.asked) is (place == "inside")


# ---------------------------------------------------------------- what fails


def test_a_server_that_is_down_is_undecided(ledger: EmbeddedLedger, tmp_path: Path) -> None:
    append(ledger, create(DEVICE))
    with fronted(ledger) as front:
        network = Network(ledger.pin, front.url)
        with open_reader(network, tmp_path / "kept.sqlite") as reader:
            reader.sync()
    with open_reader(network, tmp_path / "kept.sqlite") as reader:
        error = refusal(reader)
        assert (type(error), error.code) == (Undecided, "ledger_unreachable")
        assert error.hint
        assert error.retry_after
        # A did:key needs no ledger.
        known = reader.resolve(DEVICE.key_did).registration
        assert known is Registration.NOT_APPLICABLE


def test_entries_that_do_not_come_are_undecided(
    ledger: EmbeddedLedger, reader: LogReader, source: Observed
) -> None:
    append(ledger, create(DEVICE))

    def fail() -> None:
        raise Unavailable("ledger_entry_missing", "the node does not give it")

    source.before_entries = fail
    error = refusal(reader)
    assert (type(error), error.code) == (Undecided, "ledger_entry_missing")
    source.before_entries = lambda: None
    assert reader.resolve(DEVICE.short).registration is Registration.YES


def test_an_index_that_cannot_be_used_is_undecided(
    ledger: EmbeddedLedger, reader: LogReader, tmp_path: Path
) -> None:
    append(ledger, create(DEVICE))
    reader.sync()
    reader._index._engine.dispose()
    path = tmp_path / "index.sqlite"
    kept = path.read_bytes()
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.write_bytes(b"damaged " * 2_000)
    error = refusal(reader)
    assert (type(error), error.code) == (Undecided, "store_corrupt")
    reader._index._engine.dispose()
    path.write_bytes(kept)
    assert reader.resolve(DEVICE.short).registration is Registration.YES


def test_closing_a_reader_closes_what_it_reads_from(ledger: EmbeddedLedger) -> None:
    closed: list[bool] = []
    index = Index.temporary(ledger.log_id)
    with LogReader(ledger, index, on_close=lambda: closed.append(True)):
        assert closed == []
    assert closed == [True]
