"""An embedded ledger that lies to its readers: each lie is refused for its own reason, nothing of
it is taken over, and the same ledger, telling the truth, is believed."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from actors import DEVICE, STRANGER, actor
from lying import Front, fronted
from operations import Life, batch, create

from did.errors import Invalid, KeybornError, Undecided
from did.keys import SigningKey
from did.multibase import base64url_encode
from did.resolution import Finality, Registration, check_fresh
from ledger.contradiction import Contradiction
from ledger.embedded.heads import EmbeddedPin, Statement, read_evidence, verify_head
from ledger.embedded.source import HttpSource
from ledger.embedded.store import EmbeddedLedger
from ledger.embedded.wire import heads_to_json
from ledger.index import Index
from ledger.index_tables import Finding
from ledger.operations import Operation
from ledger.reader import LogReader

START = 1_700_000_000


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> int:
        return self.time

    def tick(self, seconds: int = 1) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "ledger", clock=clock) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with EmbeddedLedger(tmp_path_factory.mktemp("none")) as nothing, fronted(nothing) as made:
        yield made


@pytest.fixture
def front(server: Front, ledger: EmbeddedLedger) -> Front:
    return front_of(server, ledger)


def front_of(server: Front, ledger: EmbeddedLedger) -> Front:
    server.ledger = ledger
    server.be_honest()
    return server


@pytest.fixture
def reader(front: Front, tmp_path: Path) -> Iterator[LogReader]:
    with reading(front, tmp_path / "index.sqlite") as made:
        yield made


def reading(front: Front, path: Path) -> LogReader:
    source = HttpSource(front.url, front.ledger.pin)
    return LogReader(source, Index.open(path, source.log_id), on_close=source.close)


def append(ledger: EmbeddedLedger, *operations: Operation) -> None:
    ledger.submit(ledger.prepare(batch(*operations)))


def append_some(ledger: EmbeddedLedger, clock: Clock, *names: str) -> None:
    """One entry for each name, ten seconds apart."""
    for name in names:
        clock.tick(10)
        append(ledger, create(actor(name)))


def refusal(reader: LogReader) -> KeybornError:
    """Why a sync is refused; and the index is as it was."""
    index = reader._index
    with index.reading() as view:
        before = view.heads(), view.head_at(1), view.states([DEVICE.did.id])
    with pytest.raises(KeybornError) as caught:
        reader.sync()
    with index.reading() as view:
        assert (view.heads(), view.head_at(1), view.states([DEVICE.did.id])) == before
    assert caught.value.step
    assert caught.value.hint
    with pytest.raises(KeybornError) as again:
        reader.resolve(DEVICE.short)
    assert again.value.code == caught.value.code
    return caught.value


def findings(reader: LogReader) -> tuple[Finding, ...]:
    with reader._index.reading() as view:
        return view.findings()


# ---------------------------------------------------------------- entries


def entries_of(change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    return lambda answer: {"entries": change(answer["entries"])}


def drop_and_renumber(entries: list[Any]) -> list[Any]:
    """One less, and the gap closed; and no more than that when asked for the rest."""
    if len(entries) == 1:
        return []
    return [entries[0], *({**e, "sequence": e["sequence"] - 1} for e in entries[2:])]


def swap(*names: str) -> Callable[[list[Any]], list[Any]]:
    """Exchange these members of the first and the last entry; all of them if none is named."""

    def swapped(entries: list[Any]) -> list[Any]:
        first, last = dict(entries[0]), dict(entries[-1])
        for name in names or entries[0]:
            first[name], last[name] = entries[-1][name], entries[0][name]
        return [first, *entries[1:-1], last]

    return swapped


def alter(**changes: Any) -> Callable[[list[Any]], list[Any]]:
    """Put these in the place of what the second entry has; a number is added to it."""

    def altered(entries: list[Any]) -> list[Any]:
        changed = {
            name: entries[1][name] + value if isinstance(value, int) else value
            for name, value in changes.items()
        }
        return [entries[0], {**entries[1], **changed}, *entries[2:]]

    return altered


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        pytest.param(lambda es: es[1:], "ledger_entry_missing", id="drops the first"),
        pytest.param(lambda es: [es[0], *es[2:]], "ledger_entry_missing", id="drops the second"),
        pytest.param(lambda es: es[:-1], "ledger_entry_missing", id="drops the last"),
        pytest.param(drop_and_renumber, "ledger_entry_missing", id="drops and renumbers"),
        pytest.param(lambda _: [], "ledger_entry_missing", id="drops all"),
        pytest.param(
            alter(batch=base64url_encode(batch(create(STRANGER)))),
            "ledger_entry_altered",
            id="alters a batch",
        ),
        pytest.param(alter(batch=""), "ledger_entry_altered", id="empties a batch"),
        pytest.param(alter(kind=1), "ledger_entry_altered", id="alters the kind"),
        pytest.param(alter(blockTime=-5), "ledger_entry_altered", id="backdates"),
        pytest.param(alter(blockNumber=1), "ledger_entry_altered", id="moves to another block"),
        pytest.param(swap("batch"), "ledger_entry_altered", id="exchanges the content of two"),
        pytest.param(lambda es: es[::-1], "ledger_entries_reordered", id="reverses"),
        pytest.param(swap(), "ledger_entries_reordered", id="exchanges two"),
        pytest.param(
            swap("batch", "blockNumber", "blockTime"),
            "ledger_entries_reordered",
            id="exchanges and renumbers two",
        ),
        pytest.param(
            lambda es: [es[0], es[0], *es[2:]], "ledger_entries_reordered", id="repeats one"
        ),
        pytest.param(
            lambda es: [*es, {**es[-1], "sequence": es[-1]["sequence"] + 1}],
            "ledger_malformed_answer",
            id="adds one that nobody asked for",
        ),
    ],
)
@pytest.mark.parametrize("known", [False, True], ids=["to a new reader", "to one that knows some"])
def test_entries_that_do_not_lead_to_the_head(  # noqa: PLR0917 - pytest fills them by name
    ledger: EmbeddedLedger,
    front: Front,
    reader: LogReader,
    clock: Clock,
    lie: Callable[[list[Any]], list[Any]],
    reason: str,
    known: bool,  # noqa: FBT001 - as above
) -> None:
    append(ledger, create(DEVICE))
    if known:
        reader.sync()
    append_some(ledger, clock, "a", "b", "c", "d")
    front.entries = entries_of(lie)
    error = refusal(reader)
    assert (type(error), error.code) == (Invalid, reason)
    assert findings(reader) == ()
    front.be_honest()
    for who in (DEVICE, actor("a"), actor("d")):
        assert reader.resolve(who.short).registration is Registration.YES


# ---------------------------------------------------------------- heads


def forge(**changes: Any) -> Callable[[Any], Any]:
    """Change what the heads say, and leave the signatures."""
    return lambda answer: {
        name: {**head, **changes} if isinstance(head, dict) else head
        for name, head in answer.items()
    }


def signed_anew(key: SigningKey, log_id: bytes) -> Callable[[Any], Any]:
    """The same heads, signed by another key."""

    def sign(answer: Any) -> Any:
        signed = dict(answer)
        for finality in Finality:
            head = answer[finality]
            statement = Statement(
                log_id, finality, head["sequence"], bytes.fromhex(head["head"]), head["time"]
            )
            signature = base64url_encode(key.sign(statement.to_bytes()))
            signed[finality.value] = {**head, "signature": signature}
        return signed

    return sign


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(forge(sequence=1), id="fewer entries"),
        pytest.param(forge(sequence=3), id="more entries"),
        pytest.param(forge(head="00" * 32), id="another head"),
        pytest.param(forge(time=START + 1000), id="a later time"),
        pytest.param(forge(signature=base64url_encode(bytes(64))), id="no signature"),
        pytest.param(
            lambda answer: {**answer, "finalized": answer["latest"]}, id="the latest as final"
        ),
    ],
)
def test_heads_that_the_ledger_did_not_sign(
    ledger: EmbeddedLedger, front: Front, reader: LogReader, clock: Clock, lie: Any
) -> None:
    append(ledger, create(DEVICE))
    append_some(ledger, clock, "a")
    front.heads = lie
    error = refusal(reader)
    assert (type(error), error.code) == (Invalid, "ledger_forged_head")
    front.be_honest()
    assert reader.resolve(DEVICE.short).registration is Registration.YES


def test_heads_that_another_key_signed(
    ledger: EmbeddedLedger, front: Front, reader: LogReader
) -> None:
    append(ledger, create(DEVICE))
    front.heads = signed_anew(STRANGER.key, ledger.log_id)
    assert refusal(reader).code == "ledger_forged_head"
    own_key = SigningKey((ledger.directory / "head.key").read_bytes())
    front.heads = signed_anew(own_key, ledger.log_id)
    assert reader.resolve(DEVICE.short).registration is Registration.YES


def test_an_empty_log_whose_head_is_not_its_name(
    ledger: EmbeddedLedger, front: Front, reader: LogReader
) -> None:
    own_key = SigningKey((ledger.directory / "head.key").read_bytes())
    sign = signed_anew(own_key, ledger.log_id)
    front.heads = lambda answer: sign(forge(head="00" * 32)(answer))
    assert refusal(reader).code == "ledger_forged_head"
    front.be_honest()
    assert reader.sync().latest.sequence == 0


def test_another_log_at_the_address(
    ledger: EmbeddedLedger, front: Front, reader: LogReader, tmp_path: Path
) -> None:
    append(ledger, create(DEVICE))
    with EmbeddedLedger(tmp_path / "other") as other:
        append(other, create(DEVICE))
        front.ledger = other
        error = refusal(reader)
        assert (type(error), error.code) == (Invalid, "ledger_wrong_log")
        front.ledger = ledger
        assert reader.resolve(DEVICE.short).registration is Registration.YES


def test_the_log_id_alone_does_not_make_it_the_log(
    ledger: EmbeddedLedger, front: Front, reader: LogReader
) -> None:
    """The pin's key with another log id, and the pin's log id with another key."""
    append(ledger, create(DEVICE))
    front.heads = lambda answer: {**answer, "logId": "00" * 32}
    assert refusal(reader).code == "ledger_wrong_log"
    front.be_honest()
    wrong_key = EmbeddedPin(ledger.log_id, STRANGER.key.public_key())
    with HttpSource(front.url, wrong_key) as source, pytest.raises(Invalid) as caught:
        source.heads()
    assert caught.value.code == "ledger_forged_head"
    assert reader.resolve(DEVICE.short).registration is Registration.YES


# ---------------------------------------------------------------- time and history


def test_a_ledger_that_repeats_an_old_answer_shows_its_age(
    ledger: EmbeddedLedger, front: Front, reader: LogReader, clock: Clock
) -> None:
    """It withholds the newest: what it says is true, and old."""
    device = Life(DEVICE, ledger.log_id)
    append(ledger, device.create())
    old = recorded(ledger)
    front.heads = lambda _: old
    clock.tick(1000)
    append(ledger, device.rotate())
    resolution = reader.resolve(DEVICE.short)
    assert len(resolution.versions) == 1
    now, age = datetime.fromtimestamp(clock(), UTC), timedelta(seconds=60)
    with pytest.raises(Undecided) as caught:
        check_fresh(resolution, at=now, max_age=age, step="test")
    assert caught.value.code == "ledger_stale"
    front.be_honest()
    resolution = reader.resolve(DEVICE.short)
    check_fresh(resolution, at=now, max_age=age, step="test")
    assert len(resolution.versions) == 2


def recorded(ledger: EmbeddedLedger) -> Any:
    return heads_to_json(ledger.log_id, ledger.heads())


def test_a_ledger_that_takes_back_what_was_final(
    ledger: EmbeddedLedger, front: Front, reader: LogReader, clock: Clock
) -> None:
    device = Life(DEVICE, ledger.log_id)
    append(ledger, device.create())
    before, old = ledger.heads(), recorded(ledger)
    clock.tick()
    append(ledger, device.rotate())
    seen = reader.sync()

    front.heads = lambda _: old
    error = refusal(reader)
    assert isinstance(error, Contradiction)
    assert error.code == "ledger_rollback"
    assert (error.finding.seen, error.finding.shown) == (seen.finalized, before.finalized)
    assert findings(reader) == (error.finding,)
    for head in (error.finding.seen, error.finding.shown):
        assert head.head.hex() in error.message
        assert verify_head(ledger.pin, head.evidence) == head  # evidence for anybody

    front.be_honest()
    assert len(reader.resolve(DEVICE.short).versions) == 2
    assert findings(reader) == (error.finding,)


def copied(ledger: EmbeddedLedger, clock: Clock, place: Path) -> EmbeddedLedger:
    """A second ledger that goes on from where this one is, with its key."""
    shutil.copytree(ledger.directory, place)
    return EmbeddedLedger(place, clock=clock)


@pytest.mark.parametrize("length", [0, 1, 2], ids=["shorter", "as long", "longer"])
def test_a_ledger_that_shows_another_past_stops_its_reader(  # noqa: PLR0917 - as above
    ledger: EmbeddedLedger,
    front: Front,
    reader: LogReader,
    clock: Clock,
    tmp_path: Path,
    length: int,
) -> None:
    device = Life(DEVICE, ledger.log_id)
    append(ledger, device.create())
    with copied(ledger, clock, tmp_path / "copy") as fork:
        append_some(ledger, clock, "a", "b")
        append(ledger, device.rotate())
        seen = reader.sync()
        append_some(fork, clock, *("xyzuv"[: length + 2]))
        front.ledger = fork
        error = refusal(reader)
        assert isinstance(error, Contradiction)
        assert error.code == "ledger_fork"
        assert error.finding.seen == seen.finalized
        assert error.finding.shown.head != seen.finalized.head
        for head in (error.finding.seen, error.finding.shown):
            assert verify_head(ledger.pin, head.evidence) == head

        # It stays stopped, whatever it is shown, and over a restart.
        front.ledger = ledger
        assert refusal(reader).code == "ledger_fork"
        with reading(front, tmp_path / "index.sqlite") as again:
            stopped = refusal(again)
            assert isinstance(stopped, Contradiction)
            assert stopped.finding == error.finding
            assert findings(again) == (error.finding,)

    # An operator who moves the index away starts over; a reader that saw nothing else believes it.
    with reading(front, tmp_path / "new.sqlite") as new:
        assert len(new.resolve(DEVICE.short).versions) == 2


def test_a_ledger_whose_heads_are_of_two_chains(
    ledger: EmbeddedLedger, front: Front, reader: LogReader, clock: Clock, tmp_path: Path
) -> None:
    append(ledger, create(DEVICE))
    reader.sync()
    with copied(ledger, clock, tmp_path / "copy") as fork:
        append_some(ledger, clock, "a", "b")
        append_some(fork, clock, "x")
        other = recorded(fork)
    front.heads = lambda answer: {**answer, "finalized": other["finalized"]}
    error = refusal(reader)
    assert isinstance(error, Contradiction)
    assert error.code == "ledger_heads_contradict"
    assert findings(reader) == (error.finding,)
    front.be_honest()
    assert reader.resolve(actor("b").short).registration is Registration.YES


def test_a_final_head_beyond_the_latest(
    ledger: EmbeddedLedger, front: Front, reader: LogReader, clock: Clock
) -> None:
    append(ledger, create(DEVICE))
    old = recorded(ledger)
    append_some(ledger, clock, "a")
    front.heads = lambda answer: {**answer, "latest": old["latest"]}
    assert refusal(reader).code == "ledger_heads_contradict"
    front.be_honest()
    assert reader.resolve(actor("a").short).registration is Registration.YES


def test_an_old_answer_does_not_hide_what_is_not_final_yet(
    server: Front, tmp_path: Path, clock: Clock
) -> None:
    """A thief whose key is being rotated away repeats what the ledger signed before."""
    with (
        EmbeddedLedger(tmp_path / "slow", final_depth=5, clock=clock) as ledger,
        reading(front_of(server, ledger), tmp_path / "index.sqlite") as reader,
    ):
        device = Life(DEVICE, ledger.log_id)
        append(ledger, device.create())
        old = recorded(ledger)
        clock.tick()
        append(ledger, device.rotate())
        assert len(reader.resolve(DEVICE.short).versions) == 2
        server.heads = lambda _: old
        error = refusal(reader)
        assert (type(error), error.code) == (Undecided, "ledger_behind")
        assert error.retry_after
        # A true reorganisation has a later time, and is followed.
        server.be_honest()
        clock.tick()
        ledger.reorg(1)
        assert len(reader.resolve(DEVICE.short).versions) == 1


def test_a_reorganisation_below_what_was_final_stops_the_reader(
    server: Front, tmp_path: Path, clock: Clock
) -> None:
    with (
        EmbeddedLedger(tmp_path / "slow", final_depth=1, clock=clock) as ledger,
        reading(front_of(server, ledger), tmp_path / "index.sqlite") as reader,
    ):
        append_some(ledger, clock, "a", "b", "c")
        assert reader.sync().finalized.sequence == 2
        ledger.reorg(1)  # above it: followed
        clock.tick()
        assert reader.sync().latest.sequence == 2
        append_some(ledger, clock, "d")
        reader.sync()
        clock.tick()
        ledger.unsafe_reorg(2)
        append_some(ledger, clock, "x", "y", "z")
        error = refusal(reader)
        assert isinstance(error, Contradiction)
        assert error.code == "ledger_fork"
        with reading(server, tmp_path / "new.sqlite") as new:
            assert new.resolve(actor("z").short).registration is Registration.YES


@pytest.mark.parametrize("time", [253_402_300_800, 2**53 - 1])
def test_a_ledger_that_states_a_time_beyond_the_calendar(
    tmp_path: Path, server: Front, clock: Clock, time: int
) -> None:
    """Its own key signs it; it must not bring its readers down."""
    with (
        EmbeddedLedger(tmp_path / "mad", clock=clock) as ledger,
        reading(front_of(server, ledger), tmp_path / "index.sqlite") as reader,
    ):
        append(ledger, create(DEVICE))
        assert reader.resolve(DEVICE.short).registration is Registration.YES
        clock.time = time
        error = refused(reader)
        assert (type(error), error.code) == (Invalid, "ledger_malformed_answer")
        append(ledger, create(STRANGER))
        clock.time = START + 1_000  # of its heads; its newest block has the other
        error = refused(reader)
        assert (type(error), error.code) == (Invalid, "ledger_malformed_answer")
        ledger.unsafe_reorg(1)
        assert reader.resolve(DEVICE.short).registration is Registration.YES


def refused(reader: LogReader) -> KeybornError:
    with pytest.raises(KeybornError) as caught:
        reader.resolve(DEVICE.short)
    return caught.value


def test_evidence_is_kept_as_it_was_signed(ledger: EmbeddedLedger) -> None:
    append(ledger, create(DEVICE))
    head = ledger.heads().finalized
    statement, signature = read_evidence(head.evidence)
    ledger.pin.head_key.verify(signature, statement.to_bytes())
    assert (statement.sequence, statement.head, statement.time) == (1, head.head, head.time)
