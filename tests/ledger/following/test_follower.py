"""The follower: what it tells of heads, reorganisations and failures, and when it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest
from actors import actor
from mirrors import sequences
from operations import batch, create

from did.errors import Invalid, KeybornError, Unavailable, Undecided
from ledger.chain import LogEntry
from ledger.contradiction import Contradiction, same_content
from ledger.embedded.store import EmbeddedLedger
from ledger.following.follower import (
    Alarm,
    Event,
    Failing,
    Follower,
    Interrupted,
    Moved,
    News,
    Recovered,
    Reorganised,
    follow,
    follow_once,
)
from ledger.following.progress import MUCH, Bars, WatchedLog
from ledger.following.report import event_json, event_text
from ledger.index import Index
from ledger.log import Heads
from ledger.mirror.folder import read_extent
from ledger.mirror.form import path_of
from ledger.mirror.keeping import MirroredLog
from ledger.reader import LogReader


@dataclass
class Shown:
    """A ledger as somebody shows it, who may fail."""

    ledger: EmbeddedLedger
    failure: KeybornError | None = None
    asked: list[int] = field(default_factory=list)
    broken: KeybornError | None = None  # instead of entries

    @property
    def log_id(self) -> bytes:
        return self.ledger.log_id

    def heads(self) -> Heads:
        if self.failure is not None:
            raise self.failure
        return self.ledger.heads()

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        if self.broken is not None:
            raise self.broken
        for entry in self.ledger.entries(start, stop):
            self.asked.append(entry.sequence)
            yield entry

    def honest(self, ask: Callable[[], Heads]) -> Callable[[], Heads]:
        """What is asked by this is answered, broken or not."""

        def asked() -> Heads:
            before, self.broken = self.broken, None
            try:
                return ask()
            finally:
                self.broken = before

        return asked


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[EmbeddedLedger]:
    with EmbeddedLedger(tmp_path / "ledger", final_depth=3, safe_depth=1) as made:
        yield made


@pytest.fixture
def shown(ledger: EmbeddedLedger) -> Shown:
    return Shown(ledger)


@contextmanager
def following(shown: Shown, index: Path) -> Iterator[Follower]:
    written = Index.open(index, shown.log_id)
    with LogReader(shown, written) as reader:
        yield Follower(reader, written)


@pytest.fixture
def follower(shown: Shown, tmp_path: Path) -> Iterator[Follower]:
    with following(shown, tmp_path / "index") as made:
        yield made


def append(ledger: EmbeddedLedger, *names: str) -> None:
    for name in names:
        ledger.submit(ledger.prepare(batch(create(actor(name)))))


def moved_to(follower: Follower, ledger: EmbeddedLedger) -> bool:
    """Whether the next step tells of the ledger's heads alone; their time goes on meanwhile."""
    (event,) = follower.step()
    return isinstance(event, Moved) and same_content(event.heads, ledger.heads())


def test_it_tells_when_a_head_has_moved_and_at_no_other_time(
    ledger: EmbeddedLedger, follower: Follower
) -> None:
    assert follower.standing() == []
    assert moved_to(follower, ledger)
    assert follower.step() == []
    append(ledger, "a")
    assert moved_to(follower, ledger)
    for _ in range(3):
        ledger.mine()
        (moved,) = follower.step() or [None]
        if moved is None:  # a block that makes nothing safe or final
            continue
        assert isinstance(moved, Moved)
    assert follower.step() == []
    (standing,) = follower.standing()
    assert isinstance(standing, Moved)
    assert standing.heads.finalized.sequence == 1


@pytest.mark.parametrize("restarted", ["running", "restarted"])
@pytest.mark.parametrize(("depth", "again"), [(1, 0), (2, 1), (3, 4), (1, 1)])
def test_it_tells_from_where_to_where_it_rolled_back(
    shown: Shown, tmp_path: Path, depth: int, again: int, restarted: str
) -> None:
    append(shown.ledger, *"abcde")
    before = shown.ledger.heads()
    with following(shown, tmp_path / "index") as follower:
        follower.step()
        shown.ledger.reorg(depth)
        append(shown.ledger, *"xyzt"[:again])
        events = follower.step() if restarted == "running" else []
    with following(shown, tmp_path / "index") as follower:
        events += follower.step()
        now = shown.ledger.heads()
        rolled, moved = events
        assert isinstance(rolled, Reorganised)
        assert (rolled.left.head, rolled.common) == (before.latest.head, 5 - depth)
        assert rolled.found.head == now.latest.head
        assert isinstance(moved, Moved)
        append(shown.ledger, "later")
        assert [type(event) for event in follower.step()] == [Moved]


class Script:
    """Steps that do as a test says, one after the other; the last one ends it."""

    def __init__(self, *does: KeybornError | list[Event]) -> None:
        self.does = list(does)
        self.news = News()
        self.said: list[Event] = []
        self.waits: list[float] = []
        self.news.wait = self.waits.append  # type: ignore[method-assign]

    def step(self) -> list[Event]:
        now = self.does.pop(0)
        if not self.does:
            self.news.stop()
        if isinstance(now, KeybornError):
            raise now
        return now

    def run(self) -> list[str]:
        follow(self.step, self.news, self.said.append, patience=lambda: 4.0)
        return [type(event).__name__ for event in self.said]


def gone() -> Undecided:
    return Undecided("ledger_unreachable", "it is gone", hint="wait")


def test_a_failure_is_told_once_and_tried_ever_less_often() -> None:
    script = Script(gone(), gone(), gone(), [], gone(), Undecided("store_busy", "busy"), gone(), [])
    assert script.run() == ["Failing", "Recovered", "Failing", "Failing", "Recovered"]
    assert script.waits == [1, 2, 4, 4, 1, 2, 4, 4]


def test_it_waits_as_long_as_it_is_asked_to_and_no_longer_than_a_minute() -> None:
    patient = Undecided("ledger_unreachable", "busy", retry_after=30)
    script = Script(patient, *(gone() for _ in range(8)), [])
    script.run()
    assert script.waits == [30, 2, 4, 8, 16, 32, 60, 60, 60, 4]


def test_what_is_wrong_from_the_beginning_is_not_waited_for() -> None:
    with pytest.raises(Invalid) as caught:
        Script(Invalid("ledger_wrong_chain", "another chain"), []).run()
    assert caught.value.code == "ledger_wrong_chain"
    later = Script([], Invalid("ledger_wrong_chain", "another chain"), [])
    assert later.run() == ["Failing", "Recovered"]


def test_an_alarm_ends_it_with_the_evidence(shown: Shown, follower: Follower) -> None:
    append(shown.ledger, *"abcde")
    follower.step()
    shown.ledger.unsafe_reorg(5)
    append(shown.ledger, *"vwxyz")
    said: list[Event] = []
    for run in (
        lambda: follow(follower.step, News(), said.append, patience=lambda: 0),
        lambda: follow_once(follower, said.append),
    ):
        with pytest.raises(Contradiction) as caught:
            run()
        assert caught.value.code == "ledger_fork"
        (alarm,) = said
        assert isinstance(alarm, Alarm)
        assert alarm.error.finding.alarm
        said.clear()


def test_an_interruption_in_the_middle_leaves_nothing_half_done(
    shown: Shown, tmp_path: Path
) -> None:
    append(shown.ledger, *"abcde")
    news = News()
    watched = WatchedLog(shown, "replay", Bars(), news)
    assert watched.log_id == shown.log_id
    written = Index.open(tmp_path / "index", shown.log_id)
    with LogReader(watched, written) as reader:
        follower = Follower(reader, written)
        shown.asked = _Stopping(news, at=3)
        follow(follower.step, news, lambda _: None, patience=lambda: 0)
        assert follower.standing() == []
        with pytest.raises(KeyboardInterrupt):
            follow_once(follower, lambda _: None)
        news.stopping, shown.asked = False, []
        assert len(follower.step()) == 1


class _Stopping(list[int]):
    """Has the follower stop when the ``at``-th entry is asked for."""

    def __init__(self, news: News, at: int) -> None:
        super().__init__()
        self._news = news
        self._at = at

    def append(self, sequence: int) -> None:
        super().append(sequence)
        if sequence == self._at:
            self._news.stop()


def test_a_damaged_mirror_is_mended_on_the_way(shown: Shown, tmp_path: Path) -> None:
    append(shown.ledger, *"abcdef")
    mirror = tmp_path / "mirror"
    for number, damage in enumerate((None, b"", None)):
        if damage is not None:
            (mirror / path_of(1)).write_bytes(damage)
        with MirroredLog(shown, mirror) as kept:
            written = Index.open(tmp_path / f"index-{number}", shown.log_id)
            with LogReader(kept, written) as reader:
                assert len(Follower(reader, written, mirror=kept).step()) == 1
    assert sequences(mirror) == [1, 2, 3, 4, 5, 6]
    assert shown.asked.count(1) == 2


def test_a_mirror_is_kept_beside_an_index_that_needs_nothing(shown: Shown, tmp_path: Path) -> None:
    """Regression: it was filled, and its final part named, only when the reader asked for more."""
    append(shown.ledger, *"abcdef")
    mirror = tmp_path / "mirror"
    with following(shown, tmp_path / "index") as alone:
        alone.step()
    with MirroredLog(shown, mirror) as kept:
        written = Index.open(tmp_path / "index", shown.log_id)
        with LogReader(kept, written) as reader:
            follower = Follower(reader, written, mirror=kept)
            assert follower.step() == []
            assert sequences(mirror) == [1, 2, 3, 4, 5, 6]
            assert final(mirror) == 3
            shown.ledger.mine(3)
            assert len(follower.step()) == 1
            assert final(mirror) == 6


def final(mirror: Path) -> int:
    extent = read_extent(mirror)
    assert extent is not None
    return extent.sequence


def test_a_mirror_that_cannot_be_kept_is_told_and_hides_nothing(
    shown: Shown, tmp_path: Path
) -> None:
    append(shown.ledger, *"abc")
    with MirroredLog(shown, tmp_path / "mirror") as kept:
        written = Index.open(tmp_path / "index", shown.log_id)
        with LogReader(shown, written) as reader:  # which asks the log itself
            follower = Follower(reader, written, mirror=kept)
            kept.heads()
            shown.broken = Unavailable("ledger_unreachable", "it is gone")
            reader.sync = shown.honest(reader.sync)  # type: ignore[method-assign]
            assert len(follower.step()) == 1
            with pytest.raises(Unavailable):
                follower.step()
            shown.broken = None
            assert follower.step() == []
    assert sequences(tmp_path / "mirror") == [1, 2, 3]


def test_news_end_the_waiting() -> None:
    news = News()
    for tell in (news.announce, news.stop):
        thread = Thread(target=tell)
        thread.start()
        news.wait(60)  # or this test takes a minute
        thread.join()
    assert news.stopping
    news.announce()
    news.announce()
    news.wait(60)
    news.wait(0)


def test_a_long_reading_shows_and_a_short_one_does_not(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(number) for number in range(MUCH)]
    append(shown.ledger, *names)
    outer = WatchedLog(WatchedLog(shown, "fetch", Bars(), News()), "replay", Bars(), News())
    assert len(list(outer.entries(1, MUCH - 1))) == MUCH - 1
    assert capsys.readouterr().err == ""
    assert len(list(outer.entries(1, MUCH))) == MUCH
    shown_on_stderr = capsys.readouterr()
    assert shown_on_stderr.out == ""
    assert f"{MUCH}/{MUCH}" in shown_on_stderr.err
    assert "fetch" in shown_on_stderr.err
    assert "replay" in shown_on_stderr.err


def test_each_event_is_one_line(shown: Shown, follower: Follower) -> None:
    append(shown.ledger, "a")
    (moved,) = follower.step()
    assert isinstance(moved, Moved)
    heads = moved.heads
    failing = Failing(Unavailable("ledger_unreachable", "gone", hint="wait", value="there"))
    events: list[tuple[Event, str, bool]] = [
        (moved, "latest 1, safe 0, finalized 0", True),
        (Reorganised(heads.latest, 0, heads.safe), "from entry 1 to entry 0, now at entry 0", True),
        (failing, "gone (got 'there') [ledger_unreachable]", False),
        (Recovered(), "again", False),
    ]
    for event, text, is_data in events:
        said, data = event_text(event)
        assert text in said
        assert data is is_data
        assert "\n" not in said + event_json(event)
        assert event_json(event).startswith('{"event":"')
    assert '"value":"\'there\'"' in event_json(failing)


def test_interrupted_is_no_error_of_the_tree() -> None:
    """Or the reader would keep it, and tell it to others who wait for the same sync."""
    assert not issubclass(Interrupted, KeybornError)
