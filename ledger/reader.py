"""A reader of one log: it believes verified heads, replays the entries itself, and resolves DIDs.

Three things can be wrong with what a ledger shows, and each has its own errors:

* it does not answer: ``Undecided`` (``ledger_unreachable``), withholds an entry
  (``ledger_entry_missing``), or answers with something older than what is known
  (``ledger_behind``); or several answer, and it cannot be told which of them to believe;
* its entries are not those that its head commits to: ``Invalid`` (``ledger_entry_missing``,
  ``ledger_entries_reordered``, ``ledger_entry_altered``);
* its heads contradict each other: ``Contradiction``, which is ``Invalid`` and holds both of them
  (``ledger_rollback``, ``ledger_fork``, ``ledger_heads_contradict``). The index keeps them. After
  a fork of what was final the reader stays stopped, whatever it is shown next.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final, Self

from did.errors import Invalid, KeybornError, Unavailable, Undecided
from did.identifier import Did, KeybornDid
from did.resolution import Registration, Resolution, Resolver, Version, resolve_offline
from keyborn.clock import now
from keyborn.faults import FaultPoint
from ledger.chain import LogEntry
from ledger.contradiction import (
    Contradiction,
    compare,
    contradicting,
    fork,
    is_older,
    refuse_alarm,
    same_content,
)
from ledger.index import Index, IndexedVersion, Writer
from ledger.log import Heads, LogSource, SourceWarning
from ledger.replay import head_before, replay
from ledger.state import DidState

_STEP: Final = "read the log"
_RETRY: Final = 5  # seconds, where the source does not say

_ATTEMPTS: Final = 5

_BEFORE_COMMIT: Final = FaultPoint("ledger.sync.before_commit")
_AFTER_COMMIT: Final = FaultPoint("ledger.sync.after_commit")

# What a reorganisation between the question for heads and that for entries looks like, or one
# lagging node of several behind one address: worth asking once more.
_PASSING: Final = frozenset(
    {
        "ledger_behind",
        "ledger_entries_reordered",
        "ledger_entry_altered",
        "ledger_entry_missing",
        "ledger_heads_contradict",
        "ledger_rollback",
    }
)

# What is not merely silence.
_NAMED: Final = frozenset({"ledger_block_unknown", "ledger_entry_missing"})


class LogReader:
    """Resolves the DIDs of one log. Implements ``did.resolution.Resolver``; safe between threads.

    Args:
        source: Where heads and entries come from.
        index: Where to keep what was replayed; closed with the reader.
        on_close: Closes what the source holds open.
        warnings: What the source has to say of itself.
        clock: The time; it tells which times of heads are of the future.

    Raises:
        Invalid: ``index_of_another_log`` where source and index are of two logs.
    """

    def __init__(
        self,
        source: LogSource,
        index: Index,
        *,
        on_close: Callable[[], None] | None = None,
        warnings: Callable[[], tuple[SourceWarning, ...]] = tuple,
        clock: Callable[[], datetime] = now,
    ) -> None:
        index.refuse_other_log(source.log_id)
        self._warnings = warnings
        self._clock = clock
        self._source = source
        self._index = index
        self._on_close = on_close
        self._turn = threading.Lock()
        self._tickets = count()
        self._covered = -1
        self._outcome: Heads | KeybornError | None = None

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the index and of the connection to the source."""
        self._index.close()
        if self._on_close is not None:
            self._on_close()

    @property
    def log_id(self) -> bytes:
        """The 32 bytes that name the log."""
        return self._source.log_id

    def sync(self) -> Heads:
        """Bring the index up to the newest verified heads of the log, which are returned.

        Threads that call while a sync is under way share the one that starts next.

        1. Refuse to go on while an alarm stands.
        2. Ask the source for the heads; it verifies each against the pin.
        3. Hold them against the newest heads known: finalized, safe and latest follow each other
           (``ledger_heads_contradict``); nothing that was final is missing (``ledger_rollback``)
           or different (``ledger_fork``); nothing older replaces something newer
           (``ledger_behind``).
        4. Ask for the entries after the newest one known; where they do not lead to the latest
           head, for those after the newest final one: there was a reorganisation. Find where the
           two chains part, and roll the index back to there.
        5. Recompute the head from the entries (``ledger_entry_missing``,
           ``ledger_entries_reordered``, ``ledger_entry_altered``). It must be the latest one, and
           the safe and the finalized one must lie on the way. Where it is the latest one only
           with another beginning than what was final, that is a ``ledger_fork``.
        6. Apply the operations, and store entries, versions and heads in one transaction.

        What fails in steps 3 to 5 is asked again; it counts where the log has not moved meanwhile.

        What is *not* checked: how old the newest head is. Its time is in each resolution, and
        who decides something decides how old is too old.

        Raises:
            Undecided: ``ledger_unreachable``, ``ledger_entry_missing``, ``ledger_behind``, or the
                index cannot be used (``store_…``); and as the source.
            Contradiction: ``ledger_rollback``, ``ledger_fork``, ``ledger_heads_contradict``.
            Invalid: ``ledger_entry_…``, ``ledger_entries_reordered``, or what the source finds
                wrong with its answers.
        """
        ticket = next(self._tickets)
        with self._turn:
            if self._covered < ticket:
                # Whoever drew a ticket up to here asked before this sync begins.
                covers = next(self._tickets)
                try:
                    self._outcome = self._sync()
                except KeybornError as error:
                    self._outcome = error
                self._covered = covers
            outcome = self._outcome
        assert outcome is not None
        if isinstance(outcome, KeybornError):
            raise outcome
        return outcome

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        """What the log, as of now, says of ``did``; a did:key speaks for itself.

        What the log says wins over what a long form carries.

        Args:
            did: Which DID.
            at: A ``versionId``, or an aware time: the version to select. None: the newest one.

        Raises:
            Refused: ``version_not_found``.
            Invalid: ``method_not_supported``: a did:web.
            KeybornError: As ``sync``.
        """
        if isinstance(did, KeybornDid):
            self.sync()
        return self.known(did, at=at)

    def resolve_all(self, dids: Sequence[KeybornDid]) -> list[Resolution]:
        """What the log, as of one moment from now on, says of each of ``dids``; as ``resolve``."""
        self.sync()
        return self._read(dids)

    def at_hand(self, dids: Collection[Did] = ()) -> Resolver:
        """As ``did.resolution.AtHand``: the log as of one sync, which is made now."""
        self.sync()
        here = list({did: did for did in dids if isinstance(did, KeybornDid)})
        return _Synced(self, dict(zip(here, self._read(here), strict=True)))

    def known(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        """What the log, as of the last sync, says of ``did``; else as ``resolve``."""
        (resolution,) = self._read([did]) if isinstance(did, KeybornDid) else [resolve_offline(did)]
        return resolution if at is None else resolution.at(at)

    def warnings(self) -> tuple[SourceWarning, ...]:
        """What is wrong with one of several places that the log is read from; the others serve."""
        return self._warnings()

    def state(self, id_: bytes) -> DidState | None:
        """The newest state of the DID with this 32-byte id, settled or not, as of the last sync."""
        with _explained(), self._index.reading() as view:
            return view.states([id_]).get(id_)

    def versions(self, id_: bytes) -> tuple[IndexedVersion, ...]:
        """Every version of the DID with this 32-byte id, oldest first, as of the last sync."""
        with _explained(), self._index.reading() as view:
            return view.versions(id_)

    def head_at(self, sequence: int) -> bytes | None:
        """The head after entry ``sequence``, as of the last sync; None where there is none."""
        with _explained(), self._index.reading() as view:
            return view.head_at(sequence)

    def entries(self, start: int, stop: int) -> Iterator[LogEntry]:
        """Entries as the source gives them, anew; who asks recomputes the head.

        Raises:
            KeybornError: As ``EntrySource.entries``.
        """
        return self._source.entries(start, stop)

    def _read(self, dids: Sequence[KeybornDid]) -> list[Resolution]:
        if not dids:
            return []
        with _explained(), self._index.reading() as view:
            heads = view.heads()
            histories = view.histories([did.id for did in dids])
        assert heads is not None
        as_of = datetime.fromtimestamp(heads.latest.time, UTC)
        return [
            Resolution(
                did,
                Registration.YES if histories[did.id] else Registration.NO,
                tuple(_version(version, heads) for version in histories[did.id]),
                self.log_id,
                as_of,
            )
            for did in dids
        ]

    def _sync(self) -> Heads:
        with _explained():
            try:
                heads = self._follow_heads()
            except Contradiction as error:
                with self._index.writing() as writer:
                    writer.record(error.finding)
                raise
        _AFTER_COMMIT.reached()
        return heads

    def _follow_heads(self) -> Heads:
        with self._index.reading() as view:
            refuse_alarm(view)
            seen = view.heads()
        asked = self._source.heads()
        if asked == seen:
            return asked
        overtaken = False
        try:
            with self._index.writing() as writer:
                if writer.heads() == seen:
                    return self._advance(writer, seen, asked)
                overtaken = True  # by another process, since the index was looked at
        except (Invalid, Undecided) as error:
            if error.code not in _PASSING:
                raise
        return self._follow_alone(None if overtaken else asked)

    def _follow_alone(self, asked: Heads | None) -> Heads:
        """Once more, with the index held from before the question until after the answer.

        And again, while the log moves on between two answers. ``asked`` is the answer before.
        """
        more = _ATTEMPTS
        while True:
            more -= 1
            stands = False
            try:
                with self._index.writing() as writer:
                    refuse_alarm(writer)
                    seen, shown = writer.heads(), self._source.heads()
                    stands = not more or (asked is not None and same_content(shown, asked))
                    asked = shown
                    return self._advance(writer, seen, shown, last=stands)
            except (Invalid, Undecided) as error:
                if stands or error.code not in _PASSING:
                    raise

    def _advance(
        self, writer: Writer, seen: Heads | None, shown: Heads, *, last: bool = False
    ) -> Heads:
        """Steps 3 to 6. ``last``: this answer stands, so tell a fork from a lie."""
        moment = self._clock().timestamp()
        compare(writer, seen, shown, now=moment)
        if seen is None:
            replay(writer, self._source, 0, shown.latest)
        elif not same_content(seen, shown):
            self._move(writer, seen, shown, last=last)
        elif shown.latest.time == seen.latest.time or is_older(shown, seen, now=moment):
            return seen
        for head in (shown.safe, shown.finalized):
            if writer.head_at(head.sequence) != head.head:
                raise contradicting(shown.latest, head)
        writer.set_heads(shown)
        _BEFORE_COMMIT.reached()
        return shown

    def _move(self, writer: Writer, seen: Heads, shown: Heads, *, last: bool) -> None:
        """Steps 4 and 5."""
        final, target = seen.finalized, shown.latest
        newest = min(seen.latest.sequence, target.sequence)
        if newest > final.sequence:
            with suppress(Invalid), writer.attempt():
                replay(writer, self._source, newest, target)
                return
        try:
            replay(writer, self._source, final.sequence, target)
        except Invalid:
            if last:
                before = head_before(self._source, final.sequence, target)
                if before not in (None, final.head):
                    raise fork(final, target) from None
            raise


@dataclass(frozen=True, slots=True)
class _Synced:
    """A reader that was just synced, and is not again; each DID is read once."""

    reader: LogReader
    known: dict[Did, Resolution] = field(default_factory=dict)

    def resolve(self, did: Did, *, at: str | datetime | None = None) -> Resolution:
        """As ``LogReader.known``."""
        resolution = self.known.get(did)
        if resolution is None:
            resolution = self.known[did] = self.reader.known(did)
        return resolution if at is None else resolution.at(at)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what does not answer into what is not decided."""
    try:
        yield
    except Unavailable as error:
        own = error.code.startswith(("store_", "mirror_")) or error.code in _NAMED
        code = error.code if own else "ledger_unreachable"
        raise Undecided(
            code,
            f"the log cannot be read: {error.message}",
            step=error.step or _STEP,
            hint=error.hint or "see that the ledger is reachable, then try again",
            value=error.value,
            retry_after=error.retry_after or _RETRY,
        ) from error


def _version(version: IndexedVersion, heads: Heads) -> Version:
    state = version.state
    return Version(
        state.number,
        state.operation,
        state.key,
        version.time,
        version.sequence,
        heads.finality_of(version.sequence),
        version.block_number,
    )
